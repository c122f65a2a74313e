//! `[train.safety]` of an experiment file.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::{InputError, above_zero, within};

/// `[train.safety]`. A critic of the finished policy: from what is seen and what would be done to the probability that
/// late requests stay within the objective for a while. The policy then takes only actions that it holds for safe.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Whether a critic is learned when training ends, and kept in the policy's file.
    pub enabled: bool,
    /// Decisions ahead that it looks, 1 to 1000. An action is unsafe when more requests than `slo.target` allows are late or
    /// dropped within them. Ten minutes are what a pod's start and the HPA's stabilisation take.
    pub horizon: usize,
    /// Least probability of safety at which an action is taken, above 0 and below 1.
    pub threshold: f64,
    /// Decisions that it learns from, on training time. A quarter as many each, on the two halves of validation time,
    /// calibrate it and tell how often it errs.
    pub steps: u64,
    /// Share of those decisions that are random, 0 to 1: what the policy never does cannot be judged otherwise.
    pub explore: f64,
    /// Width of its hidden layer, 1 to 4096.
    pub hidden: usize,
    /// Passes over what it learns from.
    pub epochs: usize,
    /// Adam's step size.
    pub learning_rate: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            enabled: false,
            horizon: 10,
            threshold: 0.8,
            steps: 200_000,
            explore: 0.3,
            hidden: 32,
            epochs: 10,
            learning_rate: 1e-3,
        }
    }
}

impl Settings {
    /// Checks the ranges.
    ///
    /// # Errors
    /// The first value out of range.
    pub fn validate(&self) -> Result<(), InputError> {
        within("train.safety.horizon", self.horizon as f64, 1.0, 1000.0)?;
        within("train.safety.threshold", self.threshold, 1e-6, 1.0 - 1e-6)?;
        within("train.safety.steps", self.steps as f64, 1000.0, 1e9)?;
        within("train.safety.explore", self.explore, 0.0, 1.0)?;
        within("train.safety.hidden", self.hidden as f64, 1.0, 4096.0)?;
        within("train.safety.epochs", self.epochs as f64, 1.0, 1000.0)?;
        above_zero("train.safety.learning_rate", self.learning_rate)
    }
}
