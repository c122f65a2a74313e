//! Seeded traffic: a [`Profile`] gives the expected rate, Poisson counts follow it, and CPU, memory and durations follow
//! the counts. A recipe fixes every value.

mod noise;
mod pattern;
mod profile;
mod record;

use std::time::Duration;

use rand::RngExt;
use rand_distr::{Distribution, Normal};

use crate::error::{InputError, above_zero, at_least, within};
use crate::random::{Purpose, stream};
use crate::trace::{Header, Series, Trace};

pub use profile::Profile;

/// Everything that fixes a synthetic trace.
#[derive(Debug, Clone, PartialEq)]
pub struct Recipe {
    /// The shape of the rate over time.
    pub profile: Profile,
    /// Seed of all randomness.
    pub seed: u64,
    /// Length of the trace.
    pub duration: Duration,
    /// Length of a slot.
    pub interval: Duration,
    /// Number of functions. The first is the profile as it stands; the others differ in size, phase and noise.
    pub functions: usize,
    /// Mean rate of the first function, in requests per second.
    pub rate: f64,
    /// Peak of the expected rate over its mean, 1 or more; `None` is the profile's own.
    pub peak: Option<f64>,
    /// Mean CPU time of a request, in milliseconds of one core.
    pub cpu_ms: f64,
    /// Share of a request's duration that it spends computing, above 0 and up to 1.
    pub cpu_share: f64,
    /// Coefficient of variation of a request's CPU time, above 0.
    pub cv: f64,
    /// Working set of the idle service, in bytes.
    pub memory_base: f64,
    /// Working set that a request in flight adds, in bytes.
    pub memory_per_request: f64,
}

/// Most slots over all functions that a recipe may ask for: 4 columns of 8 bytes make it 1.6 GB.
const MOST_SLOTS: u128 = 50_000_000;

/// Spread of the functions' sizes (standard deviation of the logarithm) and of their daily phase, in hours.
const SIZE_SPREAD: f64 = 0.5;
const PHASE_SPREAD: f64 = 1.5;

impl Recipe {
    /// The recipe of `profile` with defaults: one function, 60 s slots, a day, 30 requests a second of 100 ms CPU each.
    ///
    /// A 500m pod serves 5 such requests a second, so that the mean keeps 6 pods busy.
    #[must_use]
    pub fn new(profile: Profile) -> Self {
        Self {
            profile,
            seed: 0,
            duration: Duration::from_hours(24),
            interval: Duration::from_mins(1),
            functions: 1,
            rate: 30.0,
            peak: None,
            cpu_ms: 100.0,
            cpu_share: 0.8,
            cv: 0.5,
            memory_base: f64::from(256 << 20),
            memory_per_request: f64::from(1 << 20),
        }
    }

    /// The trace of the recipe.
    ///
    /// # Errors
    /// Numbers outside their range, a duration shorter than a slot, or more slots than fit into memory.
    pub fn synthesize(&self) -> Result<Trace, InputError> {
        let slots = self.validate()?;
        let width = self.functions.saturating_sub(1).to_string().len();
        let name = |index| match self.functions {
            1 => self.profile.name().to_owned(),
            _ => format!("{}-{index:0width$}", self.profile.name()),
        };
        let functions = (0..self.functions).map(|index| self.series(name(index), index as u64, slots)).collect();
        let header = Header {
            interval_ms: self.interval.as_millis() as i64,
            // 2024-01-01 00:00 UTC, a Monday, so that hours and weekdays mean something.
            origin_ms: Some(1_704_067_200_000),
            source: format!("synth:{}", self.profile.name()),
            licence: Some("CC0-1.0".to_owned()),
            tool: env!("CARGO_PKG_VERSION").to_owned(),
        };
        Trace::new(header, functions)
    }

    fn series(&self, function: String, index: u64, slots: usize) -> Series {
        let mut rng = stream(self.seed, Purpose::Synth, index);
        let (mut size, mut phase) = (0.0, 0.0);
        if index > 0 {
            let normal = Normal::new(0.0, 1.0).expect("1 is a standard deviation");
            size = normal.sample(&mut rng) * SIZE_SPREAD;
            phase = normal.sample(&mut rng) * PHASE_SPREAD;
        }
        let clock = pattern::Clock { slots, step_s: self.interval.as_secs_f64(), phase_h: phase };
        let peak = self.peak.unwrap_or_else(|| self.profile.peak());
        let shape = self.profile.shape(&clock, peak, &mut rng);
        let rates: Vec<f64> = shape.iter().map(|level| level * self.rate * size.exp()).collect();
        self.record(function, &rates, &mut stream(rng.random(), Purpose::Synth, index))
    }

    /// Checks the numbers, and counts the slots of a function.
    fn validate(&self) -> Result<usize, InputError> {
        above_zero("--rate", self.rate)?;
        at_least("--peak", self.peak.unwrap_or(1.0), 1.0)?;
        self.profile.check_peak(self.peak.unwrap_or_else(|| self.profile.peak()))?;
        above_zero("--cpu-ms", self.cpu_ms)?;
        above_zero("--cpu-share", self.cpu_share)?;
        within("--cpu-share", self.cpu_share, 0.0, 1.0)?;
        above_zero("--cv", self.cv)?;
        within("--cv", self.cv, 0.0, 10.0)?;
        at_least("--memory-base", self.memory_base, 0.0)?;
        at_least("--memory-per-request", self.memory_per_request, 0.0)?;
        above_zero("--functions", self.functions as f64)?;
        let interval = self.interval.as_millis();
        if interval == 0 || !self.interval.as_nanos().is_multiple_of(1_000_000) {
            let error = InputError::new("a slot is not a whole number of milliseconds", "write 1ms or more, as in 60s");
            return Err(error.field("--interval"));
        }
        let slots = self.duration.as_millis() / interval;
        if slots == 0 {
            let error =
                InputError::new("the trace is shorter than a slot", "take a longer duration or a shorter interval");
            return Err(error.field("--duration"));
        }
        let all = slots.saturating_mul(self.functions as u128);
        if all > MOST_SLOTS {
            let problem = format!("{all} slots are more than {MOST_SLOTS}");
            let error = InputError::new(problem, "take fewer functions, a shorter duration or a longer interval");
            return Err(error.field("--duration"));
        }
        if self.rate * self.interval.as_secs_f64() > 1e12 {
            let problem = format!("{} requests a second are more than 10^12 in a slot", self.rate);
            return Err(InputError::new(problem, "write a lower rate").field("--rate"));
        }
        Ok(usize::try_from(slots).unwrap_or(usize::MAX))
    }
}

/// One function of `profile` with the defaults of [`Recipe::new`].
///
/// # Errors
/// A duration shorter than a slot, or more slots than fit into memory.
pub fn synthesize(profile: Profile, seed: u64, duration: Duration, interval: Duration) -> Result<Trace, InputError> {
    Recipe { seed, duration, interval, ..Recipe::new(profile) }.synthesize()
}

#[cfg(test)]
mod tests;
