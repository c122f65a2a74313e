//! Resampling of runs: tasks and then seeds within each (hierarchical), or seeds within each task only (stratified).

use rand::RngExt;
use rayon::prelude::*;

use super::Interval;
use crate::random::{self, Purpose};

/// What a resample draws anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resampled {
    /// As many tasks as there are, with replacement, and for each draw as many seeds of that task: what is said is of all
    /// traffic that the tasks are a sample of (rliable's `task_bootstrap`).
    TasksAndSeeds,
    /// For each task as many seeds as it has: what is said is of these tasks alone (rliable's default).
    Seeds,
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
    /// What is drawn anew.
    pub resampled: Resampled,
}

impl Bootstrap {
    /// Intervals of statistics of column means. `columns`: `[figure][tasks × seeds]`. `statistic` turns the mean of each
    /// column into `outputs` figures, which may be ratios of means.
    #[must_use]
    pub fn intervals<F>(&self, columns: &[Vec<f64>], outputs: usize, statistic: F) -> Vec<Interval>
    where
        F: Fn(&[f64], &mut [f64]) + Sync,
    {
        let cells = self.tasks * self.seeds;
        self.cells(outputs, |drawn, figures| {
            let mut weights = vec![0.0; cells];
            for &cell in drawn {
                weights[cell as usize] += 1.0;
            }
            let dot = |column: &Vec<f64>| column.iter().zip(&weights).map(|(x, w)| x * w).sum::<f64>() / cells as f64;
            let means: Vec<f64> = columns.iter().map(dot).collect();
            statistic(&means, figures);
        })
    }

    /// Intervals of statistics of the cells themselves. `statistic` is given the indices of the cells that were drawn,
    /// in stretches of [`seeds`](Self::seeds) that belong to one draw of a task, and fills `outputs` figures, which are
    /// NaN before.
    #[must_use]
    pub fn cells<F>(&self, outputs: usize, statistic: F) -> Vec<Interval>
    where
        F: Fn(&[u32], &mut [f64]) + Sync,
    {
        let evaluate = |drawn: &[u32]| {
            let mut figures = vec![f64::NAN; outputs];
            statistic(drawn, &mut figures);
            figures
        };
        let whole: Vec<u32> = (0..(self.tasks * self.seeds) as u32).collect();
        let point = evaluate(&whole);
        let resampled: Vec<Vec<f64>> =
            (0..self.resamples).into_par_iter().map(|index| evaluate(&self.draw(index as u64))).collect();
        let interval = |(at, &mean): (usize, &f64)| Interval::of(mean, resampled.iter().map(|row| row[at]));
        point.par_iter().enumerate().map(interval).collect()
    }

    /// The cells of the `index`-th resample.
    fn draw(&self, index: u64) -> Vec<u32> {
        let mut rng = random::stream(self.seed, Purpose::Bootstrap, index);
        let (tasks, seeds) = (self.tasks as u32, self.seeds as u32);
        let mut drawn = Vec::with_capacity(self.tasks * self.seeds);
        for nth in 0..tasks {
            let task = if self.resampled == Resampled::Seeds { nth } else { rng.random_range(0..tasks) };
            drawn.extend((0..seeds).map(|_| task * seeds + rng.random_range(0..seeds)));
        }
        drawn
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // NumPy 2.4.6, SciPy 1.17.1: stats.bootstrap((x,), np.mean, n_resamples=400_000, method='percentile',
    // rng=default_rng(1))
    const X: [f64; 10] = [3.1, -0.2, 4.7, 1.5, 0.9, 2.2, 8.4, -1.3, 0.4, 1.1];

    fn bootstrap(tasks: usize, seeds: usize, seed: u64) -> Bootstrap {
        Bootstrap { tasks, seeds, resamples: 50_000, seed, resampled: Resampled::TasksAndSeeds }
    }

    fn near(found: f64, wanted: f64, tolerance: f64) {
        assert!((found - wanted).abs() <= tolerance, "{found} is not {wanted} ± {tolerance}");
    }

    fn just_means(means: &[f64], out: &mut [f64]) {
        out.copy_from_slice(means);
    }

    #[test]
    fn the_interval_of_a_mean_is_scipys() {
        let found = bootstrap(10, 1, 1).intervals(&[X.to_vec()], 1, just_means)[0];
        near(found.mean, 2.08, 1e-12);
        near(found.lower, 0.60, 0.04);
        near(found.upper, 3.86, 0.04);
    }

    // g = [[1, 1.2, .8], [2, 2.5, 1.5], [.5, .4, .6], [3, 3.3, 2.7]]; 200 000 times
    //   np.mean([np.mean(rng.choice(g[i], 3)) for i in rng.integers(0, 4, 4)]), rng = default_rng(2)
    #[test]
    fn seeds_are_drawn_within_the_tasks_drawn() {
        let runs = vec![1.0, 1.2, 0.8, 2.0, 2.5, 1.5, 0.5, 0.4, 0.6, 3.0, 3.3, 2.7];
        let found = bootstrap(4, 3, 2).intervals(&[runs], 1, just_means)[0];
        near(found.mean, 1.625, 1e-12);
        near(found.lower, 0.725, 0.015);
        near(found.upper, 2.5917, 0.015);
    }

    // a, b as below; 400 000 times a[i].sum() / b[i].sum() with i = rng.integers(0, 5, 5), rng = default_rng(3)
    #[test]
    fn a_ratio_of_means_keeps_its_pairs() {
        let columns = [vec![10.0, 12.0, 9.0, 20.0, 31.0], vec![11.0, 15.0, 9.0, 24.0, 33.0]];
        let found = bootstrap(5, 1, 3).intervals(&columns, 1, |means, out| out[0] = means[0] / means[1])[0];
        near(found.mean, 0.891_304_347_826_086_9, 1e-12);
        near(found.lower, 0.8315, 0.002);
        near(found.upper, 0.9474, 0.002);
    }

    #[test]
    fn equal_runs_leave_no_doubt_and_resampling_repeats() {
        let bootstrap = Bootstrap { resamples: 500, ..bootstrap(3, 2, 7) };
        let found = bootstrap.intervals(&[vec![2.0; 6], vec![4.0; 6]], 1, |means, out| out[0] = means[0] / means[1])[0];
        assert_eq!((found.mean, found.lower, found.upper), (0.5, 0.5, 0.5));
        let varied = [vec![1.0, 5.0, 2.0, 2.5, 9.0, 4.0]];
        assert_eq!(bootstrap.intervals(&varied, 1, just_means), bootstrap.intervals(&varied, 1, just_means));
    }

    #[test]
    fn seeds_alone_leave_tasks_where_they_are() {
        let own = Bootstrap { resampled: Resampled::Seeds, resamples: 300, ..bootstrap(3, 2, 7) };
        let columns = [vec![1.0, 1.0, 5.0, 5.0, 9.0, 9.0]];
        let found = own.intervals(&columns, 1, just_means)[0];
        assert_eq!((found.mean, found.lower, found.upper), (5.0, 5.0, 5.0), "tasks differ, their seeds do not");
        let both = Bootstrap { resampled: Resampled::TasksAndSeeds, ..own }.intervals(&columns, 1, just_means)[0];
        assert!(both.lower < 3.0 && both.upper > 7.0, "{both:?}");
    }
}
