//! Names beside marks, placed where they cover neither marks nor each other.

use super::font;
use super::palette::QUIET;
use super::panel::{Panel, SMALL, caption};
use super::scene::{Align, Point, Scene, Stroke};

/// A rectangle: left, top, right, bottom.
pub(super) type Block = (f64, f64, f64, f64);

/// How far from its mark a name may stand, nearest first, in pixels.
const DISTANCES: [f64; 5] = [12.0, 22.0, 38.0, 58.0, 84.0];

/// Writes each name near its mark, off the blocks that are taken; a name that had to go far gets a thin leader.
pub(super) fn place(scene: &mut Scene, panel: &Panel, names: &[(Point, &str)], taken: Vec<Block>) {
    let mut blocks = taken;
    blocks.extend(names.iter().map(|&(mark, _)| around(mark, 8.0)));
    for &(mark, name) in names {
        let width = font::width(name, SMALL);
        let candidates = DISTANCES.iter().flat_map(|&distance| spots(mark, width, distance));
        let scored = candidates.map(|spot| (penalty(panel, &blocks, spot.0) + 0.02 * spot.1, spot));
        let best = scored.min_by(|a, b| a.0.total_cmp(&b.0));
        let Some((_, (block, distance))) = best else { continue };
        blocks.push(block);
        let middle = f64::midpoint(block.1, block.3);
        if distance > 30.0 {
            let end = (mark.0.clamp(block.0, block.2), mark.1.clamp(block.1, block.3));
            scene.line(vec![mark, end], Stroke::solid(QUIET, 0.8));
        }
        scene.text((block.0, middle), name, caption(Align::Left));
    }
}

/// The blocks along an upright or level line.
pub(super) fn along(points: &[Point]) -> impl Iterator<Item = Block> {
    points.windows(2).map(|pair| {
        let ((x0, y0), (x1, y1)) = (pair[0], pair[1]);
        (x0.min(x1) - 1.5, y0.min(y1) - 1.5, x0.max(x1) + 1.5, y0.max(y1) + 1.5)
    })
}

fn around((x, y): Point, reach: f64) -> Block {
    (x - reach, y - reach, x + reach, y + reach)
}

/// Eight blocks around a mark at a distance: right, left, above, below and the corners.
fn spots((x, y): Point, width: f64, distance: f64) -> [(Block, f64); 8] {
    let half = SMALL * 0.62;
    let block = |left: f64, middle: f64| (left, middle - half, left + width, middle + half);
    let (right, left, center) = (x + distance, x - distance - width, x - width / 2.0);
    let slant = 0.7 * distance;
    let blocks = [
        block(right, y),
        block(left, y),
        block(center, y - distance - half / 2.0),
        block(center, y + distance + half / 2.0),
        block(x + slant, y - slant),
        block(x + slant, y + slant),
        block(x - slant - width, y - slant),
        block(x - slant - width, y + slant),
    ];
    blocks.map(|block| (block, distance))
}

/// Pixels of a block that cover others, and a fortune for leaving the panel.
fn penalty(panel: &Panel, blocks: &[Block], block: Block) -> f64 {
    let out = (panel.left + 3.0 - block.0).max(0.0)
        + (block.2 - panel.right + 3.0).max(0.0)
        + (panel.top - block.1).max(0.0)
        + (block.3 - panel.bottom + 3.0).max(0.0);
    let overlap = |other: &Block| {
        let width = (block.2.min(other.2) - block.0.max(other.0)).max(0.0);
        let height = (block.3.min(other.3) - block.1.max(other.1)).max(0.0);
        width * height
    };
    1000.0 * out + blocks.iter().map(overlap).sum::<f64>()
}
