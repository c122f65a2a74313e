//! Any table with a row per time (and function), or per request: CSV, TSV or Parquet, with `--map` saying which column is what.
//!
//! Rows may come in any order. Where they are regular, each is a slot, and `--interval` joins or cuts slots afterwards;
//! where they are not, `--interval` says into which slots they fall. Without a column of functions the file's name is
//! the function; without times, rows follow each other by `--interval`.

mod clock;
mod columns;
mod rows;
mod survey;
mod table;

use std::collections::BTreeMap;

use crate::error::InputError;
use crate::ingest::options::{Missing, Options};
use crate::ingest::report::Report;
use crate::ingest::scan::fault_of;
use crate::ingest::source::{Source, Surveyed};
use crate::trace::{Header, Name, Series};
use crate::units;

use clock::Clock;
use columns::{Cells, Columns};
use rows::{At, Collected, Fault, Rules};
use survey::Survey;
pub(super) use table::Input;
use table::Table;

/// Surveyed tables.
#[derive(Debug)]
pub(super) struct Generic {
    tables: Vec<Table>,
    columns: Columns,
    functions: Vec<Surveyed>,
    rules: Rules,
    origin: Option<i64>,
    /// Interval by which rows without a time follow each other.
    pace: Option<i64>,
}

impl Generic {
    /// Looks columns up and surveys the rows.
    pub(super) fn open(inputs: Vec<Input>, options: &Options, report: &mut Report) -> Result<Self, InputError> {
        let columns = Columns::new(&options.map)?;
        let tables = inputs.into_iter().map(|input| Table::new(input, &columns, options.header));
        let mut tables = tables.collect::<Result<Vec<_>, _>>()?;
        unique_names(&mut tables);
        let interval = options.interval.map(|interval| i64::try_from(interval.as_millis()).unwrap_or(i64::MAX));
        let pace = interval.filter(|_| !tables[0].has_time() && !columns.counts_rows);
        if pace.is_none() && !tables[0].has_time() {
            let help = if columns.counts_rows {
                "map a column with --map t=COLUMN: when each request was made"
            } else {
                "map a column with --map t=COLUMN, or say --interval for rows that follow each other"
            };
            return Err(InputError::new("no column is mapped to the time", help).field("--map"));
        }
        let rules = Rules {
            interval: interval.unwrap_or(1),
            bins: false,
            base: 0,
            // Where each row is a request, no row is no request.
            missing: if columns.counts_rows { Missing::Zero } else { options.missing },
            duplicates: options.duplicates,
        };
        let mut generic = Self { tables, columns, functions: Vec::new(), rules, origin: None, pace };
        let survey = generic.survey(report)?;
        generic.settle(&survey, interval)?;
        let bytes = 8 * (generic.columns.values.len() + 2);
        generic.functions = survey
            .functions
            .into_iter()
            .map(|(name, function)| Surveyed { name, load: function.load, bytes: bytes * function.rows })
            .collect();
        Ok(generic)
    }

    fn survey(&self, report: &mut Report) -> Result<Survey, InputError> {
        let mut survey = Survey::default();
        let load = self.columns.load().unwrap_or(0);
        self.rows(|function, time, at, values| {
            report.rows += 1;
            survey.add(function, time, values[load], at);
            Ok(())
        })?;
        Ok(survey)
    }

    /// Decides how rows become slots.
    fn settle(&mut self, survey: &Survey, interval: Option<i64>) -> Result<(), InputError> {
        let span = |ms: i64| units::friendly(std::time::Duration::from_millis(ms.unsigned_abs()));
        let earliest = survey.earliest.unwrap_or(0);
        let dated = clock::is_date(earliest);
        if self.columns.counts_rows {
            let help = "say --interval (such as 1m), the length of the slots that requests are counted in";
            let interval =
                interval.ok_or_else(|| InputError::new("each row is a request", help).field("--interval"))?;
            self.rules.bins = true;
            self.rules.interval = interval;
            self.rules.base = if dated { earliest.div_euclid(interval) * interval } else { 0 };
            self.origin = dated.then_some(self.rules.base);
            return Ok(());
        }
        let Some(step) = self.pace.or_else(|| survey.step()).or(interval) else {
            if survey.functions.is_empty() {
                return Ok(());
            }
            let help = "say --interval, the length of a slot";
            return Err(InputError::new("no function has two rows, so their interval is unknown", help));
        };
        self.rules.bins = !survey.is_regular(step);
        self.rules.interval = step;
        self.rules.base = if dated { earliest } else { 0 };
        if self.rules.bins {
            let Some(interval) = interval else {
                let (found, (table, row)) = survey.irregular(step).unwrap_or((0, (0, 0)));
                let problem = format!("this row is {} after the one before it, most are {}", span(found), span(step));
                let help = format!("say --interval (such as {}) to let rows fall into slots", span(step));
                return Err(self.tables[table as usize].bad_row(row as usize, problem, &help));
            };
            self.rules.interval = interval;
            self.rules.base = if dated { earliest.div_euclid(interval) * interval } else { 0 };
        }
        self.origin = dated.then_some(self.rules.base);
        Ok(())
    }

    /// Gives function, time, place and values of every row, in order.
    fn rows(&self, mut each: impl FnMut(&str, i64, At, &[f64]) -> Result<(), InputError>) -> Result<(), InputError> {
        let mut clock = Clock::new(self.columns.time);
        for (number, table) in self.tables.iter().enumerate() {
            let mut follow: BTreeMap<String, i64> = BTreeMap::new();
            table.read(|batch| {
                let reader = Cells::new(batch, table)
                    .map_err(|error| table.bad_row(0, format!("cannot read: {error}"), "check the columns"))?;
                let mut values = vec![f64::NAN; self.columns.values.len()];
                for row in 0..batch.len() {
                    let at = batch.first + row;
                    let function = reader.function(row).filter(|name| !name.is_empty());
                    let function = function.ok_or_else(|| table.bad_function(at))?;
                    let time = match self.pace {
                        Some(pace) => next(&mut follow, function, pace),
                        None => reader.time(row, &mut clock).ok_or_else(|| table.bad_time(at, clock.wanted()))?,
                    };
                    reader.values(row, &mut values);
                    if let Some((value, why)) = values.iter().enumerate().find_map(|(n, v)| Some((n, fault_of(*v)?))) {
                        return Err(table.bad_value(at, value, why));
                    }
                    self.columns.sum_up(&mut values);
                    each(function, time, (number as u32, at as u32), &values)?;
                }
                Ok(())
            })?;
        }
        Ok(())
    }

    fn refuse(&self, function: &str, fault: &Fault) -> InputError {
        match fault {
            Fault::Twice((table, row)) => self.tables[*table as usize].bad_row(
                *row as usize,
                format!("function {function} has an earlier row of this time"),
                "remove one, or say --duplicates sum, first or last",
            ),
            Fault::Irregular(how) => {
                let problem = format!("the rows of {function} make no regular series: {how:?} (ms)");
                InputError::new(problem, "check the times, or say --interval")
            }
        }
    }
}

/// Files of one name in several folders are several functions.
fn unique_names(tables: &mut [Table]) {
    for at in 1..tables.len() {
        let count = tables[..at].iter().filter(|table| table.path().file_name() == tables[at].path().file_name());
        let count = count.count();
        if count > 0 && !tables[at].has_function() {
            tables[at].name = format!("{}-{}", tables[at].name, count + 1);
        }
    }
}

/// The time of the next row of a function.
fn next(follow: &mut BTreeMap<String, i64>, function: &str, pace: i64) -> i64 {
    if let Some(time) = follow.get_mut(function) {
        *time = time.saturating_add(pace);
        return *time;
    }
    follow.insert(function.to_owned(), 0);
    0
}

impl Source for Generic {
    fn header(&self) -> Header {
        Header {
            interval_ms: self.rules.interval,
            origin_ms: self.origin,
            source: "csv".to_owned(),
            licence: None,
            tool: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }

    fn columns(&self) -> Vec<Name> {
        let mut columns: Vec<Name> = self.columns.values.iter().map(|(name, _)| *name).collect();
        columns.sort_unstable();
        columns
    }

    fn functions(&self) -> &[Surveyed] {
        &self.functions
    }

    fn read(
        &self,
        chosen: &[usize],
        report: &mut Report,
        emit: &mut dyn FnMut(Series) -> Result<(), InputError>,
    ) -> Result<(), InputError> {
        let new = || Collected::new(self.columns.values.len());
        let mut functions: BTreeMap<&str, Collected> =
            chosen.iter().map(|&at| (self.functions[at].name.as_str(), new())).collect();
        self.rows(|function, time, at, values| {
            if let Some(rows) = functions.get_mut(function) {
                rows.push(time, at, values.iter().copied());
            }
            Ok(())
        })?;
        for (function, rows) in functions {
            let (series, tally) = rows
                .into_series(function.to_owned(), &self.columns, self.rules)
                .map_err(|fault| self.refuse(function, &fault))?;
            report.fill("rows joined with another of the same time", tally.repeated);
            let what = match self.rules.missing {
                Missing::Zero => "slots without a row set to zero load",
                Missing::Null => "slots without a row left empty (--missing zero sets them to 0)",
            };
            report.fill(what, tally.absent);
            if series.columns().all(|(_, values)| values.iter().all(|value| value.is_nan())) {
                report.drop("functions without any value", 1);
                continue;
            }
            emit(series)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
