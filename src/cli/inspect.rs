use std::io::Write;
use std::path::PathBuf;

use serde_json::json;

use crate::cli::Status;
use crate::cli::contents::Contents;
#[cfg(feature = "plot")]
use crate::cli::output;
use crate::ingest::canonical;
#[cfg(feature = "plot")]
use crate::plot::Format;
use crate::trace::{Trace, stats};
use crate::units;

/// Show what is in a trace, a policy or a result: where it comes from, and the figures of what it holds
///
/// A trace's statistics are of requests, or of CPU (in millicores) where no requests were recorded: mean per slot, peak and 99th
/// percentile over the mean, share of slots at zero, autocorrelation from slot to slot and from day to day, and the
/// share of the variance that the hour of the day explains.
#[derive(Debug, clap::Args)]
pub(super) struct Inspect {
    /// Trace, policy, or what `replay`, `evaluate` or `tune` printed with --json; `-` is a trace on standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
    /// Only functions whose name matches, with `*` and `?`; may be repeated
    #[arg(long, value_name = "GLOB")]
    select: Vec<String>,
    /// Rows of the table, largest load first
    #[arg(long, value_name = "N", default_value_t = 20, conflicts_with = "all")]
    top: usize,
    /// All rows
    #[arg(long)]
    all: bool,
    /// Draw the load over time and by the hour of the day, as .svg or .png
    #[cfg(feature = "plot")]
    #[arg(long, value_name = "FILE")]
    plot: Option<PathBuf>,
}

impl Inspect {
    pub(super) fn run(self, out: &mut impl Write) -> anyhow::Result<Status> {
        if let Some(contents) = Contents::of(&self.file)? {
            if self.json {
                serde_json::to_writer_pretty(&mut *out, &contents.document())?;
                writeln!(out)?;
            } else {
                contents.print(out)?;
            }
            return Ok(Status::Done);
        }
        let mut trace = canonical::read(&self.file)?;
        if !self.select.is_empty() {
            trace = trace.select(&self.select)?;
        }
        #[cfg(feature = "plot")]
        if let Some(path) = &self.plot {
            let bytes = crate::plot::overview(&self.file.display().to_string(), &trace).render(Format::of(path)?)?;
            output::write_file(path, |file| Ok(file.write_all(&bytes)?))?;
        }
        let mut stats = stats::of_trace(&trace);
        if self.json {
            serde_json::to_writer_pretty(&mut *out, &document(&trace, &stats))?;
            writeln!(out)?;
            return Ok(Status::Done);
        }
        head(&trace, out)?;
        stats.sort_by(|a, b| b.total.total_cmp(&a.total).then_with(|| a.function.cmp(&b.function)));
        let rows = if self.all { stats.len() } else { self.top.min(stats.len()) };
        table(&stats[..rows], out)?;
        if rows < stats.len() {
            writeln!(out, "... and {} more (--all shows them)", stats.len() - rows)?;
        }
        Ok(Status::Done)
    }
}

fn document(trace: &Trace, stats: &[stats::Stats]) -> serde_json::Value {
    let span = trace.span_ms();
    json!({
        "kind": "trace",
        "header": trace.header,
        "start_ms": span.start,
        "end_ms": span.end,
        "functions": stats,
        "columns": columns(trace),
    })
}

/// Names of the columns that any function has.
fn columns(trace: &Trace) -> Vec<&'static str> {
    let there = |name: &crate::trace::Name| trace.functions.iter().any(|series| series.column(*name).is_some());
    crate::trace::COLUMNS.into_iter().filter(there).map(crate::trace::Name::as_str).collect()
}

fn head(trace: &Trace, out: &mut impl Write) -> anyhow::Result<()> {
    let header = &trace.header;
    let slots = trace.functions.iter().map(crate::trace::Series::len).sum::<usize>();
    writeln!(out, "source     {}", header.source)?;
    if let Some(licence) = &header.licence {
        writeln!(out, "licence    {licence}")?;
    }
    writeln!(out, "made by    hpatune {}", header.tool)?;
    if let Some(origin) = header.origin_ms.and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok()) {
        writeln!(out, "origin     {origin}")?;
    }
    let (duration, interval) = (units::friendly(trace.duration()), units::friendly(header.interval()));
    writeln!(out, "length     {duration} in slots of {interval}")?;
    writeln!(out, "columns    {}", columns(trace).join(", "))?;
    writeln!(out, "functions  {} with {slots} slots\n", trace.functions.len())?;
    Ok(())
}

fn table(stats: &[stats::Stats], out: &mut impl Write) -> anyhow::Result<()> {
    let width = stats.iter().map(|row| row.function.chars().count()).chain([8]).max().unwrap_or(8);
    writeln!(
        out,
        "{:width$} {:>8} {:>7} {:>12} {:>9} {:>8} {:>6} {:>6} {:>6} {:>6}  of",
        "function", "slots", "missing", "mean/slot", "peak/mean", "p99/mean", "zeros", "acf1", "acf1d", "hourR2"
    )?;
    for row in stats {
        let percent = |share: Option<f64>| share.map_or("-".to_owned(), |share| format!("{:.1}%", 100.0 * share));
        writeln!(
            out,
            "{:width$} {:>8} {:>7} {:>12} {:>9} {:>8} {:>6} {:>6} {:>6} {:>6}  {}",
            row.function,
            row.slots,
            row.missing,
            figure(row.mean, 5),
            figure(row.peak_to_mean, 3),
            figure(row.p99_to_mean, 3),
            percent(row.zero_share),
            figure(row.acf_slot, 2),
            figure(row.acf_day, 2),
            figure(row.hour_r2, 2),
            row.measure
        )?;
    }
    Ok(())
}

/// A number with about `digits` digits in all; `-` where there is none.
fn figure(value: Option<f64>, digits: usize) -> String {
    let Some(value) = value else { return "-".to_owned() };
    let whole = if value.abs() < 1.0 { 0 } else { value.abs().log10() as usize + 1 };
    format!("{value:.*}", digits.saturating_sub(whole))
}
