//! The tables of the page.

use crate::eval::stats::front::Beside;
use crate::eval::stats::{Interval, mean};
use crate::eval::stress::Robustness;
use crate::eval::summary::REFERENCE;
use crate::eval::{Results, Summary};
use crate::report::evaluation::sorted;
use crate::report::notes::not_comparable;
use crate::report::number::{NONE, change, dollars, fixed, percent, significant};
use crate::report::robustness::names;
use crate::sim::Control;

type Rows = Vec<Vec<String>>;

/// The column of costs at equal lateness, which stands only where there is a front of static HPAs.
const EQUALLY_LATE: usize = 4;

/// What every policy costs, and how late it is.
pub(super) fn figures(summaries: &[Summary], allowed: f64) -> (Vec<&'static str>, Rows) {
    let mut head = vec![
        "policy",
        "cost, $",
        "cost against tuned",
        "late or lost, %",
        "cost at equal lateness",
        "objective, pod-hours",
        "objective against tuned",
        "gap closed",
    ];
    let row = |summary: &&Summary| {
        let late = summary.figure("slo.violation_rate").unwrap_or(Interval::UNKNOWN);
        let over = if late.mean > allowed { " †" } else { "" };
        let versus = |interval: Interval, text: fn(f64) -> String| {
            if summary.policy == REFERENCE { NONE.to_owned() } else { ends(interval, text) }
        };
        vec![
            summary.policy.clone(),
            ends(summary.figure("cost.usd").unwrap_or(Interval::UNKNOWN), dollars),
            versus(summary.cost_vs_tuned, change),
            ends(late, percent) + over,
            equally_late(summary),
            significant(summary.mean("objective"), 4),
            versus(summary.objective_vs_tuned, change),
            versus(summary.gap_closed, |x| fixed(x, 2)),
        ]
    };
    let mut rows: Rows = sorted(summaries).iter().map(row).collect();
    if summaries.iter().all(|it| it.beside_front.is_none()) {
        head.remove(EQUALLY_LATE);
        for row in &mut rows {
            row.remove(EQUALLY_LATE);
        }
    }
    (head, rows)
}

/// Cost at equal lateness, or why it is not known.
fn equally_late(summary: &Summary) -> String {
    match summary.beside_front {
        None => NONE.to_owned(),
        Some(Beside::Within) => ends(summary.cost_at_equal_violations, change),
        Some(beside) => not_comparable(beside).to_owned(),
    }
}

/// Every policy's means of what lies behind cost and lateness.
pub(super) fn behind(summaries: &[Summary]) -> (Vec<&'static str>, Rows) {
    let head = vec![
        "policy",
        "p99, ms",
        "p99 slowdown",
        "pods",
        "pods started",
        "changes of replicas",
        "CPU not used, %",
        "memory, all / busy",
        "too few pods, % of time",
        "too many, % of time",
    ];
    let row = |summary: &&Summary| {
        let mean = |key: &str| summary.mean(key);
        vec![
            summary.policy.clone(),
            fixed(mean("latency_ms.p99"), 0),
            fixed(summary.slowdown_p99_geomean.mean, 1),
            significant(mean("replicas.mean"), 3),
            fixed(mean("cold_starts.pods"), 0),
            fixed(mean("scaling.actions"), 0),
            percent(mean("waste.cpu_slack")),
            fixed(mean("waste.normalised_memory"), 2),
            fixed(mean("elasticity.tau_u"), 1),
            fixed(mean("elasticity.tau_o"), 1),
        ]
    };
    (head, sorted(summaries).iter().map(row).collect())
}

/// How the learned policies decide; no rows where none does.
pub(super) fn deciding(summaries: &[Summary]) -> (Vec<&'static str>, Rows) {
    let head = vec!["policy", "entropy, nats", "masked, %", "overridden, %", "learned away, nats"];
    let digits = [2, 1, 1, 2];
    let row = |summary: &&Summary| {
        let figures = Control::KEYS.map(|key| summary.figure(key));
        let cell = |(figure, digits): (Option<Interval>, usize)| {
            figure.map_or_else(|| NONE.to_owned(), |it| ends(it, |x| fixed(x, digits)))
        };
        let cells = figures.iter().copied().zip(digits).map(cell);
        let name = figures.iter().any(Option::is_some).then(|| summary.policy.clone())?;
        Some(std::iter::once(name).chain(cells).collect())
    };
    (head, sorted(summaries).iter().filter_map(row).collect())
}

/// Where every policy stands against the tuned static HPA.
pub(super) fn standing(summaries: &[Summary]) -> (Vec<&'static str>, Rows) {
    let head = vec![
        "policy",
        "score, IQM",
        "optimality gap",
        "difference",
        "objective / optimum",
        "P(better)",
        "p (Holm)",
        "Cliff's delta",
        "elastic speed-up",
        "only its own, %",
    ];
    let row = |summary: &&Summary| {
        let standing = summary.standing?;
        let (score, paired) = (standing.score, standing.paired);
        let two = |x: f64| fixed(x, 2);
        let tuned = summary.policy == REFERENCE;
        Some(vec![
            summary.policy.clone(),
            ends(score.iqm, two),
            ends(score.optimality_gap, two),
            if tuned { NONE.to_owned() } else { ends(paired.difference, |x| change(1.0 + x)) },
            ends(summary.objective_vs_optimum, two),
            if tuned { NONE.to_owned() } else { ends(paired.probability, two) },
            if tuned { NONE.to_owned() } else { probability(paired.p_holm) },
            if tuned { NONE.to_owned() } else { two(paired.cliffs_delta) },
            ends(summary.elastic_speedup, two),
            percent(standing.hypervolume_gain),
        ])
    };
    (head, sorted(summaries).iter().filter_map(row).collect())
}

/// Three digits, or that it is less.
fn probability(p: f64) -> String {
    if p < 0.001 { "< 0.001".to_owned() } else { fixed(p, 3) }
}

/// A figure and its interval, whose ends go without the figure's sign of percent.
fn ends(interval: Interval, text: impl Fn(f64) -> String) -> String {
    if interval.lower.is_finite() && interval.upper.is_finite() {
        let bare = |value: f64| text(value).trim_end_matches(" %").to_owned();
        format!("{} [{}, {}]", text(interval.mean), bare(interval.lower), bare(interval.upper))
    } else {
        text(interval.mean)
    }
}

/// The objective of one policy function by function.
pub(super) fn gaps(results: &Results, rival: &str) -> (Vec<&'static str>, Rows) {
    let head = vec![
        "function",
        "optimum, pod-hours",
        "tuned",
        "its own",
        "against tuned",
        "gap closed",
        "late, tuned, %",
        "late, its own, %",
    ];
    let place = |name: &str| results.policies.iter().position(|policy| policy == name);
    let (Some(tuned), Some(own)) = (place(REFERENCE), place(rival)) else { return (head, Rows::new()) };
    let row = |task: usize| {
        let (theirs, ours) = (runs(results, tuned, task), runs(results, own, task));
        let objective =
            |rows: &[crate::eval::runner::Row]| mean(&rows.iter().map(|it| it.outcome.objective).collect::<Vec<_>>());
        let late = |rows: &[crate::eval::runner::Row]| {
            mean(&rows.iter().map(|it| it.outcome.slo.violation_rate).collect::<Vec<_>>())
        };
        let bound = &results.bounds[task];
        let (a, b, optimum) = (objective(theirs), objective(ours), bound.optimum.lower);
        let closed = if results.natures[own].resizes_pods { f64::NAN } else { (a - b) / (a - optimum) };
        vec![
            format!("{} / {}", bound.trace, bound.function),
            significant(optimum, 4),
            significant(a, 4),
            significant(b, 4),
            change(b / a),
            fixed(closed, 2),
            percent(late(theirs)),
            percent(late(ours)),
        ]
    };
    (head, (0..results.tasks).map(row).collect())
}

/// The runs of a policy on a task.
fn runs(results: &Results, policy: usize, task: usize) -> &[crate::eval::runner::Row] {
    let seeds = results.seeds.len();
    let first = (policy * results.tasks + task) * seeds;
    results.rows.get(first..first + seeds).unwrap_or_default()
}

/// Policies under strain.
pub(super) fn robustness(all: &[Robustness]) -> (Vec<String>, Rows) {
    let policies = names(all, |it| &it.policy);
    let head = ["world".to_owned()].into_iter().chain(policies.iter().map(|name| (*name).to_owned())).collect();
    let row = |strain: &str| {
        let cell = |policy: &&str| {
            let found = all.iter().find(|it| it.strain == strain && it.policy == **policy);
            found.map_or_else(
                || NONE.to_owned(),
                |it| format!("{} / {}", percent(it.violation_rate), fixed(it.objective_vs_tuned, 2)),
            )
        };
        [strain.to_owned()].into_iter().chain(policies.iter().map(cell)).collect()
    };
    (head, names(all, |it| &it.strain).into_iter().map(row).collect())
}
