//! The rows of one function of the general format, on their way to a regular series.

use super::Columns;
use crate::ingest::map::Scale;
use crate::ingest::options::{Duplicates, Missing};
use crate::ingest::slots::{Irregular, Rows};
use crate::trace::{Column, Kind, Name, Series};

/// Where a row stands: which input, which row of it.
pub(super) type At = (u32, u32);

/// The rows of one function, as they came.
#[derive(Debug, Default)]
pub(super) struct Collected {
    times: Vec<i64>,
    places: Vec<At>,
    values: Vec<Column>,
}

/// How rows become slots.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules {
    /// Length of a slot in milliseconds.
    pub interval: i64,
    /// Whether rows fall into slots wherever they lie; otherwise each is a slot.
    pub bins: bool,
    /// Time of the trace's origin in milliseconds.
    pub base: i64,
    pub missing: Missing,
    pub duplicates: Duplicates,
}

/// What became of the rows.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// Rows that had the time of another.
    pub repeated: usize,
    /// Slots that no row fell into.
    pub absent: usize,
}

/// Rows that cannot be slots.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The second row of a time.
    Twice(At),
    /// The times are not regular.
    Irregular(Irregular),
}

impl Collected {
    pub(super) fn new(columns: usize) -> Self {
        Self { values: vec![Vec::new(); columns], ..Self::default() }
    }

    pub(super) fn push(&mut self, time: i64, place: At, values: impl Iterator<Item = f64>) {
        self.times.push(time);
        self.places.push(place);
        for (column, value) in self.values.iter_mut().zip(values) {
            column.push(value);
        }
    }

    /// The regular series of the rows.
    pub(super) fn into_series(
        mut self,
        function: String,
        columns: &Columns,
        rules: Rules,
    ) -> Result<(Series, Tally), Fault> {
        let mut tally = Tally::default();
        self.sort();
        if !columns.counts_rows {
            self.join_repeated(columns, rules.duplicates, &mut tally)?;
        }
        let (start, mut values) = if rules.bins { self.bin(columns, rules) } else { self.lay(rules) }?;
        tally.absent = self.close_gaps(columns, rules, start, &mut values);
        let mut series = Series { function, start_ms: start - rules.base, ..Series::default() };
        for ((name, scale), mut values) in columns.values.iter().zip(values) {
            let factor = match scale {
                Scale::Times(factor) | Scale::PerReplica(factor) => *factor,
                Scale::PerSecond(factor) => factor * rules.interval as f64 / 1000.0,
            };
            for value in &mut values {
                *value *= factor;
            }
            *series.column_mut(*name) = Some(values);
        }
        Ok((series, tally))
    }

    /// Puts rows in order of time; rows of one time stay in the order of the input.
    fn sort(&mut self) {
        if self.times.is_sorted() {
            return;
        }
        let mut order: Vec<usize> = (0..self.times.len()).collect();
        order.sort_by_key(|&row| self.times[row]);
        self.times = order.iter().map(|&row| self.times[row]).collect();
        self.places = order.iter().map(|&row| self.places[row]).collect();
        for values in &mut self.values {
            *values = order.iter().map(|&row| values[row]).collect();
        }
    }

    /// Leaves one row a time.
    fn join_repeated(&mut self, columns: &Columns, rule: Duplicates, tally: &mut Tally) -> Result<(), Fault> {
        let mut kept = 0;
        let mut count = 1.0;
        for row in 1..self.times.len() {
            if self.times[row] != self.times[kept] {
                kept += 1;
                count = 1.0;
                self.times[kept] = self.times[row];
                self.places[kept] = self.places[row];
                self.values.iter_mut().for_each(|values| values[kept] = values[row]);
                continue;
            }
            if rule == Duplicates::Refuse {
                return Err(Fault::Twice(self.places[row]));
            }
            tally.repeated += 1;
            count += 1.0;
            for ((name, _), values) in columns.values.iter().zip(&mut self.values) {
                let value = values[row];
                match rule {
                    Duplicates::Last => values[kept] = value,
                    Duplicates::Sum => values[kept] = together(*name, values[kept], value, count),
                    Duplicates::First | Duplicates::Refuse => {}
                }
            }
        }
        let length = (kept + 1).min(self.times.len());
        self.times.truncate(length);
        self.places.truncate(length);
        self.values.iter_mut().for_each(|values| values.truncate(length));
        Ok(())
    }

    /// Each row is a slot.
    fn lay(&self, rules: Rules) -> Result<(i64, Vec<Column>), Fault> {
        let mut rows = Rows::new(self.values.len());
        for (row, &time) in self.times.iter().enumerate() {
            rows.push(time, rules.interval, self.values.iter().map(|values| values[row]));
        }
        rows.into_columns(rules.interval).map_err(Fault::Irregular)
    }

    /// Rows fall into slots: counts add up, all else is averaged over the rows.
    fn bin(&self, columns: &Columns, rules: Rules) -> Result<(i64, Vec<Column>), Fault> {
        let interval = rules.interval;
        let slot = |time: i64| (time - rules.base).div_euclid(interval);
        let (Some(&first), Some(&last)) = (self.times.first(), self.times.last()) else { return Ok((0, Vec::new())) };
        let slots = slot(last) - slot(first) + 1;
        if slots > crate::ingest::slots::MOST_SLOTS {
            return Err(Fault::Irregular(Irregular::TooLong(first, last)));
        }
        let length = usize::try_from(slots).unwrap_or(0);
        let fill = |((name, scale), values): (&(Name, Scale), &Column)| {
            let adds = name.kind() == Kind::Count && matches!(scale, Scale::Times(_));
            let mut sums = vec![(0.0, 0_u32); length];
            for (time, value) in self.times.iter().zip(values).filter(|(_, value)| !value.is_nan()) {
                let (sum, count) = &mut sums[usize::try_from(slot(*time) - slot(first)).unwrap_or(0)];
                *sum += value;
                *count += 1;
            }
            let close = |(sum, count): (f64, u32)| match count {
                0 => f64::NAN,
                _ if adds => sum,
                _ => sum / f64::from(count),
            };
            sums.into_iter().map(close).collect()
        };
        Ok((rules.base + slot(first) * interval, columns.values.iter().zip(&self.values).map(fill).collect()))
    }

    /// Fills slots that no row fell into, and counts them.
    fn close_gaps(&self, columns: &Columns, rules: Rules, start: i64, values: &mut [Column]) -> usize {
        let slots = values.first().map_or(0, Vec::len);
        let mut hit = vec![false; slots];
        for time in &self.times {
            if let Some(hit) =
                usize::try_from((time - start).div_euclid(rules.interval)).ok().and_then(|at| hit.get_mut(at))
            {
                *hit = true;
            }
        }
        if rules.missing == Missing::Zero {
            for ((name, _), values) in columns.values.iter().zip(values) {
                if matches!(name, Name::Requests | Name::Cpu) {
                    values.iter_mut().zip(&hit).filter(|(_, hit)| !**hit).for_each(|(value, _)| *value = 0.0);
                }
            }
        }
        hit.iter().filter(|hit| !**hit).count()
    }
}

/// Two rows of one time together: load adds up, all else is averaged; `count` is the number of rows, this one included.
fn together(name: Name, kept: f64, value: f64, count: f64) -> f64 {
    if kept.is_nan() || value.is_nan() {
        return if kept.is_nan() { value } else { kept };
    }
    match name {
        Name::Requests | Name::Cpu => kept + value,
        _ => kept + (value - kept) / count,
    }
}
