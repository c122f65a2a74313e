//! A training run: an algorithm on scenarios, the best policy so far, and all that is needed to go on later.

use std::io::Write;
use std::sync::Arc;

use candle_core::Device;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::algorithms::offline::Offline;
use super::algorithms::q_learning::QLearning;
use super::brain::Brain;
use super::counterfactual::{self, Ground};
use super::failure::{Failure, unsound};
use super::file::{Archive, broken};
use super::learner::{Learner, no_teacher};
use super::log::Log;
pub use super::metrics::Metrics;
use super::policy::{Card, Policy};
use super::safety::Critic;
use super::settings::Algorithm;
use super::trainer::Trainer;
use super::validation::{Rule, Verdict, Yardstick, judge, yardsticks};
use super::{Settings, algorithms};
use crate::env::autoscaling::{Info, Severity};
use crate::env::{self, Actions, Autoscaling, Scenario};
use crate::error::InputError;

/// A training run in memory. Files are the caller's.
pub struct Session {
    learner: Box<dyn Learner<Info>>,
    scenarios: Arc<[Scenario]>,
    card: Card,
    best: Option<Verdict>,
    yardsticks: Vec<Yardstick>,
    evaluate_every: u64,
    severity: Severity,
    rule: Rule,
    /// Whether the severity follows what learning meets: what an off-policy algorithm meets is its exploration.
    weighs: bool,
    settings: Settings,
    /// Whether nothing is left to be fitted before the first update.
    fitted: bool,
    /// The learner as the last update left it.
    sound: Option<(Archive, Value)>,
}

/// The range of a violation's severity, and the most that its logarithm moves in an update.
const SEVERITIES: (f64, f64) = (1.0, 4.0);
const SEVERITY_STEP: f64 = 0.05;

/// The JSON part of a checkpoint.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Header {
    card: Card,
    learner: Value,
    best: Option<Verdict>,
    severity: f64,
    #[serde(default)]
    fitted: bool,
}

impl Session {
    /// A new run on `scenarios`, of which there is at least one.
    ///
    /// # Errors
    /// The algorithm learns from a log, and there is none, or one that was collected elsewhere; the `teacher`, from whose
    /// network learning goes on, has another shape; sequences of a memory do not divide episodes.
    pub fn new(
        settings: &Settings,
        env: &env::Settings,
        scenarios: Arc<[Scenario]>,
        card: Card,
        log: Option<Log>,
        teacher: Option<&Policy>,
        device: Device,
    ) -> Result<Self, InputError> {
        settings.validate_sequence(env.steps())?;
        let actions = Arc::new(Actions::new(&env.action).masked_if(settings.algorithm.knows_masks()));
        let yardsticks = yardsticks(&scenarios, card.seed);
        let severity = Severity::default();
        let one =
            || Autoscaling::new(Arc::clone(&scenarios), Arc::clone(&actions), env.clone()).weighing(severity.clone());
        let envs = || (0..settings.n_envs).map(|_| one()).collect::<Vec<_>>();
        let mut learner: Box<dyn Learner<Info>> = match (algorithms::method(settings), settings.algorithm) {
            (Some(method), _) => {
                Box::new(Trainer::new(settings.clone(), method, envs(), env.steps(), &actions.first(), device))
            }
            (None, Algorithm::QLearning) => {
                let features = settings.q_learning.places(&card.observation);
                Box::new(QLearning::new(settings.clone(), features, envs(), env.steps(), actions.keep()))
            }
            (None, _) => {
                let log = log.ok_or_else(|| no_log(settings.algorithm))?;
                log.check(&card)?;
                Box::new(Offline::new(settings.clone(), log.experience, &actions.distributions(), device))
            }
        };
        // One whose best checkpoint is the fit took no step; its normalisation weighs as much as what was simulated for that.
        let learned_from = |card: &Card| card.step.max(card.counterfactual);
        match teacher.map(|policy| (policy.brain(), learned_from(policy.card()))) {
            None => {}
            Some((Brain::Network(actor), steps)) => learner.teach(actor, steps)?,
            Some(_) => return Err(no_teacher("the policy is no network")),
        }
        let ground = Ground { scenarios: &scenarios, env, train: settings, seed: card.seed };
        let counterfactual = counterfactual::steps(&ground);
        let card = Card { isa: learner.isa().to_owned(), counterfactual, ..card };
        let (evaluate_every, rule) = (settings.evaluate_every, Rule::of(settings));
        let weighs = algorithms::method(settings).is_some();
        Ok(Self {
            learner,
            scenarios,
            card,
            best: None,
            yardsticks,
            evaluate_every,
            severity,
            rule,
            weighs,
            settings: settings.clone(),
            fitted: counterfactual == 0,
            sound: None,
        })
    }

    /// Whether all updates are done.
    #[must_use]
    pub fn finished(&self) -> bool {
        self.learner.finished()
    }

    /// Whether learning goes on from another policy.
    #[must_use]
    pub fn taught(&self) -> bool {
        self.card.from.is_some()
    }

    /// Environment steps the whole run takes.
    #[must_use]
    pub fn total_steps(&self) -> u64 {
        self.learner.total_updates() * self.learner.steps_per_update()
    }

    /// Environment steps taken.
    #[must_use]
    pub fn step(&self) -> u64 {
        self.learner.updates() * self.learner.steps_per_update()
    }

    /// The best verdict so far.
    #[must_use]
    pub fn best(&self) -> Option<&Verdict> {
        self.best.as_ref()
    }

    /// Before the first update: fits the first policy, or the one that learning goes on from, to what other actions would have
    /// cost, where the settings ask for it and it was not done before. Returns the number of decisions that it was fitted to, 0
    /// where it was not; `None` once `go_on` says no, and then the session stands as it was.
    ///
    /// # Errors
    /// The device fails, or the fit diverges.
    ///
    /// # Panics
    /// Never: the actor has the shape of the learner's own.
    pub fn warm_start(&mut self, go_on: &(dyn Fn() -> bool + Sync)) -> Result<Option<u64>, Failure> {
        let Some(network) = self.learner.network().filter(|_| !self.fitted) else { return Ok(Some(0)) };
        let Self { scenarios, settings, card, .. } = &*self;
        let ground = Ground { scenarios, env: &card.env, train: settings, seed: card.seed };
        let brain = self.learner.brain();
        let teacher = match &brain {
            Brain::Network(actor) if self.taught() => Some(actor),
            _ => None,
        };
        let Some((actor, decisions)) = counterfactual::learn(&ground, network, teacher, go_on)? else {
            return Ok(go_on().then_some(0));
        };
        if let Some(&value) = actor.theta.iter().find(|value| !value.is_finite()) {
            return Err(Failure::Unfit { value: value.into() });
        }
        self.learner.teach(&actor, decisions).expect("it has this network's shape");
        self.fitted = true;
        Ok(Some(decisions))
    }

    /// One update.
    ///
    /// # Errors
    /// The device fails, or learning diverges: then the session stands as it was before the update.
    pub fn update(&mut self) -> Result<Metrics, Failure> {
        let before = self.sound.take().unwrap_or_else(|| snapshot(&*self.learner));
        let metrics = Metrics { severity: self.severity.get(), ..Metrics::of(&self.learner.update()?) };
        let after = snapshot(&*self.learner);
        if let Some((what, value)) = unsound(&metrics, &after.0) {
            let update = self.learner.updates();
            self.learner.restore(&before.0, &before.1).expect("it was taken from this learner");
            return Err(Failure::Diverged { update, what, value });
        }
        self.sound = Some(after);
        self.weigh(&metrics);
        Ok(metrics)
    }

    /// Dual ascent: prices violations higher while there are more than the limit allows, lower while there are fewer.
    /// Under a constraint the multiplier does that.
    fn weigh(&self, metrics: &Metrics) {
        let Rule::Priced { limit } = self.rule else { return };
        if !self.weighs {
            return;
        }
        let excess = (metrics.violations_vs_reference / limit - 1.0).clamp(-1.0, 1.0);
        let severity = self.severity.get() * (SEVERITY_STEP * excess).exp();
        self.severity.set(severity.clamp(SEVERITIES.0, SEVERITIES.1));
    }

    /// Whether the policy is to be judged now: at the start, every few updates, and at the end.
    #[must_use]
    pub fn due(&self) -> bool {
        self.learner.updates().is_multiple_of(self.evaluate_every) || self.finished()
    }

    /// Judges the policy on validation time; returns it too when it is the best so far.
    pub fn evaluate(&mut self) -> (Verdict, Option<Policy>) {
        let policy = self.policy();
        let verdict = judge(&policy, &self.scenarios, &self.yardsticks, self.rule, self.card.seed);
        if self.best.as_ref().is_some_and(|best| !self.rule.prefers(&verdict, best)) {
            return (verdict, None);
        }
        self.best = Some(verdict.clone());
        let policy = policy.judged(&verdict);
        (verdict, Some(policy))
    }

    /// Whether the finished policy is to get a safety critic.
    #[must_use]
    pub fn wants_critic(&self) -> bool {
        self.settings.safety.enabled
    }

    /// A policy of this run with its safety critic, judged with it. One that has a critic keeps it.
    ///
    /// # Errors
    /// A function's validation time is too short for the critic's horizon, or there are too many actions.
    pub fn guarded(&self, policy: Policy) -> Result<(Policy, Verdict), InputError> {
        let policy = if policy.card().safety.is_some() {
            policy
        } else {
            let critic = Critic::learn(&policy, &self.scenarios, &self.settings.safety, self.card.seed)?;
            policy.guarded(critic)
        };
        let verdict = judge(&policy, &self.scenarios, &self.yardsticks, self.rule, self.card.seed);
        Ok((policy.judged(&verdict), verdict))
    }

    /// The policy as it stands.
    #[must_use]
    pub fn policy(&self) -> Policy {
        let card = Card { step: self.step(), ..self.card.clone() };
        Policy::new(card, self.learner.brain())
    }

    /// Writes all that is needed to go on.
    ///
    /// # Errors
    /// The writer fails.
    pub fn save(&self, out: &mut dyn Write) -> std::io::Result<()> {
        let mut archive = Archive::default();
        let learner = self.learner.save(&mut archive);
        archive.header = serde_json::to_value(Header {
            card: self.card.clone(),
            learner,
            severity: self.severity.get(),
            fitted: self.fitted,
            best: self.best.clone(),
        })?;
        archive.write(out)
    }

    /// Takes up a saved run of the same settings and traces.
    ///
    /// # Errors
    /// The checkpoint is of other settings or traces, or is broken.
    pub fn restore(&mut self, archive: &Archive) -> Result<(), InputError> {
        let header = header(archive)?;
        if header.card.traces != self.card.traces {
            let help = "give the traces it was started with, unchanged";
            return Err(InputError::new("the checkpoint has learned from other traces", help));
        }
        // It may go on on another machine, whose last bits then differ.
        if (Card { isa: self.card.isa.clone(), ..header.card }) != self.card {
            let help = "resume with the config it was started with, or start anew in another directory";
            return Err(InputError::new("the checkpoint was made with other settings", help));
        }
        self.learner.restore(archive, &header.learner)?;
        self.sound = None;
        (self.best, self.fitted) = (header.best, header.fitted);
        self.severity.set(header.severity);
        Ok(())
    }
}

/// All that the learner needs to go on.
fn snapshot(learner: &dyn Learner<Info>) -> (Archive, Value) {
    let mut archive = Archive::default();
    let state = learner.save(&mut archive);
    (archive, state)
}

fn no_log(algorithm: Algorithm) -> InputError {
    let help = "write one with `hpatune collect`, and name it in train.offline.log";
    InputError::new(format!("{} learns from a log, and there is none", algorithm.name()), help)
        .field("train.offline.log")
}

/// The card of a checkpoint: what it was started with.
///
/// # Errors
/// It is no checkpoint.
pub fn card(archive: &Archive) -> Result<Card, InputError> {
    header(archive).map(|header| header.card)
}

fn header(archive: &Archive) -> Result<Header, InputError> {
    serde_json::from_value(archive.header.clone())
        .map_err(|error| broken(format!("its header is not a checkpoint's: {error}")))
}
