//! A comparison as a table, and what to do about it in plain words.

use super::number::{change, dollars, fixed, percent, significant};
use super::table::{Align, Table};
use crate::eval::Summary;
use crate::eval::stats::Interval;
use crate::eval::summary::REFERENCE;

/// The policies from the least objective up, one a row. Intervals are of 95 %.
#[must_use]
pub fn table(summaries: &[Summary]) -> Table {
    use Align::{Left, Right};
    let mut table = Table::new(&[
        ("policy", Left),
        ("cost $", Right),
        ("vs tuned", Right),
        ("[95 %]", Left),
        ("late %", Right),
        ("[95 %]", Left),
        ("p99 ms", Right),
        ("replicas", Right),
        ("churn", Right),
        ("cold starts", Right),
        ("θ_U/θ_O %", Right),
        ("objective", Right),
        ("gap closed", Right),
        ("[95 %]", Left),
    ]);
    for summary in sorted(summaries) {
        table.row(row(summary));
    }
    table
}

/// From the least objective up; equal ones in the order they came in.
#[must_use]
pub fn sorted(summaries: &[Summary]) -> Vec<&Summary> {
    let mut order: Vec<&Summary> = summaries.iter().collect();
    order.sort_by(|a, b| a.mean("objective").total_cmp(&b.mean("objective")));
    order
}

fn row(summary: &Summary) -> Vec<String> {
    let mean = |key: &str| summary.mean(key);
    let late = summary.figure("slo.violation_rate");
    let reference = summary.policy == REFERENCE;
    let unless = |text: String| if reference { String::new() } else { text };
    vec![
        summary.policy.clone(),
        dollars(mean("cost.usd")),
        unless(change(summary.cost_vs_tuned.mean)),
        unless(ends(&summary.cost_vs_tuned, change_number)),
        percent(mean("slo.violation_rate")),
        late.map(|late| ends(&late, percent)).unwrap_or_default(),
        fixed(mean("latency_ms.p99"), 0),
        significant(mean("replicas.mean"), 3),
        fixed(mean("scaling.churn"), 0),
        fixed(mean("cold_starts.pods"), 0),
        format!("{}/{}", fixed(mean("elasticity.theta_u"), 1), fixed(mean("elasticity.theta_o"), 0)),
        significant(mean("objective"), 4),
        unless(fixed(summary.gap_closed.mean, 2)),
        unless(ends(&summary.gap_closed, |x| fixed(x, 2))),
    ]
}

pub(super) fn change_number(ratio: f64) -> String {
    change(ratio).trim_end_matches(" %").to_owned()
}

/// A ratio as a change, with its interval where there is one.
fn with_ends(ratio: &Interval) -> String {
    let ends = ends(ratio, change_number);
    let mean = change(ratio.mean);
    if ends.is_empty() { mean } else { format!("{mean}, 95 % {ends}") }
}

/// `[lower, upper]`; nothing where there is no interval.
pub(super) fn ends(interval: &Interval, text: impl Fn(f64) -> String) -> String {
    if interval.lower.is_finite() && interval.upper.is_finite() {
        format!("[{}, {}]", text(interval.lower), text(interval.upper))
    } else {
        String::new()
    }
}

/// The verdict on each of `judged`, or, when there is none, on the best static HPA against stock. One sentence a line.
#[must_use]
pub fn verdict(summaries: &[Summary], judged: &[String]) -> String {
    let named = |name: &str| summaries.iter().find(|summary| summary.policy == name);
    let Some(tuned) = named(REFERENCE) else { return String::new() };
    let sentences: Vec<String> = if judged.is_empty() {
        let known = |it: &&Summary| !it.nature.foresees;
        let best = sorted(summaries).into_iter().find(known).map_or(REFERENCE, |summary| summary.policy.as_str());
        vec![baselines(best, tuned, named("stock-80").filter(|it| it.nature.still))]
    } else {
        judged.iter().filter_map(|name| named(name)).map(|policy| sentence(policy, tuned)).collect()
    };
    sentences.join("\n")
}

fn sentence(policy: &Summary, tuned: &Summary) -> String {
    let name = &policy.policy;
    let objective = &policy.objective_vs_tuned;
    let figures = format!(
        "cost {}, late requests {} % against {} %",
        change(policy.cost_vs_tuned.mean),
        percent(policy.mean("slo.violation_rate")),
        percent(tuned.mean("slo.violation_rate")),
    );
    if objective.upper < 1.0 {
        let gap = policy.gap_closed.mean;
        let closed = if gap.is_finite() {
            format!("; it closes {} of the gap to the optimum", fixed(gap, 2))
        } else {
            String::new()
        };
        return format!("{name} beats the tuned static HPA: {figures}{closed}.");
    }
    let by = format!("objective {}", with_ends(objective));
    if objective.lower > 1.0 {
        format!("{name} loses to the tuned static HPA ({by}): {figures}. Keep the static HPA.")
    } else {
        format!("{name} cannot be told apart from the tuned static HPA ({by}): {figures}. Keep the static HPA.")
    }
}

fn baselines(best: &str, tuned: &Summary, stock: Option<&Summary>) -> String {
    let Some(stock) = stock else { return format!("Least objective: {best}.") };
    let late = (percent(tuned.mean("slo.violation_rate")), percent(stock.mean("slo.violation_rate")));
    let cost = change(tuned.mean("cost.usd") / stock.mean("cost.usd"));
    let compared = format!("cost {cost}, late requests {} % against {} %", late.0, late.1);
    let against = &stock.objective_vs_tuned;
    let first = if against.lower > 1.0 {
        format!("The tuned static HPA beats the stock HPA at 80 % by objective: {compared}.")
    } else if against.upper < 1.0 {
        format!("The tuned static HPA loses to the stock HPA at 80 % on test time: {compared}. Keep the stock HPA.")
    } else {
        format!(
            "The tuned static HPA and the stock HPA at 80 % cannot be told apart (the stock HPA's objective {}): {compared}. \
             Keep the static HPA.",
            with_ends(against)
        )
    };
    format!("{first} Least objective: {best}.")
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::eval::Nature;
    use crate::eval::stats::front::Beside;

    pub(crate) fn exactly(mean: f64) -> Interval {
        Interval { mean, lower: mean, upper: mean }
    }

    pub(crate) fn summary(policy: &str, cost: f64, late: f64, objective: Interval) -> Summary {
        let figures = [("cost.usd", exactly(cost)), ("slo.violation_rate", exactly(late)), ("objective", objective)];
        Summary {
            policy: policy.to_owned(),
            nature: Nature::default(),
            runs: 1,
            figures: figures.map(|(key, interval)| (key.to_owned(), interval)).into(),
            cost_vs_tuned: exactly(cost / 10.0),
            objective_vs_tuned: objective,
            gap_closed: exactly(0.4),
            elastic_speedup: exactly(1.0),
            cost_at_equal_violations: exactly(0.97),
            beside_front: Some(Beside::Within),
            objective_vs_optimum: exactly(1.2),
            regret: exactly(1.0),
            slowdown_p99_geomean: Interval::UNKNOWN,
            fluid: Vec::new(),
            standing: None,
            profile: Vec::new(),
        }
    }

    #[test]
    fn baselines_are_told_apart_by_the_whole_interval() {
        let told = |mean, lower, upper| {
            let still = Nature { still: true, ..Nature::default() };
            let stock = summary("stock-80", 10.0, 0.03, Interval { mean, lower, upper });
            verdict(&[summary("tuned", 11.0, 0.01, exactly(1.0)), Summary { nature: still, ..stock }], &[])
        };
        assert!(told(1.2, 1.1, 1.3).starts_with("The tuned static HPA beats the stock HPA"));
        assert!(told(0.8, 0.7, 0.9).contains("loses to the stock HPA at 80 % on test time: cost +10.0 %"));
        assert_eq!(
            told(1.05, 0.9, 1.2),
            "The tuned static HPA and the stock HPA at 80 % cannot be told apart (the stock HPA's objective +5.0 %, 95 % \
             [-10.0, +20.0]): cost +10.0 %, late requests 1.00 % against 3.00 %. Keep the static HPA. Least objective: \
             tuned."
        );
        assert!(told(1.05, f64::NAN, f64::NAN).contains("(the stock HPA's objective +5.0 %)"));
    }

    fn told(objective: Interval) -> String {
        let policy = summary("policy", 9.0, 0.008, objective);
        verdict(&[summary("tuned", 10.0, 0.01, exactly(1.0)), policy], &["policy".to_owned()])
    }

    #[test]
    fn a_policy_that_wins_is_told_with_cost_and_lateness() {
        assert_eq!(
            told(Interval { mean: 0.9, lower: 0.85, upper: 0.95 }),
            "policy beats the tuned static HPA: cost -10.0 %, late requests 0.80 % against 1.00 %; it closes 0.40 of the \
             gap to the optimum."
        );
    }

    #[test]
    fn a_policy_that_loses_or_may_have_been_lucky_is_told_plainly() {
        let lost = told(Interval { mean: 1.2, lower: 1.1, upper: 1.3 });
        assert!(
            lost.starts_with("policy loses to the tuned static HPA (objective +20.0 %, 95 % [+10.0, +30.0])"),
            "{lost}"
        );
        assert!(lost.ends_with("Keep the static HPA."));
        let unclear = told(Interval { mean: 0.98, lower: 0.9, upper: 1.05 });
        assert!(unclear.starts_with("policy cannot be told apart from the tuned static HPA"), "{unclear}");
        assert!(unclear.ends_with("Keep the static HPA."));
    }

    #[test]
    fn the_table_stands_from_the_least_objective_up() {
        let rows = [summary("worse", 9.0, 0.1, exactly(3.0)), summary("tuned", 10.0, 0.01, exactly(1.0))];
        let text = table(&rows).to_string();
        let policies: Vec<_> = text.lines().map(|line| line.split_whitespace().next().unwrap_or("")).collect();
        assert_eq!(policies, ["policy", "tuned", "worse"]);
    }
}
