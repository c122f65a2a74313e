//! A learned policy as commands use it: each function flies from its own start.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::autoscalers::Recipe;
use crate::env::{Pilot, Start};
use crate::eval::contender::Kind;
use crate::eval::{Task, World, start};
use crate::rl::card::{most_far, not_justified};
use crate::rl::{Policy, policy};
use crate::sim::{Patch, Telemetry, Tuner};
use crate::units::SimTime;

/// How a policy flies a function: what it starts from, and whether it moves that.
pub(super) struct Flight {
    /// The start: the one it was learned from, else one found on the function's own training time, as the tuned
    /// baseline is.
    pub(super) start: Start,
    /// The whole.
    pub(super) recipe: Recipe,
}

/// Makes the policy ready for a task's function. Where it did not beat its start on validation time, the start stays.
pub(super) fn flight(policy: &Policy, task: &Task, world: &World<'_>, tick: &(dyn Fn() + Sync)) -> Flight {
    let known = policy.start(&task.trace, &task.function).map(|origin| (origin.start.clone(), origin.flies));
    let (start, flies) = known.unwrap_or_else(|| {
        let card = policy.card();
        (start::find(card.start, card.violation_limit, task, world, tick).start, true)
    });
    let recipe = if flies {
        let (policy, linear) = (policy.clone(), start.linear);
        Recipe::policy(&start.hpa, move || policy.tuner(linear))
    } else {
        start::recipe(&start)
    };
    Flight { start, recipe }
}

/// The policy as a contender, which warns of functions that it is not made for, once each.
pub(super) fn kind(policy: Policy) -> Kind {
    let told = Arc::default();
    Kind::Learned(Arc::new(move |task: &Task, world: &World<'_>, tick: &(dyn Fn() + Sync)| {
        let name = format!("{} / {}", task.trace, task.function);
        if let Some(origin) = policy.start(&task.trace, &task.function)
            && let Some(reason) = origin.validation.and_then(|it| not_justified(it.cost))
        {
            tracing::warn!("a policy is not justified for {name}: {reason}; keep the static HPA");
        }
        let Flight { start, recipe } = flight(&policy, task, world, tick);
        if policy.start(&task.trace, &task.function).is_some_and(|origin| !origin.flies) {
            return recipe;
        }
        let (policy, linear, told) = (policy.clone(), start.linear, Arc::clone(&told));
        Recipe::policy(&start.hpa, move || {
            let most = most_far(policy.card());
            let flight = policy.flight(Pilot::new(linear));
            Box::new(Watched { flight, name: name.clone(), most, told: Arc::clone(&told) })
        })
    }))
}

/// A policy at work, which says when it is done whether it was far from what it has learned from.
#[derive(Debug)]
struct Watched {
    flight: policy::Flight,
    /// The function.
    name: String,
    /// Most share of far decisions that is not worth a word.
    most: f64,
    /// Functions that were told of.
    told: Arc<Mutex<BTreeSet<String>>>,
}

impl Tuner for Watched {
    fn interval(&self) -> Duration {
        self.flight.interval()
    }

    fn decide(&mut self, now: SimTime, telemetry: &Telemetry<'_>) -> Patch {
        self.flight.decide(now, telemetry)
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let far = self.flight.distance().share() > self.most;
        if far && self.told.lock().unwrap_or_else(PoisonError::into_inner).insert(self.name.clone()) {
            tracing::warn!(
                "{}: more than {:.1} % of the policy's decisions are on observations far from those it has learned from: it \
                 has not learned what to do there",
                self.name,
                100.0 * self.most
            );
        }
    }
}
