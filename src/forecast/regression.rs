//! Straight lines through points.

/// The ordinary least-squares line `y = a + b x` through points `(x, y)`, as `(a, b)`. `None` unless two points differ in
/// `x`.
/// ```text
/// b = Σ (x − x̄)(y − ȳ) / Σ (x − x̄)²;   a = ȳ − b x̄
/// ```
#[must_use]
pub fn line(points: impl Iterator<Item = (f64, f64)> + Clone) -> Option<(f64, f64)> {
    let (count, x, y) = points.clone().fold((0.0, 0.0, 0.0), |(n, sx, sy), (x, y)| (n + 1.0, sx + x, sy + y));
    let (x, y) = (x / count, y / count);
    let (spread, joint) = points
        .fold((0.0, 0.0), |(spread, joint), (px, py)| (spread + (px - x) * (px - x), joint + (px - x) * (py - y)));
    (spread > 0.0).then(|| (y - joint / spread * x, joint / spread))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Computed once with numpy 2: `np.polyfit([85, 70, 55, 40, 25, 10], [1, 3, 2, 5, 4, 7], 1)` is
    /// `[-0.06857143  6.92380952]`.
    #[test]
    fn a_line_is_that_of_numpy() {
        let x = [85.0, 70.0, 55.0, 40.0, 25.0, 10.0];
        let y = [1.0, 3.0, 2.0, 5.0, 4.0, 7.0];
        let (a, b) = line(x.into_iter().zip(y)).unwrap();
        assert!((a - 6.923_809_523_8).abs() < 1e-9 && (b + 0.068_571_428_6).abs() < 1e-9, "{a} {b}");
    }

    #[test]
    fn points_over_one_another_have_no_line() {
        assert_eq!(line([(2.0, 1.0), (2.0, 5.0)].into_iter()), None);
        assert_eq!(line(std::iter::empty::<(f64, f64)>()), None);
    }
}
