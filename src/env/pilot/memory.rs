//! What a [`Pilot`](super::Pilot) leaves to the next one, where the process does not live from one decision to the next.

use serde::{Deserialize, Serialize};

use crate::env::distribution::{Distribution, choice};
use crate::env::{Actions, Sight, settings};
use crate::error::{InputError, within};
use crate::units::Replicas;

/// What a [`Pilot`](super::Pilot) has to remember from one decision to the next, where the process does not live that long.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Memory {
    /// The HPA's own minReplicas, before any patch.
    pub min_replicas: Replicas,
    /// The HPA's own maxReplicas, before any patch, where patches change it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_replicas: Option<Replicas>,
    /// The HPA's own CPU target in percent, before any patch; `null` when it has none.
    pub target_cpu: Option<i32>,
    /// The HPA's own scale-down stabilisation in seconds, before any patch.
    pub stabilize_down_s: u64,
    /// Share of requests late or dropped, smoothed over 10 and over 60 minutes.
    pub violation_rates: [f64; 2],
    /// The observations of the decisions before, where the policy sees several at once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub frames: Vec<f32>,
    /// The last action, and how many seconds before the last decision one changed something, where there is a cool-down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<(Vec<f32>, Option<f64>)>,
}

impl Memory {
    /// The HPA's own fields alone, where another policy takes over.
    #[must_use]
    pub fn handed_over(self) -> Self {
        Self { violation_rates: [0.0; 2], frames: Vec::new(), last: None, ..self }
    }

    /// Checks that a policy of `env` can have left it beside an HPA whose minReplicas may be as low as `least`.
    ///
    /// # Errors
    /// The first field that cannot be, as `memory.FIELD`.
    pub fn check(&self, env: &settings::Settings, least: Replicas) -> Result<(), InputError> {
        self.check_own(least)?;
        self.violation_rates.iter().try_for_each(|&rate| within("memory.violation_rates", rate, 0.0, 1.0))?;
        self.check_frames(env)?;
        self.check_last(&Actions::new(&env.action).distributions())
    }

    /// As [`check`](Self::check), of the HPA's own fields.
    ///
    /// # Errors
    /// The first field that cannot be, as `memory.FIELD`.
    pub fn check_own(&self, least: Replicas) -> Result<(), InputError> {
        let whole = |field: &str, value: Replicas, least: Replicas| {
            within(&format!("memory.{field}"), f64::from(value), f64::from(least), f64::from(Replicas::MAX))
        };
        whole("min_replicas", self.min_replicas, least)?;
        self.max_replicas.map_or(Ok(()), |max| whole("max_replicas", max, self.min_replicas.max(1)))?;
        self.target_cpu.map_or(Ok(()), |target| whole("target_cpu", target, 1))?;
        within("memory.stabilize_down_s", self.stabilize_down_s as f64, 0.0, 3600.0)
    }

    fn check_frames(&self, env: &settings::Settings) -> Result<(), InputError> {
        let seen = Sight::new(env).len();
        let expected = seen - seen / env.observation.frames.max(1);
        if self.frames.len() == expected && self.frames.iter().all(|value| value.is_finite()) {
            return Ok(());
        }
        let problem = format!("there are {} values, and the policy keeps {expected} finite ones", self.frames.len());
        Err(InputError::new(problem, "write what a decision left").field("memory.frames"))
    }

    fn check_last(&self, heads: &[Distribution]) -> Result<(), InputError> {
        let Some((action, ago)) = &self.last else { return Ok(()) };
        let taken = |(&number, head): (&f32, &Distribution)| match head {
            Distribution::Categorical(choices) => number >= 0.0 && number.fract() == 0.0 && choice(number) < *choices,
            Distribution::Gaussian | Distribution::Beta => number.is_finite(),
        };
        let whole = action.len() == heads.len() && action.iter().zip(heads).all(taken);
        if whole && ago.is_none_or(|seconds| seconds >= 0.0 && seconds.is_finite()) {
            return Ok(());
        }
        Err(InputError::new("this is no action of the policy", "write what a decision left").field("memory.last"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(change: impl FnOnce(&mut Memory), least: Replicas) -> Result<(), String> {
        let text = "action.mode = \"direct\"\naction.cooldown = \"2m\"\nobservation.frames = 2";
        let env: settings::Settings = toml::from_str(text).unwrap();
        let mut memory = Memory {
            min_replicas: 1,
            max_replicas: Some(9),
            target_cpu: Some(80),
            stabilize_down_s: 300,
            violation_rates: [0.0; 2],
            frames: vec![0.5; Sight::new(&env).len() / 2],
            last: Some((vec![4.0], Some(60.0))),
        };
        change(&mut memory);
        memory.check(&env, least).map_err(|error| error.field.unwrap_or_default())
    }

    #[test]
    fn a_memory_that_no_decision_can_have_left_is_refused_by_field() {
        assert_eq!(checked(|_| (), 1), Ok(()));
        let refused = |field: &str, memory: Result<(), String>| assert_eq!(memory, Err(format!("memory.{field}")));
        refused("min_replicas", checked(|it| it.min_replicas = -5, 1));
        refused("min_replicas", checked(|it| it.min_replicas = 0, 1));
        refused("max_replicas", checked(|it| (it.min_replicas, it.max_replicas) = (4, Some(3)), 1));
        refused("target_cpu", checked(|it| it.target_cpu = Some(-7), 1));
        refused("stabilize_down_s", checked(|it| it.stabilize_down_s = 7200, 1));
        refused("violation_rates", checked(|it| it.violation_rates = [0.0, 1.5], 1));
        refused("frames", checked(|it| it.frames.truncate(3), 1));
        refused("last", checked(|it| it.last = Some((vec![5.0], None)), 1));
        refused("last", checked(|it| it.last = Some((vec![1.0, 1.0], None)), 1));
        refused("last", checked(|it| it.last = Some((vec![1.0], Some(-1.0))), 1));
    }

    #[test]
    fn an_hpa_that_may_scale_to_zero_has_a_bound_of_none() {
        assert_eq!(checked(|it| (it.min_replicas, it.target_cpu) = (0, None), 0), Ok(()));
        assert_eq!(checked(|it| it.max_replicas = Some(0), 0), Err("memory.max_replicas".to_owned()));
    }
}
