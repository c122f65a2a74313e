use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;
use serde::Serialize;

use crate::autoscalers::{Baseline, Recipe};
use crate::cli::level::{Level, warn_of_many};
use crate::cli::traces::{self, Loaded};
use crate::cli::world::{Cluster, World};
use crate::cli::{Status, output};
use crate::config::Experiment;
use crate::env::fairness::Figures;
use crate::error::{InputError, Place};
use crate::eval::{self, Contender, Task};
use crate::report;
use crate::sim::{self, Outcome, Run, Workload};
use crate::trace::split::ranges;

/// Replay a trace under one policy: cost, violations, response times, and how replicas followed demand
///
/// Each function of the trace is a Deployment of its own, alone in a cluster unless --together is given. Without --hpa, --autoscaler or --policy the HPA of [hpa] in the
/// experiment file scales it: a stock HPA at 80 % CPU unless the file says otherwise. Baselines that learn from the past
/// see the training part of the trace (see [split]).
#[derive(Debug, clap::Args)]
pub(super) struct Replay {
    /// Trace; `-` is standard input
    #[arg(value_name = "TRACE")]
    trace: PathBuf,
    #[command(flatten)]
    cluster: Cluster,
    /// Baseline that scales, such as stock-50, tuned or schedule
    #[arg(long, value_name = "NAME")]
    autoscaler: Option<Baseline>,
    /// Policy file of `hpatune train` that moves the HPA's fields; `shipped` is the policy that ships
    #[cfg(feature = "train")]
    #[arg(long, value_name = "FILE", conflicts_with = "autoscaler")]
    policy: Option<PathBuf>,
    /// Only functions whose name matches, with `*` and `?`; may be repeated
    #[arg(long, value_name = "GLOB")]
    function: Vec<String>,
    /// How closely requests are simulated
    #[arg(long, value_enum, default_value_t = Level::Fluid)]
    level: Level,
    /// All functions share the room of [cluster]: what one leaves the others can have
    #[arg(long)]
    together: bool,
    /// Seed of start-up times, of the phases of the metrics path, and of single requests
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// File for one CSV row per sync; `-` is standard output, in place of the summary
    #[arg(long, value_name = "FILE")]
    timeline: Option<PathBuf>,
    /// Directory for a picture of each function's run, as SVG and PNG
    #[cfg(feature = "plot")]
    #[arg(long, value_name = "DIR")]
    plot: Option<PathBuf>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
    /// Rows of the table, the costliest first
    #[arg(long, value_name = "N", default_value_t = 20, conflicts_with = "all")]
    top: usize,
    /// All rows
    #[arg(long)]
    all: bool,
}

/// The figures of a function's run, or of all together.
#[derive(Serialize)]
struct Row<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    function: Option<&'a str>,
    seed: u64,
    config_hash: &'a str,
    level: sim::Level,
    #[serde(flatten)]
    outcome: &'a Outcome,
}

#[derive(Serialize)]
struct Document<'a> {
    runs: Vec<Row<'a>>,
    total: Row<'a>,
    /// How evenly the objective is met: figures of the share of requests in time, over functions where there are several.
    #[serde(skip_serializing_if = "Option::is_none")]
    fairness: Option<Figures>,
}

impl Replay {
    pub(super) fn run(self, out: &mut impl Write) -> anyhow::Result<Status> {
        if self.json && self.timeline.as_deref() == Some(Path::new("-")) {
            let error =
                InputError::new("both would go to standard output", "give --timeline a file, or leave out --json");
            return Err(error.field("--timeline").into());
        }
        let world = self.cluster.load(std::slice::from_ref(&self.trace))?;
        let policy = self.contender(&world)?;
        self.make_directory()?;
        let loaded = traces::load(std::slice::from_ref(&self.trace), &self.function)?.remove(0);
        let tasks = tasks(&loaded, &world.experiment)?;
        warn_of_many(self.level.into(), &tasks, 1);
        let sim::Together { runs, total } = self.replay(&tasks, &policy, &world.experiment);
        if let Some(path) = &self.timeline {
            output::write_file(path, |file| Ok(timelines(&tasks, &runs, file)?))?;
        }
        self.draw(&tasks, &runs, &policy.name)?;
        let Some(total) = total else { return Ok(Status::Done) };
        if self.json {
            let hash = world.experiment.hash();
            serde_json::to_writer_pretty(&mut *out, &self.document(&tasks, &runs, &total, &hash))?;
            writeln!(out)?;
        } else if self.timeline.as_deref() != Some(Path::new("-")) {
            self.print(&tasks, &runs, &total, &policy.name, out)?;
        }
        Ok(Status::Done)
    }

    /// Who scales.
    fn contender(&self, world: &World) -> Result<Contender, InputError> {
        use crate::eval::contender::Kind;
        if let Some(baseline) = self.autoscaler {
            return Ok(Contender::baseline(baseline));
        }
        #[cfg(feature = "train")]
        if let Some(path) = &self.policy {
            let policy = super::learned::open_in(path, &world.experiment)?;
            let name = "policy".to_owned();
            return Ok(Contender { kind: super::learned::kind(policy, &name, None), name });
        }
        let kind = match &world.current {
            Some(spec) => Kind::Manifest(Box::new(spec.clone())),
            None => Kind::Fixed(Box::new(world.experiment.hpa.clone())),
        };
        Ok(Contender { name: "hpa".to_owned(), kind })
    }

    fn replay(&self, tasks: &[Task], policy: &Contender, experiment: &Experiment) -> sim::Together {
        // Searches of baselines are of the fluid level, whatever they lead to is replayed at.
        let fluid = experiment.sim();
        let sim = sim::Settings { level: self.level.into(), ..fluid.clone() };
        let world = eval::World { sim: &fluid, hpa: &experiment.hpa, tune: &experiment.tune };
        let bar = output::progress((policy.ticks(&world) + 1) * tasks.len() as u64, "runs");
        let record = self.records();
        let ready = |task: &Task| -> Recipe { policy.ready(task, &world, None, &|| bar.inc(1)).recipe };
        let together = if self.together {
            if !sim.cluster.bounded() {
                tracing::warn!(
                    "--together changes nothing: [cluster] leaves room for all; set cluster.cpu or cluster.nodes"
                );
            }
            let recipes: Vec<Recipe> = tasks.par_iter().map(ready).collect();
            let tenants = tasks.iter().zip(&recipes).map(|(task, recipe)| tenant(recipe, task, self.seed)).collect();
            sim::run_together(tenants, &sim, self.seed, record)
        } else {
            let one = |task: &Task| {
                let run = replay(&ready(task), task, &sim, self.seed, record);
                bar.inc(1);
                run
            };
            let runs: Vec<Run> = tasks.par_iter().map(one).collect();
            sim::Together { total: Run::merge(&runs), runs }
        };
        bar.finish_and_clear();
        together
    }

    #[cfg(feature = "plot")]
    fn records(&self) -> bool {
        self.timeline.is_some() || self.plot.is_some()
    }

    #[cfg(not(feature = "plot"))]
    fn records(&self) -> bool {
        self.timeline.is_some()
    }

    #[cfg(feature = "plot")]
    fn make_directory(&self) -> Result<(), InputError> {
        self.plot.as_deref().map_or(Ok(()), output::make_dir)
    }

    #[cfg(not(feature = "plot"))]
    fn make_directory(&self) -> Result<(), InputError> {
        Ok(())
    }

    #[cfg(feature = "plot")]
    fn draw(&self, tasks: &[Task], runs: &[Run], policy: &str) -> anyhow::Result<()> {
        let Some(directory) = &self.plot else { return Ok(()) };
        let bar = output::progress(tasks.len() as u64, "pictures");
        tasks.par_iter().zip(runs).try_for_each(|(task, run)| {
            super::pictures::timeline(directory, &task.function, policy, run)?;
            bar.inc(1);
            anyhow::Ok(())
        })?;
        bar.finish_and_clear();
        Ok(())
    }

    #[cfg(not(feature = "plot"))]
    fn draw(&self, _: &[Task], _: &[Run], _: &str) -> anyhow::Result<()> {
        Ok(())
    }

    fn document<'a>(&self, tasks: &'a [Task], runs: &'a [Run], total: &'a Run, hash: &'a str) -> Document<'a> {
        let row = |function: Option<&'a str>, run: &'a Run| Row {
            function,
            seed: self.seed,
            config_hash: hash,
            level: self.level.into(),
            outcome: &run.outcome,
        };
        let met: Vec<f64> = runs.iter().map(|run| 1.0 - run.outcome.slo.violation_rate).collect();
        let runs = tasks.iter().zip(runs).map(|(task, run)| row(Some(&task.function), run)).collect();
        Document { runs, total: row(None, total), fairness: (met.len() > 1).then(|| Figures::of(&met)) }
    }

    fn print(
        &self,
        tasks: &[Task],
        runs: &[Run],
        total: &Run,
        policy: &str,
        out: &mut impl Write,
    ) -> anyhow::Result<()> {
        let mut order: Vec<usize> = (0..runs.len()).collect();
        order.sort_by(|&a, &b| runs[b].outcome.cost.usd.total_cmp(&runs[a].outcome.cost.usd));
        let shown = if self.all { order.len() } else { self.top.min(order.len()) };
        let rows = order[..shown].iter().map(|&at| (tasks[at].function.as_str(), &runs[at].outcome));
        let total_row = (runs.len() > 1).then_some(("total", &total.outcome));
        write!(out, "{}", report::replay::table(rows.chain(total_row)))?;
        if shown < order.len() {
            writeln!(out, "... and {} functions more (--all shows them)", order.len() - shown)?;
        }
        Ok(writeln!(out, "\n{}", report::replay::summary(policy, runs.len(), &total.outcome))?)
    }
}

fn replay(recipe: &Recipe, task: &Task, settings: &sim::Settings, seed: u64, record: bool) -> Run {
    recipe.run(&task.workload, settings, seed, task.test.clone(), record)
}

/// A function that shares the cluster with others.
fn tenant(recipe: &Recipe, task: &Task, seed: u64) -> sim::Tenant {
    let (autoscaler, tuner) = recipe.make(seed);
    sim::Tenant { workload: Arc::clone(&task.workload), autoscaler, tuner, window: task.test.clone() }
}

/// Every function of the trace, over all of its time. Under `fit_pods` a function without load is left out.
fn tasks(loaded: &Loaded, experiment: &Experiment) -> Result<Vec<Task>, InputError> {
    let (trace, sim) = (&loaded.trace, experiment.sim());
    let mut tasks = Vec::new();
    for series in &trace.functions {
        if sim.workload.fit_pods.is_some() && !Workload::is_loaded(series, &trace.header, &sim) {
            tracing::warn!("{} is left out: it has no load to scale to workload.fit_pods", series.function);
            continue;
        }
        let place = |error: InputError| error.at(Place::file(Path::new(&loaded.source.file)));
        let workload = Arc::new(Workload::new(series, &trace.header, &sim).map_err(place)?);
        let window = workload.window();
        let [train, ..] = ranges(workload.slots().len(), experiment.split.train, experiment.split.validation);
        let trained = if train.is_empty() { window.clone() } else { window.start..workload.slot_end(train.end - 1) };
        let (trace, function) = (loaded.source.name.clone(), series.function.clone());
        tasks.push(Task {
            trace,
            function,
            workload,
            train: trained,
            validation: window.end..window.end,
            test: window,
        });
    }
    if tasks.is_empty() {
        let help = "give another trace, or leave out workload.fit_pods";
        return Err(InputError::new(format!("no function of {} has any load", loaded.source.name), help));
    }
    Ok(tasks)
}

/// One row a sync, function by function. What is unknown is empty.
fn timelines(tasks: &[Task], runs: &[Run], out: &mut dyn Write) -> std::io::Result<()> {
    let mut writer = csv::Writer::from_writer(out);
    let head = ["function"].into_iter().chain(sim::TimelineRow::FIELDS);
    writer.write_record(head)?;
    for (task, run) in tasks.iter().zip(runs) {
        for row in &run.timeline {
            writer.write_field(&task.function)?;
            for value in row.values() {
                writer.write_field(if value.is_nan() { String::new() } else { value.to_string() })?;
            }
            writer.write_record(None::<&[u8]>)?;
        }
    }
    writer.flush()
}
