//! Search by successive halving: all candidates on parts of training time, the better ones on more, the best on all.
//!
//! Training time is cut into up to eight stretches; a rung replays the same share of each, in turn from the stretch's
//! start and around its busiest moment, so that hours of the day and bursts are both seen. A rung keeps the best by objective, and
//! those on the front of cost against violations. Results depend on the order of the candidates, not on threads.

use std::ops::Range;
use std::sync::Arc;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::autoscalers::Recipe;
use crate::sim::{self, Counts, Outcome, Workload};
use crate::units::{Replicas, SimTime};

/// A function and the time that the search may see of it.
#[derive(Debug, Clone)]
pub struct Ground {
    /// The function.
    pub workload: Arc<Workload>,
    /// Training time.
    pub window: Range<SimTime>,
}

impl Ground {
    /// The least pods that meet the objective, slot by slot.
    pub fn demand(&self) -> impl Iterator<Item = Replicas> {
        let (first, last) = (self.workload.slot_at(self.window.start), self.workload.slot_at(self.window.end));
        self.workload.slots()[first..last.max(first + 1)]
            .iter()
            .map(|slot| Replicas::try_from(slot.demand).unwrap_or(Replicas::MAX))
    }
}

/// What a search took.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Budget {
    /// Configurations that were tried.
    pub configurations: u64,
    /// Runs in the simulator, however short.
    pub runs: u64,
    /// Simulated seconds over all runs.
    pub simulated_s: f64,
}

/// A candidate on the whole of its training time.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Scored<T> {
    /// The candidate.
    #[serde(rename = "configuration")]
    pub candidate: T,
    /// Its figures, over all functions and seeds together.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// What a search found.
#[derive(Debug, Clone, PartialEq)]
pub struct Search<T> {
    /// The least objective; the first of equals.
    pub best: Scored<T>,
    /// The candidates that none beats in both cost and violations, from the cheapest up.
    pub front: Vec<Scored<T>>,
    /// All candidates that were replayed on the whole of training time.
    pub finalists: Vec<Scored<T>>,
    /// What it took.
    pub budget: Budget,
}

/// A search over candidates.
pub struct Searcher<'a, T> {
    /// What is simulated.
    pub world: &'a sim::Settings,
    /// Where.
    pub grounds: &'a [Ground],
    /// Seeds of the runs of each candidate, at least one.
    pub seeds: u32,
    /// Whether to halve; otherwise every candidate sees all of training time.
    pub halving: bool,
    /// Turns a candidate into a policy.
    pub recipe: &'a (dyn Fn(&T) -> Recipe + Sync),
    /// Told after each candidate of a rung.
    pub tick: &'a (dyn Fn() + Sync),
}

/// A rung: the share of training time it replays, and the share of candidates it keeps.
const RUNGS: [(f64, f64); 3] = [(0.08, 0.12), (0.2, 0.3), (0.5, 0.4)];
/// What a rung keeps at least.
const KEPT: usize = 24;
/// Stretches of training time, at most.
const STRETCHES: f64 = 8.0;
/// No stretch is replayed for less: a stabilisation window, a start-up and their effects have to fit in.
const SHORTEST_US: f64 = 1.8e9;
/// A point of the front is later than the one before by this share at least, so that the front stays readable.
const APART: f64 = 0.15;
/// What every search has.
const SOMETHING: &str = "there is a function and a window";
/// Shares of late requests below this count as none.
const NEVER_LATE: f64 = 1e-4;

/// How many times [`Searcher::tick`] is called at most, for a progress bar.
#[must_use]
pub fn ticks(candidates: usize, halving: bool) -> u64 {
    let mut left = candidates;
    let mut ticks = 0;
    if halving {
        for (_, keep) in RUNGS {
            ticks += left;
            left = kept(left, keep);
        }
    }
    (ticks + left) as u64
}

fn kept(candidates: usize, share: f64) -> usize {
    ((candidates as f64 * share).ceil() as usize).max(KEPT).min(candidates)
}

/// Finds the best of `candidates`, which must not be empty.
#[must_use]
pub fn search<T: Clone + Send + Sync>(searcher: &Searcher<'_, T>, candidates: Vec<T>) -> Search<T> {
    let mut budget = Budget { configurations: candidates.len() as u64, ..Budget::default() };
    let mut left = candidates;
    if searcher.halving {
        for (share, keep) in RUNGS {
            let counts = searcher.rung(&left, share, &mut budget);
            left = survivors(&left, &counts, kept(counts.len(), keep));
        }
    }
    let scored = searcher.last(&left, &mut budget);
    let figures: Vec<Counts> = scored.iter().map(|it| (&it.outcome).into()).collect();
    let front = front(&figures).into_iter().map(|at| scored[at].clone()).collect();
    let objective = |it: &&Scored<T>| it.outcome.objective;
    let best = scored.iter().min_by(|a, b| objective(a).total_cmp(&objective(b))).cloned();
    Search { best: best.expect("there is a candidate"), front, finalists: scored, budget }
}

/// The best by objective and the front, in the order they came in.
fn survivors<T: Clone>(candidates: &[T], counts: &[Counts], keep: usize) -> Vec<T> {
    let mut order: Vec<usize> = (0..counts.len()).collect();
    order.sort_by(|&a, &b| counts[a].objective.total_cmp(&counts[b].objective));
    order.truncate(keep);
    order.extend(front(counts));
    order.sort_unstable();
    order.dedup();
    order.into_iter().map(|at| candidates[at].clone()).collect()
}

/// The indices of those that none beats in both cost and violations, from the cheapest up; the first of equals. Of
/// neighbours that differ by less than 15 % in violations the cheaper stands for both.
fn front(counts: &[Counts]) -> Vec<usize> {
    let figures = |at: usize| (counts[at].usd, counts[at].violation_rate());
    let mut order: Vec<usize> = (0..counts.len()).collect();
    order.sort_by(|&a, &b| {
        let (a, b) = (figures(a), figures(b));
        a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1))
    });
    let mut least = f64::INFINITY;
    order.retain(|&at| {
        let late = figures(at).1;
        let better = least > NEVER_LATE && late < least * (1.0 - APART);
        if better {
            least = late;
        }
        better
    });
    order
}

impl<T: Clone + Send + Sync> Searcher<'_, T> {
    /// What each candidate counts on a share of training time.
    fn rung(&self, candidates: &[T], share: f64, budget: &mut Budget) -> Vec<Counts> {
        let windows: Vec<Vec<Range<SimTime>>> = self.grounds.iter().map(|ground| stretches(ground, share)).collect();
        let one = |candidate: &T| {
            let recipe = (self.recipe)(candidate);
            let counts = self.runs(&windows, |ground, seed, window| {
                recipe.count(&ground.workload, self.world, seed, window.clone())
            });
            (self.tick)();
            counts.into_iter().reduce(|one, other| one.and(&other)).expect(SOMETHING)
        };
        let counts: Vec<_> = candidates.par_iter().map(one).collect();
        let runs: usize = windows.iter().map(Vec::len).sum::<usize>() * self.seeds as usize;
        budget.runs += (runs * candidates.len()) as u64;
        budget.simulated_s += counts.iter().map(|it| it.simulated_s).sum::<f64>();
        counts
    }

    /// What each candidate does on all of training time.
    fn last(&self, candidates: &[T], budget: &mut Budget) -> Vec<Scored<T>> {
        let windows: Vec<_> = self.grounds.iter().map(|ground| vec![ground.window.clone()]).collect();
        let one = |candidate: &T| {
            let recipe = (self.recipe)(candidate);
            let runs = self.runs(&windows, |ground, seed, window| {
                recipe.run(&ground.workload, self.world, seed, window.clone(), false)
            });
            (self.tick)();
            let outcome = sim::Run::merge(&runs).map(|run| run.outcome).expect(SOMETHING);
            Scored { candidate: candidate.clone(), outcome }
        };
        let scored: Vec<_> = candidates.par_iter().map(one).collect();
        budget.runs += (windows.len() * self.seeds as usize * candidates.len()) as u64;
        budget.simulated_s += scored.iter().map(|it| it.outcome.sim.simulated_s).sum::<f64>();
        scored
    }

    /// A run for each function, seed and window, in this order.
    fn runs<R>(&self, windows: &[Vec<Range<SimTime>>], run: impl Fn(&Ground, u64, &Range<SimTime>) -> R) -> Vec<R> {
        let mut runs = Vec::new();
        for (ground, windows) in self.grounds.iter().zip(windows) {
            for seed in 0..u64::from(self.seeds) {
                runs.extend(windows.iter().map(|window| run(ground, seed, window)));
            }
        }
        runs
    }
}

/// What a rung replays of a function: the whole, or the same part of each of several stretches.
fn stretches(ground: &Ground, share: f64) -> Vec<Range<SimTime>> {
    let (start, end) = (ground.window.start.0, ground.window.end.0);
    let replayed = (end - start) as f64 * share;
    let count = (replayed / SHORTEST_US).floor().clamp(2.0, STRETCHES);
    let length = (end - start) / count as i64;
    let part = (replayed / count).max(SHORTEST_US) as i64;
    if share >= 1.0 || part >= length {
        return vec![ground.window.clone()];
    }
    let one = |index: i64| {
        let stretch = start + index * length;
        let from = if index % 2 == 0 { stretch } else { around_peak(ground, stretch, length, part) };
        SimTime(from)..SimTime(from + part)
    };
    (0..count as i64).map(one).collect()
}

/// Where a part of a stretch starts that has the stretch's busiest slot in its middle.
fn around_peak(ground: &Ground, stretch: i64, length: i64, part: i64) -> i64 {
    let workload = &ground.workload;
    let interval = workload.interval_us();
    let (first, last) = (workload.slot_at(SimTime(stretch)), workload.slot_at(SimTime(stretch + length)));
    let load = |at: &usize| workload.slots()[*at].load;
    let peak = (first..=last).max_by(|a, b| load(a).total_cmp(&load(b))).unwrap_or(first);
    (peak as i64 * interval - part / 2).clamp(stretch, stretch + length - part)
}
