//! `random`: an HPA whose target and lower bound are drawn anew every minute.
//!
//! The floor under every learned policy: what does not beat it has learned nothing. The target is uniform over 20 to
//! 95 %, the lower bound uniform over 1 to the peak demand of training time.

use rand::RngExt;
use rand::rngs::ChaCha8Rng;

use super::Context;
use crate::random::{Purpose, stream};
use crate::sim::{Patch, Telemetry, Tuner};
use crate::units::{Replicas, SimTime};

/// The range of the draws.
#[derive(Debug, Clone, Copy)]
pub struct Random {
    peak: Replicas,
}

impl Random {
    /// Bounds from training time.
    #[must_use]
    pub fn new(context: &Context<'_>) -> Self {
        Self { peak: context.clamp(context.training_demand().max().unwrap_or(1)) }
    }

    /// The tuner of a run.
    #[must_use]
    pub fn seeded(self, seed: u64) -> Draws {
        Draws { range: self, rng: stream(seed, Purpose::Actions, 0) }
    }
}

/// Draws HPA fields from its own stream.
#[derive(Debug)]
pub struct Draws {
    range: Random,
    rng: ChaCha8Rng,
}

impl Tuner for Draws {
    fn decide(&mut self, _: SimTime, _: &Telemetry<'_>) -> Patch {
        let target_cpu = Some(self.rng.random_range(20..=95));
        let min_replicas = Some(self.rng.random_range(1..=self.range.peak));
        Patch { target_cpu, min_replicas, ..Patch::default() }
    }
}
