//! `[faults]`: what breaks.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::units::spans;

/// `[faults]`: containers that crash. What a pod has taken is lost with its container, which the kubelet starts again
/// after its back-off: 10 s, doubled at each restart up to 5 min, and 10 s again after 10 minutes without one.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Faults {
    /// Crashes per hour that a container runs, 0 to 3600. They are memoryless: a container crashes as likely in its
    /// first minute as in any other. Nothing is known about other people's crashes, so the default is none.
    pub crash_rate: f64,
    /// Spans from the start of a run after which all containers that run crash at once, as in `["1h", "90m"]`.
    #[serde(with = "spans")]
    #[schemars(with = "Vec<String>")]
    pub crash_all_at: Vec<Duration>,
}
