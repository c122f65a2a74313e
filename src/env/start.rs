//! What an agent starts from on a function, and returns to whenever it keeps every knob.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::autoscalers::linear::Linear;
use crate::forecast::{Forecaster, Foresight};
use crate::hpa;

/// An HPA, and the linear policy that moves its target and minReplicas where there is one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Start {
    /// The HPA's settings before the first decision.
    pub hpa: hpa::Settings,
    /// Proposes target and minReplicas at each decision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub linear: Option<Linear>,
    /// Foresees the next peak, for the linear policy and the agent. All starts of a policy share it: in a file it stands once,
    /// beside them.
    #[serde(skip)]
    pub forecaster: Option<Forecaster>,
}

impl Start {
    /// A static HPA.
    #[must_use]
    pub fn fixed(hpa: &hpa::Settings) -> Self {
        Self { hpa: hpa.clone(), linear: None, forecaster: None }
    }

    /// The linear policy on the HPA beneath it.
    #[must_use]
    pub fn linear(linear: Linear, base: &hpa::Settings) -> Self {
        Self { hpa: Linear::hpa(base), linear: Some(linear), forecaster: None }
    }

    /// The same start with this forecaster.
    #[must_use]
    pub fn foreseeing(self, forecaster: Option<Forecaster>) -> Self {
        Self { forecaster, ..self }
    }

    /// What its forecaster says on time that it has not learned from.
    #[must_use]
    pub fn foresight(&self) -> Option<Foresight> {
        self.forecaster.clone().map(Foresight::new)
    }
}

/// How the start of a function is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The HPA of `[hpa]`.
    Hpa,
    /// The best static HPA that `[tune]` finds on the function's training time.
    Tuned,
    /// The linear policy evolved on the function's training time, where it beats the tuned HPA on validation time; the
    /// tuned HPA elsewhere.
    Linear,
    /// One linear policy for all functions, evolved on all of them together. It stands in the policy file, so that a
    /// function that was not learned on needs no search and no past of its own.
    Shared,
}
