//! How long pods take to start.

use std::time::Duration;

use rand::RngExt;

use super::law::normal_quantile;
use super::settings::Startup;
use crate::random::{Purpose, stream};

/// Draws start-up times as `[startup]` says. The draw of a pod depends on the seed and the pod's number only, so that
/// two policies meet the same delays.
#[derive(Debug, Clone)]
pub(super) struct StartLaw {
    seed: u64,
    fixed: f64,
    median: f64,
    sigma: f64,
    probe: f64,
    cached: f64,
    pull: Duration,
}

/// One start: an image pull, after which the container runs, and the time it runs before it is ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Start {
    pub(super) pull: Duration,
    pub(super) init: Duration,
}

impl StartLaw {
    pub(super) fn new(settings: &Startup, seed: u64) -> Self {
        let (median, p99) = (settings.median.as_secs_f64(), settings.p99.as_secs_f64());
        let sigma = if median > 0.0 { (p99 / median).max(1.0).ln() / normal_quantile(0.99) } else { 0.0 };
        Self {
            seed,
            fixed: settings.fixed.as_secs_f64(),
            median,
            sigma,
            probe: settings.probe_period.as_secs_f64(),
            cached: settings.image_cached,
            pull: settings.image_pull,
        }
    }

    /// The start of the `index`-th pod.
    pub(super) fn draw(&self, index: u64) -> Start {
        let mut rng = stream(self.seed, Purpose::PodStart, index);
        let (level, cached): (f64, f64) = (rng.random(), rng.random());
        let level = level.clamp(1e-9, 1.0 - 1e-9);
        let app = self.median * (self.sigma * normal_quantile(level)).exp();
        let mut seconds = self.fixed + app;
        if self.probe > 0.0 {
            seconds = (seconds / self.probe).ceil() * self.probe;
        }
        let pull = if cached < self.cached { Duration::ZERO } else { self.pull };
        Start { pull, init: Duration::from_secs_f64(seconds.min(1e9)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn starts_have_the_configured_median_and_99th_percentile() {
        let settings = Startup { probe_period: Duration::ZERO, fixed: Duration::ZERO, ..Startup::default() };
        let law = StartLaw::new(&settings, 7);
        let mut drawn: Vec<f64> = (0..20_000).map(|index| law.draw(index).init.as_secs_f64()).collect();
        drawn.sort_by(f64::total_cmp);
        assert!((drawn[10_000] / 10.0 - 1.0).abs() < 0.02, "{}", drawn[10_000]);
        assert!((drawn[19_800] / 25.0 - 1.0).abs() < 0.05, "{}", drawn[19_800]);
    }

    #[test]
    fn readiness_is_seen_at_a_probe() {
        let law = StartLaw::new(&Startup::default(), 7);
        assert!((0..100).all(|index| law.draw(index).init.as_millis().is_multiple_of(5000)));
    }
}
