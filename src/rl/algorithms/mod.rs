//! Algorithms by name. The on-policy ones share a [`Trainer`](super::Trainer) and differ in a [`Method`]; Q-learning and
//! the offline ones are [`Learner`](super::learner::Learner)s of their own.

pub mod actor_critic;
mod bcq;
mod cql;
pub mod grpo;
pub mod offline;
pub mod ppo;
pub mod ppo_lagrangian;
pub mod q_learning;
pub mod reinforce;

use serde_json::Value;

use super::gae;
use super::gradient::Objective;
use super::settings::{Algorithm, Settings};
use crate::error::InputError;

/// What sets one on-policy algorithm apart from another: how it credits steps, and what it minimises.
pub trait Method: Send + Sync {
    /// Values that the critic gives; 0 is no critic.
    fn values(&self) -> usize;

    /// Advantages and returns of one environment's steps.
    fn credit(&self, lane: &Lane<'_>) -> Credit;

    /// Compares the advantages of environments that meet the same traffic. `[environments, steps]`, `group` of them
    /// together.
    fn compare(&self, advantages: &mut [f32], steps: usize, group: usize) {
        gae::subtract_others(advantages, steps, group);
    }

    /// What the passes over an update's steps do; `left` is the share of updates that are left, 1 at the start.
    fn plan(&self, left: f64) -> Plan;

    /// Updates after which the reference policy becomes the present one; `None` is no reference.
    fn refresh(&self) -> Option<u64> {
        None
    }

    /// Hears which share of the exposure was cost in the update's steps, before they are credited.
    fn constrain(&mut self, _share: f64) {}

    /// Weight of costs against rewards, both scaled.
    fn multiplier(&self) -> Option<f64> {
        None
    }

    /// What it has to remember between updates.
    fn save(&self) -> Value {
        Value::Null
    }

    /// Takes up what [`save`](Self::save) returned.
    ///
    /// # Errors
    /// It is something else.
    fn restore(&mut self, _state: &Value) -> Result<(), InputError> {
        Ok(())
    }
}

/// One environment's steps, in order of time, as an algorithm credits them. All have length `T`.
#[derive(Debug)]
pub struct Lane<'a> {
    /// Rewards, scaled.
    pub rewards: Vec<f32>,
    /// Costs of the constraint, scaled.
    pub costs: Vec<f32>,
    /// Nothing can be earned after these steps.
    pub terminated: &'a [bool],
    /// Episodes were cut after these steps.
    pub truncated: &'a [bool],
    /// `V(s_t)`, one list for each of the critic's values.
    pub values: Vec<Vec<f32>>,
    /// `V` of the state that step `t` led to, before any reset; one list for each of the critic's values.
    pub next_values: Vec<Vec<f32>>,
}

impl Lane<'_> {
    /// The rewards beside the critic's first value.
    #[must_use]
    pub fn rewarded(&self) -> gae::Steps<'_> {
        self.steps(&self.rewards, 0)
    }

    /// The costs beside the critic's second value.
    #[must_use]
    pub fn charged(&self) -> gae::Steps<'_> {
        self.steps(&self.costs, 1)
    }

    fn steps<'b>(&'b self, rewards: &'b [f32], value: usize) -> gae::Steps<'b> {
        gae::Steps {
            rewards,
            terminated: self.terminated,
            truncated: self.truncated,
            values: &self.values[value],
            next_values: &self.next_values[value],
        }
    }
}

/// What steps are credited with.
#[derive(Debug, Clone, PartialEq)]
pub struct Credit {
    /// `[T]`.
    pub advantages: Vec<f32>,
    /// What the critic learns, `[T, values]`; empty without a critic.
    pub returns: Vec<f32>,
}

/// What the passes over an update's steps do.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Plan {
    /// What they minimise.
    pub objective: Objective,
    /// Number of passes.
    pub epochs: usize,
    /// Steps of one gradient; a larger number than there are takes all.
    pub minibatch: usize,
    /// Whether advantages are brought to mean 0 and standard deviation 1, minibatch by minibatch.
    pub standardize: bool,
    /// Divergence from the policy that acted beyond which the passes end.
    pub most_kl: f64,
    /// Adam's step size for the actor.
    pub actor_rate: f64,
    /// Adam's step size for the critic.
    pub critic_rate: f64,
}

/// The on-policy method of the settings; `None` where the algorithm is none.
#[must_use]
pub fn method(settings: &Settings) -> Option<Box<dyn Method>> {
    Some(match settings.algorithm {
        Algorithm::Ppo => Box::new(ppo::Ppo::new(settings)),
        Algorithm::Reinforce => Box::new(reinforce::Reinforce::new(settings)),
        Algorithm::ActorCritic => Box::new(actor_critic::ActorCritic::new(settings)),
        Algorithm::Grpo => Box::new(grpo::Grpo::new(settings)),
        Algorithm::PpoLagrangian => Box::new(ppo_lagrangian::PpoLagrangian::new(settings)),
        Algorithm::QLearning | Algorithm::Cql | Algorithm::Bcq => return None,
    })
}

#[cfg(test)]
mod tests;
