//! `step-8020`: one replica more above 80 % CPU, one less below 20 %.
//!
//! The rule of thumb of threshold autoscalers (step scaling of cloud groups, many papers' baseline), looked at each sync
//! period of `[hpa]`. It is slow on both sides, and between the thresholds it rests.

use std::time::Duration;

use super::Context;
use crate::sim::{Autoscaler, Knobs, Patch, View};
use crate::units::{Replicas, SimTime};

/// Thresholds on the mean CPU of ready pods, as ratios to their request.
#[derive(Debug, Clone, Copy)]
pub struct Step {
    period: Duration,
    bounds: (Replicas, Replicas),
    high: f64,
    low: f64,
}

impl Step {
    /// 80 % and 20 %, within the HPA's bounds.
    #[must_use]
    pub fn new(context: &Context<'_>) -> Self {
        let bounds = (context.hpa.min_replicas, context.hpa.max_replicas);
        Self { period: context.hpa.sync_period, bounds, high: 0.8, low: 0.2 }
    }

    fn next(&self, replicas: Replicas, utilization: f64) -> Replicas {
        let step = i32::from(utilization > self.high) - i32::from(utilization < self.low);
        (replicas + step).clamp(self.bounds.0, self.bounds.1)
    }
}

impl Autoscaler for Step {
    fn period(&self) -> Duration {
        self.period
    }

    fn sync(&mut self, _: SimTime, view: &View<'_>) -> Option<Replicas> {
        let utilization = view.telemetry.utilization?;
        Some(self.next(view.telemetry.spec_replicas, utilization))
    }

    fn patch(&mut self, _: &Patch) {}

    fn knobs(&self) -> Option<Knobs> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_moves_by_one_outside_its_thresholds_and_within_its_bounds() {
        let step = Step { period: Duration::from_secs(15), bounds: (1, 3), high: 0.8, low: 0.2 };
        let moves: Vec<_> = [(2, 0.9), (2, 0.8), (2, 0.2), (2, 0.1), (1, 0.0), (3, 1.0)].into();
        let found: Vec<_> = moves.into_iter().map(|(replicas, cpu)| step.next(replicas, cpu)).collect();
        assert_eq!(found, [3, 2, 2, 1, 1, 3]);
    }
}
