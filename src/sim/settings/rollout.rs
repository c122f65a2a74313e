//! `[rollout]`: updates of the Deployment.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::units::{optional_span, spans};

/// `[rollout]`: when the Deployment's pod template changes, and how its pods are replaced (`strategy.rollingUpdate`).
/// Left out, it never changes. Meanwhile the HPA scales on, and sees the pods of both versions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Rollout {
    /// Spans from the start of a run after which an update begins, as in `["30m", "2h"]`. One that is under way is rolled
    /// over.
    #[serde(with = "spans")]
    #[schemars(with = "Vec<String>")]
    pub at: Vec<Duration>,
    /// Time between updates, the first so long after the start of a run; at least a second.
    #[serde(with = "optional_span", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub every: Option<Duration>,
    /// Pods that may be there beyond the replicas: a number, or a share of the replicas such as `"25%"`, rounded up.
    #[schemars(with = "Raw")]
    pub max_surge: IntOrPercent,
    /// Pods that may lack of the replicas: a number, or a share of the replicas up to `"100%"`, rounded down.
    #[schemars(with = "Raw")]
    pub max_unavailable: IntOrPercent,
}

impl Default for Rollout {
    /// Kubernetes' `SetDefaults_Deployment`: 25 % both.
    fn default() -> Self {
        Self {
            at: Vec::new(),
            every: None,
            max_surge: IntOrPercent::Percent(25),
            max_unavailable: IntOrPercent::Percent(25),
        }
    }
}

impl Rollout {
    /// Whether the Deployment is ever updated.
    #[must_use]
    pub fn any(&self) -> bool {
        !self.at.is_empty() || self.every.is_some()
    }
}

/// Kubernetes' `IntOrString`: a number of pods, or a share of the replicas.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Raw", into = "Raw")]
pub enum IntOrPercent {
    /// Pods.
    Count(u32),
    /// Percent of the replicas.
    Percent(u32),
}

impl IntOrPercent {
    /// So many of `replicas`, a share rounded up.
    #[must_use]
    pub fn up(self, replicas: u32) -> u32 {
        self.of(replicas, |share| share.div_ceil(100))
    }

    /// So many of `replicas`, a share rounded down.
    #[must_use]
    pub fn down(self, replicas: u32) -> u32 {
        self.of(replicas, |share| share / 100)
    }

    fn of(self, replicas: u32, divide: impl Fn(u64) -> u64) -> u32 {
        match self {
            Self::Count(count) => count,
            Self::Percent(percent) => {
                u32::try_from(divide(u64::from(replicas) * u64::from(percent))).unwrap_or(u32::MAX)
            }
        }
    }
}

/// How it is written.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
enum Raw {
    Count(i64),
    Share(String),
}

impl TryFrom<Raw> for IntOrPercent {
    type Error = String;

    fn try_from(raw: Raw) -> Result<Self, String> {
        let (found, read) = match raw {
            Raw::Count(count) => (count.to_string(), u32::try_from(count).ok().map(Self::Count)),
            Raw::Share(text) => {
                let digits = text.strip_suffix('%').filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
                let percent = digits.and_then(|digits| digits.parse().ok()).map(Self::Percent);
                (format!("{text:?}"), percent)
            }
        };
        read.ok_or_else(|| format!("{found} is no number of pods; write one of 0 or more, or a share such as \"25%\""))
    }
}

impl From<IntOrPercent> for Raw {
    fn from(value: IntOrPercent) -> Self {
        match value {
            IntOrPercent::Count(count) => Self::Count(i64::from(count)),
            IntOrPercent::Percent(percent) => Self::Share(format!("{percent}%")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_of_the_surge_is_rounded_up_and_one_of_the_unavailable_down() {
        let quarter = IntOrPercent::Percent(25);
        assert_eq!([0, 1, 4, 5, 10].map(|replicas| quarter.up(replicas)), [0, 1, 1, 2, 3]);
        assert_eq!([0, 1, 4, 5, 10].map(|replicas| quarter.down(replicas)), [0, 0, 1, 1, 2]);
        assert_eq!((IntOrPercent::Count(3).up(1), IntOrPercent::Percent(100).down(7)), (3, 7));
    }

    #[test]
    fn numbers_and_shares_are_read_and_written_and_all_else_is_refused() {
        let read = |text: &str| toml::from_str::<Rollout>(text);
        let rollout = read("max_surge = 2\nmax_unavailable = \"10%\"").unwrap();
        assert_eq!((rollout.max_surge, rollout.max_unavailable), (IntOrPercent::Count(2), IntOrPercent::Percent(10)));
        assert_eq!(toml::from_str::<Rollout>(&toml::to_string(&rollout).unwrap()).unwrap(), rollout);
        for wrong in ["-1", "\"many\"", "\"-5%\"", "\"%\"", "\"5\""] {
            let error = read(&format!("max_surge = {wrong}")).unwrap_err().to_string();
            assert!(error.contains("is no number of pods"), "{wrong}: {error}");
        }
    }
}
