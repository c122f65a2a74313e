//! `[env.observation]`: what an agent sees.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::{InputError, within};

/// Most observations that are stacked.
const MOST_FRAMES: f64 = 64.0;

/// `[env.observation]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Observation {
    /// Which values are seen: `default`, demand and pods in ratios that fit functions of all sizes, or `classic`, sixteen
    /// values between bounds.
    pub profile: Profile,
    /// How many observations are seen at once, the present one and those of the decisions before, 1 to 64.
    pub frames: usize,
    /// Performance that is seen besides.
    pub performance: Vec<Performance>,
    /// Bounds of profile `classic`.
    pub classic: Bounds,
}

impl Default for Observation {
    fn default() -> Self {
        Self { profile: Profile::Default, frames: 1, performance: Vec::new(), classic: Bounds::default() }
    }
}

/// Which values an agent sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// Demand, the HPA's fields, pods, violations and time of day, in ratios and logarithms.
    #[default]
    Default,
    /// CPU, memory, network, disk, latencies, errors, throughput, replicas, queue, time and trends, each between bounds.
    Classic,
}

/// How well a function does; the less the better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Performance {
    /// Requests in service or waiting, per ready pod.
    InFlight,
    /// Requests that wait, per ready pod.
    Queue,
    /// Mean response time since the decision before.
    Mean,
    /// Median of the response time.
    P50,
    /// 90th percentile of the response time.
    P90,
    /// 99th percentile of the response time.
    P99,
    /// Mean response time, averaged exponentially over five decisions.
    Ewma,
    /// Standard deviation of the mean response time, over about five decisions.
    Deviation,
}

impl Performance {
    /// Its name in configuration and in policy files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::InFlight => "in-flight",
            Self::Queue => "queue",
            Self::Mean => "mean",
            Self::P50 => "p50",
            Self::P90 => "p90",
            Self::P99 => "p99",
            Self::Ewma => "ewma",
            Self::Deviation => "deviation",
        }
    }
}

/// `[env.observation.classic]`: least and largest of each value, which become 0 and 1; what lies beyond is cut. Sine and
/// cosine of hour and weekday, and the trends, lie between -1 and 1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Bounds {
    /// Mean CPU of ready pods, in percent of their request.
    pub cpu: (f64, f64),
    /// Working set of a ready pod, in percent of its limit.
    pub memory: (f64, f64),
    /// Network traffic in bytes per second. No trace has it, so the value is the least.
    pub network: (f64, f64),
    /// Disk traffic in bytes per second. No trace has it, so the value is the least.
    pub disk: (f64, f64),
    /// Median response time, in milliseconds.
    pub p50_ms: (f64, f64),
    /// 99th percentile of response times, in milliseconds.
    pub p99_ms: (f64, f64),
    /// Share of requests lost since the decision before.
    pub error_rate: (f64, f64),
    /// Requests answered per second since the decision before.
    pub throughput: (f64, f64),
    /// Replicas asked for.
    pub replicas: (f64, f64),
    /// Requests that wait.
    pub pending: (f64, f64),
    /// Change of CPU from one decision to the next, in percent of the request, whose trend is tanh 1.
    pub cpu_trend: f64,
    /// Change of the mean response time from one decision to the next, in milliseconds, whose trend is tanh 1.
    pub latency_trend_ms: f64,
}

impl Default for Bounds {
    /// Those of the common sixteen-value encoder of infrastructure reinforcement learning.
    fn default() -> Self {
        Self {
            cpu: (0.0, 100.0),
            memory: (0.0, 100.0),
            network: (0.0, 1e9),
            disk: (0.0, 1e8),
            p50_ms: (0.0, 1000.0),
            p99_ms: (0.0, 5000.0),
            error_rate: (0.0, 1.0),
            throughput: (0.0, 1e5),
            replicas: (1.0, 100.0),
            pending: (0.0, 1e4),
            cpu_trend: 10.0,
            latency_trend_ms: 100.0,
        }
    }
}

impl Observation {
    pub(super) fn validate(&self) -> Result<(), InputError> {
        within("env.observation.frames", self.frames as f64, 1.0, MOST_FRAMES)?;
        let twice = |(at, it): (usize, &Performance)| self.performance[..at].contains(it);
        if self.performance.iter().enumerate().any(twice) {
            let error = InputError::new("a value is listed twice", "list each once");
            return Err(error.field("env.observation.performance"));
        }
        self.classic.validate()
    }
}

impl Bounds {
    fn validate(&self) -> Result<(), InputError> {
        for (key, (least, most)) in [
            ("cpu", self.cpu),
            ("memory", self.memory),
            ("network", self.network),
            ("disk", self.disk),
            ("p50_ms", self.p50_ms),
            ("p99_ms", self.p99_ms),
            ("error_rate", self.error_rate),
            ("throughput", self.throughput),
            ("replicas", self.replicas),
            ("pending", self.pending),
        ] {
            let field = format!("env.observation.classic.{key}");
            within(&field, least, 0.0, 1e15)?;
            within(&field, most, 0.0, 1e15)?;
            if most <= least {
                let error = InputError::new("the largest is not above the least", "write two bounds, the least first");
                return Err(error.field(field));
            }
        }
        within("env.observation.classic.cpu_trend", self.cpu_trend, 1e-6, 1e9)?;
        within("env.observation.classic.latency_trend_ms", self.latency_trend_ms, 1e-6, 1e9)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absurd_observations_are_refused() {
        for (text, field) in [
            ("frames = 0", "frames"),
            ("frames = 1000000", "frames"),
            ("performance = [\"mean\", \"mean\"]", "performance"),
            ("classic.cpu = [100.0, 0.0]", "classic.cpu"),
            ("classic.p99_ms = [0.0, inf]", "classic.p99_ms"),
            ("classic.cpu_trend = nan", "classic.cpu_trend"),
        ] {
            let observation: Observation = toml::from_str(text).unwrap();
            let error = observation.validate().unwrap_err().to_string();
            assert!(error.starts_with(&format!("`env.observation.{field}`")), "{error}");
        }
        assert!(toml::from_str::<Observation>("profile = \"rich\"").is_err());
    }
}
