//! `[train]` of an experiment file: the algorithm, and every hyperparameter.

pub mod algorithms;
pub mod network;

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use algorithms::Algorithm;
pub use network::{Activation, Critic, Executor, Gru, Memory};

use super::{counterfactual, safety};
use crate::env::start::Kind;
use crate::error::{InputError, above_zero, at_least, within};

/// `[train]`. An update plays one episode (`env.episode`) in each environment, then learns from them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[allow(clippy::struct_excessive_bools, reason = "each is a switch of the file")]
pub struct Settings {
    /// How a policy is learned: `ppo`, `reinforce`, `actor-critic`, `grpo`, `ppo-lagrangian`, `q-learning`, or from a log
    /// `cql` or `bcq`. Each has a table of its own numbers below.
    pub algorithm: Algorithm,
    /// Traces to learn on when the command line names none. Paths are relative to the current directory.
    pub traces: Vec<PathBuf>,
    /// Environment steps to learn from, rounded up to whole updates. A step is one decision.
    pub steps: u64,
    /// Seed of weights, episodes, actions and shuffling.
    pub seed: u64,
    /// What the agent starts from on each function, and keeps unless it learns better. For a function that it has not
    /// learned on, the same is found on that function's own training time.
    pub start: Kind,
    /// Whether boosted trees learn, on training time of all functions together, to foresee a load's next peak. Linear policies
    /// of starts and the agent see what they say.
    pub forecast: bool,
    /// Environments that run side by side.
    pub n_envs: usize,
    /// Environments that share an episode (traffic, window, delays) and differ in their actions alone. Above 1, the mean
    /// advantage of the others at the same instant is subtracted; `n_envs` is a multiple of it.
    pub group: usize,
    /// What the critic sees. `privileged` adds the load to come, which the actor never sees.
    pub critic: Critic,
    /// Passes over the collected steps.
    pub epochs: usize,
    /// Steps of one gradient.
    pub minibatch: usize,
    /// Adam's step size at the start; it falls linearly to 0 over the updates.
    pub learning_rate: f64,
    /// Discount per decision. What a decision does to pods and queues is over within some ten minutes, so 0.975 per 15 s
    /// is enough; more adds the noise of later traffic.
    pub discount_factor: f64,
    /// λ of generalised advantage estimation.
    pub gae_lambda: f64,
    /// Rewards are divided by the running standard deviation of returns (`normalize_rewards`), then cut to plus or minus this.
    /// Small values hide how bad rare overloads are. Q-learning takes rewards as they are.
    pub reward_clip: f64,
    /// The most late requests to learn for, as a multiple of the reference's on the same traffic: while there are more,
    /// an on-policy algorithm prices a violation higher, up to four times `prices.violation`. A large number keeps to that
    /// price.
    pub violation_limit: f64,
    /// ε of the clipped surrogate.
    pub clip: f64,
    /// Weight of the entropy bonus at the start; it falls linearly to 0 over the updates.
    pub entropy: f64,
    /// Weight of the value loss.
    pub value: f64,
    /// The gradient's norm is cut to this.
    pub max_grad_norm: f64,
    /// An update ends when the policy has moved 1.5 times this far (approximate Kullback–Leibler divergence).
    pub target_kl: f64,
    /// Widths of the actor's hidden layers.
    pub hidden: Vec<usize>,
    /// Widths of the critic's hidden layers, in algorithms with a critic. It judges what was learned from, and is not needed
    /// afterwards.
    pub critic_hidden: Vec<usize>,
    /// What a layer's sums become on their way to the next: `tanh` or `relu`.
    pub activation: Activation,
    /// What the actor remembers of an episode beside the observation: nothing, or a gated recurrent unit (`gru`), which learns
    /// in Candle's graph and so several times slower.
    pub memory: Memory,
    /// The recurrent unit of `memory = "gru"`.
    pub gru: Gru,
    /// Whether observations, and what the critic sees besides, are brought to mean 0 and standard deviation 1 by the moments of
    /// those seen; a policy's file holds those of observations. What lies further than 10 standard deviations away is cut to
    /// that, and without normalisation what lies beyond plus or minus 10. Q-learning bins observations as they are.
    pub normalize_observations: bool,
    /// Whether rewards, and costs of a constraint, are divided by the running standard deviation of their discounted sums.
    /// Q-learning never does so.
    pub normalize_rewards: bool,
    /// Probability that the first policy gives, per knob, to the HPA as it stands.
    pub initial_share: f64,
    /// What computes losses and gradients. `auto` and `fused` are hand-written kernels where the device is the CPU, and
    /// `auto` is Candle's graph elsewhere; `graph` is that everywhere. They differ in the last bits of a gradient.
    pub executor: Executor,
    /// Updates between two judgements of the deterministic policy on validation time. The best is kept.
    pub evaluate_every: u64,
    /// Numbers of REINFORCE.
    pub reinforce: algorithms::Reinforce,
    /// Numbers of the actor-critic.
    pub actor_critic: algorithms::ActorCritic,
    /// Numbers of GRPO.
    pub grpo: algorithms::Grpo,
    /// The constraint of PPO-Lagrangian, and how its multiplier follows it.
    pub lagrangian: algorithms::Lagrangian,
    /// Numbers of Q-learning.
    pub q_learning: algorithms::QLearning,
    /// The log of the offline algorithms.
    pub offline: algorithms::Offline,
    /// Numbers of CQL.
    pub cql: algorithms::Cql,
    /// Numbers of BCQ.
    pub bcq: algorithms::Bcq,
    /// Whether to write a file for TensorBoard into the directory of results, beside `metrics.jsonl`.
    pub tensorboard: bool,
    /// A first policy from what other actions would have cost.
    pub counterfactual: counterfactual::Settings,
    /// A safety critic of the finished policy.
    pub safety: safety::Settings,
}

impl Default for Settings {
    /// Ranges and choices follow Andrychowicz et al., What Matters In On-Policy Reinforcement Learning? (ICLR 2021), and
    /// Huang et al., The 37 Implementation Details of PPO (ICLR blog track, 2022).
    fn default() -> Self {
        Self {
            algorithm: Algorithm::Ppo,
            traces: Vec::new(),
            steps: 5_000_000,
            seed: 0,
            start: Kind::Linear,
            forecast: true,
            n_envs: 32,
            group: 8,
            critic: Critic::Privileged,
            epochs: 3,
            minibatch: 512,
            learning_rate: 3e-4,
            discount_factor: 0.975,
            gae_lambda: 0.95,
            reward_clip: 1000.0,
            violation_limit: 1.0,
            clip: 0.2,
            entropy: 0.0,
            value: 0.5,
            max_grad_norm: 0.5,
            target_kl: 0.02,
            hidden: vec![64, 64],
            critic_hidden: vec![64, 64],
            activation: Activation::Tanh,
            memory: Memory::None,
            gru: Gru::default(),
            normalize_observations: true,
            normalize_rewards: true,
            initial_share: 0.8,
            executor: Executor::Auto,
            evaluate_every: 10,
            reinforce: algorithms::Reinforce::default(),
            actor_critic: algorithms::ActorCritic::default(),
            grpo: algorithms::Grpo::default(),
            lagrangian: algorithms::Lagrangian::default(),
            q_learning: algorithms::QLearning::default(),
            offline: algorithms::Offline::default(),
            cql: algorithms::Cql::default(),
            bcq: algorithms::Bcq::default(),
            tensorboard: false,
            counterfactual: counterfactual::Settings::default(),
            safety: safety::Settings::default(),
        }
    }
}

#[cfg(test)]
impl Settings {
    /// Numbers for problems that are small and hardly noisy: longer steps, and more of them.
    pub(super) fn brisk() -> Self {
        let (learning_rate, gae_lambda, entropy, hidden) = (2e-3, 0.985, 0.001, vec![16]);
        Self { learning_rate, gae_lambda, entropy, epochs: 6, critic_hidden: hidden.clone(), hidden, ..Self::default() }
    }
}

impl Settings {
    /// Checks the ranges.
    ///
    /// # Errors
    /// The first value out of range.
    pub fn validate(&self) -> Result<(), InputError> {
        let count = |field: &str, value: usize, most: f64| within(&format!("train.{field}"), value as f64, 1.0, most);
        count("n_envs", self.n_envs, 65_536.0)?;
        count("group", self.group, self.n_envs as f64)?;
        count("epochs", self.epochs, 1000.0)?;
        count("minibatch", self.minibatch, 1e7)?;
        at_least("train.steps", self.steps as f64, 1.0)?;
        at_least("train.evaluate_every", self.evaluate_every as f64, 1.0)?;
        if !self.n_envs.is_multiple_of(self.group) {
            let problem = format!("{} environments do not divide into groups of {}", self.n_envs, self.group);
            return Err(InputError::new(problem, "make train.n_envs a multiple of train.group").field("train.group"));
        }
        above_zero("train.learning_rate", self.learning_rate)?;
        within("train.discount_factor", self.discount_factor, 0.0, 0.999_999)?;
        within("train.gae_lambda", self.gae_lambda, 0.0, 1.0)?;
        within("train.clip", self.clip, 1e-3, 1.0)?;
        within("train.reward_clip", self.reward_clip, 0.1, 1e9)?;
        within("train.violation_limit", self.violation_limit, 1e-3, 1e9)?;
        at_least("train.entropy", self.entropy, 0.0)?;
        at_least("train.value", self.value, 0.0)?;
        above_zero("train.max_grad_norm", self.max_grad_norm)?;
        above_zero("train.target_kl", self.target_kl)?;
        within("train.initial_share", self.initial_share, 0.0, 0.99)?;
        self.counterfactual.validate()?;
        self.safety.validate()?;
        self.validate_network()?;
        self.validate_algorithms()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_valid() {
        Settings::default().validate().unwrap();
    }

    #[test]
    fn groups_that_do_not_divide_the_environments_are_refused() {
        let error = Settings { n_envs: 10, group: 4, ..Settings::default() }.validate().unwrap_err();
        assert_eq!(error.to_string(), "`train.group`: 10 environments do not divide into groups of 4");
    }

    #[test]
    fn a_discount_of_one_is_refused() {
        let error = Settings { discount_factor: 1.0, ..Settings::default() }.validate().unwrap_err();
        assert_eq!(error.to_string(), "`train.discount_factor`: 1 is outside 0 to 0.999999");
    }
}
