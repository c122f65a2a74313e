//! What runs on the same traces share: the functions to learn on, each with its start.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use crate::autoscalers::linear::Linear;
use crate::cli::starts::{self, Known};
use crate::cli::{learned, traces};
use crate::config::Experiment;
use crate::env::Scenario;
use crate::error::InputError;
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

    /// What learning starts from, function by function.
    pub(super) fn starts(self) -> Vec<Origin> {
        self.starts
    }

    /// A run that has not begun, with the log that its algorithm may learn from.
    pub(super) fn session(&self, experiment: &Experiment, device: Device) -> Result<Session, InputError> {
        let (env, train) = (&experiment.env, &experiment.train);
        Executor::check(train.executor, &device)?;
        let log = match &train.offline.log {
            Some(path) if train.algorithm.is_offline() => Some(Log::load(path)?),
            _ => None,
        };
        let card = Card::new(env, train, self.sources.clone(), &self.select, &experiment.to_toml());
        let card = Card { starts: self.starts.clone(), shared: self.shared, from: self.from.clone(), ..card };
        let card = Card { forecaster: self.forecaster.clone(), ..card };
        Session::new(train, env, Arc::clone(&self.scenarios), card, log, self.teacher.as_ref(), device)
    }
}

/// The experiment of a directory of results.
pub(super) fn experiment(directory: &Path) -> Result<Experiment, InputError> {
    Experiment::load(Some(&directory.join("config.toml")))
}
