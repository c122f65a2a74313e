//! From inputs to a trace: recognise, survey, choose, read in bounded memory, resample, check, hand on.

use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use crate::error::{InputError, Place};
use crate::ingest::options::Options;
use crate::ingest::report::Report;
use crate::ingest::source::{Source, Surveyed};
use crate::ingest::{format, options};
use crate::trace::{Header, Name, Series, Trace, select};

/// An input that is open and surveyed, with the functions that were chosen.
pub struct Ingest {
    source: Box<dyn Source>,
    /// Places among the source's functions, in order of name.
    chosen: Vec<usize>,
    interval: Option<Duration>,
    span: Option<Range<i64>>,
    memory: usize,
    report: Report,
}

impl std::fmt::Debug for Ingest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ingest")
            .field("functions", &self.chosen.len())
            .field("report", &self.report)
            .finish_non_exhaustive()
    }
}

impl Ingest {
    /// Opens the inputs and surveys them. Nothing is written until this has succeeded.
    ///
    /// # Errors
    /// An input that cannot be read or is not what it should be, or a choice that leaves no function.
    pub fn open(inputs: &[PathBuf], options: &Options) -> Result<Self, InputError> {
        options.validate()?;
        let mut report = Report { files: inputs.len(), ..Report::default() };
        let source = format::open(inputs, options, &mut report)?;
        let chosen = choose(source.functions(), options).map_err(|error| match inputs {
            [one] if error.field.is_none() => error.at(Place::file(one)),
            _ => error,
        })?;
        report.functions_found = source.functions().len();
        Ok(Self { source, chosen, interval: options.interval, span: options.span_ms(), memory: options.memory, report })
    }

    /// Number of functions that were chosen.
    #[must_use]
    pub fn len(&self) -> usize {
        self.chosen.len()
    }

    /// Whether no function was chosen; [`Ingest::open`] refuses that.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.chosen.is_empty()
    }

    /// What the trace says about itself.
    #[must_use]
    pub fn header(&self) -> Header {
        let header = self.source.header();
        let interval = self.interval.and_then(|interval| i64::try_from(interval.as_millis()).ok());
        Header { interval_ms: interval.unwrap_or(header.interval_ms), ..header }
    }

    /// Columns that any series may have.
    #[must_use]
    pub fn columns(&self) -> Vec<Name> {
        self.source.columns()
    }

    /// Reads the series in order of name, each checked, and hands them to `emit`.
    ///
    /// # Errors
    /// What the input has wrong, or what `emit` returns.
    pub fn read(mut self, mut emit: impl FnMut(Series) -> Result<(), InputError>) -> Result<Report, InputError> {
        let (own, header) = (self.source.header().interval_ms, self.header());
        self.report.interval_ms = header.interval_ms;
        self.report.origin =
            header.origin_ms.and_then(|ms| Some(jiff::Timestamp::from_millisecond(ms).ok()?.to_string()));
        let mut totals = Totals::default();
        let functions = self.source.functions();
        for part in parts(&self.chosen, functions, self.memory) {
            self.source.read(part, &mut self.report, &mut |series| {
                let series = if own == header.interval_ms { series } else { series.resample(own, header.interval_ms) };
                let series = match &self.span {
                    Some(span) => series.slice_ms(span.clone(), header.interval_ms),
                    None => series,
                };
                if series.is_empty() {
                    return Ok(());
                }
                series.check(header.interval_ms)?;
                totals.add(&series, header.interval_ms);
                emit(series)
            })?;
        }
        if totals.functions == 0 {
            return Err(InputError::new("no function has any value", "check the columns, or choose other functions"));
        }
        totals.report(&mut self.report);
        Ok(self.report)
    }

    /// Reads everything into memory.
    ///
    /// # Errors
    /// What the input has wrong.
    pub fn into_trace(self) -> Result<(Trace, Report), InputError> {
        let header = self.header();
        let mut functions = Vec::new();
        let report = self.read(|series| {
            functions.push(series);
            Ok(())
        })?;
        Ok((Trace::new(header, functions)?, report))
    }
}

/// The chosen functions, in order of name.
fn choose(functions: &[Surveyed], options: &options::Options) -> Result<Vec<usize>, InputError> {
    let name = |at: &usize| functions[*at].name.as_str();
    let mut chosen: Vec<usize> = (0..functions.len()).filter(|at| select::chosen(&options.select, name(at))).collect();
    if chosen.is_empty() && !options.select.is_empty() {
        return Err(select::nothing(&options.select, functions.iter().map(|function| function.name.as_str())));
    }
    if chosen.is_empty() {
        return Err(InputError::new("there is no function in the input", "check that it has rows"));
    }
    if let Some(top) = options.top {
        chosen.sort_by(|a, b| functions[*b].load.total_cmp(&functions[*a].load).then_with(|| name(a).cmp(name(b))));
        chosen.truncate(top);
    }
    chosen.sort_by(|a, b| name(a).cmp(name(b)));
    if chosen.is_empty() {
        return Err(InputError::new("--top 0 leaves no function", "write 1 or more").field("--top"));
    }
    Ok(chosen)
}

/// Cuts the chosen functions into parts whose reading fits into `memory`.
fn parts<'a>(chosen: &'a [usize], functions: &[Surveyed], memory: usize) -> Vec<&'a [usize]> {
    let mut parts = Vec::new();
    let mut rest = chosen;
    while !rest.is_empty() {
        let mut sum = 0_usize;
        let fits = rest.iter().take_while(|at| {
            sum = sum.saturating_add(functions[**at].bytes);
            sum <= memory
        });
        let (part, after) = rest.split_at(fits.count().max(1));
        parts.push(part);
        rest = after;
    }
    parts
}

/// Sums over what is written.
#[derive(Default)]
struct Totals {
    functions: usize,
    slots: usize,
    columns: Vec<Name>,
    requests: Option<f64>,
    millicore_slots: Option<f64>,
    interval_ms: i64,
}

impl Totals {
    fn add(&mut self, series: &Series, interval_ms: i64) {
        self.functions += 1;
        self.slots += series.len();
        self.interval_ms = interval_ms;
        for (name, values) in series.columns() {
            if !self.columns.contains(&name) {
                self.columns.push(name);
            }
            let sum = || values.iter().filter(|value| !value.is_nan()).sum::<f64>();
            match name {
                Name::Requests => *self.requests.get_or_insert(0.0) += sum(),
                Name::Cpu => *self.millicore_slots.get_or_insert(0.0) += sum(),
                _ => {}
            }
        }
    }

    fn report(mut self, report: &mut Report) {
        self.columns.sort_unstable();
        report.functions = self.functions;
        report.slots = self.slots;
        report.columns = self.columns.iter().map(|name| name.as_str().to_owned()).collect();
        report.requests = self.requests;
        report.core_hours = self.millicore_slots.map(|sum| sum / 1000.0 * self.interval_ms as f64 / 3_600_000.0);
    }
}
