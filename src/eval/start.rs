//! What an agent starts from on a function, found on the function's own training time.

use std::ops::Range;

use super::contender::{World, best_static, ticks_of_linear, ticks_of_static};
use super::evolve::evolve;
use super::task::Task;
use crate::autoscalers::Recipe;
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

/// Finds the start of a task's function. A linear policy may be late `limit` times as often as the tuned HPA on training
/// time: while it is more often, it is evolved anew at twice the price of violations, up to four times that of
/// `[prices]`. `tick` is told of each candidate.
#[must_use]
pub fn find(kind: Kind, limit: f64, task: &Task, world: &World<'_>, tick: &(dyn Fn() + Sync)) -> Found {
    if kind == Kind::Hpa {
        return Found { start: Start::fixed(world.hpa), reference: world.hpa.clone() };
    }
    let reference = best_static(&[task.ground()], world, tick).best.candidate.settings(world.hpa);
    let tuned = Start::fixed(&reference);
    if kind == Kind::Tuned {
        return Found { start: tuned, reference };
    }
    let most = limit * fly(&tuned, task, world, &task.train).slo.violation_rate;
    let linear = evolved(most, task, world, tick);
    let window = if task.validation.is_empty() { &task.train } else { &task.validation };
    let objective = |start: &Start| fly(start, task, world, window).objective;
    let better = objective(&linear) < objective(&tuned);
    Found { start: if better { linear } else { tuned }, reference }
}

/// How often [`find`] ticks at most, but for functions with less than a day of training time.
#[must_use]
pub fn ticks(kind: Kind, world: &World<'_>) -> u64 {
    match kind {
        Kind::Hpa => 0,
        Kind::Tuned => ticks_of_static(world),
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
