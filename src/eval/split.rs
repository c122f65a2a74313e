//! How a trace is divided: training first, then validation, then test, by time. What is tuned or learned sees only
//! training time; checkpoints are chosen on validation; test is touched once.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::InputError;

/// `[split]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Share of the trace, from its start, that training and search see; above 0.
    pub train: f64,
    /// Share that follows and chooses checkpoints; 0 or more. The rest is for the test.
    pub validation: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { train: 0.5, validation: 0.1 }
    }
}

impl Settings {
    /// Checks the shares.
    ///
    /// # Errors
    /// Shares that are not positive, or leave nothing for the test.
    pub fn validate(&self) -> Result<(), InputError> {
        if self.train > 0.0 && self.validation >= 0.0 && self.train + self.validation < 1.0 {
            return Ok(());
        }
        let problem = format!("train = {} and validation = {} leave nothing to test on", self.train, self.validation);
        Err(InputError::new(problem, "write shares above 0 whose sum is below 1").field("split.train"))
    }
}
