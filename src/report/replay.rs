//! A replay as a table: a line a function, and all of them in a sentence.

use super::number::{NONE, count, dollars, percent, significant};
use super::table::{Align, Table};
use crate::sim::Outcome;
use crate::sim::outcome::{Cluster, Faults};

/// A line for each run.
pub fn table<'a>(rows: impl Iterator<Item = (&'a str, &'a Outcome)>) -> Table {
    const HEAD: [(&str, Align); 10] = [
        ("function", Align::Left),
        ("requests", Align::Right),
        ("violations %", Align::Right),
        ("p50 ms", Align::Right),
        ("p99 ms", Align::Right),
        ("pod-hours", Align::Right),
        ("$", Align::Right),
        ("replicas", Align::Right),
        ("max", Align::Right),
        ("changes", Align::Right),
    ];
    let mut table = Table::new(&HEAD);
    for (name, outcome) in rows {
        let served =
            |milli: f64| if outcome.requests.completed > 0.0 { significant(milli, 3) } else { NONE.to_owned() };
        table.row([
            name.to_owned(),
            count(outcome.requests.offered),
            percent(outcome.slo.violation_rate),
            served(outcome.latency_ms.p50),
            served(outcome.latency_ms.p99),
            significant(outcome.cost.replica_hours, 4),
            dollars(outcome.cost.usd),
            significant(outcome.replicas.mean, 3),
            count(outcome.replicas.max),
            count(outcome.scaling.actions),
        ]);
    }
    table
}

/// What the runs came to.
#[must_use]
pub fn summary(policy: &str, functions: usize, total: &Outcome) -> String {
    let hours = total.sim.simulated_s / 3600.0 / functions.max(1) as f64;
    let met = if total.slo.met { "the objective is met" } else { "the objective is missed" };
    let functions = super::number::counted(functions, "function");
    let all = format!(
        "{policy} on {functions} over {} hours: {} % late or lost, {met}; {} pods started, {} of requests waited for \
         one{}{}; objective {} pod-hours.",
        significant(hours, 4),
        percent(total.slo.violation_rate),
        count(total.cold_starts.pods),
        format_args!("{} %", percent(total.cold_starts.request_rate)),
        total.faults.map(deaths).unwrap_or_default(),
        total.cluster.map(room).unwrap_or_default(),
        significant(total.objective, 4),
    );
    singly(total).map_or_else(|| all.clone(), |more| format!("{all}\n{more}"))
}

/// What only single requests tell; nothing at the fluid level, or when none was served.
fn singly(total: &Outcome) -> Option<String> {
    let (time, slowdown, balance) = (total.time_ms?, total.slowdown?, total.balance?);
    if total.requests.completed <= 0.0 {
        return None;
    }
    let retried = total.requests.retried.filter(|&retried| retried > 0.0);
    let retried = retried.map(|it| format!(" and {} ms for {} retries", significant(time.retry, 3), count(it)));
    Some(format!(
        "In the mean a served request spent {} ms in lines, {} ms in a pod{}; it took {} times as long as alone, 1 % above {} \
         times. Pods were used alike to {} (Jain's index).",
        significant(time.queue, 3),
        significant(time.service, 3),
        retried.unwrap_or_default(),
        significant(slowdown.mean, 3),
        significant(slowdown.p99, 3),
        significant(balance.jain, 3),
    ))
}

/// What nodes there were, and how long pods waited for room, as a part of a sentence.
fn room(cluster: Cluster) -> String {
    let nodes = cluster.node_hours.zip(cluster.nodes_max);
    let nodes =
        nodes.map(|(hours, most)| format!("; {} node-hours on up to {} nodes", significant(hours, 4), count(most)));
    let hours = cluster.pending_pod_seconds / 3600.0;
    let waited = (hours > 0.0).then(|| format!("; pods waited {} hours for room", significant(hours, 3)));
    nodes.into_iter().chain(waited).collect()
}

/// What died, as a part of a sentence.
fn deaths(faults: Faults) -> String {
    let container = |number: f64| format!("{} container{}", count(number), if number > 1.0 { "s" } else { "" });
    let crashed = (faults.crashes > 0.0).then(|| format!("; {} crashed", container(faults.crashes)));
    let killed = (faults.oom_kills > 0.0).then(|| format!("; {} killed for memory", container(faults.oom_kills)));
    crashed.into_iter().chain(killed).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_says_what_died_and_what_lacked_room() {
        let said = |crashes, oom_kills| deaths(Faults { crashes, oom_kills });
        assert_eq!(said(1.0, 0.0), "; 1 container crashed");
        assert_eq!(said(12.0, 3.0), "; 12 containers crashed; 3 containers killed for memory");
        let mut cluster = Cluster { pending_pod_seconds: 5400.0, ..Cluster::default() };
        assert_eq!(room(cluster), "; pods waited 1.50 hours for room");
        (cluster.node_hours, cluster.nodes_max) = (Some(26.5), Some(4.0));
        assert_eq!(room(cluster), "; 26.50 node-hours on up to 4 nodes; pods waited 1.50 hours for room");
        assert_eq!(room(Cluster::default()), "", "nothing where there was room");
    }
}
