use std::io::Write;
use std::path::{Path, PathBuf};

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use rayon::prelude::*;

use crate::autoscalers::Baseline;
use crate::cli::judgement::{Asked, Input, Plan, conclude};
use crate::cli::level::{Level as Choice, warn_of_many};
#[cfg(feature = "train")]
use crate::cli::pace::Pace;
use crate::cli::shard::Wanted;
use crate::cli::traces::{self, Loaded};
use crate::cli::tune::{TOOL, judged};
use crate::cli::world::{Cluster, World};
use crate::cli::{Status, output, shard};
use crate::config::Experiment;
use crate::error::InputError;
use crate::eval::contender::Kind;
use crate::eval::summary::REFERENCE;
use crate::eval::{self, Comparison, Contender, Task, unit};
use crate::hpa::Spec;
use crate::report::number::{count, counted};
use crate::sim::Level;

/// Judge policies and baselines on unseen traffic, with intervals; decide gates
///
/// Everything runs on the test part of each trace (see [split]), with the same seeds for all. Each is compared with the
/// best static HPA found on the training part (tuned) and with the clairvoyant optimum: a gap closed of 0 is the tuned
/// HPA, 1 the optimum, below 0 a loss. Figures are means over functions and seeds; intervals are of 95 %, from a
/// bootstrap over functions, then seeds.
#[derive(Debug, clap::Args)]
pub(super) struct Evaluate {
    /// Trace; `-` is standard input; may be repeated
    #[arg(long, value_name = "FILE", required = true)]
    trace: Vec<PathBuf>,
    #[command(flatten)]
    cluster: Cluster,
    /// Policy file of `hpatune train`, named by its file; may be repeated; `shipped` is the policy that ships, which
    /// takes part when neither --policy nor --baseline is given
    #[cfg(feature = "train")]
    #[arg(long, value_name = "FILE")]
    policy: Vec<PathBuf>,
    /// Baselines instead of the usual ones; may be repeated; tuned always takes part
    #[arg(long, value_name = "NAME", value_parser = baselines())]
    baseline: Vec<Baseline>,
    /// The tuned static HPA, from `hpatune tune -o`, instead of a search
    #[arg(long, value_name = "FILE")]
    tuned: Option<PathBuf>,
    /// Only functions whose name matches, with `*` and `?`; may be repeated
    #[arg(long, value_name = "GLOB")]
    function: Vec<String>,
    /// Runs of each policy on each function
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    seeds: u64,
    /// How closely the runs simulate requests; searches and the optimum are of the fluid level
    #[arg(long, value_enum, default_value_t = Choice::Requests)]
    level: Choice,
    /// Try everybody in other worlds too: more and less load, flash crowds, slow starts, old metrics, crashes
    #[arg(long)]
    robustness: bool,
    /// Directory for report.html, evaluation.json, summary.json, runs.csv, runs.parquet and pictures
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Judge only the K-th of N parts of all functions, K from 0, and keep its units in the directory of -o, where those
    /// of a former try are not made again; `hpatune merge` puts parts together. `auto/N` and `auto` take K, and N where it
    /// is there, from the variables of a Kubernetes Indexed Job, a Slurm array or an AWS Batch array
    #[arg(long, value_name = "K/N", requires = "output", conflicts_with_all = ["require", "json"])]
    shard: Option<Wanted>,
    #[command(flatten)]
    asked: Asked,
}

impl Evaluate {
    pub(super) fn run(self, out: &mut impl Write) -> anyhow::Result<Status> {
        let gates = self.asked.gates()?;
        let part = self.shard.map(|wanted| wanted.resolve(&|name| std::env::var(name).ok())).transpose()?;
        let World { experiment, current } = self.cluster.load(&self.trace)?;
        let level: Level = self.level.into();
        let contenders = self.contenders(&experiment, current)?;
        let names: Vec<&str> = contenders.iter().map(|it| it.name.as_str()).collect();
        let learned: Vec<String> = contenders.iter().filter(|it| it.is_learned()).map(|it| it.name.clone()).collect();
        let figures = gates.iter().flat_map(eval::gates::Gate::figures);
        figures.into_iter().try_for_each(|figure| eval::summary::check(&names, &learned, level, figure))?;
        let loaded = traces::load(&self.trace, &self.function)?;
        let tasks = judged(&loaded, &experiment)?;
        let plan = self.plan(&experiment, &contenders, &loaded, &tasks)?;
        if let Some(directory) = &self.output {
            output::make_dir(directory)?;
        }
        warn_of_many(level, &tasks, self.seeds * contenders.len() as u64);
        let sim = experiment.sim();
        let mut comparison = Comparison {
            contenders: &contenders,
            tasks: &tasks,
            seeds: &plan.seeds,
            world: eval::World { sim: &sim, hpa: &experiment.hpa, tune: &experiment.tune },
            level,
            config_hash: &plan.config_hash,
            record: self.output.is_some(),
            strain: self.robustness,
            tick: &|| {},
        };
        let bar = output::progress(comparison.ticks() * tasks.len() as u64, "runs");
        let tick = || bar.inc(1);
        comparison.tick = &tick;
        if let (Some(part), Some(directory)) = (part, &self.output) {
            let [made, skipped] = shard::run(&comparison, &plan, part, directory)?;
            bar.finish_and_clear();
            writeln!(out, "{} made, {skipped} were there, in {}", counted(made, "unit"), directory.display())?;
            return Ok(Status::Done);
        }
        let units: Vec<_> = (0..tasks.len()).into_par_iter().map(|index| comparison.unit(index)).collect();
        bar.finish_and_clear();
        conclude(&plan, &units, &self.asked, self.output.as_ref(), out)
    }

    fn plan(
        &self,
        experiment: &Experiment,
        contenders: &[Contender],
        loaded: &[Loaded],
        tasks: &[Task],
    ) -> Result<Plan, InputError> {
        let mut files = self.cluster.files()?;
        files.extend(self.tuned.iter().map(|path| Input::new("--tuned", path)).collect::<Result<Vec<_>, _>>()?);
        #[cfg(feature = "train")]
        files.extend(self.policy.iter().map(|path| policy_file(path)).collect::<Result<Vec<_>, _>>()?);
        Ok(Plan {
            tool: TOOL.to_owned(),
            config_hash: experiment.hash(),
            command: self.command(&files),
            traces: loaded.iter().map(|loaded| loaded.source.clone()).collect(),
            files,
            tasks: tasks.iter().map(|task| (task.trace.clone(), task.function.clone())).collect(),
            policies: contenders.iter().map(|it| (it.name.clone(), it.summary().to_owned())).collect(),
            natures: contenders.iter().map(Contender::nature).collect(),
            seen: self.seen(experiment, contenders, loaded)?,
            learned: contenders.iter().filter(|it| it.is_learned()).map(|it| it.name.clone()).collect(),
            budgets: self.budgets(experiment, contenders)?,
            rival: unit::rival(contenders).map(str::to_owned),
            seeds: (0..self.seeds).collect(),
            level: self.level.into(),
            search_level: Level::Fluid,
            slo: experiment.slo.clone(),
            prices: experiment.prices.clone(),
            robustness: self.robustness,
        })
    }

    /// Policies that have learned or chosen on part of the test time, by name, and of which trace; each is warned of.
    fn seen(
        &self,
        experiment: &Experiment,
        contenders: &[Contender],
        loaded: &[Loaded],
    ) -> Result<Vec<(String, String)>, InputError> {
        let mut all = Vec::new();
        #[cfg(feature = "train")]
        for (path, contender) in self.policies().iter().zip(contenders.iter().filter(|it| it.is_learned())) {
            let policy = crate::cli::learned::open(path)?;
            // Shares of equal slots: what differs less is the same slot.
            if crate::cli::learned::seen(&policy) < experiment.split.train + experiment.split.validation + 1e-9 {
                continue;
            }
            let known = |source: &&Loaded| policy.card().traces.iter().any(|it| it.sha256 == source.source.sha256);
            for trace in loaded.iter().filter(known) {
                let (policy, trace) = (&contender.name, &trace.source.name);
                tracing::warn!(
                    "{policy} has learned or chosen on part of {trace} that is its test time here: the comparison flatters \
                     it; give [split] as it was trained with"
                );
                all.push((policy.clone(), trace.clone()));
            }
        }
        #[cfg(not(feature = "train"))]
        let _ = (experiment, contenders, loaded);
        Ok(all)
    }

    /// The policies that take part: those named, or the one that ships where nobody is named.
    #[cfg(feature = "train")]
    fn policies(&self) -> Vec<PathBuf> {
        let ships = self.policy.is_empty() && self.baseline.is_empty();
        let shipped = ships.then(|| PathBuf::from(crate::cli::learned::SHIPPED));
        self.policy.iter().cloned().chain(shipped).collect()
    }

    /// The command again, as a shell would take it, without what says where results go.
    fn command(&self, files: &[Input]) -> String {
        let mut words = vec!["hpatune".to_owned(), "evaluate".to_owned()];
        let mut add = |flag: &str, value: String| words.extend([flag.to_owned(), quoted(&value)]);
        for path in &self.trace {
            add("--trace", path.display().to_string());
        }
        for input in files {
            add(&input.flag, input.file.clone());
        }
        for glob in &self.function {
            add("--function", glob.clone());
        }
        for baseline in &self.baseline {
            add("--baseline", baseline.name().to_owned());
        }
        add("--seeds", self.seeds.to_string());
        add("--level", Level::from(self.level).name().to_owned());
        if self.robustness {
            words.push("--robustness".to_owned());
        }
        words.join(" ")
    }

    /// What searching and learning take of each function.
    fn budgets(&self, experiment: &Experiment, contenders: &[Contender]) -> Result<Vec<(String, String)>, InputError> {
        let mut budgets = Vec::new();
        if contenders.iter().any(|it| matches!(it.kind, Kind::Baseline(Baseline::Linear))) {
            let hours = experiment.tune.linear_steps as f64 / 60.0;
            budgets.push(("linear".to_owned(), format!("{} simulated hours for each function", count(hours))));
        }
        #[cfg(feature = "train")]
        for (path, contender) in self.policies().iter().zip(contenders.iter().filter(|it| it.is_learned())) {
            let policy = crate::cli::learned::open(path)?;
            let card = policy.card();
            let hours = (card.step + card.counterfactual) as f64 * card.env.control_interval.as_secs_f64() / 3600.0;
            let text = format!("{} simulated hours of learning for all functions together", count(hours));
            budgets.push((contender.name.clone(), text));
        }
        Ok(budgets)
    }

    fn contenders(&self, experiment: &Experiment, current: Option<Spec>) -> Result<Vec<Contender>, InputError> {
        let mut baselines = if self.baseline.is_empty() { Baseline::DEFAULT.to_vec() } else { self.baseline.clone() };
        if !baselines.contains(&Baseline::Tuned) {
            baselines.push(Baseline::Tuned);
        }
        let mut all: Vec<Contender> = Vec::new();
        for baseline in baselines {
            if all.iter().all(|other| other.name != baseline.name()) {
                all.push(Contender::baseline(baseline));
            }
        }
        if let Some(path) = &self.tuned {
            let kind = Kind::Fixed(Box::new(Experiment::load(Some(path))?.hpa));
            all.iter_mut().filter(|it| it.name == REFERENCE).for_each(|it| it.kind = kind.clone());
        }
        let current = current.map(|spec| Kind::Manifest(Box::new(spec)));
        all.extend(current.map(|kind| Contender { name: "current".to_owned(), kind }));
        #[cfg(feature = "train")]
        for path in self.policies() {
            let contender = named_policy(&path, experiment, &all)?;
            all.push(contender);
        }
        Ok(all)
    }
}

/// A policy's file; the policy that ships has none, and is fixed by the tool's version.
#[cfg(feature = "train")]
fn policy_file(path: &Path) -> Result<Input, InputError> {
    if path.as_os_str() != crate::cli::learned::SHIPPED {
        return Input::new("--policy", path);
    }
    Ok(Input { flag: "--policy".to_owned(), file: path.display().to_string(), sha256: None })
}

/// A learned policy. Its name is the file's, or, where that is another contender's or could be a baseline's, the path.
#[cfg(feature = "train")]
fn named_policy(path: &Path, experiment: &Experiment, others: &[Contender]) -> Result<Contender, InputError> {
    let policy = crate::cli::learned::open_in(path, experiment)?;
    let stem = path.file_stem().map_or_else(|| "policy".to_owned(), |stem| stem.to_string_lossy().into_owned());
    let reserved = stem == "current" || stem.starts_with("clairvoyant") || stem.parse::<Baseline>().is_ok();
    let taken = reserved || others.iter().any(|other| other.name == stem);
    let name = if taken { path.display().to_string() } else { stem };
    let pace = Pace::of(&name);
    let kind = crate::cli::learned::kind(policy, &name, Some(pace));
    Ok(Contender { name, kind })
}

/// The baselines by name, with what they are.
fn baselines() -> impl TypedValueParser<Value = Baseline> {
    let value = |(_, name, summary): &(Baseline, &'static str, &'static str)| PossibleValue::new(*name).help(*summary);
    PossibleValuesParser::new(Baseline::ALL.iter().map(value)).try_map(|name| name.parse::<Baseline>())
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:@%+,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}
