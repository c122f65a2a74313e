//! `pid`: a proportional and integral controller of CPU utilisation, in velocity form.
//!
//! The textbook feedback controller: with the error `e = utilisation / target − 1`,
//! ```text
//! n ← n · (1 + K_p · (e − e') + K_i · e),   K_p = 0.5, K_i = 0.2
//! ```
//! Working in ratios, one pair of gains serves services of all sizes; the bounds of `[hpa]` prevent wind-up.

use std::time::Duration;

use super::Context;
use crate::sim::{Autoscaler, Knobs, Patch, View};
use crate::units::{Percent, Replicas, SimTime};

const PROPORTIONAL: f64 = 0.5;
const INTEGRAL: f64 = 0.2;

/// The controller's state.
#[derive(Debug, Clone, Copy)]
pub struct Pid {
    period: Duration,
    bounds: (f64, f64),
    target: f64,
    replicas: Option<f64>,
    last: f64,
}

impl Pid {
    /// At the target, bounds and sync period of `[hpa]`.
    #[must_use]
    pub fn new(context: &Context<'_>) -> Self {
        let hpa = context.hpa;
        let bounds = (f64::from(hpa.min_replicas), f64::from(hpa.max_replicas));
        let target = hpa.target_cpu.map_or(0.8, Percent::fraction);
        Self { period: hpa.sync_period, bounds, target, replicas: None, last: 0.0 }
    }

    fn next(&mut self, replicas: Replicas, utilization: f64) -> Replicas {
        let error = utilization / self.target - 1.0;
        let now = self.replicas.unwrap_or(f64::from(replicas));
        let moved = now * (1.0 + PROPORTIONAL * (error - self.last) + INTEGRAL * error);
        self.last = error;
        let moved = moved.clamp(self.bounds.0, self.bounds.1);
        self.replicas = Some(moved);
        moved.round() as Replicas
    }
}

impl Autoscaler for Pid {
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
    fn it_settles_where_utilisation_meets_its_target() {
        let mut pid = Pid { period: Duration::ZERO, bounds: (1.0, 50.0), target: 0.5, replicas: None, last: 0.0 };
        let mut replicas = 2;
        for _ in 0..200 {
            replicas = pid.next(replicas, (6.0 / f64::from(replicas)).min(1.0));
        }
        assert_eq!(replicas, 12, "6 pods' worth of load at half use");
    }
}
