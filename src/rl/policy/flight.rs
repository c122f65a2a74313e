//! A policy at work.

use std::sync::Arc;
use std::time::Duration;

use super::Mind;
use crate::env::Pilot;
use crate::error::InputError;
use crate::rl::brain::Brain;
use crate::rl::distance::Distance;
use crate::rl::heads;
use crate::rl::network::Buffers;
use crate::rl::safety::Critic;
use crate::sim::{Patch, Telemetry, Tuner};
use crate::units::SimTime;

/// The largest value that a unit remembers, with room for rounding.
const MOST: f32 = 1.0 + 1e-5;

/// A policy at work on one function.
#[derive(Debug)]
pub struct Flight {
    pub(super) mind: Arc<Mind>,
    pub(super) critic: Option<Arc<Critic>>,
    pub(super) interval: Duration,
    pub(super) pilot: Pilot,
    pub(super) observation: Vec<f32>,
    pub(super) allowed: Vec<bool>,
    pub(super) action: Vec<f32>,
    pub(super) buffers: Buffers,
    pub(super) flies: bool,
    pub(super) distance: Distance,
}

impl Flight {
    /// The same flight when it `flies`; otherwise one that keeps every knob, and so leaves the start as it is.
    #[must_use]
    pub fn only_if(self, flies: bool) -> Self {
        Self { flies, ..self }
    }

    /// What has to be kept for the next decision.
    #[must_use]
    pub fn pilot(&self) -> &Pilot {
        &self.pilot
    }

    /// What a recurrent policy remembers; empty without one, and before the first decision.
    #[must_use]
    pub fn memory(&self) -> &[f32] {
        &self.buffers.memory
    }

    /// The same flight with what it remembered.
    ///
    /// # Errors
    /// The policy remembers another number of values, or one lies beyond -1 to 1, where no unit leads.
    pub fn recalling(mut self, memory: Vec<f32>) -> Result<Self, InputError> {
        let expected = self.mind.brain.remembers();
        if memory.is_empty() || (memory.len() == expected && memory.iter().all(|value| value.abs() <= MOST)) {
            self.buffers.memory = memory;
            return Ok(self);
        }
        let problem = format!("it remembers {} values, and the policy {expected} from -1 to 1", memory.len());
        Err(InputError::new(problem, "name another file, or delete this one to start anew"))
    }

    /// How far what it decided on was from what it has learned from.
    #[must_use]
    pub fn distance(&self) -> &Distance {
        &self.distance
    }
}

impl Tuner for Flight {
    fn interval(&self) -> Duration {
        self.interval
    }

    fn decide(&mut self, now: SimTime, telemetry: &Telemetry<'_>) -> Patch {
        let Mind { brain, sight, actions, heads, keep } = &*self.mind;
        self.pilot.observe(sight, now, telemetry, self.interval, &mut self.observation);
        if !self.flies {
            return self.pilot.stay(actions);
        }
        if let (Brain::Network(actor), true) = (brain, actions.is_masked()) {
            let mut outputs = actor.outputs(&mut self.observation, &mut self.buffers).to_vec();
            self.allowed.clear();
            self.allowed.resize(outputs.len(), true);
            self.pilot.mask(actions, &mut self.allowed);
            heads::forbid(&mut outputs, &self.allowed);
            heads::likeliest(&outputs, heads, &mut self.action);
        } else {
            brain.act(&mut self.observation, heads, keep, &mut self.buffers, &mut self.action);
        }
        if brain.normalizes() {
            self.distance.observe(&self.observation);
        }
        if let (Some(critic), Brain::Network(actor)) = (&self.critic, brain) {
            let logits = actor.outputs_again(&self.observation, &mut self.buffers);
            critic.hold(&self.observation, logits, &mut self.action);
        }
        self.pilot.patch(actions, &self.action)
    }
}
