//! The modes of `[env.action]`, and the tables of those that set replicas themselves.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::action::Base;
use crate::error::{InputError, within};
use crate::units::{Bytes, Millicores};

/// What an agent moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Fields of the HPA, which then decides.
    #[default]
    Hpa,
    /// Replicas, as an HPA whose minReplicas and maxReplicas are one.
    Direct,
    /// Replicas likewise, and the limits of pods.
    Infrastructure,
}

impl Mode {
    /// Its name in configuration and messages.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Hpa => "hpa",
            Self::Direct => "direct",
            Self::Infrastructure => "infrastructure",
        }
    }
}

/// `[env.action.direct]`: replicas = base + step, within the bounds of the HPA. One head for each list of more than one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Direct {
    /// What steps are counted from: the `current` replicas, or a forecast as in `min_base`, rounded up.
    pub base: Vec<Base>,
    /// Replicas more or fewer than the base.
    pub steps: Vec<i32>,
}

impl Default for Direct {
    fn default() -> Self {
        Self { base: vec![Base::Current], steps: vec![0, 1, 2, -1, -2] }
    }
}

/// `[env.action.infrastructure]`: no change; one or two replicas more or fewer; a step of the CPU limit, or of the memory
/// limit, up or down. As numbers, up to two replicas and a step of each limit at once. Requests keep their ratio to limits,
/// so that larger pods cost more.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Infrastructure {
    /// Step of the CPU limit.
    pub cpu_step: Millicores,
    /// Least and largest CPU limit.
    pub cpu: (Millicores, Millicores),
    /// Step of the memory limit.
    pub memory_step: Bytes,
    /// Least and largest memory limit.
    pub memory: (Bytes, Bytes),
}

impl Default for Infrastructure {
    fn default() -> Self {
        Self {
            cpu_step: Millicores(500),
            cpu: (Millicores(500), Millicores(4000)),
            memory_step: Bytes(256 << 20),
            memory: (Bytes(256 << 20), Bytes(4 << 30)),
        }
    }
}

impl Direct {
    pub(super) fn validate(&self) -> Result<(), InputError> {
        let most = f64::from(u8::MAX);
        within("env.action.direct.base", self.base.len() as f64, 1.0, most)?;
        within("env.action.direct.steps", self.steps.len() as f64, 1.0, most)?;
        self.steps.iter().try_for_each(|&step| within("env.action.direct.steps", f64::from(step), -1e5, 1e5))?;
        if twice(&self.base) || twice(&self.steps) {
            let key = if twice(&self.base) { "base" } else { "steps" };
            let error = InputError::new("a value is listed twice", "list each once");
            return Err(error.field(format!("env.action.direct.{key}")));
        }
        if self.base.len() == 1 && self.steps.len() == 1 {
            let help = "list more than one base or step";
            return Err(InputError::new("the agent has no choice", help).field("env.action.direct.steps"));
        }
        if self.steps.contains(&0) {
            return Ok(());
        }
        let help = "add 0 to the list";
        Err(InputError::new("the agent cannot leave the base as it is", help).field("env.action.direct.steps"))
    }
}

/// Whether a list holds a value more than once.
fn twice<T: PartialEq>(list: &[T]) -> bool {
    list.iter().enumerate().any(|(at, value)| list[..at].contains(value))
}

impl Infrastructure {
    pub(super) fn validate(&self) -> Result<(), InputError> {
        let table = "env.action.infrastructure";
        let cpu = (f64::from(self.cpu.0.0), f64::from(self.cpu.1.0), f64::from(self.cpu_step.0));
        let memory = (self.memory.0.0 as f64, self.memory.1.0 as f64, self.memory_step.0 as f64);
        for (key, (least, most, step), (low, high), help) in [
            ("cpu", cpu, (1.0, 1e6), "write two limits from \"1m\" to \"1000\", the least first"),
            ("memory", memory, (1024.0 * 1024.0, 1e14), "write two limits from \"1Mi\" to \"90Ti\", the least first"),
        ] {
            if !(low <= least && least <= most && most <= high) {
                return Err(InputError::new("these are no bounds", help).field(format!("{table}.{key}")));
            }
            if step < 1.0 || step > most {
                let problem = "the step leads nowhere";
                let help = "write more than 0, and no more than the largest limit";
                return Err(InputError::new(problem, help).field(format!("{table}.{key}_step")));
            }
        }
        Ok(())
    }
}
