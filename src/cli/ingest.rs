use std::cell::RefCell;
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use crate::cli::{Status, output};
use crate::error::InputError;
use crate::ingest::{Duplicates, Format, Ingest as Job, Mapping, Missing, Options, canonical};
use crate::units;

const EXAMPLES: &str = "\
Examples:
  hpatune ingest invocations.csv.gz durations.csv memory.csv -o azure.parquet
  hpatune ingest private_dataset/requests_minute/*.csv --top 20 -o huawei.parquet
  hpatune ingest requests.csv --map t=minute --map requests=count --missing zero
  hpatune ingest pools.csv --no-header --map function=1 --map t=2 --map cpu=4:cores";

/// Turn published or exported data into a trace
///
/// Azure Functions 2019 (invocations, durations and memory together, in any order, several days) and Huawei 2023 (several
/// days and metrics) are recognised by their headers. Any other CSV, TSV or Parquet file is read by --map. Files may be
/// gzipped. What was read, filled and dropped is said on standard error.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
#[allow(clippy::doc_markdown, reason = "the comments are the help that people see")]
pub(super) struct Ingest {
    /// Files; `-` is standard input
    #[arg(value_name = "INPUT", required = true)]
    inputs: Vec<PathBuf>,
    /// Format: auto, azure-2019, huawei-2023 or csv
    #[arg(long, value_name = "FORMAT", default_value_t = Format::Auto)]
    format: Format,
    /// Which column is what: t, function, requests, cpu, memory, duration (_p50, _p90, _p99), replicas
    ///
    /// COLUMN is a name from the header, or a number from 1; `requests=*` where each row is a request. Units: time s, ms, us, ns, date; requests count, rps,
    /// per_minute; cpu cores, millicores, nanocores, percent, percent-of-N, fraction-of-N (of N cores); memory bytes,
    /// KiB, MiB, GiB, KB, MB, GB; duration s, ms, us.
    #[arg(long, value_name = "FIELD=COLUMN[:UNIT]", value_parser = mapping)]
    map: Vec<Mapping>,
    /// The text tables have no header
    #[arg(long)]
    no_header: bool,
    /// Length of a slot; left out, the source's own
    #[arg(long, value_name = "SPAN", value_parser = units::parse_span)]
    interval: Option<Duration>,
    /// Leave out so much time at the start
    #[arg(long, value_name = "SPAN", value_parser = units::parse_span, default_value = "0s")]
    skip: Duration,
    /// Take only so much time
    #[arg(long, value_name = "SPAN", value_parser = units::parse_span)]
    keep: Option<Duration>,
    /// Only functions whose name matches, with `*` and `?`; may be repeated
    #[arg(long, value_name = "GLOB")]
    select: Vec<String>,
    /// Only the N functions with the largest load
    #[arg(long, value_name = "N")]
    top: Option<usize>,
    /// What a slot without a row means: null (nothing was recorded) or zero (there was no load)
    #[arg(long, value_name = "RULE", default_value_t = Missing::Null)]
    missing: Missing,
    /// Rows of one function and time: refuse, sum, first or last
    #[arg(long, value_name = "RULE", default_value_t = Duplicates::Refuse)]
    duplicates: Duplicates,
    /// Share of a request's duration that it computes, where CPU is derived from durations
    #[arg(long, value_name = "SHARE", default_value_t = 1.0)]
    cpu_share: f64,
    /// Where to write the trace; `-` is standard output
    #[arg(short, long, value_name = "FILE", default_value = "trace.parquet")]
    output: PathBuf,
    /// Print the report on standard output as one JSON document
    #[arg(long)]
    json: bool,
}

/// A `--map`; the remedy stands in the message, because the parser of flags has no other place for it.
///
/// # Errors
/// What is wrong, and what to write.
pub(super) fn mapping(text: &str) -> Result<Mapping, String> {
    text.parse().map_err(|error: InputError| format!("{}; {}", error.problem, error.help))
}

impl Ingest {
    pub(super) fn run(self, out: &mut impl Write) -> anyhow::Result<Status> {
        if self.json && self.output.as_os_str() == "-" {
            let problem = "the report and the trace cannot both go to standard output";
            return Err(InputError::new(problem, "name a file with -o").field("--json").into());
        }
        let options = Options {
            format: self.format,
            map: self.map,
            header: !self.no_header,
            interval: self.interval,
            skip: self.skip,
            keep: self.keep,
            select: self.select,
            top: self.top,
            missing: self.missing,
            duplicates: self.duplicates,
            cpu_share: self.cpu_share,
            ..Options::default()
        };
        let job = Job::open(&self.inputs, &options)?;
        let bar = output::progress(job.len() as u64, "functions");
        bar.set_message("ingest");
        let mut report = None;
        output::write_file(&self.output, |file| {
            let mut writer = canonical::Writer::new(&job.header(), &job.columns(), file)?;
            let failed = RefCell::new(None);
            let read = job.read(|series| {
                bar.inc(1);
                writer.push(&series).map_err(|error| {
                    *failed.borrow_mut() = Some(error);
                    InputError::new("the trace could not be written", "check the disk")
                })
            });
            // A disk that is full is no wrong input.
            if let Some(error) = failed.into_inner() {
                return Err(error.into());
            }
            report = Some(read?);
            Ok(writer.finish()?)
        })?;
        bar.finish_and_clear();
        let Some(report) = report else { return Ok(Status::Done) };
        if self.json {
            serde_json::to_writer_pretty(&mut *out, &report)?;
            writeln!(out)?;
        } else {
            report.lines().iter().for_each(|line| tracing::info!("{line}"));
        }
        Ok(Status::Done)
    }
}
