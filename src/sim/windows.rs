//! Violations by time: whether the objective held between one scrape of the metrics and the next.

use super::outcome::{SloResult, Totals};

/// Running sums over windows; those of several runs add up.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Windows {
    seconds: f64,
    violated_s: f64,
    longest_s: f64,
    /// The violation that lasts, in seconds; 0 when none does.
    run_s: f64,
    /// Requests that had left, and that had violated the objective, at the last scrape, and when that was.
    last: (f64, f64, f64),
}

impl Windows {
    /// Windows from `now` on, in seconds.
    pub(super) fn new(now: f64) -> Self {
        Self { last: (0.0, 0.0, now), ..Self::default() }
    }

    /// Ends a window at `now` seconds. It is violated when, of the requests that left in it, a share above `allowed` was
    /// late or lost; a window that none left is like the one before.
    pub(super) fn end(&mut self, now: f64, totals: &Totals, allowed: f64) {
        let (left, violations) = (totals.completed + totals.dropped, totals.violations());
        let (had_left, had_violated, since) = self.last;
        let (gone, span) = (left - had_left, now - since);
        let violated = if gone > 0.0 { violations - had_violated > allowed * gone } else { self.run_s > 0.0 };
        self.seconds += span;
        self.run_s = if violated { self.run_s + span } else { 0.0 };
        self.violated_s += if violated { span } else { 0.0 };
        self.longest_s = self.longest_s.max(self.run_s);
        self.last = (left, violations, now);
    }

    /// Adds the sums of another run.
    pub(super) fn merge(&mut self, other: &Self) {
        self.seconds += other.seconds;
        self.violated_s += other.violated_s;
        self.longest_s = self.longest_s.max(other.longest_s);
    }

    /// The figures, beside a rate that was decided.
    pub(super) fn result(&self, violation_rate: f64, allowed: f64) -> SloResult {
        SloResult {
            violation_rate,
            met: violation_rate <= allowed,
            time_violation_rate: if self.seconds > 0.0 { self.violated_s / self.seconds } else { 0.0 },
            longest_violation_s: self.longest_s,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_violated_by_their_own_requests() {
        let mut windows = Windows::new(100.0);
        let mut totals = Totals::default();
        // Requests that leave in each window of 10 s, and how many of them are late; one in ten is allowed.
        let each = [(10.0, 1.0), (10.0, 2.0), (0.0, 0.0), (10.0, 5.0), (10.0, 0.0), (0.0, 0.0), (1.0, 1.0)];
        for (at, (left, late)) in each.into_iter().enumerate() {
            totals.completed += left;
            totals.late += late;
            windows.end(110.0 + 10.0 * at as f64, &totals, 0.1);
        }
        let found = windows.result(9.0 / 41.0, 0.1);
        assert!((found.time_violation_rate - 4.0 / 7.0).abs() < 1e-12, "the second to fourth and the last: {found:?}");
        assert!((found.longest_violation_s - 30.0).abs() < 1e-12, "{found:?}");
        assert!(!found.met);
        let mut both = windows;
        both.merge(&Windows { seconds: 70.0, ..Windows::new(0.0) });
        assert!((both.result(0.0, 0.1).time_violation_rate - 2.0 / 7.0).abs() < 1e-12);
    }
}
