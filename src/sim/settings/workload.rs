//! `[workload]`: how a trace becomes work for pods.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::units::Bytes;

/// `[workload]`: how a trace becomes work for pods.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Workload {
    /// Factor on the recorded load, above 0.
    pub scale: f64,
    /// Scales each function so that the 99.5th percentile of its load fills this many pods at 80 % of their request.
    /// Leave it out to take the recorded load as it is. It makes functions of all sizes comparable.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fit_pods: Option<f64>,
    /// CPU time of a request, in milliseconds of one core, for traces that have no CPU. Left out, it is the recorded
    /// duration times `cpu_share`; without durations, 100 ms.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_per_request_ms: Option<f64>,
    /// Share of a request's duration that it spends computing, above 0 and up to 1.
    pub cpu_share: f64,
    /// Coefficient of variation of service times, 0 or more.
    pub service_cv: f64,
    /// The law that single requests' service times are drawn from: `"log-normal"` or `"gamma"` (exponential at a
    /// coefficient of variation of 1). The fluid level always takes log-normal ones.
    pub service_law: Family,
    /// Working set of an idle pod.
    pub memory_base: Bytes,
    /// Working set that a request adds to the pod that has taken it.
    pub memory_per_request: Bytes,
    /// Value of slots where nothing was recorded.
    pub gaps: Gaps,
}

impl Default for Workload {
    /// Service times vary within a function with a coefficient of variation of 0.3 to 1 (Shahrad et al., ATC 2020). Of
    /// many requests in flight most wait, and hold little more than a connection's buffers.
    fn default() -> Self {
        Self {
            scale: 1.0,
            fit_pods: None,
            cpu_per_request_ms: None,
            cpu_share: 1.0,
            service_cv: 1.0,
            service_law: Family::LogNormal,
            memory_base: Bytes(128 << 20),
            memory_per_request: Bytes(64 << 10),
            gaps: Gaps::Linear,
        }
    }
}

/// A family of laws of service times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Family {
    /// Log-normal.
    LogNormal,
    /// Gamma.
    Gamma,
}

/// What stands in for slots where nothing was recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Gaps {
    /// No load.
    Zero,
    /// The last recorded value.
    Hold,
    /// A straight line between the neighbours.
    Linear,
}
