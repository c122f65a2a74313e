//! Decisions of an HPA as a table: one line a sync, from what it saw on the left to what it did on the right.

use super::table::{Align, Table};
use crate::hpa::explain::Explanation;

/// The table of some syncs. Pods are ready/unready/missing/ignored.
#[must_use]
pub fn table(decisions: &[Explanation]) -> Table {
    let (left, right) = (Align::Left, Align::Right);
    let head = [
        ("time", right),
        ("replicas", right),
        ("pods r/u/m/i", right),
        ("metrics", left),
        ("raw", right),
        ("stabilised", left),
        ("limited", left),
        ("outcome", left),
    ];
    let mut table = Table::new(&head);
    for decision in decisions {
        table.row(row(decision));
    }
    table
}

fn row(decision: &Explanation) -> [String; 8] {
    let replicas = if decision.scaled {
        format!("{}->{}", decision.current, decision.desired)
    } else {
        decision.current.to_string()
    };
    let pods = decision
        .pods()
        .map_or_else(String::new, |pods| format!("{}/{}/{}/{}", pods.ready, pods.unready, pods.missing, pods.ignored));
    let metrics: Vec<String> = decision.metrics.iter().map(ToString::to_string).collect();
    let number = |replicas: Option<i32>| replicas.map_or_else(String::new, |replicas| replicas.to_string());
    let with = |number: String, why: Option<String>| match why {
        Some(why) => format!("{number} ({why})"),
        None => number,
    };
    let held = decision.held_by.map(|entry| entry.at(decision.t));
    let limit = decision.limit.as_ref().map(|limit| match &decision.policy {
        Some(policy) => format!("{limit}: {policy}"),
        None => limit.clone(),
    });
    [
        clock(decision.t),
        replicas,
        pods,
        metrics.join("; "),
        number(decision.recommendation),
        with(number(decision.stabilized), held),
        with(number(decision.limited), limit),
        outcome(decision),
    ]
}

/// The controller's words where it wrote, else the conditions that are not as they should be.
fn outcome(decision: &Explanation) -> String {
    if let Some(reason) = &decision.reason {
        return reason.clone();
    }
    let good = |kind: &str, status: &str| (status == "True") != (kind == "ScalingLimited");
    let odd = decision
        .conditions
        .iter()
        .filter(|condition| !good(condition.kind, condition.status) || condition.reason.ends_with("Stabilized"));
    let odd: Vec<&str> = odd.map(|condition| condition.reason).collect();
    if odd.is_empty() { "steady".to_owned() } else { odd.join(", ") }
}

/// `2d 03:04:05`, cut to the second.
#[must_use]
pub fn clock(secs: f64) -> String {
    let whole = secs.max(0.0) as u64;
    let (days, rest) = (whole / 86_400, whole % 86_400);
    let time = format!("{:02}:{:02}:{:02}", rest / 3600, rest / 60 % 60, rest % 60);
    if days > 0 { format!("{days}d {time}") } else { time }
}
