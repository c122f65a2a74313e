//! A table whose cells are shaded by a figure: pale is low, dark is high, and the number stands in the cell, so that it
//! reads in black and white too.

use super::font;
use super::palette::{BLUE, INK};
use super::panel::{self, SMALL, caption};
use super::scene::{Align, Color, Scene, Stroke, Type};

/// A shaded table.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Heat {
    /// Above the picture.
    pub title: String,
    /// Below the title, quieter.
    pub subtitle: String,
    /// Names of the columns.
    pub columns: Vec<String>,
    /// Names of the rows, and their cells: a figure and its text; a figure that is not finite is left white.
    pub rows: Vec<(String, Vec<(f64, String)>)>,
    /// Figures that are palest and darkest.
    pub range: (f64, f64),
    /// What columns and rows are, below the table.
    pub caption: String,
}

/// A picture of a shaded table.
#[must_use]
pub fn heat(data: &Heat) -> Scene {
    const ROW: f64 = 34.0;
    let names = data.rows.iter().map(|(name, _)| font::width(name, SMALL)).fold(40.0, f64::max).min(300.0);
    let (left, top) = (names + 40.0, 136.0);
    let bottom = top + ROW * data.rows.len().max(1) as f64;
    let mut scene = Scene::new(1200, (bottom + 44.0) as u32);
    panel::title(&mut scene, 28.0, &data.title, &data.subtitle);
    let width = (1172.0 - left) / data.columns.len().max(1) as f64;
    let middle = |column: usize| left + width * (column as f64 + 0.5);
    for (column, name) in data.columns.iter().enumerate() {
        // Two lines where a name has two words: columns are narrow.
        let (first, second) = name.split_once(' ').unwrap_or(("", name));
        scene.text((middle(column), top - 32.0), first, caption(Align::Center));
        scene.text((middle(column), top - 14.0), second, caption(Align::Center));
    }
    for (row, (name, cells)) in data.rows.iter().enumerate() {
        let y = top + ROW * row as f64;
        scene.text((left - 12.0, y + ROW / 2.0), name, Type { color: INK, ..caption(Align::Right) });
        for (column, (value, text)) in cells.iter().enumerate() {
            let (corner, end) = ((middle(column) - width / 2.0, y), (middle(column) + width / 2.0, y + ROW));
            let share = shade(*value, data.range);
            scene.rect(corner, end, BLUE.pale(share));
            scene.text((middle(column), y + ROW / 2.0), text, Type { color: INK, ..caption(Align::Center) });
        }
    }
    let white = Stroke::solid(Color::new(255, 255, 255), 2.0);
    (0..=data.columns.len()).for_each(|column| {
        let x = left + width * column as f64;
        scene.line(vec![(x, top), (x, bottom)], white);
    });
    (0..=data.rows.len()).for_each(|row| {
        let y = top + ROW * row as f64;
        scene.line(vec![(left, y), (1172.0, y)], white);
    });
    scene.text((f64::midpoint(left, 1172.0), bottom + 20.0), &data.caption, caption(Align::Center));
    scene
}

/// The darkest cell: the contrast of its text is still 4.5 to 1.
const DARKEST: f64 = 0.7;

/// How dark a cell is, 0 to [`DARKEST`].
fn shade(value: f64, (low, high): (f64, f64)) -> f64 {
    if value.is_finite() && high > low { DARKEST * ((value - low) / (high - low)).clamp(0.0, 1.0) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_shaded_between_the_ends() {
        let shades: Vec<f64> = [0.0, 1.0, 1.5, 2.0, 9.0, f64::NAN].map(|value| shade(value, (1.0, 2.0))).into();
        assert!(shades.iter().zip([0.0, 0.0, 0.35, 0.7, 0.7, 0.0]).all(|(a, b)| (a - b).abs() < 1e-12), "{shades:?}");
        assert!(shade(1.0, (1.0, 1.0)).abs() < 1e-12, "all alike");
    }
}
