//! Discrete batch-constrained Q-learning: only choices that the log is likely to take are considered.
//!
//! ```text
//! a' = argmax over {a : G(a|s') / max_b G(b|s') ≥ τ} of Q(s', a);   y = r + γ Q_target(s', a')
//! L = ½ E[(Q(s, a_log) − y)²] − E[log G(a_log|s)] + 0.01 E[Σ i²],   G = softmax(i)
//! ```
//! Source: Fujimoto et al., Benchmarking Batch Deep Reinforcement Learning Algorithms, arXiv:1910.01708, eq. 4 and
//! algorithm 1; the penalty on logits is that of its authors' code. The threshold holds for each head.

use candle_core::Tensor;

use super::offline::{Batch, Parts};
use crate::env::Distribution;
use crate::rl::brain::{Brain, Perceptron, constrained};
use crate::rl::settings::algorithms;

/// Weight of the penalty on the behaviour's logits.
const PENALTY: f64 = 0.01;

/// BCQ.
#[derive(Debug)]
pub(super) struct Bcq {
    settings: algorithms::Bcq,
}

impl Bcq {
    pub(super) fn new(settings: &algorithms::Bcq) -> Self {
        Self { settings: settings.clone() }
    }

    fn threshold(&self) -> f32 {
        self.settings.threshold as f32
    }
}

impl Batch for Bcq {
    fn follow(&self, values: &[f32], behaviour: &[f32], heads: &[Distribution], action: &mut [f32]) {
        constrained(values, behaviour, heads, self.threshold(), action);
    }

    fn regularizer(&self, parts: &Parts) -> candle_core::Result<Tensor> {
        let penalty = (parts.behaviour.sqr()?.mean_all()? * PENALTY)?;
        penalty - parts.log_behaviour.mean_all()?
    }

    fn target_rate(&self) -> f64 {
        self.settings.target_rate
    }

    fn brain(&self, values: Perceptron, behaviour: Perceptron) -> Brain {
        Brain::Batch { values, behaviour, threshold: self.threshold() }
    }
}
