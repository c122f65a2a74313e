//! What runs on the same traces share: the functions to learn on, each with its start.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use crate::autoscalers::linear::Linear;
use crate::cli::starts::{self, Known};
use crate::cli::{learned, traces};
use crate::config::Experiment;
use crate::env::Scenario;
use crate::error::InputError;
use crate::eval::outlook::Outlooks;
use crate::forecast::Forecaster;
use crate::rl::device::Device;
use crate::rl::executor::Executor;
use crate::rl::log::Log;
use crate::rl::policy::{Card, Origin, Source};
use crate::rl::{Policy, Session};

/// Functions to learn on.
pub(super) struct Ground {
    sources: Vec<Source>,
    select: Vec<String>,
    scenarios: Arc<[Scenario]>,
    starts: Vec<Origin>,
    shared: Option<Linear>,
    forecaster: Option<Forecaster>,
    outlooks: Option<Outlooks>,
    /// The policy that learning goes on from.
    from: Option<Source>,
    teacher: Option<Policy>,
}

/// The traces and functions that a run was asked for.
#[derive(Debug, Clone, PartialEq, Default, serde::Serialize, serde::Deserialize)]
pub(super) struct Asked {
    pub(super) traces: Vec<PathBuf>,
    pub(super) select: Vec<String>,
}

impl Ground {
    /// Reads the traces, says on which functions learning stands on thin ground, and finds the starts that `known` does not
    /// list, unless `stopped` is set meanwhile.
    pub(super) fn prepare(
        experiment: &Experiment,
        asked: &Asked,
        known: &Known<'_>,
        stopped: &AtomicBool,
    ) -> anyhow::Result<Self> {
        let loaded = traces::load(&asked.traces, &asked.select)?;
        starts::warn(experiment, &loaded)?;
        Self::of(experiment, &loaded, asked, known, stopped)
    }

    /// As [`prepare`](Self::prepare), of traces that were read, and silently.
    pub(super) fn of(
        experiment: &Experiment,
        loaded: &[traces::Loaded],
        asked: &Asked,
        known: &Known<'_>,
        stopped: &AtomicBool,
    ) -> anyhow::Result<Self> {
        let ready = starts::scenarios(experiment, loaded, known, stopped)?;
        let source = |it: &traces::Loaded| Source { path: it.source.file.clone(), sha256: it.source.sha256.clone() };
        let sources = loaded.iter().map(source).collect();
        Ok(Self {
            sources,
            select: asked.select.clone(),
            scenarios: ready.scenarios.into(),
            starts: ready.origins,
            shared: ready.shared,
            forecaster: ready.forecaster,
            outlooks: ready.outlooks,
            from: None,
            teacher: None,
        })
    }

    /// The same ground, on which learning goes on from the policy of a file.
    pub(super) fn taught(self, teacher: Policy, path: &Path) -> Result<Self, InputError> {
        Ok(Self { from: Some(learned::source(path)?), teacher: Some(teacher), ..self })
    }

    /// The same ground, of a run that once went on from a policy and is resumed.
    pub(super) fn once_taught(self, from: Option<Source>) -> Self {
        Self { from, ..self }
    }

    /// The ground of each function by itself, on which learning goes on from the policy of a file.
    pub(super) fn each(&self, teacher: &Policy, from: &Source) -> Vec<Self> {
        let key = |it: &Origin| (it.trace.clone(), it.function.clone());
        let mut functions: Vec<(String, String)> = self.starts.iter().map(key).collect();
        // Factors on the load, if there are several, set a function's scenarios apart.
        let mut seen = BTreeSet::new();
        functions.retain(|function| seen.insert(function.clone()));
        let one = |function: (String, String)| {
            let both = self.scenarios.iter().zip(&self.starts).filter(|(_, start)| key(start) == function);
            let (scenarios, starts): (Vec<Scenario>, Vec<Origin>) =
                both.map(|(scenario, start)| (scenario.clone(), start.clone())).unzip();
            Self {
                sources: self.sources.clone(),
                select: self.select.clone(),
                scenarios: scenarios.into(),
                starts,
                shared: self.shared,
                forecaster: self.forecaster.clone(),
                outlooks: None,
                from: Some(from.clone()),
                teacher: Some(teacher.of_function(&function.0, &function.1)),
            }
        };
        functions.into_iter().map(one).collect()
    }

    /// What learning starts from, function by function, and what foresees their load where that was learned here.
    pub(super) fn into_found(self) -> (Vec<Origin>, Option<Outlooks>) {
        (self.starts, self.outlooks)
    }

    /// The card of a policy that learns here, having gone on from another where it has.
    pub(super) fn card(&self, experiment: &Experiment, from: Option<&Source>) -> Card {
        let (env, train) = (&experiment.env, &experiment.train);
        Card {
            starts: self.starts.clone(),
            shared: self.shared,
            forecaster: self.forecaster.clone(),
            from: from.cloned(),
            ..Card::new(env, train, self.sources.clone(), &self.select, &experiment.to_toml())
        }
    }

    /// A run that has not begun, with the log that its algorithm may learn from.
    pub(super) fn session(&self, experiment: &Experiment, device: Device) -> Result<Session, InputError> {
        let (env, train) = (&experiment.env, &experiment.train);
        Executor::check(train.executor, &device)?;
        let log = match &train.offline.log {
            Some(path) if train.algorithm.is_offline() => Some(Log::load(path)?),
            _ => None,
        };
        let card = self.card(experiment, self.from.as_ref());
        Session::new(train, env, Arc::clone(&self.scenarios), card, log, self.teacher.as_ref(), device)
    }
}

/// The experiment of a directory of results.
pub(super) fn experiment(directory: &Path) -> Result<Experiment, InputError> {
    Experiment::load(Some(&directory.join("config.toml")))
}
