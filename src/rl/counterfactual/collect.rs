//! What other actions would have cost: episodes of the first policy, taken up again at some of its decisions.

use std::collections::VecDeque;
use std::sync::Arc;

use rand::RngExt;
use rayon::prelude::*;

use super::settings::Settings;
use super::trials::Trials;
use crate::env::branch::Cost;
use crate::env::{self, Actions, Autoscaling, Branch, Environment, Scenario};
use crate::random::{self, Purpose};
use crate::sim::Patch;

/// Decisions from one that is taken up again to the next: neighbours say nearly the same.
const STRIDE: usize = 4;
/// A cost counts up to so many times the mean load for each decision that an action holds: one rare overload shall not outweigh
/// a thousand decisions.
const MOST: f64 = 20.0;

/// Decisions, and what other actions would have cost from there on.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Cases {
    /// `[rows, observation]`.
    pub(super) observations: Vec<f32>,
    /// What each trial costs more than the first policy, in the mean load's pods × decisions, `[rows, trials]`.
    pub(super) total: Vec<f32>,
    /// The part that violations make.
    pub(super) violations: Vec<f32>,
    /// Whose decision it was, `[rows]`.
    pub(super) scenarios: Vec<u32>,
    /// What the episodes of each scenario came to.
    pub(super) late: Vec<Late>,
    trials: usize,
}

/// Violations over episodes.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Late {
    /// Their cost under the first policy, and under the reference.
    pub(super) own: f64,
    pub(super) reference: f64,
    /// Decisions.
    pub(super) decisions: f64,
}

impl Cases {
    /// Number of decisions that were taken up again.
    pub(super) fn rows(&self) -> usize {
        self.total.len() / self.trials.max(1)
    }

    /// None yet.
    pub(super) fn new(scenarios: usize, trials: usize) -> Self {
        Self { late: vec![Late::default(); scenarios], trials, ..Self::default() }
    }

    fn append(&mut self, other: &Self) {
        self.observations.extend_from_slice(&other.observations);
        self.total.extend_from_slice(&other.total);
        self.violations.extend_from_slice(&other.violations);
        self.scenarios.extend_from_slice(&other.scenarios);
        for (late, other) in self.late.iter_mut().zip(&other.late) {
            late.own += other.own;
            late.reference += other.reference;
            late.decisions += other.decisions;
        }
    }
}

/// Plays episodes.
pub(super) struct Player<'a> {
    pub(super) scenarios: &'a Arc<[Scenario]>,
    pub(super) env: &'a env::Settings,
    pub(super) settings: &'a Settings,
    pub(super) trials: &'a Trials,
    pub(super) seed: u64,
}

impl Player<'_> {
    /// Decisions of an episode that are taken up again, at least.
    fn per_episode(&self) -> u64 {
        ((self.env.steps() + 1).saturating_sub(self.settings.horizon) / STRIDE) as u64
    }

    fn episodes(&self) -> u64 {
        let decisions = self.settings.decisions.min(self.there_are());
        if self.trials.is_empty() { 0 } else { decisions.checked_div(self.per_episode()).unwrap_or(0) }
    }

    /// Decisions of training time, all functions together.
    fn there_are(&self) -> u64 {
        let span = |scenario: &Scenario| scenario.train.end.since(scenario.train.start).as_secs();
        self.scenarios.iter().map(span).sum::<u64>() / self.env.control_interval.as_secs().max(1)
    }

    /// Decisions that are simulated.
    pub(super) fn steps(&self) -> u64 {
        let courses = ((self.trials.len() + 1) * self.settings.horizon) as u64;
        self.episodes() * (self.env.steps() as u64 + self.per_episode() * courses)
    }

    /// Plays all episodes; `None` once `go_on` says no.
    pub(super) fn collect(&self, go_on: &(dyn Fn() -> bool + Sync)) -> Option<Cases> {
        let episode = |index: u64| go_on().then(|| self.play(index));
        let all: Vec<Cases> = (0..self.episodes()).into_par_iter().map(episode).collect::<Option<_>>()?;
        let mut cases = Cases::new(self.scenarios.len(), self.trials.len());
        for one in &all {
            cases.append(one);
        }
        Some(cases)
    }

    /// One episode.
    fn play(&self, index: u64) -> Cases {
        let Settings { horizon, .. } = *self.settings;
        let actions = Arc::new(Actions::new(&self.env.action).masked_if(false));
        let mut env = Autoscaling::new(Arc::clone(self.scenarios), actions, self.env.clone());
        let mut rng = random::stream(self.seed, Purpose::Counterfactual, index);
        env.reset(rng.random());
        let scenario = env.scenario().unwrap_or(0);
        let (steps, offset) = (self.env.steps(), index as usize % STRIDE);
        let last = self.per_episode() as usize * STRIDE;
        let mut observation = vec![0.0; env.observation_len()];
        let tried: Vec<Vec<f32>> = self.trials.actions().chain([self.trials.first.clone()]).collect();
        let mut patches: Vec<Vec<Patch>> = Vec::with_capacity(steps);
        let mut open: VecDeque<(usize, Branch)> = VecDeque::new();
        let mut cases = Cases::new(self.scenarios.len(), self.trials.len());
        for step in 0..steps {
            env.observe(&mut observation);
            let taken_up = step % STRIDE == offset && step < last;
            if taken_up && let Some(branch) = env.branch() {
                cases.observations.extend_from_slice(&observation);
                cases.scenarios.push(scenario as u32);
                open.push_back((step, branch));
            }
            patches.push(tried.iter().map(|action| env.would(action)).collect());
            let info = env.step(&self.trials.first).info;
            let late = &mut cases.late[scenario];
            late.own += info.violation_cost;
            late.reference += info.reference_violation_cost;
            late.decisions += 1.0;
            while let Some((_, branch)) = open.pop_front_if(|(at, _)| *at + horizon == step + 1) {
                self.compare(&branch, &patches[step + 1 - horizon..=step], &mut cases);
            }
        }
        cases
    }

    /// Takes up a decision again, with each trial. `patches` are what the trials, and behind them the first policy, set at the
    /// decisions from there on.
    fn compare(&self, branch: &Branch, patches: &[Vec<Patch>], cases: &mut Cases) {
        let (first, hold) = (self.trials.len(), self.settings.hold);
        let course = |trial: usize| {
            let patches = patches.iter().enumerate().map(|(at, set)| &set[if at < hold { trial } else { first }]);
            branch.follow(patches)
        };
        let base = course(first);
        let most = MOST * hold as f64;
        let extra = |of: fn(&Cost) -> f64, cost: &Cost| (of(cost) - of(&base)).clamp(-most, most) as f32;
        for trial in 0..first {
            let cost = course(trial);
            cases.total.push(extra(|cost| cost.total, &cost));
            cases.violations.push(extra(|cost| cost.violations, &cost));
        }
    }
}
