//! The tables that are joined to invocations: mean durations by function, and memory by app.

use std::collections::BTreeMap;

use super::Key;
use super::invocations::Keys;
use crate::error::InputError;
use crate::ingest::report::Report;
use crate::ingest::scan::{self, Wanted};
use crate::ingest::text::Text;

/// Mean durations in milliseconds; over several days, weighted by calls.
#[derive(Debug, Default)]
pub(super) struct Durations {
    of: BTreeMap<Key, Mean>,
}

/// Memory of apps in bytes; over several rows, weighted by samples.
#[derive(Debug, Default)]
pub(super) struct Memory {
    of: BTreeMap<(String, String), Mean>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Mean {
    sum: f64,
    weight: f64,
}

impl Mean {
    fn add(&mut self, value: f64, weight: f64) {
        // A mean over no call still is what was published.
        let weight = weight.max(1e-9);
        self.sum += value * weight;
        self.weight += weight;
    }

    fn get(self) -> f64 {
        self.sum / self.weight
    }
}

fn column(table: &Text, name: &str) -> Option<usize> {
    table.first.iter().position(|cell| cell == name)
}

impl Durations {
    /// Whether the header is that of durations.
    pub(super) fn is_one(table: &Text) -> bool {
        column(table, "HashFunction").is_some() && column(table, "Average").is_some()
    }

    /// Adds a table.
    pub(super) fn add(&mut self, table: &Text, report: &mut Report) -> Result<(), InputError> {
        let keys = Keys::of(table);
        rows(table, &keys, "Average", "Count", |key, value, weight| match value {
            Some(ms) if ms >= 0.0 => self.of.entry(key).or_default().add(ms, weight),
            _ => report.drop("durations that were not recorded (empty or below 0)", 1),
        })
    }

    /// The mean duration of a function.
    pub(super) fn of(&self, key: &Key) -> Option<f64> {
        self.of.get(key).map(|mean| mean.get())
    }

    pub(super) fn len(&self) -> usize {
        self.of.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.of.is_empty()
    }
}

impl Memory {
    /// Whether the header is that of memory.
    pub(super) fn is_one(table: &Text) -> bool {
        column(table, "HashApp").is_some() && column(table, "AverageAllocatedMb").is_some()
    }

    /// Adds a table.
    pub(super) fn add(&mut self, table: &Text, report: &mut Report) -> Result<(), InputError> {
        let keys = Keys::of(table);
        rows(table, &keys, "AverageAllocatedMb", "SampleCount", |key, value, weight| match value {
            Some(mb) if mb >= 0.0 => self.of.entry((key.owner, key.app)).or_default().add(mb * 1e6, weight),
            _ => report.drop("memory that was not recorded (empty or below 0)", 1),
        })
    }

    /// The memory of a function's app.
    pub(super) fn of(&self, key: &Key) -> Option<f64> {
        self.of.get(&(key.owner.clone(), key.app.clone())).map(|mean| mean.get())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.of.is_empty()
    }
}

/// Gives key, value and weight of each row. A weight that is missing or not above 0 is 0.
fn rows(
    table: &Text,
    keys: &Keys,
    value: &str,
    weight: &str,
    mut each: impl FnMut(Key, Option<f64>, f64),
) -> Result<(), InputError> {
    let numbers: Vec<usize> = [value, weight].into_iter().filter_map(|name| column(table, name)).collect();
    let wanted = Wanted { header: true, texts: keys.columns(), numbers: &numbers, percents: &[], spelled_nulls: true };
    scan::text(table, wanted, |batch| {
        let broken = |error: polars::prelude::PolarsError| {
            table.wrong(format!("cannot read the table: {error}"), "check that it is a text table in UTF-8")
        };
        let values = batch.numbers(0).map_err(broken)?;
        let weights = if numbers.len() > 1 { Some(batch.numbers(1).map_err(broken)?) } else { None };
        for (row, (key, value)) in keys.read(batch).map_err(broken)?.into_iter().zip(values.iter()).enumerate() {
            if value.is_some_and(f64::is_infinite) {
                return Err(scan::bad_value(table, true, batch.first + row, numbers[0], "is not a finite number"));
            }
            let weight = weights.and_then(|weights| weights.get(row)).filter(|weight| weight.is_finite());
            each(key, value, weight.unwrap_or(0.0).max(0.0));
        }
        Ok(())
    })
}
