//! On-policy learning: collect, credit, pass over the steps, again. What an algorithm does its own way is a [`Method`].

use candle_core::Device;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::adam::Adam;
use super::algorithms::{Method, Plan};
use super::brain::{Brain, Perceptron};
use super::course::Learned;
use super::executor::Executor;
use super::experience::{Experience, shuffled, unrolled};
use super::file::{Archive, broken};
use super::gradient::Losses;
use super::gru::Gru;
use super::judge::{Judge, seen};
use super::learner::{Learner, Report};
use super::moments::{Moments, Normalizer, RewardScale};
use super::network::{Mlp, Network};
use super::rollout::{self, Actor, Trajectory};
use super::settings::{Critic, Settings};
use crate::env::Environment;
use crate::error::InputError;

/// All that changes while learning, beside what the method remembers. With the settings it fixes every later update,
/// because each update starts new episodes and draws from streams keyed by its number.
#[derive(Debug, Clone, PartialEq)]
pub struct State {
    /// Parameters of actor and critic.
    pub theta: Vec<f32>,
    /// The optimiser.
    pub adam: Adam,
    /// Parameters of the reference policy; empty where there is none.
    pub reference: Vec<f32>,
    /// What is counted.
    pub counts: Counts,
}

/// The part of the state that stands in a checkpoint's JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Counts {
    /// Moments of observations.
    pub observations: Moments,
    /// Moments of privileged values.
    pub privileged: Moments,
    /// Scale of rewards.
    pub rewards: RewardScale,
    /// Scale of costs.
    pub costs: RewardScale,
    /// Updates done.
    pub updates: u64,
}

/// Means over an update's minibatches.
struct Passed {
    losses: Losses,
    /// Norm of the gradient before it is cut.
    norm: f64,
}

/// An on-policy algorithm on a vector of environments.
pub struct Trainer<E: Environment> {
    settings: Settings,
    method: Box<dyn Method>,
    network: Network,
    state: State,
    envs: Vec<E>,
    steps: usize,
    executor: Executor,
}

impl<E: Environment> Trainer<E> {
    /// A new trainer whose first policy leans to `first`. `steps` is the number of steps an environment plays in an
    /// update; `envs` has one or more, all alike.
    #[must_use]
    pub fn new(
        settings: Settings,
        method: Box<dyn Method>,
        envs: Vec<E>,
        steps: usize,
        first: &[f32],
        device: Device,
    ) -> Self {
        let (observation, privileged, heads) = (envs[0].observation_len(), envs[0].privileged_len(), envs[0].heads());
        let privileged = if settings.critic == Critic::Privileged { privileged } else { 0 };
        let values = method.values().max(1);
        let network =
            Network::remembering(observation, privileged, &heads, &settings.hidden, values, settings.remembers())
                .criticized_by(&settings.critic_hidden)
                .activated(settings.activation);
        let theta = network.initialize(settings.seed, first, settings.initial_share);
        let counts = Counts {
            observations: Moments::new(observation),
            privileged: Moments::new(privileged),
            rewards: RewardScale::new(settings.discount_factor),
            costs: RewardScale::new(settings.discount_factor),
            updates: 0,
        };
        let state = State { adam: Adam::new(theta.len()), theta, reference: Vec::new(), counts };
        let executor = Executor::new(settings.executor, &network, device);
        Self { settings, method, network, state, envs, steps, executor }
    }

    /// The network.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// All that has been learned.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Values, advantages and returns of all trajectories, side by side.
    fn judge(&mut self, trajectories: &[Trajectory<E::Info>], normalizer: &Normalizer) -> Experience {
        for trajectory in trajectories.iter().filter(|_| self.settings.normalize_rewards) {
            self.state.counts.rewards.update(&trajectory.rewards);
            self.state.counts.costs.update(&trajectory.costs);
        }
        let privileged = self.normalizer(&self.state.counts.privileged);
        let judge = Judge {
            settings: &self.settings,
            method: &*self.method,
            network: &self.network,
            state: &self.state,
            observation: normalizer,
            privileged: &privileged,
        };
        let parts: Vec<Experience> = trajectories.par_iter().map(|one| judge.experience(one)).collect();
        let mut all = Experience::default();
        for part in parts {
            all.append(part);
        }
        self.method.compare(&mut all.batch.advantages, self.steps, self.settings.group);
        all
    }

    /// Passes over the experience in minibatches, until the policy has moved too far.
    fn learn(&mut self, experience: &Experience) -> candle_core::Result<Report<E::Info>> {
        let left = 1.0 - self.state.counts.updates as f64 / self.total_updates().max(1) as f64;
        let plan = self.method.plan(left);
        // On a thread of the pool: handing half of a minibatch to another from outside would wake two each time.
        let passed = rayon::scope(|_| self.pass(experience, &plan))?;
        Ok(Report {
            losses: passed.losses,
            grad_norm: passed.norm,
            explained_variance: experience.explained_variance(),
            learning_rate: plan.actor_rate,
            multiplier: self.multiplier(),
            ..Report::default()
        })
    }

    /// The passes themselves.
    fn pass(&mut self, experience: &Experience, plan: &Plan) -> candle_core::Result<Passed> {
        let critic = self.network.critic.layers[0].weight.start;
        let rates = [(critic, plan.actor_rate), (self.network.parameters, plan.critic_rate)];
        let rows = experience.batch.rows();
        // Without a memory every row is a sequence of its own.
        let sequence = experience.batch.memory.steps.max(1);
        let mut sums = Losses::default();
        let (mut norms, mut count) = (0.0, 0.0);
        let learned = Learned { theta: &mut self.state.theta, adam: &mut self.state.adam };
        let updates = self.state.counts.updates;
        let mut course = self.executor.course(&self.network, &experience.batch, learned, rates)?;
        'epochs: for epoch in 0..plan.epochs {
            let index = updates * plan.epochs as u64 + epoch as u64;
            let order = shuffled(rows / sequence, self.settings.seed, index);
            let order = unrolled(&order, sequence);
            for order in order.chunks((plan.minibatch / sequence).max(1) * sequence) {
                let advantages = experience.advantages(order, plan.standardize);
                let losses = course.gradient(order, &advantages, plan.objective)?;
                sums.add(&losses);
                count += 1.0;
                if losses.kl > plan.most_kl {
                    break 'epochs;
                }
                norms += course.step(self.settings.max_grad_norm)?;
            }
        }
        course.finish()?;
        Ok(Passed { losses: sums.scaled(1.0 / count), norm: norms / count })
    }

    /// The normalisation that moments give, where it is wanted.
    fn normalizer(&self, moments: &Moments) -> Normalizer {
        if self.settings.normalize_observations { moments.normalizer() } else { Normalizer::identity(moments.len()) }
    }

    /// The multiplier in rewards per unit of cost.
    fn multiplier(&self) -> Option<f64> {
        let scales = (self.state.counts.rewards.deviation(), self.state.counts.costs.deviation());
        self.method.multiplier().map(|multiplier| multiplier * scales.0 / scales.1)
    }
}

impl<E: Environment> Learner<E::Info> for Trainer<E> {
    /// Plays one episode in each environment and learns from them.
    fn update(&mut self) -> candle_core::Result<Report<E::Info>> {
        let round = self.state.counts.updates;
        if self.method.refresh().is_some_and(|every| round.is_multiple_of(every)) {
            self.state.reference.clone_from(&self.state.theta);
        }
        let normalizer = self.normalizer(&self.state.counts.observations);
        let actor = Actor { network: &self.network, theta: &self.state.theta, normalizer: &normalizer };
        let trajectories =
            rollout::collect(&mut self.envs, actor, self.steps, self.settings.group, self.settings.seed, round);
        let sum = |of: fn(&Trajectory<E::Info>) -> &[f64]| trajectories.iter().flat_map(of).sum::<f64>();
        self.method.constrain(sum(|it| &it.costs) / sum(|it| &it.exposures).max(1e-9));
        let experience = self.judge(&trajectories, &normalizer);
        for trajectory in &trajectories {
            self.state.counts.observations.update(&trajectory.observations);
            self.state.counts.privileged.update(seen(&self.settings, &trajectory.privileged));
        }
        let mut report = self.learn(&experience)?;
        self.state.counts.updates += 1;
        report.step = self.state.counts.updates * self.steps_per_update();
        let rewards: f64 = trajectories.iter().flat_map(|trajectory| &trajectory.rewards).sum();
        report.mean_return = rewards / trajectories.len() as f64;
        report.infos = trajectories.into_iter().flat_map(|trajectory| trajectory.infos).collect();
        Ok(report)
    }

    fn network(&self) -> Option<&Network> {
        Some(&self.network)
    }

    fn teach(&mut self, actor: &Perceptron, steps: u64) -> Result<(), InputError> {
        let theirs = shape(&actor.mlp, actor.memory.as_ref(), !actor.normalizer.is_identity());
        let ours = shape(&self.network.actor, self.network.memory.as_ref(), self.settings.normalize_observations);
        if theirs != ours {
            let problem = format!("the policy has {theirs}, and this run {ours}");
            let help = "take over [env.action], and what shapes the network in [train], of the policy";
            return Err(InputError::new(problem, help).field("--from"));
        }
        self.state.theta[..actor.theta.len()].copy_from_slice(&actor.theta);
        let known = self.state.counts.observations.count().max(steps as f64);
        self.state.counts.observations = Moments::behind(&actor.normalizer, known);
        Ok(())
    }

    fn updates(&self) -> u64 {
        self.state.counts.updates
    }

    fn total_updates(&self) -> u64 {
        self.settings.steps.div_ceil(self.steps_per_update())
    }

    fn steps_per_update(&self) -> u64 {
        (self.envs.len() * self.steps) as u64
    }

    fn isa(&self) -> &'static str {
        self.executor.isa()
    }

    fn brain(&self) -> Brain {
        let normalizer = self.normalizer(&self.state.counts.observations);
        Brain::Network(Perceptron::actor(&self.network, &self.state.theta, normalizer))
    }

    fn save(&self, archive: &mut Archive) -> Value {
        let State { theta, adam, reference, counts } = &self.state;
        archive.insert("theta", &[theta.len()], theta);
        archive.insert("adam.first", &[theta.len()], &adam.first);
        archive.insert("adam.second", &[theta.len()], &adam.second);
        if !reference.is_empty() {
            archive.insert("reference", &[theta.len()], reference);
        }
        let saved = Saved { adam_steps: adam.steps, counts: counts.clone(), method: self.method.save() };
        serde_json::to_value(saved).expect("counts are plain data")
    }

    fn restore(&mut self, archive: &Archive, state: &Value) -> Result<(), InputError> {
        let Saved { adam_steps, counts, method } = serde_json::from_value(state.clone())
            .map_err(|error| broken(format!("its state is not that of an on-policy algorithm: {error}")))?;
        let ours = &self.state.counts;
        if counts.observations.len() != ours.observations.len() || counts.privileged.len() != ours.privileged.len() {
            return Err(broken("its moments are of another length".to_owned()));
        }
        let length = self.state.theta.len();
        let take = |name: &str| archive.values(name, length).map(<[f32]>::to_vec);
        let adam = Adam { first: take("adam.first")?, second: take("adam.second")?, steps: adam_steps };
        let reference = if archive.tensors.contains_key("reference") { take("reference")? } else { Vec::new() };
        self.method.restore(&method)?;
        self.state = State { theta: take("theta")?, adam, reference, counts };
        Ok(())
    }
}

/// All that two actors must share, in words.
fn shape(mlp: &Mlp, memory: Option<&Gru>, normalizes: bool) -> String {
    let layers: Vec<_> = mlp.layers.iter().map(|layer| (layer.inputs, layer.outputs)).collect();
    let activation = format!("{:?}", mlp.activation).to_lowercase();
    let memory = memory.map_or_else(|| "no memory".to_owned(), |gru| format!("a memory of {} numbers", gru.width()));
    let seen = if normalizes { "normalised" } else { "plain" };
    format!("layers {layers:?} with {activation}, {memory} and {seen} observations")
}

/// The JSON part of a checkpoint.
#[derive(Debug, Serialize, Deserialize)]
struct Saved {
    adam_steps: u64,
    counts: Counts,
    method: Value,
}

#[cfg(test)]
#[path = "trainer_tests.rs"]
#[allow(clippy::float_cmp, reason = "choices are whole numbers")]
mod tests;
