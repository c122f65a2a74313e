//! A learned policy as commands use it: each function flies from its own start.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rayon::prelude::*;
use sha2::{Digest, Sha256};

use crate::autoscalers::Recipe;
use crate::cli::pace::{Pace, Timed};
use crate::config::Experiment;
use crate::env::settings::{Action, Mode};
use crate::env::start::Kind as StartKind;
use crate::env::{Pilot, Start};
use crate::error::{InputError, Place};
use crate::eval::contender::{Kind, Learned, best_static};
use crate::eval::start::Search;
use crate::eval::{Task, World, split, start};
use crate::forecast::Foresight;
use crate::hpa;
use crate::rl::card::{most_far, not_justified};
use crate::rl::{Policy, policy};
use crate::sim::{Decisions, Limits, Outcome, Patch, Telemetry, Tuner};
use crate::units::SimTime;

/// What names the policy that ships, in place of a file. A file of this name is `./shipped`.
pub(super) const SHIPPED: &str = "shipped";

/// Reads a policy file, or takes the one that ships.
///
/// # Errors
/// What [`Policy::load`] refuses.
pub(super) fn open(path: &Path) -> Result<Policy, InputError> {
    if ships(path) { Ok(Policy::shipped()) } else { Policy::load(path) }
}

/// Reads a policy that is to act in the world of an experiment.
///
/// # Errors
/// What [`open`] refuses, a policy that sets replicas more often than the HPA looks, and one that resizes pods where there
/// may be no room for them, or whose bounds pods start beyond.
pub(super) fn open_in(path: &Path, experiment: &Experiment) -> Result<Policy, InputError> {
    let policy = open(path)?;
    let env = &policy.card().env;
    let wrong = |problem: &str, help: &str, field: &str| {
        let error = InputError::new(problem, help).field(field);
        Err(error.at(Place::file(path)))
    };
    if env.action.mode != Mode::Hpa && experiment.hpa.sync_period > env.control_interval {
        let problem = "the policy sets replicas more often than the HPA looks";
        return wrong(problem, "lower hpa.sync_period to the policy's env.control_interval", "hpa.sync_period");
    }
    if env.action.mode == Mode::Infrastructure && experiment.cluster.bounded() {
        let problem = "the policy resizes pods in place, which takes room for them";
        return wrong(problem, "leave [cluster] out of the experiment file", "cluster");
    }
    if let Some((field, problem)) = beyond(&env.action, &experiment.pod.limits()) {
        return wrong(
            &problem,
            "change [pod] in the experiment file, or take a policy that was trained on such pods",
            field,
        );
    }
    Ok(policy)
}

/// The limit of pods that lies beyond what a policy may set, by its field, and in words.
fn beyond(action: &Action, limits: &Limits) -> Option<(&'static str, String)> {
    if action.mode != Mode::Infrastructure {
        return None;
    }
    let bounds = &action.infrastructure;
    let told = |key: &str, limit: String, (least, most): (String, String)| {
        format!("pods start with a {key} limit of {limit}, and the policy sets {least} to {most}")
    };
    if limits.cpu < bounds.cpu.0 || limits.cpu > bounds.cpu.1 {
        let ends = (bounds.cpu.0.to_string(), bounds.cpu.1.to_string());
        return Some(("pod.cpu_limit", told("cpu", limits.cpu.to_string(), ends)));
    }
    if limits.memory < bounds.memory.0 || limits.memory > bounds.memory.1 {
        let ends = (bounds.memory.0.to_string(), bounds.memory.1.to_string());
        return Some(("pod.memory_limit", told("memory", limits.memory.to_string(), ends)));
    }
    None
}

/// The end of the time that a policy has learned and chosen on, as a share of each of its traces.
pub(super) fn seen(policy: &Policy) -> f64 {
    let share = |key: &str, default: f64| policy.card().setting("split", key).unwrap_or(default);
    let usual = split::Settings::default();
    share("train", usual.train) + share("validation", usual.validation)
}

/// Refuses a policy whose decisions no HPA can hold.
///
/// # Errors
/// The policy resizes pods.
pub(super) fn for_hpa(policy: &Policy, path: &Path) -> Result<(), InputError> {
    if policy.card().env.action.mode != Mode::Infrastructure {
        return Ok(());
    }
    let problem = "the policy resizes pods, and an HPA has no field for that";
    let help = "judge it with `hpatune evaluate`; for an HPA train with env.action.mode = \"hpa\" or \"direct\"";
    Err(InputError::new(problem, help).field("env.action.mode").at(Place::file(path)))
}

/// The bytes of a policy file, or of the one that ships.
///
/// # Errors
/// It cannot be read.
pub(super) fn bytes(path: &Path) -> Result<Cow<'static, [u8]>, InputError> {
    if ships(path) {
        return Ok(Cow::Borrowed(policy::SHIPPED));
    }
    std::fs::read(path).map(Cow::Owned).map_err(|error| InputError::io(path, "read", &error))
}

/// A policy file and its checksum.
///
/// # Errors
/// It cannot be read.
pub(super) fn source(path: &Path) -> Result<policy::Source, InputError> {
    let sha256 = Sha256::digest(bytes(path)?).iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(policy::Source { path: path.display().to_string(), sha256 })
}

/// The world that a policy was trained in; of the one that ships, with loads as they are.
///
/// # Errors
/// The file holds another version's.
pub(super) fn experiment(policy: &Policy, path: &Path) -> Result<Experiment, InputError> {
    let mut experiment = Experiment::parse(&policy.card().config, path)?;
    if ships(path) {
        experiment.workload.fit_pods = None;
    }
    Ok(experiment)
}

fn ships(path: &Path) -> bool {
    path.as_os_str() == SHIPPED
}

/// How a policy flies a function: what it starts from, and whether it moves that.
pub(super) struct Flight {
    /// The start: the one it was learned from, else the one that all functions share, else one found on the function's
    /// own training time, as the tuned baseline is; or the tuned HPA, where neither policy nor start is to be trusted.
    pub(super) start: Start,
    /// Whether the policy moves the start.
    pub(super) flies: bool,
    /// The whole.
    pub(super) recipe: Recipe,
}

impl Flight {
    fn new(policy: &Policy, start: Start, flies: bool) -> Self {
        let recipe = if flies {
            let (policy, start) = (policy.clone(), start.clone());
            Recipe::policy(&start.hpa.clone(), move || policy.tuner(&start))
        } else {
            start::recipe(&start, start.foresight())
        };
        Self { start, flies, recipe }
    }
}

/// Makes the policy ready for a task's function. Where it did not beat its start on validation time, the start stays. On
/// a function that it has not learned on, the function's own validation time decides between the policy, its start, and
/// the `tuned` HPA, which is searched for where it is not given: the least objective of those that are late no more often,
/// times the policy's limit, than the tuned HPA.
pub(super) fn flight(
    policy: &Policy,
    task: &Task,
    world: &World<'_>,
    tuned: Option<&hpa::Settings>,
    tick: &(dyn Fn() + Sync),
) -> Flight {
    let policy = &policy.of_function(&task.trace, &task.function);
    let card = policy.card();
    if let Some(origin) = policy.start(&task.trace, &task.function) {
        return Flight::new(policy, card.completed(origin.start.clone()), origin.flies);
    }
    let foresight = card.forecaster.clone().map(Foresight::new);
    let search = Search { kind: card.start, limit: card.violation_limit, foresight: foresight.as_ref() };
    let (start, reference) = if let Some(linear) = card.shared {
        (Start::linear(linear, world.hpa), None)
    } else {
        let found = start::find(search, task, world, tick);
        (found.start, Some(found.reference).filter(|_| card.start != StartKind::Hpa))
    };
    let searched = || best_static(&[task.ground()], world, &|| {}).best.candidate.settings(world.hpa);
    let tuned = tuned.cloned().or(reference).unwrap_or_else(searched);
    let start = card.completed(start);
    let mut choices = vec![
        Flight::new(policy, Start::fixed(&tuned), false),
        Flight::new(policy, start.clone(), false),
        Flight::new(policy, start, true),
    ];
    let past: Vec<Outcome> = choices.par_iter().map(|choice| start::past(&choice.recipe, task, world)).collect();
    let most = card.violation_limit * past[0].slo.violation_rate;
    let fit = |at: &usize| past[*at].slo.violation_rate <= most && past[*at].objective < past[0].objective;
    let best = (1..choices.len()).filter(fit).min_by(|a, b| past[*a].objective.total_cmp(&past[*b].objective));
    choices.swap_remove(best.unwrap_or(0))
}

/// The policy `called` so as a contender, which warns of functions that it is not made for, once each. Its decisions are
/// timed where a `pace` is given.
pub(super) fn kind(policy: Policy, called: &str, pace: Option<Arc<Pace>>) -> Kind {
    let called = called.to_owned();
    let far =
        Arc::new(FarFunctions { called: called.clone(), most: most_far(policy.card()), functions: Mutex::default() });
    let resizes = policy.card().env.action.mode == Mode::Infrastructure;
    let learned: Learned = Arc::new(move |task: &Task, world: &World<'_>, tuned: Option<&hpa::Settings>, tick: &_| {
        let name = format!("{} / {}", task.trace, task.function);
        if let Some(origin) = policy.start(&task.trace, &task.function)
            && let Some(reason) = origin.validation.and_then(|it| not_justified(it.cost))
        {
            tracing::warn!("{called} is not justified for {name}: {reason}; keep the static HPA");
        }
        let Flight { start, flies, recipe } = flight(&policy, task, world, tuned, tick);
        if policy.start(&task.trace, &task.function).is_none() {
            let choice = match (flies, start.linear.is_some()) {
                (true, _) => "the policy",
                (false, true) => "the start alone",
                (false, false) => "the tuned static HPA",
            };
            tracing::info!("{called} has not learned on {name}: on its own past {choice} does best, and flies");
        }
        if !flies {
            return recipe;
        }
        let policy = policy.of_function(&task.trace, &task.function);
        let (far, pace) = (Arc::clone(&far), pace.clone());
        Recipe::policy(&start.hpa.clone(), move || {
            let flight = policy.flight(Pilot::of(&start));
            let watched = Box::new(Watched { flight, name: name.clone(), far: Arc::clone(&far) });
            match &pace {
                Some(pace) => Box::new(Timed::new(watched, pace)),
                None => watched,
            }
        })
    });
    if resizes { Kind::Resizing(learned) } else { Kind::Learned(learned) }
}

/// Functions on which a policy is far from what it has learned from. It tells of them once nobody needs the policy any more.
#[derive(Debug)]
struct FarFunctions {
    /// The policy.
    called: String,
    /// Most share of far decisions that is not worth a word.
    most: f64,
    functions: Mutex<BTreeSet<String>>,
}

/// Functions that are named; a word about hundreds is that they are many.
const NAMED: usize = 5;

impl FarFunctions {
    /// What to say, where there is anything.
    fn told(&self) -> Option<String> {
        let functions = self.functions.lock().unwrap_or_else(PoisonError::into_inner);
        let named: Vec<&str> = functions.iter().take(NAMED).map(String::as_str).collect();
        let more = match functions.len() - named.len() {
            0 => String::new(),
            more => format!(", and {more} more"),
        };
        (!named.is_empty()).then(|| {
            format!(
                "{}: more than {:.1} % of its decisions are on observations far from those it has learned from, and it has \
                 not learned what to do there, on {}{more}",
                self.called,
                100.0 * self.most,
                named.join(", "),
            )
        })
    }
}

impl Drop for FarFunctions {
    fn drop(&mut self) {
        if let Some(told) = self.told() {
            tracing::warn!("{told}");
        }
    }
}

/// A policy at work, which says when it is done whether it was far from what it has learned from.
#[derive(Debug)]
struct Watched {
    flight: policy::Flight,
    /// The function.
    name: String,
    far: Arc<FarFunctions>,
}

impl Tuner for Watched {
    fn interval(&self) -> Duration {
        self.flight.interval()
    }

    fn decide(&mut self, now: SimTime, telemetry: &Telemetry<'_>) -> Patch {
        self.flight.decide(now, telemetry)
    }

    fn decisions(&self) -> Decisions {
        self.flight.decisions()
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        if self.flight.distance().share() > self.far.most {
            self.far.functions.lock().unwrap_or_else(PoisonError::into_inner).insert(self.name.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn far_functions_are_named_up_to_five_and_counted_beyond() {
        let of = |count: usize| {
            let functions = Mutex::new((0..count).map(|nth| format!("f{nth}")).collect());
            FarFunctions { called: "mine".to_owned(), most: 0.02, functions }.told()
        };
        assert_eq!(of(0), None);
        let (five, seven) = (of(5).unwrap(), of(7).unwrap());
        assert!(five.starts_with("mine: more than 2.0 % ") && five.ends_with("on f0, f1, f2, f3, f4"), "{five}");
        assert!(seven.ends_with("on f0, f1, f2, f3, f4, and 2 more"), "{seven}");
    }
}
