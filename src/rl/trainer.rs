//! Proximal policy optimisation: collect, judge, learn, again.

use candle_core::Device;
use rand::RngExt;
use rayon::prelude::*;

use super::adam::{Adam, clip_norm};
use super::gae;
use super::gradient::{self, Losses, Minibatch, Objective, Surrogate};
use super::moments::{Moments, Normalizer, RewardScale};
use super::network::{Buffers, Network};
use super::rollout::{self, Actor, Trajectory};
use super::settings::{Critic, Settings};
use crate::env::Environment;
use crate::random::{self, Purpose};

/// All that changes while learning. With the settings it fixes every later update, because each update starts new
/// episodes and draws from streams keyed by its number.
#[derive(Debug, Clone, PartialEq)]
pub struct State {
    /// Parameters of actor and critic.
    pub theta: Vec<f32>,
    /// The optimiser.
    pub adam: Adam,
    /// Moments of observations.
    pub observations: Moments,
    /// Moments of privileged values.
    pub privileged: Moments,
    /// Scale of rewards.
    pub rewards: RewardScale,
    /// Updates done.
    pub updates: u64,
}

/// PPO on a vector of environments.
pub struct Trainer<E: Environment> {
    settings: Settings,
    network: Network,
    state: State,
    envs: Vec<E>,
    steps: usize,
    device: Device,
}

/// What an update did.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Report<Info> {
    /// Environment steps taken so far.
    pub step: u64,
    /// Mean sum of rewards of an environment's steps in this update.
    pub mean_return: f64,
    /// Means over the minibatches learned from.
    pub losses: Losses,
    /// Mean norm of the gradient before it was cut.
    pub grad_norm: f64,
    /// Share of the returns' variance that the critic explained beforehand.
    pub explained_variance: f64,
    /// Adam's step size.
    pub learning_rate: f64,
    /// What each step said, environment by environment.
    pub infos: Vec<Info>,
}

impl<E: Environment> Trainer<E> {
    /// A new trainer whose first policy leans to `first`. `steps` is the number of steps an environment plays in an
    /// update; `envs` has one or more, all alike.
    #[must_use]
    pub fn new(settings: Settings, envs: Vec<E>, steps: usize, first: &[u8], device: Device) -> Self {
        let (observation, privileged, heads) = (envs[0].observation_len(), envs[0].privileged_len(), envs[0].heads());
        let privileged = if settings.critic == Critic::Privileged { privileged } else { 0 };
        let network = Network::new(observation, privileged, &heads, &settings.hidden, 1);
        let theta = network.initialize(settings.seed, first, settings.initial_share);
        let state = State {
            adam: Adam::new(theta.len()),
            theta,
            observations: Moments::new(observation),
            privileged: Moments::new(privileged),
            rewards: RewardScale::new(settings.discount_factor),
            updates: 0,
        };
        Self { settings, network, state, envs, steps, device }
    }

    /// The network.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// All that has been learned.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Takes up a saved state of the same settings.
    pub fn restore(&mut self, state: State) {
        self.state = state;
    }

    /// Updates that the settings ask for.
    pub fn total_updates(&self) -> u64 {
        self.settings.steps.div_ceil(self.steps_per_update())
    }

    /// Environment steps in an update.
    pub fn steps_per_update(&self) -> u64 {
        (self.envs.len() * self.steps) as u64
    }

    /// Whether all updates are done.
    pub fn finished(&self) -> bool {
        self.state.updates >= self.total_updates()
    }

    /// Plays one episode in each environment and learns from them.
    ///
    /// # Errors
    /// The device fails.
    pub fn update(&mut self) -> candle_core::Result<Report<E::Info>> {
        let normalizer = self.state.observations.normalizer();
        let actor = Actor { network: &self.network, theta: &self.state.theta, normalizer: &normalizer };
        let (seed, round) = (self.settings.seed, self.state.updates);
        let trajectories = rollout::collect(&mut self.envs, actor, self.steps, self.settings.group, seed, round);
        let experience = self.judge(&trajectories, &normalizer);
        for trajectory in &trajectories {
            self.state.observations.update(&trajectory.observations);
            self.state.privileged.update(seen(&self.settings, &trajectory.privileged));
        }
        let mut report = self.learn(&experience)?;
        self.state.updates += 1;
        report.step = self.state.updates * self.steps_per_update();
        let rewards: f64 = trajectories.iter().flat_map(|trajectory| &trajectory.rewards).sum();
        report.mean_return = rewards / trajectories.len() as f64;
        report.infos = trajectories.into_iter().flat_map(|trajectory| trajectory.infos).collect();
        Ok(report)
    }

    /// Values, advantages and returns of all trajectories, side by side.
    fn judge(&mut self, trajectories: &[Trajectory<E::Info>], normalizer: &Normalizer) -> Experience {
        for trajectory in trajectories {
            self.state.rewards.update(&trajectory.rewards);
        }
        let privileged = self.state.privileged.normalizer();
        let judge = Judge {
            settings: &self.settings,
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
        gae::subtract_others(&mut all.batch.advantages, self.steps, self.settings.group);
        all
    }

    /// Passes over the experience in minibatches, until the policy has moved too far.
    fn learn(&mut self, experience: &Experience) -> candle_core::Result<Report<E::Info>> {
        let left = 1.0 - self.state.updates as f64 / self.total_updates().max(1) as f64;
        let rate = self.settings.learning_rate * left;
        let objective = Objective {
            surrogate: Surrogate::Clipped { clip: self.settings.clip },
            value: self.settings.value,
            entropy: self.settings.entropy * left,
            reference_kl: 0.0,
        };
        let rows = experience.batch.returns.len();
        let mut sums = Losses::default();
        let (mut norms, mut count) = (0.0, 0.0);
        'epochs: for epoch in 0..self.settings.epochs {
            let index = self.state.updates * self.settings.epochs as u64 + epoch as u64;
            let order = shuffled(rows, self.settings.seed, index);
            for rows in order.chunks(self.settings.minibatch) {
                let batch = experience.gather(rows, &self.network);
                let (losses, mut gradient) =
                    gradient::gradient(&self.network, &self.state.theta, &batch, objective, &self.device)?;
                sums.add(&losses);
                count += 1.0;
                if losses.kl > 1.5 * self.settings.target_kl {
                    break 'epochs;
                }
                norms += clip_norm(&mut gradient, self.settings.max_grad_norm);
                self.state.adam.step(&mut self.state.theta, &gradient, rate);
            }
        }
        Ok(Report {
            losses: sums.scaled(1.0 / count),
            grad_norm: norms / count,
            explained_variance: experience.explained_variance(),
            learning_rate: rate,
            ..Report::default()
        })
    }
}

/// Privileged values, as far as the critic sees them.
fn seen<'a>(settings: &Settings, privileged: &'a [f32]) -> &'a [f32] {
    if settings.critic == Critic::Privileged { privileged } else { &[] }
}

/// The numbers 0 to `rows` in the order of the `index`-th epoch (Fisher–Yates).
fn shuffled(rows: usize, seed: u64, index: u64) -> Vec<usize> {
    let mut rng = random::stream(seed, Purpose::Shuffle, index);
    let mut order: Vec<usize> = (0..rows).collect();
    for last in (1..rows).rev() {
        order.swap(last, rng.random_range(0..=last));
    }
    order
}

/// The critic, with the normalisation of what it sees.
struct Judge<'a> {
    settings: &'a Settings,
    network: &'a Network,
    state: &'a State,
    observation: &'a Normalizer,
    privileged: &'a Normalizer,
}

impl Judge<'_> {
    /// What the critic is shown: `[rows, observation + privileged]`, and the normalised observations alone.
    fn views(&self, observations: &[f32], privileged: &[f32]) -> (Vec<f32>, Vec<f32>) {
        let mut observations = observations.to_vec();
        self.observation.apply(&mut observations);
        let mut privileged = seen(self.settings, privileged).to_vec();
        self.privileged.apply(&mut privileged);
        let (width, extra) = (self.observation.mean.len(), self.privileged.mean.len());
        let mut both = Vec::with_capacity(observations.len() + privileged.len());
        for (row, observation) in observations.chunks_exact(width).enumerate() {
            both.extend_from_slice(observation);
            both.extend_from_slice(&privileged[row * extra..(row + 1) * extra]);
        }
        (both, observations)
    }

    fn values(&self, criticized: &[f32]) -> Vec<f32> {
        self.network.critic.forward(&self.state.theta, criticized, &mut Buffers::default()).to_vec()
    }

    fn experience<Info>(&self, trajectory: &Trajectory<Info>) -> Experience {
        let (criticized, observations) = self.views(&trajectory.observations, &trajectory.privileged);
        let values = self.values(&criticized);
        let mut next_values = values[1..].to_vec();
        next_values.push(0.0);
        for (step, observation, privileged) in &trajectory.finals {
            next_values[*step] = self.values(&self.views(observation, privileged).0)[0];
        }
        let settings = self.settings;
        let rewards: Vec<f32> =
            trajectory.rewards.iter().map(|&r| self.state.rewards.apply(r, settings.reward_clip)).collect();
        let steps = gae::Steps {
            rewards: &rewards,
            terminated: &trajectory.terminated,
            truncated: &trajectory.truncated,
            values: &values,
            next_values: &next_values,
        };
        let mut advantages = vec![0.0; values.len()];
        gae::advantages(steps, settings.discount_factor, settings.gae_lambda, &mut advantages);
        let returns = advantages.iter().zip(&values).map(|(advantage, value)| advantage + value).collect();
        let batch = Minibatch {
            observations,
            criticized,
            actions: trajectory.actions.clone(),
            log_probabilities: trajectory.log_probabilities.clone(),
            advantages,
            returns,
            reference_log_probabilities: Vec::new(),
        };
        Experience { batch, values }
    }
}

/// All steps of an update, environment by environment, ready to learn from.
#[derive(Debug, Default)]
struct Experience {
    batch: Minibatch,
    values: Vec<f32>,
}

impl Experience {
    fn append(&mut self, other: Self) {
        self.batch.observations.extend(other.batch.observations);
        self.batch.criticized.extend(other.batch.criticized);
        self.batch.actions.extend(other.batch.actions);
        self.batch.log_probabilities.extend(other.batch.log_probabilities);
        self.batch.advantages.extend(other.batch.advantages);
        self.batch.returns.extend(other.batch.returns);
        self.values.extend(other.values);
    }

    /// The given rows, with their advantages at mean 0 and standard deviation 1.
    fn gather(&self, rows: &[usize], network: &Network) -> Minibatch {
        let batch = &self.batch;
        Minibatch {
            observations: pick(&batch.observations, network.actor.inputs(), rows),
            criticized: pick(&batch.criticized, network.critic.inputs(), rows),
            actions: pick(&batch.actions, network.heads.len(), rows),
            log_probabilities: pick(&batch.log_probabilities, 1, rows),
            advantages: standardized(pick(&batch.advantages, 1, rows)),
            returns: pick(&batch.returns, 1, rows),
            reference_log_probabilities: Vec::new(),
        }
    }

    /// `1 − Var(R − V) / Var(R)`; 0 when returns do not vary.
    fn explained_variance(&self) -> f64 {
        let errors: Vec<f32> = self.batch.returns.iter().zip(&self.values).map(|(r, v)| r - v).collect();
        let (total, left) = (mean_and_variance(&self.batch.returns).1, mean_and_variance(&errors).1);
        if total > 0.0 { 1.0 - left / total } else { 0.0 }
    }
}

fn pick<T: Copy>(values: &[T], width: usize, rows: &[usize]) -> Vec<T> {
    let mut picked = Vec::with_capacity(rows.len() * width);
    for &row in rows {
        picked.extend_from_slice(&values[row * width..(row + 1) * width]);
    }
    picked
}

fn standardized(mut values: Vec<f32>) -> Vec<f32> {
    let (mean, variance) = mean_and_variance(&values);
    let scale = 1.0 / (variance.sqrt() + 1e-8);
    for value in &mut values {
        *value = ((f64::from(*value) - mean) * scale) as f32;
    }
    values
}

fn mean_and_variance(values: &[f32]) -> (f64, f64) {
    let count = values.len().max(1) as f64;
    let mean = values.iter().map(|&value| f64::from(value)).sum::<f64>() / count;
    (mean, values.iter().map(|&value| (f64::from(value) - mean).powi(2)).sum::<f64>() / count)
}

#[cfg(test)]
#[path = "trainer_tests.rs"]
mod tests;
