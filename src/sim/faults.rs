//! When containers crash.

use rand::RngExt;

use super::settings;
use crate::random::{Purpose, stream};
use crate::units::SimTime;

/// Far beyond any run.
const NEVER: SimTime = SimTime(i64::MAX);

/// Draws the lives of containers, and knows when all of them crash at once.
#[derive(Debug, Clone)]
pub(super) struct Crashes {
    seed: u64,
    /// Per second.
    rate: f64,
    /// In order of time; those that have been are gone.
    all_at: std::collections::VecDeque<SimTime>,
}

impl Crashes {
    /// Those of `[faults]` in a run that starts at `start`.
    pub(super) fn new(settings: &settings::Faults, seed: u64, start: SimTime) -> Self {
        let mut all_at: Vec<SimTime> = settings.crash_all_at.iter().map(|span| start + *span).collect();
        all_at.sort_unstable();
        Self { seed, rate: settings.crash_rate / 3600.0, all_at: all_at.into() }
    }

    /// Whether a container ever crashes.
    pub(super) fn any(settings: &settings::Faults) -> bool {
        settings.crash_rate > 0.0 || !settings.crash_all_at.is_empty()
    }

    /// When the `life`-th container of a pod, which starts to run at `running`, crashes by itself. Each pod has a stream
    /// of its own, so that two policies meet the same crashes.
    /// ```text
    /// P(life > t) = exp(−rate · t)
    /// ```
    pub(super) fn of(&self, pod: u64, life: u32, running: SimTime) -> SimTime {
        if self.rate <= 0.0 {
            return NEVER;
        }
        let mut rng = stream(self.seed, Purpose::Crashes, pod);
        // A draw takes two words of 32 bits.
        rng.set_word_pos(2 * u128::from(life));
        let seconds = -(1.0 - rng.random::<f64>()).ln() / self.rate;
        SimTime(running.0.saturating_add((seconds * 1e6).min(1e18) as i64))
    }

    /// When all crash next.
    pub(super) fn next(&self) -> SimTime {
        self.all_at.front().copied().unwrap_or(NEVER)
    }

    /// Whether all crash now.
    pub(super) fn all(&mut self, now: SimTime) -> bool {
        let due = self.next() <= now;
        while self.next() <= now {
            self.all_at.pop_front();
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crashes(crash_rate: f64) -> Crashes {
        let settings = settings::Faults { crash_rate, ..settings::Faults::default() };
        Crashes::new(&settings, 3, SimTime::ZERO)
    }

    #[test]
    fn lives_are_exponential_with_the_configured_rate() {
        let crashes = crashes(2.0);
        let mut hours: Vec<f64> = (0..200)
            .flat_map(|pod| (0..100).map(move |life| (pod, life)))
            .map(|(pod, life)| crashes.of(pod, life, SimTime::ZERO).secs() / 3600.0)
            .collect();
        hours.sort_by(f64::total_cmp);
        let count = hours.len() as f64;
        let mean = hours.iter().sum::<f64>() / count;
        // The mean of 20,000 exponential lives has a standard deviation of 0.7 % of it.
        assert!((mean / 0.5 - 1.0).abs() < 0.03, "{mean}");
        // Kolmogorov's distance stays below 1.63/√n in 99 of 100 samples.
        let distance =
            hours.iter().enumerate().map(|(at, x)| ((at as f64 + 0.5) / count - 1.0 + (-2.0 * x).exp()).abs());
        assert!(distance.fold(0.0, f64::max) < 1.63 / count.sqrt());
    }

    #[test]
    fn each_container_has_a_life_of_its_own_and_always_the_same() {
        let crashes = crashes(1.0);
        assert_eq!(crashes.of(4, 2, SimTime::ZERO), crashes.of(4, 2, SimTime::ZERO));
        assert_ne!(crashes.of(4, 2, SimTime::ZERO), crashes.of(4, 3, SimTime::ZERO));
        assert_ne!(crashes.of(4, 2, SimTime::ZERO), crashes.of(5, 2, SimTime::ZERO));
        assert_eq!(super::tests::crashes(0.0).of(4, 2, SimTime::ZERO), NEVER);
    }
}
