//! Advantage actor-critic on n-step returns, with a step size each for actor and critic.
//!
//! ```text
//! A_t = Σ_{k<n} γ^k r_{t+k} + γ^n V(s_{t+n}) − V(s_t);   L = −E[A_t log π(a_t|s_t)] + c_v ½ E[(V(s_t) − A_t − V_old(s_t))²]
//! ```
//! n = 1 is the one-step temporal difference. Source: Sutton and Barto, Reinforcement Learning, 2nd ed., section 13.5;
//! Mnih et al., arXiv:1602.01783. An update passes once over its steps, so the policy that acted is at most one pass old.

use super::{Credit, Lane, Method, Plan};
use crate::rl::gae;
use crate::rl::gradient::{Objective, Surrogate};
use crate::rl::settings::Settings;

/// Advantage actor-critic.
#[derive(Debug)]
pub struct ActorCritic {
    settings: Settings,
}

impl ActorCritic {
    /// With the settings' numbers.
    #[must_use]
    pub fn new(settings: &Settings) -> Self {
        Self { settings: settings.clone() }
    }
}

impl Method for ActorCritic {
    fn values(&self) -> usize {
        1
    }

    fn credit(&self, lane: &Lane<'_>) -> Credit {
        let (discount, n) = (self.settings.discount_factor, self.settings.actor_critic.n);
        let advantages = gae::n_step(lane.rewarded(), discount, n);
        let returns = advantages.iter().zip(&lane.values[0]).map(|(advantage, value)| advantage + value).collect();
        Credit { advantages, returns }
    }

    fn plan(&self, left: f64) -> Plan {
        let settings = &self.settings;
        Plan {
            objective: Objective {
                surrogate: Surrogate::Plain,
                value: settings.value,
                entropy: settings.entropy * left,
                reference_kl: 0.0,
            },
            epochs: 1,
            minibatch: settings.minibatch,
            standardize: false,
            most_kl: f64::INFINITY,
            actor_rate: settings.actor_critic.actor_learning_rate * left,
            critic_rate: settings.actor_critic.critic_learning_rate * left,
        }
    }
}
