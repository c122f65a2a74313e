//! How well a function does, in one of several measures, from one decision to the next.

use super::settings::Performance;
use crate::sim::{Telemetry, Totals};

/// Weight of the newest decision in the decayed mean: about five decisions count.
const WEIGHT: f64 = 0.2;

/// Response times between decisions, and their moments.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Tracker {
    last: Totals,
    mean_s: f64,
    /// Decayed mean of `mean_s` and of its square; none before the first answer.
    decayed: Option<(f64, f64)>,
}

impl Tracker {
    /// Looks. Call it once a decision, in order.
    ///
    /// The mean response time since the decision before is, by Little's law, the time integral of requests in flight over
    /// the requests that were answered. Where none was, it stays what it was.
    pub fn look(&mut self, totals: &Totals) {
        let answered = totals.completed - self.last.completed;
        if answered > 0.0 {
            self.mean_s = (totals.in_flight_seconds - self.last.in_flight_seconds).max(0.0) / answered;
            let square = self.mean_s * self.mean_s;
            let (mean, squares) = self.decayed.unwrap_or((self.mean_s, square));
            self.decayed = Some((mean + WEIGHT * (self.mean_s - mean), squares + WEIGHT * (square - squares)));
        }
        self.last = *totals;
    }

    /// Mean response time between the last two looks, in seconds.
    #[must_use]
    pub fn mean_s(&self) -> f64 {
        self.mean_s
    }

    /// A measure as of the last look: times in seconds, requests per ready pod. What nobody reports is 0.
    #[must_use]
    pub fn value(&self, performance: Performance, telemetry: &Telemetry<'_>) -> f64 {
        let (mean, squares) = self.decayed.unwrap_or_default();
        let pods = f64::from(telemetry.ready.max(1));
        let gauges = telemetry.gauges.as_ref();
        let quantile = |share: f64| gauges.map_or(0.0, |it| it.response_times.quantile(share));
        match performance {
            Performance::InFlight => gauges.map_or(0.0, |it| it.in_flight) / pods,
            Performance::Queue => gauges.map_or(0.0, |it| it.queue) / pods,
            Performance::Mean => self.mean_s,
            Performance::P50 => quantile(0.5),
            Performance::P90 => quantile(0.9),
            Performance::P99 => quantile(0.99),
            Performance::Ewma => mean,
            Performance::Deviation => (squares - mean * mean).max(0.0).sqrt(),
        }
    }
}

/// A measure as an agent sees it: the logarithm of 1 and the time in milliseconds, or the number of requests.
#[must_use]
pub fn seen(performance: Performance, value: f64) -> f32 {
    let counts = matches!(performance, Performance::InFlight | Performance::Queue);
    (if counts { value } else { 1e3 * value }).max(0.0).ln_1p() as f32
}

#[cfg(test)]
#[allow(clippy::float_cmp, reason = "the figures are exact")]
mod tests {
    use super::*;

    fn at(completed: f64, in_flight_seconds: f64) -> Totals {
        Totals { completed, in_flight_seconds, ..Totals::default() }
    }

    #[test]
    fn the_mean_response_time_is_littles() {
        let mut tracker = Tracker::default();
        tracker.look(&at(100.0, 20.0));
        assert!((tracker.mean_s() - 0.2).abs() < 1e-12);
        tracker.look(&at(150.0, 70.0));
        assert!((tracker.mean_s() - 1.0).abs() < 1e-12);
        tracker.look(&at(150.0, 90.0));
        assert!((tracker.mean_s() - 1.0).abs() < 1e-12, "nothing was answered");
    }

    #[test]
    fn decayed_moments_follow_the_mean_slowly() {
        let mut tracker = Tracker::default();
        tracker.look(&at(10.0, 1.0));
        tracker.look(&at(20.0, 4.0));
        let (mean, squares) = tracker.decayed.unwrap();
        assert!((mean - 0.14).abs() < 1e-12, "0.1 + 0.2 (0.3 − 0.1)");
        assert!((squares - 0.026).abs() < 1e-12, "0.01 + 0.2 (0.09 − 0.01)");
    }

    #[test]
    fn logarithms_tame_times_and_counts() {
        assert!((seen(Performance::P99, 0.999) - 1000.0_f32.ln()).abs() < 1e-4);
        assert_eq!(seen(Performance::Queue, 0.0), 0.0);
    }
}
