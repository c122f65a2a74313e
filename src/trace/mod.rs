//! Recorded traffic in its one canonical form: regular slots, one series a function, a null where nothing was recorded.
//!
//! A column the source does not have is absent, not zero; a missing slot is null, not zero. No I/O here: `ingest` reads
//! and writes files.

pub mod resample;
pub mod select;
mod series;
pub mod split;
pub mod stats;
pub mod synth;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::InputError;

pub use series::{COLUMNS, Kind, Name};

/// What a whole trace file says about itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// Length of a slot, in milliseconds, above 0.
    pub interval_ms: i64,
    /// Wall-clock time of `t = 0` in milliseconds since 1970 UTC, when the source says it.
    pub origin_ms: Option<i64>,
    /// The source format, such as `azure-2019` or `synth:diurnal`.
    pub source: String,
    /// Licence of the data, when known.
    pub licence: Option<String>,
    /// Version of the tool that wrote it.
    pub tool: String,
}

impl Header {
    /// Length of a slot.
    #[must_use]
    pub fn interval(&self) -> Duration {
        Duration::from_millis(self.interval_ms.unsigned_abs())
    }
}

/// One column of a series: a value per slot, `f64::NAN` where nothing was recorded. Values are finite and not negative.
pub type Column = Vec<f64>;

/// The recorded traffic of one function (service, pool, deployment). All present columns have the same length.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Series {
    /// Its name.
    pub function: String,
    /// Start of the first slot, in milliseconds from the trace's origin.
    pub start_ms: i64,
    /// Requests that arrived in the slot.
    pub requests: Option<Column>,
    /// Mean CPU used over the slot, all replicas together, in millicores.
    pub cpu_millicores: Option<Column>,
    /// Working set, all replicas together, in bytes.
    pub memory_bytes: Option<Column>,
    /// Mean duration of a request, in milliseconds.
    pub duration_ms: Option<Column>,
    /// Median duration, in milliseconds.
    pub duration_p50_ms: Option<Column>,
    /// 90th percentile of the duration, in milliseconds.
    pub duration_p90_ms: Option<Column>,
    /// 99th percentile of the duration, in milliseconds.
    pub duration_p99_ms: Option<Column>,
    /// Replicas that were recorded.
    pub replicas: Option<Column>,
}

/// A validated trace: at least one function, each with requests or CPU, every series with at least one slot, names unique.
#[derive(Debug, Clone, PartialEq)]
pub struct Trace {
    /// What it says about itself.
    pub header: Header,
    /// One series a function, in order of name.
    pub functions: Vec<Series>,
}

impl Trace {
    /// Puts the series in order of name and checks them.
    ///
    /// # Errors
    /// No function, two of one name, a series that [`Series::check`] refuses, or an interval that is not above 0.
    pub fn new(header: Header, mut functions: Vec<Series>) -> Result<Self, InputError> {
        if header.interval_ms <= 0 {
            let problem = format!("{} ms is not the length of a slot", header.interval_ms);
            return Err(InputError::new(problem, "write a number above 0").field("interval_ms"));
        }
        if functions.is_empty() {
            return Err(InputError::new("there is no function in the trace", "give input that has at least one"));
        }
        functions.sort_by(|a, b| a.function.cmp(&b.function));
        if let Some(pair) = functions.windows(2).find(|pair| pair[0].function == pair[1].function) {
            let problem = format!("two series are named `{}`", pair[0].function);
            return Err(InputError::new(problem, "give every function a name of its own"));
        }
        functions.iter().try_for_each(|series| series.check(header.interval_ms))?;
        Ok(Self { header, functions })
    }

    /// The series named `function`.
    #[must_use]
    pub fn function(&self, function: &str) -> Option<&Series> {
        let at = self.functions.binary_search_by(|series| series.function.as_str().cmp(function)).ok()?;
        self.functions.get(at)
    }

    /// From the first slot of any function to the end of the last one, in milliseconds from the origin.
    #[must_use]
    pub fn span_ms(&self) -> std::ops::Range<i64> {
        let start = self.functions.iter().map(|series| series.start_ms).min().unwrap_or(0);
        let end = self.functions.iter().map(|series| series.end_ms(self.header.interval_ms)).max().unwrap_or(start);
        start..end
    }

    /// The time from the first slot to the end of the last one.
    #[must_use]
    pub fn duration(&self) -> Duration {
        let span = self.span_ms();
        Duration::from_millis(span.end.abs_diff(span.start))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn header() -> Header {
        Header { interval_ms: 60_000, origin_ms: None, source: "test".into(), licence: None, tool: "0".into() }
    }

    fn calls(function: &str, requests: &[f64]) -> Series {
        Series { function: function.into(), requests: Some(requests.to_vec()), ..Series::default() }
    }

    fn refusal(functions: Vec<Series>) -> String {
        Trace::new(header(), functions).unwrap_err().to_string()
    }

    #[test]
    fn functions_stand_in_order_of_name() {
        let trace = Trace::new(header(), vec![calls("b", &[1.0]), calls("a", &[2.0, 3.0])]).unwrap();
        let names: Vec<_> = trace.functions.iter().map(|series| series.function.as_str()).collect();
        assert_eq!(names, ["a", "b"]);
        assert_eq!(trace.function("b"), Some(&calls("b", &[1.0])));
        assert_eq!(trace.function("c"), None);
        assert_eq!(trace.duration(), Duration::from_mins(2));
    }

    #[test]
    fn what_is_not_a_trace_is_refused_by_name() {
        assert_eq!(refusal(vec![]), "there is no function in the trace");
        assert_eq!(refusal(vec![calls("a", &[1.0]), calls("a", &[1.0])]), "two series are named `a`");
        assert_eq!(refusal(vec![calls("", &[1.0])]), "a function has no name");
        assert_eq!(refusal(vec![calls("a", &[])]), "`a`: the series has no slot");
        assert_eq!(refusal(vec![calls("a", &[1.0, -2.0])]), "`a`: requests in slot 1: -2 is below 0");
        assert_eq!(refusal(vec![calls("a", &[f64::INFINITY])]), "`a`: requests in slot 0: inf is not a finite number");
        let neither = Series { function: "a".into(), memory_bytes: Some(vec![1.0]), ..Series::default() };
        assert_eq!(refusal(vec![neither]), "`a`: there are neither requests nor CPU");
        let ragged = Series { cpu_millicores: Some(vec![1.0, 2.0]), ..calls("a", &[1.0]) };
        assert_eq!(refusal(vec![ragged]), "`a`: cpu_millicores has 2 slots where requests has 1");
        let instant = Header { interval_ms: 0, ..header() };
        assert!(Trace::new(instant, vec![calls("a", &[1.0])]).is_err());
    }

    #[test]
    fn a_slot_in_which_nothing_was_recorded_is_fine() {
        assert!(Trace::new(header(), vec![calls("a", &[f64::NAN, 1.0])]).is_ok());
    }
}
