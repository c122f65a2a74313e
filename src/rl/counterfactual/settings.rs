//! `[train.counterfactual]` of an experiment file.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::{InputError, above_zero, at_least, within};

/// `[train.counterfactual]`. Before an on-policy algorithm plays, its first policy, or the one that learning goes on from, is
/// fitted to what other actions would have cost on the same traffic. Where actions have a cool-down or count from present
/// replicas, in modes other than `hpa`, with a memory, and under a constraint there is none of this.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Decisions, over all functions together, at which other actions are tried, at most as many as their training time has;
    /// 0 leaves the first policy as it is.
    pub decisions: u64,
    /// Decisions for which another action holds, 1 to 1000, before the first policy takes over again. A pod that is let go
    /// at the next decision was started for nothing.
    pub hold: usize,
    /// Decisions whose cost counts, `hold` to 1000.
    pub horizon: usize,
    /// Values that are tried of a head that is a number, 2 to 100.
    pub values: usize,
    /// Passes over what was tried, 1 to 1000.
    pub epochs: usize,
    /// Adam's step size at the start, above 0; it falls linearly to 0.
    pub learning_rate: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { decisions: 120_000, hold: 4, horizon: 12, values: 5, epochs: 20, learning_rate: 1e-3 }
    }
}

impl Settings {
    /// Checks the ranges.
    ///
    /// # Errors
    /// The first value out of range.
    pub fn validate(&self) -> Result<(), InputError> {
        within("train.counterfactual.decisions", self.decisions as f64, 0.0, 1e7)?;
        within("train.counterfactual.hold", self.hold as f64, 1.0, 1000.0)?;
        at_least("train.counterfactual.horizon", self.horizon as f64, self.hold as f64)?;
        within("train.counterfactual.horizon", self.horizon as f64, 1.0, 1000.0)?;
        within("train.counterfactual.values", self.values as f64, 2.0, 100.0)?;
        within("train.counterfactual.epochs", self.epochs as f64, 1.0, 1000.0)?;
        above_zero("train.counterfactual.learning_rate", self.learning_rate)
    }
}
