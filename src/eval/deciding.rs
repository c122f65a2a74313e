//! How learned policies decide: means over the runs that say so. A policy that stays out on a function says nothing there.

use super::runner::{Results, Row};
use super::stats::{Bootstrap, Interval};
use crate::sim::Control;

/// The figures of [`Control`] of each policy, by their dotted keys; those that no run of a policy has are left out.
pub(super) fn controls(results: &Results, bootstrap: &Bootstrap) -> Vec<Vec<(String, Interval)>> {
    let runs = bootstrap.tasks * bootstrap.seeds;
    results.rows.chunks_exact(runs.max(1)).map(|rows| of_policy(rows, bootstrap)).collect()
}

fn of_policy(rows: &[Row], bootstrap: &Bootstrap) -> Vec<(String, Interval)> {
    let runs: Vec<_> = rows.iter().map(|row| row.outcome.control.unwrap_or_default().figures()).collect();
    let column = |at: usize| -> Vec<Option<f64>> { runs.iter().map(|run| run[at]).collect() };
    let figure = |(at, key): (usize, &str)| Some((key.to_owned(), of_figure(&column(at), bootstrap)?));
    Control::KEYS.into_iter().enumerate().filter_map(figure).collect()
}

/// The mean over the tasks that have a figure, which alone are resampled; `None` where none has.
fn of_figure(runs: &[Option<f64>], bootstrap: &Bootstrap) -> Option<Interval> {
    let task = |seeds: &[Option<f64>]| seeds.iter().copied().collect::<Option<Vec<f64>>>();
    let flown: Vec<Vec<f64>> = runs.chunks_exact(bootstrap.seeds).filter_map(task).collect();
    let over = Bootstrap { tasks: flown.len(), ..*bootstrap };
    (over.tasks > 0).then(|| over.intervals(&[flown.concat()], 1, |means, out| out[0] = means[0])[0])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::Nature;
    use crate::eval::stats::Resampled;
    use crate::eval::summary::nothing;
    use crate::sim::{Level, Outcome};

    /// Two policies on two functions with two seeds each: the first says nothing, the second these entropies.
    fn results(entropies: [Option<f64>; 4]) -> Results {
        let row = |policy: &str, control: Option<Control>| Row {
            policy: policy.to_owned(),
            trace: String::new(),
            function: String::new(),
            seed: 0,
            config_hash: String::new(),
            outcome: Outcome { control, ..nothing(Level::Fluid) },
        };
        let said = |entropy: Option<f64>| entropy.map(|it| Control { entropy: Some(it), ..Control::default() });
        let mut rows = vec![row("tuned", None); 4];
        rows.extend(entropies.map(|entropy| row("policy", said(entropy))));
        Results {
            policies: ["tuned", "policy"].map(str::to_owned).to_vec(),
            natures: vec![Nature::default(); 2],
            tasks: 2,
            seeds: vec![0, 1],
            rows,
            fluid: Vec::new(),
            found: Vec::new(),
            statics: Vec::new(),
            bounds: Vec::new(),
        }
    }

    fn found(entropies: [Option<f64>; 4]) -> Vec<Vec<(String, Interval)>> {
        let resampled = Resampled::TasksAndSeeds;
        controls(&results(entropies), &Bootstrap { tasks: 2, seeds: 2, resamples: 400, seed: 0, resampled })
    }

    #[test]
    fn the_mean_is_over_the_runs_that_say_so() {
        let all = found([Some(1.0), Some(2.0), Some(6.0), Some(7.0)]);
        let (key, interval) = &all[1][0];
        assert_eq!((all[0].len(), all[1].len(), key.as_str(), interval.mean), (0, 1, "control.entropy", 4.0));
        assert!(interval.lower < 2.0 && interval.upper > 6.0, "functions are drawn anew: {interval:?}");
        let (_, one) = &found([Some(1.0), Some(2.0), None, None])[1][0];
        assert!((one.mean - 1.5).abs() < 1e-12, "a function on which it stays out counts for nothing: {one:?}");
        assert!(one.lower < 1.5 && one.upper > 1.5 && one.upper <= 2.0, "nor for the interval: {one:?}");
        assert_eq!(found([None; 4]), [Vec::new(), Vec::new()]);
    }
}
