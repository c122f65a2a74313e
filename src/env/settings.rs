//! `[env]` of an experiment file: what an agent does, how long an episode lasts, and what it is rewarded for.

mod action;
mod modes;
mod observation;

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::action::{Action, Base, HeadKind};
pub use self::modes::{Direct, Infrastructure, Mode};
pub use self::observation::{Bounds, Observation, Performance, Profile};
use crate::error::{InputError, at_least, within};
use crate::sim::LOAD_STEP;
use crate::units::{friendly, span};

/// `[env]`. An episode is a window of training time of one function; its end truncates and never terminates.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// How often the agent decides, a multiple of 15 s. The longer, the longer bursts wait for it.
    #[serde(with = "span")]
    #[schemars(with = "String")]
    pub control_interval: Duration,
    /// Length of an episode, a multiple of `control_interval`.
    #[serde(with = "span")]
    #[schemars(with = "String")]
    pub episode: Duration,
    /// What the agent sees.
    pub observation: Observation,
    /// The choices of the agent.
    pub action: Action,
    /// What the reward counts.
    pub reward: Reward,
    /// How episodes differ from the recorded world.
    pub randomize: Randomize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            control_interval: Duration::from_secs(15),
            episode: Duration::from_hours(1),
            observation: Observation::default(),
            action: Action::default(),
            reward: Reward::default(),
            randomize: Randomize::default(),
        }
    }
}

/// `[env.reward]`: the reward of an interval is the reference's cost minus the agent's, in units of the function's mean
/// load over the interval. Costs are levels, not changes, so they cannot be farmed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Reward {
    /// What the reward is made of: `levels`, or `differences`, the classic reward, which can be farmed and is there to be
    /// compared with. The keys below belong to levels, but for `performance`.
    pub form: Form,
    /// What `differences` takes for performance, the less the better.
    pub performance: Performance,
    /// Weight of reserved pod time.
    pub pod_time: f64,
    /// Weight of late and dropped requests, on top of `prices.violation`.
    pub violations: f64,
    /// Pod-seconds that a change of one replica costs.
    pub churn: f64,
    /// Subtracts the cost of the static `[hpa]` on the same time. It changes no preference, only noise.
    pub reference: bool,
}

/// What the reward of an interval is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Form {
    /// Costs of the interval.
    #[default]
    Levels,
    /// What has become better since the interval before.
    Differences,
}

impl Default for Reward {
    fn default() -> Self {
        Self {
            form: Form::Levels,
            performance: Performance::Mean,
            pod_time: 1.0,
            violations: 1.0,
            churn: 0.0,
            reference: true,
        }
    }
}

/// `[env.randomize]`: factors drawn for each episode, log-uniformly.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Randomize {
    /// Factors on the load; each makes one more copy of every function. `[1.0]` is the recorded load alone.
    pub load: Vec<f64>,
    /// Least and largest factor on the time a pod's application takes to start.
    pub startup: (f64, f64),
}

impl Default for Randomize {
    fn default() -> Self {
        Self { load: vec![1.0], startup: (0.6, 2.0) }
    }
}

impl Settings {
    /// Control intervals in an episode.
    #[must_use]
    pub fn steps(&self) -> usize {
        (self.episode.as_secs() / self.control_interval.as_secs().max(1)).max(1) as usize
    }

    /// Checks the ranges.
    ///
    /// # Errors
    /// The first value out of range.
    pub fn validate(&self) -> Result<(), InputError> {
        self.validate_times()?;
        self.observation.validate()?;
        self.action.validate()?;
        at_least("env.reward.pod_time", self.reward.pod_time, 0.0)?;
        at_least("env.reward.violations", self.reward.violations, 0.0)?;
        at_least("env.reward.churn", self.reward.churn, 0.0)?;
        let (least, most) = self.randomize.startup;
        within("env.randomize.startup", least, 0.01, 100.0)?;
        within("env.randomize.startup", most, least, 100.0)?;
        if self.randomize.load.is_empty() {
            return Err(InputError::new("no factor is given", "write [1.0]").field("env.randomize.load"));
        }
        self.randomize.load.iter().try_for_each(|&factor| within("env.randomize.load", factor, 0.01, 100.0))
    }

    fn validate_times(&self) -> Result<(), InputError> {
        let multiple = |field: &str, span: Duration, of: Duration| {
            if span >= of && span.as_nanos().is_multiple_of(of.as_nanos()) {
                return Ok(());
            }
            let of = friendly(of);
            let problem = format!("{} is not a multiple of {of}", friendly(span));
            Err(InputError::new(problem, format!("write {of} or a multiple of it")).field(field))
        };
        multiple("env.control_interval", self.control_interval, LOAD_STEP)?;
        multiple("env.episode", self.episode, self.control_interval)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_valid_and_survive_toml() {
        let settings = Settings::default();
        settings.validate().unwrap();
        let text = toml::to_string(&settings).unwrap();
        assert_eq!(toml::from_str::<Settings>(&text).unwrap(), settings);
        assert_eq!(settings.steps(), 240);
    }

    #[test]
    fn an_interval_that_cuts_a_load_sample_is_refused() {
        let settings = Settings { control_interval: Duration::from_secs(40), ..Settings::default() };
        let error = settings.validate().unwrap_err();
        assert_eq!(error.to_string(), "`env.control_interval`: 40s is not a multiple of 15s");
    }

    #[test]
    fn half_a_proposal_is_refused() {
        let action = Action { min_safety: Vec::new(), ..Action::default() };
        assert!(Settings { action, ..Settings::default() }.validate().is_err());
    }
}
