//! Recorded traffic in its one canonical form: regular slots, one series a function, a null where nothing was recorded.
//!
//! A column the source does not have is absent, not zero; a missing slot is null, not zero. No I/O here: `ingest` reads
//! and writes files.

use std::time::Duration;

use serde::{Deserialize, Serialize};

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
