//! Scores over tasks: aggregates that neither an outlier nor a big task decides, and how often one policy beats another.
//!
//! Scores are `[task × seed]`, flattened task by task, higher is better. Each statistic is what google-research/rliable
//! computes (`library.py`, `metrics.py`), with resamples drawn by [`Bootstrap`].

use super::{Bootstrap, Interval, mean};

/// Aggregates of scores.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Aggregates {
    /// Mean of the middle half of all scores.
    pub interquartile_mean: Interval,
    /// `1 − mean(min(x, 1))`: what is missing to a score of 1, beyond which nothing counts.
    pub optimality_gap: Interval,
}

/// The score that no policy needs to exceed.
const ENOUGH: f64 = 1.0;

/// Interquartile mean and optimality gap. Scores must be finite.
#[must_use]
pub fn aggregates(scores: &[f64], bootstrap: &Bootstrap) -> Aggregates {
    // Sorted once: a resample only counts how often each was drawn.
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| scores[a].total_cmp(&scores[b]));
    let found = bootstrap.cells(2, |drawn, out| {
        let mut counts = vec![0_u32; scores.len()];
        for &cell in drawn {
            counts[cell as usize] += 1;
        }
        let sorted = order.iter().map(|&cell| (scores[cell], counts[cell] as usize));
        out[0] = trimmed(sorted, drawn.len());
        out[1] = ENOUGH - mean(&drawn.iter().map(|&cell| scores[cell as usize].min(ENOUGH)).collect::<Vec<_>>());
    });
    Aggregates { interquartile_mean: found[0], optimality_gap: found[1] }
}

/// The interquartile mean of `count` sorted values, given as values and how often each comes.
fn trimmed(sorted: impl Iterator<Item = (f64, usize)>, count: usize) -> f64 {
    let (cut, mut before, mut sum) = (count / 4, 0, 0.0);
    for (value, times) in sorted {
        let from = before.clamp(cut, count - cut);
        before += times;
        sum += value * (before.clamp(cut, count - cut) - from) as f64;
    }
    sum / (count - 2 * cut) as f64
}

/// The share of scores above each threshold, with pointwise 95 % bands:
/// ```text
/// F(τ) = (1/M) Σ over tasks of (1/N) Σ over runs of [x > τ]
/// ```
#[must_use]
pub fn profile(scores: &[f64], thresholds: &[f64], bootstrap: &Bootstrap) -> Vec<Interval> {
    let above = |tau: &f64| scores.iter().map(|score| f64::from(u8::from(score > tau))).collect();
    let columns: Vec<Vec<f64>> = thresholds.iter().map(above).collect();
    bootstrap.intervals(&columns, thresholds.len(), |means, out| out.copy_from_slice(means))
}

/// The probability that a run of `x` scores higher than one of `y`, the mean over tasks of `U / N²` with the Mann-Whitney
/// statistic `U`, where equal scores count half. Resamples keep the runs of a seed together.
#[must_use]
pub fn probability_of_improvement(x: &[f64], y: &[f64], bootstrap: &Bootstrap) -> Interval {
    let task = |drawn: &[u32]| {
        let each = |&a: &u32| drawn.iter().map(move |&b| better(x[a as usize], y[b as usize])).sum::<f64>();
        drawn.iter().map(each).sum::<f64>() / (drawn.len() * drawn.len()) as f64
    };
    let found = bootstrap.cells(1, |drawn, out| {
        let tasks: Vec<f64> = drawn.chunks_exact(bootstrap.seeds).map(task).collect();
        out[0] = mean(&tasks);
    });
    found[0]
}

fn better(x: f64, y: f64) -> f64 {
    match x.total_cmp(&y) {
        std::cmp::Ordering::Greater => 1.0,
        std::cmp::Ordering::Equal => 0.5,
        std::cmp::Ordering::Less => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::stats::Resampled;

    // Four tasks of five runs. rliable 1.2.0 with SciPy 1.17.1 and NumPy 2.4.6, its matrices [run][task]:
    //   f = lambda x: np.array([metrics.aggregate_iqm(x), metrics.aggregate_optimality_gap(x)])
    //   library.get_interval_estimates({'g': g}, f, reps=200_000, task_bootstrap=..., random_state=RandomState(1))
    //   library.create_performance_profile({'g': g}, np.array([-0.25, 0, 0.4, 0.85]), reps=20_000)
    //   library.get_interval_estimates({'g,h': (g, h)}, metrics.probability_of_improvement, reps=50_000)
    const G: [f64; 20] =
        [0.1, 0.2, 0.0, 0.4, 0.3, 0.5, 0.7, 0.6, 0.4, 0.9, -0.3, -0.1, 0.2, -0.2, 0.1, 0.9, 1.1, 0.8, 1.3, 0.7];
    const H: [f64; 20] =
        [0.0, 0.1, 0.0, 0.5, 0.2, 0.5, 0.6, 0.8, 0.1, 0.6, -0.2, -0.2, 0.0, -0.2, 0.3, 0.5, 1.0, 0.9, 0.6, 0.7];

    fn bootstrap(resampled: Resampled) -> Bootstrap {
        Bootstrap { tasks: 4, seeds: 5, resamples: 50_000, seed: 1, resampled }
    }

    fn near(found: Interval, wanted: [f64; 3], tolerance: f64) {
        assert!((found.mean - wanted[0]).abs() <= 1e-12, "{found:?} is not {wanted:?}");
        assert!((found.lower - wanted[1]).abs() <= tolerance, "{found:?} is not {wanted:?}");
        assert!((found.upper - wanted[2]).abs() <= tolerance, "{found:?} is not {wanted:?}");
    }

    #[test]
    fn aggregates_are_rliables() {
        let found = aggregates(&G, &bootstrap(Resampled::Seeds));
        near(found.interquartile_mean, [0.41, 0.33, 0.50], 0.011);
        near(found.optimality_gap, [0.59, 0.52, 0.66], 0.006);
        let found = aggregates(&G, &bootstrap(Resampled::TasksAndSeeds));
        near(found.interquartile_mean, [0.41, 0.02, 0.85], 0.011);
        near(found.optimality_gap, [0.59, 0.23, 0.95], 0.011);
    }

    #[test]
    fn profiles_are_rliables() {
        let found = profile(&G, &[-0.25, 0.0, 0.4, 0.85], &bootstrap(Resampled::Seeds));
        let wanted = [[0.95, 0.85, 1.0], [0.8, 0.65, 0.95], [0.45, 0.35, 0.5], [0.2, 0.05, 0.35]];
        found.into_iter().zip(wanted).for_each(|(found, wanted)| near(found, wanted, 0.051));
    }

    #[test]
    fn the_probability_of_improvement_is_the_mean_of_mann_whitneys() {
        let found = probability_of_improvement(&G, &H, &bootstrap(Resampled::Seeds));
        assert!((found.mean - 0.61).abs() < 1e-12, "U is 15, 14.5, 12.5 and 19 of 25: {found:?}");
        assert!(found.lower > 0.4 && found.lower < 0.61 && found.upper > 0.61 && found.upper < 0.8, "{found:?}");
        let same = probability_of_improvement(&G, &G, &bootstrap(Resampled::TasksAndSeeds));
        assert_eq!((same.mean, same.lower, same.upper), (0.5, 0.5, 0.5), "nobody beats himself");
        let (above, below): (Vec<f64>, Vec<f64>) = (vec![2.0; 20], vec![1.0; 20]);
        let sure = probability_of_improvement(&above, &below, &bootstrap(Resampled::TasksAndSeeds));
        assert_eq!((sure.mean, sure.lower, sure.upper), (1.0, 1.0, 1.0));
    }
}
