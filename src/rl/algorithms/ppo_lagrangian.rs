//! PPO under a constraint: at most a given share of requests late or dropped.
//!
//! ```text
//! max_π J_r(π) subject to J_c(π) ≤ d;   A = (A_r − λ A_c) / (1 + λ)
//! Δ = J_c / d − 1, smoothed;   I ← max(0, I + Δ);   λ = max(0, K_P Δ + K_I I + K_D max(0, Δ − Δ_before))
//! ```
//! Rewards and costs have a critic output each. λ weighs advantages of rewards and costs that are scaled to returns of
//! order one; in the rewards' own unit it is `λ σ_r / σ_c`. Sources: Ray et al., Benchmarking Safe Exploration (2019);
//! Stooke et al., Responsive Safety in Reinforcement Learning by PID Lagrangian Methods, arXiv:2007.03964, algorithm 2
//! and eq. 9 for the division by 1 + λ.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Credit, Lane, Method, Plan, ppo};
use crate::error::InputError;
use crate::rl::file::broken;
use crate::rl::gae;
use crate::rl::settings::{Settings, algorithms};

/// PPO-Lagrangian.
#[derive(Debug)]
pub struct PpoLagrangian {
    settings: Settings,
    control: Control,
}

/// The controller of the multiplier.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
struct Control {
    /// Δ, smoothed; absent before the first update.
    excess: Option<f64>,
    /// I.
    sum: f64,
    /// λ.
    multiplier: f64,
}

impl Control {
    fn hear(&mut self, share: f64, gains: &algorithms::Lagrangian) {
        let now = share / gains.limit.fraction() - 1.0;
        let before = self.excess.unwrap_or(now);
        let excess = gains.smoothing * before + (1.0 - gains.smoothing) * now;
        self.sum = (self.sum + excess).max(0.0);
        let growth = (excess - before).max(0.0);
        self.excess = Some(excess);
        let sum = gains.proportional * excess + gains.integral * self.sum + gains.derivative * growth;
        self.multiplier = sum.max(0.0);
    }
}

impl PpoLagrangian {
    /// With the settings' numbers.
    #[must_use]
    pub fn new(settings: &Settings) -> Self {
        Self { settings: settings.clone(), control: Control::default() }
    }

    fn estimate(&self, steps: gae::Steps<'_>) -> Vec<f32> {
        let mut advantages = vec![0.0; steps.rewards.len()];
        gae::advantages(steps, self.settings.discount_factor, self.settings.gae_lambda, &mut advantages);
        advantages
    }
}

impl Method for PpoLagrangian {
    fn values(&self) -> usize {
        2
    }

    fn credit(&self, lane: &Lane<'_>) -> Credit {
        let (rewards, costs) = (self.estimate(lane.rewarded()), self.estimate(lane.charged()));
        let multiplier = self.control.multiplier as f32;
        let together = |(reward, cost): (&f32, &f32)| (reward - multiplier * cost) / (1.0 + multiplier);
        let targets = |t: usize| [rewards[t] + lane.values[0][t], costs[t] + lane.values[1][t]];
        Credit {
            advantages: rewards.iter().zip(&costs).map(together).collect(),
            returns: (0..rewards.len()).flat_map(targets).collect(),
        }
    }

    fn plan(&self, left: f64) -> Plan {
        ppo::plan(&self.settings, left)
    }

    fn constrain(&mut self, share: f64) {
        self.control.hear(share, &self.settings.lagrangian);
    }

    fn multiplier(&self) -> Option<f64> {
        Some(self.control.multiplier)
    }

    fn save(&self) -> Value {
        serde_json::to_value(self.control).expect("numbers are JSON")
    }

    fn restore(&mut self, state: &Value) -> Result<(), InputError> {
        let read = serde_json::from_value(state.clone());
        self.control = read.map_err(|error| broken(format!("it has no state of a multiplier: {error}")))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_multiplier_is_the_sum_of_its_three_gains() {
        let gains = algorithms::Lagrangian { smoothing: 0.0, ..algorithms::Lagrangian::default() };
        let (proportional, integral, derivative) = (gains.proportional, gains.integral, gains.derivative);
        let mut control = Control::default();
        control.hear(0.03, &gains);
        assert!((control.multiplier - (proportional * 2.0 + integral * 2.0)).abs() < 1e-12);
        control.hear(0.05, &gains);
        assert!((control.multiplier - (proportional * 4.0 + integral * 6.0 + derivative * 2.0)).abs() < 1e-12);
        (0..40).for_each(|_| control.hear(0.0, &gains));
        assert_eq!((control.multiplier, control.sum), (0.0, 0.0), "below the limit it vanishes, and owes nothing");
    }
}
