//! What shapes the network and computes its gradient: keys of `[train]`, and `[train.gru]`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Algorithm, Settings};
use crate::error::{InputError, within};

/// The most numbers that an actor remembers.
pub const MOST_REMEMBERED: usize = 1024;

/// What the critic sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Critic {
    /// The observation.
    Plain,
    /// The observation and the load to come.
    Privileged,
}

/// What a layer's sums become on their way to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Activation {
    /// The hyperbolic tangent, which Andrychowicz et al. found best for small networks.
    #[default]
    Tanh,
    /// `max(x, 0)`.
    Relu,
}

/// What the actor remembers of an episode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Memory {
    /// Nothing.
    #[default]
    None,
    /// What a gated recurrent unit keeps.
    Gru,
}

/// `[train.gru]`, for `train.memory = "gru"`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Gru {
    /// Numbers that it remembers, 1 to 1024.
    pub width: usize,
    /// Steps through which gradients flow back, 1 to 10000: a divisor of an episode's, or more for whole episodes. Minibatches
    /// are of whole such sequences, each from the memory that its first step had.
    pub sequence: usize,
}

impl Default for Gru {
    fn default() -> Self {
        Self { width: 32, sequence: 60 }
    }
}

/// What computes losses and gradients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Executor {
    /// Fused kernels on the CPU, the graph on other devices.
    Auto,
    /// Fused kernels; the CPU only.
    Fused,
    /// Candle's graph.
    Graph,
}

impl Settings {
    /// Numbers that the actor remembers.
    #[must_use]
    pub fn remembers(&self) -> usize {
        if self.memory == Memory::Gru { self.gru.width } else { 0 }
    }

    /// Steps through which gradients flow back, in an episode of `steps` steps: the largest number up to
    /// `gru.sequence` that divides them.
    #[must_use]
    pub fn sequence(&self, steps: usize) -> usize {
        (1..=self.gru.sequence.min(steps)).rev().find(|&length| steps.is_multiple_of(length)).unwrap_or(1)
    }

    /// Checks that sequences divide episodes of `steps` steps, where the actor remembers.
    ///
    /// # Errors
    /// They do not; the largest shorter one that does is named.
    pub fn validate_sequence(&self, steps: usize) -> Result<(), InputError> {
        let nearest = self.sequence(steps);
        if self.memory == Memory::None || nearest == self.gru.sequence.min(steps) {
            return Ok(());
        }
        let problem = format!("{} does not divide the {steps} steps of an episode", self.gru.sequence);
        let help = format!("write {nearest}, or another divisor of {steps}, or change env.episode");
        Err(InputError::new(problem, help).field("train.gru.sequence"))
    }

    /// Checks the ranges of what shapes the network.
    pub(super) fn validate_network(&self) -> Result<(), InputError> {
        for (field, widths) in [("train.hidden", &self.hidden), ("train.critic_hidden", &self.critic_hidden)] {
            within(field, widths.len() as f64, 1.0, 8.0)?;
            widths.iter().try_for_each(|&width| within(field, width as f64, 1.0, 4096.0))?;
        }
        within("train.gru.width", self.gru.width as f64, 1.0, MOST_REMEMBERED as f64)?;
        within("train.gru.sequence", self.gru.sequence as f64, 1.0, 10_000.0)?;
        let valued = matches!(self.algorithm, Algorithm::QLearning | Algorithm::Cql | Algorithm::Bcq);
        let (problem, help) = match (self.memory, valued, self.executor) {
            (Memory::Gru, true, _) => ("this algorithm remembers nothing", "take ppo or another on-policy algorithm"),
            (Memory::Gru, _, Executor::Fused) => ("the fused executor has no memory", "write executor = \"auto\""),
            _ => return Ok(()),
        };
        Err(InputError::new(problem, format!("{help}, or write memory = \"none\"")).field("train.memory"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequences_that_do_not_divide_an_episode_are_refused_with_the_next_that_does() {
        let of = |sequence: usize, memory: Memory| {
            let gru = Gru { sequence, ..Gru::default() };
            Settings { memory, gru, ..Settings::default() }
        };
        let episode = crate::env::Settings::default().steps();
        assert!(of(Gru::default().sequence, Memory::Gru).validate_sequence(episode).is_ok());
        assert!(of(300, Memory::Gru).validate_sequence(240).is_ok(), "whole episodes");
        assert!(of(60, Memory::None).validate_sequence(241).is_ok(), "nothing is remembered");
        let error = of(50, Memory::Gru).validate_sequence(240).unwrap_err();
        assert_eq!(error.to_string(), "`train.gru.sequence`: 50 does not divide the 240 steps of an episode");
        assert!(error.help.starts_with("write 48,"), "{}", error.help);
        assert!(of(60, Memory::Gru).validate_sequence(241).is_err(), "a prime number of steps");
    }
}
