//! Statistics of comparisons: means, resampled intervals, scores over tasks, paired differences, fronts.
//!
//! A *task* is one function of one trace. Runs form a full grid `[task][seed]`, flattened task by task; every policy is
//! run on every cell with common random numbers, so a resample of cells keeps policies paired.
//! Source: Agarwal et al., "Deep Reinforcement Learning at the Edge of the Statistical Precipice", arXiv:2108.13264.

pub mod bootstrap;
pub mod front;
pub mod ranks;
pub mod scores;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use bootstrap::{Bootstrap, Resampled};

/// A figure with its 95 % percentile interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Interval {
    /// The figure on all runs.
    pub mean: f64,
    /// 2.5th percentile of the resampled figure.
    pub lower: f64,
    /// 97.5th percentile of the resampled figure.
    pub upper: f64,
}

impl Interval {
    /// A figure that is not known.
    pub const UNKNOWN: Self = Self { mean: f64::NAN, lower: f64::NAN, upper: f64::NAN };

    /// A figure without an interval.
    #[must_use]
    pub const fn exactly(mean: f64) -> Self {
        Self { mean, lower: mean, upper: mean }
    }

    /// A figure and what it was in resamples. Not known when the figure is not finite; its ends are not when more than
    /// 2.5 % of the resamples are not finite, since each could be such a one.
    #[must_use]
    pub fn of(mean: f64, resampled: impl Iterator<Item = f64>) -> Self {
        if !mean.is_finite() {
            return Self::UNKNOWN;
        }
        let all: Vec<f64> = resampled.collect();
        let mut figures: Vec<f64> = all.iter().copied().filter(|x| x.is_finite()).collect();
        if (all.len() - figures.len()) as f64 > LOST * all.len() as f64 {
            return Self { mean, ..Self::UNKNOWN };
        }
        figures.sort_unstable_by(f64::total_cmp);
        Self { mean, lower: percentile(&figures, 2.5), upper: percentile(&figures, 97.5) }
    }
}

/// The most resamples that may be lost, as a share: what lies beyond an end of the interval.
const LOST: f64 = 0.025;

/// Arithmetic mean; NaN of nothing.
#[must_use]
pub fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Interquartile mean: the mean after ⌊n/4⌋ values are dropped at each end (`scipy.stats.trim_mean(x, 0.25)`).
#[must_use]
pub fn interquartile_mean(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let cut = sorted.len() / 4;
    mean(&sorted[cut..sorted.len() - cut])
}

/// The `p`-th percentile, `0 <= p <= 100`, of sorted values, between neighbours in a straight line (`NumPy`'s default);
/// NaN of nothing.
#[must_use]
pub fn percentile(sorted: &[f64], p: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    let at = p / 100.0 * last as f64;
    let below = at.floor() as usize;
    let above = (below + 1).min(last);
    sorted[below] + (sorted[above] - sorted[below]) * (at - below as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    // SciPy 1.17.1, NumPy 2.4.6: stats.trim_mean(x, 0.25); np.percentile(x, [2.5, 50, 97.5])
    #[test]
    fn trimmed_means_and_percentiles_are_scipys() {
        let x = [3.1, -0.2, 4.7, 1.5, 0.9, 2.2, 8.4, -1.3, 0.4, 1.1];
        let near = |found: f64, wanted: f64| assert!((found - wanted).abs() <= 1e-12, "{found} is not {wanted}");
        near(interquartile_mean(&x), 1.533_333_333_333_333_4);
        let mut sorted = x.to_vec();
        sorted.sort_by(f64::total_cmp);
        for (p, wanted) in [(2.5, -1.0525), (50.0, 1.3), (97.5, 7.5675)] {
            near(percentile(&sorted, p), wanted);
        }
        assert!(percentile(&[], 50.0).is_nan());
    }

    #[test]
    fn ends_are_not_known_where_too_many_resamples_are_not() {
        let with = |lost: usize| {
            let known = (lost..1000).map(|x| x as f64);
            Interval::of(500.0, vec![f64::NAN; lost].into_iter().chain(known))
        };
        assert!(with(25).lower.is_finite() && with(25).upper.is_finite());
        let (mean, lower, upper) = (with(26).mean, with(26).lower, with(26).upper);
        assert!(mean.is_finite() && lower.is_nan() && upper.is_nan());
        for mean in [f64::NAN, f64::INFINITY] {
            let it = Interval::of(mean, [1.0, 2.0].into_iter());
            assert!(it.mean.is_nan() && it.lower.is_nan() && it.upper.is_nan());
        }
    }
}
