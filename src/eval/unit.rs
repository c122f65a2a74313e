//! A comparison on one task: the unit in which work is divided between machines, kept and put together again.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::contender::{Kind, Ready};
use super::runner::{Bound, Comparison, Found, Results, Row, replay};
use super::stress::{Strain, Strained};
use super::summary::REFERENCE;
use super::tune::Candidate;
use super::tune::sweep::MULTIPLES;
use super::{Contender, Nature, Task, oracle};
use crate::autoscalers::Recipe;
use crate::hpa;
use crate::sim::{self, Level, Outcome, TimelineRow};
use crate::units::SimTime;

/// All that a comparison finds out about a task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Unit {
    /// The task's place among all tasks of the comparison, from 0.
    pub index: usize,
    /// Test time in hours.
    pub hours: f64,
    /// Seconds since midnight UTC at the trace's origin; none when the trace has no date.
    pub midnight_s: Option<f64>,
    /// Runs, contender by contender, seed by seed.
    pub rows: Vec<Row>,
    /// The same at the fluid level; none when the runs are of that level.
    pub fluid: Vec<Outcome>,
    /// What searches found.
    pub found: Vec<Found>,
    /// Static HPAs at other prices of a violation, one of [`MULTIPLES`] after another, seed by seed; none where the tuned
    /// HPA was not searched for.
    pub statics: Vec<Vec<Spot>>,
    /// The optimum.
    pub bound: Bound,
    /// The first seed's runs of the tuned HPA and of its rival, where they were asked for.
    pub timelines: Vec<Recording>,
    /// Every contender under every strain, where it was asked for.
    pub strained: Vec<Strained>,
}

/// A run as a point of the plane of cost and late requests.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Spot {
    /// Dollars.
    pub usd: f64,
    /// Share of requests late or lost.
    pub violation_rate: f64,
}

/// A run over time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recording {
    /// The policy's name.
    pub policy: String,
    /// Share of the run's requests late or lost; none when there were no requests.
    pub late: Option<f64>,
    /// Rows in the order of [`TimelineRow::FIELDS`]; what is not known is null.
    rows: Vec<[Option<f64>; TimelineRow::FIELDS.len()]>,
}

/// Most rows of a recording: beyond, neighbours are put together. It is more than a picture is wide.
const MOST_ROWS: usize = 4096;

/// Most seeds that a strain is tried with.
const STRAINED_SEEDS: usize = 3;

impl Recording {
    fn new(policy: &str, late: Option<f64>, rows: &[TimelineRow]) -> Self {
        let together = rows.len().div_ceil(MOST_ROWS).max(1);
        let rows =
            rows.chunks(together).map(|rows| mean_row(rows).map(|value| Some(value).filter(|it| it.is_finite())));
        Self { policy: policy.to_owned(), late, rows: rows.collect() }
    }

    /// The rows.
    #[must_use]
    pub fn timeline(&self) -> Vec<TimelineRow> {
        let row = |cells: &[Option<f64>; TimelineRow::FIELDS.len()]| {
            TimelineRow::of(cells.map(|cell| cell.unwrap_or(f64::NAN)))
        };
        self.rows.iter().map(row).collect()
    }
}

/// The time of the first row, and of all else the mean of what is known.
fn mean_row(rows: &[TimelineRow]) -> [f64; TimelineRow::FIELDS.len()] {
    let values: Vec<_> = rows.iter().map(TimelineRow::values).collect();
    std::array::from_fn(|column| {
        let known: Vec<f64> = values.iter().map(|row| row[column]).filter(|it| it.is_finite()).collect();
        if column == 0 { values[0][0] } else { known.iter().sum::<f64>() / known.len() as f64 }
    })
}

/// Whom the tuned HPA is drawn beside: the first learned policy, else the HPA in use, else the first that is neither the
/// tuned HPA nor knows the future.
#[must_use]
pub fn rival(contenders: &[Contender]) -> Option<&str> {
    let named = |name: &str| contenders.iter().find(|it| it.name == name);
    let plain = |it: &&Contender| it.name != REFERENCE && !it.nature().foresees;
    let learned = contenders.iter().find(|it| it.is_learned());
    learned.or_else(|| named("current")).or_else(|| contenders.iter().find(plain)).map(|it| it.name.as_str())
}

impl Unit {
    /// Whether it has as many runs as a comparison of so many policies over so many seeds has.
    #[must_use]
    pub fn is_whole(&self, policies: usize, seeds: usize) -> bool {
        let prices = self.statics.len();
        let swept = (prices == 0 || prices == MULTIPLES.len()) && self.statics.iter().all(|runs| runs.len() == seeds);
        let fluid = self.fluid.is_empty() || self.fluid.len() == policies * seeds;
        self.rows.len() == policies * seeds && fluid && swept
    }
}

impl Comparison<'_> {
    /// Judges everybody on the `index`-th task.
    #[must_use]
    pub fn unit(&self, index: usize) -> Unit {
        let task = &self.tasks[index];
        let ready = self.ready(task);
        let units: Vec<_> = (0..ready.len()).flat_map(|at| self.seeds.iter().map(move |&seed| (at, seed))).collect();
        let level = |level| sim::Settings { level, ..self.world.sim.clone() };
        let (world, fluid) = (level(self.level), level(Level::Fluid));
        let row = |&(at, seed): &(usize, u64)| self.row(&self.contenders[at].name, task, &ready[at].recipe, seed);
        let like = |&(at, seed): &(usize, u64)| replay(&ready[at].recipe, task, &fluid, seed, false).outcome;
        let found = self.contenders.iter().zip(&ready).filter_map(|(contender, ready)| {
            let (configuration, budget) = ready.found?;
            let (policy, trace, function) = (contender.name.clone(), task.trace.clone(), task.function.clone());
            Some(Found { policy, trace, function, configuration, budget })
        });
        Unit {
            index,
            hours: task.test.end.since(task.test.start).as_secs_f64() / 3600.0,
            midnight_s: task.workload.second_of_day(SimTime::ZERO).map(|at| at - task.workload.offset_s()),
            rows: units.par_iter().map(row).collect(),
            fluid: if self.level == Level::Fluid { Vec::new() } else { units.par_iter().map(like).collect() },
            found: found.collect(),
            statics: self.statics(task, &ready, &world),
            bound: self.bound(index),
            timelines: if self.record { self.recordings(index, &ready, &world) } else { Vec::new() },
            strained: if self.strain { self.strained(index, &ready, &world) } else { Vec::new() },
        }
    }

    /// Everybody made ready for a task; learned policies last, since they may measure themselves by the tuned HPA.
    fn ready(&self, task: &Task) -> Vec<Ready> {
        let ready = |it: &Contender, tuned: Option<&hpa::Settings>| it.ready(task, &self.world, tuned, self.tick);
        let others = |it: &Contender| (!it.is_learned()).then(|| ready(it, None));
        let others: Vec<Option<Ready>> = self.contenders.par_iter().map(others).collect();
        let tuned = self.contenders.iter().zip(&others).find(|(it, _)| it.name == REFERENCE).and_then(|(it, ready)| {
            let found = ready.as_ref().and_then(|ready| ready.found.as_ref());
            match (&it.kind, found) {
                (Kind::Fixed(settings), _) => Some((**settings).clone()),
                (_, found) => found.map(|(candidate, _)| candidate.settings(self.world.hpa)),
            }
        });
        let all = self.contenders.par_iter().zip(others);
        all.map(|(it, done)| done.unwrap_or_else(|| ready(it, tuned.as_ref()))).collect()
    }

    fn bound(&self, index: usize) -> Bound {
        let task = &self.tasks[index];
        let optimum = oracle::optimum(&task.workload, self.world.sim, &task.test, self.world.hpa.max_replicas);
        (self.tick)();
        Bound { trace: task.trace.clone(), function: task.function.clone(), optimum }
    }

    /// Runs of the static HPAs that the tuned one's search would have found at other prices.
    fn statics(&self, task: &Task, ready: &[Ready], world: &sim::Settings) -> Vec<Vec<Spot>> {
        let tuned = self.contenders.iter().position(|it| it.name == REFERENCE);
        let Some(swept) = tuned.map(|at| &ready[at].swept) else { return Vec::new() };
        let mut distinct = swept.clone();
        distinct.dedup();
        let spot = |candidate: &Candidate, seed: u64| {
            let recipe = Recipe::hpa(&candidate.settings(self.world.hpa));
            let it = replay(&recipe, task, world, seed, false).outcome;
            (self.tick)();
            Spot { usd: it.cost.usd, violation_rate: it.slo.violation_rate }
        };
        let runs = |candidate: &Candidate| self.seeds.par_iter().map(|&seed| spot(candidate, seed)).collect();
        let made: Vec<Vec<Spot>> = distinct.par_iter().map(runs).collect();
        let of = |candidate: &Candidate| distinct.iter().position(|it| it == candidate).map(|at| made[at].clone());
        swept.iter().filter_map(of).collect()
    }

    fn recordings(&self, index: usize, ready: &[Ready], world: &sim::Settings) -> Vec<Recording> {
        let drawn = [Some(REFERENCE), rival(self.contenders)];
        let place = |name: &str| self.contenders.iter().position(|contender| contender.name == name);
        let record = |at: usize| {
            let run = replay(&ready[at].recipe, &self.tasks[index], world, self.seeds[0], true);
            let late = (run.outcome.requests.offered > 0.0).then_some(run.outcome.slo.violation_rate);
            Recording::new(&self.contenders[at].name, late, &run.timeline)
        };
        drawn.into_iter().flatten().filter_map(place).map(record).collect()
    }

    fn strained(&self, index: usize, ready: &[Ready], world: &sim::Settings) -> Vec<Strained> {
        let task = &self.tasks[index];
        let seeds = &self.seeds[..self.seeds.len().min(STRAINED_SEEDS)];
        let pairs: Vec<_> =
            Strain::ALL.iter().flat_map(|strain| (0..ready.len()).map(move |at| (*strain, at))).collect();
        let one = |&(strain, at): &(Strain, usize)| {
            let (workload, world) = strain.apply(task, world);
            let run = |&seed: &u64| ready[at].recipe.run(&workload, &world, seed, task.test.clone(), false).outcome;
            let runs: Vec<Outcome> = seeds.iter().map(run).collect();
            (self.tick)();
            let mean = |of: fn(&Outcome) -> f64| runs.iter().map(of).sum::<f64>() / runs.len() as f64;
            Strained {
                strain: strain.name(),
                policy: self.contenders[at].name.clone(),
                usd: mean(|it| it.cost.usd),
                violation_rate: mean(|it| it.slo.violation_rate),
                objective: mean(|it| it.objective),
            }
        };
        pairs.par_iter().map(one).collect()
    }
}

impl Results {
    /// The results of a whole comparison, from the units of its tasks in order.
    #[must_use]
    pub fn of_units(policies: Vec<(String, Nature)>, seeds: Vec<u64>, units: &[Unit]) -> Self {
        let (policies, natures): (Vec<String>, Vec<Nature>) = policies.into_iter().unzip();
        let mut results = Self {
            natures,
            tasks: units.len(),
            found: policies.iter().flat_map(|name| found_by(units, name)).collect(),
            bounds: units.iter().map(|unit| unit.bound.clone()).collect(),
            rows: Vec::new(),
            fluid: Vec::new(),
            statics: statics(units),
            policies,
            seeds,
        };
        for policy in 0..results.policies.len() {
            let own = policy * results.seeds.len()..(policy + 1) * results.seeds.len();
            for unit in units {
                results.rows.extend(unit.rows.get(own.clone()).unwrap_or_default().iter().cloned());
                results.fluid.extend(unit.fluid.get(own.clone()).unwrap_or_default().iter().cloned());
            }
        }
        results
    }
}

fn found_by(units: &[Unit], policy: &str) -> Vec<Found> {
    units.iter().flat_map(|unit| unit.found.iter().filter(|it| it.policy == policy)).cloned().collect()
}

/// The runs of static HPAs, price by price, task by task; nothing where a task has none.
fn statics(units: &[Unit]) -> Vec<Vec<Spot>> {
    let prices = units.iter().map(|unit| unit.statics.len()).min().unwrap_or(0);
    let at = |price: usize| units.iter().flat_map(|unit| unit.statics[price].iter().copied()).collect();
    (0..prices).map(at).collect()
}
