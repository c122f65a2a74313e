//! A picture as a list of shapes in logical pixels, from the top left. Drawing functions return one; `render` plays it
//! onto SVG or PNG, so both show the same.

/// A colour, `alpha` from 0 (clear) to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Color {
    pub(super) rgb: (u8, u8, u8),
    pub(super) alpha: f64,
}

impl Color {
    /// An opaque colour.
    pub(super) const fn new(red: u8, green: u8, blue: u8) -> Self {
        Self { rgb: (red, green, blue), alpha: 1.0 }
    }

    /// The same colour over white, as opaque: shares of it that overlap do not add up.
    pub(super) fn pale(self, share: f64) -> Self {
        let mix = |channel: u8| (255.0 - (255.0 - f64::from(channel)) * share).round() as u8;
        let (red, green, blue) = self.rgb;
        Self::new(mix(red), mix(green), mix(blue))
    }

    /// The same colour, partly clear.
    pub(super) const fn clear(self, alpha: f64) -> Self {
        Self { alpha, ..self }
    }
}

/// A point in logical pixels.
pub(super) type Point = (f64, f64);

/// How a line is drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Stroke {
    pub(super) color: Color,
    pub(super) width: f64,
    /// Lengths of dash, gap, dash, gap; empty for a solid line.
    pub(super) dash: &'static [f64],
}

impl Stroke {
    pub(super) const fn solid(color: Color, width: f64) -> Self {
        Self { color, width, dash: &[] }
    }
}

/// The shape of a mark, told apart without colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    Disc,
    Square,
    Triangle,
    Diamond,
    Cross,
    Ring,
    Inverted,
    Plus,
}

/// Where a text's anchor lies in it, left to right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Align {
    Left,
    Center,
    Right,
}

/// How a text is written. Its vertical centre is the anchor.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Type {
    pub(super) size: f64,
    pub(super) color: Color,
    pub(super) align: Align,
    /// Reads from bottom to top.
    pub(super) turned: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Shape {
    Line {
        points: Vec<Point>,
        stroke: Stroke,
    },
    /// A filled polygon.
    Area {
        points: Vec<Point>,
        fill: Color,
    },
    Mark {
        at: Point,
        mark: Mark,
        size: f64,
        color: Color,
    },
    Text {
        at: Point,
        text: String,
        style: Type,
    },
}

/// A picture: its size in logical pixels and its shapes, the first at the back.
#[derive(Debug, Clone, PartialEq)]
pub struct Scene {
    pub(super) size: (u32, u32),
    pub(super) shapes: Vec<Shape>,
}

impl Scene {
    /// An empty, white picture.
    pub(super) fn new(width: u32, height: u32) -> Self {
        Self { size: (width, height), shapes: Vec::new() }
    }

    /// A line through points; fewer than two draw nothing.
    pub(super) fn line(&mut self, points: Vec<Point>, stroke: Stroke) {
        if points.len() > 1 {
            self.shapes.push(Shape::Line { points, stroke });
        }
    }

    pub(super) fn area(&mut self, points: Vec<Point>, fill: Color) {
        if points.len() > 2 {
            self.shapes.push(Shape::Area { points, fill });
        }
    }

    pub(super) fn rect(&mut self, (left, top): Point, (right, bottom): Point, fill: Color) {
        self.area(vec![(left, top), (right, top), (right, bottom), (left, bottom)], fill);
    }

    pub(super) fn mark(&mut self, at: Point, mark: Mark, size: f64, color: Color) {
        self.shapes.push(Shape::Mark { at, mark, size, color });
    }

    pub(super) fn text(&mut self, at: Point, text: impl Into<String>, style: Type) {
        self.shapes.push(Shape::Text { at, text: text.into(), style });
    }
}
