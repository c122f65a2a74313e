//! `[startup]`: from a pod's creation to its readiness.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::units::span;

/// `[startup]`: from a pod's creation to its readiness. A start takes `fixed` plus a log-normal time with the given
/// median and 99th percentile, is rounded up to the next readiness probe, and adds an image pull with probability
/// `1 - image_cached`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Startup {
    /// Container runtime, the same for every pod.
    #[serde(with = "span")]
    #[schemars(with = "String")]
    pub fixed: Duration,
    /// Median of the application's start.
    #[serde(with = "span")]
    #[schemars(with = "String")]
    pub median: Duration,
    /// 99th percentile of the application's start, at least the median.
    #[serde(with = "span")]
    #[schemars(with = "String")]
    pub p99: Duration,
    /// Period of the readiness probe.
    #[serde(with = "span")]
    #[schemars(with = "String")]
    pub probe_period: Duration,
    /// Probability that the image lies on the node already, 0 to 1.
    pub image_cached: f64,
    /// Time of an image pull.
    #[serde(with = "span")]
    #[schemars(with = "String")]
    pub image_pull: Duration,
    /// CPU that a starting pod burns, as a share of its limit, 0 to 1.
    pub cpu_share: f64,
}

impl Default for Startup {
    /// Container runtime 0.26 s; a pod start in a production cluster p50 1.2 s, p99 4.3 s plus the application's own
    /// initialisation, here 10 s in the median (custom images in Huawei's 2025 trace), probed every 5 s.
    fn default() -> Self {
        Self {
            fixed: Duration::from_millis(300),
            median: Duration::from_secs(10),
            p99: Duration::from_secs(25),
            probe_period: Duration::from_secs(5),
            image_cached: 1.0,
            image_pull: Duration::from_secs(15),
            cpu_share: 0.0,
        }
    }
}
