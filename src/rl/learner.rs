//! An algorithm at work, whatever it is: one update at a time, and able to stop and go on between two of them.

use serde_json::Value;

use super::brain::{Brain, Perceptron};
use super::file::Archive;
use super::gradient::Losses;
use super::network::Network;
use crate::error::InputError;

/// What learns. Equal settings and experience give equal states, on any number of threads.
pub trait Learner<Info>: Send {
    /// Collects experience where the algorithm plays, and learns from it.
    ///
    /// # Errors
    /// The device fails.
    fn update(&mut self) -> candle_core::Result<Report<Info>>;

    /// Its network, where the actor of that can be taught.
    fn network(&self) -> Option<&Network> {
        None
    }

    /// Takes over an `actor` that has learned from `steps` steps elsewhere.
    ///
    /// # Errors
    /// The actor has another shape, or normalises observations where this run does not, or the other way round; or
    /// nothing could be taught.
    fn teach(&mut self, _actor: &Perceptron, _steps: u64) -> Result<(), InputError> {
        Err(no_teacher("this algorithm has no actor that could be taught"))
    }

    /// Updates done.
    fn updates(&self) -> u64;

    /// Updates that the settings ask for.
    fn total_updates(&self) -> u64;

    /// Environment steps that an update learns from.
    fn steps_per_update(&self) -> u64;

    /// Whether all updates are done.
    fn finished(&self) -> bool {
        self.updates() >= self.total_updates()
    }

    /// What results may differ by in their last bits, apart from settings and traces: an instruction set or a device.
    /// Empty where they differ by nothing.
    fn isa(&self) -> &'static str {
        ""
    }

    /// The policy as it stands.
    fn brain(&self) -> Brain;

    /// Puts its numbers into the archive, and returns the rest of its state as JSON.
    fn save(&self, archive: &mut Archive) -> Value;

    /// Takes up what [`save`](Self::save) left, of the same settings.
    ///
    /// # Errors
    /// It is of other settings, or broken.
    fn restore(&mut self, archive: &Archive, state: &Value) -> Result<(), InputError>;
}

/// The policy that learning was to go on from is of no use.
pub(super) fn no_teacher(problem: &str) -> InputError {
    InputError::new(problem, "fine-tune a network by ppo, or start anew without --from").field("--from")
}

/// What an update did. Figures that an algorithm does not have are 0 or absent.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Report<Info> {
    /// Environment steps taken so far.
    pub step: u64,
    /// Mean sum of rewards of an environment's steps in this update.
    pub mean_return: f64,
    /// Means over the minibatches learned from.
    pub losses: Losses,
    /// Mean norm of the gradient before it was cut.
    pub grad_norm: f64,
    /// Share of the returns' variance that the critic explained beforehand.
    pub explained_variance: f64,
    /// Adam's step size for the actor.
    pub learning_rate: f64,
    /// Rewards that one unit of the constraint's cost was worth.
    pub multiplier: Option<f64>,
    /// Share of random actions.
    pub exploration: Option<f64>,
    /// Share of the log's states in which the policy takes an action that the log never takes.
    pub unseen_actions: Option<f64>,
    /// What each step said, environment by environment.
    pub infos: Vec<Info>,
}
