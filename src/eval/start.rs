//! What an agent starts from on a function, found on the function's own training time.

use super::contender::{World, best_static, ticks_of_linear, ticks_of_static};
use super::evolve::evolve;
use super::task::Task;
use crate::autoscalers::Recipe;
use crate::env::Start;
use crate::env::start::Kind;
use crate::hpa;
use crate::sim;

/// A start, and the static HPA that it has to beat.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// The start.
    pub start: Start,
    /// The tuned HPA; that of `[hpa]` when nothing is tuned.
    pub reference: hpa::Settings,
}

/// Finds the start of a task's function. `tick` is told of each candidate.
#[must_use]
pub fn find(kind: Kind, task: &Task, world: &World<'_>, tick: &(dyn Fn() + Sync)) -> Found {
    if kind == Kind::Hpa {
        return Found { start: Start::fixed(world.hpa), reference: world.hpa.clone() };
    }
    let reference = best_static(&[task.ground()], world, tick).best.candidate.settings(world.hpa);
    let tuned = Start::fixed(&reference);
    if kind == Kind::Tuned {
        return Found { start: tuned, reference };
    }
    let linear = Start::linear(evolve(&task.ground(), world, tick).linear, world.hpa);
    let better = objective(&linear, task, world) < objective(&tuned, task, world);
    Found { start: if better { linear } else { tuned }, reference }
}

/// How often [`find`] ticks at most, but for functions with less than a day of training time.
#[must_use]
pub fn ticks(kind: Kind, world: &World<'_>) -> u64 {
    match kind {
        Kind::Hpa => 0,
        Kind::Tuned => ticks_of_static(world),
        Kind::Linear => ticks_of_static(world) + ticks_of_linear(world),
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

/// The objective of a start on validation time; on training time where there is none.
fn objective(start: &Start, task: &Task, world: &World<'_>) -> f64 {
    let window = if task.validation.is_empty() { &task.train } else { &task.validation };
    let (autoscaler, mut tuner) = recipe(start).make(0);
    let tuner = tuner.as_deref_mut().map(|tuner| tuner as &mut dyn sim::Tuner);
    sim::run(&task.workload, world.sim, autoscaler, tuner, 0, window.clone(), false).outcome.objective
}
