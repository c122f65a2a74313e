//! What a run did: counts, cost, latency, elasticity. The JSON keys are a contract that scripts rely on.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::decisions::Control;

/// Running sums of a run, cheap to copy; differences between two instants give an interval's figures.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Totals {
    /// Requests that arrived.
    pub offered: f64,
    /// Requests that were served.
    pub completed: f64,
    /// Requests that were lost: timed out, or held by a pod that died.
    pub dropped: f64,
    /// Requests that were served too late.
    pub late: f64,
    /// Requests that waited for a pod start.
    pub cold: f64,
    /// Pod-seconds reserved, from creation to the end of termination.
    pub pod_seconds: f64,
    /// Core-seconds and GiB-seconds that pods have requested beyond those of `[pod]`, where they were resized in place;
    /// below 0 where they have requested less.
    pub resized_core_seconds: f64,
    /// See [`resized_core_seconds`](Self::resized_core_seconds).
    pub resized_gib_seconds: f64,
    /// Pod-seconds in which pods served.
    pub ready_seconds: f64,
    /// CPU-seconds used.
    pub cpu_seconds: f64,
    /// Time integral of requests in service or waiting, in request-seconds.
    pub in_flight_seconds: f64,
    /// Pods started.
    pub starts: f64,
    /// Sum of absolute changes of `spec.replicas`.
    pub churn: f64,
    /// Number of changes of `spec.replicas`.
    pub actions: f64,
    /// Containers that crashed.
    pub crashes: f64,
    /// Containers that were killed because they outgrew their memory limit.
    pub oom_kills: f64,
}

impl Totals {
    /// Requests that were late or lost.
    #[must_use]
    pub fn violations(&self) -> f64 {
        self.late + self.dropped
    }
}

/// The figures of one run, or of several runs together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Outcome {
    /// Requests by fate.
    pub requests: Requests,
    /// Whether the objective was met.
    pub slo: SloResult,
    /// Response times of served requests, pooled.
    pub latency_ms: Latency,
    /// Where response times went. At the request level only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_ms: Option<Times>,
    /// Response times over requests' own service times. At the request level only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slowdown: Option<Slowdown>,
    /// How evenly pods were used. At the request level only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub balance: Option<Balance>,
    /// What it cost.
    pub cost: Cost,
    /// What of that was not used.
    #[serde(default)]
    pub waste: Waste,
    /// How well supply followed demand (SPEC RG elasticity metrics).
    pub elasticity: Elasticity,
    /// Pods started, and the requests that waited for one.
    pub cold_starts: ColdStarts,
    /// How often and how far the autoscaler moved.
    pub scaling: Scaling,
    /// Replicas, ready or not.
    pub replicas: ReplicaStats,
    /// Containers that died; left out when none did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub faults: Option<Faults>,
    /// The room for pods; left out where `[cluster]` does not bound it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<Cluster>,
    /// How a learned policy decided; left out of runs in which none did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control: Option<Control>,
    /// What the simulation itself did.
    pub sim: SimStats,
    /// Reserved pod time plus the price of violations and starts, in pod-hours: what search and learning minimise.
    pub objective: f64,
}

/// Requests by fate: `offered = completed + dropped + in flight at the end`.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Requests {
    /// Arrived.
    pub offered: f64,
    /// Served.
    pub completed: f64,
    /// Lost.
    pub dropped: f64,
    /// Served too late.
    pub late: f64,
    /// dropped / offered, 0 when nothing was offered: what response times, which are of served requests, do not show.
    #[serde(default)]
    pub loss_rate: f64,
    /// Sent again by clients whose attempt before had failed; not part of `offered`. At the request level only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retried: Option<f64>,
}

/// Violations against the objective.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct SloResult {
    /// (late + dropped) / offered, 0 when nothing was offered.
    pub violation_rate: f64,
    /// Whether the rate is within the objective.
    pub met: bool,
    /// Share of the time between scrapes of the metrics in which more requests were late or lost than the objective
    /// allows.
    #[serde(default)]
    pub time_violation_rate: f64,
    /// The longest such time without a break, in seconds.
    #[serde(default)]
    pub longest_violation_s: f64,
}

/// Response times in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Latency {
    /// Mean.
    pub mean: f64,
    /// Median.
    pub p50: f64,
    /// 90th percentile.
    pub p90: f64,
    /// 95th percentile.
    pub p95: f64,
    /// 99th percentile.
    pub p99: f64,
    /// 99.9th percentile.
    pub p999: f64,
}

/// Parts of the mean response time of served requests, in milliseconds; they add up to `latency_ms.mean`.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Times {
    /// Mean time at the gateway and in lines in front of pods.
    pub queue: f64,
    /// Mean time from when a pod took a request to its answer, the CPU shared with others and waits for others included.
    pub service: f64,
    /// Mean time in attempts that failed, and between attempts; 0 unless clients send again (`requests.retries`).
    pub retry: f64,
}

/// Response time of a served request over its own service time: what it would have taken alone on a pod of the nominal
/// speed. 1 is no wait at all; a pod that is faster than nominal gives less. Requests that take no time are left out.
/// Percentiles are within 1/128.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Slowdown {
    /// Mean.
    pub mean: f64,
    /// Median.
    pub p50: f64,
    /// 95th percentile.
    pub p95: f64,
    /// 99th percentile.
    pub p99: f64,
}

/// How evenly load lay on the pods of a run.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Balance {
    /// Jain's fairness index of the utilisation of pods, each weighted by the time `t` from its readiness to its end; `u`
    /// is the CPU time that it used. From above 0, all load on one of many pods, to 1, all equally used; 1 without load.
    ///
    /// ```text
    /// J = (Σ t x)² / (Σ t · Σ t x²),   x = u / t
    /// ```
    /// With equal `t` it is `(Σ x)² / (n Σ x²)`. Several runs together have the mean of theirs, weighted by pod time.
    ///
    /// Source: Jain, Chiu and Hawe, DEC-TR-301, 1984.
    pub jain: f64,
    /// 90th percentile, over pods that answered any request, of a pod's mean response time, in milliseconds and within
    /// 1/128.
    pub pod_p90_ms: f64,
}

/// Cost of reserved pods.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Cost {
    /// Pod time from creation to end, in hours.
    pub replica_hours: f64,
    /// Requested cores × hours.
    pub cpu_hours: f64,
    /// Requested GiB × hours.
    pub gb_hours: f64,
    /// Dollars at the configured prices, violations not included.
    pub usd: f64,
}

/// SPEC RG elasticity metrics of ready replicas against the demand curve, in percent. Demand is the least number of pods
/// that meets the objective at the slot's load, independent of the policy.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Elasticity {
    /// Under-provisioning accuracy `θ_U`.
    pub theta_u: f64,
    /// Over-provisioning accuracy `θ_O` (slots without demand skipped).
    pub theta_o: f64,
    /// Share of time under-provisioned `τ_U`.
    pub tau_u: f64,
    /// Share of time over-provisioned `τ_O`.
    pub tau_o: f64,
    /// Share of steps where supply moved against demand, v.
    pub instability: f64,
    /// Missing pods, as a share of the most that demand asks for in the window, `a_U`; defined where demand is 0 too.
    #[serde(default)]
    pub a_u: f64,
    /// Surplus pods, likewise, `a_O`.
    #[serde(default)]
    pub a_o: f64,
    /// Changes of supply less changes of demand, per hour: below 0 is inert, above 0 restless. Both are looked at when
    /// metrics are scraped.
    #[serde(default)]
    pub jitter: f64,
    /// Ready pod-seconds at a demand of 0, which `theta_o` leaves out.
    #[serde(default)]
    pub idle_pod_seconds: f64,
    /// Deviation from following demand exactly, `(θ_U³ + θ_O³ + τ_U³ + τ_O³ + v³)^⅓`: the largest of them, mostly.
    #[serde(default)]
    pub deviation: f64,
}

/// What was reserved and not used.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Waste {
    /// Share of the requested CPU time that was not used; below 0 when pods use more than they request.
    pub cpu_slack: f64,
    /// Requested GiB × hours of pods that computed nothing, the wasted memory. A pod is taken to compute at its CPU limit
    /// whenever it holds requests.
    pub idle_gb_hours: f64,
    /// Normalised memory: requested GiB × seconds of all pods over those of pods that computed. 1 is no waste, 2 as much
    /// idle as busy; 0 when nothing was computed.
    #[serde(default)]
    pub normalised_memory: f64,
}

/// Cold starts.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct ColdStarts {
    /// Pods started.
    pub pods: f64,
    /// Pods started for every 1,000 requests, 0 when nothing was offered.
    #[serde(default)]
    pub pods_per_1000_requests: f64,
    /// Share of requests that arrived while no pod served, and so waited for a pod start.
    pub request_rate: f64,
    /// Share of requests that waited, for whatever reason, until a pod became ready, which took them then. At the request
    /// level only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waited_rate: Option<f64>,
}

/// Moves of the autoscaler.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Scaling {
    /// Changes of `spec.replicas`.
    pub actions: f64,
    /// Sum of absolute changes.
    pub churn: f64,
    /// Changes of direction.
    pub reversals: f64,
    /// The same for every hour of a function.
    #[serde(default)]
    pub reversals_per_hour: f64,
    /// Mean time between changes of `spec.replicas`, in seconds.
    #[serde(default)]
    pub dwell_s: f64,
}

/// Replicas over the run.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct ReplicaStats {
    /// Time-weighted mean of `spec.replicas`.
    pub mean: f64,
    /// Largest `spec.replicas`.
    pub max: f64,
}

/// Containers that died before their pod was told to stop.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Faults {
    /// Crashed, as `[faults]` has it.
    pub crashes: f64,
    /// Killed because they outgrew their memory limit.
    pub oom_kills: f64,
}

/// The room for pods.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Cluster {
    /// Node time from a node's request to its end, in hours; left out where nodes are not modelled, and of single functions
    /// that share nodes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node_hours: Option<f64>,
    /// Most nodes at a time, those under way included; of several clusters, those of the largest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nodes_max: Option<f64>,
    /// Pod-seconds that pods waited for room.
    pub pending_pod_seconds: f64,
    /// Pod-seconds in which a pod was held to less than its CPU limit, because pods wanted more than their node has; left out
    /// where that is not looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contended_pod_seconds: Option<f64>,
}

/// The simulation's own figures.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct SimStats {
    /// Events handled.
    pub events: u64,
    /// Simulated seconds.
    pub simulated_s: f64,
}

/// One row of a timeline, at each sync.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct TimelineRow {
    /// Seconds from the trace's origin.
    pub t: f64,
    /// Requests per second offered over the last period.
    pub requests_per_s: f64,
    /// Least pods that would meet the objective now.
    pub demand: f64,
    /// `spec.replicas` after the sync.
    pub replicas: f64,
    /// Pods that serve.
    pub ready: f64,
    /// Mean CPU of ready pods the HPA saw, in percent of the request; NaN when unknown.
    pub utilization: f64,
    /// CPU target in force, in percent; NaN when there is none.
    pub target: f64,
    /// Lower bound in force.
    pub min_replicas: f64,
    /// Of the requests that left in the last period, the share that was late or lost.
    pub violation_rate: f64,
    /// Mean response time over the last period, in milliseconds.
    pub latency_ms: f64,
    /// Work that waits, in seconds of all ready pods.
    pub backlog_s: f64,
    /// 95th percentile of the response times over the last period, in milliseconds; NaN when nothing was served, and at
    /// the fluid level.
    pub p95_ms: f64,
    /// 99th percentile, likewise.
    pub p99_ms: f64,
}

impl TimelineRow {
    /// The names of the columns, in the order of [`values`](Self::values).
    pub const FIELDS: [&str; 13] = [
        "t",
        "requests_per_s",
        "demand",
        "replicas",
        "ready",
        "utilization",
        "target",
        "min_replicas",
        "violation_rate",
        "latency_ms",
        "backlog_s",
        "p95_ms",
        "p99_ms",
    ];

    /// The row of numbers in the order of [`FIELDS`](Self::FIELDS).
    #[must_use]
    pub fn of(values: [f64; 13]) -> Self {
        let [t, requests_per_s, demand, replicas, ready, utilization, target, min_replicas, ..] = values;
        let [.., violation_rate, latency_ms, backlog_s, p95_ms, p99_ms] = values;
        Self {
            t,
            requests_per_s,
            demand,
            replicas,
            ready,
            utilization,
            target,
            min_replicas,
            violation_rate,
            latency_ms,
            backlog_s,
            p95_ms,
            p99_ms,
        }
    }

    /// The row as numbers.
    #[must_use]
    pub fn values(&self) -> [f64; 13] {
        [
            self.t,
            self.requests_per_s,
            self.demand,
            self.replicas,
            self.ready,
            self.utilization,
            self.target,
            self.min_replicas,
            self.violation_rate,
            self.latency_ms,
            self.backlog_s,
            self.p95_ms,
            self.p99_ms,
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_in_the_order_of_the_fields() {
        let json = serde_json::to_value(TimelineRow::default()).unwrap();
        let names: Vec<&str> = json.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(names, TimelineRow::FIELDS);
        let row = TimelineRow::of(std::array::from_fn(|at| at as f64 + 0.5));
        let json = serde_json::to_value(row).unwrap();
        let fields: Vec<f64> = json.as_object().unwrap().values().filter_map(serde_json::Value::as_f64).collect();
        assert!(fields.iter().zip(row.values()).all(|(field, value)| (field - value).abs() < 1e-12));
    }
}
