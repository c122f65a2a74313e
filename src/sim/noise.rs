//! The swing of measured CPU around its mean at the fluid level, as single requests cause it.
//!
//! A scrape sees the CPU of those requests that ran between it and the one before; how many arrived, and how long they
//! were, is chance. An HPA takes the highest recommendation of its stabilisation window, so swings cost pods.

use rand::rngs::ChaCha8Rng;
use rand_distr::{Distribution as _, StandardNormal};

use crate::random::{Purpose, stream};

/// What is constant while a window lasts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Load {
    /// Tasks per second, and the CPU-seconds of each in the mean.
    pub(super) tasks_per_s: f64,
    pub(super) cpu_s: f64,
    /// How long a task runs, in seconds, and the squared coefficient of variation of that.
    pub(super) busy_s: f64,
    pub(super) scv: f64,
    /// Length of a slot, within which the number of tasks is known, in seconds.
    pub(super) slot_s: f64,
    /// Cores that pods can use.
    pub(super) capacity: f64,
}

impl Load {
    /// Variance of the CPU-seconds used within `window` seconds, as if there were servers enough for all.
    ///
    /// ```text
    /// λ·w·s²·(1 + c² − w/T) · g(w/τ),   g(x) = 1 − (1 − e^(−x))/x,   τ = E[B²]/(2·E[B])
    /// ```
    /// Tasks arrive at `λ` in a Poisson process of which the count in a slot of length `T ≥ w` is known, and take CPU `s`
    /// with a squared coefficient of variation `c²`; g is for tasks that a window cuts, which run for `B`: the integrated
    /// autocovariance of busy servers in M/G/∞, its shape taken to be exponential.
    fn variance(&self, window: f64) -> f64 {
        let known = (window / self.slot_s).min(1.0);
        let whole = self.tasks_per_s * window * self.cpu_s * self.cpu_s * (1.0 + self.scv - known);
        let residual = self.busy_s * (1.0 + self.scv) / 2.0;
        let windows = window / residual.max(1e-9);
        let cut = 1.0 - (-(-windows).exp_m1()) / windows.max(1e-9);
        whole * cut.clamp(0.0, 1.0)
    }
}

/// Draws swings. What pods could not use in one window they use in the next, so that the mean is kept.
#[derive(Debug)]
pub(super) struct Noise {
    rng: ChaCha8Rng,
    owed: f64,
}

impl Clone for Noise {
    /// The same draws to come. The generator has no copy of its own, so that none is made unawares.
    fn clone(&self) -> Self {
        Self { rng: ChaCha8Rng::deserialize_state(&self.rng.serialize_state()), owed: self.owed }
    }
}

impl Noise {
    pub(super) fn new(seed: u64) -> Self {
        Self { rng: stream(seed, Purpose::Metrics, 1), owed: 0.0 }
    }

    /// CPU-seconds that all pods used beyond `mean` of them within a window of so many seconds; negative when less.
    pub(super) fn swing(&mut self, load: Option<&Load>, mean: f64, window: f64) -> f64 {
        let normal: f64 = StandardNormal.sample(&mut self.rng);
        let Some(load) = load else { return 0.0 };
        let drawn = self.owed + normal * load.variance(window).sqrt();
        let swing = drawn.clamp(-mean, (load.capacity * window - mean).max(0.0));
        self.owed = drawn - swing;
        swing
    }
}
