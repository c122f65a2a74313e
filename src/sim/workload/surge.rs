//! The same traffic with more or fewer requests for a while.

use std::ops::Range;

use super::{LOAD_STEP, SimTime, Workload, demand, micros, per_step};
use crate::sim::settings::Slo;

impl Workload {
    /// As many requests times `factor`, which is above 0, during `window`; a slot that the window cuts has its share.
    /// Requests are what they were, and `slo` is that of the settings that this workload was made with.
    #[must_use]
    pub fn surged(&self, window: &Range<SimTime>, factor: f64, slo: &Slo) -> Self {
        let mut slots = self.slots.clone();
        for (index, slot) in slots.iter_mut().enumerate() {
            let end = self.slot_end(index);
            let begins = SimTime(end.0 - self.interval_us).max(window.start);
            let within = end.min(window.end).0.saturating_sub(begins.0).max(0);
            let times = 1.0 + (factor - 1.0) * within as f64 / self.interval_us as f64;
            slot.rate *= times;
            slot.load *= times;
        }
        demand::set(&mut slots, self.pod, &self.lateness, self.law.variability(), 1.0 - slo.target.fraction());
        Self { load: per_step(&slots, self.interval_us, micros(LOAD_STEP)), slots, ..self.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::settings::Settings;
    use crate::trace::{Header, Series};

    #[test]
    fn a_surge_multiplies_requests_within_its_window_only() {
        let requests = Some(vec![600.0; 10]);
        let series = Series { function: "f".into(), requests, ..Series::default() };
        let header =
            Header { interval_ms: 60_000, origin_ms: None, source: "t".into(), licence: None, tool: "t".into() };
        let settings = Settings::default();
        let plain = Workload::new(&series, &header, &settings).unwrap();
        let minute = |minutes: i64| SimTime(minutes * 60_000_000);
        let surged = plain.surged(&(minute(2)..SimTime(270_000_000)), 3.0, &settings.slo);
        let times: Vec<f64> = surged.slots().iter().zip(plain.slots()).map(|(a, b)| a.rate / b.rate).collect();
        let wanted = [1.0, 1.0, 3.0, 3.0, 2.0, 1.0];
        assert!(times.iter().zip(wanted).all(|(found, wanted)| (found - wanted).abs() < 1e-12), "{times:?}");
        assert!(surged.slots()[2].demand > 2 * plain.slots()[2].demand);
        assert_eq!(surged.slots()[1], plain.slots()[1]);
        assert!((surged.load()[8] / plain.load()[8] - 3.0).abs() < 1e-6);
        // Three times the recorded load from the start is three times the load throughout.
        let mut scaled = settings.clone();
        scaled.workload.scale = 3.0;
        let whole = plain.surged(&plain.window(), 3.0, &settings.slo);
        assert_eq!(whole, Workload::new(&series, &header, &scaled).unwrap());
    }
}
