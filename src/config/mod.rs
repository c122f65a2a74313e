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

    /// The same experiment with other values of some keys, which are dotted, as in `train.learning_rate`.
    ///
    /// # Errors
    /// A key that there is not, or a value that breaks a rule; the field is named.
    pub fn with(&self, values: &[(String, toml::Value)]) -> Result<Self, InputError> {
        let mut document = toml::Table::try_from(self).expect("an experiment is plain tables");
        for (path, value) in values {
            let (tables, key) = path.rsplit_once('.').unwrap_or(("", path));
            let inner = tables
                .split('.')
                .filter(|name| !name.is_empty())
                .try_fold(&mut document, |table, name| table.get_mut(name).and_then(toml::Value::as_table_mut));
            let help = "`hpatune config default` prints every key";
            let Some(table) = inner else {
                return Err(InputError::new(format!("there is no table [{tables}]"), help).field(path.as_str()));
            };
            table.insert(key.to_owned(), value.clone());
        }
        let experiment: Self = document.try_into().map_err(|error: toml::de::Error| {
            let alone = |it: &&(String, toml::Value)| values.len() == 1 || self.with(std::slice::from_ref(it)).is_err();
            let field = values.iter().find(alone).map_or_else(String::new, |(path, _)| path.clone());
            InputError::new(error.message().trim_end_matches('.').to_owned(), "correct the key or its values")
                .field(field)
        })?;
        experiment.validate()?;
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

/// Reads the text of a TOML file that is not an experiment; `path` is for messages.
///
/// # Errors
/// Text that is not TOML, or not of this form.
pub fn table<T: serde::de::DeserializeOwned>(text: &str, path: &Path) -> Result<T, InputError> {
    toml::from_str(text).map_err(|error| place::syntax(&error, text, path))
}

/// The same error, standing where its field stands in the text of a TOML file.
#[must_use]
pub fn placed(error: InputError, text: &str, path: &Path) -> InputError {
    let at = error.field.as_deref().map_or_else(|| Place::file(path), |field| place::of(field, text, path));
    error.at(at)
}

#[cfg(test)]
mod tests {
    use toml::Value;

    use super::*;

    fn with(values: &[(&str, Value)]) -> Result<Experiment, InputError> {
        let values: Vec<(String, Value)> =
            values.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
        Experiment::default().with(&values)
    }

    #[test]
    fn keys_take_other_values_and_the_rest_stays() {
        let changed =
            with(&[("train.epochs", Value::Integer(3)), ("env.episode", Value::String("1h".to_owned()))]).unwrap();
        let mut wanted = Experiment::default();
        wanted.train.epochs = 3;
        wanted.env.episode = std::time::Duration::from_hours(1);
        assert_eq!(changed, wanted);
        assert_eq!(with(&[]).unwrap(), Experiment::default());
    }

    #[test]
    fn the_key_that_is_wrong_is_named() {
        let good = ("train.epochs", Value::Integer(3));
        for (key, value) in [
            ("train.epoch", Value::Integer(3)),
            ("train.clip", Value::String("wide".to_owned())),
            ("train.gae_lambda", Value::Float(1.5)),
            ("trian.clip", Value::Float(0.2)),
        ] {
            let error = with(&[good.clone(), (key, value)]).unwrap_err();
            assert_eq!(error.field.as_deref(), Some(key), "{error}");
        }
    }
}
