//! What a search found, as a table: the stock HPA, the best, and the front of cost against lateness.

use super::number::{count, dollars, fixed, percent, significant};
use super::table::{Align, Table};
use crate::eval::tune::{Budget, Candidate, Scored};
use crate::sim::Outcome;
use crate::units::friendly;

/// Rows of the front: those of the least objective. The rest is far from what anyone would choose.
const SHOWN: usize = 12;

/// The stock HPA, the best, and those that none beats in both cost and lateness.
#[must_use]
pub fn table(
    stock: &Scored<Candidate>,
    current: Option<&Outcome>,
    best: &Scored<Candidate>,
    front: &[Scored<Candidate>],
) -> Table {
    use Align::{Left, Right};
    let mut table = Table::new(&[
        ("", Left),
        ("target", Right),
        ("min", Right),
        ("stabilize", Right),
        ("scale up", Left),
        ("scale down", Left),
        ("cost $", Right),
        ("late %", Right),
        ("p99 ms", Right),
        ("replicas", Right),
        ("objective", Right),
    ]);
    table.row(row("stock", stock));
    if let Some(outcome) = current {
        let fields = ["current", "", "", "", "", ""].map(str::to_owned);
        table.row(fields.into_iter().chain(figures_of(outcome)));
    }
    table.row(row("best", best));
    let mut shown: Vec<&Scored<Candidate>> = front.iter().filter(|it| it.candidate != best.candidate).collect();
    shown.sort_by(|a, b| a.outcome.objective.total_cmp(&b.outcome.objective));
    shown.truncate(SHOWN);
    shown.sort_by(|a, b| a.outcome.cost.usd.total_cmp(&b.outcome.cost.usd));
    for scored in shown {
        table.row(row("front", scored));
    }
    table
}

fn row(what: &str, scored: &Scored<Candidate>) -> Vec<String> {
    let candidate = &scored.candidate;
    let fields = [
        what.to_owned(),
        candidate.target_cpu.to_string(),
        candidate.min_replicas.to_string(),
        friendly(candidate.stabilize_down.0),
        candidate.scale_up.to_string(),
        candidate.scale_down.to_string(),
    ];
    fields.into_iter().chain(figures_of(&scored.outcome)).collect()
}

fn figures_of(outcome: &Outcome) -> [String; 5] {
    [
        dollars(outcome.cost.usd),
        percent(outcome.slo.violation_rate),
        fixed(outcome.latency_ms.p99, 0),
        significant(outcome.replicas.mean, 3),
        significant(outcome.objective, 4),
    ]
}

/// What a search took, in a line.
#[must_use]
pub fn budget(budget: &Budget) -> String {
    format!(
        "{} configurations, {} runs, {} simulated hours",
        count(budget.configurations as f64),
        count(budget.runs as f64),
        count(budget.simulated_s / 3600.0)
    )
}

/// Cost, lateness and objective, in a line.
#[must_use]
pub fn figures(scored: &Scored<Candidate>) -> String {
    let outcome = &scored.outcome;
    format!(
        "$ {}, {} % late, objective {} pod-hours",
        dollars(outcome.cost.usd),
        percent(outcome.slo.violation_rate),
        significant(outcome.objective, 4)
    )
}
