//! How each policy stands against the tuned static HPA, task by task: scores between it and the optimum, paired
//! differences, and what it adds to the front of cost and late requests.

use serde::Serialize;

use super::runner::Results;
use super::stats::front::Front;
use super::stats::ranks::{cliffs_delta, holm, wilcoxon};
use super::stats::scores::{aggregates, probability_of_improvement, profile};
use super::stats::{Bootstrap, Interval, mean};
use super::summary::REFERENCE;

/// Least tasks whose means a signed-rank test takes as its pairs: with fewer it could never find p below 0.05, and takes
/// single runs.
const LEAST_TASKS: usize = 6;

/// A gap to the optimum below this share of the tuned HPA's objective is no room to be scored in.
const LEAST_GAP: f64 = 1e-3;

/// Where a policy stands.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Standing {
    /// Its scores: 0 is the tuned static HPA on the same run, 1 the task's clairvoyant optimum, below 0 a loss.
    pub score: Score,
    /// Its runs beside the tuned static HPA's on the same tasks and seeds.
    pub paired: Paired,
    /// The share of the plane of cost and late requests, within 1.1 times the worst of both, that only this policy
    /// dominates: what the comparison would lose without it. Those who foresee are left out, and have none.
    pub hypervolume_gain: f64,
}

/// Aggregates of scores over tasks and seeds, each task weighing the same.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Score {
    /// Interquartile mean.
    pub iqm: Interval,
    /// Optimality gap: `1 − mean(min(score, 1))`.
    pub optimality_gap: Interval,
    /// Functions that have room between the tuned HPA and the optimum, which scores are taken over.
    pub functions: usize,
}

/// A comparison with the tuned static HPA by objective.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Paired {
    /// Mean over runs of `objective / the tuned HPA's on the same run − 1`; below 0 is better.
    pub difference: Interval,
    /// Probability that a run of this policy has a lower objective than one of the tuned HPA on the same task.
    pub probability: Interval,
    /// Two-sided p of Wilcoxon's signed-rank test of those differences: over means of tasks when there are 6 or more,
    /// else over runs, which takes seeds of one task for independent.
    pub p: f64,
    /// The same, by Holm's correction over all policies of the comparison.
    pub p_holm: f64,
    /// Cliff's delta of objectives over the tuned HPA's mean on the same task: −1 where every run is better, 1 worse.
    pub cliffs_delta: f64,
}

/// Scores at which profiles are taken, from −1 to 1.
const THRESHOLDS: u32 = 41;

/// The scores at which profiles are taken.
#[must_use]
pub fn thresholds() -> Vec<f64> {
    (0..THRESHOLDS).map(|index| (f64::from(index) - 20.0) / 20.0).collect()
}

/// Objectives `[policy][task × seed]`, and what they are compared with.
struct Table<'a> {
    results: &'a Results,
    objectives: Vec<Vec<f64>>,
    reference: usize,
}

/// Where every policy stands, and its profile: the share of its scores above each of [`thresholds`], with bands.
/// `bootstrap` is laid out as `results` are. Nothing without the tuned static HPA.
#[must_use]
pub fn standings(results: &Results, bootstrap: &Bootstrap) -> Vec<(Standing, Vec<Interval>)> {
    let Some(reference) = results.policies.iter().position(|name| name == REFERENCE) else { return Vec::new() };
    let runs = (bootstrap.tasks * bootstrap.seeds).max(1);
    let objectives = results.rows.chunks_exact(runs).map(|rows| rows.iter().map(|row| row.outcome.objective).collect());
    let table = Table { results, objectives: objectives.collect(), reference };
    let scores = table.scores(bootstrap.seeds);
    let functions = scores[reference].len() / bootstrap.seeds;
    let over = Bootstrap { tasks: functions, ..*bootstrap };
    let gains = table.gains(runs);
    let one = |(policy, paired): (usize, Paired)| {
        // The optimum is no bound for those that resize pods.
        let bounded = if results.natures[policy].resizes_pods { &[] } else { scores[policy].as_slice() };
        let standing = Standing { score: score(bounded, &over), paired, hypervolume_gain: gains[policy] };
        let profile = if bounded.is_empty() { Vec::new() } else { profile(bounded, &thresholds(), &over) };
        (standing, profile)
    };
    table.paired(bootstrap).into_iter().enumerate().map(one).collect()
}

fn score(scores: &[f64], bootstrap: &Bootstrap) -> Score {
    let functions = bootstrap.tasks;
    if scores.is_empty() {
        return Score { iqm: Interval::UNKNOWN, optimality_gap: Interval::UNKNOWN, functions };
    }
    let found = aggregates(scores, bootstrap);
    Score { iqm: found.interquartile_mean, optimality_gap: found.optimality_gap, functions }
}

impl Standing {
    /// The keys of its figures.
    pub const KEYS: [&str; 8] = [
        "score.iqm",
        "score.optimality_gap",
        "paired.difference",
        "paired.probability",
        "paired.p",
        "paired.p_holm",
        "paired.cliffs_delta",
        "hypervolume_gain",
    ];

    /// The figure of a key; `None` when there is none of this name.
    #[must_use]
    pub fn figure(&self, key: &str) -> Option<Interval> {
        Some(match key {
            "score.iqm" => self.score.iqm,
            "score.optimality_gap" => self.score.optimality_gap,
            "paired.difference" => self.paired.difference,
            "paired.probability" => self.paired.probability,
            "paired.p" => Interval::exactly(self.paired.p),
            "paired.p_holm" => Interval::exactly(self.paired.p_holm),
            "paired.cliffs_delta" => Interval::exactly(self.paired.cliffs_delta),
            "hypervolume_gain" => Interval::exactly(self.hypervolume_gain),
            _ => return None,
        })
    }
}

impl Table<'_> {
    /// Scores of every policy over the tasks that have room.
    fn scores(&self, seeds: usize) -> Vec<Vec<f64>> {
        let tuned = &self.objectives[self.reference];
        let rooms: Vec<(usize, f64)> = (0..self.results.tasks)
            .map(|task| {
                let own = mean(&tuned[task * seeds..][..seeds]);
                (task, own - self.results.bounds[task].optimum.lower)
            })
            .filter(|&(task, room)| room > LEAST_GAP * mean(&tuned[task * seeds..][..seeds]))
            .collect();
        let of = |objectives: &Vec<f64>| {
            let cells =
                rooms.iter().flat_map(|&(task, room)| (task * seeds..(task + 1) * seeds).map(move |at| (at, room)));
            cells.map(|(at, room)| (tuned[at] - objectives[at]) / room).collect()
        };
        self.objectives.iter().map(of).collect()
    }

    fn paired(&self, bootstrap: &Bootstrap) -> Vec<Paired> {
        let (tuned, seeds) = (&self.objectives[self.reference], bootstrap.seeds);
        let levels: Vec<f64> = tuned.chunks_exact(seeds).flat_map(|task| vec![mean(task); seeds]).collect();
        let relative = |objectives: &[f64]| objectives.iter().zip(&levels).map(|(x, level)| x / level).collect();
        let own: Vec<f64> = relative(tuned);
        let compare = |objectives: &Vec<f64>| {
            let differences: Vec<f64> = objectives.iter().zip(tuned).map(|(x, y)| x / y - 1.0).collect();
            let mut pairs: Vec<f64> = if bootstrap.tasks >= LEAST_TASKS {
                differences.chunks_exact(seeds).map(mean).collect()
            } else {
                differences.clone()
            };
            // A tuned HPA that costs nothing has no ratio to it.
            pairs.retain(|pair| pair.is_finite());
            let (theirs, ours): (Vec<f64>, Vec<f64>) = (relative(objectives), own.iter().map(|x| -x).collect());
            let better: Vec<f64> = theirs.iter().map(|x| -x).collect();
            Paired {
                difference: bootstrap.intervals(&[differences], 1, |means, out| out[0] = means[0])[0],
                probability: probability_of_improvement(&better, &ours, bootstrap),
                p: wilcoxon(&pairs).p,
                p_holm: f64::NAN,
                cliffs_delta: cliffs_delta(&theirs, &own),
            }
        };
        let mut all: Vec<Paired> = self.objectives.iter().map(compare).collect();
        let others: Vec<usize> = (0..all.len()).filter(|&at| at != self.reference).collect();
        let adjusted = holm(&others.iter().map(|&at| all[at].p).collect::<Vec<_>>());
        others.iter().zip(adjusted).for_each(|(&at, p)| all[at].p_holm = p);
        all[self.reference].p_holm = 1.0;
        all
    }

    /// What each policy adds to the front of those who do not foresee; NaN of those who do.
    fn gains(&self, runs: usize) -> Vec<f64> {
        let point = |rows: &[super::runner::Row]| {
            let of = |figure: fn(&super::runner::Row) -> f64| mean(&rows.iter().map(figure).collect::<Vec<_>>());
            (of(|row| row.outcome.cost.usd), of(|row| row.outcome.slo.violation_rate))
        };
        let means: Vec<(f64, f64)> = self.results.rows.chunks_exact(runs.max(1)).map(point).collect();
        let compared: Vec<usize> = (0..means.len()).filter(|&at| !self.results.natures[at].foresees).collect();
        let front = Front::new(compared.iter().map(|&at| means[at]).collect());
        let place = |policy: usize| compared.iter().position(|&at| at == policy);
        (0..means.len()).map(|policy| place(policy).map_or(f64::NAN, |at| front.only_by(at))).collect()
    }
}
