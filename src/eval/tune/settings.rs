//! `[tune]` of an experiment file.

use std::fmt;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::{InputError, UnitError, within};
use crate::eval::beam;
use crate::hpa::settings::PolicyText;
use crate::units::{Percent, Replicas, friendly, parse_span};

/// `[tune]`: what the search for the best static HPA tries. Every combination of the lists is a configuration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// CPU targets, in percent.
    pub targets: Vec<Percent>,
    /// Lower bounds of replicas.
    pub min_replicas: Vec<Replicas>,
    /// Further lower bounds: quantiles, from 0 to 1, of the pods that training time needed.
    pub demand_quantiles: Vec<f64>,
    /// Scale-down stabilisation, as in `"5m"`.
    #[schemars(with = "Vec<String>")]
    pub stabilize_down: Vec<SpanText>,
    /// Scale-up policies: `"default"`, or one such as `"200% per 15s"`.
    #[schemars(with = "Vec<String>")]
    pub scale_up: Vec<Limit>,
    /// Scale-down policies: `"default"`, or one such as `"1 pod per 60s"`.
    #[schemars(with = "Vec<String>")]
    pub scale_down: Vec<Limit>,
    /// Runs of each configuration, with different start-up delays.
    pub seeds: u32,
    /// Try all configurations on a part of training time first, and only the better ones on all of it.
    pub halving: bool,
    /// Choose a configuration for each function; otherwise one for all functions given.
    pub per_function: bool,
    /// Minutes that the evolution of `linear` may simulate for a function. On five recorded traces four million gave a
    /// better policy than one on four of them, by up to 6 %.
    pub linear_steps: u64,
    /// The search of `clairvoyant-hpa`.
    pub beam: beam::Settings,
}

impl Default for Settings {
    fn default() -> Self {
        let minutes = |minutes: u64| SpanText(Duration::from_mins(minutes));
        let limit = |text: &str| text.parse().expect("it is a policy");
        Self {
            targets: (4..20).filter_map(|five| Percent::try_from(f64::from(five * 5)).ok()).collect(),
            min_replicas: vec![1, 2, 3, 5],
            demand_quantiles: vec![0.5, 0.9],
            stabilize_down: [0, 1, 2, 5, 10].map(minutes).into(),
            scale_up: vec![limit("default"), limit("200% per 15s"), limit("2 pods per 30s")],
            scale_down: vec![limit("default"), limit("10% per 1m"), limit("1 pod per 1m")],
            seeds: 1,
            halving: true,
            per_function: true,
            linear_steps: 4_000_000,
            beam: beam::Settings::default(),
        }
    }
}

impl Settings {
    /// Checks the ranges.
    ///
    /// # Errors
    /// The first value out of range.
    pub fn validate(&self) -> Result<(), InputError> {
        for (field, empty) in [
            ("tune.targets", self.targets.is_empty()),
            ("tune.min_replicas", self.min_replicas.is_empty()),
            ("tune.stabilize_down", self.stabilize_down.is_empty()),
            ("tune.scale_up", self.scale_up.is_empty()),
            ("tune.scale_down", self.scale_down.is_empty()),
        ] {
            if empty {
                let help = "name at least one value, or leave the key out";
                return Err(InputError::new("the list is empty", help).field(field));
            }
        }
        for &replicas in &self.min_replicas {
            within("tune.min_replicas", f64::from(replicas), 1.0, 100_000.0)?;
        }
        for &quantile in &self.demand_quantiles {
            within("tune.demand_quantiles", quantile, 0.0, 1.0)?;
        }
        for span in &self.stabilize_down {
            within("tune.stabilize_down", span.0.as_secs_f64(), 0.0, 3600.0)?;
        }
        within("tune.linear_steps", self.linear_steps as f64, 1.0, 1e12)?;
        self.beam.validate()?;
        within("tune.seeds", f64::from(self.seeds), 1.0, 1000.0)
    }
}

/// A span of time in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SpanText(pub Duration);

impl TryFrom<String> for SpanText {
    type Error = UnitError;

    fn try_from(text: String) -> Result<Self, UnitError> {
        parse_span(&text).map(Self)
    }
}

impl From<SpanText> for String {
    fn from(span: SpanText) -> Self {
        friendly(span.0)
    }
}

/// A limit on change: a policy, or `autoscaling/v2`'s defaults.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Limit(pub Option<PolicyText>);

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            None => f.write_str("default"),
            Some(policy) => policy.fmt(f),
        }
    }
}

impl From<Limit> for String {
    fn from(limit: Limit) -> Self {
        limit.to_string()
    }
}

impl TryFrom<String> for Limit {
    type Error = UnitError;

    fn try_from(text: String) -> Result<Self, UnitError> {
        text.parse()
    }
}

impl std::str::FromStr for Limit {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        if text.trim() == "default" { Ok(Self(None)) } else { text.parse().map(|policy| Self(Some(policy))) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_reads_back_as_it_is_written() {
        let settings = Settings::default();
        let text = toml::to_string(&settings).unwrap();
        assert!(text.contains("stabilize_down = [\"0s\", \"1m\", \"2m\", \"5m\", \"10m\"]"), "{text}");
        assert!(text.contains("scale_up = [\"default\", \"200% per 15s\", \"2 pods per 30s\"]"), "{text}");
        assert_eq!(toml::from_str::<Settings>(&text).unwrap(), settings);
        assert!(toml::from_str::<Settings>("scale_up = [\"fast\"]").is_err());
    }

    #[test]
    fn values_out_of_range_are_named() {
        let refused = |settings: Settings| settings.validate().unwrap_err().to_string();
        let empty = Settings { targets: vec![], ..Settings::default() };
        assert_eq!(refused(empty), "`tune.targets`: the list is empty");
        let none = Settings { min_replicas: vec![1, 0], ..Settings::default() };
        assert_eq!(refused(none), "`tune.min_replicas`: 0 is outside 1 to 100000");
        let beyond = Settings { demand_quantiles: vec![1.5], ..Settings::default() };
        assert_eq!(refused(beyond), "`tune.demand_quantiles`: 1.5 is outside 0 to 1");
    }
}
