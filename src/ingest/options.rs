//! What a user may ask of an ingest.

use std::ops::Range;
use std::str::FromStr;
use std::time::Duration;

use crate::error::{InputError, UnitError, above_zero, within};
use crate::ingest::map::Mapping;

/// Everything that decides what becomes of the inputs.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// The format, or `Auto`.
    pub format: Format,
    /// Which column is which, for the general format.
    pub map: Vec<Mapping>,
    /// Whether text tables of the general format begin with a header.
    pub header: bool,
    /// Length of a slot; left out, the source's own.
    pub interval: Option<Duration>,
    /// Time to leave out at the start of the trace.
    pub skip: Duration,
    /// Time to take after that; left out, all of it.
    pub keep: Option<Duration>,
    /// Patterns of names; none takes all.
    pub select: Vec<String>,
    /// How many functions to take, those with the largest load.
    pub top: Option<usize>,
    /// What a slot without a row means.
    pub missing: Missing,
    /// What to do with two rows of one function and time.
    pub duplicates: Duplicates,
    /// Share of a request's duration that it computes, where CPU is derived from durations.
    pub cpu_share: f64,
    /// Memory that the functions of one pass may take, in bytes.
    pub memory: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            format: Format::Auto,
            map: Vec::new(),
            header: true,
            interval: None,
            skip: Duration::ZERO,
            keep: None,
            select: Vec::new(),
            top: None,
            missing: Missing::Null,
            duplicates: Duplicates::Refuse,
            cpu_share: 1.0,
            memory: 1 << 30,
        }
    }
}

impl Options {
    /// Checks the numbers.
    ///
    /// # Errors
    /// A share of computing outside of (0, 1], or a slot without length.
    pub fn validate(&self) -> Result<(), InputError> {
        above_zero("--cpu-share", self.cpu_share)?;
        within("--cpu-share", self.cpu_share, 0.0, 1.0)?;
        if self.interval.is_some_and(|interval| interval.as_millis() == 0 || interval.as_millis() > MOST_MS) {
            let problem = "this is no length of a slot";
            return Err(InputError::new(problem, "write a span from 1ms to 366d").field("--interval"));
        }
        Ok(())
    }

    /// The slots to take, by their start, in milliseconds from the trace's origin; `None` takes all.
    #[must_use]
    pub fn span_ms(&self) -> Option<Range<i64>> {
        let ms = |span: Duration| i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
        let end = self.keep.map_or(i64::MAX, |keep| ms(self.skip).saturating_add(ms(keep)));
        (self.keep.is_some() || !self.skip.is_zero()).then(|| ms(self.skip)..end)
    }
}

/// Longest slot, in milliseconds: a leap year.
const MOST_MS: u128 = 366 * 86_400_000;

/// A source format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// By header.
    Auto,
    /// Azure Functions 2019: invocations, durations and memory.
    Azure2019,
    /// Huawei 2023: one wide file per metric and day.
    Huawei2023,
    /// Any text table or Parquet file, by `--map`.
    Generic,
}

/// What a slot without a row means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// Nothing was recorded.
    Null,
    /// There was no load.
    Zero,
}

/// What to do with two rows of one function and time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Duplicates {
    /// End with an error.
    Refuse,
    /// Add their requests and CPU (and average the rest).
    Sum,
    /// Keep the first in the input.
    First,
    /// Keep the last in the input.
    Last,
}

macro_rules! by_name {
    ($type:ident, $what:literal, $remedy:literal, { $($name:literal => $value:ident),+ $(,)? }) => {
        impl FromStr for $type {
            type Err = UnitError;

            fn from_str(text: &str) -> Result<Self, UnitError> {
                match text {
                    $($name => Ok(Self::$value),)+
                    _ => Err(UnitError::new(text, $what, $remedy)),
                }
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(match self {
                    $(Self::$value => $name,)+
                })
            }
        }
    };
}

by_name!(Format, "a format", "write auto, azure-2019, huawei-2023 or csv", {
    "auto" => Auto,
    "azure-2019" => Azure2019,
    "huawei-2023" => Huawei2023,
    "csv" => Generic,
});
by_name!(Missing, "a rule for missing slots", "write null or zero", { "null" => Null, "zero" => Zero });
by_name!(Duplicates, "a rule for duplicates", "write refuse, sum, first or last", {
    "refuse" => Refuse,
    "sum" => Sum,
    "first" => First,
    "last" => Last,
});
