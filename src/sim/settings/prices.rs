//! `[prices]`: what things cost.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `[prices]`: what things cost, in dollars. They also weigh the objective of search and learning.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Prices {
    /// A requested core for an hour.
    pub cpu_hour: f64,
    /// A requested GiB of memory for an hour.
    pub gib_hour: f64,
    /// A pod start.
    pub pod_start: f64,
    /// A late or dropped request, as a multiple of what serving it costs on a pod at full use of its request. It weighs
    /// the objective; it is not part of `cost.usd`.
    pub violation: f64,
}

impl Default for Prices {
    /// AWS Fargate, Linux on x86 in us-east-1: $0.04048 a vCPU-hour and $0.004445 a GiB-hour. A violation at 40 times
    /// its own cost leads to about 1 % late requests on real traces.
    fn default() -> Self {
        Self { cpu_hour: 0.04048, gib_hour: 0.004_445, pod_start: 0.0, violation: 40.0 }
    }
}
