//! The key to a panel, in a row above its right end, where it hides nothing.

use super::font;
use super::panel::{Panel, SMALL, caption};
use super::scene::{Align, Color, Mark, Scene, Stroke};

/// The sample of an entry.
#[derive(Debug, Clone, Copy)]
pub(super) enum Sample {
    Line(Stroke),
    Fill(Color),
    Mark(Mark, Color),
}

/// Draws the entries in a row that ends at the panel's right side.
pub(super) fn row(scene: &mut Scene, panel: &Panel, entries: &[(Sample, String)]) {
    const SWATCH: f64 = 30.0;
    let y = panel.top - 13.0;
    let widths: Vec<f64> = entries.iter().map(|(_, text)| SWATCH + 7.0 + font::width(text, SMALL) + 22.0).collect();
    let mut x = panel.right - widths.iter().sum::<f64>() + 22.0;
    for ((sample, text), width) in entries.iter().zip(widths) {
        match *sample {
            Sample::Line(stroke) => scene.line(vec![(x, y), (x + SWATCH, y)], stroke),
            Sample::Fill(color) => scene.rect((x, y - 6.0), (x + SWATCH, y + 6.0), color),
            Sample::Mark(mark, color) => scene.mark((x + SWATCH / 2.0, y), mark, 11.0, color),
        }
        scene.text((x + SWATCH + 7.0, y), text, caption(Align::Left));
        x += width;
    }
}
