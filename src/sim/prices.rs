//! What a run costs, and the objective that search and learning minimise.

use super::outcome::{Cost, Outcome, Totals};
use super::settings::Settings;
use super::workload::Workload;

/// What cost and objective are made of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Prices {
    pub(super) cores: f64,
    pub(super) gib: f64,
    pub(super) cpu_hour: f64,
    pub(super) gib_hour: f64,
    pub(super) pod_start: f64,
    pub(super) violation: f64,
    /// Pod-seconds of one request.
    pub(super) request_pod_seconds: f64,
}

impl Prices {
    pub(super) fn new(workload: &Workload, settings: &Settings) -> Self {
        Self {
            cores: settings.pod.cpu_request.cores(),
            gib: settings.pod.memory_request.gib(),
            cpu_hour: settings.prices.cpu_hour,
            gib_hour: settings.prices.gib_hour,
            pod_start: settings.prices.pod_start,
            violation: settings.prices.violation,
            request_pod_seconds: workload.request_pod_seconds(),
        }
    }
}

/// Cost of a run and its objective.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Costs {
    pub(super) cost: Cost,
    pub(super) objective: f64,
}

impl Prices {
    /// What pods that were resized in place have reserved beyond those of `[pod]`, in pod-seconds of equal cost; 0 where
    /// both are free.
    fn resized_pod_seconds(&self, totals: &Totals) -> f64 {
        let hour = self.cores * self.cpu_hour + self.gib * self.gib_hour;
        let extra = totals.resized_core_seconds * self.cpu_hour + totals.resized_gib_seconds * self.gib_hour;
        if hour > 0.0 { extra / hour } else { 0.0 }
    }

    /// Reserved pod-hours plus the price of violations and starts in pod-hours. A violation costs `prices.violation`
    /// times what serving a request takes at full use of the CPU request.
    pub(super) fn objective(&self, totals: &Totals) -> f64 {
        let start = start_hours(self.cores * self.cpu_hour + self.gib * self.gib_hour, self.pod_start);
        let violations = self.violation * totals.violations() * self.request_pod_seconds;
        (totals.pod_seconds + violations + self.resized_pod_seconds(totals)) / 3600.0 + start * totals.starts
    }

    /// Memory of pods that computed nothing, in GiB-hours, where a pod that computes does so at its `limit`, in cores. Of
    /// pods that were resized, both are means over pod time.
    pub(super) fn idle_gb_hours(&self, totals: &Totals, limit: f64) -> f64 {
        let mean = |extra: f64| if totals.pod_seconds > 0.0 { extra / totals.pod_seconds } else { 0.0 };
        let gib = self.gib + mean(totals.resized_gib_seconds);
        let limit = limit * (1.0 + mean(totals.resized_core_seconds) / self.cores);
        gib * (totals.pod_seconds - totals.cpu_seconds / limit).max(0.0) / 3600.0
    }

    pub(super) fn costs(&self, totals: &Totals) -> Costs {
        let hours = totals.pod_seconds / 3600.0;
        let cpu_hours = hours * self.cores + totals.resized_core_seconds / 3600.0;
        let gb_hours = hours * self.gib + totals.resized_gib_seconds / 3600.0;
        let usd = cpu_hours * self.cpu_hour + gb_hours * self.gib_hour + totals.starts * self.pod_start;
        let cost = Cost { replica_hours: hours, cpu_hours, gb_hours, usd };
        Costs { cost, objective: self.objective(totals) }
    }
}

/// The objective of [`Outcome`] for any totals, such as those of an interval: pod-hours reserved plus the price of
/// violations and starts.
#[must_use]
pub fn objective(workload: &Workload, settings: &Settings, totals: &Totals) -> f64 {
    Prices::new(workload, settings).objective(totals)
}

/// The part of an outcome's objective that violations make, in pod-hours.
#[must_use]
pub fn violation_hours(settings: &Settings, outcome: &Outcome) -> f64 {
    let (pod, prices) = (&settings.pod, &settings.prices);
    let hour = pod.cpu_request.cores() * prices.cpu_hour + pod.memory_request.gib() * prices.gib_hour;
    let starts = start_hours(hour, prices.pod_start) * outcome.cold_starts.pods;
    (outcome.objective - outcome.cost.replica_hours - starts).max(0.0)
}

/// The price of a pod start in pod-hours, of which one costs `hour`.
fn start_hours(hour: f64, start: f64) -> f64 {
    if hour > 0.0 { start / hour } else { 0.0 }
}
