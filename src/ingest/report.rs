//! What an ingest read, wrote, filled and dropped, and why.

use std::collections::BTreeMap;

use serde::Serialize;

/// The report of one ingest.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Report {
    /// The format that was read.
    pub format: String,
    /// Files read.
    pub files: usize,
    /// Rows read, headers not counted.
    pub rows: usize,
    /// Functions found.
    pub functions_found: usize,
    /// Functions written.
    pub functions: usize,
    /// Slots written.
    pub slots: usize,
    /// Length of a slot, in milliseconds.
    pub interval_ms: i64,
    /// Wall-clock time of the trace's start, when the source says it.
    pub origin: Option<String>,
    /// Columns written.
    pub columns: Vec<String>,
    /// Requests written, where the source has any.
    pub requests: Option<f64>,
    /// CPU written, in core-hours, where the source has any.
    pub core_hours: Option<f64>,
    /// What was filled in, and how often.
    pub filled: BTreeMap<String, usize>,
    /// What was left out, and how often.
    pub dropped: BTreeMap<String, usize>,
    /// What was taken for granted.
    pub assumed: Vec<String>,
}

impl Report {
    /// Counts something filled in.
    pub(super) fn fill(&mut self, what: &str, count: usize) {
        add(&mut self.filled, what, count);
    }

    /// Counts something left out.
    pub(super) fn drop(&mut self, what: &str, count: usize) {
        add(&mut self.dropped, what, count);
    }

    /// States an assumption, once.
    pub(super) fn assume(&mut self, what: impl Into<String>) {
        let what = what.into();
        if !self.assumed.contains(&what) {
            self.assumed.push(what);
        }
    }

    /// The report in lines, for people.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let several = |count: usize, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
        let mut lines = vec![
            format!(
                "read     {} of {}: {}, {}",
                several(self.files, "file"),
                self.format,
                several(self.rows, "row"),
                several(self.functions_found, "function")
            ),
            format!(
                "written  {}, {} of {}{}",
                several(self.functions, "function"),
                several(self.slots, "slot"),
                crate::units::friendly(std::time::Duration::from_millis(self.interval_ms.unsigned_abs())),
                self.origin.as_ref().map(|origin| format!(" from {origin}")).unwrap_or_default()
            ),
            format!("columns  {}", self.columns.join(", ")),
        ];
        let requests = self.requests.map(|requests| format!("{requests} requests"));
        let cpu = self.core_hours.map(|hours| format!("{hours:.3} core-hours"));
        let totals: Vec<_> = [requests, cpu].into_iter().flatten().collect();
        lines.push(format!("total    {}", totals.join(", ")));
        lines.extend(self.filled.iter().map(|(what, count)| format!("filled   {count} {what}")));
        lines.extend(self.dropped.iter().map(|(what, count)| format!("dropped  {count} {what}")));
        lines.extend(self.assumed.iter().map(|what| format!("assumed  {what}")));
        lines
    }
}

fn add(counts: &mut BTreeMap<String, usize>, what: &str, count: usize) {
    if count > 0 {
        *counts.entry(what.to_owned()).or_default() += count;
    }
}
