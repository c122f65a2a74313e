//! Sentences beside the table: how close the fluid level is, costs at equal lateness, and whom the optimum does not bound.

use super::evaluation::{change_number, ends, sorted};
use super::number::{change, percent};
use crate::eval::Summary;
use crate::eval::stats::front::Beside;

/// How far the fluid level, where searches and learning look, is from the runs; nothing when they are of that level.
#[must_use]
pub fn fluid_error(summaries: &[Summary]) -> Option<String> {
    let of = |summary: &Summary, key: &str| summary.fluid.iter().find(|it| it.0 == key).map(|it| it.1);
    let one = |summary: &&Summary| {
        let objective = of(summary, "objective")? / summary.mean("objective");
        let late = percent(of(summary, "slo.violation_rate")?);
        Some(format!("{} {} ({late} % late)", summary.policy, change(objective)))
    };
    let all: Vec<String> = sorted(summaries).iter().filter_map(one).collect();
    (!all.is_empty()).then(|| format!("The fluid level would have the objective of {}.", all.join(", ")))
}

/// What each costs against static HPAs that are late as often, and of whom that is not known; nothing without a front of
/// static HPAs.
#[must_use]
pub fn equally_late(summaries: &[Summary]) -> Option<String> {
    let one = |summary: &&Summary| {
        let it = &summary.cost_at_equal_violations;
        let text = match summary.beside_front? {
            Beside::Within => format!("{} {}", change(it.mean), ends(it, change_number)),
            beside => not_comparable(beside).to_owned(),
        };
        Some(format!("{} {}", summary.policy, text.trim_end()))
    };
    let all: Vec<String> = sorted(summaries).iter().filter_map(one).collect();
    (!all.is_empty()).then(|| format!("Cost against static HPAs that are late as often: {}.", all.join(", ")))
}

/// Why a cost at equal lateness is not known.
pub(super) fn not_comparable(beside: Beside) -> &'static str {
    match beside {
        Beside::Within => "not known",
        Beside::Rarer => "not comparable: late more rarely than every static HPA",
        Beside::Later => "not comparable: later than every static HPA on the front",
    }
}

/// Why those that resize pods have no gap to the optimum; nothing when nobody does.
#[must_use]
pub fn resizing(summaries: &[Summary]) -> Option<String> {
    let all: Vec<&str> = summaries.iter().filter(|it| it.nature.resizes_pods).map(|it| it.policy.as_str()).collect();
    (!all.is_empty()).then(|| {
        format!(
            "The optimum is of pods as they are: it is no bound for what resizes them, of which no gap is known: {}.",
            all.join(", ")
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::Nature;
    use crate::eval::stats::Interval;
    use crate::report::evaluation::tests::{exactly, summary};
    use crate::report::evaluation::verdict;

    #[test]
    fn the_fluid_levels_error_is_told_when_the_runs_are_of_the_other() {
        let plain = summary("tuned", 10.0, 0.01, exactly(200.0));
        assert_eq!(fluid_error(std::slice::from_ref(&plain)), None);
        let fluid = [("objective", 190.0), ("slo.violation_rate", 0.02)].map(|(key, mean)| (key.to_owned(), mean));
        let told = fluid_error(&[Summary { fluid: fluid.into(), ..plain }]);
        assert_eq!(told.as_deref(), Some("The fluid level would have the objective of tuned -5.0 % (2.00 % late)."));
    }

    #[test]
    fn costs_at_equal_lateness_are_told_where_they_are_known() {
        let known = summary("policy", 9.0, 0.01, exactly(190.0));
        let vague = Summary {
            cost_at_equal_violations: Interval { mean: 0.97, ..Interval::UNKNOWN },
            ..summary("vague", 9.0, 0.01, exactly(195.0))
        };
        let beyond = |name: &str, beside| Summary {
            cost_at_equal_violations: Interval::UNKNOWN,
            beside_front: beside,
            ..summary(name, 9.0, 0.0, exactly(200.0))
        };
        let all = [beyond("rare", Some(Beside::Rarer)), beyond("late", Some(Beside::Later)), vague, known];
        assert_eq!(
            equally_late(&all).as_deref(),
            Some(
                "Cost against static HPAs that are late as often: policy -3.0 % [-3.0, -3.0], vague -3.0 %, rare not \
                 comparable: late more rarely than every static HPA, late not comparable: later than every static HPA on \
                 the front."
            )
        );
        assert_eq!(equally_late(&[beyond("policy", None)]), None, "there is no front");
    }

    #[test]
    fn what_resizes_pods_has_no_gap() {
        let policy = Summary {
            nature: Nature { resizes_pods: true, ..Nature::default() },
            gap_closed: Interval::UNKNOWN,
            ..summary("policy", 9.0, 0.008, exactly(0.9))
        };
        let tuned = summary("tuned", 10.0, 0.01, exactly(1.0));
        assert_eq!(resizing(std::slice::from_ref(&tuned)), None);
        assert!(resizing(&[tuned.clone(), policy.clone()]).unwrap().ends_with("no gap is known: policy."));
        assert_eq!(
            verdict(&[tuned, policy], &["policy".to_owned()]),
            "policy beats the tuned static HPA: cost -10.0 %, late requests 0.80 % against 1.00 %."
        );
    }
}
