use std::io::Write;
use std::path::PathBuf;

use serde::Serialize;

use crate::cli::traces::{self, Loaded, Source};
use crate::cli::world::{Cluster, World};
use crate::cli::{Status, output};
use crate::config::Experiment;
use crate::error::InputError;
use crate::eval::contender::{best_static, manifest_static, stock_static, ticks_of_static};
use crate::eval::stats::front::Front;
use crate::eval::tune::search::Ground;
use crate::eval::tune::{Candidate, Scored, Search};
use crate::eval::{self, Task, guard, tasks};
use crate::hpa::Spec;
use crate::report;
use crate::sim::Outcome;

/// Find the best static HPA for recorded traffic, on the training part of the trace
///
/// Every combination of the lists in [tune] is replayed at the fluid level; the best has the least objective: reserved
/// pod time plus the price of late requests (prices.violation). The table shows the stock HPA, the best, and the front
/// of configurations that none beats in both cost and late requests.
#[derive(Debug, clap::Args)]
pub(super) struct Tune {
    /// Traces; `-` is standard input
    #[arg(value_name = "TRACE", required = true)]
    traces: Vec<PathBuf>,
    #[command(flatten)]
    cluster: Cluster,
    /// Only functions whose name matches, with `*` and `?`; may be repeated
    #[arg(long, value_name = "GLOB")]
    function: Vec<String>,
    /// Write the best as an experiment file, when there is one function, or `tune.per_function = false`
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

/// What was found for a function, or for all of them.
#[derive(Serialize)]
struct Found {
    trace: String,
    function: String,
    best: Scored<Candidate>,
    stock: Scored<Candidate>,
    #[serde(skip_serializing_if = "Option::is_none")]
    current: Option<Outcome>,
    front: Vec<Scored<Candidate>>,
    /// Share of the plane of cost and late requests, within 1.1 times the worst of both, that the front covers.
    hypervolume: f64,
    budget: crate::eval::tune::Budget,
}

#[derive(Serialize)]
struct Document<'a> {
    tool: &'a str,
    config_hash: String,
    traces: Vec<&'a Source>,
    slo: &'a crate::sim::settings::Slo,
    functions: &'a [Found],
}

impl Tune {
    pub(super) fn run(self, out: &mut impl Write) -> anyhow::Result<Status> {
        let World { experiment, current } = self.cluster.load(&self.traces)?;
        let loaded = traces::load(&self.traces, &self.function)?;
        let tasks = judged(&loaded, &experiment)?;
        let groups: Vec<&[Task]> =
            if experiment.tune.per_function { tasks.chunks(1).collect() } else { vec![tasks.as_slice()] };
        if self.output.is_some() && groups.len() > 1 {
            let problem = format!("there are {} functions, and one file holds one configuration", groups.len());
            let help = "choose a function with --function, or set tune.per_function = false";
            return Err(InputError::new(problem, help).field("--output").into());
        }
        self.output.iter().try_for_each(|path| output::check_file(path))?;
        let found = search(&groups, &experiment, current.as_ref());
        if let (Some(path), [found]) = (&self.output, found.as_slice()) {
            let text = best_file(&experiment, found, &loaded);
            output::write_file(path, |file| Ok(file.write_all(text.as_bytes())?))?;
        }
        if self.json {
            let sources = loaded.iter().map(|loaded| &loaded.source).collect();
            let document = Document {
                tool: TOOL,
                config_hash: experiment.hash(),
                traces: sources,
                slo: &experiment.slo,
                functions: &found,
            };
            serde_json::to_writer_pretty(&mut *out, &document)?;
            writeln!(out)?;
        } else {
            print(&found, out)?;
        }
        Ok(Status::Done)
    }
}

/// The tool and its version, for provenance.
pub(super) const TOOL: &str = concat!("hpatune ", env!("CARGO_PKG_VERSION"));

/// The functions of all traces that can be judged; those that cannot are told on standard error.
///
/// # Errors
/// A trace of which no function can be judged.
pub(super) fn judged(loaded: &[Loaded], experiment: &Experiment) -> Result<Vec<Task>, InputError> {
    let world = experiment.sim();
    let mut all = Vec::new();
    for Loaded { source, trace } in loaded {
        let (found, skipped) = tasks(&source.name, trace, &world, &experiment.split)?;
        for it in skipped {
            tracing::warn!("{}: function {:?} is left out: {}", source.name, it.function, it.reason);
        }
        for task in &found {
            let series = trace.function(&task.function);
            if let Some(reason) = series.and_then(|series| guard::thin_traffic(series, &trace.header)) {
                tracing::warn!("{}: {reason}", source.name);
            }
        }
        all.extend(found);
    }
    Ok(all)
}

fn search(groups: &[&[Task]], experiment: &Experiment, current: Option<&Spec>) -> Vec<Found> {
    let sim = experiment.sim();
    let world = eval::World { sim: &sim, hpa: &experiment.hpa, tune: &experiment.tune };
    let bar = output::progress(ticks_of_static(&world) * groups.len() as u64, "configurations");
    let found = groups.iter().map(|tasks| {
        let grounds: Vec<Ground> = tasks.iter().map(Task::ground).collect();
        let Search { best, front, budget, .. } = best_static(&grounds, &world, &|| bar.inc(1));
        let stock = stock_static(&grounds, &world);
        let current = current.map(|spec| manifest_static(&grounds, &world, spec));
        let (trace, function) = match tasks {
            [task] => (task.trace.clone(), task.function.clone()),
            _ => ("all".to_owned(), "all".to_owned()),
        };
        let hypervolume = dominated(&front, &stock);
        Found { trace, function, best, stock, current, front, hypervolume, budget }
    });
    let found = found.collect();
    bar.finish_and_clear();
    found
}

fn dominated(front: &[Scored<Candidate>], stock: &Scored<Candidate>) -> f64 {
    let all = front.iter().chain([stock]).map(|it| (it.outcome.cost.usd, it.outcome.slo.violation_rate));
    Front::new(all.collect()).dominated()
}

fn print(found: &[Found], out: &mut impl Write) -> anyhow::Result<()> {
    for (at, found) in found.iter().enumerate() {
        if at > 0 {
            writeln!(out)?;
        }
        writeln!(out, "{} / {}: {}", found.trace, found.function, report::tuning::budget(&found.budget))?;
        write!(out, "{}", report::tuning::table(&found.stock, found.current.as_ref(), &found.best, &found.front))?;
    }
    Ok(())
}

/// An experiment file with the best HPA, preceded by where it comes from.
fn best_file(experiment: &Experiment, found: &Found, loaded: &[Loaded]) -> String {
    let best = Experiment { hpa: found.best.candidate.settings(&experiment.hpa), ..experiment.clone() };
    let mut head = vec![
        format!("The best static HPA for {} / {}, by {TOOL}.", found.trace, found.function),
        format!(
            "Searched on the first {} of the trace: {}.",
            experiment.split.train,
            report::tuning::budget(&found.budget)
        ),
    ];
    for (what, scored) in [("Best", &found.best), ("Stock HPA", &found.stock)] {
        head.push(format!("{what} on training time: {}.", report::tuning::figures(scored)));
    }
    for Loaded { source, .. } in loaded {
        head.push(format!("Trace {} (SHA-256 {}).", source.file, source.sha256));
    }
    head.push(format!("Settings that it was searched with: {}.", experiment.hash()));
    // A line break in a name would end the comment.
    let comment = |line: &String| format!("# {}\n", line.replace(char::is_control, " "));
    let head: String = head.iter().map(comment).collect();
    format!("{head}\n{}", best.to_toml())
}
