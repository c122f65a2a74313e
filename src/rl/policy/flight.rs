//! A policy at work.

use std::sync::Arc;
use std::time::Duration;

use super::{Account, Mind};
use crate::env::Pilot;
use crate::error::InputError;
use crate::rl::brain::{Brain, Perceptron};
use crate::rl::distance::Distance;
use crate::rl::heads;
use crate::rl::network::Buffers;
use crate::rl::safety::Critic;
use crate::sim::{Decisions, Patch, Telemetry, Tuner};
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
    pub(super) outputs: Vec<f32>,
    pub(super) allowed: Vec<bool>,
    pub(super) action: Vec<f32>,
    pub(super) buffers: Buffers,
    pub(super) flies: bool,
    pub(super) distance: Distance,
    pub(super) account: Account,
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

    /// Chooses what a network holds for likeliest of what masks allow.
    fn choose(&mut self, actor: &Perceptron, mind: &Mind) {
        self.outputs.clear();
        self.outputs.extend_from_slice(actor.outputs(&mut self.observation, &mut self.buffers));
        self.allowed.clear();
        if mind.actions.is_masked() {
            self.allowed.resize(self.outputs.len(), true);
            self.pilot.mask(&mind.actions, &mut self.allowed);
            heads::forbid(&mut self.outputs, &self.allowed);
        }
        heads::likeliest(&self.outputs, &mind.heads, &mut self.action);
        self.account.weigh(mind, &self.outputs, &self.allowed);
    }

    /// Lets the safety critic change the action, where there is one; whether it did.
    fn hold(&mut self, brain: &Brain) -> bool {
        let (Some(critic), Brain::Network(actor)) = (&self.critic, brain) else { return false };
        let logits = actor.outputs_again(&self.observation, &mut self.buffers);
        critic.hold(&self.observation, logits, &mut self.action)
    }
}

impl Tuner for Flight {
    fn interval(&self) -> Duration {
        self.interval
    }

    fn decide(&mut self, now: SimTime, telemetry: &Telemetry<'_>) -> Patch {
        let mind = Arc::clone(&self.mind);
        let Mind { brain, sight, actions, heads, keep, .. } = &*mind;
        self.pilot.observe(sight, now, telemetry, self.interval, &mut self.observation);
        if !self.flies {
            return self.pilot.stay(actions);
        }
        match brain {
            Brain::Network(actor) => self.choose(actor, &mind),
            _ => brain.act(&mut self.observation, heads, keep, &mut self.buffers, &mut self.action),
        }
        if brain.normalizes() {
            self.distance.observe(&self.observation);
        }
        let held = self.hold(brain);
        self.account.close(held || self.pilot.is_cut(actions, &self.action));
        self.pilot.patch(actions, &self.action)
    }

    fn decisions(&self) -> Decisions {
        self.account.decisions
    }
}
