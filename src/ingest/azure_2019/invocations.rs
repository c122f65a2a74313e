//! One table of invocations: the keys of its rows, and its minutes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use polars::prelude::*;

use super::{Key, MINUTES_A_DAY};
use crate::error::{InputError, Place};
use crate::ingest::scan::{self, Batch, Wanted};
use crate::ingest::slots::MOST_SLOTS;
use crate::ingest::text::Text;

/// A table of invocations of one day.
#[derive(Debug)]
pub(super) struct Invocations {
    table: Text,
    /// Day of the data set, from 1.
    pub day: i64,
    keys: Keys,
    /// Column and minute since the first day's start, in order of time.
    pub minutes: Vec<(usize, i64)>,
    columns: Vec<usize>,
}

/// Columns of the hashes.
#[derive(Debug, Clone)]
pub(super) struct Keys {
    columns: Vec<usize>,
    owner: Option<usize>,
    app: Option<usize>,
    function: Option<usize>,
}

impl Keys {
    /// The hashes that a header has.
    pub(super) fn of(table: &Text) -> Self {
        let mut columns = Vec::new();
        let mut place = |name: &str| {
            let column = table.first.iter().position(|cell| cell == name)?;
            columns.push(column);
            Some(columns.len() - 1)
        };
        let (owner, app, function) = (place("HashOwner"), place("HashApp"), place("HashFunction"));
        Self { columns, owner, app, function }
    }

    /// Columns to read as text.
    pub(super) fn columns(&self) -> &[usize] {
        &self.columns
    }

    /// The keys of a batch's rows. Absent and empty hashes are empty.
    pub(super) fn read(&self, batch: &Batch) -> PolarsResult<Vec<Key>> {
        let column = |place: Option<usize>| place.map(|place| batch.texts(place)).transpose();
        let (owner, app, function) = (column(self.owner)?, column(self.app)?, column(self.function)?);
        let cell = |column: Option<&StringChunked>, row: usize| {
            column.and_then(|column| column.get(row)).unwrap_or_default().trim().to_owned()
        };
        let key = |row| Key { owner: cell(owner, row), app: cell(app, row), function: cell(function, row) };
        Ok((0..batch.len()).map(key).collect())
    }
}

impl Invocations {
    /// Finds hashes and minutes in the header.
    pub(super) fn new(table: Text) -> Result<Self, InputError> {
        let keys = Keys::of(&table);
        if keys.function.is_none() {
            return Err(table.wrong("the column is missing", "name it as published").field("HashFunction"));
        }
        let day = day_of(&table.path).unwrap_or(1);
        let mut minutes = Vec::new();
        let mut seen = BTreeSet::new();
        for (column, name) in table.first.iter().enumerate() {
            if ["HashOwner", "HashApp", "HashFunction", "Trigger"].contains(&name.as_str()) {
                continue;
            }
            let minute = minute_of(name).filter(|minute| minute.abs() < MOST_SLOTS).ok_or_else(|| {
                let problem = "this is neither a hash, nor Trigger, nor a minute such as `480`";
                let place = Place::line(&table.path, 1);
                InputError::new(problem, "remove the column, or use --format csv with --map").at(place).field(name)
            })?;
            if !seen.insert(minute) {
                return Err(table.wrong("two columns are this minute", "remove one of them").field(name));
            }
            minutes.push((column, (day - 1) * MINUTES_A_DAY + minute - 1));
        }
        if minutes.is_empty() {
            let help = "give the table with a column per minute, named 1 to 1440";
            return Err(table.wrong("there is no column of a minute", help));
        }
        minutes.sort_by_key(|(_, minute)| *minute);
        let columns = minutes.iter().map(|(column, _)| *column).collect();
        Ok(Self { table, day, keys, minutes, columns })
    }

    /// Whether the two speak of the same minutes.
    pub(super) fn overlaps(&self, other: &Self) -> bool {
        let ends = |minutes: &[(usize, i64)]| (minutes.first().map(|m| m.1), minutes.last().map(|m| m.1));
        let ((first, last), (other_first, other_last)) = (ends(&self.minutes), ends(&other.minutes));
        first <= other_last && other_first <= last
    }

    /// Place and text of a row's function.
    pub(super) fn cell(&self, row: usize) -> (Place, String) {
        let column = self.keys.function.map_or(0, |place| self.keys.columns[place]);
        self.table.cell(row + 1, column)
    }

    fn wanted<'a>(&'a self, texts: &'a [usize]) -> Wanted<'a> {
        Wanted { header: true, texts, numbers: &self.columns, percents: &[], spelled_nulls: false }
    }

    /// Gives key, row and sum of each row.
    pub(super) fn survey(&self, mut each: impl FnMut(Key, usize, f64)) -> Result<(), InputError> {
        scan::text(&self.table, self.wanted(self.keys.columns()), |batch| {
            let mut sums = vec![0.0; batch.len()];
            for at in 0..self.columns.len() {
                let values = self.cells(batch, at)?;
                for (row, (sum, value)) in sums.iter_mut().zip(values).enumerate() {
                    *sum += self.check(value, batch.first + row, at)?;
                }
            }
            let keys = self.keys.read(batch).map_err(|error| self.broken(&error))?;
            for (row, (key, sum)) in keys.into_iter().zip(sums).enumerate() {
                if key.function.is_empty() {
                    let (place, _) = self.cell(batch.first + row);
                    let error = InputError::new("a row has no function", "complete the row, or remove it");
                    return Err(error.at(place).field("HashFunction"));
                }
                each(key, batch.first + row, sum);
            }
            Ok(())
        })
    }

    /// Gives the minutes of the rows in `place`, with what stands there.
    pub(super) fn read<T: Copy, U: Copy>(
        &self,
        place: &BTreeMap<usize, (T, U)>,
        mut each: impl FnMut(T, U, usize, f64),
    ) -> Result<(), InputError> {
        if place.is_empty() {
            return Ok(());
        }
        scan::text(&self.table, self.wanted(&[]), |batch| {
            let rows: Vec<_> = place.range(batch.first..batch.first + batch.len()).collect();
            for at in 0..self.columns.len() {
                let column = batch.numbers(at).map_err(|error| self.broken(&error))?.rechunk();
                let values = column.cont_slice().map_err(|error| self.broken(&error))?;
                for (row, (target, extra)) in &rows {
                    each(*target, *extra, at, values[**row - batch.first]);
                }
            }
            Ok(())
        })
    }

    fn cells<'a>(&self, batch: &'a Batch, at: usize) -> Result<impl Iterator<Item = Option<f64>> + 'a, InputError> {
        Ok(batch.numbers(at).map_err(|error| self.broken(&error))?.iter())
    }

    fn check(&self, value: Option<f64>, row: usize, at: usize) -> Result<f64, InputError> {
        let wrong = |why| scan::bad_value(&self.table, true, row, self.columns[at], why);
        let value = value.ok_or_else(|| wrong("is empty where a number of calls should stand"))?;
        if value.is_nan() {
            return Err(wrong("is not a number of calls"));
        }
        scan::fault_of(value).map_or(Ok(value), |why| Err(wrong(why)))
    }

    fn broken(&self, error: &PolarsError) -> InputError {
        self.table.wrong(format!("cannot read the table: {error}"), "check that it is a text table in UTF-8")
    }
}

/// The day in a file's name, such as 3 in `invocations_per_function_md.anon.d03.csv`.
pub(super) fn day_of(path: &Path) -> Option<i64> {
    let name = path.file_name()?.to_str()?;
    name.split('.').filter_map(|part| part.strip_prefix('d')).find_map(|digits| {
        let day: i64 = if digits.len() <= 3 { digits.parse().ok()? } else { return None };
        (day >= 1).then_some(day)
    })
}

/// The minute of a column's name: `480`, `minute_480` or `-1`.
fn minute_of(name: &str) -> Option<i64> {
    name.strip_prefix("minute_").unwrap_or(name).parse().ok()
}
