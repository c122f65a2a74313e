//! Series on other slots: joined, cut, or shifted to a new grid.
//!
//! A new slot takes from each old slot in proportion to their overlap. Counts add up (and are spread evenly when a slot
//! is cut), levels are averaged over time, statistics of requests are averaged over requests. A new slot is known when
//! at least half of it is; what is missing of a count is then filled at the rate of the rest.

use std::time::Duration;

use crate::error::InputError;
use crate::trace::{Column, Kind, Series, Trace};

/// Most slots a resampled series may have.
const MOST_SLOTS: i64 = 500_000_000;

impl Trace {
    /// The trace in slots of `interval`, which begin at multiples of it from the origin.
    ///
    /// # Errors
    /// An interval below 1 ms, or one so short that a series would not fit into memory.
    pub fn resample(&self, interval: Duration) -> Result<Self, InputError> {
        let to = i64::try_from(interval.as_millis()).unwrap_or(i64::MAX);
        if to <= 0 {
            return Err(InputError::new("a slot of 0 ms has no length", "write 1ms or more").field("--interval"));
        }
        let from = self.header.interval_ms;
        if to == from && self.functions.iter().all(|series| series.start_ms % to == 0) {
            return Ok(self.clone());
        }
        let span = self.span_ms();
        if span.end.abs_diff(span.start) / to.unsigned_abs() > MOST_SLOTS.unsigned_abs() {
            let problem = format!("slots of {to} ms would be more than {MOST_SLOTS}");
            return Err(InputError::new(problem, "take a longer interval").field("--interval"));
        }
        let functions = self.functions.iter().map(|series| series.resample(from, to)).collect();
        Self::new(crate::trace::Header { interval_ms: to, ..self.header.clone() }, functions)
    }
}

impl Series {
    /// The series in slots of `to` ms instead of `from` ms; both above 0.
    #[must_use]
    pub fn resample(&self, from: i64, to: i64) -> Self {
        let first = self.start_ms.div_euclid(to);
        let end = self.end_ms(from);
        let slots = usize::try_from(end.div_euclid(to) + i64::from(end.rem_euclid(to) != 0) - first).unwrap_or(0);
        let grid = Grid { old_start: self.start_ms, old: from, new_start: first * to, new: to, slots };
        let mut result = Self { function: self.function.clone(), start_ms: grid.new_start, ..Self::default() };
        for (name, values) in self.columns() {
            let weights = self.requests.as_ref().filter(|_| name.kind() == Kind::PerRequest);
            *result.column_mut(name) = Some(grid.column(name.kind(), values, weights));
        }
        result
    }
}

/// Two grids of slots; all in milliseconds.
struct Grid {
    old_start: i64,
    old: i64,
    new_start: i64,
    new: i64,
    slots: usize,
}

impl Grid {
    fn column(&self, kind: Kind, values: &[f64], requests: Option<&Column>) -> Column {
        (0..self.slots).map(|slot| self.value(slot, kind, values, requests)).collect()
    }

    /// The value of one new slot.
    fn value(&self, slot: usize, kind: Kind, values: &[f64], requests: Option<&Column>) -> f64 {
        let start = self.new_start + self.new * slot as i64;
        let end = start + self.new;
        let first = usize::try_from((start - self.old_start).div_euclid(self.old)).unwrap_or(0);
        let (mut sum, mut weight, mut covered) = (0.0, 0.0, 0_i64);
        for (at, &value) in values.iter().enumerate().skip(first) {
            let old_start = self.old_start + self.old * at as i64;
            if old_start >= end {
                break;
            }
            let overlap = end.min(old_start + self.old) - start.max(old_start);
            // A slot without requests says nothing about their duration, and leaves no gap in it either.
            let silent = value.is_nan() && requests.is_some_and(|requests| requests[at] == 0.0);
            if silent {
                covered += overlap;
            }
            if value.is_nan() {
                continue;
            }
            covered += overlap;
            let share = overlap as f64 * requests.map_or(1.0, |requests| finite_or(requests[at], 1.0));
            sum += value * share;
            weight += share;
        }
        self.close(kind, sum, weight, covered)
    }

    fn close(&self, kind: Kind, sum: f64, weight: f64, covered: i64) -> f64 {
        if covered * 2 < self.new || covered == 0 {
            return f64::NAN;
        }
        match kind {
            // `sum / old` is the count in the covered part.
            Kind::Count => sum / self.old as f64 * (self.new as f64 / covered as f64),
            Kind::Level | Kind::PerRequest if weight > 0.0 => sum / weight,
            Kind::Level | Kind::PerRequest => f64::NAN,
        }
    }
}

fn finite_or(value: f64, otherwise: f64) -> f64 {
    if value.is_finite() { value } else { otherwise }
}

#[cfg(test)]
#[allow(clippy::float_cmp, reason = "the expected values are exact")]
mod tests {
    use super::*;
    use crate::trace::tests::header;
    use proptest::prelude::*;

    fn series(requests: &[f64]) -> Series {
        Series { function: "a".into(), requests: Some(requests.to_vec()), ..Series::default() }
    }

    #[test]
    fn joined_slots_add_their_requests_and_average_their_cpu() {
        let minutes =
            Series { cpu_millicores: Some(vec![100.0, 300.0, 500.0, 500.0]), ..series(&[1.0, 2.0, 3.0, 4.0]) };
        let coarse = minutes.resample(60_000, 120_000);
        assert_eq!(coarse.requests, Some(vec![3.0, 7.0]));
        assert_eq!(coarse.cpu_millicores, Some(vec![200.0, 500.0]));
    }

    #[test]
    fn durations_are_averaged_over_requests_and_silence_is_no_gap() {
        let minutes = Series { duration_ms: Some(vec![10.0, 100.0, f64::NAN, 7.0]), ..series(&[9.0, 1.0, 0.0, 5.0]) };
        assert_eq!(minutes.resample(60_000, 120_000).duration_ms, Some(vec![19.0, 7.0]));
    }

    #[test]
    fn cut_slots_share_their_requests_and_keep_their_level() {
        let minute = Series { replicas: Some(vec![2.0]), ..series(&[60.0]) };
        let fine = minute.resample(60_000, 20_000);
        assert_eq!(fine.requests, Some(vec![20.0; 3]));
        assert_eq!(fine.replicas, Some(vec![2.0; 3]));
    }

    #[test]
    fn slots_that_do_not_divide_each_other_share_in_proportion() {
        let scaled = series(&[57.0; 20]).resample(57_000, 60_000);
        assert_eq!(scaled.len(), 19);
        assert!(scaled.requests.unwrap().iter().all(|&count| (count - 60.0).abs() < 1e-9));
    }

    #[test]
    fn a_gap_of_more_than_half_a_slot_stays_a_gap() {
        let minutes = series(&[6.0, f64::NAN, f64::NAN, f64::NAN, 5.0, 1.0]);
        let coarse = minutes.resample(60_000, 120_000).requests.unwrap();
        assert_eq!(coarse[0], 12.0, "half of the slot is known");
        assert!(coarse[1].is_nan());
        assert_eq!(coarse[2], 6.0);
    }

    #[test]
    fn new_slots_begin_at_multiples_of_the_interval() {
        let late = Series { start_ms: 60_000, ..series(&[1.0, 2.0, 3.0]) };
        let coarse = late.resample(60_000, 120_000);
        assert_eq!(coarse.start_ms, 0);
        assert_eq!(coarse.requests, Some(vec![2.0, 5.0]), "the first slot is half covered, so it counts twice");
    }

    #[test]
    fn an_interval_that_cannot_be_is_refused() {
        let trace = Trace::new(header(), vec![series(&[1.0; 1000])]).unwrap();
        assert!(trace.resample(Duration::ZERO).is_err());
        assert_eq!(trace.resample(Duration::from_mins(1)).unwrap(), trace);
    }

    proptest! {
        #[test]
        fn joining_whole_slots_conserves_requests(
            counts in proptest::collection::vec(0_u32..1000, 1..60),
            factor in 1_usize..7,
        ) {
            let whole = counts.len() / factor * factor;
            prop_assume!(whole > 0);
            let values: Vec<f64> = counts[..whole].iter().map(|&count| f64::from(count)).collect();
            let joined = series(&values).resample(1000, 1000 * factor as i64).requests.unwrap();
            prop_assert!((joined.iter().sum::<f64>() - values.iter().sum::<f64>()).abs() < 1e-6);
            let back = series(&joined).resample(1000 * factor as i64, 1000).requests.unwrap();
            prop_assert!((back.iter().sum::<f64>() - values.iter().sum::<f64>()).abs() < 1e-6);
        }
    }
}
