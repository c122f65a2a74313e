use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;

use crate::autoscalers::HpaAutoscaler;
use crate::cli::explain::workload;
use crate::cli::world::{Deployed, stdin_once};
use crate::cli::{Status, traces};
use crate::config::Experiment;
use crate::error::InputError;
use crate::hpa::api::HorizontalPodAutoscaler;
use crate::manifest::Manifests;
use crate::report::decisions::clock;
use crate::report::number::{change, dollars, fixed, percent, significant};
use crate::report::{Align, Table};
use crate::sim::{self, Outcome, Run, Settings, Workload};

/// What would another HPA manifest have done: decisions that differ, cost, violations and scale events
///
/// Both manifests are replayed on the same arrivals, start-up times and phases of the metrics path.
#[derive(Debug, clap::Args)]
pub(super) struct Diff {
    /// Manifest of the HPA in use (`autoscaling/v2` or v1)
    #[arg(value_name = "OLD")]
    old: PathBuf,
    /// Manifest of the HPA to compare with
    #[arg(value_name = "NEW")]
    new: PathBuf,
    /// Trace; `-` is standard input
    #[arg(long, value_name = "FILE")]
    trace: PathBuf,
    /// Experiment file
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    deployed: Deployed,
    /// Only functions whose name matches, with `*` and `?`; may be repeated
    #[arg(long, value_name = "GLOB")]
    function: Vec<String>,
    /// Seed of start-up times and of the phases of the metrics path
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

/// What the two did to one function.
#[derive(Serialize)]
struct Comparison {
    function: String,
    decisions: Decisions,
    old: Outcome,
    new: Outcome,
}

/// Where replicas differ.
#[derive(Serialize)]
struct Decisions {
    /// Syncs of the run.
    syncs: usize,
    /// Syncs after which replicas differ.
    differ: usize,
    /// The largest difference, new less old.
    largest: Option<Difference>,
    /// The first difference.
    first: Option<Difference>,
}

#[derive(Serialize, Clone, Copy)]
struct Difference {
    t: f64,
    old: f64,
    new: f64,
}

#[derive(Serialize)]
struct Document {
    fields: Vec<Field>,
    functions: Vec<Comparison>,
}

/// A field of the defaulted spec that differs; absent is null.
#[derive(Serialize)]
struct Field {
    #[serde(rename = "field")]
    path: String,
    old: Value,
    new: Value,
}

impl Diff {
    pub(super) fn run(self, out: &mut impl Write) -> anyhow::Result<Status> {
        let (experiment, [old, new]) = self.load()?;
        let settings = experiment.sim();
        let loaded = traces::load(std::slice::from_ref(&self.trace), &self.function)?.remove(0);
        let mut functions = Vec::new();
        for series in &loaded.trace.functions {
            let workload = workload(series, &loaded.trace.header, &settings, &self.trace)?;
            let run = |hpa: &HorizontalPodAutoscaler| {
                let autoscaler = HpaAutoscaler::from_spec(hpa.spec(), experiment.hpa.flags());
                replay(&workload, &settings, autoscaler, self.seed)
            };
            functions.push(compare(&series.function, &run(&old), &run(&new)));
        }
        let document = Document { fields: fields(&old, &new)?, functions };
        if self.json {
            serde_json::to_writer_pretty(&mut *out, &document)?;
            writeln!(out)?;
        } else {
            print(&document, (&self.old, &self.new), out)?;
        }
        Ok(Status::Done)
    }
}

impl Diff {
    /// The world, and both objects.
    fn load(&self) -> Result<(Experiment, [HorizontalPodAutoscaler; 2]), InputError> {
        stdin_once(&[
            ("OLD", Some(&self.old)),
            ("NEW", Some(&self.new)),
            ("--trace", Some(&self.trace)),
            ("--config", self.config.as_deref()),
            ("--deployment", self.deployed.deployment.as_deref()),
        ])?;
        let mut experiment = Experiment::load(self.config.as_deref())?;
        let read = |path| Manifests::read(path)?.hpa(self.deployed.target.as_deref());
        let both = [read(&self.old)?, read(&self.new)?];
        self.deployed.apply(&mut experiment, None, &both)?;
        experiment.validate()?;
        Ok((experiment, both.map(|hpa| hpa.object().clone())))
    }
}

fn replay(workload: &Arc<Workload>, settings: &Settings, autoscaler: HpaAutoscaler, seed: u64) -> Run {
    sim::run(workload, settings, Box::new(autoscaler), None, seed, workload.window(), true)
}

fn compare(function: &str, old: &Run, new: &Run) -> Comparison {
    let rows = || old.timeline.iter().zip(&new.timeline);
    let differences = || {
        let differ = rows().filter(|(old, new)| (old.replicas - new.replicas).abs() >= 0.5);
        differ.map(|(old, new)| Difference { t: old.t, old: old.replicas, new: new.replicas })
    };
    let size = |it: &Difference| (it.new - it.old).abs();
    let largest = differences().fold(None, |best: Option<Difference>, new| match best {
        Some(best) if size(&best) >= size(&new) => Some(best),
        _ => Some(new),
    });
    let decisions =
        Decisions { syncs: rows().count(), differ: differences().count(), largest, first: differences().next() };
    let (old, new) = (old.outcome.clone(), new.outcome.clone());
    Comparison { function: function.to_owned(), decisions, old, new }
}

/// The fields of the two specs that differ, as the API server would store them.
fn fields(old: &HorizontalPodAutoscaler, new: &HorizontalPodAutoscaler) -> anyhow::Result<Vec<Field>> {
    let (old, new) = (serde_json::to_value(old.defaulted().spec)?, serde_json::to_value(new.defaulted().spec)?);
    let mut found = Vec::new();
    walk("spec", Some(&old), Some(&new), &mut found);
    Ok(found)
}

fn walk(path: &str, old: Option<&Value>, new: Option<&Value>, found: &mut Vec<Field>) {
    match (old, new) {
        (Some(Value::Object(old)), Some(Value::Object(new))) => {
            let keys = old.keys().chain(new.keys().filter(|key| !old.contains_key(*key)));
            keys.for_each(|key| walk(&format!("{path}.{key}"), old.get(key), new.get(key), found));
        }
        (Some(Value::Array(old)), Some(Value::Array(new))) => {
            for at in 0..old.len().max(new.len()) {
                walk(&format!("{path}[{at}]"), old.get(at), new.get(at), found);
            }
        }
        (old, new) if old != new => {
            let value = |value: Option<&Value>| value.cloned().unwrap_or(Value::Null);
            found.push(Field { path: path.to_owned(), old: value(old), new: value(new) });
        }
        _ => {}
    }
}

fn print(document: &Document, (old, new): (&Path, &Path), out: &mut impl Write) -> anyhow::Result<()> {
    writeln!(out, "old: {}\nnew: {}", old.display(), new.display())?;
    for Field { path: field, old, new } in &document.fields {
        writeln!(out, "  {field}: {old} -> {new}")?;
    }
    for comparison in &document.functions {
        let Decisions { syncs, differ, largest, first } = &comparison.decisions;
        writeln!(out, "\n{}: replicas differ after {differ} of {syncs} syncs", comparison.function)?;
        for (what, it) in [("first", first), ("largest", largest)] {
            if let Some(it) = it {
                writeln!(out, "  {what} at {}: {} -> {}", clock(it.t), fixed(it.old, 0), fixed(it.new, 0))?;
            }
        }
        write!(out, "{}", figures(&comparison.old, &comparison.new))?;
    }
    Ok(())
}

fn figures(old: &Outcome, new: &Outcome) -> Table {
    let mut table =
        Table::new(&[("", Align::Left), ("old", Align::Right), ("new", Align::Right), ("change", Align::Right)]);
    let mut row = |name: &str, old: f64, new: f64, show: &dyn Fn(f64) -> String| {
        let ratio = if old > 0.0 { change(new / old) } else { String::new() };
        table.row([name.to_owned(), show(old), show(new), ratio]);
    };
    row("replica hours", old.cost.replica_hours, new.cost.replica_hours, &|it| significant(it, 4));
    row("cost, $", old.cost.usd, new.cost.usd, &dollars);
    row("late or lost, %", old.slo.violation_rate, new.slo.violation_rate, &percent);
    row("p99, ms", old.latency_ms.p99, new.latency_ms.p99, &|it| significant(it, 3));
    row("replicas, mean", old.replicas.mean, new.replicas.mean, &|it| significant(it, 3));
    row("replicas, max", old.replicas.max, new.replicas.max, &|it| fixed(it, 0));
    row("scale events", old.scaling.actions, new.scaling.actions, &|it| fixed(it, 0));
    row("pods added and removed", old.scaling.churn, new.scaling.churn, &|it| fixed(it, 0));
    row("reversals", old.scaling.reversals, new.scaling.reversals, &|it| fixed(it, 0));
    table
}
