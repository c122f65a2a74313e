//! A run over time: replicas against demand, utilisation against its target, and violations.

use super::axis::{Axis, extent};
use super::legend::{self, Sample};
use super::palette::{BLUE, GREEN, INK, ORANGE, SKY, VERMILLION};
use super::panel::{self, Panel};
use super::scene::{Point, Scene, Stroke};
use crate::sim::TimelineRow;

const LEFT: f64 = 92.0;
const RIGHT: f64 = 1176.0;

/// A picture of one run. `title` names it; the line below is made from the rows and, where it is known, the share of the
/// run's requests that were late or lost. (Rows do not weigh them rightly: many that arrive in a burst leave later.)
#[must_use]
pub fn timeline(title: &str, rows: &[TimelineRow], late: Option<f64>) -> Scene {
    let mut scene = Scene::new(1200, 800);
    panel::title(&mut scene, LEFT, title, &summary(rows, late));
    let (start, last) = extent(rows.iter().map(|row| row.t)).unwrap_or((0.0, 3600.0));
    let end = if rows.len() > 1 { last + (last - start) / (rows.len() - 1) as f64 } else { last };
    let time = Axis::time(start, end, "time since the trace began");
    replicas(&mut scene, rows, &time);
    utilization(&mut scene, rows, &time);
    violations(&mut scene, rows, &time);
    scene
}

fn column(rows: &[TimelineRow], value: impl Fn(&TimelineRow) -> f64) -> Vec<Point> {
    rows.iter().map(|row| (row.t, value(row))).collect()
}

fn replicas(scene: &mut Scene, rows: &[TimelineRow], time: &Axis) {
    let highest = rows.iter().map(|row| row.demand.max(row.replicas).max(row.ready));
    let y = Axis::from_zero(highest, "pods");
    let panel = Panel { left: LEFT, top: 104.0, right: RIGHT, bottom: 396.0, x: time.clone(), y };
    panel.frame(scene, false);
    let least = Stroke { color: INK, width: 1.4, dash: &[2.0, 3.0] };
    let ready = Stroke { color: ORANGE, width: 2.4, dash: &[] };
    let asked = Stroke { color: BLUE, width: 1.6, dash: &[7.0, 3.0] };
    panel.area(scene, &column(rows, |row| row.demand), SKY.pale(0.45));
    panel.steps(scene, &column(rows, |row| row.min_replicas), least);
    panel.steps(scene, &column(rows, |row| row.ready), ready);
    panel.steps(scene, &column(rows, |row| row.replicas), asked);
    let entries = [
        (Sample::Fill(SKY.pale(0.45)), "least pods that meet the SLO".to_owned()),
        (Sample::Line(ready), "ready".to_owned()),
        (Sample::Line(asked), "asked for by the autoscaler".to_owned()),
        (Sample::Line(least), "minReplicas".to_owned()),
    ];
    legend::row(scene, &panel, &entries);
}

fn utilization(scene: &mut Scene, rows: &[TimelineRow], time: &Axis) {
    let y = Axis::from_zero(rows.iter().map(|row| row.utilization.max(row.target)), "CPU, % of request").coarse();
    let panel = Panel { left: LEFT, top: 444.0, right: RIGHT, bottom: 596.0, x: time.clone(), y };
    panel.frame(scene, false);
    let seen = Stroke::solid(GREEN, 1.6);
    let target = Stroke { color: INK, width: 1.4, dash: &[7.0, 4.0] };
    panel.line(scene, &column(rows, |row| row.utilization), seen);
    panel.steps(scene, &column(rows, |row| row.target), target);
    let entries =
        [(Sample::Line(seen), "utilisation the HPA saw".to_owned()), (Sample::Line(target), "target".to_owned())];
    legend::row(scene, &panel, &entries);
}

fn violations(scene: &mut Scene, rows: &[TimelineRow], time: &Axis) {
    let share = column(rows, |row| 100.0 * row.violation_rate);
    let y = Axis::from_zero(share.iter().map(|point| point.1), "late, %").coarse();
    let panel = Panel { left: LEFT, top: 644.0, right: RIGHT, bottom: 736.0, x: time.clone(), y };
    panel.frame(scene, true);
    panel.area(scene, &share, VERMILLION);
    let entries = [(Sample::Fill(VERMILLION), "requests late or lost, worst interval".to_owned())];
    legend::row(scene, &panel, &entries);
}

/// Means over the rows, and the share of all requests that were late, as far as they are known.
fn summary(rows: &[TimelineRow], late: Option<f64>) -> String {
    if rows.is_empty() {
        return "no rows".to_owned();
    }
    let mean = |value: fn(&TimelineRow) -> f64| {
        let known: Vec<f64> = rows.iter().map(value).filter(|value| value.is_finite()).collect();
        (!known.is_empty()).then(|| known.iter().sum::<f64>() / known.len() as f64)
    };
    let pods = mean(|row| row.replicas).map(|pods| format!("{pods:.2} pods on average"));
    let demand = mean(|row| row.demand).map(|demand| format!("demand {demand:.2}"));
    let late = late.map(|late| format!("{:.2} % of requests late or lost", 100.0 * late));
    [pods, demand, late].into_iter().flatten().collect::<Vec<_>>().join("; ")
}
