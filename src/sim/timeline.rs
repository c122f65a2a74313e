//! One row a sync, with what happened since the row before.

use super::outcome::{TimelineRow, Totals};

/// Rows so far, and where the last one stood.
#[derive(Debug, Clone, Default)]
pub(super) struct Timeline {
    rows: Vec<TimelineRow>,
    since: f64,
    totals: Totals,
    latency_sum: f64,
}

impl Timeline {
    /// Adds a row at `since` seconds from the start of the run, filling in rates and means since the last row.
    pub(super) fn note(&mut self, row: TimelineRow, since: f64, totals: &Totals, latency_sum: f64) {
        let share = |part: f64, whole: f64| if whole > 0.0 { part / whole } else { 0.0 };
        let offered = totals.offered - self.totals.offered;
        let completed = totals.completed - self.totals.completed;
        let left = completed + totals.dropped - self.totals.dropped;
        self.rows.push(TimelineRow {
            requests_per_s: share(offered, since - self.since),
            violation_rate: share(totals.violations() - self.totals.violations(), left).clamp(0.0, 1.0),
            latency_ms: 1e3 * share(latency_sum - self.latency_sum, completed),
            ..row
        });
        (self.since, self.totals, self.latency_sum) = (since, *totals, latency_sum);
    }

    pub(super) fn into_rows(self) -> Vec<TimelineRow> {
        self.rows
    }
}
