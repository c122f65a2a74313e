//! `[env]` of an experiment file: what an agent does, how long an episode lasts, and what it is rewarded for.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::{InputError, at_least, within};
use crate::hpa::settings::PolicyText;
use crate::sim::LOAD_STEP;
use crate::units::{Percent, friendly, span};

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
            action: Action::default(),
            reward: Reward::default(),
            randomize: Randomize::default(),
        }
    }
}

/// `[env.action]`: one head of the policy for each knob, one choice for each value; target and stabilisation have one
/// more, which keeps the HPA's own. An empty list leaves the knob alone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Action {
    /// What the heads of target, safety and stabilisation are: `discrete` takes one of the values listed, `gaussian` and
    /// `beta` any number from the least to the largest of them, drawn from that distribution. Base and scale-up policies
    /// are choices in any case.
    pub head: HeadKind,
    /// CPU targets, in percent.
    pub target_cpu: Vec<Percent>,
    /// What the proposal for minReplicas starts from.
    pub min_base: Vec<Base>,
    /// Safety `β` added to the base: minReplicas = ⌈base + β √base⌉, in pods, never below the HPA's own minReplicas.
    /// The spread of a load made of many independent requests grows with its square root.
    pub min_safety: Vec<f64>,
    /// Windows of scale-down stabilisation.
    #[serde(with = "spans")]
    #[schemars(with = "Vec<String>")]
    pub stabilize_down: Vec<Duration>,
    /// Scale-up policies, the largest change of a list wins.
    pub scale_up: Vec<Vec<PolicyText>>,
}

impl Default for Action {
    fn default() -> Self {
        let percent = |value: f64| Percent::try_from(value).expect("a percentage");
        Self {
            head: HeadKind::Discrete,
            target_cpu: [50.0, 60.0, 70.0, 80.0, 90.0].map(percent).to_vec(),
            min_base: vec![Base::Start, Base::Level, Base::Peak, Base::Hour, Base::Season, Base::Highest],
            min_safety: vec![-0.5, 0.0, 0.25, 0.5, 1.0, 1.5, 2.0, 3.0],
            stabilize_down: [0, 60, 180, 300, 600].map(Duration::from_secs).to_vec(),
            scale_up: Vec::new(),
        }
    }
}

/// What heads of knobs with a range are drawn from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum HeadKind {
    /// One of the values listed.
    #[default]
    Discrete,
    /// A normal distribution, cut to the range.
    Gaussian,
    /// A Beta distribution over the range.
    Beta,
}

/// A forecast of demand that a proposal for minReplicas starts from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Base {
    /// What the start proposes: its linear policy's pods, or its HPA's minReplicas.
    Start,
    /// Mean load of the last 2 min.
    Level,
    /// Largest load of the last 10 min.
    Peak,
    /// Largest load of the last hour.
    Hour,
    /// Yesterday's largest load over the coming 6 min, rescaled to today's level.
    Season,
    /// The larger of `peak` and `season`.
    Highest,
}

/// `[env.reward]`: the reward of an interval is the reference's cost minus the agent's, in units of the function's mean
/// load over the interval. Costs are levels, not changes, so they cannot be farmed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Reward {
    /// What the reward is made of: `levels`, or `differences`, the classic reward, which can be farmed and is there to be
    /// compared with. The keys below belong to levels.
    pub form: Form,
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
        Self { form: Form::Levels, pod_time: 1.0, violations: 1.0, churn: 0.0, reference: true }
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

impl Action {
    fn validate(&self) -> Result<(), InputError> {
        let most = usize::from(u8::MAX);
        let lengths = [
            ("env.action.target_cpu", self.target_cpu.len()),
            ("env.action.min_base", self.min_base.len()),
            ("env.action.min_safety", self.min_safety.len()),
            ("env.action.stabilize_down", self.stabilize_down.len()),
            ("env.action.scale_up", self.scale_up.len()),
        ];
        for (field, length) in lengths {
            within(field, length as f64, 0.0, most as f64)?;
        }
        if self.min_base.is_empty() != self.min_safety.is_empty() {
            let problem = "min_base and min_safety work together, and one of them is empty";
            return Err(InputError::new(problem, "fill both or leave both empty").field("env.action.min_safety"));
        }
        if lengths.iter().all(|&(_, length)| length == 0) {
            return Err(InputError::new("the agent has no choice", "fill at least one list").field("env.action"));
        }
        if self.scale_up.iter().any(Vec::is_empty) {
            let help = "write at least one policy, such as \"4 pods per 15s\"";
            return Err(InputError::new("a list of policies is empty", help).field("env.action.scale_up"));
        }
        self.min_safety.iter().try_for_each(|&safety| within("env.action.min_safety", safety, -10.0, 100.0))?;
        let hour = Duration::from_hours(1).as_secs_f64();
        self.stabilize_down
            .iter()
            .try_for_each(|window| within("env.action.stabilize_down", window.as_secs_f64(), 0.0, hour))
    }
}

/// Serde for a list of spans as people write them.
mod spans {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    use crate::units::{friendly, parse_span};

    pub(super) fn serialize<S: Serializer>(spans: &[Duration], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(spans.iter().map(|&span| friendly(span)))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Duration>, D::Error> {
        let texts = Vec::<String>::deserialize(deserializer)?;
        texts.iter().map(|text| parse_span(text).map_err(serde::de::Error::custom)).collect()
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
