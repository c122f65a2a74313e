//! Long series cut down to what pixels can show: of each pixel column the first, least, largest and last value stay, so
//! that no peak is lost.

use super::scene::Point;

/// The stretches of a series without NaN.
pub(super) fn runs(data: &[Point]) -> impl Iterator<Item = &[Point]> {
    data.split(|(x, y)| !x.is_finite() || !y.is_finite()).filter(|run| !run.is_empty())
}

/// The points of each pixel column, by the column's number.
fn by_column(data: &[Point], at_x: impl Fn(f64) -> f64) -> Vec<&[Point]> {
    let column = |point: &Point| at_x(point.0).floor() as i64;
    data.chunk_by(|a, b| column(a) == column(b)).collect()
}

/// First, least, largest and last point of each pixel column, in order.
pub(super) fn line(data: &[Point], at_x: impl Fn(f64) -> f64) -> Vec<Point> {
    let mut out = Vec::new();
    for points in by_column(data, at_x) {
        let of = |pick: fn(f64, f64) -> bool| {
            (0..points.len()).fold(0, |best, index| if pick(points[index].1, points[best].1) { index } else { best })
        };
        let mut kept = [0, of(|a, b| a < b), of(|a, b| a > b), points.len() - 1];
        kept.sort_unstable();
        let mut last = usize::MAX;
        for index in kept {
            if index != last {
                out.push(points[index]);
            }
            last = index;
        }
    }
    out
}

/// Mean, least and largest value of each pixel column at its first place.
pub(super) fn envelope(data: &[Point], at_x: impl Fn(f64) -> f64) -> Vec<(f64, f64, f64, f64)> {
    let of = |points: &[Point]| {
        let values = || points.iter().map(|point| point.1);
        let mean = values().sum::<f64>() / points.len() as f64;
        (points[0].0, mean, values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max))
    };
    by_column(data, at_x).into_iter().map(of).collect()
}

/// The largest value of each pixel column at its first place, and the last point, where the series ends.
pub(super) fn columns(data: &[Point], at_x: impl Fn(f64) -> f64) -> Vec<Point> {
    let mut out: Vec<Point> = by_column(data, at_x)
        .into_iter()
        .map(|points| (points[0].0, points.iter().fold(f64::MIN, |high, point| high.max(point.1))))
        .collect();
    out.extend(data.last());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peak_of_one_sample_stays() {
        let mut data: Vec<Point> = (0..100_000).map(|i| (f64::from(i), 1.0)).collect();
        data[54_321].1 = 99.0;
        data[77_777].1 = -5.0;
        let thinned = line(&data, |x| x / 100.0);
        assert!(thinned.len() <= 4000);
        assert!(thinned.contains(&(54_321.0, 99.0)) && thinned.contains(&(77_777.0, -5.0)));
        assert!(columns(&data, |x| x / 100.0).iter().any(|&(_, y)| y > 98.9));
    }

    #[test]
    fn gaps_part_a_series() {
        let data = [(0.0, 1.0), (1.0, f64::NAN), (2.0, f64::NAN), (3.0, 2.0), (4.0, 3.0)];
        let runs: Vec<_> = runs(&data).collect();
        assert_eq!(runs, [&data[..1], &data[3..]]);
        assert_eq!(super::runs(&[]).count(), 0);
    }
}
