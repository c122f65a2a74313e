//! `train`: one run, several seeds of one, or a sweep over settings.

mod each;
mod events;
mod ground;
mod run;
mod seeds;
mod sweep;
mod together;

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context;

use self::each::Each;
use self::ground::{Asked, Ground};
use self::run::{CHECKPOINT, Run};
use self::seeds::Seeds;
use self::sweep::Sweeping;
use super::starts::Known;
use super::{Status, learned, output};
use crate::config::Experiment;
use crate::error::{InputError, Place};
use crate::rl::Policy;
use crate::rl::device::Kind;
use crate::rl::file::Archive;
use crate::rl::policy::Card;
use crate::rl::session;
use crate::rl::settings::Memory;

/// Learn a policy that moves the HPA's knobs, by the algorithm of train.algorithm
///
/// Writes policy.safetensors (the best policy on validation time), policy.md (its model card), checkpoint.safetensors,
/// metrics.jsonl and config.toml into a directory. With --seeds, each seed has a directory of its own in it, and the best
/// policy lies beside seeds.json and a picture of the learning curves; with --sweep, each trial has one, beside trials.csv
/// and best.toml. Ctrl-C finishes the update, saves and ends; --resume goes on as if nothing had happened.
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
    /// Train with this many seeds, from --seed on, side by side; on a GPU one after another
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1000))]
    seeds: Option<u64>,
    /// Search for settings as this file says: random draws of keys of [train] and [env], halved in steps; or trials that are
    /// written out, as for an ablation
    #[arg(long, value_name = "FILE", conflicts_with = "seeds")]
    sweep: Option<PathBuf>,
    /// Where gradients are computed: cpu, cuda or metal
    #[arg(long, value_name = "DEVICE", default_value_t)]
    device: Kind,
    /// Write a file for TensorBoard too, as train.tensorboard does
    #[arg(long)]
    tensorboard: bool,
    /// Directory of the results
    #[arg(short, long, value_name = "DIR", default_value = "policy")]
    output: PathBuf,
    /// Policy to go on learning from on these traces (fine-tuning): its network, its actions, and its starts where it knows
    /// them, others being found as train.start says; `shipped` is the policy that ships
    #[arg(long, value_name = "FILE", conflicts_with_all = ["seeds", "sweep"])]
    from: Option<PathBuf>,
    /// Go on from --from on every function by itself: each gets a network of its own where that is better on validation time
    #[arg(long, requires = "from")]
    each: bool,
    /// Go on with an interrupted run in this directory
    #[arg(long, value_name = "DIR",
        conflicts_with_all = ["config", "select", "steps", "seed", "seeds", "sweep", "output", "from", "each"])]
    resume: Option<PathBuf>,
}

impl Train {
    pub(super) fn run(self, out: &mut impl Write) -> anyhow::Result<Status> {
        let stopped = on_interrupt()?;
        if let Some(directory) = &self.resume {
            if directory.join(seeds::FILE).exists() {
                Seeds::resume(directory, &self.trace)?.run(self.device, self.tensorboard, &stopped, out)?;
                return Ok(Status::Done);
            }
            if directory.join(each::FILE).exists() {
                Each::resume(directory, &self.trace)?.run(self.device, self.tensorboard, &stopped, out)?;
                return Ok(Status::Done);
            }
            if directory.join(sweep::FILE).exists() {
                Sweeping::resume(directory, &self.trace)?.run(self.device, &stopped, out)?;
                return Ok(Status::Done);
            }
        }
        if self.seeds.is_some() || self.sweep.is_some() {
            let experiment = self.experiment()?;
            let asked = self.asked(&experiment)?;
            if let Some(file) = &self.sweep {
                Sweeping::new(file, experiment, asked, &self.output)?.run(self.device, &stopped, out)?;
            } else if let Some(count) = self.seeds {
                let seeds = Seeds::new(experiment, asked, count, &self.output)?;
                seeds.run(self.device, self.tensorboard, &stopped, out)?;
            }
            return Ok(Status::Done);
        }
        if let (true, Some(from)) = (self.each, &self.from) {
            let mut experiment = self.experiment()?;
            take_shape(&mut experiment, learned::open(from)?.card())?;
            let asked = self.asked(&experiment)?;
            let each = Each::new(experiment, asked, from, &self.output)?;
            each.run(self.device, self.tensorboard, &stopped, out)?;
            return Ok(Status::Done);
        }
        let mut run = self.one(&stopped)?;
        let bar = output::progress(run.session.total_steps(), "steps");
        bar.set_position(run.session.step());
        let finished = run.learn(&stopped, u64::MAX, &bar)?;
        bar.finish_and_clear();
        anyhow::ensure!(
            finished,
            "interrupted at step {}; go on with `hpatune train --resume {}`",
            run.session.step(),
            self.resume.as_ref().unwrap_or(&self.output).display()
        );
        run.summarize(out)?;
        Ok(Status::Done)
    }

    /// A single run, new or resumed.
    fn one(&self, stopped: &AtomicBool) -> anyhow::Result<Run> {
        let device = self.device.open()?;
        let Some(directory) = &self.resume else {
            let mut experiment = self.experiment()?;
            let teacher = self.from.as_deref().map(learned::open).transpose()?;
            if let Some(card) = teacher.as_ref().map(Policy::card) {
                take_shape(&mut experiment, card)?;
            }
            let known = teacher.as_ref().map(|policy| Known::taught(policy.card())).unwrap_or_default();
            let mut ground = Ground::prepare(&experiment, &self.asked(&experiment)?, &known, stopped)?;
            if let (Some(teacher), Some(path)) = (teacher, &self.from) {
                ground = ground.taught(teacher, path)?;
            }
            let run = Run::begin(ground.session(&experiment, device)?, &self.output, &experiment)?;
            return run.watched(self.tensorboard || experiment.train.tensorboard);
        };
        let path = directory.join(CHECKPOINT);
        let saved = Archive::read(&path)?;
        let card = session::card(&saved).map_err(|error| error.at(Place::file(&path)))?;
        let experiment = ground::experiment(directory)?;
        let recorded = card.traces.iter().map(|source| PathBuf::from(&source.path));
        let traces = if self.trace.is_empty() { recorded.collect() } else { self.trace.clone() };
        let asked = Asked { traces, select: card.select.clone() };
        let ground = Ground::prepare(&experiment, &asked, &Known::of(&card), stopped)?.once_taught(card.from.clone());
        let run = Run::resume(ground.session(&experiment, device)?, directory, &saved)?;
        run.watched(self.tensorboard || experiment.train.tensorboard)
    }

    /// The experiment of a new run.
    fn experiment(&self) -> Result<Experiment, InputError> {
        let mut experiment = Experiment::load(self.config.as_deref())?;
        experiment.train.steps = self.steps.unwrap_or(experiment.train.steps);
        experiment.train.seed = self.seed.unwrap_or(experiment.train.seed);
        experiment.train.validate()?;
        Ok(experiment)
    }

    /// What a new run is to learn on.
    fn asked(&self, experiment: &Experiment) -> Result<Asked, InputError> {
        let named = if self.trace.is_empty() { &experiment.train.traces } else { &self.trace };
        if named.is_empty() {
            let help = "give --trace FILE, or list files in train.traces";
            return Err(InputError::new("there is no trace to learn on", help));
        }
        Ok(Asked { traces: named.clone(), select: self.select.clone() })
    }
}

/// Takes over what fixes the shape of a policy that learning goes on from.
fn take_shape(experiment: &mut Experiment, card: &Card) -> Result<(), InputError> {
    let (env, train) = (&mut experiment.env, &mut experiment.train);
    (env.action, env.control_interval) = (card.env.action.clone(), card.env.control_interval);
    env.observation = card.env.observation.clone();
    (train.hidden, train.activation) = (card.hidden.clone(), card.activation);
    train.memory = if card.memory > 0 { Memory::Gru } else { Memory::None };
    train.gru.width = if card.memory > 0 { card.memory } else { train.gru.width };
    train.normalize_observations = card.normalize_observations;
    train.forecast = card.forecaster.is_some();
    experiment.validate()
}

fn on_interrupt() -> anyhow::Result<Arc<AtomicBool>> {
    let stopped = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stopped);
    ctrlc::set_handler(move || flag.store(true, Ordering::Relaxed)).context("cannot handle Ctrl-C")?;
    Ok(stopped)
}
