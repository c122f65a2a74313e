//! `[metrics]`: the path from a pod's counters to the HPA.

use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::units::span;

/// `[metrics]`: the path from a pod's counters to the HPA.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct MetricsPath {
    /// How often metrics-server scrapes (`--metric-resolution`); a sample is the mean between two scrapes.
    #[serde(with = "span")]
    #[schemars(with = "String")]
    pub resolution: Duration,
    /// How old a scrape is before the HPA can read it.
    #[serde(with = "span")]
    #[schemars(with = "String")]
    pub lag: Duration,
    /// Probability that a pod's sample is missing from a scrape, 0 to 1.
    pub missing: f64,
    /// Whether measured CPU swings around its mean at the fluid level, as that of single requests does. An HPA takes the
    /// highest recommendation of its stabilisation window, so swings cost pods, here as
    /// at the request level, where CPU always swings.
    pub swing: bool,
    /// What the Pods, External and Object metrics of a manifest measure, by their names there, as in
    /// `names = { http_requests = "requests_per_second" }`. The names `requests_per_second` and `in_flight` are known.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub names: BTreeMap<String, Signal>,
}

/// What of the workload a Pods, External or Object metric measures. Pods metrics have it for each pod that serves,
/// External and Object metrics for all pods together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Signal {
    /// Requests that arrived per second between two scrapes.
    RequestsPerSecond,
    /// Requests in service or waiting at a scrape.
    InFlight,
    /// Nothing: the metric fails at every sync, as where no adapter serves it.
    Nothing,
}

impl Signal {
    /// Signals by the names under which they are always known.
    pub const KNOWN: [(&'static str, Self); 2] =
        [("requests_per_second", Self::RequestsPerSecond), ("in_flight", Self::InFlight)];
}

impl MetricsPath {
    /// What a metric of that name measures; `None` when nobody said.
    #[must_use]
    pub fn signal(&self, name: &str) -> Option<Signal> {
        let known = || Signal::KNOWN.into_iter().find(|(known, _)| *known == name).map(|(_, signal)| signal);
        self.names.get(name).copied().or_else(known)
    }
}

impl Default for MetricsPath {
    /// metrics-server's manifest: `--metric-resolution=15s`.
    fn default() -> Self {
        Self {
            resolution: Duration::from_secs(15),
            lag: Duration::ZERO,
            missing: 0.0,
            swing: true,
            names: BTreeMap::new(),
        }
    }
}
