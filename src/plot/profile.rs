//! Performance profiles: which share of a policy's runs scores above each threshold. The further up and right, the better.

use super::axis::Axis;
use super::legend::{self, Sample};
use super::palette::{FRAME, look};
use super::panel::{self, Panel, SMALL};
use super::scene::{Align, Scene, Stroke, Type};

/// The profile of a policy.
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    /// The policy's name.
    pub name: String,
    /// Threshold, share above it, and the ends of its interval; shares from 0 to 1.
    pub points: Vec<(f64, f64, f64, f64)>,
    /// Whether to draw its band: bands of many policies hide one another.
    pub band: bool,
}

/// A picture of profiles, at most eight; scores of 0 and 1 are marked.
#[must_use]
pub fn profiles(title: &str, subtitle: &str, all: &[Profile]) -> Scene {
    let mut scene = Scene::new(1200, 700);
    panel::title(&mut scene, 92.0, title, subtitle);
    let taus = || all.iter().flat_map(|profile| profile.points.iter().map(|point| point.0));
    let (low, high) = super::axis::extent(taus()).unwrap_or((-1.0, 1.0));
    let x = Axis::linear(low, high, "score: 0 is the tuned static HPA, 1 the clairvoyant optimum");
    let y = Axis::linear(0.0, 100.0, "runs that score higher, %");
    let panel = Panel { left: 92.0, top: 122.0, right: 1172.0, bottom: 634.0, x, y };
    panel.frame(&mut scene, true);
    for at in [0.0, 1.0] {
        let line = vec![(panel.at_x(at), panel.top), (panel.at_x(at), panel.bottom)];
        scene.line(line, Stroke { color: FRAME, width: 1.6, dash: &[7.0, 4.0] });
    }
    let percent = |share: f64| 100.0 * share;
    for (index, profile) in all.iter().enumerate().filter(|(_, profile)| profile.band) {
        let band: Vec<_> = profile.points.iter().map(|it| (it.0, percent(it.2), percent(it.3))).collect();
        panel.band(&mut scene, &band, look(index).color.clear(0.16));
    }
    let mut entries = Vec::new();
    for (index, profile) in all.iter().enumerate() {
        let line: Vec<_> = profile.points.iter().map(|it| (it.0, percent(it.1))).collect();
        panel.line(&mut scene, &line, look(index).stroke(2.2));
        entries.push((Sample::Line(look(index).stroke(2.2)), profile.name.clone()));
    }
    if all.is_empty() {
        let middle = (f64::midpoint(panel.left, panel.right), f64::midpoint(panel.top, panel.bottom));
        let style = Type { size: SMALL, color: FRAME, align: Align::Center, turned: false };
        scene.text(middle, "no room between the tuned HPA and the optimum", style);
    }
    legend::rows(&mut scene, &panel, &entries);
    scene
}
