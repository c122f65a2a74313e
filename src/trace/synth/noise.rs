//! Irregular shapes, each a series of factors over a regular one. Randomness comes from the caller's stream.

use rand::Rng;
use rand_distr::{Distribution, Exp, LogNormal, Normal};

use super::pattern::Clock;

/// A log-normal Ornstein-Uhlenbeck process with mean 1: `exp(x − σ²/2)`, where `x` has standard deviation `sigma` and
/// forgets with time constant `memory_s`. Its law does not depend on the length of a slot.
pub(super) fn drift(clock: &Clock, sigma: f64, memory_s: f64, rng: &mut impl Rng) -> Vec<f64> {
    let normal = Normal::new(0.0, 1.0).expect("1 is a standard deviation");
    let keep = (-clock.step_s / memory_s).exp();
    let fresh = sigma * (1.0 - keep * keep).sqrt();
    let mut level = sigma * normal.sample(rng);
    clock.map(|_| {
        let value = (level - 0.5 * sigma * sigma).exp();
        level = keep * level + fresh * normal.sample(rng);
        value
    })
}

/// How bursts come and go.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bursts {
    /// Mean time between the starts of two bursts, in seconds.
    pub every_s: f64,
    /// Time in which a burst rises, in seconds.
    pub rise_s: f64,
    /// Median time constant of its decay, in seconds.
    pub decay_s: f64,
    /// Median height, as a multiple of the level beneath.
    pub height: f64,
    /// Standard deviation of the logarithm of height and of decay.
    pub spread: f64,
}

/// What bursts add to a level of 1: starts are a Poisson process; each burst rises linearly and decays exponentially.
/// Each is averaged over the slots, so that one shorter than a slot is seen at its weight.
pub(super) fn bursts(clock: &Clock, law: Bursts, rng: &mut impl Rng) -> Vec<f64> {
    let gap = Exp::new(1.0 / law.every_s).expect("the mean gap is above 0");
    let factor = LogNormal::new(0.0, law.spread).expect("the spread is not negative");
    let end = clock.slots as f64 * clock.step_s;
    let mut added = vec![0.0; clock.slots];
    let mut start = gap.sample(rng);
    while start < end {
        let (height, decay) = (law.height * factor.sample(rng), law.decay_s * factor.sample(rng));
        add_burst(&mut added, clock.step_s, start, law.rise_s, decay, height);
        start += gap.sample(rng);
    }
    added
}

/// Adds one burst that begins at `start`; all times in seconds.
pub(super) fn add_burst(added: &mut [f64], step: f64, start: f64, rise: f64, decay: f64, height: f64) {
    // The integral of the burst from its start to `t` after it.
    let area = |t: f64| {
        let rising = t.clamp(0.0, rise);
        let falling = (t - rise).max(0.0);
        height * (rising * rising / (2.0 * rise) + decay * (1.0 - (-falling / decay).exp()))
    };
    let first = (start / step) as usize;
    let last = ((start + rise + 12.0 * decay) / step) as usize + 1;
    for (slot, value) in added.iter_mut().enumerate().take(last).skip(first) {
        let from = slot as f64 * step - start;
        *value += (area(from + step) - area(from)) / step;
    }
}

/// On (1) and off (0) in turn, for exponential times with the given means in seconds; a slot holds the share of it that
/// is on. Half of the traces begin on.
pub(super) fn switching(clock: &Clock, on_s: f64, off_s: f64, rng: &mut impl Rng) -> Vec<f64> {
    let (on_time, off_time) =
        (Exp::new(1.0 / on_s).expect("it is above 0"), Exp::new(1.0 / off_s).expect("it is above 0"));
    let mut on = rng.next_u32() & 1 == 1;
    let mut left = if on { on_time.sample(rng) } else { off_time.sample(rng) };
    clock.map(|_| {
        let (mut rest, mut busy) = (clock.step_s, 0.0);
        while left < rest {
            busy += if on { left } else { 0.0 };
            rest -= left;
            on = !on;
            left = if on { on_time.sample(rng) } else { off_time.sample(rng) };
        }
        left -= rest;
        (busy + if on { rest } else { 0.0 }) / clock.step_s
    })
}
