//! Runs every contender on every task and seed, over test time only. A seed fixes start-up delays and the phases of the
//! metrics path for all contenders alike (common random numbers); results stand in order, whatever the threads do.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::contender::{Contender, World};
use super::nature::Nature;
use super::oracle::Optimum;
use super::stress::Strain;
use super::task::Task;
use super::tune::sweep::MULTIPLES;
use super::tune::{Budget, Candidate};
use super::unit::{Spot, Unit};
use crate::autoscalers::Recipe;
use crate::sim::{self, Level, Outcome, Run};

/// One run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
    /// What each of them is.
    pub natures: Vec<Nature>,
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
    /// Static HPAs at other prices of a violation: one of [`MULTIPLES`] after another, task by task, seed by seed; none
    /// where the tuned HPA was not searched for.
    pub statics: Vec<Vec<Spot>>,
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
    /// Whether to keep timelines of the tuned HPA and its [`rival`](super::unit::rival).
    pub record: bool,
    /// Whether to try every [`Strain`].
    pub strain: bool,
    /// Told of each candidate of a search and of each run.
    pub tick: &'a (dyn Fn() + Sync),
}

impl Comparison<'_> {
    /// How often [`tick`](Self::tick) is called at most for each task.
    #[must_use]
    pub fn ticks(&self) -> u64 {
        let searches: u64 = self.contenders.iter().map(|contender| contender.ticks(&self.world)).sum();
        let strains = if self.strain { Strain::ALL.len() } else { 0 };
        let runs = (self.contenders.len() + MULTIPLES.len()) * self.seeds.len();
        searches + (runs + self.contenders.len() * strains + 1) as u64
    }

    /// Judges everybody on every task.
    #[must_use]
    pub fn run(&self) -> Results {
        let units: Vec<Unit> = (0..self.tasks.len()).into_par_iter().map(|index| self.unit(index)).collect();
        let policies = self.contenders.iter().map(|contender| (contender.name.clone(), contender.nature())).collect();
        Results::of_units(policies, self.seeds.to_vec(), &units)
    }

    pub(super) fn row(&self, policy: &str, task: &Task, recipe: &Recipe, seed: u64) -> Row {
        let world = sim::Settings { level: self.level, ..self.world.sim.clone() };
        let outcome = replay(recipe, task, &world, seed, false).outcome;
        (self.tick)();
        Row {
            policy: policy.to_owned(),
            trace: task.trace.clone(),
            function: task.function.clone(),
            seed,
            config_hash: self.config_hash.to_owned(),
            outcome,
        }
    }
}

/// One run over a task's test time. `record` keeps a timeline.
#[must_use]
pub fn replay(recipe: &Recipe, task: &Task, world: &sim::Settings, seed: u64, record: bool) -> Run {
    recipe.run(&task.workload, world, seed, task.test.clone(), record)
}
