//! The first pass over a general input: functions, their load, and how far apart their rows are.

use std::collections::BTreeMap;

use super::rows::At;

/// What the survey knows of a function.
#[derive(Debug, Default)]
pub(super) struct Function {
    pub rows: usize,
    pub load: f64,
    last: Option<i64>,
}

/// What the survey knows of all.
#[derive(Debug, Default)]
pub(super) struct Survey {
    pub functions: BTreeMap<String, Function>,
    pub earliest: Option<i64>,
    pub latest: Option<i64>,
    /// Differences between a row and the one before it of the same function: how often, and where first.
    steps: BTreeMap<i64, (usize, At)>,
    /// Greatest common divisor of all differences, those that were not kept included.
    divisor: i64,
}

/// Differences that are kept: the most frequent one is among the first in any table worth its name.
const KEPT_STEPS: usize = 10_000;

impl Survey {
    pub(super) fn add(&mut self, function: &str, time: i64, load: f64, at: At) {
        self.earliest = Some(self.earliest.map_or(time, |earliest| earliest.min(time)));
        self.latest = Some(self.latest.map_or(time, |latest| latest.max(time)));
        if !self.functions.contains_key(function) {
            self.functions.insert(function.to_owned(), Function::default());
        }
        let Some(entry) = self.functions.get_mut(function) else { return };
        entry.rows += 1;
        entry.load += if load.is_nan() { 0.0 } else { load };
        let before = entry.last.replace(time);
        let step = before.map_or(0, |before| time.saturating_sub(before).saturating_abs());
        if step > 0 {
            self.divisor = gcd(self.divisor, step);
            let full = self.steps.len() >= KEPT_STEPS;
            match self.steps.get_mut(&step) {
                Some((count, _)) => *count += 1,
                None if full => {}
                None => drop(self.steps.insert(step, (1, at))),
            }
        }
    }

    /// The most frequent difference between rows, the shorter of two: what the source's interval is.
    pub(super) fn step(&self) -> Option<i64> {
        let best = self.steps.iter().max_by(|(a, (n, _)), (b, (m, _))| n.cmp(m).then_with(|| b.cmp(a)));
        best.map(|(step, _)| *step)
    }

    /// Whether all differences are multiples of `step`.
    pub(super) fn is_regular(&self, step: i64) -> bool {
        self.divisor % step == 0
    }

    /// A row that is no multiple of `step` after the one before it: how long after, and where.
    pub(super) fn irregular(&self, step: i64) -> Option<(i64, At)> {
        self.steps.iter().find(|(found, _)| *found % step != 0).map(|(found, (_, at))| (*found, *at))
    }
}

fn gcd(a: i64, b: i64) -> i64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_step_is_the_most_frequent_difference_and_gaps_are_multiples_of_it() {
        let mut survey = Survey::default();
        for (row, time) in [0, 60, 120, 300, 360].into_iter().enumerate() {
            survey.add("a", time, 1.0, (0, row as u32));
            survey.add("b", time + 7, f64::NAN, (1, row as u32));
        }
        assert_eq!((survey.step(), survey.is_regular(60)), (Some(60), true));
        assert_eq!(survey.functions["a"].rows, 5);
        survey.add("a", 401, 1.0, (0, 5));
        assert!(!survey.is_regular(60));
        assert_eq!(survey.irregular(60), Some((41, (0, 5))));
    }
}
