//! What a trace is like: the load of its largest functions over time, and by the hour of the day.

use super::axis::Axis;
use super::legend::{self, Sample};
use super::palette::{CLOUD, look};
use super::panel::{self, Panel};
use super::scene::{Point, Scene, Stroke};
use crate::trace::{Kind, Name, Series, Trace};

const LEFT: f64 = 96.0;
const RIGHT: f64 = 1172.0;
const HOUR_MS: i64 = 3_600_000;

/// Functions that get a line of their own.
const SHOWN: usize = 4;

/// A picture of a trace. Load is requests per second, or cores for a trace without requests.
#[must_use]
pub fn overview(title: &str, trace: &Trace) -> Scene {
    let mut scene = Scene::new(1200, 800);
    let measure = Measure::of(trace);
    let mut functions: Vec<Load> = trace.functions.iter().filter_map(|series| measure.load(series, trace)).collect();
    functions.sort_by(|a, b| b.total().total_cmp(&a.total()).then_with(|| a.name.cmp(&b.name)));
    let span = crate::units::friendly(trace.duration());
    let count = match functions.len() {
        1 => "1 function".to_owned(),
        count => format!("{count} functions"),
    };
    let source = &trace.header.source;
    panel::title(&mut scene, LEFT, title, &format!("{count} over {span}, from {source}"));
    over_time(&mut scene, &functions, measure);
    by_hour(&mut scene, &functions, trace.header.origin_ms);
    scene
}

/// What load is counted in.
#[derive(Clone, Copy)]
struct Measure {
    column: Name,
    label: &'static str,
}

impl Measure {
    fn of(trace: &Trace) -> Self {
        let requests = trace.functions.iter().any(|series| series.requests.is_some());
        if requests {
            Self { column: Name::Requests, label: "requests per second" }
        } else {
            Self { column: Name::Cpu, label: "cores in use" }
        }
    }

    fn load(self, series: &Series, trace: &Trace) -> Option<Load> {
        let interval = trace.header.interval_ms;
        let scale = if self.column.kind() == Kind::Count { 1000.0 / interval as f64 } else { 1e-3 };
        let values = series.column(self.column)?.iter().map(|value| value * scale).collect();
        Some(Load { name: series.function.clone(), start: series.start_ms, interval, values })
    }
}

/// The load of a function in each slot.
struct Load {
    name: String,
    start: i64,
    interval: i64,
    values: Vec<f64>,
}

impl Load {
    fn at(&self, slot: usize) -> i64 {
        self.start + self.interval * slot as i64
    }

    fn total(&self) -> f64 {
        self.values.iter().filter(|value| value.is_finite()).sum()
    }

    fn points(&self) -> Vec<Point> {
        self.values.iter().enumerate().map(|(slot, &value)| (self.at(slot) as f64 / 1000.0, value)).collect()
    }

    /// Mean of each hour of the day over the mean of all; NaN for hours without a value.
    fn profile(&self, origin_ms: i64) -> Vec<f64> {
        let (mut sums, mut counts) = ([0.0; 24], [0.0; 24]);
        for (slot, value) in self.values.iter().enumerate().filter(|(_, value)| value.is_finite()) {
            let hour = (origin_ms + self.at(slot)).div_euclid(HOUR_MS).rem_euclid(24) as usize;
            sums[hour] += value;
            counts[hour] += 1.0;
        }
        let mean = sums.iter().sum::<f64>() / counts.iter().sum::<f64>();
        sums.iter().zip(counts).map(|(sum, count)| sum / count / mean).collect()
    }
}

/// The sum of all functions in each slot.
fn everything(functions: &[Load]) -> Option<Load> {
    let interval = functions.first()?.interval;
    let start = functions.iter().map(|load| load.start).min()?;
    let end = functions.iter().map(|load| load.at(load.values.len())).max()?;
    let mut values = vec![f64::NAN; usize::try_from((end - start) / interval).ok()?];
    for load in functions {
        let offset = usize::try_from((load.start - start) / interval).ok()?;
        for (sum, value) in values[offset..].iter_mut().zip(&load.values).filter(|(_, value)| value.is_finite()) {
            *sum = if sum.is_nan() { *value } else { *sum + value };
        }
    }
    Some(Load { name: "all functions".to_owned(), start, interval, values })
}

fn over_time(scene: &mut Scene, functions: &[Load], measure: Measure) {
    let whole = everything(functions).filter(|_| functions.len() > 1);
    let drawn: Vec<&Load> = whole.iter().chain(functions.iter().take(SHOWN)).collect();
    let ends = drawn.iter().flat_map(|load| [load.at(0), load.at(load.values.len())]);
    let (start, end) = ends.fold((i64::MAX, i64::MIN), |(low, high), at| (low.min(at), high.max(at)));
    let (start, end) = if start > end { (0, HOUR_MS) } else { (start, end) };
    let x = Axis::time(start as f64 / 1000.0, end as f64 / 1000.0, "time since the trace began");
    let y = Axis::from_zero(drawn.iter().flat_map(|load| load.values.iter().copied()), measure.label);
    let panel = Panel { left: LEFT, top: 104.0, right: RIGHT, bottom: 424.0, x, y };
    panel.frame(scene, true);
    let mut entries = Vec::new();
    if let Some(whole) = &whole {
        panel.area(scene, &closed(whole), CLOUD.pale(0.6));
        entries.push((Sample::Fill(CLOUD.pale(0.6)), format!("all {}", functions.len())));
    }
    for (index, load) in functions.iter().take(SHOWN).enumerate() {
        let stroke = look(index).stroke(1.6);
        panel.line(scene, &load.points(), stroke);
        entries.push((Sample::Line(stroke), shortened(&load.name)));
    }
    legend::row(scene, &panel, &entries);
}

/// The points of a load, with the end of its last slot.
fn closed(load: &Load) -> Vec<Point> {
    let mut points = load.points();
    if let Some(&(_, value)) = points.last() {
        points.push((load.at(load.values.len()) as f64 / 1000.0, value));
    }
    points
}

fn by_hour(scene: &mut Scene, functions: &[Load], origin_ms: Option<i64>) {
    let origin = origin_ms.unwrap_or(0);
    let whole = everything(functions).filter(|_| functions.len() > 1).map(|load| load.profile(origin));
    let profiles: Vec<Vec<f64>> = functions.iter().take(SHOWN).map(|load| load.profile(origin)).collect();
    let all = profiles.iter().chain(&whole).flatten().copied();
    let y = Axis::from_zero(all.chain([1.0]), "load / its mean");
    let label =
        if origin_ms.is_some() { "hour of the day (UTC)" } else { "hour of the day, counted from the trace's start" };
    let mut x = Axis::span(0.0, 24.0, label);
    x.ticks =
        (0..=8).map(|tick| super::axis::Tick { value: 3.0 * f64::from(tick), label: (3 * tick).to_string() }).collect();
    let panel = Panel { left: LEFT, top: 512.0, right: RIGHT, bottom: 736.0, x, y };
    panel.frame(scene, true);
    panel.level(scene, 1.0, Stroke { color: CLOUD, width: 1.2, dash: &[7.0, 4.0] });
    let steps = |profile: &[f64]| -> Vec<Point> {
        let hours = profile.iter().enumerate().map(|(hour, &value)| (hour as f64, value));
        hours.chain(profile.last().map(|&last| (24.0, last))).collect()
    };
    if let Some(whole) = &whole {
        panel.area(scene, &steps(whole), CLOUD.pale(0.6));
    }
    for (index, profile) in profiles.iter().enumerate() {
        panel.steps(scene, &steps(profile), look(index).stroke(1.8));
    }
}

/// A name of at most 16 characters; hashes and paths differ at both ends.
fn shortened(name: &str) -> String {
    let letters: Vec<char> = name.chars().collect();
    if letters.len() <= 16 {
        return name.to_owned();
    }
    let part = |range: std::ops::Range<usize>| letters[range].iter().collect::<String>();
    format!("{}…{}", part(0..9), part(letters.len() - 6..letters.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_profile_is_the_mean_of_each_hour_over_the_mean() {
        let values: Vec<f64> = (0..48).map(|hour| if hour % 24 == 6 { 3.0 } else { 1.0 }).collect();
        let load = Load { name: String::new(), start: 0, interval: HOUR_MS, values };
        let profile = load.profile(2 * HOUR_MS);
        let mean = 26.0 / 24.0;
        assert!((profile[8] - 3.0 / mean).abs() < 1e-12, "6 h after an origin at 02:00");
        assert!((profile[6] - 1.0 / mean).abs() < 1e-12);
    }

    #[test]
    fn functions_that_begin_later_are_added_where_they_are() {
        let load = |start, values: &[f64]| Load { name: String::new(), start, interval: 10, values: values.to_vec() };
        let whole = everything(&[load(0, &[1.0, f64::NAN]), load(20, &[5.0]), load(0, &[1.0, f64::NAN, 1.0])]).unwrap();
        assert_eq!(whole.values.first(), Some(&2.0));
        assert!(whole.values[1].is_nan(), "recorded by nobody");
        assert_eq!(whole.values.last(), Some(&6.0));
    }

    #[test]
    fn long_names_keep_both_ends() {
        assert_eq!(shortened("checkout"), "checkout");
        assert_eq!(shortened("0123456789abcdef0123456789abcdef"), "012345678…abcdef");
    }
}
