//! Logged transitions: what a policy saw, did and earned, in a file to learn from without a simulator.

use std::path::Path;
use std::sync::Arc;

use rand::RngExt;
use rand::rngs::ChaCha8Rng;

use super::file::{Archive, broken};
use super::network::Buffers;
use super::policy::{Card, Policy};
use super::rollout::{self, Trajectory};
use crate::env::autoscaling::Info;
use crate::env::distribution::choice;
use crate::env::{Actions, Autoscaling, Distribution, Scenario};
use crate::error::{InputError, Place};

/// Transitions and where they come from.
#[derive(Debug, Clone, PartialEq)]
pub struct Log {
    /// The environment they were collected in, and what acted.
    pub card: Card,
    /// The transitions.
    pub experience: Transitions<Info>,
}

/// Transitions, in rows.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Transitions<Info> {
    /// Observations before normalisation, `[N, observation]`.
    pub observations: Vec<f32>,
    /// What followed, before any reset, `[N, observation]`.
    pub next_observations: Vec<f32>,
    /// Choices, `[N, heads]`.
    pub actions: Vec<f32>,
    /// Rewards.
    pub rewards: Vec<f64>,
    /// Nothing could be earned afterwards.
    pub terminated: Vec<bool>,
    /// What steps said besides.
    pub infos: Vec<Info>,
    /// Trajectories.
    pub episodes: usize,
}

impl<Info: Copy> Transitions<Info> {
    /// Of trajectories whose observations are `width` values wide.
    #[must_use]
    pub fn new(trajectories: &[Trajectory<Info>], width: usize) -> Self {
        let mut all = Self { episodes: trajectories.len(), ..Self::empty() };
        for trajectory in trajectories {
            let from = all.next_observations.len();
            all.observations.extend_from_slice(&trajectory.observations);
            all.next_observations.extend_from_slice(&trajectory.observations[width..]);
            all.next_observations.extend(std::iter::repeat_n(0.0, width));
            for (step, observation, _) in &trajectory.finals {
                let at = from + step * width;
                all.next_observations[at..at + width].copy_from_slice(observation);
            }
            all.actions.extend_from_slice(&trajectory.actions);
            all.rewards.extend_from_slice(&trajectory.rewards);
            all.terminated.extend_from_slice(&trajectory.terminated);
            all.infos.extend_from_slice(&trajectory.infos);
        }
        all
    }

    fn empty() -> Self {
        Self {
            observations: Vec::new(),
            next_observations: Vec::new(),
            actions: Vec::new(),
            rewards: Vec::new(),
            terminated: Vec::new(),
            infos: Vec::new(),
            episodes: 0,
        }
    }

    /// Number of transitions.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rewards.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rewards.is_empty()
    }
}

/// What acts while a log is collected.
#[derive(Debug, Clone, Copy)]
pub struct Behaviour<'a> {
    /// The policy; without one the start is left as it is.
    pub policy: Option<&'a Policy>,
    /// Share of choices, head by head, that are drawn at random instead, 0 to 1.
    pub exploration: f64,
}

/// Figures of an [`Info`] in a file.
const FIGURES: usize = 6;

impl Log {
    /// Plays rounds of one episode in each of `n_envs` environments on `scenarios`, of which there is one or more, until
    /// there are `steps` transitions. `card` says of what, and holds the seed.
    #[must_use]
    pub fn collect(card: Card, scenarios: Vec<Scenario>, behaviour: Behaviour<'_>, n_envs: usize, steps: u64) -> Self {
        let actions = Arc::new(Actions::new(&card.env.action).masked_if(false));
        let scenarios = Arc::from(scenarios);
        let environment = || Autoscaling::new(Arc::clone(&scenarios), Arc::clone(&actions), card.env.clone());
        let mut envs: Vec<Autoscaling> = (0..n_envs).map(|_| environment()).collect();
        let (heads, keep) = (actions.distributions(), actions.keep());
        let choose = |observation: &[f32], rng: &mut ChaCha8Rng, action: &mut [f32]| {
            match behaviour.policy {
                Some(policy) => {
                    let (mut seen, mut buffers) = (observation.to_vec(), Buffers::default());
                    policy.brain().act(&mut seen, &heads, &keep, &mut buffers, action);
                }
                None => action.copy_from_slice(&keep),
            }
            for (choice, head) in action.iter_mut().zip(&heads) {
                if rng.random::<f64>() < behaviour.exploration {
                    *choice = match head {
                        Distribution::Categorical(choices) => rng.random_range(0..*choices) as f32,
                        Distribution::Gaussian | Distribution::Beta => rng.random(),
                    };
                }
            }
        };
        let per_round = (n_envs * card.env.steps()) as u64;
        let trajectories: Vec<_> = (0..steps.div_ceil(per_round))
            .flat_map(|round| rollout::explore(&mut envs, &choose, card.env.steps(), card.seed, round))
            .collect();
        let experience = Transitions::new(&trajectories, card.observation.len());
        Self { card: Card { step: experience.len() as u64, ..card }, experience }
    }

    /// Reads a log.
    ///
    /// # Errors
    /// It cannot be read, is no log, or holds actions that its own environment does not have.
    pub fn load(path: &Path) -> Result<Self, InputError> {
        Archive::read(path).and_then(|archive| Self::unpack(&archive).map_err(|error| error.at(Place::file(path))))
    }

    /// The file's contents.
    #[must_use]
    pub fn pack(&self) -> Archive {
        let it = &self.experience;
        let header = serde_json::json!({"log": self.card, "episodes": it.episodes});
        let mut archive = Archive { header, ..Archive::default() };
        let (rows, heads, width) = (it.len(), self.card.action.len(), self.card.observation.len());
        archive.insert("observations", &[rows, width], &it.observations);
        archive.insert("next_observations", &[rows, width], &it.next_observations);
        archive.insert("actions", &[rows, heads], &it.actions);
        archive.insert("rewards", &[rows], &it.rewards.iter().map(|&reward| reward as f32).collect::<Vec<_>>());
        let flags = it.terminated.iter().map(|&end| f32::from(u8::from(end))).collect::<Vec<_>>();
        archive.insert("terminated", &[rows], &flags);
        let infos: Vec<f32> = it.infos.iter().flat_map(figures).collect();
        archive.insert("infos", &[rows, FIGURES], &infos);
        archive
    }

    fn unpack(archive: &Archive) -> Result<Self, InputError> {
        let not = |problem: String| InputError::new(problem, "give a file that `hpatune collect` wrote");
        let header = archive.header.get("log").ok_or_else(|| not("this is no log of transitions".to_owned()))?;
        let card: Card = serde_json::from_value(header.clone())
            .map_err(|error| not(format!("its header is not a log's: {error}")))?;
        card.check()?;
        let rows = archive.tensors.get("rewards").map_or(0, |(_, values)| values.len());
        let heads = Actions::new(&card.env.action).distributions();
        let rewards = archive.values("rewards", rows)?.iter().map(|&reward| f64::from(reward)).collect();
        let actions = archive.values("actions", rows * heads.len())?;
        let sane = |(index, &number): (usize, &f32)| match heads[index % heads.len()] {
            Distribution::Categorical(choices) => number >= 0.0 && choice(number) < choices && number.fract() == 0.0,
            Distribution::Gaussian | Distribution::Beta => true,
        };
        if rows == 0 || !actions.iter().enumerate().all(sane) {
            return Err(broken(format!("it has {rows} transitions, or actions outside its choices")));
        }
        let (infos, _) = archive.values("infos", rows * FIGURES)?.as_chunks::<FIGURES>();
        let width = rows * card.observation.len();
        let experience = Transitions {
            observations: archive.values("observations", width)?.to_vec(),
            next_observations: archive.values("next_observations", width)?.to_vec(),
            actions: actions.to_vec(),
            rewards,
            terminated: archive.values("terminated", rows)?.iter().map(|&flag| flag > 0.5).collect(),
            infos: infos.iter().map(info).collect(),
            episodes: archive.header["episodes"].as_u64().unwrap_or(1).max(1) as usize,
        };
        Ok(Self { card, experience })
    }

    /// Checks that a policy of `card` can learn from it: that it sees what the log holds, and that its actions mean the
    /// same.
    ///
    /// # Errors
    /// It was collected under another `[env]`, from another kind of start, or with other forecasts.
    pub fn check(&self, card: &Card) -> Result<(), InputError> {
        let of = |card: &Card| format!("{:?}", card.start).to_lowercase();
        let (problem, help) = if self.card.env != card.env {
            let help = "train with the [env] of the log's experiment file, or collect anew";
            ("the log was collected under another [env]".to_owned(), help)
        } else if self.card.start != card.start {
            let help = "train with the train.start of the log's experiment file, or collect anew";
            (format!("the log starts from {:?}, and this run from {:?}", of(&self.card), of(card)), help)
        } else if self.card.forecaster != card.forecaster {
            let help = "train with the train.forecast of the log's experiment file, on the traces and functions that \
                        its forecaster has learned from, or collect anew";
            ("the log holds what another forecaster says, or none".to_owned(), help)
        } else {
            return Ok(());
        };
        Err(InputError::new(problem, help).field("train.offline.log"))
    }
}

fn figures(info: &Info) -> [f32; FIGURES] {
    [info.offered, info.violations, info.cost, info.reference, info.violation_cost, info.reference_violation_cost]
        .map(|figure| figure as f32)
}

fn info(figures: &[f32; FIGURES]) -> Info {
    let [offered, violations, cost, reference, violation_cost, reference_violation_cost] = figures.map(f64::from);
    Info { offered, violations, cost, reference, violation_cost, reference_violation_cost }
}
