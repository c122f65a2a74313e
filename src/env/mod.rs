//! The reinforcement-learning environment around the simulator.
//!
//! An episode is a window of training time of one function. Its end truncates; a service does not end at the end of a
//! trace, so nothing terminates. Observation and action come through [`Pilot`], which also flies a trained policy.

pub mod action;
pub mod autoscaling;
pub mod balancing;
pub mod branch;
pub mod classic;
pub mod distribution;
pub mod fairness;
pub mod foresight;
pub mod live;
pub mod observation;
pub mod performance;
pub mod pilot;
pub mod reward;
pub mod scenario;
pub mod settings;
pub mod sight;
pub mod start;
pub mod synthetic;

pub use action::Actions;
pub use autoscaling::Autoscaling;
pub use balancing::Balancing;
pub use branch::Branch;
pub use distribution::Distribution;
pub use pilot::{Memory, Pilot};
pub use scenario::{Scenario, Shares};
pub use settings::Settings;
pub use sight::Sight;
pub use start::Start;
pub use synthetic::Synthetic;

/// An environment with Gymnasium's semantics: `reset(seed)`, then `step(action)` until `terminated` or `truncated`.
///
/// Equal seeds and actions give equal observations and rewards. The observation is written into the caller's slice.
pub trait Environment: Send {
    /// What a step says besides the reward.
    type Info: Send + Sync + Copy + Default;

    /// Number of values in an observation.
    fn observation_len(&self) -> usize;

    /// Number of values that a critic may see during training and an actor never; they may lie in the future.
    fn privileged_len(&self) -> usize {
        0
    }

    /// What each part of an action, a head, is drawn from.
    fn heads(&self) -> Vec<Distribution>;

    /// Starts the episode of `seed`.
    fn reset(&mut self, seed: u64);

    /// Takes one number a head.
    fn step(&mut self, action: &[f32]) -> Step<Self::Info>;

    /// Writes the current observation. Call it once after each `reset` or `step`.
    fn observe(&mut self, out: &mut [f32]);

    /// Whether [`mask`](Self::mask) ever forbids a choice.
    fn is_masked(&self) -> bool {
        false
    }

    /// Forbids choices in the state last observed: writes false for each that may not be taken, into one value for each
    /// output of the heads, all true beforehand. A categorical head keeps at least one choice; others are not masked.
    fn mask(&self, _allowed: &mut [bool]) {}

    /// Writes what only the critic may see.
    fn foresee(&self, _out: &mut [f32]) {}
}

/// What a step returns.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Step<Info> {
    /// The reward.
    pub reward: f64,
    /// What a constraint counts, such as late requests; 0 where there is none.
    pub cost: f64,
    /// What the cost is a share of, such as requests, in the same unit.
    pub exposure: f64,
    /// The task has ended: nothing can be earned after it.
    pub terminated: bool,
    /// The episode was cut by time: what follows still counts, and is estimated by the critic.
    pub truncated: bool,
    /// What happened besides.
    pub info: Info,
}
