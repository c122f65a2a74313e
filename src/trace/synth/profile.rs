//! The profiles by name, and the shape of each: expected rate over mean rate, slot by slot.

use std::fmt;
use std::str::FromStr;

use rand::Rng;
use rand::RngExt;

use crate::error::{InputError, UnitError};
use crate::trace::synth::noise::{self, Bursts};
use crate::trace::synth::pattern::{Clock, Day, week};

/// A shape of traffic over time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// The same expected rate throughout.
    Constant,
    /// One smooth day after another, busiest at 14:00, with drifting noise.
    Diurnal,
    /// A weak day with sudden bursts every hour or so (a few minutes up, ten minutes down).
    Bursty,
    /// A quiet level, and once a day, at a time nobody can know, a crowd: up within five minutes, gone after an hour.
    FlashCrowd,
    /// A straight line up.
    Ramp,
    /// Full load and none, in turn, for minutes each.
    OnOff,
    /// A level that wanders over hours without any cycle.
    RandomWalk,
    /// Days within weeks (a quiet weekend), drifting noise and a few bursts a day: the closest to real services.
    Weekly,
}

impl Profile {
    /// All profiles, in the order of the manual.
    pub const ALL: [Self; 8] = [
        Self::Constant,
        Self::Diurnal,
        Self::Bursty,
        Self::FlashCrowd,
        Self::Ramp,
        Self::OnOff,
        Self::RandomWalk,
        Self::Weekly,
    ];

    /// Its name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Constant => "constant",
            Self::Diurnal => "diurnal",
            Self::Bursty => "bursty",
            Self::FlashCrowd => "flash-crowd",
            Self::Ramp => "ramp",
            Self::OnOff => "on-off",
            Self::RandomWalk => "random-walk",
            Self::Weekly => "weekly",
        }
    }

    /// What it looks like, in a line.
    #[must_use]
    pub fn about(self) -> &'static str {
        match self {
            Self::Constant => "the same expected rate throughout",
            Self::Diurnal => "a smooth day, busiest at 14:00, with drifting noise",
            Self::Bursty => "a weak day with sudden bursts every hour or so",
            Self::FlashCrowd => "quiet, and once a day a crowd: up in five minutes, gone after an hour",
            Self::Ramp => "a straight line up",
            Self::OnOff => "full load and none, in turn, for minutes each",
            Self::RandomWalk => "a level that wanders over hours without any cycle",
            Self::Weekly => "days within weeks, drifting noise and a few bursts a day",
        }
    }

    /// Peak over mean that it has unless told otherwise: of the daily curve, the burst, the crowd, the line's end, the
    /// time on, or the 99th percentile of a walk.
    #[must_use]
    pub fn peak(self) -> f64 {
        match self {
            Self::Constant => 1.0,
            Self::Diurnal | Self::Weekly => 2.2,
            Self::Bursty => 3.0,
            Self::FlashCrowd => 5.0,
            Self::Ramp => 1.8,
            Self::OnOff => 2.0,
            Self::RandomWalk => 2.5,
        }
    }

    /// Checks that the profile can have this peak over its mean.
    pub(super) fn check_peak(self, peak: f64) -> Result<(), InputError> {
        let most = match self {
            Self::Constant => 1.0,
            Self::Ramp => 2.0,
            // A log-normal level has its highest 99th percentile over the mean, 14.9, at σ = 2.33.
            Self::RandomWalk => 10.0,
            _ => 20.0,
        };
        crate::error::within("--peak", peak, 1.0, most)
            .map_err(|error| InputError { problem: format!("{} for the profile {self}", error.problem), ..error })
    }

    /// Expected rate over mean rate in each slot. `peak` has been checked.
    pub(super) fn shape(self, clock: &Clock, peak: f64, rng: &mut impl Rng) -> Vec<f64> {
        match self {
            Self::Constant => vec![1.0; clock.slots],
            Self::Diurnal => diurnal(clock, peak, rng),
            Self::Bursty => bursty(clock, peak, rng),
            Self::FlashCrowd => flash_crowd(clock, peak, rng),
            Self::Ramp => clock.map(|slot| 2.0 - peak + 2.0 * (peak - 1.0) * (slot as f64 + 0.5) / clock.slots as f64),
            Self::OnOff => on_off(clock, peak, rng),
            Self::RandomWalk => random_walk(clock, peak, rng),
            Self::Weekly => weekly(clock, peak, rng),
        }
    }
}

const MINUTE: f64 = 60.0;
const HOUR: f64 = 3600.0;

fn times(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a * b).collect()
}

/// Days differ in height by some 10 %, and the rate drifts by some 8 % within the half hour.
fn diurnal(clock: &Clock, peak: f64, rng: &mut impl Rng) -> Vec<f64> {
    let day = Day::new(peak);
    let curve = clock.map(|slot| day.at(clock.hours(slot)));
    let height = noise::drift(clock, 0.1, 24.0 * HOUR, rng);
    times(&times(&curve, &height), &noise::drift(clock, 0.08, 30.0 * MINUTE, rng))
}

/// Bursts of `peak − 1` times the mean in the median, over a calm level that makes the mean 1.
fn bursty(clock: &Clock, peak: f64, rng: &mut impl Rng) -> Vec<f64> {
    let law = Bursts { every_s: 75.0 * MINUTE, rise_s: 90.0, decay_s: 6.0 * MINUTE, height: peak - 1.0, spread: 0.4 };
    // Mean of a product of two log-normal factors, and of the rise, whose length is fixed.
    let area =
        law.height * (law.decay_s * law.spread.powi(2).exp() + law.rise_s / 2.0 * (0.5 * law.spread.powi(2)).exp());
    let calm = (1.0 - area / law.every_s).max(0.1);
    let day = Day::new(1.3);
    let base = clock.map(|slot| calm * day.at(clock.hours(slot)));
    let base = times(&base, &noise::drift(clock, 0.1, 20.0 * MINUTE, rng));
    base.iter().zip(noise::bursts(clock, law, rng)).map(|(base, burst)| base + burst).collect()
}

/// One crowd in every day (or in a shorter trace), at a uniform time, never cut by the day's end.
fn flash_crowd(clock: &Clock, peak: f64, rng: &mut impl Rng) -> Vec<f64> {
    let length = clock.slots as f64 * clock.step_s;
    let days = (length / (24.0 * HOUR)).round().max(1.0);
    let round_s = length / days;
    let (rise, decay) = (round_s.min(24.0 * HOUR) / 288.0, round_s.min(24.0 * HOUR) / 48.0);
    // The crowd stands on the calm level, and calm + crowd has mean 1: calm + (peak − calm) · area / day = 1.
    let share = (rise / 2.0 + decay) / round_s;
    let calm = ((1.0 - peak * share) / (1.0 - share)).max(0.05);
    let mut crowd = vec![0.0; clock.slots];
    for day in 0..days as usize {
        let start = round_s * (day as f64 + rng.random_range(0.05..0.85));
        let height = (peak - calm) * rng.random_range(0.8..1.2);
        noise::add_burst(&mut crowd, clock.step_s, start, rise, decay, height);
    }
    let curve = Day::new(1.3);
    let base = clock.map(|slot| calm * curve.at(clock.hours(slot)));
    let base = times(&base, &noise::drift(clock, 0.08, 30.0 * MINUTE, rng));
    base.iter().zip(crowd).map(|(base, crowd)| base + crowd).collect()
}

/// On for 20 minutes in the mean, at `peak` times the mean rate; off as long as makes the mean 1.
fn on_off(clock: &Clock, peak: f64, rng: &mut impl Rng) -> Vec<f64> {
    if peak <= 1.0 {
        return vec![1.0; clock.slots];
    }
    let on = 20.0 * MINUTE;
    noise::switching(clock, on, on * (peak - 1.0), rng).into_iter().map(|share| share * peak).collect()
}

/// A log-normal level whose 99th percentile is `peak`: `2.326 σ − σ² / 2 = ln peak`. It forgets in six hours.
fn random_walk(clock: &Clock, peak: f64, rng: &mut impl Rng) -> Vec<f64> {
    let z = 2.326_347_874;
    let sigma = z - (z * z - 2.0 * peak.ln()).max(0.0).sqrt();
    noise::drift(clock, sigma, 6.0 * HOUR, rng)
}

fn weekly(clock: &Clock, peak: f64, rng: &mut impl Rng) -> Vec<f64> {
    let day = Day::new(peak);
    let curve = clock.map(|slot| day.at(clock.hours(slot)) * week(clock.hours(slot)));
    let slow = noise::drift(clock, 0.12, 12.0 * HOUR, rng);
    let quick = noise::drift(clock, 0.08, 20.0 * MINUTE, rng);
    let law = Bursts { every_s: 8.0 * HOUR, rise_s: 2.0 * MINUTE, decay_s: 8.0 * MINUTE, height: 0.7, spread: 0.4 };
    let burst: Vec<f64> = noise::bursts(clock, law, rng).into_iter().map(|burst| 1.0 + burst).collect();
    times(&times(&curve, &slow), &times(&quick, &burst))
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Profile {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let found = Self::ALL.into_iter().find(|profile| profile.name() == text);
        found.ok_or_else(|| {
            let remedy = "write constant, diurnal, bursty, flash-crowd, ramp, on-off, random-walk or weekly";
            UnitError::new(text, "a profile", remedy)
        })
    }
}
