//! Proximal policy optimisation: generalised advantages, and several passes under a clipped ratio.
//!
//! Source: Schulman et al., Proximal Policy Optimization Algorithms, arXiv:1707.06347, algorithm 1.

use super::{Credit, Lane, Method, Plan};
use crate::rl::gae;
use crate::rl::gradient::{Objective, Surrogate};
use crate::rl::settings::Settings;

/// PPO.
#[derive(Debug)]
pub struct Ppo {
    settings: Settings,
}

impl Ppo {
    /// With the settings' numbers.
    #[must_use]
    pub fn new(settings: &Settings) -> Self {
        Self { settings: settings.clone() }
    }
}

impl Method for Ppo {
    fn values(&self) -> usize {
        1
    }

    fn credit(&self, lane: &Lane<'_>) -> Credit {
        let mut advantages = vec![0.0; lane.rewards.len()];
        gae::advantages(lane.rewarded(), self.settings.discount_factor, self.settings.gae_lambda, &mut advantages);
        let returns = advantages.iter().zip(&lane.values[0]).map(|(advantage, value)| advantage + value).collect();
        Credit { advantages, returns }
    }

    fn plan(&self, left: f64) -> Plan {
        plan(&self.settings, left)
    }
}

/// The passes of PPO, which other algorithms with a clipped ratio share.
pub(super) fn plan(settings: &Settings, left: f64) -> Plan {
    let rate = settings.learning_rate * left;
    Plan {
        objective: Objective {
            surrogate: Surrogate::Clipped { clip: settings.clip },
            value: settings.value,
            entropy: settings.entropy * left,
            reference_kl: 0.0,
        },
        epochs: settings.epochs,
        minibatch: settings.minibatch,
        standardize: true,
        most_kl: 1.5 * settings.target_kl,
        actor_rate: rate,
        critic_rate: rate,
    }
}
