//! The columns of a series: their names, what they mean when slots are joined, slicing and checking.

use std::ops::Range;

use crate::error::InputError;
use crate::trace::{Column, Series};

/// A column of a series. The order is that of the canonical file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Name {
    /// Requests that arrived in the slot.
    Requests,
    /// Mean CPU used.
    Cpu,
    /// Working set.
    Memory,
    /// Mean duration.
    Duration,
    /// Median duration.
    DurationP50,
    /// 90th percentile of the duration.
    DurationP90,
    /// 99th percentile of the duration.
    DurationP99,
    /// Recorded replicas.
    Replicas,
}

/// All columns, in the order of the canonical file.
pub const COLUMNS: [Name; 8] = [
    Name::Requests,
    Name::Cpu,
    Name::Memory,
    Name::Duration,
    Name::DurationP50,
    Name::DurationP90,
    Name::DurationP99,
    Name::Replicas,
];

/// What a value stands for, and so how slots are joined or cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// An amount that falls into the slot: joined slots add up.
    Count,
    /// A mean over the slot: joined slots are averaged over time.
    Level,
    /// A statistic of the slot's requests: joined slots are averaged over requests.
    PerRequest,
}

impl Name {
    /// Its name in the canonical file.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Cpu => "cpu_millicores",
            Self::Memory => "memory_bytes",
            Self::Duration => "duration_ms",
            Self::DurationP50 => "duration_p50_ms",
            Self::DurationP90 => "duration_p90_ms",
            Self::DurationP99 => "duration_p99_ms",
            Self::Replicas => "replicas",
        }
    }

    /// What its values stand for.
    #[must_use]
    pub fn kind(self) -> Kind {
        match self {
            Self::Requests => Kind::Count,
            Self::Cpu | Self::Memory | Self::Replicas => Kind::Level,
            Self::Duration | Self::DurationP50 | Self::DurationP90 | Self::DurationP99 => Kind::PerRequest,
        }
    }
}

impl Series {
    /// A column, if the source had it.
    #[must_use]
    pub fn column(&self, name: Name) -> Option<&Column> {
        match name {
            Name::Requests => self.requests.as_ref(),
            Name::Cpu => self.cpu_millicores.as_ref(),
            Name::Memory => self.memory_bytes.as_ref(),
            Name::Duration => self.duration_ms.as_ref(),
            Name::DurationP50 => self.duration_p50_ms.as_ref(),
            Name::DurationP90 => self.duration_p90_ms.as_ref(),
            Name::DurationP99 => self.duration_p99_ms.as_ref(),
            Name::Replicas => self.replicas.as_ref(),
        }
    }

    /// The place of a column, to fill or to empty it.
    pub fn column_mut(&mut self, name: Name) -> &mut Option<Column> {
        match name {
            Name::Requests => &mut self.requests,
            Name::Cpu => &mut self.cpu_millicores,
            Name::Memory => &mut self.memory_bytes,
            Name::Duration => &mut self.duration_ms,
            Name::DurationP50 => &mut self.duration_p50_ms,
            Name::DurationP90 => &mut self.duration_p90_ms,
            Name::DurationP99 => &mut self.duration_p99_ms,
            Name::Replicas => &mut self.replicas,
        }
    }

    /// The columns that are there.
    pub fn columns(&self) -> impl Iterator<Item = (Name, &Column)> {
        COLUMNS.into_iter().filter_map(|name| Some((name, self.column(name)?)))
    }

    /// Number of slots.
    #[must_use]
    pub fn len(&self) -> usize {
        self.columns().next().map_or(0, |(_, values)| values.len())
    }

    /// Whether it has no slot.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// End of the last slot, in milliseconds from the trace's origin.
    #[must_use]
    pub fn end_ms(&self, interval_ms: i64) -> i64 {
        self.start_ms.saturating_add(interval_ms.saturating_mul(self.len() as i64))
    }

    /// The column that measures load: requests where they were recorded, else CPU.
    #[must_use]
    pub fn load(&self) -> Option<(Name, &Column)> {
        self.columns().find(|(name, _)| matches!(name, Name::Requests | Name::Cpu))
    }

    /// The slots of `range`, cut to those that are there; `interval_ms` moves the start.
    #[must_use]
    pub fn slice(&self, range: Range<usize>, interval_ms: i64) -> Self {
        let end = range.end.min(self.len());
        let start = range.start.min(end);
        let mut cut = Self {
            function: self.function.clone(),
            start_ms: self.start_ms.saturating_add(interval_ms.saturating_mul(start as i64)),
            ..Self::default()
        };
        for (name, values) in self.columns() {
            *cut.column_mut(name) = Some(values[start..end].to_vec());
        }
        cut
    }

    /// The slots that begin within `span`, in milliseconds from the trace's origin.
    #[must_use]
    pub fn slice_ms(&self, span: Range<i64>, interval_ms: i64) -> Self {
        let slot = |at: i64| {
            let offset = at.saturating_sub(self.start_ms).max(0);
            usize::try_from(offset / interval_ms + i64::from(offset % interval_ms != 0)).unwrap_or(usize::MAX)
        };
        self.slice(slot(span.start)..slot(span.end), interval_ms)
    }

    /// Checks that there is a name, a slot, and requests or CPU; that columns are equally long; and that every value is
    /// finite and not negative, or missing.
    ///
    /// # Errors
    /// Names the function, the column, the slot and the value.
    pub fn check(&self, interval_ms: i64) -> Result<(), InputError> {
        if self.function.is_empty() {
            return Err(InputError::new("a function has no name", "give every function a name"));
        }
        let wrong = |problem: String, help: &str| Err(InputError::new(problem, help).field(self.function.clone()));
        if self.load().is_none() {
            return wrong("there are neither requests nor CPU".into(), "give at least one of the two");
        }
        if self.is_empty() {
            return wrong("the series has no slot".into(), "leave the function out, or give it values");
        }
        let slots = self.len();
        if i64::try_from(slots).ok().and_then(|n| interval_ms.checked_mul(n)?.checked_add(self.start_ms)).is_none() {
            return wrong(format!("{slots} slots from {} ms pass the end of time", self.start_ms), "check the times");
        }
        let first = self.columns().next().map_or("", |(name, _)| name.as_str());
        for (name, values) in self.columns() {
            let name = name.as_str();
            if values.len() != slots {
                let problem = format!("{name} has {} slots where {first} has {slots}", values.len());
                return wrong(problem, "give every column a value or a gap in every slot");
            }
            if let Some(at) = values.iter().position(|value| value.is_infinite() || *value < 0.0) {
                let why = if values[at] < 0.0 { "below 0" } else { "not a finite number" };
                let problem = format!("{name} in slot {at}: {} is {why}", values[at]);
                return wrong(problem, "write a number from 0 up, or leave the slot empty");
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series() -> Series {
        Series {
            function: "a".into(),
            start_ms: 120_000,
            requests: Some(vec![0.0, 1.0, 2.0, 3.0]),
            memory_bytes: Some(vec![f64::NAN, 1.0, 1.0, 1.0]),
            ..Series::default()
        }
    }

    #[test]
    fn a_slice_keeps_its_place_in_time() {
        let cut = series().slice(1..3, 60_000);
        assert_eq!((cut.start_ms, cut.len(), cut.end_ms(60_000)), (180_000, 2, 300_000));
        assert_eq!(cut.requests, Some(vec![1.0, 2.0]));
        assert_eq!(cut.memory_bytes, Some(vec![1.0, 1.0]));
        assert_eq!(cut.cpu_millicores, None);
    }

    #[test]
    fn a_slice_past_the_end_takes_what_is_there() {
        assert_eq!(series().slice(3..9, 60_000).requests, Some(vec![3.0]));
        assert!(series().slice(9..12, 60_000).is_empty());
    }

    #[test]
    fn a_slice_by_time_takes_the_slots_that_begin_in_it() {
        assert_eq!(series().slice_ms(0..180_000, 60_000).requests, Some(vec![0.0]));
        assert_eq!(series().slice_ms(121_000..241_000, 60_000).requests, Some(vec![1.0, 2.0]));
        let whole = series().slice_ms(i64::MIN..i64::MAX, 60_000);
        assert_eq!((whole.start_ms, whole.requests), (120_000, series().requests));
    }
}
