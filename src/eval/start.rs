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
use crate::forecast::Foresight;
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

/// How starts are found.
#[derive(Debug, Clone, Copy)]
pub struct Search<'a> {
    /// What is looked for.
    pub kind: Kind,
    /// How often a linear policy may be late, as a multiple of how often the tuned HPA is.
    pub limit: f64,
    /// What is foreseen of the function.
    pub foresight: Option<&'a Foresight>,
}

/// What a violation is worth to evolution, as multiples of its price, until there are few enough.
const SEVERITIES: [f64; 3] = [1.0, 2.0, 4.0];

/// Finds the start of a task's function by itself; that of [`Kind::Shared`] is then taken from [`shared`]. While a linear
/// policy is late too often on training time, it is evolved anew at twice the price of violations, up to four times that
/// of `[prices]`. With foresight, one policy is evolved that looks at outlooks and one that does not, and the better on
/// validation time is taken. `tick` is told of each candidate.
#[must_use]
pub fn find(search: Search<'_>, task: &Task, world: &World<'_>, tick: &(dyn Fn() + Sync)) -> Found {
    let Search { kind, limit, foresight } = search;
    if kind == Kind::Hpa {
        return Found { start: Start::fixed(world.hpa), reference: world.hpa.clone() };
    }
    let reference = best_static(&[task.ground()], world, tick).best.candidate.settings(world.hpa);
    let tuned = Start::fixed(&reference);
    if kind != Kind::Linear {
        return Found { start: tuned, reference };
    }
    let most = limit * fly(&tuned, None, task, world, &task.train).slo.violation_rate;
    let sights = if foresight.is_some() { vec![None, foresight] } else { vec![None] };
    let mut starts = vec![tuned];
    starts.extend(sights.into_iter().map(|sight| evolved(most, sight, task, world, tick)));
    let window = if task.validation.is_empty() { &task.train } else { &task.validation };
    let objective = |start: &Start| fly(start, foresight, task, world, window).objective;
    let objectives: Vec<f64> = starts.iter().map(objective).collect();
    let best = (0..starts.len()).fold(0, |best, at| if objectives[at] < objectives[best] { at } else { best });
    Found { start: starts.swap_remove(best), reference }
}

/// A function that shares its start with others.
#[derive(Debug, Clone, Copy)]
pub struct Sharer<'a> {
    /// The function, in its own world.
    pub task: &'a Task,
    /// Its tuned HPA.
    pub tuned: &'a hpa::Settings,
    /// What is foreseen of it; of all or of none.
    pub foresight: Option<&'a Foresight>,
}

/// One linear policy for all tasks, each with its tuned HPA and its own world, of which there is at least one. It may be
/// late `limit` times as often as the tuned HPAs together: while it is more often, it is evolved anew at twice the price
/// of violations, up to four times that of `[prices]`. `tick` is told of each candidate.
#[must_use]
pub fn shared(limit: f64, functions: &[Sharer<'_>], world: &World<'_>, tick: &(dyn Fn() + Sync)) -> Linear {
    let late = |start: &(dyn Fn(&hpa::Settings) -> Start + Sync)| {
        let one = |it: &Sharer<'_>| fly(&start(it.tuned), it.foresight, it.task, world, &it.task.train);
        let flown: Vec<Outcome> = functions.par_iter().map(one).collect();
        flown.iter().map(|outcome| outcome.slo.violation_rate).sum::<f64>()
    };
    let most = limit * late(&Start::fixed);
    let at = |severity: f64| {
        let mut sim = world.sim.clone();
        sim.prices.violation *= severity;
        let world = World { sim: &sim, ..*world };
        let field = |it: &Sharer<'_>| {
            let unit = fly(&Start::fixed(it.tuned), None, it.task, &world, &it.task.train).objective;
            let (ground, foresight) = (it.task.ground(), it.foresight.cloned());
            Field { ground, unit: unit.max(f64::MIN_POSITIVE), foresight }
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
pub fn ticks(search: Search<'_>, world: &World<'_>) -> u64 {
    let policies = if search.foresight.is_some() { 2 } else { 1 };
    match search.kind {
        Kind::Hpa => 0,
        Kind::Tuned | Kind::Shared => ticks_of_static(world),
        Kind::Linear => ticks_of_static(world) + policies * SEVERITIES.len() as u64 * ticks_of_linear(world),
    }
}

/// Makes the start itself fly, without an agent, with what it foresees.
#[must_use]
pub fn recipe(start: &Start, foresight: Option<Foresight>) -> Recipe {
    match start.linear {
        None => Recipe::hpa(&start.hpa),
        Some(linear) => {
            let tuner = linear.tuner(&start.hpa, foresight);
            Recipe::tuned(&start.hpa, move |_| tuner.clone())
        }
    }
}

/// The linear policy of the least severity at which at most a share `most` of requests is late on training time; that
/// of the highest where none is.
fn evolved(
    most: f64,
    foresight: Option<&Foresight>,
    task: &Task,
    world: &World<'_>,
    tick: &(dyn Fn() + Sync),
) -> Start {
    let at = |severity: f64| {
        let mut sim = world.sim.clone();
        sim.prices.violation *= severity;
        Start::linear(evolve(&task.ground(), foresight, &World { sim: &sim, ..*world }, tick).linear, world.hpa)
    };
    let mut start = at(SEVERITIES[0]);
    for &severity in &SEVERITIES[1..] {
        if fly(&start, foresight, task, world, &task.train).slo.violation_rate <= most {
            break;
        }
        start = at(severity);
    }
    start
}

/// One run of a start over a window.
fn fly(
    start: &Start,
    foresight: Option<&Foresight>,
    task: &Task,
    world: &World<'_>,
    window: &Range<SimTime>,
) -> Outcome {
    recipe(start, foresight.cloned()).run(&task.workload, world.sim, 0, window.clone(), false).outcome
}
