//! From a [`Scene`] to SVG text or PNG bytes, through Plotters. Equal scenes give equal bytes.

use std::path::Path;

use plotters::backend::{BitMapBackend, SVGBackend};
use plotters::coord::Shift;
use plotters::drawing::{DrawingArea, IntoDrawingArea};
use plotters::element::{Circle, PathElement, Polygon};
use plotters::prelude::DrawingBackend;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color as _, FontTransform, IntoFont, RGBAColor, ShapeStyle, TextStyle, WHITE};

use super::font;
use super::scene::{Align, Color, Mark, Point, Scene, Shape, Stroke, Type};
use super::stroke;
use crate::error::InputError;

/// What a picture is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Scalable; text stays text.
    Svg,
    /// Pixels, with the typeface drawn in.
    Png,
}

impl Format {
    /// The format that a file's name asks for.
    ///
    /// # Errors
    /// A name that ends neither in `.svg` nor in `.png`.
    pub fn of(path: &Path) -> Result<Self, InputError> {
        match path.extension().and_then(|extension| extension.to_str()).map(str::to_ascii_lowercase).as_deref() {
            Some("svg") => Ok(Self::Svg),
            Some("png") => Ok(Self::Png),
            _ => {
                let problem = format!("{} is no picture's name", path.display());
                Err(InputError::new(problem, "end it in .svg or .png"))
            }
        }
    }

    /// The ending of a file's name, without the dot.
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            Self::Svg => "svg",
            Self::Png => "png",
        }
    }
}

/// What Plotters or the PNG encoder says when it cannot draw.
#[derive(Debug, thiserror::Error)]
#[error("cannot draw: {0}")]
pub struct DrawError(String);

impl DrawError {
    fn new(error: impl std::fmt::Display) -> Self {
        Self(error.to_string())
    }
}

impl Scene {
    /// The picture as the bytes of a file.
    ///
    /// # Errors
    /// Plotters or the encoder failed.
    pub fn render(&self, format: Format) -> Result<Vec<u8>, DrawError> {
        font::register();
        match format {
            Format::Svg => self.svg().map(String::into_bytes),
            Format::Png => self.png(),
        }
    }

    /// Plotters counts in whole pixels, so the drawing is ten times as large and the view box scales it down.
    fn svg(&self) -> Result<String, DrawError> {
        const FINE: u32 = 10;
        let (width, height) = self.size;
        let mut text = String::new();
        {
            let area = SVGBackend::with_string(&mut text, (width * FINE, height * FINE)).into_drawing_area();
            Canvas { area, scale: f64::from(FINE), segments: false }.play(self)?;
        }
        let head = format!("<svg width=\"{}\" height=\"{}\"", width * FINE, height * FINE);
        Ok(text.replacen(&head, &format!("<svg width=\"{width}\" height=\"{height}\""), 1))
    }

    /// Drawn three times as large and averaged down, which smooths every edge.
    fn png(&self) -> Result<Vec<u8>, DrawError> {
        const FINE: u32 = 3;
        let (width, height) = self.size;
        let mut large = vec![255_u8; (width * FINE) as usize * (height * FINE) as usize * 3];
        {
            let area = BitMapBackend::with_buffer(&mut large, (width * FINE, height * FINE)).into_drawing_area();
            Canvas { area, scale: f64::from(FINE), segments: true }.play(self)?;
        }
        encode(&average(&large, width as usize, FINE as usize), width, height)
    }
}

/// The mean of each `fine` × `fine` square of an RGB picture.
fn average(large: &[u8], width: usize, fine: usize) -> Vec<u8> {
    let row = width * fine * 3;
    let mut small = Vec::with_capacity(large.len() / (fine * fine));
    for rows in large.chunks_exact(row * fine) {
        for x in 0..width {
            for channel in 0..3 {
                let sum: usize = (0..fine)
                    .flat_map(|dy| (0..fine).map(move |dx| dy * row + (x * fine + dx) * 3 + channel))
                    .map(|at| usize::from(rows[at]))
                    .sum();
                small.push((sum / (fine * fine)) as u8);
            }
        }
    }
    small
}

fn encode(pixels: &[u8], width: u32, height: u32) -> Result<Vec<u8>, DrawError> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Best);
    let mut writer = encoder.write_header().map_err(DrawError::new)?;
    writer.write_image_data(pixels).map_err(DrawError::new)?;
    writer.finish().map_err(DrawError::new)?;
    Ok(bytes)
}

struct Canvas<DB: DrawingBackend> {
    area: DrawingArea<DB, Shift>,
    scale: f64,
    /// Whether lines are drawn as polygons of our own: Plotters' bitmap joins are ragged.
    segments: bool,
}

type Drawn = Result<(), DrawError>;

impl<DB: DrawingBackend> Canvas<DB> {
    fn play(&self, scene: &Scene) -> Drawn {
        self.area.fill(&WHITE).map_err(DrawError::new)?;
        for shape in &scene.shapes {
            match shape {
                Shape::Line { points, stroke } => self.line(points, *stroke)?,
                Shape::Area { points, fill } => self.area(points, *fill)?,
                Shape::Mark { at, mark, size, color } => self.mark(*at, *mark, *size, *color)?,
                Shape::Text { at, text, style } => self.text(*at, text, *style)?,
            }
        }
        self.area.present().map_err(DrawError::new)
    }

    fn pixel(&self, (x, y): Point) -> (i32, i32) {
        ((x * self.scale).round() as i32, (y * self.scale).round() as i32)
    }

    fn style(color: Color) -> RGBAColor {
        let (red, green, blue) = color.rgb;
        RGBAColor(red, green, blue, color.alpha)
    }

    fn area(&self, points: &[Point], fill: Color) -> Drawn {
        let points: Vec<_> = points.iter().map(|&point| self.pixel(point)).collect();
        self.area.draw(&Polygon::new(points, Self::style(fill))).map_err(DrawError::new)
    }

    fn line(&self, points: &[Point], stroke: Stroke) -> Drawn {
        for part in stroke::dashes(points, stroke.dash) {
            if self.segments {
                for quad in stroke::outline(&part, stroke.width) {
                    self.area(&quad, stroke.color)?;
                }
            } else {
                let points: Vec<_> = part.iter().map(|&point| self.pixel(point)).collect();
                let style = ShapeStyle {
                    color: Self::style(stroke.color),
                    filled: false,
                    stroke_width: (stroke.width * self.scale).round() as u32,
                };
                self.area.draw(&PathElement::new(points, style)).map_err(DrawError::new)?;
            }
        }
        Ok(())
    }

    fn mark(&self, at: Point, mark: Mark, size: f64, color: Color) -> Drawn {
        let disc = |radius: f64, color: Color| {
            let radius = (radius * self.scale).round() as i32;
            self.area.draw(&Circle::new(self.pixel(at), radius, Self::style(color).filled())).map_err(DrawError::new)
        };
        match mark {
            Mark::Disc => disc(size / 2.0, color),
            Mark::Ring => {
                disc(size / 2.0, color)?;
                disc(size / 4.0, Color::new(255, 255, 255))
            }
            _ => stroke::mark(at, mark, size).iter().try_for_each(|points| self.area(points, color)),
        }
    }

    fn text(&self, at: Point, text: &str, style: Type) -> Drawn {
        let horizontal = match style.align {
            Align::Left => HPos::Left,
            Align::Center => HPos::Center,
            Align::Right => HPos::Right,
        };
        let transform = if style.turned { FontTransform::Rotate270 } else { FontTransform::None };
        let font = (font::FAMILY, style.size * font::HEIGHT * self.scale).into_font().transform(transform);
        let color = Self::style(style.color);
        let pos = TextStyle::from(font).color(&color).pos(Pos::new(horizontal, VPos::Center));
        // Plotters centres the typeface's box, whose lower part is for descenders.
        let down = if self.segments { 0.08 * style.size } else { 0.0 };
        let at = if style.turned { (at.0 + down, at.1) } else { (at.0, at.1 + down) };
        self.area.draw_text(text, &pos, self.pixel(at)).map_err(DrawError::new)
    }
}
