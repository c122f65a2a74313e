//! Models of the replica counts that the metrics led to.

use std::collections::VecDeque;
use std::time::Duration;

use super::{Model, replicas};
use crate::autoscalers::Context;
use crate::forecast::{HoltWinters, Rates, regression, season};
use crate::sim::{LOAD_STEP, View};
use crate::units::{Percent, Replicas, SimTime};

/// `historySize` and `lookAhead` of the project's example of a linear model.
const HISTORY: usize = 6;
const LOOK_AHEAD: Duration = Duration::from_secs(10);
/// `storedSeasons` of the project's example of Holt–Winters.
const STORED_SEASONS: usize = 4;

const DAY: Duration = Duration::from_secs(86_400);

/// The straight line through the last six counts, ten seconds ahead.
#[derive(Debug, Clone, Default)]
pub struct LinearCounts {
    history: VecDeque<(SimTime, Replicas)>,
}

impl LinearCounts {
    fn next(&mut self, now: SimTime, count: Replicas) -> Option<Replicas> {
        if self.history.len() >= HISTORY {
            self.history.pop_front();
        }
        self.history.push_back((now, count));
        let then = now + LOOK_AHEAD;
        let points = self.history.iter().map(|&(at, count)| (then.since(at).as_secs_f64(), f64::from(count)));
        regression::line(points).map(|(forecast, _)| replicas(tidy(forecast)))
    }
}

/// Without what rounding of sums adds to a whole number, which would count as a whole replica more.
fn tidy(forecast: f64) -> f64 {
    (forecast * 1e9).round() / 1e9
}

impl Model for LinearCounts {
    fn predict(&mut self, now: SimTime, count: Replicas, _: &View<'_>) -> Option<Replicas> {
        self.next(now, count)
    }
}

/// Additive Holt–Winters smoothing of the counts, one sync ahead, with a day as its season where training time repeats
/// itself by the day, else without a season.
///
/// It stores up to five days of counts. Those from before the run are the counts of an HPA in steady state, the load over
/// its target: a controller that has run for long knows them.
#[derive(Debug, Clone)]
pub struct HoltWintersCounts {
    rates: Rates,
    period: usize,
    sync: Duration,
    target: f64,
    counts: Vec<f64>,
    smoother: Option<HoltWinters>,
    base: usize,
    seeded: bool,
}

impl HoltWintersCounts {
    /// A model with a season of `period` syncs, 0 for none, that lie `sync` apart. `target` is the utilisation to aim at,
    /// as a ratio.
    #[must_use]
    pub fn new(rates: Rates, period: usize, sync: Duration, target: f64) -> Self {
        let sync = sync.max(Duration::from_millis(1));
        Self { rates, period, sync, target, counts: Vec::new(), smoother: None, base: 0, seeded: false }
    }

    /// `alpha`, `beta` and `gamma` that training time chooses from, which the project leaves to its users: those of its
    /// example, whose season is six syncs, and lower ones.
    #[must_use]
    pub fn rates() -> Vec<Rates> {
        let mut all = vec![Rates { level: 0.9, trend: 0.9, season: 0.9 }];
        for level in [0.1, 0.3, 0.9] {
            for trend in [0.0, 0.1] {
                all.extend([0.1, 0.4].map(|season| Rates { level, trend, season }));
            }
        }
        all
    }

    /// With a day as its season if training time shows one.
    #[must_use]
    pub fn learn(context: &Context<'_>, rates: Rates) -> Self {
        let sync = context.hpa.sync_period.max(Duration::from_millis(1));
        let daily = season::repeats(context.training_load(), DAY.div_duration_f64(LOAD_STEP).round() as usize);
        let period = if daily { DAY.div_duration_f64(sync).round() as usize } else { 0 };
        Self::new(rates, period, sync, context.hpa.target_cpu.map_or(0.8, Percent::fraction))
    }

    /// The counts that the stored seasons lack at the start of a run.
    fn seed(&mut self, now: SimTime, load: &[f32]) {
        self.seeded = true;
        let most = (STORED_SEASONS + 1) * self.period;
        for back in (1..most).rev() {
            let at = now - self.sync.saturating_mul(back as u32);
            let step = at.0.div_euclid(LOAD_STEP.as_micros() as i64);
            if let Some(&load) = usize::try_from(step).ok().and_then(|step| load.get(step)) {
                self.counts.push((f64::from(load) / self.target).ceil());
            }
        }
    }

    fn next(&mut self, count: Replicas) -> Option<Replicas> {
        self.counts.push(f64::from(count));
        if self.period > 0 && self.counts.len() / self.period > STORED_SEASONS {
            let old = (self.counts.len() / self.period - STORED_SEASONS) * self.period;
            self.counts.drain(..old);
            self.smoother = None;
        }
        let base = HoltWinters::base(self.counts.len(), self.period);
        match &mut self.smoother {
            Some(smoother) if base == self.base => smoother.update(f64::from(count)),
            _ => self.smoother = HoltWinters::fitted(&self.counts, self.rates, self.period),
        }
        self.base = base;
        if self.period == 0 && self.smoother.is_some() {
            // Without a season the first state never changes again.
            self.counts.truncate(base);
        }
        self.smoother.as_ref().map(|smoother| replicas(tidy(smoother.forecast(1))))
    }
}

impl Model for HoltWintersCounts {
    fn predict(&mut self, now: SimTime, count: Replicas, view: &View<'_>) -> Option<Replicas> {
        if !self.seeded {
            self.seed(now, view.telemetry.load);
        }
        self.next(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATES: Rates = Rates { level: 0.9, trend: 0.9, season: 0.9 };

    fn sync(at: i64) -> SimTime {
        SimTime::from_secs(15 * at)
    }

    /// Computed once with statsmodels 0.15.0, as the project's algorithm does:
    /// ```python
    /// counts = [1, 3, 2, 5, 4, 7, 8, 8]
    /// for now in range(1, len(counts)):
    ///     then = [i for i in range(max(0, now - 5), now + 1)]
    ///     x = [15 * (now - i) + 10 for i in then]
    ///     fit = sm.OLS([counts[i] for i in then], sm.add_constant(x)).fit()
    ///     print(math.ceil(round(fit.predict([[1, 0]])[0], 9)), end=" ")
    /// ```
    #[test]
    fn a_line_through_the_last_six_counts_is_that_of_statsmodels() {
        let mut model = LinearCounts::default();
        let counts = [1, 3, 2, 5, 4, 7, 8, 8];
        let found: Vec<_> = (0..).zip(counts).map(|(at, count)| model.next(sync(at), count)).collect();
        assert_eq!(found[0], None, "a line needs two points");
        assert_eq!(found.into_iter().flatten().collect::<Vec<_>>(), LINE);
    }

    const LINE: [Replicas; 7] = [5, 3, 6, 6, 7, 9, 10];

    #[test]
    fn a_line_that_falls_below_zero_predicts_no_replicas() {
        let mut model = LinearCounts::default();
        model.next(sync(0), 9);
        assert_eq!(model.next(sync(1), 1), Some(0));
    }

    #[test]
    fn smoothing_of_counts_is_what_fitting_the_stored_seasons_anew_gives() {
        let count = |at: usize| (3 + (7 * at + 3 * (at % 6).pow(2)) % 11) as Replicas;
        let mut model = HoltWintersCounts::new(RATES, 6, Duration::from_secs(15), 0.8);
        let mut stored: Vec<f64> = Vec::new();
        for at in 0..80 {
            stored.push(f64::from(count(at)));
            if stored.len() / 6 > 4 {
                stored.drain(..6);
            }
            let fitted = HoltWinters::fitted(&stored, RATES, 6).map(|it| replicas(tidy(it.forecast(1))));
            assert_eq!(model.next(count(at)), fitted, "at sync {at}");
            assert_eq!(fitted.is_some(), at >= 15, "10 + 2 × 3 counts are needed");
        }
    }

    #[test]
    fn without_a_season_the_trend_is_continued() {
        let mut model = HoltWintersCounts::new(RATES, 0, Duration::from_secs(15), 0.8);
        let found: Vec<_> = (1..=40).map(|count| model.next(count)).collect();
        assert!(found[..9].iter().all(Option::is_none), "ten counts are needed");
        assert_eq!(found[9..].iter().flatten().copied().collect::<Vec<_>>(), (11..=41).collect::<Vec<_>>());
    }

    #[test]
    fn the_past_before_the_run_stands_in_as_steady_counts() {
        let mut model = HoltWintersCounts::new(RATES, 4, Duration::from_secs(30), 0.5);
        // Nine minutes of load, a new level each minute, and a sync each half minute.
        let load: Vec<f32> = (0..36).map(|step| (1 + step / 4) as f32).collect();
        model.seed(SimTime::from_secs(540), &load);
        // 19 syncs back is before the trace, so 18 are left: 2 per minute of load.
        let expected: Vec<f64> = (0..18).map(|half: i32| f64::from(2 * (1 + half / 2))).collect();
        assert_eq!(model.counts, expected);
    }
}
