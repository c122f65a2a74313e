//! Division of a trace: by time into training, validation and test, and by function into known and held out.

use std::ops::Range;

use rand::seq::SliceRandom;

use crate::error::InputError;
use crate::random::{Purpose, stream};
use crate::trace::Trace;

/// A trace in three parts that follow each other in time.
#[derive(Debug, Clone, PartialEq)]
pub struct Parts {
    /// What is learned and searched on.
    pub train: Trace,
    /// What chooses among the learned; `None` when its share leaves it no slot.
    pub validation: Option<Trace>,
    /// What is judged on, once.
    pub test: Trace,
}

/// The slots of training, validation and test, in this order, out of `slots`. The parts touch, overlap nowhere and
/// cover all slots. Shares lie in `[0, 1]`; what `train + validation` leaves is the test's.
#[must_use]
pub fn ranges(slots: usize, train: f64, validation: f64) -> [Range<usize>; 3] {
    let cut = |share: f64| ((slots as f64 * share).round() as usize).min(slots);
    let first = cut(train);
    let second = cut(train + validation).max(first);
    [0..first, first..second, second..slots]
}

impl Trace {
    /// The slots that begin within `span`, in milliseconds from the origin. Functions without any are left out.
    ///
    /// # Errors
    /// A span in which no function has a slot.
    pub fn slice_ms(&self, span: Range<i64>) -> Result<Self, InputError> {
        let cut = self.functions.iter().map(|series| series.slice_ms(span.clone(), self.header.interval_ms));
        let functions: Vec<_> = cut.filter(|series| !series.is_empty()).collect();
        if functions.is_empty() {
            let problem = format!("no function has a slot from {} to {} ms", span.start, span.end);
            return Err(InputError::new(problem, "take a longer part of the trace"));
        }
        Ok(Self { header: self.header.clone(), functions })
    }

    /// Cuts at the same two points in time for all functions, so that nothing of the test was seen before it.
    ///
    /// # Errors
    /// A trace too short for its parts.
    pub fn split(&self, train: f64, validation: f64) -> Result<Parts, InputError> {
        let (span, interval) = (self.span_ms(), self.header.interval_ms);
        let slots = usize::try_from((span.end - span.start) / interval).unwrap_or(0);
        let part = |range: &Range<usize>| {
            let at = |slot: usize| span.start + interval * slot as i64;
            self.slice_ms(at(range.start)..at(range.end)).map_err(|_| {
                let problem = format!("the trace has {slots} slots, too few to split {train} : {validation} : rest");
                InputError::new(problem, "give a longer trace, or other shares in [split]")
            })
        };
        let [first, second, third] = ranges(slots, train, validation);
        let validation = if second.is_empty() { None } else { part(&second).ok() };
        Ok(Parts { train: part(&first)?, validation, test: part(&third)? })
    }

    /// Holds out about `share` of the functions, at least one and not all: `(known, held out)`, each in order of name.
    /// The choice depends on `seed` and the number of functions only.
    ///
    /// # Errors
    /// A trace of one function.
    pub fn hold_out(&self, share: f64, seed: u64) -> Result<(Self, Self), InputError> {
        let count = self.functions.len();
        if count < 2 {
            let problem = "one function cannot be divided into known and held out";
            return Err(InputError::new(problem, "give a trace of two functions or more"));
        }
        let held = ((count as f64 * share).round() as usize).clamp(1, count - 1);
        let mut order: Vec<usize> = (0..count).collect();
        order.shuffle(&mut stream(seed, Purpose::HoldOut, 0));
        let part = |chosen: &[usize]| {
            let mut chosen = chosen.to_vec();
            chosen.sort_unstable();
            let functions = chosen.into_iter().map(|at| self.functions[at].clone()).collect();
            Self { header: self.header.clone(), functions }
        };
        let (held, known) = order.split_at(held);
        Ok((part(known), part(held)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::Series;
    use crate::trace::tests::header;
    use proptest::prelude::*;

    fn trace(functions: &[(i64, usize)]) -> Trace {
        let series = functions.iter().enumerate().map(|(n, &(start, slots))| Series {
            function: format!("f{n}"),
            start_ms: start * 60_000,
            requests: Some((0..slots).map(|slot| slot as f64).collect()),
            ..Series::default()
        });
        Trace::new(header(), series.collect()).unwrap()
    }

    #[test]
    fn training_comes_before_validation_before_test() {
        let parts = trace(&[(0, 10)]).split(0.5, 0.1).unwrap();
        assert_eq!(parts.train.functions[0].requests, Some(vec![0.0, 1.0, 2.0, 3.0, 4.0]));
        assert_eq!(parts.validation.unwrap().functions[0].requests, Some(vec![5.0]));
        assert_eq!(parts.test.functions[0].start_ms, 360_000);
    }

    #[test]
    fn all_functions_are_cut_at_the_same_time() {
        let parts = trace(&[(0, 10), (7, 3)]).split(0.6, 0.0).unwrap();
        assert_eq!(parts.train.functions.len(), 1, "the second function begins after training");
        assert_eq!(parts.test.functions.len(), 2);
        assert!(parts.validation.is_none());
        assert!(trace(&[(0, 1)]).split(0.5, 0.1).is_err());
    }

    #[test]
    fn held_out_functions_are_never_known_and_the_seed_chooses_them() {
        let whole = trace(&[(0, 2); 10]);
        let names = |trace: &Trace| trace.functions.iter().map(|f| f.function.clone()).collect::<Vec<_>>();
        let (known, held) = whole.hold_out(0.3, 1).unwrap();
        assert_eq!((known.functions.len(), held.functions.len()), (7, 3));
        assert!(names(&known).iter().all(|name| !names(&held).contains(name)));
        assert_eq!(whole.hold_out(0.3, 1).unwrap(), (known, held.clone()));
        assert!((2..9).any(|seed| whole.hold_out(0.3, seed).unwrap().1 != held));
        assert!(trace(&[(0, 2)]).hold_out(0.3, 1).is_err());
    }

    proptest! {
        #[test]
        fn parts_touch_and_cover_all_slots(slots in 0_usize..10_000, train in 0.0..1.0, validation in 0.0..1.0) {
            let [a, b, c] = ranges(slots, train, validation);
            prop_assert_eq!((a.start, a.end, b.end, c.end), (0, b.start, c.start, slots));
            prop_assert!(b.start <= b.end && c.start <= c.end);
        }
    }
}
