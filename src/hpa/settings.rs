//! `[hpa]` of a TOML file: an HPA's knobs as people write them, and their translation to a [`Spec`].

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::spec::{Behavior, Flags, Metric, Policy, PolicyKind, Resource, ScalingRules, SelectPolicy, Spec, Target};
use crate::error::UnitError;
use crate::units::{Percent, Replicas, friendly, optional_span, parse_span, span};

/// `[hpa]`. Defaults are kube-controller-manager's and `autoscaling/v2`'s, so an empty table is a stock HPA at 80 %.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Mean CPU of ready pods to aim at, in percent of their request. Leave it out to scale on memory alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_cpu: Option<Percent>,
    /// Mean memory of ready pods to aim at, in percent of their request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_memory: Option<Percent>,
    /// Lower bound of replicas, 1 or more.
    pub min_replicas: Replicas,
    /// Upper bound of replicas, at least `min_replicas`.
    pub max_replicas: Replicas,
    /// How often the controller looks (its `--horizontal-pod-autoscaler-sync-period`).
    #[serde(with = "span")]
    #[schemars(with = "String")]
    pub sync_period: Duration,
    /// How far the metric may be from its target without action, as a ratio.
    pub tolerance: f64,
    /// Rules for scaling up. Leaving out both directions leaves `spec.behavior` out, as most manifests do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scale_up: Option<Direction>,
    /// Rules for scaling down.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scale_down: Option<Direction>,
}

impl Default for Settings {
    fn default() -> Self {
        let flags = Flags::default();
        Self {
            target_cpu: Percent::try_from(80.0).ok(),
            target_memory: None,
            min_replicas: 1,
            max_replicas: 40,
            sync_period: flags.sync_period,
            tolerance: flags.tolerance,
            scale_up: None,
            scale_down: None,
        }
    }
}

/// `[hpa.scale_up]` or `[hpa.scale_down]`. What is left out takes `autoscaling/v2`'s default for the direction.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Direction {
    /// How long past recommendations hold back a change, up to an hour, as in `"5m"`.
    #[serde(with = "optional_span", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub stabilization: Option<Duration>,
    /// Which policy wins: `max` the largest change, `min` the smallest, `disabled` no change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub select: Option<Select>,
    /// Limits on change, as in `"4 pods per 15s"` or `"100% per 15s"`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policies: Option<Vec<PolicyText>>,
    /// Tolerance of this direction alone, as a ratio.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tolerance: Option<f64>,
}

/// `selectPolicy`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Select {
    /// The largest change.
    Max,
    /// The smallest change.
    Min,
    /// No change.
    Disabled,
}

/// A [`Policy`] in words: `"4 pods per 15s"`, `"100% per 15s"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
pub struct PolicyText(pub Policy);

impl fmt::Display for PolicyText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Policy { kind, value, period } = self.0;
        let unit = match kind {
            PolicyKind::Pods if value == 1 => " pod",
            PolicyKind::Pods => " pods",
            PolicyKind::Percent => "%",
        };
        write!(f, "{value}{unit} per {}", friendly(period))
    }
}

impl From<PolicyText> for String {
    fn from(policy: PolicyText) -> Self {
        policy.to_string()
    }
}

impl TryFrom<String> for PolicyText {
    type Error = UnitError;

    fn try_from(text: String) -> Result<Self, UnitError> {
        text.parse()
    }
}

impl FromStr for PolicyText {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let wrong =
            || UnitError::new(text, "a scaling policy", "write \"4 pods per 15s\" or \"100% per 15s\" (1s to 30m)");
        let (amount, period) = text.split_once("per").ok_or_else(wrong)?;
        let digits = amount.trim_start().chars().take_while(char::is_ascii_digit).count();
        let (value, unit) = amount.trim().split_at(digits);
        let kind = match unit.trim() {
            "pod" | "pods" => PolicyKind::Pods,
            "%" | "percent" => PolicyKind::Percent,
            _ => return Err(wrong()),
        };
        let value = value.parse().ok().filter(|&v: &i32| v > 0).ok_or_else(wrong)?;
        let period = parse_span(period.trim()).map_err(|_| wrong())?;
        let whole = period.subsec_nanos() == 0 && (1..=1800).contains(&period.as_secs());
        whole.then_some(Self(Policy { kind, value, period })).ok_or_else(wrong)
    }
}

impl Settings {
    /// The spec these knobs make, defaulted as the API server does.
    #[must_use]
    pub fn spec(&self) -> Spec {
        let metric = |resource, target: Percent| Metric::Resource {
            resource,
            target: Target::Utilization((target.get().round() as i32).max(1)),
        };
        let mut metrics: Vec<Metric> = Vec::new();
        metrics.extend(self.target_cpu.map(|target| metric(Resource::Cpu, target)));
        metrics.extend(self.target_memory.map(|target| metric(Resource::Memory, target)));
        if metrics.is_empty() {
            metrics.push(Metric::Resource { resource: Resource::Cpu, target: Target::Utilization(80) });
        }
        Spec { min_replicas: self.min_replicas, max_replicas: self.max_replicas, metrics, behavior: self.behavior() }
    }

    /// The controller's flags these knobs set; the others are its defaults.
    #[must_use]
    pub fn flags(&self) -> Flags {
        Flags { sync_period: self.sync_period, tolerance: self.tolerance, ..Flags::default() }
    }

    fn behavior(&self) -> Option<Behavior> {
        if self.scale_up.is_none() && self.scale_down.is_none() {
            return None;
        }
        let rules = |direction: &Option<Direction>, defaults: ScalingRules| match direction {
            Some(given) => given.rules(defaults),
            None => defaults,
        };
        Some(Behavior {
            scale_up: rules(&self.scale_up, ScalingRules::default_up()),
            scale_down: rules(&self.scale_down, ScalingRules::default_down()),
        })
    }
}

impl Direction {
    fn rules(&self, defaults: ScalingRules) -> ScalingRules {
        let select = match self.select {
            None | Some(Select::Max) => SelectPolicy::Max,
            Some(Select::Min) => SelectPolicy::Min,
            Some(Select::Disabled) => SelectPolicy::Disabled,
        };
        let given = self.policies.as_ref().map(|list| list.iter().map(|policy| policy.0).collect());
        ScalingRules {
            stabilization: self.stabilization.or(defaults.stabilization),
            select,
            policies: given.unwrap_or(defaults.policies),
            tolerance: self.tolerance,
        }
    }
}

impl ScalingRules {
    /// `autoscaling/v2`'s default for scaling up: the larger of 4 pods and 100 % per 15 s, at once.
    #[must_use]
    pub fn default_up() -> Self {
        let period = Duration::from_secs(15);
        let policies = vec![
            Policy { kind: PolicyKind::Pods, value: 4, period },
            Policy { kind: PolicyKind::Percent, value: 100, period },
        ];
        Self { stabilization: Some(Duration::ZERO), select: SelectPolicy::Max, policies, tolerance: None }
    }

    /// `autoscaling/v2`'s default for scaling down: 100 % per 15 s after the controller's stabilisation.
    #[must_use]
    pub fn default_down() -> Self {
        let policies = vec![Policy { kind: PolicyKind::Percent, value: 100, period: Duration::from_secs(15) }];
        Self { stabilization: None, select: SelectPolicy::Max, policies, tolerance: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_read_as_they_are_said() {
        for text in ["4 pods per 15s", "1 pod per 1m", "100% per 15s"] {
            assert_eq!(text.parse::<PolicyText>().unwrap().to_string(), text);
        }
        for text in ["", "4 per 15s", "0 pods per 15s", "4 pods per 31m", "4 pods", "pods per 15s", "-1% per 15s"] {
            assert!(text.parse::<PolicyText>().is_err(), "{text}");
        }
    }

    #[test]
    fn an_empty_table_is_a_stock_hpa_without_behavior() {
        let spec = Settings::default().spec();
        assert_eq!(spec.metrics, [Metric::Resource { resource: Resource::Cpu, target: Target::Utilization(80) }]);
        assert!(spec.behavior.is_none());
    }

    #[test]
    fn one_direction_given_defaults_the_other() {
        let down = Direction { stabilization: Some(Duration::from_secs(60)), ..Direction::default() };
        let spec = Settings { scale_down: Some(down), ..Settings::default() }.spec();
        let behavior = spec.behavior.unwrap();
        assert_eq!(behavior.scale_up, ScalingRules::default_up());
        assert_eq!(behavior.scale_down.stabilization, Some(Duration::from_secs(60)));
        assert_eq!(behavior.scale_down.policies, ScalingRules::default_down().policies);
    }
}
