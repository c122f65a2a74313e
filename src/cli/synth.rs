use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use crate::cli::{Status, output};
use crate::ingest::canonical;
use crate::trace::synth::{Profile, Recipe};
use crate::units;

/// Make a synthetic trace: Poisson requests along a profile, with CPU, memory and durations that agree with them
///
/// The same options give the same bytes. Without --peak, each profile has a peak of its own.
#[derive(Debug, clap::Args)]
pub(super) struct Synth {
    /// Shape of the load: constant, diurnal, bursty, flash-crowd, ramp, on-off, random-walk or weekly
    #[arg(long, value_name = "NAME")]
    profile: Profile,
    /// Seed of all randomness
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Length of the trace
    #[arg(long, value_name = "SPAN", default_value = "24h", value_parser = units::parse_span)]
    duration: Duration,
    /// Length of a slot
    #[arg(long, value_name = "SPAN", default_value = "60s", value_parser = units::parse_span)]
    interval: Duration,
    /// Number of functions; those after the first differ in size, phase and noise
    #[arg(long, value_name = "N", default_value_t = 1)]
    functions: usize,
    /// Mean requests per second (of the first function)
    #[arg(long, value_name = "N", default_value_t = 30.0)]
    rate: f64,
    /// Peak of the expected rate over its mean
    #[arg(long, value_name = "RATIO")]
    peak: Option<f64>,
    /// Mean CPU time of a request, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 100.0)]
    cpu_ms: f64,
    /// Share of a request's duration that it computes, above 0 and up to 1
    #[arg(long, value_name = "SHARE", default_value_t = 0.8)]
    cpu_share: f64,
    /// Coefficient of variation of the CPU time of requests
    #[arg(long, value_name = "CV", default_value_t = 0.5)]
    cv: f64,
    /// Where to write the trace; `-` is standard output
    #[arg(short, long, value_name = "FILE", default_value = "trace.parquet")]
    output: PathBuf,
}

impl Synth {
    pub(super) fn run(self, _: &mut impl Write) -> anyhow::Result<Status> {
        let recipe = Recipe {
            seed: self.seed,
            duration: self.duration,
            interval: self.interval,
            functions: self.functions,
            rate: self.rate,
            peak: self.peak,
            cpu_ms: self.cpu_ms,
            cpu_share: self.cpu_share,
            cv: self.cv,
            ..Recipe::new(self.profile)
        };
        let trace = recipe.synthesize()?;
        output::write_file(&self.output, |out| Ok(canonical::write(&trace, out)?))?;
        let slots = trace.functions.iter().map(crate::trace::Series::len).sum::<usize>();
        let count = trace.functions.len();
        let functions = if count == 1 { "function" } else { "functions" };
        tracing::info!("{}: {count} {functions}, {slots} slots", self.output.display());
        Ok(Status::Done)
    }
}
