//! A sweep over settings: its trials, its files, its table.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use super::ground::{Asked, Ground, experiment};
use super::run::{CARD, POLICY, Run};
use super::together::together;
use crate::cli::starts::Known;
use crate::cli::{output, traces};
use crate::config::Experiment;
use crate::error::{InputError, Place};
use crate::eval::outlook::Outlooks;
use crate::rl::device::Kind;
use crate::rl::policy::Origin;
use crate::rl::sweep::{Parameter, Rung, Sweep, promoted};

mod report;

/// The file that says how far a directory's sweep has come.
pub(super) const FILE: &str = "sweep.json";
/// A copy of the sweep's file, to go on with.
const COPY: &str = "sweep.toml";

/// A sweep in its directory.
pub(super) struct Sweeping {
    sweep: Sweep,
    parameters: Vec<Parameter>,
    rungs: Vec<Rung>,
    base: Experiment,
    directory: PathBuf,
    progress: Mutex<Progress>,
    /// What foresees the functions' load, by the settings that it depends on.
    outlooks: Mutex<BTreeMap<String, Outlooks>>,
}

/// `sweep.json`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Progress {
    #[serde(flatten)]
    asked: Asked,
    /// Trials that have reached the end of a rung, in the order of rungs, then trials.
    results: Vec<Outcome>,
    /// Starts of functions, by the settings that they depend on.
    starts: BTreeMap<String, Vec<Origin>>,
}

/// A trial at the end of a rung.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Outcome {
    rung: usize,
    trial: u64,
    /// Steps taken so far.
    steps: u64,
    /// Of the best policy so far on validation time; nothing when learning diverged.
    cost_vs_reference: Option<f64>,
    violation_rate: Option<f64>,
}

impl Sweeping {
    /// A new sweep.
    pub(super) fn new(file: &Path, base: Experiment, asked: Asked, directory: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(file).map_err(|error| InputError::io(file, "read", &error))?;
        output::make_dir(directory)?;
        let path = directory.join(FILE);
        if path.exists() {
            let help = format!("go on with --resume {}, or take another directory", directory.display());
            return Err(InputError::new("there is a sweep already", help).at(Place::file(&path)).into());
        }
        let this = Self::read(&text, file, base, directory, Progress { asked, ..Progress::default() })?;
        let config = this.base.to_toml();
        output::write_file(&directory.join("config.toml"), |out| Ok(out.write_all(config.as_bytes())?))?;
        output::write_file(&directory.join(COPY), |out| Ok(out.write_all(text.as_bytes())?))?;
        this.write(&this.lock())?;
        Ok(this)
    }

    /// The sweep of a directory.
    pub(super) fn resume(directory: &Path, traces: &[PathBuf]) -> anyhow::Result<Self> {
        let read = |name: &str| {
            let path = directory.join(name);
            std::fs::read_to_string(&path).map_err(|error| InputError::io(&path, "read", &error))
        };
        let path = directory.join(FILE);
        let mut progress: Progress = serde_json::from_str(&read(FILE)?).map_err(|error| {
            let place = Place::column(&path, error.line(), error.column());
            InputError::new(format!("not what `hpatune train --sweep` writes: {error}"), "start anew").at(place)
        })?;
        if !traces.is_empty() {
            progress.asked.traces = traces.to_vec();
        }
        Ok(Self::read(&read(COPY)?, &directory.join(COPY), experiment(directory)?, directory, progress)?)
    }

    fn read(
        text: &str,
        file: &Path,
        base: Experiment,
        directory: &Path,
        progress: Progress,
    ) -> Result<Self, InputError> {
        let help =
            "write budget, min_steps and [parameters], as in configs/sweep.toml of hpatune's sources, or [[trials]]"
                .to_owned();
        let sweep: Sweep = crate::config::table(text, file).map_err(|error| InputError { help, ..error })?;
        let at = |error: InputError| crate::config::placed(error, text, file);
        let parameters = sweep.parameters().map_err(at)?;
        let rungs = sweep.rungs(base.train.steps).map_err(at)?;
        let progress = Mutex::new(progress);
        let (directory, outlooks) = (directory.to_owned(), Mutex::default());
        let this = Self { sweep, parameters, rungs, base, directory, progress, outlooks };
        (0..this.rungs[0].trials).try_for_each(|trial| this.experiment(trial).map(drop)).map_err(at)?;
        Ok(this)
    }

    /// Runs all rungs, or goes on with them, and prints the best trials.
    pub(super) fn run(self, device: Kind, stopped: &AtomicBool, out: &mut impl Write) -> anyhow::Result<()> {
        let asked = self.lock().asked.clone();
        let loaded = traces::load(&asked.traces, &asked.select)?;
        let mut trials: Vec<u64> = (0..self.rungs[0].trials).collect();
        let bar = output::progress(0, "steps");
        for (rung, &Rung { steps, trials: keep }) in self.rungs.iter().enumerate() {
            if rung > 0 {
                let before: Vec<(u64, Option<f64>)> =
                    self.at(rung - 1).map(|it| (it.trial, it.cost_vs_reference)).collect();
                trials = promoted(&before, keep);
            }
            let done: Vec<u64> = self.at(rung).map(|it| it.trial).collect();
            trials.retain(|trial| !done.contains(trial));
            for &trial in &trials {
                self.find_starts(&self.experiment(trial)?, &loaded, &asked, stopped)?;
            }
            let one = |trial: u64| -> anyhow::Result<bool> {
                let experiment = self.experiment(trial)?;
                let ground = self.ground(&experiment, &loaded, &asked, stopped)?;
                let session = ground.session(&experiment, device.open()?)?;
                let mut run = Run::open(session, &self.folder(trial), &experiment)?.named(format!("trial {trial}  "));
                bar.inc_length(steps.saturating_sub(run.session.step()));
                let learned = run.learn(stopped, steps, &bar);
                if !run.diverged {
                    learned?;
                    if !(run.session.finished() || run.session.step() >= steps) {
                        return Ok(false);
                    }
                }
                let best = (!run.diverged).then(|| run.best());
                self.note(Outcome {
                    rung,
                    trial,
                    steps: run.session.step(),
                    cost_vs_reference: best.as_ref().map(|best| best.cost_vs_reference),
                    violation_rate: best.map(|best| best.violation_rate),
                })?;
                Ok(true)
            };
            let finished = together(trials.clone(), device.runs_at_once(), one)?
                .into_iter()
                .collect::<anyhow::Result<Vec<bool>>>()?;
            if finished.contains(&false) {
                bar.finish_and_clear();
                anyhow::bail!("interrupted; go on with `hpatune train --resume {}`", self.directory.display());
            }
        }
        bar.finish_and_clear();
        self.finish(out)
    }

    /// Finds the starts that a trial needs and no trial before it has found, and what foresees the load.
    fn find_starts(
        &self,
        experiment: &Experiment,
        loaded: &[traces::Loaded],
        asked: &Asked,
        stopped: &AtomicBool,
    ) -> anyhow::Result<()> {
        let (key, outlook) = (key(experiment), outlook_key(experiment));
        let foresees = !experiment.train.forecast || locked(&self.outlooks).contains_key(&outlook);
        if foresees && self.lock().starts.contains_key(&key) {
            return Ok(());
        }
        let (starts, outlooks) = self.ground(experiment, loaded, asked, stopped)?.into_found();
        if let Some(outlooks) = outlooks {
            locked(&self.outlooks).insert(outlook, outlooks);
        }
        let mut progress = self.lock();
        progress.starts.insert(key, starts);
        self.write(&progress)
    }

    /// The ground of a trial, with the starts and outlooks that were found before.
    fn ground(
        &self,
        experiment: &Experiment,
        loaded: &[traces::Loaded],
        asked: &Asked,
        stopped: &AtomicBool,
    ) -> anyhow::Result<Ground> {
        let starts = self.lock().starts.get(&key(experiment)).cloned().unwrap_or_default();
        let outlooks = locked(&self.outlooks).get(&outlook_key(experiment)).cloned();
        let outlooks = outlooks.as_ref().filter(|_| experiment.train.forecast);
        let known = Known { outlooks, ..Known::starts(experiment.train.start, &starts) };
        Ground::of(experiment, loaded, asked, &known, stopped)
    }

    fn note(&self, outcome: Outcome) -> anyhow::Result<()> {
        let mut progress = self.lock();
        progress.results.push(outcome);
        progress.results.sort_by_key(|it| (it.rung, it.trial));
        self.write(&progress)
    }

    /// Writes the table and the best settings, copies the best policy, and prints.
    fn finish(&self, out: &mut impl Write) -> anyhow::Result<()> {
        let progress = self.lock().clone();
        let path = self.directory.join("trials.csv");
        output::write_file(&path, |out| Ok(self.csv(&progress.results, out)?))?;
        let last = self.rungs.len() - 1;
        let best: Vec<(u64, Option<f64>)> = self.at(last).map(|it| (it.trial, it.cost_vs_reference)).collect();
        let Some(&best) = promoted(&best, 1).first() else {
            anyhow::bail!(
                "learning diverged in every trial that came this far; lower the range of train.learning_rate"
            );
        };
        let spent = self.spent(&progress.results);
        let text = self.best_file(best, &progress.results, spent)?;
        output::write_file(&self.directory.join("best.toml"), |out| Ok(out.write_all(text.as_bytes())?))?;
        for name in [POLICY, CARD] {
            let from = self.folder(best).join(name);
            let bytes = std::fs::read(&from).map_err(|error| InputError::io(&from, "read", &error))?;
            output::write_file(&self.directory.join(name), |out| Ok(out.write_all(&bytes)?))?;
        }
        write!(out, "{}", self.table(&progress.results))?;
        writeln!(out, "\n{} trials took {spent} steps; all are in {}", self.rungs[0].trials, path.display())?;
        Ok(writeln!(out, "best  trial {best}, settings in {}", self.directory.join("best.toml").display())?)
    }

    /// The experiment of a trial.
    fn experiment(&self, trial: u64) -> Result<Experiment, InputError> {
        let drawn = self.sweep.draw(&self.parameters, trial);
        self.base.with(&drawn).map_err(|error| {
            let values: Vec<String> = drawn.iter().map(|(key, value)| format!("{key} = {value}")).collect();
            let field = error.field.clone().unwrap_or_default();
            InputError::new(format!("trial {trial} ({}): {error}", values.join(", ")), error.help)
                .field(format!("parameters.{field}"))
        })
    }

    fn at(&self, rung: usize) -> std::vec::IntoIter<Outcome> {
        let all: Vec<Outcome> = self.lock().results.iter().filter(|it| it.rung == rung).cloned().collect();
        all.into_iter()
    }

    fn folder(&self, trial: u64) -> PathBuf {
        self.directory.join(format!("trial-{trial}"))
    }

    fn lock(&self) -> MutexGuard<'_, Progress> {
        locked(&self.progress)
    }

    fn write(&self, progress: &Progress) -> anyhow::Result<()> {
        output::write_file(&self.directory.join(FILE), |out| {
            serde_json::to_writer(&mut *out, progress)?;
            Ok(writeln!(out)?)
        })
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The settings that starts depend on, of those that trials may change.
fn key(experiment: &Experiment) -> String {
    let (train, load) = (&experiment.train, &experiment.env.randomize.load);
    let forecast = if train.forecast { ", with forecasts" } else { "" };
    format!("{:?}, violation_limit = {}, load = {load:?}{forecast}", train.start, train.violation_limit)
}

/// The settings that outlooks depend on, of those that trials may change.
fn outlook_key(experiment: &Experiment) -> String {
    format!("{:?}", experiment.env.randomize.load)
}
