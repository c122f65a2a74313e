//! What the simulated world is like, as TOML tables. Every default names its source.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

mod cluster;
mod faults;
mod metrics;
mod pod;
mod prices;
mod requests;
mod rollout;
mod slo;
mod startup;
mod workload;

pub use cluster::Cluster;
pub use faults::Faults;
pub use metrics::{MetricsPath, Signal};
pub use pod::Pod;
pub use prices::Prices;
pub use requests::{Arrivals, Balancing, Queue, Requests, Throttling};
pub use rollout::{IntOrPercent, Rollout};
pub use slo::Slo;
pub use startup::Startup;
pub use workload::{Family, Gaps, Workload};

/// All tables of a simulated world.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Settings {
    /// `[workload]`.
    pub workload: Workload,
    /// `[pod]`.
    pub pod: Pod,
    /// `[startup]`.
    pub startup: Startup,
    /// `[metrics]`.
    pub metrics: MetricsPath,
    /// `[cluster]`.
    pub cluster: Cluster,
    /// `[faults]`.
    pub faults: Faults,
    /// `[rollout]`.
    pub rollout: Rollout,
    /// `[slo]`.
    pub slo: Slo,
    /// `[prices]`.
    pub prices: Prices,
    /// `[requests]`.
    pub requests: Requests,
    /// How closely requests are simulated.
    pub level: Level,
}

/// How closely requests are simulated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Requests flow as a fluid through queues in closed form.
    #[default]
    Fluid,
    /// Every request arrives, waits, computes and leaves by itself.
    Requests,
}

impl Level {
    /// Its name in configuration, tables and documents.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Fluid => "fluid",
            Self::Requests => "requests",
        }
    }
}
