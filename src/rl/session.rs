//! A training run: PPO on scenarios, the best policy so far, and all that is needed to go on later.

use std::io::Write;
use std::sync::Arc;

use candle_core::Device;
use serde::{Deserialize, Serialize};

use super::file::{Archive, broken};
use super::moments::{Moments, RewardScale};
use super::policy::{Card, Policy};
use super::trainer::{Report, State, Trainer};
use super::validation::{Verdict, Yardstick, judge, yardsticks};
use super::{Settings, adam::Adam};
use crate::env::autoscaling::{Info, Severity};
use crate::env::{self, Actions, Autoscaling, Scenario};
use crate::error::InputError;

/// A training run in memory. Files are the caller's.
pub struct Session {
    trainer: Trainer<Autoscaling>,
    scenarios: Arc<[Scenario]>,
    card: Card,
    best: Option<Verdict>,
    yardsticks: Vec<Yardstick>,
    evaluate_every: u64,
    severity: Severity,
    violation_limit: f64,
}

/// The range of a violation's severity, and the most that its logarithm moves in an update.
const SEVERITIES: (f64, f64) = (1.0, 4.0);
const SEVERITY_STEP: f64 = 0.05;

/// A line of `metrics.jsonl`, less the clock.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Metrics {
    /// Environment steps so far.
    pub step: u64,
    /// Mean sum of rewards of an episode.
    #[serde(rename = "return")]
    pub mean_return: f64,
    /// Share of requests late or dropped while learning.
    pub violation_rate: f64,
    /// Cost over the static HPA's on the same traffic while learning.
    pub cost_vs_reference: f64,
    /// Priced violations over the static HPA's on the same traffic while learning.
    pub violations_vs_reference: f64,
    /// What a violation was worth in rewards, as a multiple of its price.
    pub severity: f64,
    /// Approximate divergence of the policy from the one that acted.
    pub approx_kl: f64,
    /// Share of steps beyond the clip.
    pub clip_fraction: f64,
    /// Entropy of the policy in nats.
    pub entropy: f64,
    /// Share of the returns' variance that the critic explained.
    pub explained_variance: f64,
    /// ½ (V − R)².
    pub value_loss: f64,
    /// Norm of the gradient before it was cut.
    pub grad_norm: f64,
    /// Adam's step size.
    pub learning_rate: f64,
    /// Cost over the static HPA's on validation time, when the policy was judged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validation_cost_vs_reference: Option<f64>,
    /// Share of requests late or dropped on validation time, when the policy was judged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validation_violation_rate: Option<f64>,
}

/// The JSON part of a checkpoint.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Header {
    card: Card,
    adam_steps: u64,
    updates: u64,
    observations: Moments,
    privileged: Moments,
    rewards: RewardScale,
    best: Option<Verdict>,
    severity: f64,
}

impl Session {
    /// A new run on `scenarios`, of which there is at least one.
    #[must_use]
    pub fn new(settings: &Settings, env: &env::Settings, scenarios: Vec<Scenario>, card: Card, device: Device) -> Self {
        let actions = Arc::new(Actions::new(&env.action));
        let first = actions.keep();
        let yardsticks = yardsticks(&scenarios, card.seed);
        let scenarios: Arc<[Scenario]> = scenarios.into();
        let severity = Severity::default();
        let one =
            || Autoscaling::new(Arc::clone(&scenarios), Arc::clone(&actions), env.clone()).weighing(severity.clone());
        let envs = (0..settings.n_envs).map(|_| one()).collect();
        let trainer = Trainer::new(settings.clone(), envs, env.steps(), &first, device);
        let (evaluate_every, violation_limit) = (settings.evaluate_every, settings.violation_limit);
        Self { trainer, scenarios, card, best: None, yardsticks, evaluate_every, severity, violation_limit }
    }

    /// Whether all updates are done.
    #[must_use]
    pub fn finished(&self) -> bool {
        self.trainer.finished()
    }

    /// Environment steps the whole run takes.
    #[must_use]
    pub fn total_steps(&self) -> u64 {
        self.trainer.total_updates() * self.trainer.steps_per_update()
    }

    /// Environment steps taken.
    #[must_use]
    pub fn step(&self) -> u64 {
        self.trainer.state().updates * self.trainer.steps_per_update()
    }

    /// The best verdict so far.
    #[must_use]
    pub fn best(&self) -> Option<&Verdict> {
        self.best.as_ref()
    }

    /// One update.
    ///
    /// # Errors
    /// The device fails.
    pub fn update(&mut self) -> candle_core::Result<Metrics> {
        let metrics = Metrics { severity: self.severity.get(), ..metrics(&self.trainer.update()?) };
        self.weigh(&metrics);
        Ok(metrics)
    }

    /// Dual ascent: prices violations higher while there are more than the limit allows, lower while there are fewer.
    fn weigh(&self, metrics: &Metrics) {
        let excess = (metrics.violations_vs_reference / self.violation_limit - 1.0).clamp(-1.0, 1.0);
        let severity = self.severity.get() * (SEVERITY_STEP * excess).exp();
        self.severity.set(severity.clamp(SEVERITIES.0, SEVERITIES.1));
    }

    /// Whether the policy is to be judged now: at the start, every few updates, and at the end.
    #[must_use]
    pub fn due(&self) -> bool {
        self.trainer.state().updates.is_multiple_of(self.evaluate_every) || self.finished()
    }

    /// Judges the policy on validation time; returns it too when it is the best so far.
    pub fn evaluate(&mut self) -> (Verdict, Option<Policy>) {
        let policy = self.policy();
        let verdict = judge(&policy, &self.scenarios, &self.yardsticks, self.violation_limit, self.card.seed);
        if self.best.as_ref().is_some_and(|best| best.cost_vs_reference <= verdict.cost_vs_reference) {
            return (verdict, None);
        }
        self.best = Some(verdict.clone());
        let policy = policy.judged(&verdict);
        (verdict, Some(policy))
    }

    /// The policy as it stands.
    #[must_use]
    pub fn policy(&self) -> Policy {
        let state = self.trainer.state();
        let card = Card { step: self.step(), ..self.card.clone() };
        Policy::new(card, self.trainer.network(), &state.theta, state.observations.normalizer())
    }

    /// Writes all that is needed to go on.
    ///
    /// # Errors
    /// The writer fails.
    pub fn save(&self, out: &mut dyn Write) -> std::io::Result<()> {
        let state = self.trainer.state();
        let header = Header {
            card: self.card.clone(),
            adam_steps: state.adam.steps,
            updates: state.updates,
            observations: state.observations.clone(),
            privileged: state.privileged.clone(),
            rewards: state.rewards.clone(),
            severity: self.severity.get(),
            best: self.best.clone(),
        };
        let header = serde_json::to_value(header)?;
        let mut archive = Archive { header, ..Archive::default() };
        archive.insert("theta", &[state.theta.len()], &state.theta);
        archive.insert("adam.first", &[state.theta.len()], &state.adam.first);
        archive.insert("adam.second", &[state.theta.len()], &state.adam.second);
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
        let state = self.trainer.state();
        let lengths =
            [(header.observations.len(), state.observations.len()), (header.privileged.len(), state.privileged.len())];
        if header.card != self.card || lengths.iter().any(|(theirs, ours)| theirs != ours) {
            let help = "resume with the config it was started with, or start anew in another directory";
            return Err(InputError::new("the checkpoint was made with other settings", help));
        }
        let length = state.theta.len();
        let take = |name: &str| archive.values(name, length).map(<[f32]>::to_vec);
        let adam = Adam { first: take("adam.first")?, second: take("adam.second")?, steps: header.adam_steps };
        self.best = header.best;
        self.severity.set(header.severity);
        self.trainer.restore(State {
            theta: take("theta")?,
            adam,
            observations: header.observations,
            privileged: header.privileged,
            rewards: header.rewards,
            updates: header.updates,
        });
        Ok(())
    }
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

fn metrics(report: &Report<Info>) -> Metrics {
    let sum = |of: fn(&Info) -> f64| report.infos.iter().map(of).sum::<f64>();
    Metrics {
        step: report.step,
        mean_return: report.mean_return,
        violation_rate: sum(|info| info.violations) / sum(|info| info.offered).max(1e-9),
        cost_vs_reference: sum(|info| info.cost) / sum(|info| info.reference).max(1e-9),
        violations_vs_reference: sum(|info| info.violation_cost) / sum(|info| info.reference_violation_cost).max(1e-9),
        approx_kl: report.losses.kl,
        clip_fraction: report.losses.clipped,
        entropy: report.losses.entropy,
        explained_variance: report.explained_variance,
        value_loss: report.losses.value,
        grad_norm: report.grad_norm,
        learning_rate: report.learning_rate,
        ..Metrics::default()
    }
}
