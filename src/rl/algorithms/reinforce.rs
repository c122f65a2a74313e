//! REINFORCE: one gradient an update, along the log-probabilities weighed by normalised discounted returns.
//!
//! ```text
//! G_t = r_t + γ G_{t+1};   L = −E[(G_t − mean G) / std G · log π(a_t|s_t)]
//! ```
//! Source: Williams, Machine Learning 8 (1992). There is no critic, so an episode that is cut by time ends there.

use super::{Credit, Lane, Method, Plan};
use crate::rl::gae;
use crate::rl::gradient::{Objective, Surrogate};
use crate::rl::settings::Settings;

/// REINFORCE.
#[derive(Debug)]
pub struct Reinforce {
    settings: Settings,
}

impl Reinforce {
    /// With the settings' numbers.
    #[must_use]
    pub fn new(settings: &Settings) -> Self {
        Self { settings: settings.clone() }
    }
}

impl Method for Reinforce {
    fn values(&self) -> usize {
        0
    }

    fn credit(&self, lane: &Lane<'_>) -> Credit {
        let discount = self.settings.discount_factor;
        let advantages = gae::returns_to_go(&lane.rewards, lane.terminated, lane.truncated, discount);
        Credit { advantages, returns: Vec::new() }
    }

    fn plan(&self, left: f64) -> Plan {
        let settings = &self.settings;
        let rate = settings.reinforce.learning_rate * left;
        Plan {
            objective: Objective {
                surrogate: Surrogate::Plain,
                value: 0.0,
                entropy: settings.entropy * left,
                reference_kl: 0.0,
            },
            epochs: 1,
            minibatch: usize::MAX,
            standardize: true,
            most_kl: f64::INFINITY,
            actor_rate: rate,
            critic_rate: 0.0,
        }
    }
}
