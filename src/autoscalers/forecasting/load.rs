//! Models of the load, as far ahead as a pod ordered now takes to serve.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::learned::Learned;
use super::starts::{Starts, quantile};
use super::{Model, replicas};
use crate::autoscalers::{Context, predictive::beneath};
use crate::forecast::{HoltWinters, Rates, regression, season};
use crate::hpa;
use crate::sim::{LOAD_STEP, View};
use crate::units::{Replicas, SimTime};

/// Steps of load in a day.
const DAY: usize = 86_400 / LOAD_STEP.as_secs() as usize;
/// Forecasts whose errors are known and kept: the last hour's.
const ERRORS: usize = 240;
/// Penalties of ridges that are tried.
const PENALTIES: [f64; 2] = [1e-4, 1e-2];
/// The share of starts that the horizon covers.
const COVERED: f64 = 0.9;

/// What forecasts.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// The straight line through so many steps of load.
    Line(usize),
    /// Additive Holt–Winters with a day as its season. It says nothing before two days of load are known.
    Daily(Rates),
    /// Ridge regression on recent and yesterday's load, learned from training time.
    Ridge(Arc<Learned>),
}

/// What training time chooses from.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// The model.
    pub kind: Kind,
    /// The share of past errors that the margin on a forecast covers, 0 to 1.
    pub quantile: f64,
    /// CPU target of the HPA and of forecasts, in percent of the request.
    pub target_cpu: i32,
}

impl Candidate {
    /// Everything that is tried on training time; a day's season only where training time repeats itself by the day.
    #[must_use]
    pub fn all(context: &Context<'_>) -> Vec<Self> {
        let mut kinds = vec![Kind::Line(6), Kind::Line(12), Kind::Line(40)];
        if season::repeats(context.training_load(), DAY) {
            let rates = [(0.5, 0.0, 0.2), (0.2, 0.0, 0.4), (0.5, 0.05, 0.2)];
            kinds.extend(rates.map(|(level, trend, season)| Kind::Daily(Rates { level, trend, season })));
        }
        let (load, train) = (context.workload.load_until(context.train.end), context.training_load());
        let learned = PENALTIES.map(|penalty| Learned::from(load, load.len() - train.len(), penalty));
        kinds.extend(learned.into_iter().flatten().map(|learned| Kind::Ridge(Arc::new(learned))));
        let mut all = Vec::new();
        for kind in &kinds {
            for quantile in [0.5, 0.8, 0.9, 0.97] {
                all.extend([60, 75, 90].map(|target_cpu| Self { kind: kind.clone(), quantile, target_cpu }));
            }
        }
        all
    }

    /// How many there are at most.
    pub const MOST: usize = 8 * 4 * 3;

    /// The HPA beside it: as `[hpa]`, at its target, and quick to scale down, because the forecast holds what is needed.
    #[must_use]
    pub fn hpa(&self, base: &hpa::Settings) -> hpa::Settings {
        beneath(base, self.target_cpu)
    }
}

/// Forecasts the load when a pod ordered now serves: a start-up time, as measured in the run so far, and a sync period
/// ahead; adds the margin that past forecasts would have needed; and divides by what a pod shall carry.
#[derive(Debug, Clone)]
pub struct LoadForecast {
    candidate: Candidate,
    sync: Duration,
    starts: Starts,
    /// Steps of load that were looked at.
    seen: usize,
    smoother: Option<HoltWinters>,
    /// Forecasts that are not yet known to be right, by step.
    open: VecDeque<(usize, f64)>,
    /// Load less its forecast, of the last forecasts that are known.
    errors: VecDeque<f64>,
}

impl LoadForecast {
    /// A model that has seen nothing, for an HPA that looks each `sync`.
    #[must_use]
    pub fn new(candidate: Candidate, sync: Duration) -> Self {
        let (starts, open, errors) = (Starts::default(), VecDeque::new(), VecDeque::new());
        Self { candidate, sync, starts, seen: 0, smoother: None, open, errors }
    }

    /// Steps of load from the last known one to the one in which a pod ordered now serves, 1 or more.
    fn horizon(&self) -> usize {
        let ahead = self.sync.as_secs_f64() + self.starts.covering(COVERED).unwrap_or(0.0);
        (ahead / LOAD_STEP.as_secs_f64()).ceil().clamp(1.0, DAY as f64) as usize
    }

    /// The forecast `ahead` steps after the end of a load, in pods' worth; `None` when it cannot say.
    fn forecast(&self, load: &[f32], ahead: usize) -> Option<f64> {
        let forecast = match &self.candidate.kind {
            Kind::Ridge(learned) => learned.forecast(load, ahead)?,
            Kind::Daily(_) => self.smoother.as_ref()?.forecast(ahead),
            Kind::Line(window) => {
                let newest = load.iter().rev().take(*window).enumerate();
                regression::line(newest.map(|(back, &load)| ((back + ahead) as f64, f64::from(load))))?.0
            }
        };
        Some(forecast.max(0.0))
    }

    /// Takes in the load up to now, step by step, and says what to expect `ahead` steps on, with its margin.
    fn expect(&mut self, load: &[f32], ahead: usize) -> Option<f64> {
        // The first time, the errors of the hour before the run are filled in.
        let from = if self.seen == 0 { load.len().saturating_sub(ERRORS + ahead) } else { self.seen };
        if self.seen == 0 {
            self.fit(&load[..from]);
        }
        for end in from + 1..=load.len() {
            let newest = f64::from(load[end - 1]);
            while let Some(&(step, forecast)) = self.open.front().filter(|open| open.0 < end) {
                self.open.pop_front();
                self.errors.extend((step + 1 == end).then_some(newest - forecast));
            }
            match &mut self.smoother {
                Some(smoother) => smoother.update(newest),
                None => self.fit(&load[..end]),
            }
            if let Some(forecast) = self.forecast(&load[..end], ahead) {
                // A horizon that has shrunk leaves later forecasts of the same step behind; the newest one counts.
                while self.open.back().is_some_and(|open| open.0 >= end + ahead - 1) {
                    self.open.pop_back();
                }
                self.open.push_back((end + ahead - 1, forecast));
            }
        }
        while self.errors.len() > ERRORS {
            self.errors.pop_front();
        }
        self.seen = load.len();
        Some(self.forecast(load, ahead)? + self.margin())
    }

    fn fit(&mut self, load: &[f32]) {
        if let Kind::Daily(rates) = self.candidate.kind
            && load.len() >= 2 * DAY
        {
            let series: Vec<f64> = load.iter().map(|&load| f64::from(load)).collect();
            self.smoother = HoltWinters::fitted(&series, rates, DAY);
        }
    }

    /// What a share `quantile` of the known forecasts would have needed at most, 0 or more.
    fn margin(&self) -> f64 {
        quantile(self.errors.iter().copied(), self.candidate.quantile).unwrap_or(0.0).max(0.0)
    }
}

impl Model for LoadForecast {
    fn predict(&mut self, now: SimTime, _: Replicas, view: &View<'_>) -> Option<Replicas> {
        self.starts.watch(now, &view.inputs);
        let expected = self.expect(view.telemetry.load, self.horizon())?;
        Some(replicas(expected * 100.0 / f64::from(self.candidate.target_cpu)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model(kind: Kind, quantile: f64) -> LoadForecast {
        LoadForecast::new(Candidate { kind, quantile, target_cpu: 50 }, Duration::from_secs(15))
    }

    #[test]
    fn the_horizon_is_a_sync_and_what_nine_tenths_of_the_starts_took() {
        let mut model = model(Kind::Line(6), 0.5);
        assert_eq!(model.horizon(), 1, "no start was seen: one sync");
        model.starts = [20.0, 25.0].into_iter().collect();
        assert_eq!(model.horizon(), 3, "25 s and 15 s in steps of 15 s");
    }

    #[test]
    fn a_rising_load_is_foreseen_at_the_horizon_without_a_margin() {
        let load: Vec<f32> = (0..300).map(|step| step as f32).collect();
        let mut model = model(Kind::Line(6), 0.9);
        // The last load is 299; two steps on it is 301, and the line has never been wrong.
        assert!((model.expect(&load, 2).unwrap() - 301.0).abs() < 1e-6);
        assert_eq!(model.errors.len(), ERRORS);
    }

    #[test]
    fn the_margin_covers_the_share_of_past_errors_that_it_shall() {
        // A line through two points of a saw tooth 0, 4, 0, 4 … is wrong by 8 each time, up and down.
        let load: Vec<f32> = (0..400).map(|step| if step % 2 == 0 { 0.0 } else { 4.0 }).collect();
        let mut wary = model(Kind::Line(2), 0.9);
        let expected = wary.expect(&load, 1).unwrap();
        // After 0, 4 the line says 8 and 0 comes (−8); after 4, 0 it says −4, held to 0, and 4 comes (+4).
        assert!((expected - (8.0 + 4.0)).abs() < 1e-9, "{expected}");
        let mut bold = model(Kind::Line(2), 0.5);
        assert!((bold.expect(&load, 1).unwrap() - 8.0).abs() < 1e-9, "half of the errors are below zero");
    }

    #[test]
    fn looking_step_by_step_is_looking_at_once() {
        let load: Vec<f32> = (0..600_u32).map(|step| (step.wrapping_mul(2_654_435_761) >> 28) as f32).collect();
        let mut stepped = model(Kind::Line(12), 0.8);
        let mut last = None;
        for end in 243..=load.len() {
            last = stepped.expect(&load[..end], 3);
        }
        let mut whole = model(Kind::Line(12), 0.8);
        assert_eq!(whole.expect(&load, 3), last);
    }

    #[test]
    fn a_daily_season_is_foreseen_once_two_days_are_known() {
        let wave = |step: usize| if step % DAY < DAY / 2 { 2.0 } else { 6.0 };
        let load: Vec<f32> = (0..3 * DAY).map(|step| wave(step) as f32).collect();
        let rates = Rates { level: 0.2, trend: 0.0, season: 0.4 };
        assert_eq!(model(Kind::Daily(rates), 0.5).expect(&load[..2 * DAY - 1], 4), None);
        // Half a day into the third day, one step before the rise.
        let before = 2 * DAY + DAY / 2 - 1;
        let found = model(Kind::Daily(rates), 0.5).expect(&load[..before], 4).unwrap();
        assert!((found - 6.0).abs() < 0.2, "{found}");
    }

    #[test]
    fn a_forecast_is_divided_by_what_a_pod_shall_carry() {
        assert_eq!(replicas(3.0 * 100.0 / 50.0), 6);
        assert_eq!(replicas(3.01 * 100.0 / 50.0), 7);
    }
}
