//! Huawei 2023: one wide table per metric and day, a column a function, joined by the metric's folder.
//!
//! `day,time,<id>,<id>,...`, times in seconds since the start of the trace; an empty cell is "no data". Days are missing
//! from the published data, and are gaps here. Source: Joosen et al., "How Does It Function?", `SoCC` 2023, and the
//! repository `sir-lab/data-release`.

mod day;

use std::collections::{BTreeMap, BTreeSet};

use crate::error::{InputError, Place};
use crate::ingest::report::Report;
use crate::ingest::slots::{Irregular, Rows};
use crate::ingest::source::{Source, Surveyed};
use crate::ingest::text::Text;
use crate::trace::{Column, Header, Name, Series};

use day::{Day, METRICS, Metric};

/// A function: whether it is of the public data set, and its id.
type Id = (bool, String);

/// The surveyed files.
#[derive(Debug)]
pub(super) struct Huawei2023 {
    days: Vec<Day>,
    ids: Vec<Id>,
    functions: Vec<Surveyed>,
    step_ms: i64,
    first_ms: i64,
}

/// Whether a header is one of this data set's.
pub(super) fn recognises(header: &[String]) -> bool {
    header.len() > 2 && header.iter().any(|name| name == "day") && header.iter().any(|name| name == "time")
}

impl Huawei2023 {
    /// Sorts the files by metric and surveys them.
    pub(super) fn open(tables: Vec<Text>, report: &mut Report) -> Result<Self, InputError> {
        let mut days = Vec::new();
        for table in tables {
            report.rows += table.rows - 1;
            match Day::new(table)? {
                Some(day) => days.push(day),
                None => report.drop("files of platform_delay and cpu_limit, of which a trace has no use", 1),
            }
        }
        let has = |metric| days.iter().any(|day: &Day| day.metric == metric);
        let cpu = has(Metric::CpuUsage) && has(Metric::Instances);
        if !(has(Metric::Requests) || cpu) {
            let help = "add the files of requests_minute, or of cpu_usage_minute and instances_minute";
            return Err(InputError::new("the files have neither requests nor CPU", help));
        }
        if has(Metric::CpuUsage) {
            report.assume(if has(Metric::Instances) {
                "cpu_usage is in cores, a mean over pods: CPU is cpu_usage × instances"
            } else {
                "cpu_usage is a mean over pods; without instances_minute there is no CPU of the function"
            });
        }
        if has(Metric::MemoryUsage) {
            report.assume(if has(Metric::MemoryLimit) {
                "memory_usage is a share: memory is memory_usage × memory_limit"
            } else {
                "memory_usage is a share; without memory_limit_minute there is no memory"
            });
        }
        if has(Metric::FunctionDelay) {
            report.assume("function_delay is in seconds");
        }
        let mut huawei = Self { days, ids: Vec::new(), functions: Vec::new(), step_ms: 0, first_ms: 0 };
        huawei.survey(report)?;
        Ok(huawei)
    }

    fn survey(&mut self, report: &mut Report) -> Result<(), InputError> {
        let mut loads: BTreeMap<Id, (f64, usize)> = BTreeMap::new();
        let mut times = BTreeSet::new();
        let mut step = BTreeMap::new();
        for day in &self.days {
            let (ids, columns): (Vec<_>, Vec<_>) = day.columns.iter().unzip();
            let columns: Vec<usize> = std::iter::once(day.time).chain(columns).collect();
            let mut sums = vec![(0.0, 0_usize); ids.len()];
            let mut last = None;
            day.read(&columns, |time, values| {
                times.insert(time);
                if let Some(last) = last {
                    *step.entry(time - last).or_insert(0_usize) += 1;
                }
                last = Some(time);
                for ((sum, count), value) in sums.iter_mut().zip(values).filter(|(_, value)| !value.is_nan()) {
                    *sum += value;
                    *count += 1;
                }
            })?;
            for (id, (sum, count)) in ids.into_iter().zip(sums).filter(|(_, (_, count))| *count > 0) {
                let entry = loads.entry((day.public, id.clone())).or_default();
                entry.0 += if day.metric == Metric::Requests { sum } else { 0.0 };
                entry.1 += count;
            }
        }
        let most = step.into_iter().filter(|(step, _)| *step > 0).max_by_key(|(step, count)| (*count, -*step));
        self.step_ms = most.map_or(60_000, |(step, _)| step);
        self.first_ms = times.first().copied().unwrap_or(0);
        let all: BTreeSet<_> = self.days.iter().flat_map(|day| day.columns.keys().map(|id| (day.public, id))).collect();
        report.drop("functions without any value", all.len() - loads.len());
        let prefixed = loads.keys().any(|(public, _)| *public) && loads.keys().any(|(public, _)| !public);
        let name = |(public, id): &Id| match (prefixed, public) {
            (true, true) => format!("public-{id}"),
            (true, false) => format!("private-{id}"),
            (false, _) => id.clone(),
        };
        for (id, (load, count)) in loads {
            self.functions.push(Surveyed { name: name(&id), load, bytes: 24 * count });
            self.ids.push(id);
        }
        Ok(())
    }

    /// The rows of one metric of the chosen functions.
    fn metric(&self, metric: Metric, chosen: &[usize]) -> Result<Vec<Rows>, InputError> {
        let mut rows: Vec<Rows> = chosen.iter().map(|_| Rows::new(1)).collect();
        for day in self.days.iter().filter(|day| day.metric == metric) {
            let here = |(place, &at): (usize, &usize)| {
                let (public, id) = &self.ids[at];
                let column = day.columns.get(id).filter(|_| *public == day.public)?;
                Some((place, *column))
            };
            let (places, columns): (Vec<usize>, Vec<usize>) = chosen.iter().enumerate().filter_map(here).unzip();
            if places.is_empty() {
                continue;
            }
            let columns: Vec<usize> = std::iter::once(day.time).chain(columns).collect();
            day.read(&columns, |time, values| {
                for (place, value) in places.iter().zip(values).filter(|(_, value)| !value.is_nan()) {
                    rows[*place].push(time, self.step_ms, std::iter::once(*value));
                }
            })?;
        }
        Ok(rows)
    }

    fn series(&self, at: usize, metrics: &BTreeMap<Metric, (i64, Column)>) -> Option<Series> {
        let start = metrics.values().map(|(start, _)| *start).min()?;
        let slot = |time: i64| usize::try_from((time - start) / self.step_ms).unwrap_or(0);
        let length = metrics.values().map(|(start, values)| slot(*start) + values.len()).max()?;
        let whole = |metric: Metric| {
            let (from, values) = metrics.get(&metric)?;
            let mut column = vec![f64::NAN; length];
            column[slot(*from)..][..values.len()].copy_from_slice(values);
            Some(column)
        };
        let product = |a: Metric, b: Metric, factor: f64| {
            Some(whole(a)?.iter().zip(whole(b)?).map(|(a, b)| a * b * factor).collect())
        };
        let series = Series {
            function: self.functions[at].name.clone(),
            start_ms: start - self.first_ms,
            requests: whole(Metric::Requests),
            cpu_millicores: product(Metric::CpuUsage, Metric::Instances, 1000.0),
            memory_bytes: product(Metric::MemoryUsage, Metric::MemoryLimit, 1e6),
            duration_ms: whole(Metric::FunctionDelay).map(|delay| delay.iter().map(|s| s * 1000.0).collect()),
            replicas: whole(Metric::Instances),
            ..Series::default()
        };
        series.load().is_some().then_some(series)
    }

    fn refuse(&self, at: usize, irregular: Irregular) -> InputError {
        let name = &self.functions[at].name;
        let seconds = |ms: i64| ms as f64 / 1000.0;
        let (problem, help) = match irregular {
            Irregular::Twice(ms) => {
                (format!("two rows of function {name} have time {} s", seconds(ms)), "give each day's file once")
            }
            Irregular::Between(ms) => (
                format!("time {} s of function {name} is not a multiple of {} s", seconds(ms), seconds(self.step_ms)),
                "give files of one granularity, minute or second",
            ),
            Irregular::TooLong(..) => (format!("the times of function {name} lie too far apart"), "check the times"),
        };
        InputError::new(problem, help).at(Place::file(&self.days[0].table.path))
    }
}

impl Source for Huawei2023 {
    fn header(&self) -> Header {
        Header {
            interval_ms: self.step_ms,
            // The publisher gives no date.
            origin_ms: None,
            source: "huawei-2023".to_owned(),
            licence: Some("CC-BY-4.0".to_owned()),
            tool: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }

    fn columns(&self) -> Vec<Name> {
        let has = |metric| self.days.iter().any(|day| day.metric == metric);
        let mut columns = Vec::new();
        let mut add = |there: bool, name| columns.extend(there.then_some(name));
        add(has(Metric::Requests), Name::Requests);
        add(has(Metric::CpuUsage) && has(Metric::Instances), Name::Cpu);
        add(has(Metric::MemoryUsage) && has(Metric::MemoryLimit), Name::Memory);
        add(has(Metric::FunctionDelay), Name::Duration);
        add(has(Metric::Instances), Name::Replicas);
        columns
    }

    fn functions(&self) -> &[Surveyed] {
        &self.functions
    }

    fn read(
        &self,
        chosen: &[usize],
        report: &mut Report,
        emit: &mut dyn FnMut(Series) -> Result<(), InputError>,
    ) -> Result<(), InputError> {
        let mut metrics: Vec<BTreeMap<Metric, (i64, Column)>> = chosen.iter().map(|_| BTreeMap::new()).collect();
        for (_, metric) in METRICS {
            for (place, rows) in self.metric(metric, chosen)?.into_iter().enumerate() {
                let laid = rows.into_columns(self.step_ms).map_err(|fault| self.refuse(chosen[place], fault))?;
                if let (start, Some(values)) = (laid.0, laid.1.into_iter().next().filter(|values| !values.is_empty())) {
                    metrics[place].insert(metric, (start, values));
                }
            }
        }
        for (&at, metrics) in chosen.iter().zip(&metrics) {
            match self.series(at, metrics) {
                Some(series) => {
                    let gaps = series.load().map_or(0, |(_, values)| values.iter().filter(|v| v.is_nan()).count());
                    report.fill("slots left empty because no file has a value for them", gaps);
                    emit(series)?;
                }
                None => report.drop("functions with neither requests nor CPU", 1),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
