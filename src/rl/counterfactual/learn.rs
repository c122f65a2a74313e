//! From scenarios to an actor: tries actions, and fits.

use std::sync::Arc;

use super::collect::Player;
use super::fit::Fit;
use super::trials::Trials;
use crate::env::settings::{Base, Form, Mode};
use crate::env::{self, Actions, Scenario, Sight};
use crate::rl::brain::Perceptron;
use crate::rl::moments::{Moments, Normalizer};
use crate::rl::network::Network;
use crate::rl::settings::{self, Algorithm, Memory};

/// What there is to learn on.
pub struct Ground<'a> {
    /// Functions.
    pub scenarios: &'a Arc<[Scenario]>,
    /// `[env]`.
    pub env: &'a env::Settings,
    /// `[train]`.
    pub train: &'a settings::Settings,
    /// Seed of weights, episodes, noise and order.
    pub seed: u64,
}

impl Ground<'_> {
    /// Whether other actions can be tried: what they set does not depend on what was done before.
    fn fits(&self) -> bool {
        let (env, train) = (self.env, self.train);
        let on_policy =
            [Algorithm::Ppo, Algorithm::Reinforce, Algorithm::ActorCritic, Algorithm::Grpo].contains(&train.algorithm);
        on_policy
            && train.memory == Memory::None
            && env.action.mode == Mode::Hpa
            && env.action.cooldown.is_zero()
            && !env.action.min_base.contains(&Base::Current)
            && env.reward.form == Form::Levels
    }

    /// The normalisation that observations give, where it is wanted.
    fn normalizer(&self, observations: &[f32]) -> Normalizer {
        let width = Sight::new(self.env).len();
        if !self.train.normalize_observations {
            return Normalizer::identity(width);
        }
        let mut moments = Moments::new(width);
        moments.update(observations);
        moments.normalizer()
    }

    fn trials(&self) -> Trials {
        let actions = Actions::new(&self.env.action);
        Trials::new(&actions.distributions(), &actions.first(), self.train.counterfactual.values)
    }

    fn player<'a>(&'a self, trials: &'a Trials) -> Player<'a> {
        let Self { scenarios, env, train, seed } = *self;
        Player { scenarios, env, settings: &train.counterfactual, trials, seed }
    }
}

/// Decisions that are simulated to try actions.
#[must_use]
pub fn steps(ground: &Ground<'_>) -> u64 {
    if !ground.fits() {
        return 0;
    }
    ground.player(&ground.trials()).steps()
}

/// An actor that was fitted to what other actions would have cost, and the decisions that it was fitted to: a new one, or that
/// of the `teacher`, whose parameters the passes then begin with and whose normalisation stays. There is none where none is
/// wanted or can be had, and when `go_on`, which is asked before each episode and pass, says no.
///
/// # Errors
/// Candle fails.
pub fn learn(
    ground: &Ground<'_>,
    network: &Network,
    teacher: Option<&Perceptron>,
    go_on: &(dyn Fn() -> bool + Sync),
) -> candle_core::Result<Option<(Perceptron, u64)>> {
    let trials = ground.trials();
    if !ground.fits() || trials.is_empty() {
        return Ok(None);
    }
    let Some(mut cases) = ground.player(&trials).collect(go_on) else { return Ok(None) };
    if cases.rows() == 0 {
        return Ok(None);
    }
    let mut theta = network.initialize(ground.seed, &trials.first, ground.train.initial_share);
    let normalizer = match teacher {
        None => ground.normalizer(&cases.observations),
        Some(teacher) => {
            theta[..teacher.theta.len()].copy_from_slice(&teacher.theta);
            teacher.normalizer.clone()
        }
    };
    normalizer.apply(&mut cases.observations);
    let fit = Fit { network, cases: &cases, trials: &trials, train: ground.train, seed: ground.seed };
    let theta = fit.run(theta, go_on)?;
    Ok(theta.map(|theta| (Perceptron::actor(network, &theta, normalizer), cases.rows() as u64)))
}
