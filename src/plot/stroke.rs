//! Lines cut into dashes, and lines and marks as polygons.

use super::scene::{Mark, Point};

/// The pieces of a line that a dash pattern leaves; the line itself when there is none.
pub(super) fn dashes(points: &[Point], pattern: &[f64]) -> Vec<Vec<Point>> {
    if pattern.is_empty() || pattern.iter().any(|&length| length <= 0.0) {
        return vec![points.to_vec()];
    }
    let mut pieces = Vec::new();
    let mut piece = vec![points[0]];
    let (mut index, mut left) = (0, pattern[0]);
    for pair in points.windows(2) {
        let (mut from, to) = (pair[0], pair[1]);
        let mut length = (to.0 - from.0).hypot(to.1 - from.1);
        while length > left {
            let share = left / length;
            from = (from.0 + share * (to.0 - from.0), from.1 + share * (to.1 - from.1));
            piece.push(from);
            if index % 2 == 0 {
                pieces.push(std::mem::take(&mut piece));
            }
            piece = vec![from];
            length -= left;
            index += 1;
            left = pattern[index % pattern.len()];
        }
        left -= length;
        piece.push(to);
    }
    if index % 2 == 0 && piece.len() > 1 {
        pieces.push(piece);
    }
    pieces
}

/// Quadrilaterals that cover a line of a width, each reaching half a width past its ends, which closes the joins.
pub(super) fn outline(points: &[Point], width: f64) -> Vec<Vec<Point>> {
    let half = width / 2.0;
    let quad = |pair: &[Point]| {
        let ((x0, y0), (x1, y1)) = (pair[0], pair[1]);
        let length = (x1 - x0).hypot(y1 - y0);
        if length <= 0.0 {
            return None;
        }
        let (along, across) = (half * (x1 - x0) / length, half * (y1 - y0) / length);
        let reach = if points.len() > 2 { 1.0 } else { 0.0 };
        let (x0, y0, x1, y1) = (x0 - reach * along, y0 - reach * across, x1 + reach * along, y1 + reach * across);
        Some(vec![
            (x0 - across, y0 + along),
            (x1 - across, y1 + along),
            (x1 + across, y1 - along),
            (x0 + across, y0 - along),
        ])
    };
    points.windows(2).filter_map(quad).collect()
}

/// The polygons of a mark of a size (its height) around a point.
pub(super) fn mark((x, y): Point, mark: Mark, size: f64) -> Vec<Vec<Point>> {
    let half = size / 2.0;
    let place = |shape: &[Point]| shape.iter().map(|&(dx, dy)| (x + half * dx, y + half * dy)).collect::<Vec<_>>();
    let bar = |from: Point, to: Point| outline(&place(&[from, to]), size * 0.28);
    match mark {
        Mark::Square => vec![place(&[(-0.86, -0.86), (0.86, -0.86), (0.86, 0.86), (-0.86, 0.86)])],
        Mark::Triangle => vec![place(&[(0.0, -1.05), (1.05, 0.85), (-1.05, 0.85)])],
        Mark::Inverted => vec![place(&[(0.0, 1.05), (1.05, -0.85), (-1.05, -0.85)])],
        Mark::Diamond => vec![place(&[(0.0, -1.2), (1.2, 0.0), (0.0, 1.2), (-1.2, 0.0)])],
        Mark::Plus => [bar((-1.0, 0.0), (1.0, 0.0)), bar((0.0, -1.0), (0.0, 1.0))].concat(),
        Mark::Cross => [bar((-0.85, -0.85), (0.85, 0.85)), bar((-0.85, 0.85), (0.85, -0.85))].concat(),
        Mark::Disc | Mark::Ring => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dashes_keep_their_lengths_around_corners() {
        let corner = [(0.0, 0.0), (5.0, 0.0), (5.0, 5.0)];
        let pieces = dashes(&corner, &[4.0, 2.0]);
        assert_eq!(pieces, [vec![(0.0, 0.0), (4.0, 0.0)], vec![(5.0, 1.0), (5.0, 5.0)]]);
        assert_eq!(dashes(&corner, &[]), [corner.to_vec()]);
        assert_eq!(dashes(&corner, &[20.0, 2.0]), [corner.to_vec()]);
    }
}
