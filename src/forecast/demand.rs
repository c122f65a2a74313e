//! What the recent past and the same time on earlier days say about demand in the coming minutes.
//!
//! Samples are the offered load in pods' worth of capacity, one mean per 15 s, as `Telemetry::load` has them. Everything
//! is computed from the slice at each decision: a few short windows, about a quarter of a microsecond, so that training,
//! evaluation and live use share one path and nothing has to be prepared per workload.

use super::outlook::{Foresight, Outlook};
use super::window::{deviation, max, mean, newest};

/// Samples in a day, at 15 s.
pub const DAY: usize = 5760;

const SECONDS_30: usize = 2;
const MINUTES_2: usize = 8;
const MINUTES_6: usize = 24;
const MINUTES_10: usize = 40;
const MINUTES_30: usize = 120;
const MINUTES_60: usize = 240;

/// Days to look back at most for what is usual at a time of day.
pub const DAYS: usize = 7;

/// Demand as seen at one instant, in pods' worth.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Demand {
    /// Mean over 30 s.
    pub now: f32,
    /// Mean over 2 min.
    pub level: f32,
    /// Mean over 10 min.
    pub level_10m: f32,
    /// Mean over 60 min.
    pub level_60m: f32,
    /// Maximum over 2 min.
    pub peak_2m: f32,
    /// Maximum over 10 min.
    pub peak: f32,
    /// Maximum over 60 min.
    pub peak_60m: f32,
    /// Standard deviation over 10 min.
    pub deviation: f32,
    /// Standard deviation over 60 min.
    pub deviation_60m: f32,
    /// The same time on earlier days, when the past is a day long.
    pub season: Option<Season>,
    /// The next peak, where there is a forecaster.
    pub outlook: Option<Outlook>,
}

/// The same time of day on earlier days.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Season {
    /// Yesterday's maximum over the coming 6 min, in pods' worth.
    pub ahead: f32,
    /// The same, times today's level over yesterday's (each over 10 min, ratio held to 0.5 to 2).
    pub ahead_rescaled: f32,
    /// Yesterday's mean over the coming 6 min, rescaled alike.
    pub mean_ahead: f32,
    /// Yesterday's maximum over the coming 30 min, rescaled alike.
    pub ahead_30m: f32,
    /// Maximum over the coming 6 min against the level before, mean logarithm over up to seven earlier days.
    pub growth: f32,
}

impl Demand {
    /// The demand seen at the end of `load`.
    #[must_use]
    pub fn at(load: &[f32]) -> Self {
        let ten = newest(load, MINUTES_10);
        let hour = newest(load, MINUTES_60);
        let level_10m = mean(ten);
        Self {
            now: mean(newest(load, SECONDS_30)),
            level: mean(newest(load, MINUTES_2)),
            level_10m,
            level_60m: mean(hour),
            peak_2m: max(newest(load, MINUTES_2)),
            peak: max(ten),
            peak_60m: max(hour),
            deviation: deviation(ten),
            deviation_60m: deviation(hour),
            season: Season::at(load, level_10m),
            outlook: None,
        }
    }

    /// The same, with what `foresight` says, where there is one.
    #[must_use]
    pub fn foreseen(load: &[f32], foresight: Option<&Foresight>) -> Self {
        Self { outlook: foresight.map(|it| it.at(load)), ..Self::at(load) }
    }

    /// The seasonal forecast of the coming 6 min's maximum; without a day of past, the maximum of the last 10 min.
    #[must_use]
    pub fn seasonal_peak(&self) -> f32 {
        self.season.map_or(self.peak, |season| season.ahead_rescaled)
    }
}

impl Season {
    fn at(load: &[f32], level_10m: f32) -> Option<Self> {
        let yesterday = load.len().checked_sub(DAY)?;
        let then = mean(newest(&load[..yesterday], MINUTES_10));
        let scale = if yesterday == 0 { 1.0 } else { (level_10m / (then + 1e-6)).clamp(0.5, 2.0) };
        let coming = &load[yesterday..];
        let ahead = max(&coming[..MINUTES_6]);
        Some(Self {
            ahead,
            ahead_rescaled: ahead * scale,
            mean_ahead: mean(&coming[..MINUTES_6]) * scale,
            ahead_30m: max(&coming[..MINUTES_30]) * scale,
            growth: growth(load),
        })
    }
}

fn growth(load: &[f32]) -> f32 {
    let days = (load.len() / DAY).min(DAYS);
    let logs = (1..=days).map(|day| {
        let at = load.len() - day * DAY;
        let before = mean(newest(&load[..at], MINUTES_10));
        let ahead = max(&load[at..at + MINUTES_6]);
        if at == 0 { 0.0 } else { ((ahead + 0.1) / (before + 0.1)).ln().clamp(-2.0, 2.0) }
    });
    logs.sum::<f32>() / days.max(1) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_constant_load_is_foreseen_at_its_level() {
        let demand = Demand::at(&vec![3.0; 2 * DAY]);
        let season = demand.season.unwrap();
        for value in [demand.now, demand.level, demand.level_60m, demand.peak_60m, season.ahead, season.mean_ahead] {
            assert!((value - 3.0).abs() < 1e-5);
        }
        assert!(demand.deviation.abs() < 1e-5 && season.growth.abs() < 1e-5);
    }

    #[test]
    fn yesterdays_peak_is_foreseen_and_rescaled_to_today() {
        let mut load = vec![2.0; DAY + 100];
        load[110] = 8.0;
        load[DAY..].fill(3.0);
        let season = Demand::at(&load).season.unwrap();
        assert!((season.ahead - 8.0).abs() < 1e-5, "the peak lies 10 samples ahead of this time yesterday");
        assert!((season.ahead_rescaled - 12.0).abs() < 1e-3, "today runs at 1.5 times yesterday's level");
        assert!((season.growth - (8.1_f32 / 2.1).ln()).abs() < 1e-5);
    }

    #[test]
    fn without_a_day_of_past_there_is_no_season() {
        let demand = Demand::at(&[1.0; 100]);
        assert_eq!(demand.season, None);
        assert!((demand.seasonal_peak() - demand.peak).abs() < f32::EPSILON);
        assert_eq!(Demand::at(&[]), Demand::default());
    }

    #[test]
    fn nothing_but_the_past_is_used() {
        let load: Vec<f32> = (0..3 * DAY).map(|i| (i as f32 * 0.37).sin().abs() * 9.0).collect();
        let mut changed = load.clone();
        changed[2 * DAY..].fill(1e6);
        assert_eq!(Demand::at(&load[..2 * DAY]), Demand::at(&changed[..2 * DAY]));
    }
}
