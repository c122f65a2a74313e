//! Tabular Q-learning over discretised observations.
//!
//! ```text
//! Q(s, a) ← Q(s, a) + α (r + γ max_{a'} Q(s', a') − Q(s, a)),   α = 1 / visits(s, a)^ω
//! ```
//! Sources: Watkins and Dayan, Machine Learning 8 (1992); Even-Dar and Mansour, JMLR 5 (2003), for the step size. Actions
//! are ε-greedy. The bins are the quantiles of what the first update's random actions led to. An episode's steps are
//! learned from backwards, so that what its end taught reaches its start at once.

use rand::RngExt;
use serde_json::{Value, json};

use crate::env::{Distribution, Environment};
use crate::error::InputError;
use crate::rl::brain::{Brain, Shape};
use crate::rl::file::{Archive, broken};
use crate::rl::learner::{Learner, Report};
use crate::rl::rollout::{self, Trajectory};
use crate::rl::settings::Settings;
use crate::rl::table::{Table, actions, choices, number};

/// Q-learning on a vector of environments.
pub struct QLearning<E> {
    settings: Settings,
    features: Vec<usize>,
    heads: Vec<Distribution>,
    keep: Vec<f32>,
    envs: Vec<E>,
    steps: usize,
    /// Has one state until the first update has found the bins.
    table: Table,
    updates: u64,
}

impl<E: Environment> QLearning<E> {
    /// A new learner over the values of the observation at `features`, of which there is one or more. `steps` is the
    /// number of steps an environment plays in an update; `keep` is what it does where it has tried nothing.
    #[must_use]
    pub fn new(settings: Settings, features: Vec<usize>, envs: Vec<E>, steps: usize, keep: Vec<f32>) -> Self {
        let heads = envs[0].heads();
        let actions = actions(&heads);
        let (values, visits) = (vec![0.0; actions], vec![0.0; actions]);
        let table = Table { features: features.clone(), edges: Vec::new(), actions, values, visits };
        Self { settings, features, heads, keep, envs, steps, table, updates: 0 }
    }

    /// The values so far.
    #[must_use]
    pub fn table(&self) -> &Table {
        &self.table
    }

    /// Share of random actions in the next update.
    fn exploration(&self) -> f64 {
        let (first, last) = self.settings.q_learning.exploration;
        let done = 2.0 * self.updates as f64 / self.total_updates().max(1) as f64;
        if self.updates == 0 { 1.0 } else { first + (last - first) * done.min(1.0) }
    }

    fn learn(&mut self, trajectory: &Trajectory<E::Info>) {
        let width = self.envs[0].observation_len();
        let table = &mut self.table;
        let mut finals = trajectory.finals.iter().rev();
        let mut next = 0;
        for t in (0..trajectory.rewards.len()).rev() {
            if trajectory.truncated[t] {
                next = finals.next().map_or(next, |(_, observation, _)| table.state(observation));
            }
            let follows = if trajectory.terminated[t] { 0.0 } else { table.value(next) };
            let state = table.state(&trajectory.observations[t * width..(t + 1) * width]);
            let action = number(&trajectory.actions[t * self.heads.len()..(t + 1) * self.heads.len()], &self.heads);
            let cell = state * table.actions + action;
            table.visits[cell] += 1.0;
            let step = f64::from(table.visits[cell]).powf(-self.settings.q_learning.step_power);
            let error = trajectory.rewards[t] + self.settings.discount_factor * follows - f64::from(table.values[cell]);
            table.values[cell] += (step * error) as f32;
            next = state;
        }
    }
}

impl<E: Environment> Learner<E::Info> for QLearning<E> {
    fn update(&mut self) -> candle_core::Result<Report<E::Info>> {
        let exploration = self.exploration();
        let (table, heads, keep) = (&self.table, &self.heads, &self.keep);
        let choose = |observation: &[f32], rng: &mut rand::rngs::ChaCha8Rng, action: &mut [f32]| {
            if rng.random::<f64>() < exploration {
                choices(rng.random_range(0..table.actions), heads, action);
            } else {
                table.act(observation, heads, keep, action);
            }
        };
        let trajectories = rollout::explore(&mut self.envs, &choose, self.steps, self.settings.seed, self.updates);
        if self.updates == 0 {
            let all: Vec<f32> = trajectories.iter().flat_map(|it| it.observations.iter().copied()).collect();
            let width = self.envs[0].observation_len();
            self.table = Table::new(&all, width, &self.features, self.settings.q_learning.bins, &self.heads);
        }
        for trajectory in &trajectories {
            self.learn(trajectory);
        }
        self.updates += 1;
        let rewards: f64 = trajectories.iter().flat_map(|trajectory| &trajectory.rewards).sum();
        Ok(Report {
            step: self.updates * self.steps_per_update(),
            mean_return: rewards / trajectories.len() as f64,
            exploration: Some(exploration),
            infos: trajectories.into_iter().flat_map(|trajectory| trajectory.infos).collect(),
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
        (self.envs.len() * self.steps) as u64
    }

    fn brain(&self) -> Brain {
        Brain::Table(self.table.clone())
    }

    fn save(&self, archive: &mut Archive) -> Value {
        self.table.pack(archive);
        json!({"updates": self.updates})
    }

    fn restore(&mut self, archive: &Archive, state: &Value) -> Result<(), InputError> {
        let updates = state["updates"].as_u64().ok_or_else(|| broken("it counts no updates".to_owned()))?;
        let shape = Shape { observation: self.envs[0].observation_len(), heads: &self.heads, ..Shape::default() };
        let table = Table::unpack(&shape, archive)?;
        if table.features != self.features {
            return Err(broken(format!("its table is over values {:?} of the observation", table.features)));
        }
        (self.table, self.updates) = (table, updates);
        Ok(())
    }
}
