//! What an interval costs, in pod-seconds: levels from differences of [`Totals`], the objective that search minimises.

use super::settings;
use crate::sim::{self, Totals, Workload};

/// Weighs the counts of a run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pricing {
    pod_second: f64,
    violation: f64,
    start: f64,
    churn: f64,
}

impl Pricing {
    /// The prices of a workload: a violation costs `prices.violation` times what serving the request takes.
    #[must_use]
    pub fn new(weights: &settings::Reward, world: &sim::Settings, workload: &Workload) -> Self {
        let prices = &world.prices;
        let gib = world.pod.memory_request.0 as f64 / f64::from(1 << 30);
        let pod_hour = world.pod.cpu_request.cores() * prices.cpu_hour + gib * prices.gib_hour;
        Self {
            pod_second: weights.pod_time,
            violation: weights.violations * prices.violation * workload.request_pod_seconds(),
            start: if pod_hour > 0.0 { prices.pod_start / pod_hour * 3600.0 } else { 0.0 },
            churn: weights.churn,
        }
    }

    /// The part of [`cost`](Self::cost) that violations make, in pod-seconds.
    #[must_use]
    pub fn violation_cost(&self, totals: &Totals) -> f64 {
        self.violation * totals.violations()
    }

    /// The cost of everything in `totals`, in pod-seconds.
    #[must_use]
    pub fn cost(&self, totals: &Totals) -> f64 {
        self.pod_second * totals.pod_seconds
            + self.violation * totals.violations()
            + self.start * totals.starts
            + self.churn * totals.churn
    }
}
