//! Learning from logged transitions alone: one pass over the log an update. What an algorithm does its own way is a
//! [`Batch`].
//!
//! The value of an action is the sum of its choices' values, one a head: `Q(s, a) = Σ_h q_h(s, a_h)`, as in Tang et al.,
//! Leveraging Factored Action Spaces for Efficient Offline Reinforcement Learning in Healthcare, arXiv:2305.01738. So the
//! best action is the best choice of each head, and sums over all actions are products over heads.

use std::collections::BTreeSet;

use candle_core::{Device, Tensor};
use serde_json::{Value, json};

use super::bcq::Bcq;
use super::cql::Cql;
use crate::env::Distribution;
use crate::env::distribution::choice;
use crate::error::InputError;
use crate::rl::adam::{Adam, clip_norm};
use crate::rl::brain::{Brain, Perceptron};
use crate::rl::experience::{pick, shuffled};
use crate::rl::file::{Archive, broken};
use crate::rl::gradient::Losses;
use crate::rl::graph::{Policy, chosen};
use crate::rl::learner::{Learner, Report};
use crate::rl::log::Transitions;
use crate::rl::moments::{Moments, Normalizer, RewardScale};
use crate::rl::network::{Buffers, Network};
use crate::rl::settings::{Algorithm, Settings};
use crate::rl::table::number;
use crate::rl::variables::Variables;

/// What sets one offline algorithm apart from another.
pub(super) trait Batch: Send {
    /// The action that follows in the target: from values and the behaviour's logits of one state.
    fn follow(&self, values: &[f32], behaviour: &[f32], heads: &[Distribution], action: &mut [f32]);

    /// What is added to ½ (Q − y)², mean over rows.
    fn regularizer(&self, parts: &Parts) -> candle_core::Result<Tensor>;

    /// Share of the online network that enters the target network at each gradient.
    fn target_rate(&self) -> f64;

    /// The policy.
    fn brain(&self, values: Perceptron, behaviour: Perceptron) -> Brain;
}

/// What a regulariser is made of.
pub(super) struct Parts {
    /// `Σ_h log softmax(q_h)` of the logged choices, `[rows, 1]`.
    pub(super) log_softmax: Tensor,
    /// Log-probability of the logged choices under the behaviour, `[rows, 1]`.
    pub(super) log_behaviour: Tensor,
    /// Logits of the behaviour.
    pub(super) behaviour: Tensor,
}

/// An offline algorithm on a log.
pub struct Offline<Info> {
    settings: Settings,
    batch: Box<dyn Batch>,
    log: Transitions<Info>,
    /// The log's observations and those that followed, normalised.
    seen: [Vec<f32>; 2],
    rewards: Vec<f32>,
    normalizer: Normalizer,
    /// The actor holds the values of choices, the critic the logits of the logged behaviour.
    network: Network,
    theta: Vec<f32>,
    target: Vec<f32>,
    adam: Adam,
    updates: u64,
    device: Device,
}

impl<Info: Copy + Default + Send> Offline<Info> {
    /// A new learner from a log, which has one transition or more; where observations are normalised, it is by the log's
    /// moments. The algorithm is `bcq`, or `cql` whatever else the settings say.
    #[must_use]
    pub fn new(settings: Settings, log: Transitions<Info>, heads: &[Distribution], device: Device) -> Self {
        let width = log.observations.len() / log.len();
        let normalizer = if settings.normalize_observations {
            let mut moments = Moments::new(width);
            moments.update(&log.observations);
            moments.normalizer()
        } else {
            Normalizer::identity(width)
        };
        let scaled = |rows: &[f32]| {
            let mut rows = rows.to_vec();
            normalizer.apply(&mut rows);
            rows
        };
        let seen = [scaled(&log.observations), scaled(&log.next_observations)];
        let mut scale = RewardScale::new(settings.discount_factor);
        let episodes = log.rewards.chunks(log.len().div_ceil(log.episodes));
        episodes.filter(|_| settings.normalize_rewards).for_each(|episode| scale.update(episode));
        let rewards = log.rewards.iter().map(|&reward| scale.apply(reward, settings.reward_clip)).collect();
        let outputs = heads.iter().map(|head| head.outputs()).sum();
        let network = Network::new(width, 0, heads, &settings.hidden, outputs).activated(settings.activation);
        let theta = network.initialize(settings.seed, &[], 0.0);
        let batch: Box<dyn Batch> = match settings.algorithm {
            Algorithm::Bcq => Box::new(Bcq::new(&settings.bcq)),
            _ => Box::new(Cql::new(&settings.cql)),
        };
        let (adam, target) = (Adam::new(theta.len()), theta.clone());
        Self { settings, batch, log, seen, rewards, normalizer, network, theta, target, adam, updates: 0, device }
    }

    /// What the network should say of the rows' actions: `y = r + γ Q_target(s', a')`.
    fn targets(&self, rows: &[u32]) -> Vec<f32> {
        let next = pick(&self.seen[1], self.network.actor.inputs(), rows);
        let mut buffers = [Buffers::default(), Buffers::default(), Buffers::default()];
        let [online, target, behaviour] = &mut buffers;
        let online = self.network.actor.forward(&self.theta, &next, online);
        let target = self.network.actor.forward(&self.target, &next, target);
        let behaviour = self.network.critic.forward(&self.theta, &next, behaviour);
        let width = self.network.actor.outputs();
        let mut action = vec![0.0; self.network.heads.len()];
        let one = |(at, &row): (usize, &u32)| {
            let row = row as usize;
            let part = at * width..(at + 1) * width;
            self.batch.follow(&online[part.clone()], &behaviour[part.clone()], &self.network.heads, &mut action);
            let follows =
                if self.log.terminated[row] { 0.0 } else { total(&target[part], &self.network.heads, &action) };
            self.rewards[row] + (self.settings.discount_factor * f64::from(follows)) as f32
        };
        rows.iter().enumerate().map(one).collect()
    }

    fn gradient(&self, rows: &[u32]) -> candle_core::Result<(Losses, Vec<f32>)> {
        let tensor = |values: Vec<f32>, width: usize| Tensor::from_vec(values, (rows.len(), width), &self.device);
        let observations = tensor(pick(&self.seen[0], self.network.actor.inputs(), rows), self.network.actor.inputs())?;
        let actions = tensor(pick(&self.log.actions, self.network.heads.len(), rows), self.network.heads.len())?;
        let variables = Variables::new(&self.network, &self.theta, &self.device)?;
        let (values, behaviour) = (variables.actor.forward(&observations)?, variables.critic.forward(&observations)?);
        let softmax = Policy::new(&self.network.heads, &values, &actions, None)?;
        let logged = Policy::new(&self.network.heads, &behaviour, &actions, None)?;
        let chosen = chosen(&self.network.heads, &values, &actions)?;
        let error = ((chosen - tensor(self.targets(rows), 1)?)?.sqr()?.mean_all()? * 0.5)?;
        let parts = Parts { log_softmax: softmax.log_probability, log_behaviour: logged.log_probability, behaviour };
        let loss = (&error + self.batch.regularizer(&parts)?)?;
        let gradients = loss.backward()?;
        let mut flat = vec![0.0; self.theta.len()];
        variables.read(&gradients, &mut flat)?;
        let scalar = |tensor: &Tensor| tensor.to_scalar::<f32>().map(f64::from);
        Ok((Losses { total: scalar(&loss)?, value: scalar(&error)?, ..Losses::default() }, flat))
    }

    /// Share of the log's states in which the policy takes an action that stands nowhere in the log.
    fn unseen(&self) -> f64 {
        let heads = &self.network.heads;
        let logged: BTreeSet<usize> =
            self.log.actions.chunks_exact(heads.len()).map(|action| number(action, heads)).collect();
        let (mut action, mut buffers) = (vec![0.0; heads.len()], Buffers::default());
        let brain = self.brain();
        let width = self.network.actor.inputs();
        let strange = self.log.observations.chunks_exact(width).filter(|observation| {
            brain.act(&mut observation.to_vec(), heads, &[], &mut buffers, &mut action);
            !logged.contains(&number(&action, heads))
        });
        strange.count() as f64 / self.log.len() as f64
    }
}

/// `Σ_h q_h(a_h)`.
fn total(values: &[f32], heads: &[Distribution], action: &[f32]) -> f32 {
    let mut from = 0;
    let mut sum = 0.0;
    for (head, &number) in heads.iter().zip(action) {
        sum += values[from + choice(number)];
        from += head.outputs();
    }
    sum
}

impl<Info: Copy + Default + Send> Learner<Info> for Offline<Info> {
    fn update(&mut self) -> candle_core::Result<Report<Info>> {
        let left = 1.0 - self.updates as f64 / self.total_updates().max(1) as f64;
        let rate = self.settings.learning_rate * left;
        let order = shuffled(self.log.len(), self.settings.seed, self.updates);
        let mut sums = Losses::default();
        let (mut norms, mut count) = (0.0, 0.0);
        for rows in order.chunks(self.settings.minibatch) {
            let (losses, mut gradient) = self.gradient(rows)?;
            sums.add(&losses);
            count += 1.0;
            norms += clip_norm(&mut gradient, self.settings.max_grad_norm);
            self.adam.step(&mut self.theta, &gradient, rate);
            let share = self.batch.target_rate() as f32;
            self.target.iter_mut().zip(&self.theta).for_each(|(target, &theta)| *target += share * (theta - *target));
        }
        self.updates += 1;
        Ok(Report {
            step: self.updates * self.steps_per_update(),
            mean_return: self.log.rewards.iter().sum::<f64>() / self.log.episodes as f64,
            losses: sums.scaled(1.0 / count),
            grad_norm: norms / count,
            learning_rate: rate,
            unseen_actions: Some(self.unseen()),
            infos: self.log.infos.clone(),
            ..Report::default()
        })
    }

    fn updates(&self) -> u64 {
        self.updates
    }

    fn total_updates(&self) -> u64 {
        self.settings.steps.div_ceil(self.steps_per_update())
    }

    fn steps_per_update(&self) -> u64 {
        self.log.len() as u64
    }

    fn brain(&self) -> Brain {
        let part = |mlp| Perceptron::part(mlp, &self.theta, self.normalizer.clone());
        self.batch.brain(part(&self.network.actor), part(&self.network.critic))
    }

    fn save(&self, archive: &mut Archive) -> Value {
        for (name, values) in [
            ("theta", &self.theta),
            ("target", &self.target),
            ("adam.first", &self.adam.first),
            ("adam.second", &self.adam.second),
        ] {
            archive.insert(name, &[values.len()], values);
        }
        json!({"updates": self.updates, "adam_steps": self.adam.steps, "transitions": self.log.len()})
    }

    fn restore(&mut self, archive: &Archive, state: &Value) -> Result<(), InputError> {
        let count = |key: &str| state[key].as_u64().ok_or_else(|| broken(format!("it has no {key}")));
        if count("transitions")? != self.log.len() as u64 {
            let help = "give the log it was started with, unchanged";
            return Err(InputError::new("the checkpoint has learned from another log", help));
        }
        let take = |name: &str| archive.values(name, self.theta.len()).map(<[f32]>::to_vec);
        let adam = Adam { first: take("adam.first")?, second: take("adam.second")?, steps: count("adam_steps")? };
        let (theta, target, updates) = (take("theta")?, take("target")?, count("updates")?);
        (self.theta, self.target, self.adam, self.updates) = (theta, target, adam, updates);
        Ok(())
    }
}
