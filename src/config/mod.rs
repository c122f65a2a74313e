//! The experiment file: one TOML document of tables, each owned by the module it configures.
//!
//! A field's own range lives in its type, so the TOML reader names the line; rules between fields are in `validate`.

mod describe;
mod place;
mod validate;

use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::error::{InputError, Place};
use crate::{env, eval, hpa, rl, sim};

pub use describe::{default_toml, schema};

/// A whole experiment file. An empty file is a stock cluster with a stock HPA.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Experiment {
    /// How a trace becomes work for pods.
    pub workload: sim::settings::Workload,
    /// The Deployment's pods.
    pub pod: sim::settings::Pod,
    /// From a pod's creation to its readiness.
    pub startup: sim::settings::Startup,
    /// The path from a pod's counters to the HPA.
    pub metrics: sim::settings::MetricsPath,
    /// The room for pods.
    pub cluster: sim::settings::Cluster,
    /// What breaks.
    pub faults: sim::settings::Faults,
    /// Updates of the Deployment.
    pub rollout: sim::settings::Rollout,
    /// Which requests count as violations.
    pub slo: sim::settings::Slo,
    /// What things cost.
    pub prices: sim::settings::Prices,
    /// How single requests come, and which pod gets each (request level).
    pub requests: sim::settings::Requests,
    /// The HPA.
    pub hpa: hpa::Settings,
    /// How a trace is divided into training, validation and test time.
    pub split: eval::split::Settings,
    /// The search for the best static HPA.
    pub tune: eval::tune::Settings,
    /// What an agent sees, does and is rewarded for.
    pub env: env::Settings,
    /// Learning.
    pub train: rl::Settings,
}

impl Experiment {
    /// Reads a file, or takes the defaults when there is none. `-` is standard input.
    ///
    /// # Errors
    /// A file that cannot be read, is not TOML, has an unknown key, or breaks a rule.
    pub fn load(path: Option<&Path>) -> Result<Self, InputError> {
        let Some(path) = path else { return Ok(Self::default()) };
        let text = if path.as_os_str() == "-" {
            std::io::read_to_string(std::io::stdin())
        } else {
            std::fs::read_to_string(path)
        };
        Self::parse(&text.map_err(|error| InputError::io(path, "read", &error))?, path)
    }

    /// Reads the text of a file; `path` is for messages.
    ///
    /// # Errors
    /// Text that is not TOML, has an unknown key, or breaks a rule.
    pub fn parse(text: &str, path: &Path) -> Result<Self, InputError> {
        let experiment: Self = toml::from_str(text).map_err(|error| place::syntax(&error, text, path))?;
        experiment.validate().map_err(|error| {
            let at = error.field.as_deref().map_or_else(|| Place::file(path), |field| place::of(field, text, path));
            error.at(at)
        })?;
        Ok(experiment)
    }

    /// The tables of the simulated world.
    #[must_use]
    pub fn sim(&self) -> sim::Settings {
        sim::Settings {
            workload: self.workload.clone(),
            pod: self.pod.clone(),
            startup: self.startup.clone(),
            metrics: self.metrics.clone(),
            cluster: self.cluster.clone(),
            faults: self.faults.clone(),
            rollout: self.rollout.clone(),
            slo: self.slo.clone(),
            prices: self.prices.clone(),
            requests: self.requests.clone(),
            level: sim::Level::Fluid,
        }
    }

    /// The file that this experiment would be, without comments.
    #[must_use]
    pub fn to_toml(&self) -> String {
        toml::to_string(self).expect("an experiment is plain tables")
    }

    /// The first 16 hexadecimal digits of the SHA-256 of [`to_toml`](Self::to_toml): equal settings, equal hash.
    #[must_use]
    pub fn hash(&self) -> String {
        let digest = Sha256::digest(self.to_toml());
        digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
    }
}
