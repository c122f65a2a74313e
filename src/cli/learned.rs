//! A learned policy as commands use it: each function flies from its own start.

use std::sync::Arc;

use crate::autoscalers::Recipe;
use crate::env::Start;
use crate::eval::contender::Kind;
use crate::eval::{Task, World, start};
use crate::rl::Policy;

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

/// The policy as a contender.
pub(super) fn kind(policy: Policy) -> Kind {
    Kind::Learned(Arc::new(move |task: &Task, world: &World<'_>, tick: &(dyn Fn() + Sync)| {
        flight(&policy, task, world, tick).recipe
    }))
}
