//! `[slo]`: which requests are late, and how many may be.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::units::{Percent, optional_span, span};

/// `[slo]`: which requests count as violations, and how many may.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Slo {
    /// A request is late when it takes longer. Left out, `slowdown` decides.
    #[serde(with = "optional_span", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub latency: Option<Duration>,
    /// A request is late when it takes longer than this multiple of its own service time plus `slack`.
    pub slowdown: f64,
    /// Waiting that is always allowed.
    #[serde(with = "span")]
    #[schemars(with = "String")]
    pub slack: Duration,
    /// Share of requests that shall meet it, in percent.
    pub target: Percent,
    /// A request that waited this long is dropped.
    #[serde(with = "span")]
    #[schemars(with = "String")]
    pub timeout: Duration,
}

impl Default for Slo {
    fn default() -> Self {
        Self {
            latency: None,
            slowdown: 1.0,
            slack: Duration::from_millis(500),
            target: Percent::try_from(99.0).expect("99 is a percentage"),
            timeout: Duration::from_secs(60),
        }
    }
}
