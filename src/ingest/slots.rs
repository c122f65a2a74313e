//! Rows of one function, in any order, on their way to a regular series.

use std::ops::Range;

use crate::trace::Column;

/// Most slots a series may span: 38 years of minutes. A time that is wrong by a factor would fill memory with gaps.
pub(super) const MOST_SLOTS: i64 = 20_000_000;

/// The rows of one function as they came.
#[derive(Debug, Default)]
pub(super) struct Rows {
    /// Stretches of slots that follow each other: the time of the first, and which rows.
    runs: Vec<(i64, Range<usize>)>,
    values: Vec<Column>,
}

/// Why rows are not a regular series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Irregular {
    /// Two rows have this time.
    Twice(i64),
    /// This time lies between two slots.
    Between(i64),
    /// The times of the first and the last row lie too far apart.
    TooLong(i64, i64),
}

impl Rows {
    /// No rows of `columns` values each.
    pub(super) fn new(columns: usize) -> Self {
        Self { runs: Vec::new(), values: vec![Vec::new(); columns] }
    }

    /// Adds a row; `values` has one a column.
    pub(super) fn push(&mut self, time: i64, interval: i64, values: impl Iterator<Item = f64>) {
        let row = self.runs.last().map_or(0, |(_, rows)| rows.end);
        for (column, value) in self.values.iter_mut().zip(values) {
            column.push(value);
        }
        match self.runs.last_mut() {
            Some((start, rows)) if start.checked_add(interval.saturating_mul(rows.len() as i64)) == Some(time) => {
                rows.end += 1;
            }
            _ => self.runs.push((time, row..row + 1)),
        }
    }

    /// The time of the first slot, and the columns in order of time; slots without a row are missing (NaN).
    pub(super) fn into_columns(mut self, interval: i64) -> Result<(i64, Vec<Column>), Irregular> {
        if let [(start, _)] = self.runs[..] {
            return Ok((start, self.values));
        }
        self.runs.sort_by_key(|(start, _)| *start);
        let Some(&(first, _)) = self.runs.first() else { return Ok((0, self.values)) };
        let mut end = first;
        for (start, rows) in &self.runs {
            if (start - first) % interval != 0 {
                return Err(Irregular::Between(*start));
            }
            if *start < end {
                return Err(Irregular::Twice(*start));
            }
            end = start.saturating_add(interval.saturating_mul(rows.len() as i64));
        }
        let slots = end.saturating_sub(first) / interval;
        if slots > MOST_SLOTS && slots / 2 > self.runs.iter().map(|(_, rows)| rows.len() as i64).sum() {
            return Err(Irregular::TooLong(first, end));
        }
        let slots = usize::try_from(slots).unwrap_or(0);
        let lay = |values: &Column| {
            let mut column = vec![f64::NAN; slots];
            for (start, rows) in &self.runs {
                let at = usize::try_from((start - first) / interval).unwrap_or(0);
                column[at..at + rows.len()].copy_from_slice(&values[rows.clone()]);
            }
            column
        };
        Ok((first, self.values.iter().map(lay).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(rows: &[(i64, f64)]) -> Result<(i64, Vec<Column>), Irregular> {
        let mut all = Rows::new(1);
        for (time, value) in rows {
            all.push(*time, 10, std::iter::once(*value));
        }
        all.into_columns(10)
    }

    #[test]
    fn rows_in_any_order_come_out_in_order_of_time() {
        assert_eq!(columns(&[(30, 3.0), (40, 4.0), (10, 1.0), (20, 2.0)]), Ok((10, vec![vec![1.0, 2.0, 3.0, 4.0]])));
    }

    #[test]
    fn a_slot_without_a_row_is_missing() {
        let (start, found) = columns(&[(10, 1.0), (30, 3.0)]).unwrap();
        assert_eq!((start, found[0][0], found[0][2]), (10, 1.0, 3.0));
        assert!(found[0][1].is_nan());
    }

    #[test]
    fn what_is_not_regular_is_said() {
        assert_eq!(columns(&[(10, 1.0), (20, 1.0), (20, 1.0)]), Err(Irregular::Twice(20)));
        assert_eq!(columns(&[(10, 1.0), (25, 1.0)]), Err(Irregular::Between(25)));
        assert_eq!(columns(&[(10, 1.0), (20, 1.0), (25, 1.0)]), Err(Irregular::Between(25)));
        assert_eq!(columns(&[(0, 1.0), (i64::MAX / 10 * 10, 1.0)]).map(|_| ()), Err(Irregular::TooLong(0, i64::MAX)));
    }
}
