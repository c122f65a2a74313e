//! How undecided a policy is, and how far from another one: entropy and divergence of products of distributions, in nats.
//!
//! ```text
//! categorical: H = −Σ_i π(i) ln π(i),                        KL = Σ_i π(i) (ln π(i) − ln ρ(i))
//! Gaussian:    H = ln σ + ½ ln 2πe,                          KL = ln(σ'/σ) + (σ² + (μ − μ')²) / (2 σ'²) − ½
//! Beta:        H as in `Density::entropy`,                   KL = ln B(α', β') − ln B(α, β) + (α − α') ψ(α)
//!                                                                 + (β − β') ψ(β) + (α' + β' − α − β) ψ(α + β)
//! ```
//! KL is of π from ρ, whose numbers have the dash. Both are sums over heads. What a mask forbids has no part in either, where
//! [`forbid`](super::heads::forbid) was told to both policies.

use std::ops::Range;

use super::heads::{Density, ln_beta};
use super::special::digamma;
use crate::env::Distribution;

/// Entropy of a policy with these outputs; of heads that give numbers the differential entropy, which may lie below 0.
#[must_use]
pub fn entropy(outputs: &[f32], heads: &[Distribution]) -> f64 {
    let surprise = |log: f64| -log.exp() * log;
    let of_choices = |logits: &[f32]| logs(logits).map(surprise).sum();
    let one = |(head, own): (Distribution, Range<usize>)| {
        Density::new(head, &outputs[own.clone()]).map_or_else(|| of_choices(&outputs[own]), |density| density.entropy())
    };
    places(heads).map(one).sum()
}

/// Kullback–Leibler divergence of a policy with these outputs from one with the outputs `other`.
#[must_use]
pub fn divergence(outputs: &[f32], other: &[f32], heads: &[Distribution]) -> f64 {
    let one = |(head, own): (Distribution, Range<usize>)| {
        let [ours, theirs] = [&outputs[own.clone()], &other[own]];
        let densities = Density::new(head, ours).zip(Density::new(head, theirs));
        densities.map_or_else(|| of_choices(ours, theirs), |(ours, theirs)| of_numbers(ours, theirs))
    };
    places(heads).map(one).sum()
}

/// The heads, each with the place of its outputs.
fn places(heads: &[Distribution]) -> impl Iterator<Item = (Distribution, Range<usize>)> {
    let mut from = 0;
    heads.iter().map(move |&head| {
        let own = from..from + head.outputs();
        from = own.end;
        (head, own)
    })
}

/// Logarithms of choices' probabilities.
fn logs(logits: &[f32]) -> impl Iterator<Item = f64> {
    let most = f64::from(logits.iter().copied().fold(f32::NEG_INFINITY, f32::max));
    let sum: f64 = logits.iter().map(|&logit| (f64::from(logit) - most).exp()).sum();
    logits.iter().map(move |&logit| f64::from(logit) - most - sum.ln())
}

fn of_choices(ours: &[f32], theirs: &[f32]) -> f64 {
    logs(ours).zip(logs(theirs)).map(|(ours, theirs)| ours.exp() * (ours - theirs)).sum()
}

/// Not a number of densities of two kinds.
fn of_numbers(ours: Density, theirs: Density) -> f64 {
    match (ours, theirs) {
        (Density::Gaussian(mean, deviation, _), Density::Gaussian(other, wide, _)) => {
            let square = deviation.powi(2) + (mean - other).powi(2);
            (wide / deviation).ln() + square / (2.0 * wide.powi(2)) - 0.5
        }
        (Density::Beta([a, b], _), Density::Beta([c, d], _)) => {
            ln_beta(c, d) - ln_beta(a, b)
                + (a - c) * digamma(a)
                + (b - d) * digamma(b)
                + (c + d - a - b) * digamma(a + b)
        }
        _ => f64::NAN,
    }
}

#[cfg(test)]
mod tests {
    use Distribution::{Beta, Categorical, Gaussian};

    use super::*;
    use crate::rl::heads::{forbid, lean_all};

    const HEADS: [Distribution; 4] = [Categorical(3), Categorical(2), Gaussian, Beta];
    const OURS: [f32; 9] = [0.3, -1.2, 0.8, 0.1, 0.4, -0.7, 1.1, 0.2, -0.5];
    const THEIRS: [f32; 9] = [0.0, 1.5, -0.4, -2.0, 0.6, 0.25, -0.3, 1.4, 2.2];

    fn near(found: f64, wanted: f64) {
        assert!((found - wanted).abs() < 1e-6 * wanted.abs().max(1.0), "{found} is not {wanted}");
    }

    /// The figures of each head, and of all together.
    fn each(of: impl Fn(&[f32], &[f32], &[Distribution]) -> f64) -> [f64; 5] {
        let one = |from: usize, to: usize, head: usize| of(&OURS[from..to], &THEIRS[from..to], &HEADS[head..=head]);
        [one(0, 3, 0), one(3, 5, 1), one(5, 7, 2), one(7, 9, 3), of(&OURS, &THEIRS, &HEADS)]
    }

    /// Computed once with `NumPy` 2.4.6 and SciPy 1.17.1, divergences of densities by integration:
    /// ```python
    /// soft = lambda x: np.log1p(np.exp(x))
    /// choices = lambda x: (softmax(x[:3]), softmax(x[3:5]))
    /// numbers = lambda x: (norm(x[5], soft(x[6]) + 1e-3), beta(1 + soft(x[7]), 1 + soft(x[8])))
    /// kl = lambda p, q, a, b: quad(lambda x: p.pdf(x) * (p.logpdf(x) - q.logpdf(x)), a, b, epsabs=1e-13)[0]
    /// (g, b), (g2, b2) = numbers(ours), numbers(theirs)
    /// print([entr(p).sum() for p in choices(ours)] + [g.entropy(), b.entropy()])
    /// print([rel_entr(p, q).sum() for p, q in zip(choices(ours), choices(theirs))] + [kl(g, g2, -12, 12), kl(b, b2, 0, 1)])
    /// ```
    const ENTROPY: [f64; 5] = [
        0.884_451_784_144_861,
        0.682_022_489_097_185,
        1.747_043_967_695_516,
        -0.079_591_500_052_519,
        3.233_926_740_885_044,
    ];
    const DIVERGENCE: [f64; 5] = [
        1.045_422_368_619_597,
        0.496_071_664_816_548,
        3.171_614_659_564_097,
        0.320_175_168_405_497,
        5.033_283_861_405_739,
    ];

    #[test]
    fn entropies_and_divergences_of_every_kind_agree_with_scipy() {
        let entropies = each(|ours, _, heads| entropy(ours, heads));
        entropies.into_iter().zip(ENTROPY).for_each(|(found, wanted)| near(found, wanted));
        each(divergence).into_iter().zip(DIVERGENCE).for_each(|(found, wanted)| near(found, wanted));
    }

    #[test]
    fn a_policy_lies_nowhere_away_from_itself() {
        near(divergence(&OURS, &OURS, &HEADS), 0.0);
        assert!(divergence(&OURS, &THEIRS, &HEADS) > 0.0 && divergence(&THEIRS, &OURS, &HEADS) > 0.0);
    }

    #[test]
    fn what_a_mask_forbids_has_no_part() {
        let (mut ours, mut theirs) = ([0.3, 9.0, 0.8], [1.5, -7.0, -0.4]);
        let mask = [true, false, true];
        let [left, other] = [[0.3, 0.8], [1.5, -0.4]];
        forbid(&mut ours, &mask);
        forbid(&mut theirs, &mask);
        near(entropy(&ours, &HEADS[..1]), entropy(&left, &[Categorical(2)]));
        near(divergence(&ours, &theirs, &HEADS[..1]), divergence(&left, &other, &[Categorical(2)]));
        forbid(&mut ours, &[false, false, true]);
        assert!(entropy(&ours, &HEADS[..1]).abs() < 1e-12, "one choice is left");
    }

    #[test]
    fn choices_that_are_all_alike_have_the_logarithm_of_their_number() {
        near(entropy(&[0.7; 8], &[Categorical(8)]), 8.0_f64.ln());
        let mut first = [0.0; 8];
        lean_all(&[Categorical(8)], &[2.0], 0.8, &mut first);
        near(entropy(&first, &[Categorical(8)]), -0.8 * 0.8_f64.ln() - 0.2 * (0.2_f64 / 7.0).ln());
        near(
            divergence(&[0.7; 8], &first, &[Categorical(8)]),
            (0.125_f64 / 0.8).ln() / 8.0 + 7.0 / 8.0 * (0.125 / 0.2_f64 * 7.0).ln(),
        );
    }
}
