//! What an agent starts from on a function, found on the function's own training time.

use std::ops::Range;

use rayon::prelude::*;

use super::contender::{World, best_static, ticks_of_static};
use super::evolve::{self, Bound, Field, evolve};
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

/// Finds the start of a task's function by itself; that of [`Kind::Shared`] is then taken from [`shared`]. A linear policy
/// is evolved that is late on training time at most `limit` times as often as the tuned HPA. With foresight, one is evolved
/// that looks at outlooks and one that does not, and the better on validation time is taken. `tick` is told of each
/// candidate.
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
    let bound = Bound { limit, hpas: std::slice::from_ref(&reference) };
    let sights = if foresight.is_some() { vec![None, foresight] } else { vec![None] };
    let evolved = |sight| Start::linear(evolve(&task.ground(), sight, Some(bound), world, tick).linear, world.hpa);
    let mut starts = vec![tuned];
    starts.extend(sights.into_iter().map(evolved));
    let objective = |start: &Start| past(&recipe(start, foresight.cloned()), task, world).objective;
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

/// One linear policy for all tasks, each with its tuned HPA and its own world, of which there is at least one. It is late
/// on training time at most `limit` times as often as the tuned HPAs together. `tick` is told of each candidate.
#[must_use]
pub fn shared(limit: f64, functions: &[Sharer<'_>], world: &World<'_>, tick: &(dyn Fn() + Sync)) -> Linear {
    let field = |it: &Sharer<'_>| {
        let unit = fly(&Start::fixed(it.tuned), None, it.task, world, &it.task.train).objective;
        let (ground, foresight) = (it.task.ground(), it.foresight.cloned());
        Field { ground, unit: unit.max(f64::MIN_POSITIVE), foresight }
    };
    let fields: Vec<Field> = functions.par_iter().map(field).collect();
    let hpas: Vec<hpa::Settings> = functions.iter().map(|it| it.tuned.clone()).collect();
    evolve::together(&fields, Some(Bound { limit, hpas: &hpas }), world, tick).linear
}

/// How often [`shared`] ticks, but for functions with less than a day of training time.
#[must_use]
pub fn ticks_of_shared(functions: usize, world: &World<'_>) -> u64 {
    evolve::ticks(world.tune.linear_steps, functions, true)
}

/// How often [`find`] ticks, but for functions with less than a day of training time.
#[must_use]
pub fn ticks(search: Search<'_>, world: &World<'_>) -> u64 {
    let policies = if search.foresight.is_some() { 2 } else { 1 };
    match search.kind {
        Kind::Hpa => 0,
        Kind::Tuned | Kind::Shared => ticks_of_static(world),
        Kind::Linear => ticks_of_static(world) + policies * evolve::ticks(world.tune.linear_steps, 1, true),
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

/// One run over a function's validation time; over its training time where there is none.
#[must_use]
pub fn past(recipe: &Recipe, task: &Task, world: &World<'_>) -> Outcome {
    let window = if task.validation.is_empty() { &task.train } else { &task.validation };
    recipe.run(&task.workload, world.sim, 0, window.clone(), false).outcome
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
