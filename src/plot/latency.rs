//! Response times of several policies: a row each, from the median to the 99.9th percentile.

use super::axis::{Axis, number};
use super::legend::{self, Sample};
use super::palette::{INK, QUIET, VERMILLION, look};
use super::panel::{self, Panel, SMALL};
use super::scene::{Align, Mark, Scene, Stroke, Type};
use super::{axis, font};
use crate::sim::outcome::Latency;

/// A picture of response times. `limit_ms` is the objective's latency, when it names one.
#[must_use]
pub fn latency(title: &str, rows: &[(String, Latency)], limit_ms: Option<f64>) -> Scene {
    const ROW: f64 = 54.0;
    let names = rows.iter().map(|(name, _)| font::width(name, SMALL)).fold(60.0, f64::max).min(360.0);
    let height = (190.0 + ROW * rows.len().max(1) as f64).min(4000.0);
    let mut scene = Scene::new(1200, height as u32);
    let left = names + 40.0;
    panel::title(&mut scene, 28.0, title, "response time of served requests");
    let values = rows.iter().flat_map(|(_, l)| [l.p50, l.p90, l.p99, l.p999]).chain(limit_ms);
    let x = Axis::log(values.filter(|value| value.is_finite()), "milliseconds");
    let y = Axis { ticks: Vec::new(), ..Axis::linear(0.0, 1.0, "") };
    let panel = Panel { left, top: 104.0, right: 1172.0, bottom: height - 66.0, x, y };
    panel.frame(&mut scene, true);
    let limit = Stroke { color: VERMILLION, width: 1.6, dash: &[8.0, 4.0] };
    if let Some(at) = limit_ms.filter(|limit| *limit > 0.0).map(|limit| panel.at_x(limit)) {
        scene.line(vec![(at, panel.top), (at, panel.bottom)], limit);
    }
    for (index, (name, latency)) in rows.iter().enumerate() {
        let share = (index as f64 + 0.5) / rows.len() as f64;
        row(&mut scene, &panel, panel.top + share * (panel.bottom - panel.top), (name, latency, index));
    }
    let mut entries: Vec<(Sample, String)> =
        MARKS.iter().map(|&(mark, _, name)| (Sample::Mark(mark, QUIET), name.to_owned())).collect();
    entries.extend(limit_ms.map(|at| (Sample::Line(limit), format!("SLO: {} ms", axis::short(at)))));
    legend::row(&mut scene, &panel, &entries);
    scene
}

type Pick = fn(&Latency) -> f64;

const MARKS: [(Mark, Pick, &str); 4] = [
    (Mark::Disc, |latency| latency.p50, "median"),
    (Mark::Square, |latency| latency.p90, "90 %"),
    (Mark::Diamond, |latency| latency.p99, "99 %"),
    (Mark::Triangle, |latency| latency.p999, "99.9 %"),
];

fn row(scene: &mut Scene, panel: &Panel, y: f64, (name, latency, index): (&str, &Latency, usize)) {
    let color = look(index).color;
    let style = Type { size: SMALL, color: INK, align: Align::Right, turned: false };
    scene.text((panel.left - 12.0, y), name, style);
    let known: Vec<_> =
        MARKS.iter().map(|&(mark, pick, _)| (mark, pick(latency))).filter(|(_, ms)| *ms > 0.0).collect();
    let line = known.iter().map(|&(_, ms)| (panel.at_x(ms), y)).collect();
    scene.line(line, Stroke::solid(color, 2.4));
    for &(mark, ms) in &known {
        scene.mark((panel.at_x(ms), y), mark, 13.0, color);
    }
    for &(_, ms) in known.iter().filter(|(mark, _)| *mark == Mark::Diamond) {
        let text = if ms < 10.0 { axis::short(ms) } else { number(ms.round(), 1.0) };
        scene.text((panel.at_x(ms), y - 16.0), text, Type { align: Align::Center, size: SMALL - 1.0, ..style });
    }
}
