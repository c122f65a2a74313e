use std::io::Write;
use std::path::PathBuf;

use anyhow::Context;

use crate::cli::{Status, output};
use crate::config::Experiment;
use crate::error::{InputError, Place};
use crate::eval::calibrate::{self, Fit};
use crate::ingest::canonical;
use crate::report::number::{fixed, percent};
use crate::report::table::{Align, Table};

const EXAMPLES: &str = "\
Examples:
  hpatune ingest run.csv --interval 60s --map t=Time --map cpu=cpu:cores --map replicas=pods -o run.parquet
  hpatune calibrate run.parquet -c hpa.toml -o fitted.toml
  hpatune ingest poll.csv --interval 15s --map t=Time --map cpu=used:percent-of-0.1-per-replica \\
      --map replicas=pods -o poll.parquet";

/// Fit the simulator to recorded runs of a real HPA, and say how far its replicas are from the recorded ones
///
/// The recorded CPU is the input; the effective request of a pod, the resolution and the lag of the metrics and the
/// start-up delay are fitted on the first half of a run, and the error is that on the second. The HPA's settings are those
/// of [hpa] in the experiment file. The naive rule is ceil(CPU / (target x request)) with its own best request.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Calibrate {
    /// Recorded run with `cpu` and `replicas` (see `hpatune ingest --map`); `-` is standard input
    #[arg(value_name = "RECORDED")]
    recorded: PathBuf,
    /// Experiment file with the recorded cluster's HPA settings
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Seed of start-up delays and phases
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Where to write an experiment file with what was fitted (one function only)
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

impl Calibrate {
    pub(super) fn run(self, out: &mut impl Write) -> anyhow::Result<Status> {
        let experiment = Experiment::load(self.config.as_deref())?;
        let trace = canonical::read(&self.recorded)?;
        if self.output.is_some() && trace.functions.len() > 1 {
            let problem = format!("-o writes one function's settings, and there are {}", trace.functions.len());
            return Err(InputError::new(problem, "ingest one with `--select`, or leave -o out").into());
        }
        let mut fits = Vec::new();
        for series in &trace.functions {
            let fit = calibrate::fit(series, &trace.header, &experiment.sim(), &experiment.hpa, self.seed)
                .map_err(|error| error.at(Place::file(&self.recorded)))?;
            fits.push((series.function.clone(), fit));
        }
        if let (Some(path), Some((_, fit))) = (&self.output, fits.first()) {
            write_experiment(path, &experiment, fit)?;
        }
        if self.json {
            print_json(out, &fits)?;
        } else {
            print_table(out, &fits)?;
        }
        Ok(Status::Done)
    }
}

fn write_experiment(path: &std::path::Path, experiment: &Experiment, fit: &Fit) -> anyhow::Result<()> {
    let world = calibrate::apply(fit, &experiment.sim());
    let calibrated =
        Experiment { pod: world.pod, metrics: world.metrics, startup: world.startup, ..experiment.clone() };
    let held = &fit.held_out;
    output::write_file(path, |file| {
        writeln!(file, "# Fitted by `hpatune calibrate`; held-out error {:.3} pods.", held.mean_absolute_error)?;
        file.write_all(calibrated.to_toml().as_bytes()).context("cannot write the experiment")
    })
}

fn print_json(out: &mut impl Write, fits: &[(String, Fit)]) -> anyhow::Result<()> {
    let row = |(function, fit): &(String, Fit)| {
        let mut row = serde_json::json!({ "function": function });
        let fields = serde_json::to_value(fit)?;
        if let (Some(row), serde_json::Value::Object(fields)) = (row.as_object_mut(), fields) {
            row.extend(fields);
        }
        anyhow::Ok(row)
    };
    let fits = fits.iter().map(row).collect::<anyhow::Result<Vec<_>>>()?;
    serde_json::to_writer_pretty(&mut *out, &serde_json::json!({ "fits": fits }))?;
    Ok(writeln!(out)?)
}

fn print_table(out: &mut impl Write, fits: &[(String, Fit)]) -> anyhow::Result<()> {
    let mut table = Table::new(&[
        ("function", Align::Left),
        ("request", Align::Right),
        ("metrics every", Align::Right),
        ("lag", Align::Right),
        ("start-up", Align::Right),
        ("pods recorded", Align::Right),
        ("simulated", Align::Right),
        ("error, pods", Align::Right),
        ("exact, %", Align::Right),
        ("naive rule, pods", Align::Right),
    ]);
    for (function, fit) in fits {
        table.row([
            function.clone(),
            format!("{}m", fit.request_millicores),
            format!("{} s", fit.resolution_s),
            format!("{} s", fit.lag_s),
            format!("{} s", fit.startup_s),
            fixed(fit.held_out.recorded_mean, 2),
            fixed(fit.held_out.simulated_mean, 2),
            fixed(fit.held_out.mean_absolute_error, 3),
            percent(fit.held_out.exact),
            fixed(fit.naive.mean_absolute_error, 3),
        ]);
    }
    write!(out, "{table}")?;
    Ok(writeln!(out, "\nFitted on the first half of each run, judged on the second.")?)
}
