//! What an update of a training run is reported by.

use serde::{Deserialize, Serialize};

use super::learner::Report;
use crate::env::autoscaling::Info;

/// A line of `metrics.jsonl`, less the clock.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Metrics {
    /// Environment steps so far.
    pub step: u64,
    /// Mean sum of rewards of an episode.
    #[serde(rename = "return")]
    pub mean_return: f64,
    /// Share of requests late or dropped while learning.
    pub violation_rate: f64,
    /// Cost over the static HPA's on the same traffic while learning.
    pub cost_vs_reference: f64,
    /// Priced violations over the static HPA's on the same traffic while learning.
    pub violations_vs_reference: f64,
    /// What a violation was worth in rewards, as a multiple of its price.
    pub severity: f64,
    /// Approximate divergence of the policy from the one that acted.
    pub approx_kl: f64,
    /// Share of steps beyond the clip.
    pub clip_fraction: f64,
    /// Entropy of the policy in nats.
    pub entropy: f64,
    /// Share of the returns' variance that the critic explained.
    pub explained_variance: f64,
    /// ½ (V − R)².
    pub value_loss: f64,
    /// Norm of the gradient before it was cut.
    pub grad_norm: f64,
    /// Adam's step size.
    pub learning_rate: f64,
    /// Rewards that a late request of a function of mean load was worth, under a constraint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub multiplier: Option<f64>,
    /// Divergence from the reference policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference_kl: Option<f64>,
    /// Share of random actions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exploration: Option<f64>,
    /// Share of the log's states in which the policy takes an action that the log never takes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unseen_actions: Option<f64>,
    /// Cost over the static HPA's on validation time, when the policy was judged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validation_cost_vs_reference: Option<f64>,
    /// Share of requests late or dropped on validation time, when the policy was judged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validation_violation_rate: Option<f64>,
}

impl Metrics {
    /// Of an update.
    pub(super) fn of(report: &Report<Info>) -> Self {
        let sum = |of: fn(&Info) -> f64| report.infos.iter().map(of).sum::<f64>();
        Self {
            step: report.step,
            mean_return: report.mean_return,
            violation_rate: sum(|info| info.violations) / sum(|info| info.offered).max(1e-9),
            cost_vs_reference: sum(|info| info.cost) / sum(|info| info.reference).max(1e-9),
            violations_vs_reference: sum(|info| info.violation_cost)
                / sum(|info| info.reference_violation_cost).max(1e-9),
            approx_kl: report.losses.kl,
            clip_fraction: report.losses.clipped,
            entropy: report.losses.entropy,
            explained_variance: report.explained_variance,
            value_loss: report.losses.value,
            grad_norm: report.grad_norm,
            learning_rate: report.learning_rate,
            multiplier: report.multiplier,
            reference_kl: Some(report.losses.reference_kl).filter(|&divergence| divergence > 0.0),
            exploration: report.exploration,
            unseen_actions: report.unseen_actions,
            ..Self::default()
        }
    }
}
