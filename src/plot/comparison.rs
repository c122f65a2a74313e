//! Policies by cost and violation rate: the further down and left, the better.

use super::axis::{Axis, extent};
use super::labels::{self, Block};
use super::legend::{self, Sample};
use super::palette::{FRAME, INK, Look, QUIET, VERMILLION, look};
use super::panel::{self, Panel};
use super::scene::{Mark, Point, Scene, Stroke};
use crate::eval::stats::front;

/// A mean and its confidence interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// The mean.
    pub mean: f64,
    /// Lower end; NaN when there is none.
    pub lower: f64,
    /// Upper end.
    pub upper: f64,
}

/// One policy.
#[derive(Debug, Clone, PartialEq)]
pub struct Contestant {
    /// Its name.
    pub name: String,
    /// What it cost.
    pub cost: Estimate,
    /// Share of requests late or lost, 0 to 1.
    pub violations: Estimate,
    /// Whether it knows the future, which keeps it off the front.
    pub foresees: bool,
}

/// A comparison.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Comparison {
    /// Above the picture.
    pub title: String,
    /// Below the title, quieter.
    pub subtitle: String,
    /// What cost is measured in, such as `cost, pod-hours`.
    pub cost_label: String,
    /// The policies.
    pub contestants: Vec<Contestant>,
    /// Cost and violation rate of other configurations, drawn in grey.
    pub tried: Vec<(f64, f64)>,
    /// What those are.
    pub tried_label: String,
    /// The share of requests that may be late or lost, 0 to 1, when there is an objective.
    pub allowed: Option<f64>,
}

const LEFT: f64 = 96.0;

/// A picture of a comparison. Cost and violation rate both take a logarithmic axis when they are spread.
#[must_use]
pub fn comparison(data: &Comparison) -> Scene {
    let mut scene = Scene::new(1200, 800);
    panel::title(&mut scene, LEFT, &data.title, &data.subtitle);
    let panel =
        Panel { left: LEFT, top: 104.0, right: 1172.0, bottom: 730.0, x: cost_axis(data), y: violation_axis(data) };
    panel.frame(&mut scene, true);
    let tried: Vec<Point> = data.tried.iter().map(|&(cost, rate)| (cost, 100.0 * rate)).collect();
    for &(cost, rate) in tried.iter().filter(|point| point.0.is_finite() && point.1.is_finite()) {
        scene.mark(panel.at(cost, rate), Mark::Disc, 7.0, FRAME);
    }
    let front = corners(&panel, &front(data, &tried));
    let front_stroke = Stroke { color: QUIET, width: 1.4, dash: &[2.0, 3.0] };
    let objective = Stroke { color: VERMILLION, width: 1.6, dash: &[8.0, 4.0] };
    let mut taken: Vec<Block> = labels::along(&front).collect();
    scene.line(front.clone(), front_stroke);
    if let Some(allowed) = data.allowed {
        panel.level(&mut scene, 100.0 * allowed, objective);
        taken.extend(labels::along(&[panel.at(panel.x.low, 100.0 * allowed), panel.at(panel.x.high, 100.0 * allowed)]));
    }
    for (index, contestant) in shown(data).enumerate() {
        for bar in bars(&panel, contestant) {
            taken.extend(labels::along(&bar));
            scene.line(bar, Stroke::solid(look(index).color, 1.6));
        }
    }
    for (index, contestant) in shown(data).enumerate() {
        let Look { mark, color, .. } = look(index);
        panel.mark(&mut scene, spot(contestant), mark, 13.0, color);
    }
    let names: Vec<(Point, &str)> = shown(data)
        .map(|one| {
            let (cost, rate) = spot(one);
            (panel.at(cost, rate), one.name.as_str())
        })
        .collect();
    labels::place(&mut scene, &panel, &names, taken);
    legend::row(&mut scene, &panel, &entries(data, !front.is_empty(), front_stroke, objective));
    scene
}

fn entries(data: &Comparison, front: bool, front_stroke: Stroke, objective: Stroke) -> Vec<(Sample, String)> {
    let mut entries = Vec::new();
    if !data.tried.is_empty() {
        entries.push((Sample::Mark(Mark::Disc, FRAME), data.tried_label.clone()));
    }
    if front {
        let best = if data.contestants.iter().any(|one| one.foresees) {
            "none without foresight is better in both"
        } else {
            "none is better in both"
        };
        entries.push((Sample::Line(front_stroke), best.to_owned()));
    }
    if let Some(allowed) = data.allowed {
        let share = super::axis::short(100.0 * allowed);
        entries.push((Sample::Line(objective), format!("SLO: {share} % late or lost")));
    }
    if data.contestants.iter().any(|one| one.cost.lower.is_finite()) {
        entries.push((Sample::Line(Stroke::solid(INK, 1.4)), "95 % interval".to_owned()));
    }
    entries
}

/// Contestants that have a place.
fn shown(data: &Comparison) -> impl Iterator<Item = &Contestant> {
    data.contestants.iter().filter(|one| one.cost.mean.is_finite() && one.violations.mean.is_finite())
}

/// Cost, and violations in percent.
fn spot(one: &Contestant) -> Point {
    (one.cost.mean, 100.0 * one.violations.mean)
}

fn costs(data: &Comparison) -> Vec<f64> {
    let bars = shown(data).flat_map(|one| [one.cost.mean, one.cost.lower, one.cost.upper]);
    bars.chain(data.tried.iter().map(|tried| tried.0)).filter(|cost| cost.is_finite()).collect()
}

/// Logarithmic when the costliest is 2.5 times the cheapest.
fn cost_axis(data: &Comparison) -> Axis {
    let costs = costs(data);
    match extent(costs.iter().copied()) {
        Some((low, high)) if low > 0.0 && high > 2.5 * low => Axis::log(costs.into_iter(), &data.cost_label),
        Some((low, high)) => {
            let room = 0.06 * (high - low);
            Axis::linear((low - room).max(0.0_f64.min(low)), high + room, &data.cost_label)
        }
        None => Axis::linear(0.0, 1.0, &data.cost_label),
    }
}

/// Linear up to a threshold and decades above it when the worst rate is over eight times the least above 0.
fn violation_axis(data: &Comparison) -> Axis {
    let label = "requests late or lost, %";
    let means = shown(data).map(|one| one.violations.mean).chain(data.tried.iter().map(|tried| tried.1));
    let percent = |rate: f64| 100.0 * rate;
    let least = extent(means.map(percent).filter(|&rate| rate > 0.0)).map(|(low, _)| low);
    let bars = shown(data).flat_map(|one| [one.violations.mean, one.violations.upper]);
    let all: Vec<f64> = bars.chain(data.tried.iter().map(|tried| tried.1)).chain(data.allowed).map(percent).collect();
    match (least, extent(all.iter().copied())) {
        (Some(least), Some((_, worst))) if worst > 8.0 * least => {
            let (least, decade) = (least.max(worst / 1000.0), 10_f64.powf(least.max(worst / 1000.0).log10().floor()));
            let threshold = if least >= 3.0 * decade { 3.0 * decade } else { decade };
            Axis::symlog(all.into_iter(), threshold, label)
        }
        _ => Axis::from_zero(all.into_iter(), label),
    }
}

/// The points that no other beats in both, by cost, of those that know no future.
fn front(data: &Comparison, tried: &[Point]) -> Vec<Point> {
    let own = shown(data).filter(|one| !one.foresees).map(|one| (one.cost.mean, 100.0 * one.violations.mean));
    front::front(own.chain(tried.iter().copied()).filter(|p| p.0.is_finite() && p.1.is_finite()).collect())
}

/// The staircase through a front: each point is the best up to the cost of the next.
fn corners(panel: &Panel, front: &[Point]) -> Vec<Point> {
    let mut out: Vec<Point> = Vec::new();
    for &(cost, rate) in front {
        let here = panel.at(cost, rate);
        if let Some(&(_, held)) = out.last() {
            out.push((here.0, held));
        }
        out.push(here);
    }
    out
}

/// The lines of a contestant's intervals.
fn bars(panel: &Panel, one: &Contestant) -> Vec<Vec<Point>> {
    let (cost, rate) = spot(one);
    let (across, up) = (one.cost, one.violations);
    let mut bars = Vec::new();
    if across.lower.is_finite() && across.upper.is_finite() {
        bars.push(vec![panel.at(across.lower, rate), panel.at(across.upper, rate)]);
    }
    if up.lower.is_finite() && up.upper.is_finite() {
        bars.push(vec![panel.at(cost, 100.0 * up.lower), panel.at(cost, 100.0 * up.upper)]);
    }
    bars
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(name: &str, cost: f64, rate: f64) -> Contestant {
        let exactly = |mean| Estimate { mean, lower: f64::NAN, upper: f64::NAN };
        Contestant { name: name.to_owned(), cost: exactly(cost), violations: exactly(rate), foresees: name == "oracle" }
    }

    #[test]
    fn the_front_holds_who_is_beaten_by_nobody() {
        let contestants = vec![
            one("a", 1.0, 0.5),
            one("b", 2.0, 0.6),
            one("c", 3.0, 0.1),
            one("d", 3.0, 0.2),
            one("oracle", 0.4, 0.0),
        ];
        let data = Comparison { contestants, ..Comparison::default() };
        assert_eq!(front(&data, &[(0.5, 90.0), (f64::NAN, 0.0)]), [(0.5, 90.0), (1.0, 50.0), (3.0, 10.0)]);
    }
}
