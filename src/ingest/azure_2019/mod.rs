//! Azure Functions 2019: calls per minute, one row a function and day, joined with durations and memory.
//!
//! Tables are recognised by their header and may come in any order. The columns of a day may begin at any minute; the
//! day is the `dNN` of the file's name. A function that is not in a day's file was not called on that day. Source:
//! Shahrad et al., "Serverless in the Wild", ATC 2020; the published schema is `AzureFunctionsDataset2019.md`.

mod invocations;
mod join;
mod names;

use std::collections::BTreeMap;

use crate::error::InputError;
use crate::ingest::options::{Duplicates, Options};
use crate::ingest::report::Report;
use crate::ingest::source::{Source, Surveyed};
use crate::ingest::text::Text;
use crate::trace::{Header, Name, Series};

use invocations::Invocations;
use join::{Durations, Memory};

/// Monday 2019-07-15 00:00 UTC, the start of the first day.
const FIRST_DAY_MS: i64 = 1_563_148_800_000;
const MINUTE_MS: i64 = 60_000;
const MINUTES_A_DAY: i64 = 1440;

/// The three hashes that identify a function: owner, app, function. The first two may be empty.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    owner: String,
    app: String,
    function: String,
}

/// Where a row of invocations stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct At {
    file: usize,
    row: usize,
}

/// The surveyed tables.
#[derive(Debug)]
pub(super) struct Azure2019 {
    days: Vec<Invocations>,
    durations: Durations,
    memory: Memory,
    keys: Vec<Key>,
    rows: Vec<Vec<At>>,
    functions: Vec<Surveyed>,
    grid: Grid,
    duplicates: Duplicates,
    cpu_share: f64,
}

/// The slots of the trace, and which of them any file covers.
#[derive(Debug)]
struct Grid {
    /// Minutes from the first day's start to the first slot.
    first: i64,
    covered: Vec<bool>,
}

impl Grid {
    fn new(days: &[Invocations]) -> Self {
        let minutes = || days.iter().flat_map(|day| day.minutes.iter().map(|(_, minute)| *minute));
        let (first, last) = (minutes().min().unwrap_or(0), minutes().max().unwrap_or(0));
        let mut covered = vec![false; usize::try_from(last - first + 1).unwrap_or(0)];
        for minute in minutes() {
            covered[usize::try_from(minute - first).unwrap_or(0)] = true;
        }
        Self { first, covered }
    }

    fn slot(&self, minute: i64) -> usize {
        usize::try_from(minute - self.first).unwrap_or(0)
    }

    /// Nobody called in a covered slot unless a row says so; of the others nothing is known.
    fn silence(&self) -> Vec<f64> {
        self.covered.iter().map(|covered| if *covered { 0.0 } else { f64::NAN }).collect()
    }
}

/// Whether a header is one of this data set's.
pub(super) fn recognises(header: &[String]) -> bool {
    header.iter().any(|name| name == "HashFunction" || name == "HashApp")
}

impl Azure2019 {
    /// Sorts the tables, joins durations and memory, and surveys the invocations.
    pub(super) fn open(tables: Vec<Text>, options: &Options, report: &mut Report) -> Result<Self, InputError> {
        let mut days = Vec::new();
        let (mut durations, mut memory) = (Durations::default(), Memory::default());
        for table in tables {
            report.rows += table.rows - 1;
            if Durations::is_one(&table) {
                durations.add(&table, report)?;
            } else if Memory::is_one(&table) {
                memory.add(&table, report)?;
            } else {
                days.push(Invocations::new(table)?);
            }
        }
        if days.is_empty() {
            let help = "give a table with HashFunction and a column per minute as well";
            return Err(InputError::new("there are no invocations among the tables", help));
        }
        days.sort_by_key(|day| day.day);
        let mut azure = Self {
            grid: Grid::new(&days),
            days,
            durations,
            memory,
            keys: Vec::new(),
            rows: Vec::new(),
            functions: Vec::new(),
            duplicates: options.duplicates,
            cpu_share: options.cpu_share,
        };
        azure.survey(report)?;
        Ok(azure)
    }

    fn survey(&mut self, report: &mut Report) -> Result<(), InputError> {
        let mut found: BTreeMap<Key, (f64, Vec<At>)> = BTreeMap::new();
        for (file, day) in self.days.iter().enumerate() {
            day.survey(|key, row, total| {
                let entry = found.entry(key).or_default();
                entry.0 += total;
                entry.1.push(At { file, row });
            })?;
        }
        for rows in found.values().map(|(_, rows)| rows) {
            report.fill("second rows of a function joined with the first", self.check_duplicates(rows)?);
        }
        let keys: Vec<Key> = found.keys().cloned().collect();
        let bytes = 8 * self.grid.covered.len();
        for (name, (load, rows)) in names::unique(&keys).into_iter().zip(found.into_values()) {
            self.functions.push(Surveyed { name, load, bytes });
            self.rows.push(rows);
        }
        self.keys = keys;
        self.tell(report);
        Ok(())
    }

    /// Counts the rows that speak of minutes of which an earlier row of the function speaks; or refuses them.
    fn check_duplicates(&self, rows: &[At]) -> Result<usize, InputError> {
        let mut count = 0;
        for (at, second) in rows.iter().enumerate() {
            let overlap = |first: &&At| self.days[first.file].overlaps(&self.days[second.file]);
            let Some(first) = rows[..at].iter().find(overlap) else { continue };
            if self.duplicates == Duplicates::Refuse {
                let (place, _) = self.days[second.file].cell(second.row);
                let (earlier, text) = self.days[first.file].cell(first.row);
                let earlier = earlier.to_string();
                let problem =
                    format!("function {text} has a row for these minutes in {}", earlier.trim_end_matches(": "));
                return Err(InputError::new(problem, "remove one, or say --duplicates sum, first or last")
                    .at(place)
                    .field("HashFunction"));
            }
            count += 1;
        }
        Ok(count)
    }

    fn tell(&self, report: &mut Report) {
        let gaps = self.grid.covered.iter().filter(|covered| !**covered).count();
        report.fill("minutes left empty in each function because no file covers them", gaps);
        if !self.durations.is_empty() {
            let with = self.keys.iter().filter(|key| self.durations.of(key).is_some()).count();
            report.drop("durations whose function has no invocations", self.durations.len().saturating_sub(with));
            let without = self.keys.len() - with;
            report.assume(format!("CPU is calls × mean duration × {}", self.cpu_share));
            if without > 0 {
                report.assume(format!("{without} functions have no durations, so no CPU either"));
            }
        }
        if !self.memory.is_empty() {
            report.assume("a function holds the memory of its whole app, which its functions share");
        }
    }

    fn series(&self, at: usize, requests: Vec<f64>) -> Series {
        let key = &self.keys[at];
        let level = |value: f64| -> Vec<f64> {
            requests.iter().map(|count| if count.is_nan() { f64::NAN } else { value }).collect()
        };
        let duration = self.durations.of(key);
        // calls × ms ÷ 60,000 ms is the mean number of cores busy; in thousandths.
        let cpu = duration.map(|ms| requests.iter().map(|calls| calls * ms * self.cpu_share / 60.0).collect());
        Series {
            function: self.functions[at].name.clone(),
            cpu_millicores: cpu,
            duration_ms: duration.map(level),
            memory_bytes: self.memory.of(key).map(level),
            requests: Some(requests),
            ..Series::default()
        }
    }
}

impl Source for Azure2019 {
    fn header(&self) -> Header {
        Header {
            interval_ms: MINUTE_MS,
            origin_ms: Some(FIRST_DAY_MS + MINUTE_MS * self.grid.first),
            source: "azure-2019".to_owned(),
            licence: Some("CC-BY-4.0".to_owned()),
            tool: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }

    fn columns(&self) -> Vec<Name> {
        let mut columns = vec![Name::Requests];
        if !self.durations.is_empty() {
            columns.push(Name::Cpu);
        }
        if !self.memory.is_empty() {
            columns.push(Name::Memory);
        }
        if !self.durations.is_empty() {
            columns.push(Name::Duration);
        }
        columns
    }

    fn functions(&self) -> &[Surveyed] {
        &self.functions
    }

    fn read(
        &self,
        chosen: &[usize],
        _: &mut Report,
        emit: &mut dyn FnMut(Series) -> Result<(), InputError>,
    ) -> Result<(), InputError> {
        let mut counts: Vec<Vec<f64>> = chosen.iter().map(|_| self.grid.silence()).collect();
        for (file, day) in self.days.iter().enumerate() {
            let mut place = BTreeMap::new();
            for (target, &function) in chosen.iter().enumerate() {
                for (nth, at) in self.rows[function].iter().enumerate().filter(|(_, at)| at.file == file) {
                    let repeated = self.rows[function][..nth].iter().any(|old| self.days[old.file].overlaps(day));
                    place.insert(at.row, (target, repeated));
                }
            }
            let slots: Vec<usize> = day.minutes.iter().map(|(_, minute)| self.grid.slot(*minute)).collect();
            day.read(&place, |target, repeated, minute, value| {
                let count = &mut counts[target][slots[minute]];
                match (repeated, self.duplicates) {
                    (false, _) | (true, Duplicates::Last) => *count = value,
                    (true, Duplicates::Sum) => *count += value,
                    (true, Duplicates::First | Duplicates::Refuse) => {}
                }
            })?;
        }
        chosen.iter().zip(counts).try_for_each(|(&at, requests)| emit(self.series(at, requests)))
    }
}

#[cfg(test)]
mod tests;
