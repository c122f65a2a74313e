//! What an interval costs, in pod-seconds: levels from differences of [`Totals`], the objective that search minimises.
//! Beside it the classic reward made of changes, kept for comparison.

use super::settings;
use crate::sim::{self, Totals, Workload};

/// Weighs the counts of a run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pricing {
    pod_second: f64,
    violation: f64,
    start: f64,
    churn: f64,
    /// Pod-seconds that a core-second and a GiB-second cost.
    resized: (f64, f64),
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
            resized: if pod_hour > 0.0 { (prices.cpu_hour / pod_hour, prices.gib_hour / pod_hour) } else { (0.0, 0.0) },
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
        self.pod_second * self.reserved(totals)
            + self.violation * totals.violations()
            + self.start * totals.starts
            + self.churn * totals.churn
    }

    /// Pod-seconds reserved, resized pods at what they cost.
    fn reserved(&self, totals: &Totals) -> f64 {
        let (core, gib) = self.resized;
        totals.pod_seconds + core * totals.resized_core_seconds + gib * totals.resized_gib_seconds
    }

    /// What the classic reward compares, of what lies between two counts of a run.
    #[must_use]
    pub fn interval(&self, before: &Totals, now: &Totals) -> Interval {
        let over = |part: f64, whole: f64| if whole > 0.0 { part / whole } else { 0.0 };
        let offered = now.offered - before.offered;
        Interval {
            performance: over(now.in_flight_seconds - before.in_flight_seconds, now.completed - before.completed),
            cost: self.reserved(now) - self.reserved(before),
            errors: over(now.dropped - before.dropped, offered),
            utilization: over(now.cpu_seconds - before.cpu_seconds, now.ready_seconds - before.ready_seconds),
            late: over(now.violations() - before.violations(), offered),
        }
    }
}

/// What the classic reward compares between two intervals.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Interval {
    /// Performance, the less the better: the mean response time in seconds, 0 when nothing was served, unless another
    /// measure is asked for.
    pub performance: f64,
    /// Pod-seconds reserved, resized pods at what they cost.
    pub cost: f64,
    /// Share of requests lost, 0 to 1.
    pub errors: f64,
    /// CPU used over the time of ready pods, in cores.
    pub utilization: f64,
    /// Share of requests late or lost, 0 to 1.
    pub late: f64,
}

/// The classic reward of an interval: what has become better since the one before, less the share of late requests.
///
/// ```text
/// r = fall(performance) + fall(cost) + (errors_before − errors) + (utilization − utilization_before) − late
/// fall(x) = clip((x_before − x) / x_before, −1, 1), 0 where x_before = 0
/// ```
/// It can be farmed: a response time that leaps from 100 ms to 1 s costs 1, and its way back in small steps earns up to
/// ln 10 = 2.3, again and again.
#[must_use]
pub fn differences(before: &Interval, now: &Interval) -> f64 {
    let fall = |before: f64, now: f64| if before > 0.0 { ((before - now) / before).clamp(-1.0, 1.0) } else { 0.0 };
    fall(before.performance, now.performance) + fall(before.cost, now.cost) + before.errors - now.errors
        + now.utilization
        - before.utilization
        - now.late
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_not_changed_earns_nothing_but_is_fined_for_late_requests() {
        let interval = Interval { performance: 0.2, cost: 60.0, errors: 0.1, utilization: 0.5, late: 0.25 };
        assert!((differences(&interval, &interval) + 0.25).abs() < 1e-12);
        let nothing = Interval::default();
        assert!(differences(&nothing, &interval).is_finite(), "nothing is divided by 0");
    }

    #[test]
    fn pods_that_have_grown_cost_what_they_have_grown_by() {
        let pricing = Pricing { pod_second: 1.0, violation: 0.0, start: 0.0, churn: 0.0, resized: (1.5, 0.25) };
        let before = Totals { pod_seconds: 60.0, ..Totals::default() };
        let after = |cores: f64, gib: f64| Totals {
            pod_seconds: 120.0,
            resized_core_seconds: cores,
            resized_gib_seconds: gib,
            ..before
        };
        let (same, grown) = (pricing.interval(&before, &after(0.0, 0.0)), pricing.interval(&before, &after(20.0, 8.0)));
        assert!((same.cost - 60.0).abs() < 1e-9 && (grown.cost - 92.0).abs() < 1e-9, "{same:?} {grown:?}");
        assert!((differences(&same, &grown) + 32.0 / 60.0).abs() < 1e-9);
    }

    #[test]
    fn a_crash_and_its_slow_repair_earn_more_than_calm() {
        let at = |performance: f64| Interval { performance, ..Interval::default() };
        let way = [0.1, 1.0, 0.6, 0.36, 0.216, 0.13, 0.1];
        let earned: f64 = way.windows(2).map(|pair| differences(&at(pair[0]), &at(pair[1]))).sum();
        assert!(earned > 0.8, "{earned}, where holding 100 ms earns 0");
    }
}
