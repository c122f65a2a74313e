//! `clairvoyant-hpa`: HPA fields that were laid down for every stretch of a run, played back. `eval::beam` lays them down
//! with knowledge of the load to come, so nobody can run it.

use std::sync::Arc;
use std::time::Duration;

use crate::sim::{Patch, Telemetry, Tuner};
use crate::units::SimTime;

/// Patches, one for every stretch of equal length.
#[derive(Debug, Clone)]
pub struct Course {
    patches: Arc<[Patch]>,
    every: Duration,
    next: usize,
}

impl Course {
    /// Patches for stretches of length `every`, from the start of a run on.
    #[must_use]
    pub fn new(patches: Vec<Patch>, every: Duration) -> Self {
        Self { patches: patches.into(), every, next: 0 }
    }
}

impl Tuner for Course {
    fn interval(&self) -> Duration {
        self.every
    }

    fn decide(&mut self, _: SimTime, _: &Telemetry<'_>) -> Patch {
        self.next += 1;
        self.patches.get(self.next - 1).cloned().unwrap_or_default()
    }
}
