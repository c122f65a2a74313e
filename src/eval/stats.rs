//! Means with intervals: a hierarchical bootstrap over tasks, then seeds within each task.
//!
//! A *task* is one function of one trace. Runs form a full grid `[task][seed]`, flattened task by task; every policy is
//! run on every cell with common random numbers, so a resample of cells keeps policies paired.
//! Source: Agarwal et al., "Deep Reinforcement Learning at the Edge of the Statistical Precipice", arXiv:2108.13264.

use rand::RngExt;
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::Serialize;

use crate::random::{self, Purpose};

/// A figure with its 95 % percentile interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
pub struct Interval {
    /// The figure on all runs.
    pub mean: f64,
    /// 2.5th percentile of the resampled figure.
    pub lower: f64,
    /// 97.5th percentile of the resampled figure.
    pub upper: f64,
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

/// How runs are laid out and resampled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bootstrap {
    /// Functions of traces, at least 1.
    pub tasks: usize,
    /// Runs of each, at least 1.
    pub seeds: usize,
    /// How many resamples.
    pub resamples: usize,
    /// Key of the stream they are drawn from.
    pub seed: u64,
}

impl Bootstrap {
    /// Intervals of statistics of column means. `columns`: `[figure][tasks × seeds]`. `statistic` turns the mean of each
    /// column into `outputs` figures, which may be ratios of means.
    ///
    /// A resample draws as many tasks as there are, with replacement, and for each draw as many seeds of that task.
    #[must_use]
    pub fn intervals<F>(&self, columns: &[Vec<f64>], outputs: usize, statistic: F) -> Vec<Interval>
    where
        F: Fn(&[f64], &mut [f64]) + Sync,
    {
        let cells = self.tasks * self.seeds;
        let evaluate = |weights: &[f64]| {
            let dot = |column: &Vec<f64>| column.iter().zip(weights).map(|(x, w)| x * w).sum::<f64>() / cells as f64;
            let means: Vec<f64> = columns.iter().map(dot).collect();
            let mut figures = vec![f64::NAN; outputs];
            statistic(&means, &mut figures);
            figures
        };
        let point = evaluate(&vec![1.0; cells]);
        let resampled: Vec<Vec<f64>> =
            (0..self.resamples).into_par_iter().map(|index| evaluate(&self.weights(index as u64))).collect();
        let interval = |(at, &mean): (usize, &f64)| {
            let mut figures: Vec<f64> = resampled.iter().map(|row| row[at]).filter(|x| x.is_finite()).collect();
            figures.sort_unstable_by(f64::total_cmp);
            Interval { mean, lower: percentile(&figures, 2.5), upper: percentile(&figures, 97.5) }
        };
        point.par_iter().enumerate().map(interval).collect()
    }

    /// How often the `index`-th resample draws each cell.
    fn weights(&self, index: u64) -> Vec<f64> {
        let mut rng = random::stream(self.seed, Purpose::Bootstrap, index);
        let mut weights = vec![0.0; self.tasks * self.seeds];
        for _ in 0..self.tasks {
            let task = rng.random_range(0..self.tasks as u32) as usize;
            for _ in 0..self.seeds {
                weights[task * self.seeds + rng.random_range(0..self.seeds as u32) as usize] += 1.0;
            }
        }
        weights
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Figures of SciPy 1.17.1 and NumPy 2.4.6:
    //   x = np.array([3.1, -0.2, 4.7, 1.5, 0.9, 2.2, 8.4, -1.3, 0.4, 1.1])
    //   stats.trim_mean(x, 0.25); np.percentile(x, [2.5, 50, 97.5])
    //   stats.bootstrap((x,), np.mean, n_resamples=400_000, method='percentile', rng=default_rng(1))
    const X: [f64; 10] = [3.1, -0.2, 4.7, 1.5, 0.9, 2.2, 8.4, -1.3, 0.4, 1.1];

    fn near(found: f64, wanted: f64, tolerance: f64) {
        assert!((found - wanted).abs() <= tolerance, "{found} is not {wanted} ± {tolerance}");
    }

    fn just_means(means: &[f64], out: &mut [f64]) {
        out.copy_from_slice(means);
    }

    #[test]
    fn trimmed_means_and_percentiles_are_scipys() {
        near(interquartile_mean(&X), 1.533_333_333_333_333_4, 1e-12);
        let mut sorted = X.to_vec();
        sorted.sort_by(f64::total_cmp);
        for (p, wanted) in [(2.5, -1.0525), (50.0, 1.3), (97.5, 7.5675)] {
            near(percentile(&sorted, p), wanted, 1e-12);
        }
        assert!(percentile(&[], 50.0).is_nan());
    }

    #[test]
    fn the_interval_of_a_mean_is_scipys() {
        let bootstrap = Bootstrap { tasks: 10, seeds: 1, resamples: 50_000, seed: 1 };
        let found = bootstrap.intervals(&[X.to_vec()], 1, just_means)[0];
        near(found.mean, 2.08, 1e-12);
        near(found.lower, 0.60, 0.04);
        near(found.upper, 3.86, 0.04);
    }

    // g = [[1, 1.2, .8], [2, 2.5, 1.5], [.5, .4, .6], [3, 3.3, 2.7]]; 200 000 times
    //   np.mean([np.mean(rng.choice(g[i], 3)) for i in rng.integers(0, 4, 4)]), rng = default_rng(2)
    #[test]
    fn seeds_are_drawn_within_the_tasks_drawn() {
        let runs = vec![1.0, 1.2, 0.8, 2.0, 2.5, 1.5, 0.5, 0.4, 0.6, 3.0, 3.3, 2.7];
        let bootstrap = Bootstrap { tasks: 4, seeds: 3, resamples: 50_000, seed: 2 };
        let found = bootstrap.intervals(&[runs], 1, just_means)[0];
        near(found.mean, 1.625, 1e-12);
        near(found.lower, 0.725, 0.015);
        near(found.upper, 2.5917, 0.015);
    }

    // a, b as below; 400 000 times a[i].sum() / b[i].sum() with i = rng.integers(0, 5, 5), rng = default_rng(3)
    #[test]
    fn a_ratio_of_means_keeps_its_pairs() {
        let columns = [vec![10.0, 12.0, 9.0, 20.0, 31.0], vec![11.0, 15.0, 9.0, 24.0, 33.0]];
        let bootstrap = Bootstrap { tasks: 5, seeds: 1, resamples: 50_000, seed: 3 };
        let found = bootstrap.intervals(&columns, 1, |means, out| out[0] = means[0] / means[1])[0];
        near(found.mean, 0.891_304_347_826_086_9, 1e-12);
        near(found.lower, 0.8315, 0.002);
        near(found.upper, 0.9474, 0.002);
    }

    #[test]
    fn equal_runs_leave_no_doubt_and_resampling_repeats() {
        let bootstrap = Bootstrap { tasks: 3, seeds: 2, resamples: 500, seed: 7 };
        let found = bootstrap.intervals(&[vec![2.0; 6], vec![4.0; 6]], 1, |means, out| out[0] = means[0] / means[1])[0];
        assert_eq!((found.mean, found.lower, found.upper), (0.5, 0.5, 0.5));
        let varied = [vec![1.0, 5.0, 2.0, 2.5, 9.0, 4.0]];
        assert_eq!(bootstrap.intervals(&varied, 1, just_means), bootstrap.intervals(&varied, 1, just_means));
    }
}
