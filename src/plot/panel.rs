//! A rectangle with two axes, and the series drawn in it. Nothing is drawn outside; NaN leaves a gap.

use super::axis::Axis;
use super::palette::{FRAME, GRID, INK, QUIET};
use super::scene::{Align, Color, Mark, Point, Scene, Stroke, Type};
use super::thin;

/// Size of axis labels and legends.
pub(super) const SMALL: f64 = 14.0;
/// Size of a picture's title.
pub(super) const LARGE: f64 = 20.0;

/// Values per pixel from which a line is drawn as mean and band.
const CROWD: f64 = 2.0;

/// Text in the ink of an axis.
pub(super) const fn caption(align: Align) -> Type {
    Type { size: SMALL, color: QUIET, align, turned: false }
}

/// A title at the top left of a picture, and a quieter line below it.
pub(super) fn title(scene: &mut Scene, left: f64, title: &str, subtitle: &str) {
    let style = Type { size: LARGE, color: INK, align: Align::Left, turned: false };
    scene.text((left, 26.0), title, style);
    scene.text((left, 52.0), subtitle, Type { size: SMALL + 1.0, color: QUIET, ..style });
}

/// A rectangle of the picture with its axes.
#[derive(Debug, Clone)]
pub(super) struct Panel {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) right: f64,
    pub(super) bottom: f64,
    pub(super) x: Axis,
    pub(super) y: Axis,
}

impl Panel {
    /// Where a pair of values lies, held to the panel.
    pub(super) fn at(&self, x: f64, y: f64) -> Point {
        (self.at_x(x), self.at_y(y))
    }

    pub(super) fn at_x(&self, x: f64) -> f64 {
        self.left + self.x.share(x).clamp(0.0, 1.0) * (self.right - self.left)
    }

    pub(super) fn at_y(&self, y: f64) -> f64 {
        self.bottom - self.y.share(y).clamp(0.0, 1.0) * (self.bottom - self.top)
    }

    /// Grid, frame, ticks and labels; `below` puts the horizontal axis' words under the panel.
    pub(super) fn frame(&self, scene: &mut Scene, below: bool) {
        let hair = |color| Stroke::solid(color, 1.0);
        for tick in &self.x.ticks {
            let x = self.at_x(tick.value);
            scene.line(vec![(x, self.top), (x, self.bottom)], hair(GRID));
            if below {
                scene.text((x, self.bottom + 16.0), &tick.label, caption(Align::Center));
            }
        }
        for tick in &self.y.ticks {
            let y = self.at_y(tick.value);
            scene.line(vec![(self.left, y), (self.right, y)], hair(GRID));
            scene.text((self.left - 9.0, y), &tick.label, caption(Align::Right));
        }
        let corner = (self.left, self.bottom);
        scene.line(vec![(self.left, self.top), corner, (self.right, self.bottom)], hair(FRAME));
        if below {
            let middle = f64::midpoint(self.left, self.right);
            scene.text((middle, self.bottom + 40.0), &self.x.label, caption(Align::Center));
        }
        let turned = Type { turned: true, ..caption(Align::Center) };
        scene.text((self.left - 66.0, f64::midpoint(self.top, self.bottom)), &self.y.label, turned);
    }

    /// A polyline through `(x, y)`. Where values crowd a pixel, it goes through their mean, in a pale band from the least
    /// to the largest.
    pub(super) fn line(&self, scene: &mut Scene, data: &[Point], stroke: Stroke) {
        let crowded = data.len() as f64 > CROWD * (self.right - self.left);
        for run in thin::runs(data) {
            if !crowded {
                scene.line(run.iter().map(|&(x, y)| self.at(x, y)).collect(), stroke);
                continue;
            }
            let columns = thin::envelope(run, |x| self.at_x(x));
            let band: Vec<_> = columns.iter().map(|&(x, _, low, high)| (x, low, high)).collect();
            self.band(scene, &band, stroke.color.pale(0.3));
            scene.line(columns.iter().map(|&(x, mean, ..)| self.at(x, mean)).collect(), stroke);
        }
    }

    /// Steps that hold each value until the next, thinned to the panel's pixels.
    pub(super) fn steps(&self, scene: &mut Scene, data: &[Point], stroke: Stroke) {
        for run in thin::runs(data) {
            let mut points: Vec<Point> = Vec::new();
            for (x, y) in thin::line(run, |x| self.at_x(x)) {
                let (x, y) = self.at(x, y);
                if let Some(&(_, held)) = points.last()
                    && (held - y).abs() > 1e-9
                {
                    points.push((x, held));
                }
                points.push((x, y));
            }
            scene.line(straightened(points), stroke);
        }
    }

    /// The area between 0 and steps that hold each value until the next.
    pub(super) fn area(&self, scene: &mut Scene, data: &[Point], fill: Color) {
        let zero = self.at_y(0.0);
        for run in thin::runs(data) {
            for pair in thin::columns(run, |x| self.at_x(x)).windows(2) {
                let ((from, value), (to, _)) = (pair[0], pair[1]);
                scene.rect((self.at_x(from), self.at_y(value)), (self.at_x(to), zero), fill);
            }
        }
    }

    /// The area between two lines over the same places: `(x, low, high)`.
    pub(super) fn band(&self, scene: &mut Scene, data: &[(f64, f64, f64)], fill: Color) {
        let finite: Vec<_> = data.iter().filter(|(_, low, high)| low.is_finite() && high.is_finite()).collect();
        let upper = finite.iter().map(|(x, _, high)| self.at(*x, *high));
        let lower = finite.iter().rev().map(|(x, low, _)| self.at(*x, *low));
        scene.area(upper.chain(lower).collect(), fill);
    }

    /// A straight line at a height, from side to side.
    pub(super) fn level(&self, scene: &mut Scene, y: f64, stroke: Stroke) {
        if (-1e-9..=1.0 + 1e-9).contains(&self.y.share(y)) {
            scene.line(vec![(self.left, self.at_y(y)), (self.right, self.at_y(y))], stroke);
        }
    }

    /// A mark with a white rim, so that it stands out from lines and other marks.
    pub(super) fn mark(&self, scene: &mut Scene, at: Point, mark: Mark, size: f64, color: Color) {
        scene.mark(self.at(at.0, at.1), mark, size + 3.5, Color::new(255, 255, 255));
        scene.mark(self.at(at.0, at.1), mark, size, color);
    }
}

/// The same line without the points in the middle of a level stretch.
fn straightened(points: Vec<Point>) -> Vec<Point> {
    let mut out: Vec<Point> = Vec::with_capacity(points.len());
    for point in points {
        if let [.., before, last] = out.as_slice()
            && (before.1 - last.1).abs() < 1e-9
            && (last.1 - point.1).abs() < 1e-9
        {
            out.pop();
        }
        out.push(point);
    }
    out
}
