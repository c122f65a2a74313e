//! A run that can be carried on in several ways: what another course of patches would have cost on the same traffic.

use std::sync::Arc;
use std::time::Duration;

use super::scenario::Scenario;
use crate::sim::{Patch, Simulation};
use crate::units::SimTime;

/// A run as it stood at a decision.
pub struct Branch {
    pub(super) scenarios: Arc<[Scenario]>,
    pub(super) scenario: usize,
    pub(super) simulation: Simulation,
    pub(super) now: SimTime,
    pub(super) interval: Duration,
}

/// What a course costs, in the unit of [`Info`](super::autoscaling::Info).
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Cost {
    /// The whole.
    pub total: f64,
    /// The part that violations make.
    pub violations: f64,
}

impl Branch {
    /// The cost of `patches`, one at each decision from this one on. All courses of a branch meet the same chance.
    ///
    /// # Panics
    /// Never: what a branch holds is a copy itself.
    #[must_use]
    pub fn follow<'a>(&self, patches: impl Iterator<Item = &'a Patch>) -> Cost {
        let mut simulation = self.simulation.fork().expect("a copy can be copied");
        let Scenario { pricing, mean_load, .. } = &self.scenarios[self.scenario];
        let mut now = self.now;
        for patch in patches {
            simulation.patch(patch);
            now += self.interval;
            simulation.advance(now);
        }
        let unit = mean_load * self.interval.as_secs_f64();
        let (before, after) = (self.simulation.totals(), simulation.totals());
        Cost {
            total: (pricing.cost(after) - pricing.cost(before)) / unit,
            violations: (pricing.violation_cost(after) - pricing.violation_cost(before)) / unit,
        }
    }
}
