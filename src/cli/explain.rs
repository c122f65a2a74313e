use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;

use crate::autoscalers::HpaAutoscaler;
use crate::autoscalers::witness::Witness;
use crate::cli::Status;
use crate::cli::traces;
use crate::cli::world::Cluster;
use crate::config::Experiment;
use crate::error::{InputError, Place};
use crate::hpa::Spec;
use crate::hpa::explain::Explanation;
use crate::report::decisions;
use crate::sim::{self, Workload};
use crate::trace::Series;

/// Say why each decision of an HPA fell as it did: one line per sync that changes something
///
/// A line tells, from left to right: the pods that are ready, unready, missing a sample or ignored; each metric's value,
/// target, ratio and proposal; the highest proposal; what stabilisation made of it, and which past recommendation held
/// it; what policies and bounds made of that, and which policy; and the controller's own words.
#[derive(Debug, clap::Args)]
pub(super) struct Explain {
    /// Trace; `-` is standard input
    #[arg(value_name = "TRACE")]
    trace: PathBuf,
    #[command(flatten)]
    cluster: Cluster,
    /// Only functions whose name matches, with `*` and `?`; may be repeated
    #[arg(long, value_name = "GLOB")]
    function: Vec<String>,
    /// Seed of start-up times and of the phases of the metrics path
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Every sync, changed or not
    #[arg(long)]
    all: bool,
    /// Print JSON Lines
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Line<'a> {
    function: &'a str,
    #[serde(flatten)]
    decision: &'a Explanation,
}

impl Explain {
    pub(super) fn run(self, out: &mut impl Write) -> anyhow::Result<Status> {
        let world = self.cluster.load(std::slice::from_ref(&self.trace))?;
        let spec = world.current.unwrap_or_else(|| world.experiment.hpa.spec());
        let loaded = traces::load(std::slice::from_ref(&self.trace), &self.function)?.remove(0);
        for (at, series) in loaded.trace.functions.iter().enumerate() {
            let task = workload(series, &loaded.trace.header, &world.experiment.sim(), &self.trace)?;
            let decisions = self.decisions(&task, &spec, &world.experiment);
            if self.json {
                for decision in &decisions {
                    serde_json::to_writer(&mut *out, &Line { function: &series.function, decision })?;
                    writeln!(out)?;
                }
            } else {
                writeln!(out, "{}{}:", if at > 0 { "\n" } else { "" }, series.function)?;
                write!(out, "{}", decisions::table(&decisions))?;
            }
        }
        Ok(Status::Done)
    }

    fn decisions(&self, workload: &Arc<Workload>, spec: &Spec, experiment: &Experiment) -> Vec<Explanation> {
        let hpa = HpaAutoscaler::from_spec(spec.clone(), experiment.hpa.flags());
        let (witness, account) = Witness::new(hpa, self.all);
        let settings = experiment.sim();
        let _ = sim::run(workload, &settings, Box::new(witness), None, self.seed, workload.window(), false);
        account.take()
    }
}

/// A function's workload; errors name the file.
///
/// # Errors
/// What [`Workload::new`] refuses.
pub(super) fn workload(
    series: &Series,
    header: &crate::trace::Header,
    settings: &sim::Settings,
    path: &std::path::Path,
) -> Result<Arc<Workload>, InputError> {
    Workload::new(series, header, settings).map(Arc::new).map_err(|error| error.at(Place::file(path)))
}
