//! One training run and its files.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use anyhow::Context;
use indicatif::ProgressBar;

use super::events::Log;
use crate::cli::output;
use crate::config::Experiment;
use crate::error::{InputError, Place};
use crate::rl::card::{self, not_justified};
use crate::rl::failure::Failure;
use crate::rl::file::Archive;
use crate::rl::session::Metrics;
use crate::rl::validation::Verdict;
use crate::rl::{Policy, Session};

/// The file that a run goes on from.
pub(super) const CHECKPOINT: &str = "checkpoint.safetensors";
/// The best policy on validation time.
pub(super) const POLICY: &str = "policy.safetensors";
/// What the policy says about itself.
pub(super) const CARD: &str = "policy.md";
/// Share of actions that a log never takes above which a policy learned from it is warned of.
const MOST_UNSEEN: f64 = 0.01;
/// A line an update.
const METRICS: &str = "metrics.jsonl";

/// A training run in its directory.
pub(super) struct Run {
    pub(super) session: Session,
    directory: PathBuf,
    /// Lines of metrics.jsonl.
    lines: Vec<String>,
    /// The verdict on the best policy with its safety critic, once it has one.
    guarded: Option<Verdict>,
    /// Whether learning ended because it diverged.
    pub(super) diverged: bool,
    /// Share of the log's states in which the policy takes an action that the log never takes.
    unseen: f64,
    /// Step of the checkpoint on disk.
    saved: Option<u64>,
    /// What the progress line begins with.
    name: String,
    /// TensorBoard's file, when wanted.
    events: Option<Log>,
}

impl Run {
    /// Begins a run in `directory`. What an earlier run left there to go on from is removed.
    pub(super) fn begin(session: Session, directory: &Path, experiment: &Experiment) -> anyhow::Result<Self> {
        output::make_dir(directory)?;
        for name in [CHECKPOINT, METRICS] {
            let path = directory.join(name);
            if path.exists() {
                std::fs::remove_file(&path).map_err(|error| InputError::io(&path, "remove", &error))?;
            }
        }
        let config = experiment.to_toml();
        output::write_file(&directory.join("config.toml"), |out| Ok(out.write_all(config.as_bytes())?))?;
        Ok(Self {
            session,
            directory: directory.to_owned(),
            lines: Vec::new(),
            guarded: None,
            diverged: false,
            unseen: 0.0,
            saved: None,
            name: String::new(),
            events: None,
        })
    }

    /// Goes on with the run of a checkpoint in `directory`.
    pub(super) fn resume(mut session: Session, directory: &Path, saved: &Archive) -> Result<Self, InputError> {
        let path = directory.join(CHECKPOINT);
        session.restore(saved).map_err(|error| error.at(Place::file(&path)))?;
        let lines = read_lines(&directory.join(METRICS), session.step())?;
        let saved = Some(session.step());
        Ok(Self {
            session,
            directory: directory.to_owned(),
            lines,
            guarded: None,
            diverged: false,
            unseen: 0.0,
            saved,
            name: String::new(),
            events: None,
        })
    }

    /// Goes on where there is a checkpoint, begins where there is none.
    pub(super) fn open(session: Session, directory: &Path, experiment: &Experiment) -> anyhow::Result<Self> {
        let path = directory.join(CHECKPOINT);
        if path.exists() {
            return Ok(Self::resume(session, directory, &Archive::read(&path)?)?);
        }
        Self::begin(session, directory, experiment)
    }

    /// The same run, whose progress begins with `name`.
    pub(super) fn named(self, name: String) -> Self {
        Self { name, ..self }
    }

    /// The same run, which writes a file for TensorBoard too when that is `wanted`.
    pub(super) fn watched(self, wanted: bool) -> anyhow::Result<Self> {
        let events = wanted.then(|| Log::open(&self.directory, self.session.step())).transpose()?;
        Ok(Self { events, ..self })
    }

    /// Learns until all updates are done, or until interrupted, or, from `until` steps on, until the policy has been
    /// judged. `bar` counts steps. Whether all updates are done.
    pub(super) fn learn(&mut self, stopped: &AtomicBool, until: u64, bar: &ProgressBar) -> anyhow::Result<bool> {
        self.try_learn(stopped, until, bar).with_context(|| {
            let directory = self.directory.display();
            let whole = match self.saved {
                Some(step) => {
                    format!("what was saved at step {step} is whole: go on with `hpatune train --resume {directory}`")
                }
                None => "nothing had been saved yet: start again".to_owned(),
            };
            format!("{}training stopped at step {}; {whole}", self.name, self.session.step())
        })
    }

    fn try_learn(&mut self, stopped: &AtomicBool, until: u64, bar: &ProgressBar) -> anyhow::Result<bool> {
        if self.session.step() == 0 {
            if self.session.taught() {
                self.evaluate(None)?;
            }
            if !self.warm_start(stopped, bar)? {
                self.save()?;
                return Ok(false);
            }
            self.evaluate(None)?;
        }
        let reached = |session: &Session| session.finished() || (session.step() >= until && session.due());
        while !reached(&self.session) && !stopped.load(Ordering::Relaxed) {
            let (started, before) = (now(), self.session.step());
            let mut metrics = self.session.update().or_else(|failure| self.fail(failure))?;
            if self.session.due() {
                self.evaluate(Some(&mut metrics))?;
            }
            let steps_per_s = (metrics.step - before) as f64 / started.elapsed().as_secs_f64();
            bar.inc(metrics.step - before);
            self.note(&metrics, steps_per_s, bar)?;
            if self.session.due() {
                self.save()?;
            }
        }
        self.save()?;
        if self.session.finished() && self.session.wants_critic() {
            bar.set_message("learning what is safe");
            let (policy, verdict) = self.session.guarded(Policy::load(&self.directory.join(POLICY))?)?;
            write_policy(&self.directory, &policy)?;
            self.guarded = Some(verdict);
        }
        Ok(self.session.finished())
    }

    /// Fits the policy to what other actions would have cost. Whether it came to an end; otherwise it begins anew when the
    /// run goes on.
    fn warm_start(&mut self, stopped: &AtomicBool, bar: &ProgressBar) -> anyhow::Result<bool> {
        bar.set_message(format!("{}trying other actions on the same traffic", self.name));
        let started = now();
        let fitted = match self.session.warm_start(&|| !stopped.load(Ordering::Relaxed)) {
            Err(failure @ Failure::Unfit { .. }) => {
                let help = "lower train.counterfactual.learning_rate, or set train.counterfactual.decisions to 0";
                let field = "train.counterfactual.learning_rate";
                return Err(InputError::new(failure.to_string(), help).field(field).into());
            }
            fitted => fitted?,
        };
        if let Some(decisions @ 1..) = fitted {
            let seconds = started.elapsed().as_secs_f64();
            let name = &self.name;
            tracing::info!(
                "{name}policy fitted to what other actions cost at {decisions} decisions, in {seconds:.1} s"
            );
        }
        Ok(fitted.is_some())
    }

    /// The verdict on the policy that was written, on validation time.
    pub(super) fn best(&self) -> Verdict {
        self.guarded.as_ref().or(self.session.best()).cloned().unwrap_or_default()
    }

    fn evaluate(&mut self, metrics: Option<&mut Metrics>) -> anyhow::Result<()> {
        let (verdict, best) = self.session.evaluate();
        if let Some(metrics) = metrics {
            metrics.validation_cost_vs_reference = Some(verdict.cost_vs_reference);
            metrics.validation_violation_rate = Some(verdict.violation_rate);
        }
        let Some(policy) = best else { return Ok(()) };
        write_policy(&self.directory, &policy)
    }

    fn note(&mut self, metrics: &Metrics, steps_per_s: f64, bar: &ProgressBar) -> anyhow::Result<()> {
        let mut line = serde_json::to_value(metrics)?;
        line["steps_per_s"] = serde_json::json!(steps_per_s.round());
        if let Some(events) = &mut self.events {
            events.note(metrics.step, &line)?;
        }
        self.lines.push(line.to_string());
        self.unseen = metrics.unseen_actions.unwrap_or(0.0);
        let text = format!(
            "{}return {:+.2}  violations {:.2} %  cost {:.1} %  kl {:.4}  entropy {:.2}  explained {:.2}  {steps_per_s:.0}/s",
            self.name,
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

    /// Saves what stood before an update that diverged, and says what to change.
    fn fail(&mut self, failure: Failure) -> anyhow::Result<Metrics> {
        if let Failure::Diverged { .. } = failure {
            self.diverged = true;
            self.save()?;
            let help = "lower train.learning_rate or train.max_grad_norm and start anew; policy.safetensors is the best policy \
                        so far";
            return Err(InputError::new(failure.to_string(), help).field("train.learning_rate").into());
        }
        Err(failure.into())
    }

    fn save(&mut self) -> anyhow::Result<()> {
        output::write_file(&self.directory.join(METRICS), |out| {
            self.lines.iter().try_for_each(|line| writeln!(out, "{line}"))?;
            Ok(())
        })?;
        output::write_file(&self.directory.join(CHECKPOINT), |out| Ok(self.session.save(out)?))?;
        self.saved = Some(self.session.step());
        Ok(())
    }

    /// Says how it ended.
    pub(super) fn summarize(&self, out: &mut impl Write) -> anyhow::Result<()> {
        let best = self.best();
        if self.unseen > MOST_UNSEEN {
            tracing::warn!(
                "in {:.1} % of the log's states the policy takes an action that the log never takes: what it earns there is a \
                 guess; raise train.cql.alpha or train.bcq.threshold, or collect with more --exploration",
                100.0 * self.unseen
            );
        }
        writeln!(out, "policy      {}", self.directory.join(POLICY).display())?;
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
        if let Some(reason) = not_justified(best.cost_vs_reference) {
            tracing::warn!("a policy is not justified: {reason}; keep the static HPA");
        }
        Ok(())
    }
}

/// Writes a policy and its card.
pub(super) fn write_policy(directory: &Path, policy: &Policy) -> anyhow::Result<()> {
    let archive = policy.pack();
    output::write_file(&directory.join(POLICY), |out| Ok(archive.write(out)?))?;
    let text = card::markdown(policy.card());
    output::write_file(&directory.join(CARD), |out| Ok(out.write_all(text.as_bytes())?))
}

/// Speed is shown and stands in metrics.jsonl; nothing depends on it.
#[allow(clippy::disallowed_methods, reason = "timing of the program itself")]
fn now() -> Instant {
    Instant::now()
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
