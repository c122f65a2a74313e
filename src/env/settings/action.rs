//! `[env.action]`: what an agent moves, and how far.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::modes::{Direct, Infrastructure, Mode};
use crate::error::{InputError, within};
use crate::hpa::settings::PolicyText;
use crate::units::{Percent, span};

/// `[env.action]`: one head of the policy for each knob, one choice for each value; target and stabilisation have one
/// more, which keeps the HPA's own. An empty list leaves the knob alone. That is mode `hpa`; the tables below belong to the
/// other modes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Action {
    /// What the agent moves: `hpa` fields of the HPA; `direct` the replicas themselves, as minReplicas = maxReplicas;
    /// `infrastructure` replicas and the limits of pods, which no HPA has a field for.
    pub mode: Mode,
    /// Whether choices are masked that the bounds make the same as others, or that `cooldown` forbids. Left out, in modes
    /// `direct` and `infrastructure` by algorithms that know masks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub masks: Option<bool>,
    /// How long nothing changes after a change; above 0 only with masks.
    #[serde(with = "span")]
    #[schemars(with = "String")]
    pub cooldown: Duration,
    /// What the heads of target, safety and stabilisation are: `discrete` takes one of the values listed, `gaussian` and
    /// `beta` any number from the least to the largest of them, drawn from that distribution. Base and scale-up policies
    /// are choices in any case. In mode `infrastructure`: one of nine changes, or three numbers.
    pub head: HeadKind,
    /// CPU targets, in percent.
    pub target_cpu: Vec<Percent>,
    /// What the proposal for minReplicas starts from.
    pub min_base: Vec<Base>,
    /// Safety `β` added to the base: minReplicas = ⌈base + β √base⌉, in pods, never below the HPA's own minReplicas.
    /// The spread of a load made of many independent requests grows with its square root. A discrete head needs 0 among
    /// them, which leaves the base as it is.
    pub min_safety: Vec<f64>,
    /// Windows of scale-down stabilisation.
    #[serde(with = "spans")]
    #[schemars(with = "Vec<String>")]
    pub stabilize_down: Vec<Duration>,
    /// Scale-up policies, the largest change of a list wins.
    pub scale_up: Vec<Vec<PolicyText>>,
    /// Choices of mode `direct`.
    pub direct: Direct,
    /// Choices of mode `infrastructure`.
    pub infrastructure: Infrastructure,
}

impl Default for Action {
    /// One number: how far minReplicas leaves what the start proposes. Small steps about a start that is good already cost
    /// little while they are tried; choices that are far apart cost more than they teach.
    fn default() -> Self {
        Self {
            mode: Mode::Hpa,
            masks: None,
            cooldown: Duration::ZERO,
            head: HeadKind::Gaussian,
            target_cpu: Vec::new(),
            min_base: vec![Base::Start],
            min_safety: vec![-0.8, 0.0, 0.8],
            stabilize_down: Vec::new(),
            scale_up: Vec::new(),
            direct: Direct::default(),
            infrastructure: Infrastructure::default(),
        }
    }
}

impl Action {
    /// Choices for four knobs: for algorithms that weigh each choice by itself, and for starts that propose nothing.
    ///
    /// # Panics
    /// Never: these are percentages.
    #[must_use]
    pub fn choices() -> Self {
        let percent = |value: f64| Percent::try_from(value).expect("a percentage");
        Self {
            head: HeadKind::Discrete,
            target_cpu: [50.0, 60.0, 70.0, 80.0, 90.0].map(percent).to_vec(),
            min_base: vec![Base::Start, Base::Level, Base::Peak, Base::Hour, Base::Season, Base::Highest],
            min_safety: vec![-0.5, 0.0, 0.25, 0.5, 1.0, 1.5, 2.0, 3.0],
            stabilize_down: [0, 60, 180, 300, 600].map(Duration::from_secs).to_vec(),
            ..Self::default()
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
    /// The replicas that there are.
    Current,
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

impl Action {
    pub(super) fn validate(&self) -> Result<(), InputError> {
        self.validate_masks()?;
        match self.mode {
            Mode::Hpa => self.validate_fields(),
            Mode::Direct => self.direct.validate(),
            Mode::Infrastructure => self.infrastructure.validate(),
        }
    }

    /// Whether choices are masked, where the algorithm knows masks.
    #[must_use]
    pub fn masked(&self) -> bool {
        self.masks.unwrap_or(self.mode != Mode::Hpa)
    }

    fn validate_masks(&self) -> Result<(), InputError> {
        within("env.action.cooldown", self.cooldown.as_secs_f64(), 0.0, 86_400.0)?;
        let numbers = self.mode != Mode::Direct && self.head != HeadKind::Discrete;
        if !self.cooldown.is_zero() && (numbers || !self.masked()) {
            let (problem, help) = if numbers {
                ("a head that is a number cannot be held", "write head = \"discrete\", or cooldown = \"0s\"")
            } else {
                ("only masks hold an action", "write masks = true, or cooldown = \"0s\"")
            };
            return Err(InputError::new(problem, help).field("env.action.cooldown"));
        }
        if !self.cooldown.is_zero() && self.mode == Mode::Direct && !self.direct.base.contains(&Base::Current) {
            let problem = "a cool-down holds the replicas that there are, and no base says those";
            let help = "add \"current\" to env.action.direct.base, or write cooldown = \"0s\"";
            return Err(InputError::new(problem, help).field("env.action.cooldown"));
        }
        Ok(())
    }

    fn validate_fields(&self) -> Result<(), InputError> {
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
        if self.head == HeadKind::Discrete && !self.min_safety.is_empty() && !self.min_safety.contains(&0.0) {
            let problem = "no choice leaves minReplicas where the base puts it";
            return Err(InputError::new(problem, "add 0 to the list").field("env.action.min_safety"));
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
#[allow(clippy::float_cmp, reason = "choices are whole numbers")]
mod tests {
    use super::*;
    use crate::env::Actions;

    fn refused(text: &str) -> String {
        let action: Action = toml::from_str(text).unwrap();
        action.validate().unwrap_err().to_string()
    }

    #[test]
    fn tables_that_leave_an_agent_nothing_sensible_are_refused() {
        for (text, field) in [
            ("mode = \"direct\"\ndirect.steps = [0]", "env.action.direct.steps"),
            ("mode = \"direct\"\ndirect.steps = [1, 2]", "env.action.direct.steps"),
            ("mode = \"direct\"\ndirect.base = []", "env.action.direct.base"),
            ("mode = \"infrastructure\"\ninfrastructure.cpu = [\"2\", \"1\"]", "env.action.infrastructure.cpu"),
            ("mode = \"infrastructure\"\ninfrastructure.cpu_step = \"5\"", "env.action.infrastructure.cpu_step"),
            ("mode = \"infrastructure\"\ninfrastructure.memory = [\"0\", \"1Gi\"]", "env.action.infrastructure.memory"),
            ("mode = \"direct\"\ndirect.steps = [0, 0]", "env.action.direct.steps"),
            ("mode = \"direct\"\ndirect.base = [\"peak\", \"current\", \"peak\"]", "env.action.direct.base"),
            ("mode = \"direct\"\ndirect.base = [\"level\"]\ncooldown = \"1m\"", "env.action.cooldown"),
            ("head = \"discrete\"\nmin_safety = [-0.8, 0.8]", "env.action.min_safety"),
            ("cooldown = \"1m\"", "env.action.cooldown"),
            ("mode = \"infrastructure\"\nhead = \"beta\"\ncooldown = \"1m\"", "env.action.cooldown"),
        ] {
            assert!(refused(text).starts_with(&format!("`{field}`")), "{text}: {}", refused(text));
        }
    }

    #[test]
    fn a_head_of_any_kind_can_leave_the_start_as_it_stands() {
        for head in ["discrete", "gaussian", "beta"] {
            let action: Action = toml::from_str(&format!("head = {head:?}")).unwrap();
            action.validate().unwrap();
            let number = head != "discrete";
            let keep = Actions::new(&action).keep();
            assert!(keep[0] == 0.0 && if number { keep[1].is_nan() } else { keep[1] == 1.0 }, "{head}: {keep:?}");
        }
    }

    #[test]
    fn each_mode_has_sensible_defaults() {
        for (mode, masked) in [("hpa", false), ("direct", true), ("infrastructure", true)] {
            let action: Action = toml::from_str(&format!("mode = {mode:?}")).unwrap();
            action.validate().unwrap();
            assert_eq!((action.mode.name(), action.masked()), (mode, masked));
        }
    }
}
