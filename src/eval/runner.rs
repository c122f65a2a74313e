//! Runs every contender on every task and seed, over test time only. A seed fixes start-up delays and the phases of the
//! metrics path for all contenders alike (common random numbers); results stand in order, whatever the threads do.

use rayon::prelude::*;
use serde::Serialize;

use super::contender::{Contender, Ready, World};
use super::oracle::{self, Optimum};
use super::task::Task;
use super::tune::{Budget, Candidate};
use crate::autoscalers::Recipe;
use crate::sim::{self, Level, Outcome, Run};

/// One run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// The contender's name.
    pub policy: String,
    /// The trace's name.
    pub trace: String,
    /// The function's name.
    pub function: String,
    /// The seed.
    pub seed: u64,
    /// Hash of the experiment's settings.
    pub config_hash: String,
    /// Its figures.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// A static HPA that was searched for.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Found {
    /// The contender's name.
    pub policy: String,
    /// The trace's name.
    pub trace: String,
    /// The function's name.
    pub function: String,
    /// What was found.
    pub configuration: Candidate,
    /// What the search took.
    pub budget: Budget,
}

/// The optimum of a task.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Bound {
    /// The trace's name.
    pub trace: String,
    /// The function's name.
    pub function: String,
    /// The least objective of test time, in pod-hours.
    #[serde(flatten)]
    pub optimum: Optimum,
}

/// All runs of a comparison.
#[derive(Debug, Clone, PartialEq)]
pub struct Results {
    /// The contenders' names.
    pub policies: Vec<String>,
    /// Functions of traces.
    pub tasks: usize,
    /// The seeds.
    pub seeds: Vec<u64>,
    /// Contender by contender, task by task, seed by seed.
    pub rows: Vec<Row>,
    /// The same runs at the fluid level, where searches and learning look; none when the runs are of that level.
    pub fluid: Vec<Outcome>,
    /// What searches found.
    pub found: Vec<Found>,
    /// The optimum of each task.
    pub bounds: Vec<Bound>,
}

/// A comparison to be run.
pub struct Comparison<'a> {
    /// Who.
    pub contenders: &'a [Contender],
    /// On what.
    pub tasks: &'a [Task],
    /// With which seeds.
    pub seeds: &'a [u64],
    /// In which world.
    pub world: World<'a>,
    /// Level of the runs. Searches and the optimum are of the fluid level.
    pub level: Level,
    /// Hash of the experiment's settings.
    pub config_hash: &'a str,
    /// Told of each candidate of a search and of each run.
    pub tick: &'a (dyn Fn() + Sync),
}

impl Comparison<'_> {
    /// How often [`tick`](Self::tick) is called at most.
    #[must_use]
    pub fn ticks(&self) -> u64 {
        let searches: u64 = self.contenders.iter().map(|contender| contender.ticks(&self.world)).sum();
        let runs = self.contenders.len() * self.seeds.len();
        (searches + runs as u64 + 1) * self.tasks.len() as u64
    }

    /// Contender by contender, task by task.
    fn pairs(&self) -> Vec<(&Contender, &Task)> {
        self.contenders.iter().flat_map(|it| self.tasks.iter().map(move |task| (it, task))).collect()
    }

    /// Makes every contender ready for every task, searching where it has to: contender by contender, task by task.
    #[must_use]
    pub fn prepare(&self) -> Vec<Ready> {
        self.pairs().par_iter().map(|(contender, task)| contender.ready(task, &self.world, self.tick)).collect()
    }

    /// Runs and bounds. `ready` is what [`prepare`](Self::prepare) returned.
    #[must_use]
    pub fn run(&self, ready: &[Ready]) -> Results {
        let pairs = self.pairs();
        let units: Vec<_> = (0..pairs.len()).flat_map(|at| self.seeds.iter().map(move |&seed| (at, seed))).collect();
        let row = |&(at, seed): &(usize, u64)| self.row(pairs[at].0, pairs[at].1, &ready[at].recipe, seed);
        let rows = units.par_iter().map(row).collect();
        let fluid = |&(at, seed): &(usize, u64)| self.fluid(pairs[at].1, &ready[at].recipe, seed);
        let fluid = if self.level == Level::Fluid { Vec::new() } else { units.par_iter().map(fluid).collect() };
        let bounds = self.tasks.par_iter().map(|task| self.bound(task)).collect();
        let found = pairs.iter().zip(ready).filter_map(|(&(contender, task), ready)| {
            let (configuration, budget) = ready.found?;
            let (policy, trace, function) = (contender.name.clone(), task.trace.clone(), task.function.clone());
            Some(Found { policy, trace, function, configuration, budget })
        });
        Results {
            policies: self.contenders.iter().map(|contender| contender.name.clone()).collect(),
            tasks: self.tasks.len(),
            seeds: self.seeds.to_vec(),
            rows,
            fluid,
            found: found.collect(),
            bounds,
        }
    }

    fn row(&self, contender: &Contender, task: &Task, recipe: &Recipe, seed: u64) -> Row {
        let outcome = self.replay(recipe, task, seed, false).outcome;
        (self.tick)();
        Row {
            policy: contender.name.clone(),
            trace: task.trace.clone(),
            function: task.function.clone(),
            seed,
            config_hash: self.config_hash.to_owned(),
            outcome,
        }
    }

    /// One run over a task's test time. `record` keeps a timeline.
    #[must_use]
    pub fn replay(&self, recipe: &Recipe, task: &Task, seed: u64, record: bool) -> Run {
        let world = sim::Settings { level: self.level, ..self.world.sim.clone() };
        replay(recipe, task, &world, seed, record)
    }

    fn fluid(&self, task: &Task, recipe: &Recipe, seed: u64) -> Outcome {
        let world = sim::Settings { level: Level::Fluid, ..self.world.sim.clone() };
        replay(recipe, task, &world, seed, false).outcome
    }

    fn bound(&self, task: &Task) -> Bound {
        let optimum = oracle::optimum(&task.workload, self.world.sim, &task.test, self.world.hpa.max_replicas);
        (self.tick)();
        Bound { trace: task.trace.clone(), function: task.function.clone(), optimum }
    }
}

/// One run over a task's test time. `record` keeps a timeline.
#[must_use]
pub fn replay(recipe: &Recipe, task: &Task, world: &sim::Settings, seed: u64, record: bool) -> Run {
    recipe.run(&task.workload, world, seed, task.test.clone(), record)
}
