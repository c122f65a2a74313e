//! Where in a slot its requests lie. The slot's count is kept; memory does not depend on it.
//!
//! A renewal process whose count is known has distances that are scaled to fill the slot. Gamma distances allow it one by
//! one, since the share of the first is Beta whatever the sum; others are drawn twice from the same stream, first for their
//! sum. Points of a Poisson process with a changing rate lie uniformly in the integral of the rate.

use std::ops::Range;

use rand::RngExt;
use rand::rngs::ChaCha8Rng;
use rand_distr::{Distribution as _, Exp1, Gamma};

use crate::sim::settings::{Arrivals, Requests};

/// A law of arrivals within slots.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Spacing {
    /// At equal distances.
    Even,
    /// Independent of each other: a Poisson process of which the count is known.
    Poisson,
    /// Distances are gamma with this shape, of which the sum is known.
    Gamma(f64),
    /// Distances are hyperexponential.
    Hyper(Hyper),
    /// A Poisson process whose rate changes between bursts and calm.
    Mmpp(Bursts),
}

impl Spacing {
    pub(super) fn new(settings: &Requests) -> Self {
        let cv = settings.arrival_cv;
        match settings.arrivals {
            None if cv < 0.01 => Self::Even,
            None if (cv - 1.0).abs() < 1e-9 => Self::Poisson,
            None | Some(Arrivals::Gamma) => Self::Gamma(1.0 / (cv * cv)),
            Some(Arrivals::Even) => Self::Even,
            Some(Arrivals::Poisson) => Self::Poisson,
            Some(Arrivals::H2) => Self::Hyper(Hyper::new(cv)),
            Some(Arrivals::Mmpp) => Self::Mmpp(Bursts::new(settings)),
        }
    }
}

/// Two-phase hyperexponential distances with mean 1 and balanced means: each phase makes half of the time.
///
/// ```text
/// p = (1 + √((c² − 1)/(c² + 1)))/2;   a distance is Exp(2p) with probability p, else Exp(2(1 − p))
/// ```
/// Source: Tijms, A First Course in Stochastic Models, app. B.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Hyper {
    p: f64,
}

impl Hyper {
    /// Of coefficient of variation `cv`, 1 or more.
    fn new(cv: f64) -> Self {
        let scv = (cv * cv).max(1.0);
        Self { p: f64::midpoint(1.0, ((scv - 1.0) / (scv + 1.0)).sqrt()) }
    }

    fn draw(self, rng: &mut ChaCha8Rng) -> f64 {
        let rate = if rng.random::<f64>() < self.p { 2.0 * self.p } else { 2.0 * (1.0 - self.p) };
        let exponential: f64 = Exp1.sample(rng);
        exponential / rate
    }
}

/// A two-state Markov-modulated Poisson process (MMPP) with mean rate 1: rates in `[calm, burst]`, and the mean length of
/// a stay in each, in seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Bursts {
    rates: [f64; 2],
    stays: [f64; 2],
    share: f64,
}

impl Bursts {
    fn new(settings: &Requests) -> Self {
        let (rate, share, length) = (settings.burst_rate, settings.burst_share, settings.burst_length.as_secs_f64());
        let calm = ((1.0 - share * rate) / (1.0 - share)).max(0.0);
        Self { rates: [calm, rate], stays: [length * (1.0 - share) / share, length], share }
    }
}

/// A path of the modulating chain, from a stretch of one state to the next.
#[derive(Debug)]
pub(super) struct Path {
    bursts: Bursts,
    rng: ChaCha8Rng,
    state: usize,
    /// The stretch's bounds, and the integral of the rate up to it.
    from: f64,
    until: f64,
    mass: f64,
}

impl Path {
    /// A path in steady state at `from` seconds.
    fn new(bursts: Bursts, from: f64, mut rng: ChaCha8Rng) -> Self {
        let state = usize::from(rng.random::<f64>() < bursts.share);
        let stay: f64 = Exp1.sample(&mut rng);
        Self { bursts, rng, state, from, until: from + stay * bursts.stays[state], mass: 0.0 }
    }

    fn rate(&self) -> f64 {
        self.bursts.rates[self.state]
    }

    /// Goes on to the next stretch.
    fn step(&mut self) {
        self.mass += self.rate() * (self.until - self.from);
        self.state = 1 - self.state;
        let stay: f64 = Exp1.sample(&mut self.rng);
        (self.from, self.until) = (self.until, self.until + stay * self.bursts.stays[self.state]);
    }

    /// The integral of the rate up to `end`.
    fn integral(mut self, end: f64) -> f64 {
        while self.until < end {
            self.step();
        }
        self.mass + self.rate() * (end - self.from)
    }

    /// When the integral of the rate reaches `mass`, which lies ahead.
    fn when(&mut self, mass: f64, end: f64) -> f64 {
        while self.until < end && self.mass + self.rate() * (self.until - self.from) < mass {
            self.step();
        }
        let rate = self.rate();
        if rate > 0.0 { self.from + (mass - self.mass) / rate } else { self.until }
    }
}

/// The arrivals of a slot, one after another.
#[derive(Debug)]
pub(super) enum Course {
    /// At equal distances.
    Even { from: f64, length: f64, count: f64, index: f64 },
    /// Independent of each other, in the time that is left.
    Poisson { at: f64, end: f64, rng: ChaCha8Rng },
    /// Gamma distances of this shape.
    Gamma { shape: f64, at: f64, end: f64, rng: ChaCha8Rng },
    /// Hyperexponential distances of this many seconds in the mean.
    Hyper { law: Hyper, mean: f64, at: f64, end: f64, rng: ChaCha8Rng },
    /// Independent of each other, in the integral of the rate.
    Mmpp { path: Box<Path>, at: f64, total: f64, end: f64, rng: ChaCha8Rng },
}

impl Course {
    /// Before any slot.
    pub(super) fn nothing() -> Self {
        Self::Even { from: 0.0, length: 0.0, count: 0.0, index: 0.0 }
    }

    /// `count` arrivals within a slot. `again` gives the slot's second stream, from its beginning each time.
    pub(super) fn new(
        spacing: Spacing,
        count: u64,
        slot: Range<f64>,
        rng: ChaCha8Rng,
        again: impl Fn() -> ChaCha8Rng,
    ) -> Self {
        let (at, end) = (slot.start, slot.end);
        match spacing {
            Spacing::Even => Self::Even { from: at, length: end - at, count: count as f64, index: 0.0 },
            Spacing::Poisson => Self::Poisson { at, end, rng },
            Spacing::Gamma(shape) => Self::Gamma { shape, at, end, rng },
            Spacing::Hyper(law) => {
                let mut ahead = again();
                let sum: f64 = (0..=count).map(|_| law.draw(&mut ahead)).sum();
                let mean = if sum > 0.0 { (end - at) / sum } else { 0.0 };
                Self::Hyper { law, mean, at, end, rng: again() }
            }
            Spacing::Mmpp(law) => {
                let path = || Path::new(law, at, again());
                let total = if count == 0 { 0.0 } else { path().integral(end) };
                Self::Mmpp { path: Box::new(path()), at: 0.0, total, end, rng }
            }
        }
    }

    /// The next arrival, of `left` that there still are: of `k` uniform points in what is left the first lies at a share
    /// `1 − U^(1/k)` of it, and of points with gamma distances of shape `a` at a share that is Beta(a, a·k).
    #[inline]
    pub(super) fn next(&mut self, left: u64) -> f64 {
        let left = left as f64;
        match self {
            Self::Even { from, length, count, index } => {
                *index += 1.0;
                *from + *length * (*index - 0.5) / *count
            }
            Self::Poisson { at, end, rng } => {
                *at = (*at + (*end - *at) * first(left, rng)).min(*end);
                *at
            }
            Self::Gamma { shape, at, end, rng } => {
                let mut draw = |shape| Gamma::new(shape, 1.0).map_or(shape, |law| law.sample(rng));
                let (first, rest): (f64, f64) = (draw(*shape), draw(*shape * left));
                let share = if first + rest > 0.0 { first / (first + rest) } else { 0.0 };
                *at = (*at + (*end - *at) * share).min(*end);
                *at
            }
            Self::Hyper { law, mean, at, end, rng } => {
                *at = (*at + law.draw(rng) * *mean).min(*end);
                *at
            }
            Self::Mmpp { path, at, total, end, rng } => {
                *at += (*total - *at) * first(left, rng);
                path.when(*at, *end).min(*end)
            }
        }
    }
}

/// The least of `left` uniform numbers.
#[inline]
fn first(left: f64, rng: &mut ChaCha8Rng) -> f64 {
    let exponential: f64 = Exp1.sample(rng);
    -(-exponential / left).exp_m1()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, stream};

    const HOUR: f64 = 3600.0;

    fn arrivals(settings: &Requests, count: u64, seed: u64) -> Vec<f64> {
        let rng = stream(seed, Purpose::Arrivals, 0);
        let bursts = || stream(seed, Purpose::Bursts, 0);
        let mut course = Course::new(Spacing::new(settings), count, 0.0..HOUR, rng, bursts);
        (0..count).rev().map(|after| course.next(after + 1)).collect()
    }

    fn variation(values: &[f64]) -> f64 {
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / values.len() as f64).sqrt() / mean
    }

    #[test]
    fn hyperexponential_distances_have_their_variation_and_their_law() {
        const COUNT: u64 = 400_000;
        for cv in [1.5, 3.0] {
            let settings = Requests { arrivals: Some(Arrivals::H2), arrival_cv: cv, ..Requests::default() };
            let times = arrivals(&settings, COUNT, 3);
            let steps: Vec<f64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
            assert!((variation(&steps) / cv - 1.0).abs() < 0.03, "{cv}: {}", variation(&steps));
            // P(X > x) = p·exp(−2px) + (1 − p)·exp(−2(1 − p)x) in units of the mean.
            let p = f64::midpoint(1.0, ((cv * cv - 1.0) / (cv * cv + 1.0)).sqrt());
            for x in [0.1, 0.5, 1.0, 4.0] {
                let beyond = steps.iter().filter(|&&step| step > x * HOUR / COUNT as f64).count() as f64 / COUNT as f64;
                let exact = p * (-2.0 * p * x).exp() + (1.0 - p) * (-2.0 * (1.0 - p) * x).exp();
                assert!((beyond - exact).abs() < 0.004, "{cv}, beyond {x}: {beyond} for {exact}");
            }
        }
    }

    #[test]
    fn counts_of_a_modulated_process_are_dispersed_as_its_closed_form_says() {
        let settings = Requests { arrivals: Some(Arrivals::Mmpp), ..Requests::default() };
        let law = Bursts::new(&settings);
        assert!((law.share * law.rates[1] + (1.0 - law.share) * law.rates[0] - 1.0).abs() < 1e-12, "the mean is kept");
        let (count, seeds) = (180_000_u64, 20);
        let lambda = count as f64 / HOUR;
        let (out_of_calm, out_of_burst) = (1.0 / law.stays[0], 1.0 / law.stays[1]);
        let turnover = out_of_calm + out_of_burst;
        for window in [0.5_f64, 2.0, 10.0] {
            let windows = (HOUR / window) as usize;
            let (mut sum, mut n) = (0.0, 0.0);
            for seed in 0..seeds {
                let mut counts = vec![0.0; windows];
                let all = arrivals(&settings, count, seed);
                for at in &all {
                    counts[((at / window) as usize).min(windows - 1)] += 1.0;
                }
                let mean = lambda * window;
                sum += counts.iter().map(|held: &f64| (held - mean).powi(2)).sum::<f64>() / mean;
                n += windows as f64;
            }
            // Fischer and Meier-Hellstern, Performance Evaluation 18 (1993), index of dispersion of counts in t:
            // I(t) = 1 + 2·σ1·σ2·(λ1 − λ2)²/((σ1 + σ2)²·(λ1·σ2 + λ2·σ1)) · (1 − (1 − exp(−(σ1 + σ2)t))/((σ1 + σ2)t)).
            let (calm, burst) = (lambda * law.rates[0], lambda * law.rates[1]);
            let scale = 2.0 * out_of_calm * out_of_burst * (calm - burst).powi(2)
                / (turnover.powi(2) * (calm * out_of_burst + burst * out_of_calm));
            let exact = 1.0 + scale * (1.0 - -(-turnover * window).exp_m1() / (turnover * window));
            let found = sum / n;
            // The known count of the hour takes a little off: windows are a small part of it.
            assert!((found / exact - 1.0).abs() < 0.05, "{window} s: {found} for {exact}");
        }
    }
}
