//! Collecting experience: every environment plays under the same parameters, a few of them together on each thread.

use rayon::prelude::*;

use super::heads;
use super::moments::Normalizer;
use super::network::{Buffers, Network};
use crate::env::{Distribution, Environment};
use crate::random::{self, Purpose};

/// Environments that act together, through one forward pass.
const TOGETHER: usize = 4;

/// What acts: parameters and the normalisation of their inputs.
#[derive(Debug, Clone, Copy)]
pub struct Actor<'a> {
    /// The network.
    pub network: &'a Network,
    /// Its parameters.
    pub theta: &'a [f32],
    /// Normalises observations.
    pub normalizer: &'a Normalizer,
}

/// One environment's steps, in order of time; rows of `T` steps.
#[derive(Debug, Clone, Default)]
pub struct Trajectory<Info> {
    /// Observations before normalisation, `[T, observation]`.
    pub observations: Vec<f32>,
    /// Privileged values before normalisation, `[T, privileged]`.
    pub privileged: Vec<f32>,
    /// Whether an episode starts with the step.
    pub fresh: Vec<bool>,
    /// What the actor remembers at each step, its observation taken in; `[T, width]`.
    pub memories: Vec<f32>,
    /// Actions, `[T, heads]`.
    pub actions: Vec<f32>,
    /// What the environment allowed, `[T, outputs of the heads]`; empty when it never forbids anything.
    pub masks: Vec<bool>,
    /// Log-probabilities of the actions.
    pub log_probabilities: Vec<f32>,
    /// Rewards.
    pub rewards: Vec<f64>,
    /// What a constraint counts.
    pub costs: Vec<f64>,
    /// What costs are a share of.
    pub exposures: Vec<f64>,
    /// Ends of tasks.
    pub terminated: Vec<bool>,
    /// Cuts by time; the last step is cut when the task has not ended.
    pub truncated: Vec<bool>,
    /// The states that cut steps led to: step, observation, privileged values.
    pub finals: Vec<(usize, Vec<f32>, Vec<f32>)>,
    /// What steps say besides.
    pub infos: Vec<Info>,
}

/// Plays `steps` steps in each environment from a new episode on, and returns one trajectory each.
///
/// `seed` keys the episodes and actions of round `round`; environments of a `group` play the same episodes. The result
/// does not depend on the number of threads.
pub fn collect<E: Environment>(
    envs: &mut [E],
    actor: Actor<'_>,
    steps: usize,
    group: usize,
    seed: u64,
    round: u64,
) -> Vec<Trajectory<E::Info>> {
    let count = envs.len() as u64;
    let lanes = envs.par_chunks_mut(TOGETHER).enumerate().map(|(chunk, envs)| {
        let players = envs.iter_mut().enumerate().map(|(index, env)| {
            let index = (chunk * TOGETHER + index) as u64;
            let episodes = random::stream(seed, Purpose::Episodes, 1 + round * count + index / group as u64);
            let actions = random::stream(seed, Purpose::Actions, round * count + index);
            Player::new(env, episodes, actions)
        });
        play(players.collect(), actor, steps)
    });
    lanes.flatten_iter().collect()
}

/// What makes an action of an observation and a stream, in place of the last action.
pub type Choose<'a> = dyn Fn(&[f32], &mut rand::rngs::ChaCha8Rng, &mut [f32]) + Sync + 'a;

/// Plays `steps` steps in each environment from a new episode on, as [`collect`] does, but with actions that `choose`
/// makes, each environment from a stream of its own. There are no log-probabilities.
pub fn explore<E: Environment>(
    envs: &mut [E],
    choose: &Choose<'_>,
    steps: usize,
    seed: u64,
    round: u64,
) -> Vec<Trajectory<E::Info>> {
    let (count, heads, width) = (envs.len() as u64, envs[0].heads().len(), envs[0].observation_len());
    let lane = |(index, env): (usize, &mut E)| {
        let index = round * count + index as u64;
        let episodes = random::stream(seed, Purpose::Episodes, 1 + index);
        let mut player = Player::new(env, episodes, random::stream(seed, Purpose::Actions, index));
        let mut observation = vec![0.0; width];
        for step in 0..steps {
            player.look(&mut observation);
            let from = player.trajectory.actions.len();
            player.trajectory.actions.resize(from + heads, 0.0);
            choose(&observation, &mut player.actions, &mut player.trajectory.actions[from..]);
            player.step(heads, step + 1 == steps);
        }
        player.trajectory
    };
    envs.par_iter_mut().enumerate().map(lane).collect()
}

struct Player<'a, E: Environment> {
    env: &'a mut E,
    episodes: rand::rngs::ChaCha8Rng,
    actions: rand::rngs::ChaCha8Rng,
    trajectory: Trajectory<E::Info>,
    /// Whether the next step is an episode's first.
    fresh: bool,
}

fn play<E: Environment>(mut players: Vec<Player<'_, E>>, actor: Actor<'_>, steps: usize) -> Vec<Trajectory<E::Info>> {
    let Actor { network, theta, normalizer } = actor;
    let mut observations = vec![0.0; players.len() * network.observation()];
    let mut memories = vec![0.0; players.len() * network.width()];
    let mut inputs = Vec::new();
    let (mut outputs, mut buffers) = (Vec::new(), Buffers::default());
    for step in 0..steps {
        for (player, observation) in players.iter_mut().zip(observations.chunks_exact_mut(network.observation())) {
            player.look(observation);
        }
        normalizer.apply(&mut observations);
        let seen = if let Some(memory) = &network.memory {
            for (player, memory) in players.iter().zip(memories.chunks_exact_mut(memory.width())) {
                player.begin(memory);
            }
            memory.step(theta, &observations, &mut memories, &mut buffers.gates);
            for (player, memory) in players.iter_mut().zip(memories.chunks_exact(memory.width())) {
                player.trajectory.memories.extend_from_slice(memory);
            }
            beside(&observations, &memories, players.len(), &mut inputs);
            &inputs
        } else {
            &observations
        };
        outputs.clear();
        outputs.extend_from_slice(network.actor.forward(theta, seen, &mut buffers));
        for (player, outputs) in players.iter_mut().zip(outputs.chunks_exact_mut(network.actor.outputs())) {
            player.act(outputs, &network.heads, step + 1 == steps);
        }
    }
    players.into_iter().map(|player| player.trajectory).collect()
}

/// The rows of two matrices side by side.
pub(super) fn beside(left: &[f32], right: &[f32], rows: usize, into: &mut Vec<f32>) {
    let (a, b) = (left.len() / rows.max(1), right.len() / rows.max(1));
    into.clear();
    for row in 0..rows {
        into.extend_from_slice(&left[row * a..(row + 1) * a]);
        into.extend_from_slice(&right[row * b..(row + 1) * b]);
    }
}

impl<'a, E: Environment> Player<'a, E> {
    fn new(env: &'a mut E, mut episodes: rand::rngs::ChaCha8Rng, actions: rand::rngs::ChaCha8Rng) -> Self {
        env.reset(rand::Rng::next_u64(&mut episodes));
        Self { env, episodes, actions, trajectory: Trajectory::default(), fresh: true }
    }

    /// Forgets, where an episode starts.
    fn begin(&self, memory: &mut [f32]) {
        if self.trajectory.fresh.last().copied().unwrap_or(true) {
            memory.fill(0.0);
        }
    }

    fn look(&mut self, observation: &mut [f32]) {
        self.trajectory.fresh.push(std::mem::take(&mut self.fresh));
        self.env.observe(observation);
        self.trajectory.observations.extend_from_slice(observation);
        let privileged = &mut self.trajectory.privileged;
        let from = privileged.len();
        privileged.resize(from + self.env.privileged_len(), 0.0);
        self.env.foresee(&mut privileged[from..]);
    }

    fn act(&mut self, outputs: &mut [f32], heads: &[Distribution], last: bool) {
        let trajectory = &mut self.trajectory;
        if self.env.is_masked() {
            let from = trajectory.masks.len();
            trajectory.masks.resize(from + outputs.len(), true);
            self.env.mask(&mut trajectory.masks[from..]);
            heads::forbid(outputs, &trajectory.masks[from..]);
        }
        let from = trajectory.actions.len();
        trajectory.actions.resize(from + heads.len(), 0.0);
        let action = &mut trajectory.actions[from..];
        trajectory.log_probabilities.push(heads::sample(outputs, heads, &mut self.actions, action));
        self.step(heads.len(), last);
    }

    /// Takes the last `heads` numbers of the trajectory.
    fn step(&mut self, heads: usize, last: bool) {
        let trajectory = &mut self.trajectory;
        let from = trajectory.actions.len() - heads;
        let step = self.env.step(&trajectory.actions[from..]);
        let cut = !step.terminated && (step.truncated || last);
        trajectory.rewards.push(step.reward);
        trajectory.costs.push(step.cost);
        trajectory.exposures.push(step.exposure);
        trajectory.terminated.push(step.terminated);
        trajectory.truncated.push(cut);
        trajectory.infos.push(step.info);
        if cut {
            let mut observation = vec![0.0; self.env.observation_len()];
            let mut privileged = vec![0.0; self.env.privileged_len()];
            self.env.observe(&mut observation);
            self.env.foresee(&mut privileged);
            trajectory.finals.push((trajectory.rewards.len() - 1, observation, privileged));
        }
        if (step.terminated || step.truncated) && !last {
            self.env.reset(rand::Rng::next_u64(&mut self.episodes));
            self.fresh = true;
        }
    }
}
