//! The bundled typeface, so that a PNG needs no font of the system, and how wide a text comes out.

use std::sync::OnceLock;

use plotters::style::{FontStyle, IntoFont, register_font};

/// The family's name; an SVG shows the reader's own sans-serif.
pub(super) const FAMILY: &str = "sans-serif";

/// Plotters' size of a font over the size of its em.
pub(super) const HEIGHT: f64 = 1.24;

/// Makes the typeface known to Plotters, once.
pub(super) fn register() {
    static DONE: OnceLock<bool> = OnceLock::new();
    DONE.get_or_init(|| register_font(FAMILY, FontStyle::Normal, epaint_default_fonts::UBUNTU_LIGHT).is_ok());
}

/// Width of `text` in pixels at `size`, with some room for an SVG reader's wider font.
pub(super) fn width(text: &str, size: f64) -> f64 {
    register();
    let measured = (FAMILY, 100.0).into_font().box_size(text).map_or(0.0, |(width, _)| f64::from(width) / 100.0);
    let guessed = text.chars().count() as f64 * 0.45;
    1.05 * size * HEIGHT * if measured > 0.0 { measured } else { guessed }
}
