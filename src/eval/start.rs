//! What an agent starts from on a function, found on the function's own training time.

use std::ops::Range;

use rayon::prelude::*;

use super::contender::{World, best_static, ticks_of_linear, ticks_of_static};
use super::evolve::{self, Field, evolve};
use super::task::Task;
use crate::autoscalers::Recipe;
use crate::autoscalers::linear::Linear;
use crate::env::Start;
use crate::env::start::Kind;
use crate::hpa;
use crate::sim::Outcome;
use crate::units::SimTime;

/// A start, and the static HPA that it has to beat.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// The start.
    pub start: Start,
    /// The tuned HPA; that of `[hpa]` when nothing is tuned.
    pub reference: hpa::Settings,
}

/// What a violation is worth to evolution, as multiples of its price, until there are few enough.
const SEVERITIES: [f64; 3] = [1.0, 2.0, 4.0];

/// Finds the start of a task's function by itself; that of [`Kind::Shared`] is then taken from [`shared`]. A linear policy may be late `limit` times as often as the tuned HPA on training
/// time: while it is more often, it is evolved anew at twice the price of violations, up to four times that of
/// `[prices]`. `tick` is told of each candidate.
#[must_use]
pub fn find(kind: Kind, limit: f64, task: &Task, world: &World<'_>, tick: &(dyn Fn() + Sync)) -> Found {
    if kind == Kind::Hpa {
        return Found { start: Start::fixed(world.hpa), reference: world.hpa.clone() };
    }
    let reference = best_static(&[task.ground()], world, tick).best.candidate.settings(world.hpa);
    let tuned = Start::fixed(&reference);
    if kind != Kind::Linear {
        return Found { start: tuned, reference };
    }
    let most = limit * fly(&tuned, task, world, &task.train).slo.violation_rate;
    let linear = evolved(most, task, world, tick);
    let window = if task.validation.is_empty() { &task.train } else { &task.validation };
    let objective = |start: &Start| fly(start, task, world, window).objective;
    let better = objective(&linear) < objective(&tuned);
    Found { start: if better { linear } else { tuned }, reference }
}

/// One linear policy for all tasks, each with its tuned HPA and its own world, of which there is at least one. It may be
/// late `limit` times as often as the tuned HPAs together: while it is more often, it is evolved anew at twice the price
/// of violations, up to four times that of `[prices]`. `tick` is told of each candidate.
#[must_use]
pub fn shared(
    limit: f64,
    functions: &[(&Task, &hpa::Settings)],
    world: &World<'_>,
    tick: &(dyn Fn() + Sync),
) -> Linear {
    let late = |start: &(dyn Fn(&hpa::Settings) -> Start + Sync)| {
        let one = |(task, tuned): &(&Task, &hpa::Settings)| fly(&start(tuned), task, world, &task.train);
        let flown: Vec<Outcome> = functions.par_iter().map(one).collect();
        flown.iter().map(|outcome| outcome.slo.violation_rate).sum::<f64>()
    };
    let most = limit * late(&Start::fixed);
    let at = |severity: f64| {
        let mut sim = world.sim.clone();
        sim.prices.violation *= severity;
        let world = World { sim: &sim, ..*world };
        let field = |(task, tuned): &(&Task, &hpa::Settings)| {
            let unit = fly(&Start::fixed(tuned), task, &world, &task.train).objective;
            Field { ground: task.ground(), unit: unit.max(f64::MIN_POSITIVE) }
        };
        let fields: Vec<Field> = functions.par_iter().map(field).collect();
        evolve::together(&fields, &world, tick).linear
    };
    let mut linear = at(SEVERITIES[0]);
    for &severity in &SEVERITIES[1..] {
        if late(&|_| Start::linear(linear, world.hpa)) <= most {
            break;
        }
        linear = at(severity);
    }
    linear
}

/// How often [`shared`] ticks at most, but for functions with less than a day of training time.
#[must_use]
pub fn ticks_of_shared(functions: usize, world: &World<'_>) -> u64 {
    SEVERITIES.len() as u64 * evolve::ticks(world.tune.linear_steps, functions)
}

/// How often [`find`] ticks at most, but for functions with less than a day of training time.
#[must_use]
pub fn ticks(kind: Kind, world: &World<'_>) -> u64 {
    match kind {
        Kind::Hpa => 0,
        Kind::Tuned | Kind::Shared => ticks_of_static(world),
        Kind::Linear => ticks_of_static(world) + SEVERITIES.len() as u64 * ticks_of_linear(world),
    }
}

/// Makes the start itself fly, without an agent.
#[must_use]
pub fn recipe(start: &Start) -> Recipe {
    match start.linear {
        None => Recipe::hpa(&start.hpa),
        Some(linear) => {
            let tuner = linear.tuner(&start.hpa);
            Recipe::tuned(&start.hpa, move |_| tuner)
        }
    }
}

/// The linear policy of the least severity at which at most a share `most` of requests is late on training time; that
/// of the highest where none is.
fn evolved(most: f64, task: &Task, world: &World<'_>, tick: &(dyn Fn() + Sync)) -> Start {
    let at = |severity: f64| {
        let mut sim = world.sim.clone();
        sim.prices.violation *= severity;
        Start::linear(evolve(&task.ground(), &World { sim: &sim, ..*world }, tick).linear, world.hpa)
    };
    let mut start = at(SEVERITIES[0]);
    for &severity in &SEVERITIES[1..] {
        if fly(&start, task, world, &task.train).slo.violation_rate <= most {
            break;
        }
        start = at(severity);
    }
    start
}

/// One run of a start over a window.
fn fly(start: &Start, task: &Task, world: &World<'_>, window: &Range<SimTime>) -> Outcome {
    recipe(start).run(&task.workload, world.sim, 0, window.clone(), false).outcome
}
