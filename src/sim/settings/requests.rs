//! `[requests]`: how single requests come, and which pod gets each.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::units::span;

/// `[requests]`: how single requests come, and which pod gets each. The fluid level does not know single requests.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Requests {
    /// Coefficient of variation of the distances of requests within a slot: 0 is equal distances, 1 a Poisson process.
    pub arrival_cv: f64,
    /// How requests lie within a slot, whose count is kept: `"even"`, `"poisson"`, `"gamma"` or `"h2"` (distances are
    /// gamma, or hyperexponential of two phases with balanced means, of variation `arrival_cv`), or `"mmpp"` (a Poisson
    /// process whose rate is now that of bursts, now that of calm). Left out, `arrival_cv` says: 0 is even, 1 Poisson,
    /// all else gamma.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arrivals: Option<Arrivals>,
    /// Rate within bursts over the mean rate, above 1; with `"mmpp"` only, as the next two.
    pub burst_rate: f64,
    /// Share of time that is burst, between 0 and `1 / burst_rate`, so that calm has a rate too.
    pub burst_share: f64,
    /// Mean length of a burst; lengths are exponential. 1 ms or more.
    #[serde(with = "span")]
    #[schemars(with = "String")]
    pub burst_length: Duration,
    /// How a pod is held to its CPU limit: `"even"`, as a slower processor, as the fluid level has it, or `"cfs"`, which
    /// lets it compute at full speed until the quota of a period of 100 ms is used, as Linux does.
    pub throttling: Throttling,
    /// Which pod gets a request: `"least-outstanding"`, `"round-robin"`, `"weighted-round-robin"`, `"random"` or
    /// `"power-of-two"`.
    pub balancing: Balancing,
    /// Where requests wait that no pod can take: `"gateway"`, in one line for all pods, or `"pod"`, each in front of the
    /// pod that balancing chose for it.
    pub queue: Queue,
    /// Most requests that wait in a line; more are dropped. Left out, lines hold as many as come.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue_limit: Option<u32>,
    /// How often a client sends a request again that was dropped, lost with its pod, or not answered within `slo.timeout`
    /// and its own service time, 0 to 10. It then counts as served, and as late by the time since it was first sent.
    pub retries: u32,
    /// Most time that a client waits before it sends a request again the first time; it is drawn between 0 and this, which
    /// doubles each time. Above 0.
    #[serde(with = "span")]
    #[schemars(with = "String")]
    pub retry_backoff: Duration,
}

impl Default for Requests {
    /// Counts of a slot say nothing about where in it requests lie, so they lie independently. Envoy's `LEAST_REQUEST`
    /// and Knative's activator know what each pod holds, and keep what no pod can take. 25 ms are Envoy's
    /// `retry_back_off.base_interval`. Bursts of a second at five times the mean rate are an example, not a measurement.
    fn default() -> Self {
        Self {
            arrival_cv: 1.0,
            arrivals: None,
            burst_rate: 5.0,
            burst_share: 0.1,
            burst_length: Duration::from_secs(1),
            throttling: Throttling::Even,
            balancing: Balancing::LeastOutstanding,
            queue: Queue::Gateway,
            queue_limit: None,
            retries: 0,
            retry_backoff: Duration::from_millis(25),
        }
    }
}

/// How requests lie within a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Arrivals {
    /// At equal distances.
    Even,
    /// Independent of each other.
    Poisson,
    /// Gamma distances.
    Gamma,
    /// Hyperexponential distances.
    H2,
    /// In bursts.
    Mmpp,
}

/// How a pod is held to its CPU limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Throttling {
    /// As a slower processor.
    Even,
    /// By a quota in each period.
    Cfs,
}

/// A rule of load balancing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Balancing {
    /// The pod that holds fewest requests; of equal ones in turn.
    LeastOutstanding,
    /// In turn.
    RoundRobin,
    /// In turn, pods of a larger weight more often. All weights are 1 unless a program sets others.
    WeightedRoundRobin,
    /// Any pod, as kube-proxy's iptables mode does.
    Random,
    /// The less loaded of two pods taken by chance.
    PowerOfTwo,
}

/// Where requests wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Queue {
    /// In one line for all pods.
    Gateway,
    /// In front of single pods.
    Pod,
}
