//! What to do, in one sentence.

use super::evaluation::sorted;
use super::number::{change, percent};
use crate::eval::Summary;
use crate::eval::summary::REFERENCE;

/// The recommendation that follows from a comparison: a policy is recommended only when its objective is below the tuned
/// static HPA's over the whole 95 % interval. `judged` are those the comparison was made for; without any, all that know
/// no future are.
#[must_use]
pub fn decision(summaries: &[Summary], judged: &[String]) -> String {
    let named = |name: &str| summaries.iter().find(|summary| summary.policy == name);
    if named(REFERENCE).is_none() {
        return "There is no tuned static HPA to compare with: nothing is recommended.".to_owned();
    }
    let known = |it: &&Summary| it.policy != REFERENCE && !it.nature.foresees;
    let asked = |it: &&Summary| judged.is_empty() || judged.contains(&it.policy);
    let wins = |it: &&Summary| it.objective_vs_tuned.upper < 1.0;
    let candidates: Vec<&Summary> = sorted(summaries).into_iter().filter(known).filter(asked).collect();
    if let Some(best) = candidates.iter().copied().find(wins) {
        let flattered = match candidates.len() {
            1 => String::new(),
            count => format!(" It is the best of {count} on this very time, which flatters it."),
        };
        return format!(
            "Use {}: its objective is {} against the tuned static HPA (95 %: {} to {}), with {} % of requests late or \
             lost.{flattered}",
            best.policy,
            change(best.objective_vs_tuned.mean),
            change(best.objective_vs_tuned.lower),
            change(best.objective_vs_tuned.upper),
            percent(best.mean("slo.violation_rate")),
        );
    }
    let still = |name: &str| named(name).filter(|it| it.nature.still);
    let in_use = still("current").or_else(|| still("stock-80"));
    let Some(in_use) = in_use else {
        return "Keep the static HPA: nothing is surely better than the tuned one.".to_owned();
    };
    let ratio = &in_use.objective_vs_tuned;
    let name = &in_use.policy;
    if ratio.lower > 1.0 {
        return format!(
            "Keep a static HPA, the tuned one: nothing is surely better, and the objective of {name} is {} against it \
             (95 %: {} to {}).",
            change(ratio.mean),
            change(ratio.lower),
            change(ratio.upper),
        );
    }
    if ratio.upper < 1.0 {
        return format!(
            "Keep {name}: nothing that was judged is surely better than the tuned static HPA, and the objective of {name} is \
             {} against it (95 %: {} to {}).",
            change(ratio.mean),
            change(ratio.lower),
            change(ratio.upper),
        );
    }
    format!(
        "Keep the static HPA: nothing is surely better than the tuned one, and {name} cannot be told apart from it."
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::Nature;
    use crate::eval::stats::Interval;

    fn summary(policy: &str, objective: [f64; 3]) -> Summary {
        let [mean, lower, upper] = objective;
        Summary {
            policy: policy.to_owned(),
            nature: Nature { still: policy == "stock-80", foresees: policy == "oracle", resizes_pods: false },
            runs: 1,
            figures: vec![
                ("objective".to_owned(), Interval::exactly(mean)),
                ("slo.violation_rate".to_owned(), Interval::exactly(0.01)),
            ],
            cost_vs_tuned: Interval::exactly(1.0),
            objective_vs_tuned: Interval { mean, lower, upper },
            gap_closed: Interval::exactly(0.0),
            elastic_speedup: Interval::exactly(1.0),
            cost_at_equal_violations: Interval::exactly(1.0),
            beside_front: None,
            objective_vs_optimum: Interval::exactly(1.2),
            regret: Interval::exactly(1.0),
            slowdown_p99_geomean: Interval::UNKNOWN,
            fluid: Vec::new(),
            standing: None,
            profile: Vec::new(),
        }
    }

    #[test]
    fn only_what_wins_over_its_whole_interval_is_recommended() {
        let tuned = || summary("tuned", [1.0; 3]);
        let learned = ["policy".to_owned()];
        let all = [summary("stock-80", [1.2, 1.1, 1.3]), tuned(), summary("policy", [0.9, 0.85, 0.95])];
        assert_eq!(
            decision(&all, &learned),
            "Use policy: its objective is -10.0 % against the tuned static HPA (95 %: -15.0 % to -5.0 %), with 1.00 % of \
             requests late or lost."
        );
        let several = ["policy".to_owned(), "other".to_owned()];
        let both = [tuned(), summary("policy", [0.9, 0.85, 0.95]), summary("other", [0.91, 0.85, 0.97])];
        assert!(decision(&both, &several).ends_with("It is the best of 2 on this very time, which flatters it."));
        let unsure = [summary("stock-80", [1.2, 1.1, 1.3]), tuned(), summary("policy", [0.9, 0.85, 1.05])];
        assert!(
            decision(&unsure, &learned).starts_with("Keep a static HPA, the tuned one"),
            "{}",
            decision(&unsure, &learned)
        );
        let alike = [summary("stock-80", [1.0, 0.9, 1.1]), tuned()];
        assert!(decision(&alike, &[]).starts_with("Keep the static HPA: nothing is surely better"));
        let better = [summary("stock-80", [0.8, 0.7, 0.9]), tuned(), summary("policy", [1.2, 1.1, 1.3])];
        assert!(decision(&better, &learned).starts_with("Keep stock-80: nothing that was judged"));
        let foreseen = [summary("oracle", [0.5; 3]), tuned()];
        assert!(decision(&foreseen, &[]).starts_with("Keep the static HPA"), "nobody has the future");
        let named = [summary("current", [1.2, 1.1, 1.3]), tuned(), summary("stock-80", [1.0, 0.9, 1.1])];
        assert!(decision(&named, &["current".to_owned()]).ends_with("stock-80 cannot be told apart from it."));
        assert!(decision(&[], &[]).contains("nothing is recommended"));
    }
}
