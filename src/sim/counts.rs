//! What searches compare runs by: cost and lateness, without the response times that only results tell.

use super::outcome::Totals;
use super::prices::Costs;

/// Counts of a run. Those of several runs add up.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Counts {
    /// Requests offered.
    pub offered: f64,
    /// Requests that were answered late.
    pub late: f64,
    /// Requests that were lost.
    pub dropped: f64,
    /// Cost in dollars.
    pub usd: f64,
    /// The objective in pod-hours.
    pub objective: f64,
    /// Simulated seconds.
    pub simulated_s: f64,
}

impl Counts {
    pub(super) fn new(totals: &Totals, costs: &Costs, simulated_s: f64) -> Self {
        let Totals { offered, late, dropped, .. } = *totals;
        Self { offered, late, dropped, usd: costs.cost.usd, objective: costs.objective, simulated_s }
    }

    /// Share of requests that were late or lost.
    #[must_use]
    pub fn violation_rate(&self) -> f64 {
        if self.offered > 0.0 { (self.late + self.dropped) / self.offered } else { 0.0 }
    }

    /// Both together.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        Self {
            offered: self.offered + other.offered,
            late: self.late + other.late,
            dropped: self.dropped + other.dropped,
            usd: self.usd + other.usd,
            objective: self.objective + other.objective,
            simulated_s: self.simulated_s + other.simulated_s,
        }
    }
}

impl From<&super::Outcome> for Counts {
    fn from(outcome: &super::Outcome) -> Self {
        Self {
            offered: outcome.requests.offered,
            late: outcome.requests.late,
            dropped: outcome.requests.dropped,
            usd: outcome.cost.usd,
            objective: outcome.objective,
            simulated_s: outcome.sim.simulated_s,
        }
    }
}
