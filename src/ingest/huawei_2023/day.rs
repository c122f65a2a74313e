//! One file: a metric of a day, a column a function.

use std::collections::BTreeMap;
use std::path::Path;

use polars::prelude::{Float64Chunked, PolarsResult};

use crate::error::{InputError, Place};
use crate::ingest::scan::{self, Batch, Wanted, fault_of};
use crate::ingest::text::Text;

/// A metric by the name of its folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Metric {
    Requests,
    /// Mean execution time over pods, in seconds.
    FunctionDelay,
    /// Mean over pods; taken as cores a pod.
    CpuUsage,
    /// Share of the allocated memory.
    MemoryUsage,
    /// Allocated memory, in MB.
    MemoryLimit,
    Instances,
}

pub(super) const METRICS: [(&str, Metric); 6] = [
    ("requests", Metric::Requests),
    ("function_delay", Metric::FunctionDelay),
    ("cpu_usage", Metric::CpuUsage),
    ("memory_usage", Metric::MemoryUsage),
    ("memory_limit", Metric::MemoryLimit),
    ("instances", Metric::Instances),
];

/// Published metrics of which a trace has no use.
const UNUSED: [&str; 2] = ["platform_delay", "cpu_limit"];

/// One file.
#[derive(Debug)]
pub(super) struct Day {
    pub table: Text,
    pub metric: Metric,
    pub public: bool,
    pub time: usize,
    /// Column of each function.
    pub columns: BTreeMap<String, usize>,
}

impl Day {
    /// Finds the metric in the path; `None` for one of which a trace has no use.
    pub(super) fn new(table: Text) -> Result<Option<Self>, InputError> {
        let names = last_names(&table.path);
        let known = names.iter().take(2).find_map(|name| METRICS.iter().find(|(metric, _)| name.contains(metric)));
        let Some(&(_, metric)) = known else {
            if names.iter().take(2).any(|name| UNUSED.iter().any(|metric| name.contains(metric))) {
                return Ok(None);
            }
            let problem = "neither the folder nor the file is named after a metric";
            return Err(table.wrong(problem, "keep the published folders, such as requests_minute/day_000.csv"));
        };
        let public = names.iter().find_map(|name| match (name.contains("public"), name.contains("private")) {
            (true, _) => Some(true),
            (_, true) => Some(false),
            _ => None,
        });
        let Some(time) = table.first.iter().position(|name| name == "time") else {
            return Err(table.wrong("the column is missing", "name it as published").field("time"));
        };
        let mut columns = BTreeMap::new();
        for (column, name) in table.first.iter().enumerate().filter(|(_, name)| *name != "day" && *name != "time") {
            if name.is_empty() || columns.insert(name.clone(), column).is_some() {
                let problem = if name.is_empty() { "a column has no name" } else { "two columns are of this function" };
                let error = InputError::new(problem, "give every function one column");
                return Err(error.at(Place::line(&table.path, 1)).field(name));
            }
        }
        Ok(Some(Self { public: public.unwrap_or(false), table, metric, time, columns }))
    }

    /// Gives the time in ms and the values of each row; `columns` has the time first. All are checked.
    pub(super) fn read(&self, columns: &[usize], mut each: impl FnMut(i64, &[f64])) -> Result<(), InputError> {
        let wanted = Wanted { header: true, texts: &[], numbers: columns, percents: &[], spelled_nulls: true };
        scan::text(&self.table, wanted, |batch| {
            let cells = cells(batch, columns.len()).map_err(|error| {
                self.table.wrong(format!("cannot read the table: {error}"), "check that it is a text table")
            })?;
            let mut values = vec![f64::NAN; columns.len()];
            for row in 0..batch.len() {
                for (value, column) in values.iter_mut().zip(&cells) {
                    *value = column.get(row).unwrap_or(f64::NAN);
                }
                let wrong = |at: usize, why| scan::bad_value(&self.table, true, batch.first + row, columns[at], why);
                if let Some((at, why)) = values.iter().enumerate().find_map(|(at, value)| Some((at, fault_of(*value)?)))
                {
                    return Err(wrong(at, why));
                }
                let ms = values[0] * 1000.0;
                if !ms.is_finite() || ms > 9e15 {
                    return Err(wrong(0, "is not a time in seconds"));
                }
                each(ms.round() as i64, &values[1..]);
            }
            Ok(())
        })
    }
}

/// The name of the file, of its folder and of the folder around that, in lower case.
fn last_names(path: &Path) -> Vec<String> {
    path.iter().rev().take(3).map(|name| name.to_string_lossy().to_lowercase()).collect()
}

fn cells(batch: &Batch, columns: usize) -> PolarsResult<Vec<&Float64Chunked>> {
    (0..columns).map(|at| batch.numbers(at)).collect()
}
