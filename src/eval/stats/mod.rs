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

    /// A figure and what it was in resamples, of which those that are not finite are left out.
    #[must_use]
    pub fn of(mean: f64, resampled: impl Iterator<Item = f64>) -> Self {
        let mut figures: Vec<f64> = resampled.filter(|x| x.is_finite()).collect();
        figures.sort_unstable_by(f64::total_cmp);
        Self { mean, lower: percentile(&figures, 2.5), upper: percentile(&figures, 97.5) }
    }
}

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
}
