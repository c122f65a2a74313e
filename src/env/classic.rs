//! The classic encoder: sixteen values, each between bounds.
//!
//! ```text
//! cut((x − least) / (largest − least), 0, 1) of CPU, memory, network, disk, p50, p99, errors, throughput, replicas, queue
//! sin, cos of 2π hour/24 and of 2π day/7;   tanh of how CPU and the mean response time have changed
//! ```
//! Network and disk are in no trace, and stand at their least. Without dates, sines and cosines are 0.

use std::f64::consts::TAU;

use super::performance::Tracker;
use super::settings::Bounds;
use crate::sim::{Telemetry, Totals};

/// The names of the values, in order. They stand in policy files: a change makes old files unreadable.
pub const NAMES: [&str; 16] = [
    "cpu",
    "memory",
    "network",
    "disk",
    "p50",
    "p99",
    "error_rate",
    "throughput",
    "replicas",
    "pending",
    "hour_sin",
    "hour_cos",
    "weekday_sin",
    "weekday_cos",
    "cpu_trend",
    "latency_trend",
];

/// What lies between two decisions.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Encoder {
    last: Totals,
    tracker: Tracker,
    /// CPU in percent and mean response time in milliseconds at the decision before.
    before: Option<(f64, f64)>,
}

impl Encoder {
    /// Writes the observation of an instant into `out`, of the length of [`NAMES`]. Call it once a decision, in order.
    /// `seconds` is the time since the decision before.
    pub fn observe(&mut self, bounds: &Bounds, telemetry: &Telemetry<'_>, seconds: f64, out: &mut [f32]) {
        let totals = telemetry.totals;
        let (offered, dropped) = (totals.offered - self.last.offered, totals.dropped - self.last.dropped);
        let answered = totals.completed - self.last.completed;
        self.tracker.look(totals);
        self.last = *totals;
        let gauges = telemetry.gauges.as_ref();
        let quantile_ms = |share: f64| gauges.map_or(0.0, |it| 1e3 * it.response_times.quantile(share));
        let memory = |it: &crate::sim::Gauges<'_>| 100.0 * it.working_set / (it.limits.memory.0.max(1) as f64);
        let now = (100.0 * telemetry.utilization.unwrap_or(0.0), 1e3 * self.tracker.mean_s());
        let before = self.before.replace(now).unwrap_or(now);
        let circle = |turn: Option<f64>| turn.map_or((0.0, 0.0), |turn| (TAU * turn).sin_cos());
        let hour = circle(telemetry.second_of_day.map(|second| second / 86_400.0));
        let weekday = circle(gauges.and_then(|it| it.second_of_week).map(|second| second / 604_800.0));
        let values = [
            scaled(now.0, bounds.cpu),
            scaled(gauges.map_or(0.0, memory), bounds.memory),
            scaled(bounds.network.0, bounds.network),
            scaled(bounds.disk.0, bounds.disk),
            scaled(quantile_ms(0.5), bounds.p50_ms),
            scaled(quantile_ms(0.99), bounds.p99_ms),
            scaled(if offered > 0.0 { dropped / offered } else { 0.0 }, bounds.error_rate),
            scaled(if seconds > 0.0 { answered / seconds } else { 0.0 }, bounds.throughput),
            scaled(f64::from(telemetry.spec_replicas), bounds.replicas),
            scaled(gauges.map_or(0.0, |it| it.queue), bounds.pending),
            hour.0,
            hour.1,
            weekday.0,
            weekday.1,
            ((now.0 - before.0) / bounds.cpu_trend).tanh(),
            ((now.1 - before.1) / bounds.latency_trend_ms).tanh(),
        ];
        for (out, value) in out.iter_mut().zip(values) {
            *out = value as f32;
        }
    }
}

/// A value between its bounds, from 0 to 1.
fn scaled(value: f64, (least, most): (f64, f64)) -> f64 {
    ((value - least) / (most - least)).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::{Gauges, Limits, ResponseTimes};
    use crate::units::{Bytes, Millicores};

    fn value(out: &[f32; 16], name: &str) -> f32 {
        out[NAMES.iter().position(|&it| it == name).unwrap()]
    }

    fn see(encoder: &mut Encoder, utilization: f64, totals: &Totals) -> [f32; 16] {
        let times: Vec<f32> = (1..=100).map(|i| 0.01 * i as f32).collect();
        let gauges = Gauges {
            second_of_week: Some(604_800.0 / 4.0),
            limits: Limits { cpu: Millicores(500), memory: Bytes(1000) },
            working_set: 250.0,
            in_flight: 12.0,
            queue: 100.0,
            response_times: ResponseTimes::Recent(&times),
        };
        let telemetry = Telemetry {
            load: &[],
            second_of_day: Some(0.0),
            spec_replicas: 100,
            ready: 3,
            starting: 0,
            utilization: Some(utilization),
            backlog_s: 0.0,
            knobs: None,
            totals,
            gauges: Some(gauges),
        };
        let mut out = [f32::NAN; 16];
        encoder.observe(&Bounds::default(), &telemetry, 10.0, &mut out);
        out
    }

    #[test]
    fn values_are_scaled_by_their_bounds_as_worked_by_hand() {
        let mut encoder = Encoder::default();
        let totals =
            Totals { offered: 1000.0, completed: 900.0, dropped: 100.0, in_flight_seconds: 90.0, ..Totals::default() };
        let first = see(&mut encoder, 0.4, &totals);
        for (name, wanted) in [
            ("cpu", 0.4),
            ("memory", 0.25),
            ("network", 0.0),
            ("p50", 0.51),
            ("p99", 0.2),
            ("error_rate", 0.1),
            ("throughput", 9e-4),
            ("replicas", 1.0),
            ("pending", 0.01),
            ("hour_cos", 1.0),
            ("weekday_sin", 1.0),
            ("cpu_trend", 0.0),
        ] {
            assert!((value(&first, name) - wanted).abs() < 1e-6, "{name}: {}", value(&first, name));
        }
        let later = Totals { offered: 2000.0, completed: 1900.0, in_flight_seconds: 290.0, ..totals };
        let second = see(&mut encoder, 0.5, &later);
        assert!((value(&second, "cpu_trend") - 1.0_f32.tanh()).abs() < 1e-6, "10 points");
        assert!((value(&second, "latency_trend") - 1.0_f32.tanh()).abs() < 1e-5, "from 100 to 200 ms");
        assert!(value(&second, "error_rate").abs() < 1e-9, "none since");
    }

    #[test]
    fn nothing_leaves_its_range_however_absurd_the_state() {
        let mut encoder = Encoder::default();
        for (utilization, huge) in [(1e9, 1e300), (-5.0, 0.0), (0.0, 1e-300)] {
            let totals =
                Totals { offered: huge, completed: huge, dropped: huge, in_flight_seconds: huge, ..Totals::default() };
            let out = see(&mut encoder, utilization, &totals);
            let sized = |range: std::ops::Range<usize>, least: f32| {
                assert!(out[range].iter().all(|value| (least..=1.0).contains(value)), "{out:?}");
            };
            sized(0..10, 0.0);
            sized(10..16, -1.0);
        }
    }
}
