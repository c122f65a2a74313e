//! The policy as a product of distributions, one a head: draws, log-probabilities, entropies and their slopes.
//!
//! ```text
//! categorical: π(i) = e^{z_i} / Σ_j e^{z_j}, the sum over what the mask allows
//! Gaussian:    N(μ, σ²), σ = softplus(s) + 10⁻³, of outputs μ and s
//! Beta:        Beta(α, β), α = 1 + softplus(a), β = 1 + softplus(b), of outputs a and b
//! ```
//! Log-probability and entropy of an action are the sums over heads. What is stored of a Gaussian is the draw itself, not
//! what the environment cuts it to. Sources: Huang and Ontañón, arXiv:2006.14171, for masks in acting and learning alike;
//! Chou et al., ICML 2017, for Beta.

use rand::{Rng, RngExt};
use rand_distr::{Distribution as _, StandardNormal};

use super::special::{digamma, ln_gamma, sigmoid, softplus, softplus_inverse, trigamma};
use crate::env::distribution::{Distribution, choice};

/// Logit of a choice that the mask forbids.
pub const FORBIDDEN: f32 = -1e9;

/// Least standard deviation of a Gaussian head, so that densities stay bounded.
pub const LEAST_DEVIATION: f64 = 1e-3;

/// A draw of a Beta head keeps this distance from 0 and 1, where its log-density may have no bound.
const EDGE: f64 = 1e-6;

/// Sets the logits of choices that `mask` forbids; it has a value for each output. An empty mask forbids nothing.
pub fn forbid(outputs: &mut [f32], mask: &[bool]) {
    for (output, allowed) in outputs.iter_mut().zip(mask) {
        *output = if *allowed { *output } else { FORBIDDEN };
    }
}

/// Whether a mask leaves a single action: each head is categorical with one choice left.
#[must_use]
pub fn forced(heads: &[Distribution], mask: &[bool]) -> bool {
    let mut from = 0;
    !mask.is_empty()
        && heads.iter().all(|head| {
            let allowed = &mask[from..from + head.outputs()];
            from += head.outputs();
            matches!(head, Distribution::Categorical(_)) && allowed.iter().filter(|&&allowed| allowed).count() == 1
        })
}

/// Draws a number a head into `action`, and returns the log-probability of all together.
pub fn sample(outputs: &[f32], heads: &[Distribution], rng: &mut impl Rng, action: &mut [f32]) -> f32 {
    let mut from = 0;
    let mut total = 0.0;
    for (head, number) in heads.iter().zip(action) {
        let outputs = &outputs[from..from + head.outputs()];
        from += head.outputs();
        if let Some(density) = Density::new(*head, outputs) {
            *number = density.draw(rng);
            total += density.log_probability(*number) as f32;
        } else {
            let (most, sum) = log_sum_parts(outputs);
            let mut left = rng.random::<f32>() * sum;
            let drawn = outputs.iter().position(|logit| {
                left -= (logit - most).exp();
                left < 0.0
            });
            // Rounding may leave a rest after the last choice; the likeliest is never a forbidden one.
            let index = drawn.unwrap_or_else(|| likeliest_of(outputs));
            *number = index as f32;
            total += outputs[index] - most - sum.ln();
        }
    }
    total
}

/// The likeliest choice of a categorical head, the first one of equals; the mean of another.
pub fn likeliest(outputs: &[f32], heads: &[Distribution], action: &mut [f32]) {
    let mut from = 0;
    for (head, number) in heads.iter().zip(action) {
        let outputs = &outputs[from..from + head.outputs()];
        from += head.outputs();
        let mean = Density::new(*head, outputs).map(|density| density.mean() as f32);
        *number = mean.unwrap_or_else(|| likeliest_of(outputs) as f32);
    }
}

fn likeliest_of(logits: &[f32]) -> usize {
    (0..logits.len()).fold(0, |best, i| if logits[i] > logits[best] { i } else { best })
}

/// Log-probability of an action.
#[must_use]
pub fn log_probability(outputs: &[f32], heads: &[Distribution], action: &[f32]) -> f32 {
    let mut from = 0;
    let mut total = 0.0;
    for (head, &number) in heads.iter().zip(action) {
        let outputs = &outputs[from..from + head.outputs()];
        from += head.outputs();
        total += if let Some(density) = Density::new(*head, outputs) {
            density.log_probability(number) as f32
        } else {
            let (most, sum) = log_sum_parts(outputs);
            outputs[choice(number)] - most - sum.ln()
        };
    }
    total
}

/// Standard deviation of a Gaussian head, and about that of a Beta head, before anything is learned.
const FIRST_DEVIATION: f64 = 0.25;

/// Least distance of a Beta head's first mean from 0 and 1, so that both shape parameters are above 1.
const FIRST_MARGIN: f64 = 0.1;

/// The outputs of a head whose policy leans to `number`: a categorical head gives it the probability `share`, others have
/// it as their mean, Beta heads as near as 0.1 from the ends of their range.
pub fn lean(head: Distribution, number: f32, share: f64, outputs: &mut [f32]) {
    match head {
        Distribution::Categorical(choices) if share > 0.0 && choices > 1 => {
            outputs[choice(number)] = (share * (choices - 1) as f64 / (1.0 - share)).ln() as f32;
        }
        Distribution::Categorical(_) => {}
        Distribution::Gaussian => {
            outputs[0] = number;
            outputs[1] = softplus_inverse(FIRST_DEVIATION - LEAST_DEVIATION) as f32;
        }
        Distribution::Beta => {
            let mean = f64::from(number).clamp(FIRST_MARGIN, 1.0 - FIRST_MARGIN);
            // Var = m (1 − m) / (α + β + 1), but both parameters stay above 1.
            let spread = mean * (1.0 - mean) / FIRST_DEVIATION.powi(2) - 1.0;
            let both = spread.max(1.1 / mean.min(1.0 - mean));
            outputs[0] = softplus_inverse(mean * both - 1.0) as f32;
            outputs[1] = softplus_inverse((1.0 - mean) * both - 1.0) as f32;
        }
    }
}

/// As [`lean`], the outputs of all heads; of heads without a number in `first` they stay.
pub fn lean_all(heads: &[Distribution], first: &[f32], share: f64, outputs: &mut [f32]) {
    let mut from = 0;
    for (head, &number) in heads.iter().zip(first) {
        lean(*head, number, share, &mut outputs[from..from + head.outputs()]);
        from += head.outputs();
    }
}

/// Largest logit, and the sum of exponentials against it.
fn log_sum_parts(logits: &[f32]) -> (f32, f32) {
    let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    (most, logits.iter().map(|logit| (logit - most).exp()).sum())
}

/// The density of a continuous head.
#[derive(Debug, Clone, Copy)]
pub enum Density {
    /// Mean, standard deviation, and the output that the latter is made of.
    Gaussian(f64, f64, f64),
    /// Shape parameters, and the outputs that they are made of.
    Beta([f64; 2], [f64; 2]),
}

impl Density {
    /// Of a head's outputs; `None` for a categorical head.
    #[must_use]
    pub fn new(head: Distribution, outputs: &[f32]) -> Option<Self> {
        let raw = || [f64::from(outputs[0]), f64::from(outputs[1])];
        match head {
            Distribution::Categorical(_) => None,
            Distribution::Gaussian => {
                let [mean, raw] = raw();
                Some(Self::Gaussian(mean, softplus(raw) + LEAST_DEVIATION, raw))
            }
            Distribution::Beta => Some(Self::Beta(raw().map(|raw| 1.0 + softplus(raw)), raw())),
        }
    }

    fn draw(&self, rng: &mut impl Rng) -> f32 {
        match *self {
            Self::Gaussian(mean, deviation, _) => {
                let normal: f64 = StandardNormal.sample(rng);
                (mean + deviation * normal) as f32
            }
            Self::Beta([alpha, beta], _) => {
                // Fails only for a shape that is not a number, which then is what the draw is too.
                let drawn = rand_distr::Beta::new(alpha, beta).map_or(f64::NAN, |beta| beta.sample(rng));
                drawn.clamp(EDGE, 1.0 - EDGE) as f32
            }
        }
    }

    /// The mean.
    #[must_use]
    pub fn mean(&self) -> f64 {
        match *self {
            Self::Gaussian(mean, ..) => mean,
            Self::Beta([alpha, beta], _) => alpha / (alpha + beta),
        }
    }

    /// Log-density at `number`, in nats.
    #[must_use]
    pub fn log_probability(&self, number: f32) -> f64 {
        let x = f64::from(number);
        match *self {
            Self::Gaussian(mean, deviation, _) => {
                -0.5 * ((x - mean) / deviation).powi(2) - deviation.ln() - 0.5 * std::f64::consts::TAU.ln()
            }
            Self::Beta([alpha, beta], _) => (alpha - 1.0) * x.ln() + (beta - 1.0) * (-x).ln_1p() - ln_beta(alpha, beta),
        }
    }

    /// Differential entropy, in nats.
    #[must_use]
    pub fn entropy(&self) -> f64 {
        match *self {
            Self::Gaussian(_, deviation, _) => deviation.ln() + 0.5 * (1.0 + std::f64::consts::TAU.ln()),
            Self::Beta([alpha, beta], _) => {
                ln_beta(alpha, beta) - (alpha - 1.0) * digamma(alpha) - (beta - 1.0) * digamma(beta)
                    + (alpha + beta - 2.0) * digamma(alpha + beta)
            }
        }
    }

    /// Slopes, at the two outputs, of `of_log_probability · log π(number) + of_entropy · H`.
    #[must_use]
    pub fn slopes(&self, number: f32, of_log_probability: f64, of_entropy: f64) -> [f64; 2] {
        let x = f64::from(number);
        match *self {
            Self::Gaussian(mean, deviation, raw) => {
                let z = (x - mean) / deviation;
                let of_deviation = (of_log_probability * (z * z - 1.0) + of_entropy) / deviation;
                [of_log_probability * z / deviation, of_deviation * sigmoid(raw)]
            }
            Self::Beta([alpha, beta], raw) => {
                let both = (digamma(alpha + beta), (alpha + beta - 2.0) * trigamma(alpha + beta));
                let one = |shape: f64, log: f64, raw: f64| {
                    let log_probability = log - digamma(shape) + both.0;
                    let entropy = both.1 - (shape - 1.0) * trigamma(shape);
                    (of_log_probability * log_probability + of_entropy * entropy) * sigmoid(raw)
                };
                [one(alpha, x.ln(), raw[0]), one(beta, (-x).ln_1p(), raw[1])]
            }
        }
    }
}

/// ln B(α, β).
pub(super) fn ln_beta(alpha: f64, beta: f64) -> f64 {
    ln_gamma(alpha) + ln_gamma(beta) - ln_gamma(alpha + beta)
}

#[cfg(test)]
#[path = "heads_tests.rs"]
#[allow(clippy::float_cmp, reason = "choices are whole numbers")]
mod tests;
