//! How much of the gap to the optimum a policy closes, a row a function, from the best down.

use super::axis::{Axis, extent};
use super::font;
use super::palette::{BLUE, FRAME, INK, VERMILLION};
use super::panel::{self, Panel, SMALL};
use super::scene::{Align, Mark, Scene, Stroke, Type};

/// A function's gap.
#[derive(Debug, Clone, PartialEq)]
pub struct Gap {
    /// The function's name.
    pub name: String,
    /// The share closed, its mean over seeds; 0 is the tuned static HPA, 1 the optimum.
    pub mean: f64,
    /// The least of the seeds.
    pub least: f64,
    /// The largest.
    pub largest: f64,
}

/// Most rows at each end; what lies between is left out, and counted.
const ENDS: usize = 20;

/// A picture of gaps, which come in the order in which they are drawn.
#[must_use]
pub fn gaps(title: &str, subtitle: &str, all: &[Gap]) -> Scene {
    const ROW: f64 = 26.0;
    let left_out = all.len().saturating_sub(2 * ENDS);
    let (first, last) = if left_out > 0 { (&all[..ENDS], &all[all.len() - ENDS..]) } else { (all, &all[..0]) };
    let shown: Vec<&Gap> = first.iter().chain(last).collect();
    let names = shown.iter().map(|gap| font::width(&gap.name, SMALL)).fold(60.0, f64::max).min(380.0);
    let rows = shown.len() + usize::from(left_out > 0);
    let height = 186.0 + ROW * rows.max(1) as f64;
    let mut scene = Scene::new(1200, height as u32);
    panel::title(&mut scene, 28.0, title, subtitle);
    let (low, high) = extent(shown.iter().flat_map(|gap| [gap.least, gap.largest])).unwrap_or((0.0, 1.0));
    let x = Axis::linear(low.min(-0.1), high.max(1.0), "share of the gap closed");
    let y = Axis { ticks: Vec::new(), ..Axis::linear(0.0, 1.0, "") };
    let panel = Panel { left: names + 44.0, top: 92.0, right: 1172.0, bottom: height - 66.0, x, y };
    panel.frame(&mut scene, true);
    for at in [0.0, 1.0] {
        let line = vec![(panel.at_x(at), panel.top), (panel.at_x(at), panel.bottom)];
        scene.line(line, Stroke { color: FRAME, width: 1.6, dash: &[7.0, 4.0] });
    }
    let style = Type { size: SMALL, color: INK, align: Align::Right, turned: false };
    for (index, gap) in shown.iter().enumerate() {
        let skipped = usize::from(left_out > 0 && index >= ENDS);
        let y = panel.top + ROW * ((index + skipped) as f64 + 0.5);
        scene.text((panel.left - 12.0, y), &gap.name, style);
        let loses = gap.mean < 0.0;
        let color = if loses { VERMILLION } else { BLUE };
        scene.line(vec![(panel.at_x(gap.least), y), (panel.at_x(gap.largest), y)], Stroke::solid(color, 2.0));
        let mark = if loses { Mark::Inverted } else { Mark::Disc };
        scene.mark((panel.at_x(gap.mean), y), mark, 12.0, color);
    }
    if left_out > 0 {
        let at = (panel.left + 8.0, panel.top + ROW * (ENDS as f64 + 0.5));
        scene.text(at, format!("{left_out} functions between"), Type { align: Align::Left, ..style });
    }
    scene
}
