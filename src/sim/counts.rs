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

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::autoscalers::HpaAutoscaler;
    use crate::autoscalers::linear::{Course, Linear};
    use crate::sim::{Level, Settings, Tuner, Workload, count, run};
    use crate::trace::Series;
    use crate::units::SimTime;
    use crate::{hpa, trace};

    #[test]
    fn what_is_counted_is_what_a_run_says() {
        let rate = |minute: i32| if minute % 30 < 6 { 6000.0 } else { 1200.0 };
        let series = Series { function: "f".into(), requests: Some((0..120).map(rate).collect()), ..Series::default() };
        let header = trace::Header {
            interval_ms: 60_000,
            origin_ms: Some(0),
            source: "t".into(),
            licence: None,
            tool: "t".into(),
        };
        let base = hpa::Settings { max_replicas: 40, ..hpa::Settings::default() };
        let window = SimTime(0)..SimTime(0) + Duration::from_secs(5_465);
        for level in [Level::Fluid, Level::Requests] {
            let settings = Settings { level, ..Settings::default() };
            let workload = Arc::new(Workload::new(&series, &header, &settings).unwrap());
            let hpa = || Box::new(HpaAutoscaler::new(&Linear::hpa(&base)));
            let mut told = Linear::first().tuner_on(&base, Course::new(&workload, &window, None));
            let mut seeing = Linear::first().tuner(&base, None);
            let tuner: Option<&mut dyn Tuner> = Some(&mut told);
            let counts = count(&workload, &settings, hpa(), tuner, 1, window.clone());
            let whole = run(&workload, &settings, hpa(), Some(&mut seeing), 1, window.clone(), false).outcome;
            assert_eq!(counts, Counts::from(&whole), "{level:?}");
            assert!(counts.late + counts.dropped > 0.0 && counts.usd > 0.0, "{counts:?}");
        }
    }
}
