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

/// Draws the entries in as many rows as they need, the last one just above the panel.
pub(super) fn rows(scene: &mut Scene, panel: &Panel, entries: &[(Sample, String)]) {
    let width = |(_, text): &(Sample, String)| 59.0 + font::width(text, SMALL);
    let (mut lines, mut used) = (vec![Vec::new()], 0.0);
    for entry in entries {
        if used + width(entry) > panel.right - panel.left && used > 0.0 {
            lines.push(Vec::new());
            used = 0.0;
        }
        used += width(entry);
        lines.last_mut().expect("there is a line").push(entry.clone());
    }
    for (above, line) in lines.iter().rev().enumerate() {
        row(scene, &Panel { top: panel.top - 22.0 * above as f64, ..panel.clone() }, line);
    }
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
