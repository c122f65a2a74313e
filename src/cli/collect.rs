use std::io::Write;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use super::{Status, learned, output, starts, traces};
use crate::config::Experiment;
use crate::env::settings::Action;
use crate::env::{Actions, Distribution};
use crate::error::{InputError, within};
use crate::rl::log::{Behaviour, Log};
use crate::rl::policy::{Card, Source};
use crate::rl::settings::Algorithm;

/// Log what a policy sees, does and earns on training time, for the algorithms that learn from a log
///
/// Without --policy the start is left as it is, but for the random choices. Name the log in train.offline.log, and
/// train with algorithm = "cql" or "bcq".
#[derive(Debug, clap::Args)]
pub(super) struct Collect {
    /// Experiment file; `-` is standard input
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Trace to play on, instead of those of train.traces; may be repeated
    #[arg(long, value_name = "FILE")]
    trace: Vec<PathBuf>,
    /// Only functions whose name matches, with `*` and `?`; may be repeated
    #[arg(long, value_name = "GLOB")]
    select: Vec<String>,
    /// Policy file of `hpatune train` that acts; `shipped` is the policy that ships
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Share of choices that are drawn at random instead, knob by knob
    #[arg(long, value_name = "SHARE", default_value_t = 0.3)]
    exploration: f64,
    /// Transitions, rounded up to whole episodes
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    steps: u64,
    /// Seed, instead of train.seed
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// File of the log
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
}

impl Collect {
    pub(super) fn run(self, out: &mut impl Write) -> anyhow::Result<Status> {
        within("--exploration", self.exploration, 0.0, 1.0)?;
        let mut experiment = Experiment::load(self.config.as_deref())?;
        experiment.train.seed = self.seed.unwrap_or(experiment.train.seed);
        playable(&experiment.env.action)?;
        let policy = self.policy.as_deref().map(learned::open).transpose()?;
        policy.as_ref().map_or(Ok(()), |policy| fits(policy.card(), &experiment))?;
        let paths = if self.trace.is_empty() { experiment.train.traces.clone() } else { self.trace.clone() };
        if paths.is_empty() {
            let help = "give --trace FILE, or list files in train.traces";
            return Err(InputError::new("there is no trace to play on", help).into());
        }
        let loaded = traces::load(&paths, &self.select)?;
        starts::warn(&experiment, &loaded)?;
        let known = policy.as_ref().map(|policy| starts::Known::taught(policy.card())).unwrap_or_default();
        let ready = starts::scenarios(&experiment, &loaded, &known, &AtomicBool::new(false))?;
        let sources = loaded.iter().map(|it| Source { path: it.source.file.clone(), sha256: it.source.sha256.clone() });
        let config = experiment.to_toml();
        let made = Card::new(&experiment.env, &experiment.train, sources.collect(), &self.select, &config);
        let algorithm = policy.as_ref().map_or(Algorithm::default(), |policy| policy.card().algorithm);
        let card =
            Card { starts: ready.origins, shared: ready.shared, forecaster: ready.forecaster, algorithm, ..made };
        let behaviour = Behaviour { policy: policy.as_ref(), exploration: self.exploration };
        let log = Log::collect(card, ready.scenarios, behaviour, experiment.train.n_envs, self.steps);
        let archive = log.pack();
        output::write_file(&self.output, |file| Ok(archive.write(file)?))?;
        let offered: f64 = log.experience.infos.iter().map(|info| info.offered).sum();
        let late: f64 = log.experience.infos.iter().map(|info| info.violations).sum();
        writeln!(out, "log         {}", self.output.display())?;
        writeln!(out, "transitions {} of {} episodes", log.experience.len(), log.experience.episodes)?;
        writeln!(out, "violations  {:.3} %", 100.0 * late / offered.max(1e-9))?;
        Ok(Status::Done)
    }
}

/// Checks that an action is made of choices that are never forbidden: who learns from a log values each of them.
fn playable(action: &Action) -> Result<(), InputError> {
    let number = |head: &Distribution| !matches!(head, Distribution::Categorical(_));
    let wrong = |problem: &str, help: &str, field: &str| Err(InputError::new(problem, help).field(field));
    if Actions::new(action).distributions().iter().any(number) {
        let help = "set env.action.head = \"discrete\": what learns from a log values choices";
        return wrong("the action has numbers, and a log holds choices", help, "env.action.head");
    }
    if !action.cooldown.is_zero() {
        let help = "write cooldown = \"0s\": what learns from a log knows no masks";
        return wrong("a log holds choices that are free, and a cool-down forbids some", help, "env.action.cooldown");
    }
    if action.masks == Some(true) {
        let help = "leave it out: what learns from a log knows no masks";
        return wrong("a log holds choices that are free, and masks forbid some", help, "env.action.masks");
    }
    Ok(())
}

/// Checks that a policy sees and does what an experiment says, and decides each time anew and by itself.
fn fits(card: &Card, experiment: &Experiment) -> Result<(), InputError> {
    let (own, env, train) = (&card.env, &experiment.env, &experiment.train);
    let same = own.action == env.action && own.observation == env.observation;
    let same = same && own.control_interval == env.control_interval && card.start == train.start;
    // A forecaster that the policy has is taken along whatever the experiment says.
    let same = same && (card.forecaster.is_some() || !train.forecast);
    let wrong = |problem: &str, help: &str| Err(InputError::new(problem, help).field("--policy"));
    if !same {
        let help = "collect with the experiment file that the policy was trained with";
        return wrong("the policy sees or does other things than the experiment says, or at other times", help);
    }
    if card.memory > 0 {
        let help = "take a policy that was trained with train.memory = \"none\"";
        return wrong("the policy remembers, and a log holds single decisions", help);
    }
    if card.safety.is_some() || (own.action.masked() && card.algorithm.knows_masks()) {
        let help = "take a policy that was trained with env.action.masks = false and without train.safety";
        return wrong("the policy may not take every choice, and a log holds choices that are free", help);
    }
    Ok(())
}
