use std::io::Write;
use std::path::{Path, PathBuf};

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use serde::Serialize;

use crate::autoscalers::Baseline;
use crate::cli::level::{Level as Choice, warn_of_many};
use crate::cli::traces::{self, Source};
use crate::cli::tune::{TOOL, judged};
use crate::cli::world::{Cluster, World};
use crate::cli::{Status, output};
use crate::config::Experiment;
use crate::error::InputError;
use crate::eval::contender::Kind;
use crate::eval::gates::{Gate, Verdict};
use crate::eval::runner::{Bound, Found, Row};
use crate::eval::summary::{REFERENCE, check, look_up};
use crate::eval::{self, Comparison, Contender, Summary, Task, summarize};
use crate::hpa::Spec;
use crate::report;
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
    /// Directory for evaluation.json, runs.csv and pictures
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Exit with 3 unless this holds, as in 'cost.usd[policy]/cost.usd[tuned] <= 0.95'; may be repeated
    #[arg(long, value_name = "EXPR", allow_hyphen_values = true)]
    require: Vec<String>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Document<'a> {
    tool: &'a str,
    config_hash: &'a str,
    traces: Vec<&'a Source>,
    seeds: &'a [u64],
    /// Level of the runs, and of searches and the optimum.
    level: Level,
    search_level: Level,
    slo: &'a crate::sim::settings::Slo,
    runs: &'a [Row],
    summary: &'a [Summary],
    tuned: &'a [Found],
    optimum: &'a [Bound],
    gates: &'a [Verdict],
    verdict: String,
}

impl Evaluate {
    pub(super) fn run(self, out: &mut impl Write) -> anyhow::Result<Status> {
        let gates = self.require.iter().map(|text| Gate::parse(text)).collect::<Result<Vec<_>, _>>()?;
        let World { experiment, current } = self.cluster.load(&self.trace)?;
        let level: Level = self.level.into();
        let contenders = self.contenders(current)?;
        let learned: Vec<String> = contenders.iter().filter(|it| it.is_learned()).map(|it| it.name.clone()).collect();
        let names: Vec<&str> = contenders.iter().map(|it| it.name.as_str()).collect();
        gates.iter().flat_map(Gate::figures).try_for_each(|figure| check(&names, &learned, level, figure))?;
        let loaded = traces::load(&self.trace, &self.function)?;
        let tasks = judged(&loaded, &experiment)?;
        if let Some(directory) = &self.output {
            output::make_dir(directory)?;
        }
        let hash = experiment.hash();
        let seeds: Vec<u64> = (0..self.seeds).collect();
        warn_of_many(level, &tasks, self.seeds * contenders.len() as u64);
        let sim = experiment.sim();
        let world = eval::World { sim: &sim, hpa: &experiment.hpa, tune: &experiment.tune };
        let mut comparison = Comparison {
            contenders: &contenders,
            tasks: &tasks,
            seeds: &seeds,
            world,
            level,
            config_hash: &hash,
            tick: &|| {},
        };
        let bar = output::progress(comparison.ticks(), "runs");
        let tick = || bar.inc(1);
        comparison.tick = &tick;
        let ready = comparison.prepare();
        let results = comparison.run(&ready);
        bar.finish_and_clear();
        let summary = summarize(&results, 0);
        let look_up = |figure: &_| look_up(&summary, &learned, level, figure);
        let verdicts = gates.iter().map(|gate| gate.decide(&look_up)).collect::<Result<Vec<_>, _>>()?;
        let document = Document {
            tool: TOOL,
            config_hash: &hash,
            traces: loaded.iter().map(|loaded| &loaded.source).collect(),
            seeds: &seeds,
            level,
            search_level: world.sim.level,
            slo: &experiment.slo,
            runs: &results.rows,
            summary: &summary,
            tuned: &results.found,
            optimum: &results.bounds,
            gates: &verdicts,
            verdict: report::evaluation::verdict(&summary, &learned),
        };
        if let Some(directory) = &self.output {
            write(directory, &document)?;
            #[cfg(feature = "plot")]
            super::pictures::draw(directory, &comparison, &ready, &results, &summary, experiment.slo.target)?;
        }
        if self.json {
            json(&document, out)?;
        } else {
            print(&document, &tasks, out)?;
        }
        Ok(told(&verdicts))
    }

    fn contenders(&self, current: Option<Spec>) -> Result<Vec<Contender>, InputError> {
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
        {
            let ships = self.policy.is_empty() && self.baseline.is_empty();
            let shipped = ships.then(|| PathBuf::from(crate::cli::learned::SHIPPED));
            for path in self.policy.iter().chain(&shipped) {
                let contender = named_policy(path, &all)?;
                all.push(contender);
            }
        }
        Ok(all)
    }
}

/// A learned policy. Its name is the file's, or, where that is taken, the path.
#[cfg(feature = "train")]
fn named_policy(path: &Path, others: &[Contender]) -> Result<Contender, InputError> {
    let policy = crate::cli::learned::open(path)?;
    let stem = path.file_stem().map_or_else(|| "policy".to_owned(), |stem| stem.to_string_lossy().into_owned());
    let taken = others.iter().any(|other| other.name == stem);
    let name = if taken { path.display().to_string() } else { stem };
    Ok(Contender { name, kind: crate::cli::learned::kind(policy) })
}

/// The baselines by name, with what they are.
fn baselines() -> impl TypedValueParser<Value = Baseline> {
    let value = |(_, name, summary): &(Baseline, &'static str, &'static str)| PossibleValue::new(*name).help(*summary);
    PossibleValuesParser::new(Baseline::ALL.iter().map(value)).try_map(|name| name.parse::<Baseline>())
}

fn write(directory: &Path, document: &Document<'_>) -> anyhow::Result<()> {
    output::write_file(&directory.join("evaluation.json"), |mut file| json(document, &mut file))?;
    output::write_file(&directory.join("runs.csv"), |file| Ok(report::runs::csv(document.runs, file)?))
}

fn json(document: &Document<'_>, out: &mut impl Write) -> anyhow::Result<()> {
    serde_json::to_writer_pretty(&mut *out, document)?;
    Ok(writeln!(out)?)
}

fn print(document: &Document<'_>, tasks: &[Task], out: &mut impl Write) -> anyhow::Result<()> {
    write!(out, "{}", report::evaluation::table(document.summary))?;
    let hours: f64 = tasks.iter().map(|task| task.test.end.since(task.test.start).as_secs_f64() / 3600.0).sum();
    writeln!(
        out,
        "\nMeans over {} × {}, {} hours of test time each; objective in pod-hours, optimum {} to {}.",
        report::number::counted(tasks.len(), "function"),
        report::number::counted(document.seeds.len(), "seed"),
        report::number::significant(hours / tasks.len() as f64, 3),
        report::number::significant(mean(document.optimum, |bound| bound.optimum.lower), 4),
        report::number::significant(mean(document.optimum, |bound| bound.optimum.upper), 4),
    )?;
    let (level, search) = (document.level.name(), document.search_level.name());
    writeln!(out, "Level of the runs: {level}; of searches and the optimum: {search}.")?;
    if let Some(line) = report::evaluation::fluid_error(document.summary) {
        writeln!(out, "{line}")?;
    }
    Ok(writeln!(out, "{}", document.verdict)?)
}

fn mean(bounds: &[Bound], of: impl Fn(&Bound) -> f64) -> f64 {
    bounds.iter().map(of).sum::<f64>() / bounds.len() as f64
}

/// Says which gates are met, on standard error.
fn told(verdicts: &[Verdict]) -> Status {
    for verdict in verdicts {
        let line = report::verdict::line(verdict);
        if verdict.met { tracing::info!("{line}") } else { tracing::error!("{line}") }
    }
    if verdicts.iter().all(|verdict| verdict.met) { Status::Done } else { Status::GateNotMet }
}
