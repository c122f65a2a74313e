//! What an agent sees: demand in pods' worth, the HPA's knobs, the state of the pods, recent violations, time of day.
//!
//! Sizes are ratios to the current level or logarithms, so that one policy serves functions of all sizes. A normaliser
//! stands behind it; values are of order one already.

use std::f64::consts::TAU;

use crate::autoscalers::linear::Proposal;
use crate::forecast::Demand;
use crate::sim::{Knobs, Telemetry, Totals};

/// The names of the observation's values, in order. They stand in policy files: a change makes old files unreadable.
pub const NAMES: [&str; 40] = [
    "level_ln",
    "level_10m_ln",
    "root_level",
    "now_to_level",
    "level_10m_to_level",
    "level_60m_to_level",
    "peak_2m_to_level",
    "peak_to_level",
    "peak_60m_to_level",
    "rise",
    "deviation",
    "deviation_60m",
    "deviation_roots",
    "season_known",
    "season_ahead_to_level",
    "season_ahead_rescaled_to_level",
    "season_mean_to_level",
    "season_30m_to_level",
    "season_growth",
    "outlook_known",
    "outlook_middle_to_level",
    "outlook_high_to_level",
    "target",
    "start_target",
    "min_to_level",
    "floor_to_level",
    "start_to_level",
    "max_to_level",
    "stabilize_down",
    "spec_to_level",
    "ready_to_level",
    "ready_share",
    "starting_share",
    "utilization",
    "backlog",
    "violations",
    "violations_10m",
    "violations_60m",
    "day_sin",
    "day_cos",
];

/// Number of values in an observation.
pub const LENGTH: usize = NAMES.len();

/// What lies between two decisions: the counts at the last one, and smoothed violation rates.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Observer {
    last: Totals,
    rate_10m: f64,
    rate_60m: f64,
}

impl Observer {
    /// An observer that has smoothed violation rates so far, over 10 and over 60 minutes.
    #[must_use]
    pub fn resume([rate_10m, rate_60m]: [f64; 2]) -> Self {
        Self { last: Totals::default(), rate_10m, rate_60m }
    }

    /// The violation rates smoothed over 10 and over 60 minutes.
    #[must_use]
    pub fn rates(&self) -> [f64; 2] {
        [self.rate_10m, self.rate_60m]
    }

    /// Writes the observation of an instant into `out`, which has [`LENGTH`] values. Call it once a decision, in order.
    ///
    /// `own` are the HPA's knobs before the first decision, `proposal` what the start's linear policy says, `minutes`
    /// the time since the decision before.
    pub fn observe(
        &mut self,
        telemetry: &Telemetry<'_>,
        demand: &Demand,
        own: &Knobs,
        proposal: Option<Proposal>,
        minutes: f64,
        out: &mut [f32],
    ) {
        let rate = self.violations(telemetry.totals, minutes);
        let level = demand.level.max(0.0);
        let ratio = |pods: f32| ((pods.max(0.0) + 0.5) / (level + 0.5)).ln();
        let counted = |pods: f64| ratio(pods as f32);
        let season = demand.season.unwrap_or_default();
        let seasonal = |pods: f32| if demand.season.is_some() { ratio(pods) } else { 0.0 };
        let spread = |deviation: f32| deviation / (level + 0.5);
        let pods = f64::from(telemetry.spec_replicas.max(1));
        let (ready, starting) = (f64::from(telemetry.ready), f64::from(telemetry.starting));
        let knobs = telemetry.knobs;
        let percent = |target: Option<i32>| target.map_or(0.8, |target| target as f32 / 100.0);
        let (sin, cos) = telemetry.second_of_day.map_or((0.0, 0.0), |second| (TAU * second / 86_400.0).sin_cos());
        let values = [
            level.ln_1p(),
            demand.level_10m.max(0.0).ln_1p(),
            1.0 / (level + 0.5).sqrt(),
            ratio(demand.now),
            ratio(demand.level_10m),
            ratio(demand.level_60m),
            ratio(demand.peak_2m),
            ratio(demand.peak),
            ratio(demand.peak_60m),
            (demand.now - level).max(0.0) / (level + 0.5),
            spread(demand.deviation),
            spread(demand.deviation_60m),
            (demand.deviation_60m / (level + 0.5).sqrt()).ln_1p(),
            if demand.season.is_some() { 1.0 } else { 0.0 },
            seasonal(season.ahead),
            seasonal(season.ahead_rescaled),
            seasonal(season.mean_ahead),
            seasonal(season.ahead_30m),
            season.growth,
            if demand.outlook.is_some() { 1.0 } else { 0.0 },
            demand.outlook.map_or(0.0, |outlook| ratio(outlook.middle)),
            demand.outlook.map_or(0.0, |outlook| ratio(outlook.high)),
            percent(knobs.and_then(|it| it.target_cpu)),
            percent(proposal.map(|it| it.target_cpu).or(own.target_cpu)),
            knobs.map_or(0.0, |it| counted(f64::from(it.min_replicas))),
            counted(f64::from(own.min_replicas)),
            counted(proposal.map_or(f64::from(own.min_replicas), |it| it.pods)),
            knobs.map_or(3.0, |it| counted(f64::from(it.max_replicas)).min(5.0)),
            knobs.map_or(0.0, |it| it.stabilize_down.as_secs_f32() / 300.0),
            counted(pods),
            counted(ready),
            (ready / pods) as f32,
            (starting / pods) as f32,
            telemetry.utilization.unwrap_or(0.0) as f32,
            (telemetry.backlog_s.max(0.0).ln_1p() as f32).min(5.0),
            root(rate),
            root(self.rate_10m),
            root(self.rate_60m),
            sin as f32,
            cos as f32,
        ];
        out.copy_from_slice(&values);
    }

    /// The violation rate since the last call, and its exponential means over 10 and 60 minutes.
    fn violations(&mut self, totals: &Totals, minutes: f64) -> f64 {
        let offered = totals.offered - self.last.offered;
        let violations = totals.violations() - self.last.violations();
        self.last = *totals;
        let rate = if offered > 0.0 { (violations / offered).clamp(0.0, 1.0) } else { 0.0 };
        let smooth = |mean: &mut f64, window: f64| *mean += (rate - *mean) * (1.0 - (-minutes / window).exp());
        smooth(&mut self.rate_10m, 10.0);
        smooth(&mut self.rate_60m, 60.0);
        rate
    }
}

/// Rates span decades; their root spreads the small ones.
fn root(rate: f64) -> f32 {
    rate.sqrt() as f32
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::sim::Knobs;

    fn observe(load: &[f32], pods: i32, totals: &Totals) -> Vec<f32> {
        let knobs = Knobs {
            target_cpu: Some(80),
            min_replicas: pods,
            max_replicas: 8 * pods,
            stabilize_down: Duration::from_secs(300),
        };
        let telemetry = Telemetry {
            load,
            second_of_day: Some(21_600.0),
            spec_replicas: pods,
            ready: pods,
            starting: 0,
            utilization: Some(0.5),
            backlog_s: 0.0,
            knobs: Some(knobs),
            totals,
            gauges: None,
        };
        let mut out = vec![0.0; LENGTH];
        Observer::default().observe(&telemetry, &Demand::at(load), &knobs, None, 1.0, &mut out);
        out
    }

    fn value(observation: &[f32], name: &str) -> f32 {
        observation[NAMES.iter().position(|&it| it == name).unwrap()]
    }

    #[test]
    fn ratios_hardly_depend_on_the_size_of_a_function() {
        let load: Vec<f32> = (0..300).map(|i| 10.0 + (i % 7) as f32).collect();
        let large: Vec<f32> = load.iter().map(|x| x * 20.0).collect();
        let (small, large) = (observe(&load, 20, &Totals::default()), observe(&large, 400, &Totals::default()));
        for name in ["peak_to_level", "spec_to_level", "deviation", "max_to_level", "ready_share"] {
            assert!((value(&small, name) - value(&large, name)).abs() < 0.06, "{name}");
        }
        assert!(value(&large, "level_ln") > value(&small, "level_ln") + 2.0);
    }

    #[test]
    fn recent_violations_are_seen_and_fade() {
        let totals = Totals { offered: 100.0, late: 4.0, ..Totals::default() };
        let seen = observe(&[1.0; 8], 2, &totals);
        assert!((value(&seen, "violations") - 0.2).abs() < 1e-6);
        let mut observer = Observer::default();
        observer.violations(&totals, 1.0);
        let after = Totals { offered: 200.0, ..totals };
        assert!(observer.violations(&after, 1.0).abs() < 1e-12);
        assert!(observer.rate_10m > observer.rate_60m && observer.rate_10m < 0.04);
    }

    #[test]
    fn six_in_the_morning_is_a_quarter_turn() {
        let seen = observe(&[1.0; 8], 2, &Totals::default());
        assert!((value(&seen, "day_sin") - 1.0).abs() < 1e-6 && value(&seen, "day_cos").abs() < 1e-6);
    }

    #[test]
    fn everything_is_finite_when_nothing_has_happened() {
        assert!(observe(&[], 1, &Totals::default()).iter().all(|value| value.is_finite()));
    }
}
