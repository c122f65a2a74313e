//! What something costs over one thing at a time: a panel a sweep, both axes in decades.

use super::axis::Axis;
use super::palette::BLUE;
use super::panel::{self, Panel};
use super::scene::{Mark, Point, Scene, Stroke};

/// A sweep: the name of what is changed, and for each of its values the cost in microseconds.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Sweep {
    /// What is changed.
    pub name: String,
    /// `(value, microseconds)`, both above 0.
    pub points: Vec<(f64, f64)>,
}

const LEFT: f64 = 92.0;
const GAP: f64 = 64.0;
const WIDTH: f64 = 1172.0 - LEFT;

/// A picture of one or several sweeps side by side, on one scale of cost.
#[must_use]
pub fn costs(title: &str, sweeps: &[Sweep]) -> Scene {
    let mut scene = Scene::new(1200, 480);
    panel::title(&mut scene, LEFT, title, "microseconds each");
    let all = || sweeps.iter().flat_map(|sweep| sweep.points.iter());
    let width = (WIDTH + GAP) / sweeps.len().max(1) as f64;
    for (index, sweep) in sweeps.iter().enumerate() {
        let left = LEFT + width * index as f64;
        let y = Axis::log(all().map(|point| point.1), if index == 0 { "µs" } else { "" });
        let x = Axis::log(sweep.points.iter().map(|point| point.0), &sweep.name);
        let panel = Panel { left, top: 104.0, right: left + width - GAP, bottom: 414.0, x, y };
        panel.frame(&mut scene, true);
        let points: Vec<Point> = sweep.points.clone();
        panel.line(&mut scene, &points, Stroke::solid(BLUE, 2.4));
        for &point in &points {
            panel.mark(&mut scene, point, Mark::Disc, 10.0, BLUE);
        }
    }
    scene
}
