use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use anyhow::Context;
use indicatif::ProgressBar;

use super::{Status, output, starts, traces};
use crate::config::Experiment;
use crate::error::InputError;
use crate::rl::device::Kind;
use crate::rl::executor::Executor;
use crate::rl::file::Archive;
use crate::rl::log::Log;
use crate::rl::policy::{Card, Source};
use crate::rl::session::{self, Metrics, Session};

/// Learn a policy that moves the HPA's knobs, by the algorithm of train.algorithm
///
/// Writes policy.safetensors (the best policy on validation time), checkpoint.safetensors, metrics.jsonl and config.toml
/// into a directory. Ctrl-C finishes the update, saves and ends; --resume goes on as if nothing had happened.
#[derive(Debug, clap::Args)]
pub(super) struct Train {
    /// Experiment file; `-` is standard input
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Trace to learn on, instead of those of train.traces; may be repeated
    #[arg(long, value_name = "FILE")]
    trace: Vec<PathBuf>,
    /// Only functions whose name matches, with `*` and `?`; may be repeated
    #[arg(long, value_name = "GLOB")]
    select: Vec<String>,
    /// Environment steps, instead of train.steps
    #[arg(long, value_name = "N")]
    steps: Option<u64>,
    /// Seed, instead of train.seed
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Where gradients are computed: cpu, cuda or metal
    #[arg(long, value_name = "DEVICE", default_value_t)]
    device: Kind,
    /// Directory of the results
    #[arg(short, long, value_name = "DIR", default_value = "policy")]
    output: PathBuf,
    /// Go on with an interrupted run in this directory
    #[arg(long, value_name = "DIR", conflicts_with_all = ["config", "select", "steps", "seed", "output"])]
    resume: Option<PathBuf>,
}

impl Train {
    pub(super) fn run(self, out: &mut impl Write) -> anyhow::Result<Status> {
        let stopped = on_interrupt()?;
        let mut run = Run::prepare(&self, &stopped)?;
        let finished = run.learn(&stopped)?;
        anyhow::ensure!(
            finished,
            "interrupted at step {}; go on with `hpatune train --resume {}`",
            run.session.step(),
            run.directory.display()
        );
        run.summarize(out)?;
        Ok(Status::Done)
    }
}

/// Share of actions that a log never takes above which a policy learned from it is warned of.
const MOST_UNSEEN: f64 = 0.01;

/// A training run and its files.
struct Run {
    session: Session,
    directory: PathBuf,
    /// Lines of metrics.jsonl.
    lines: Vec<String>,
    /// Share of the log's states in which the policy takes an action that the log never takes.
    unseen: f64,
}

impl Run {
    fn prepare(args: &Train, stopped: &AtomicBool) -> anyhow::Result<Self> {
        let device = args.device.open()?;
        let saved = match &args.resume {
            Some(directory) => Some(Archive::read(&directory.join("checkpoint.safetensors"))?),
            None => None,
        };
        let started = saved.as_ref().map(session::card).transpose()?;
        let directory = args.resume.clone().unwrap_or_else(|| args.output.clone());
        let experiment = experiment(args, &directory)?;
        Executor::check(experiment.train.executor, &device)?;
        let paths = paths(args, &experiment, started.as_ref())?;
        let select = started.as_ref().map_or(&args.select, |card| &card.select);
        let loaded = traces::load(&paths, select)?;
        let known = started.as_ref().map_or(&[][..], |card| &card.starts);
        let (scenarios, starts) = starts::scenarios(&experiment, &loaded, known, stopped)?;
        let settings = &experiment.train;
        let config = experiment.to_toml();
        let sources = loaded.iter().map(|it| Source { path: it.source.file.clone(), sha256: it.source.sha256.clone() });
        let log = match &settings.offline.log {
            Some(path) if settings.algorithm.is_offline() => Some(Log::load(path)?),
            _ => None,
        };
        let card = Card { starts, ..Card::new(&experiment.env, settings, sources.collect(), select, &config) };
        let mut session = Session::new(settings, &experiment.env, scenarios, card, log, device)?;
        let mut lines = Vec::new();
        if let Some(saved) = &saved {
            let path = directory.join("checkpoint.safetensors");
            session.restore(saved).map_err(|error| error.at(crate::error::Place::file(&path)))?;
            lines = read_lines(&directory.join("metrics.jsonl"), session.step())?;
        } else {
            output::make_dir(&directory)?;
            output::write_file(&directory.join("config.toml"), |out| Ok(out.write_all(config.as_bytes())?))?;
        }
        Ok(Self { session, directory, lines, unseen: 0.0 })
    }

    /// Learns until all updates are done, or until interrupted; whether it finished.
    fn learn(&mut self, stopped: &AtomicBool) -> anyhow::Result<bool> {
        let bar = output::progress(self.session.total_steps(), "steps");
        bar.set_position(self.session.step());
        if self.session.step() == 0 {
            self.evaluate(None)?;
        }
        while !self.session.finished() && !stopped.load(Ordering::Relaxed) {
            let (started, before) = (now(), self.session.step());
            let mut metrics = self.session.update().context("the device failed")?;
            if self.session.due() {
                self.evaluate(Some(&mut metrics))?;
            }
            let steps_per_s = (metrics.step - before) as f64 / started.elapsed().as_secs_f64();
            self.note(&metrics, steps_per_s, &bar)?;
            if self.session.due() {
                self.save()?;
            }
        }
        bar.finish_and_clear();
        self.save()?;
        Ok(self.session.finished())
    }

    fn evaluate(&mut self, metrics: Option<&mut Metrics>) -> anyhow::Result<()> {
        let (verdict, best) = self.session.evaluate();
        if let Some(metrics) = metrics {
            metrics.validation_cost_vs_reference = Some(verdict.cost_vs_reference);
            metrics.validation_violation_rate = Some(verdict.violation_rate);
        }
        let Some(policy) = best else { return Ok(()) };
        let archive = policy.pack();
        output::write_file(&self.directory.join("policy.safetensors"), |out| Ok(archive.write(out)?))
    }

    fn note(&mut self, metrics: &Metrics, steps_per_s: f64, bar: &ProgressBar) -> anyhow::Result<()> {
        let mut line = serde_json::to_value(metrics)?;
        line["steps_per_s"] = serde_json::json!(steps_per_s.round());
        self.lines.push(line.to_string());
        bar.set_position(metrics.step);
        self.unseen = metrics.unseen_actions.unwrap_or(0.0);
        let text = format!(
            "return {:+.2}  violations {:.2} %  cost {:.1} %  kl {:.4}  entropy {:.2}  explained {:.2}  {steps_per_s:.0}/s",
            metrics.mean_return,
            100.0 * metrics.violation_rate,
            100.0 * metrics.cost_vs_reference,
            metrics.approx_kl,
            metrics.entropy,
            metrics.explained_variance,
        );
        tracing::debug!(step = metrics.step, "{text}");
        bar.set_message(text);
        Ok(())
    }

    fn save(&self) -> anyhow::Result<()> {
        output::write_file(&self.directory.join("metrics.jsonl"), |out| {
            self.lines.iter().try_for_each(|line| writeln!(out, "{line}"))?;
            Ok(())
        })?;
        output::write_file(&self.directory.join("checkpoint.safetensors"), |out| Ok(self.session.save(out)?))
    }

    fn summarize(&self, out: &mut impl Write) -> anyhow::Result<()> {
        let best = self.session.best().cloned().unwrap_or_default();
        if self.unseen > MOST_UNSEEN {
            tracing::warn!(
                "in {:.1} % of the log's states the policy takes an action that the log never takes: what it earns there is a \
                 guess; raise train.cql.alpha or train.bcq.threshold, or collect with more --exploration",
                100.0 * self.unseen
            );
        }
        writeln!(out, "policy      {}", self.directory.join("policy.safetensors").display())?;
        writeln!(out, "learned     {} steps", self.session.step())?;
        writeln!(
            out,
            "validation  cost {:.1} % of the static HPA's, the start's {:.1} %",
            100.0 * best.cost_vs_reference,
            100.0 * best.start_cost_vs_reference
        )?;
        writeln!(
            out,
            "            violations {:.3} %, the static HPA's {:.3} %",
            100.0 * best.violation_rate,
            100.0 * best.reference_violation_rate
        )?;
        Ok(())
    }
}

/// Speed is shown and stands in metrics.jsonl; nothing depends on it.
#[allow(clippy::disallowed_methods, reason = "timing of the program itself")]
fn now() -> Instant {
    Instant::now()
}

fn on_interrupt() -> anyhow::Result<Arc<AtomicBool>> {
    let stopped = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stopped);
    ctrlc::set_handler(move || flag.store(true, Ordering::Relaxed)).context("cannot handle Ctrl-C")?;
    Ok(stopped)
}

fn experiment(args: &Train, directory: &Path) -> Result<Experiment, InputError> {
    if args.resume.is_some() {
        return Experiment::load(Some(&directory.join("config.toml")));
    }
    let mut experiment = Experiment::load(args.config.as_deref())?;
    experiment.train.steps = args.steps.unwrap_or(experiment.train.steps);
    experiment.train.seed = args.seed.unwrap_or(experiment.train.seed);
    experiment.train.validate()?;
    Ok(experiment)
}

fn paths(args: &Train, experiment: &Experiment, started: Option<&Card>) -> Result<Vec<PathBuf>, InputError> {
    if !args.trace.is_empty() {
        return Ok(args.trace.clone());
    }
    if let Some(card) = started {
        return Ok(card.traces.iter().map(|source| PathBuf::from(&source.path)).collect());
    }
    if experiment.train.traces.is_empty() {
        let help = "give --trace FILE, or list files in train.traces";
        return Err(InputError::new("there is no trace to learn on", help));
    }
    Ok(experiment.train.traces.clone())
}

/// The lines of an earlier part of the run, up to `step`.
fn read_lines(path: &Path, step: u64) -> Result<Vec<String>, InputError> {
    let text = std::fs::read_to_string(path).map_err(|error| InputError::io(path, "read", &error))?;
    let within = |line: &&str| {
        let value: Option<serde_json::Value> = serde_json::from_str(line).ok();
        value.and_then(|value| value["step"].as_u64()).is_some_and(|at| at <= step)
    };
    Ok(text.lines().filter(within).map(str::to_owned).collect())
}
