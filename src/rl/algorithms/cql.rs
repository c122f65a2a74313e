//! Conservative Q-learning: values of actions that the log does not take are pushed down.
//!
//! ```text
//! L = α E[log Σ_a exp Q(s, a) − Q(s, a_log)] + ½ E[(Q(s, a_log) − y)²],   y = r + γ Q_target(s', argmax_a Q(s', a))
//! ```
//! Source: Kumar et al., arXiv:2006.04779, eq. 4, CQL(H); double Q-learning in the target (van Hasselt et al.,
//! arXiv:1509.06461). Over factored values the first term is `−Σ_h log softmax(q_h)(a_h)`.

use candle_core::Tensor;

use super::offline::{Batch, Parts};
use crate::env::Distribution;
use crate::rl::brain::{Brain, Perceptron};
use crate::rl::heads;
use crate::rl::settings::algorithms;

/// CQL.
#[derive(Debug)]
pub(super) struct Cql {
    settings: algorithms::Cql,
}

impl Cql {
    pub(super) fn new(settings: &algorithms::Cql) -> Self {
        Self { settings: settings.clone() }
    }
}

impl Batch for Cql {
    fn follow(&self, values: &[f32], _behaviour: &[f32], heads: &[Distribution], action: &mut [f32]) {
        heads::likeliest(values, heads, action);
    }

    fn regularizer(&self, parts: &Parts) -> candle_core::Result<Tensor> {
        parts.log_softmax.mean_all()? * -self.settings.alpha
    }

    fn target_rate(&self) -> f64 {
        self.settings.target_rate
    }

    fn brain(&self, values: Perceptron, _behaviour: Perceptron) -> Brain {
        Brain::Network(values)
    }
}
