//! `[env]` of an experiment file.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::InputError;

/// `[env]`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {}

impl Settings {
    /// Checks the ranges.
    ///
    /// # Errors
    /// The first value out of range.
    pub fn validate(&self) -> Result<(), InputError> {
        Ok(())
    }
}
