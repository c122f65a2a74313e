//! Ridge regression: linear least squares with a penalty on weights.

/// Sums over samples `(x, y)` from which several ridges over the same features can be fitted.
#[derive(Debug, Clone, PartialEq)]
pub struct Moments {
    count: f64,
    /// Sums of features, `[F]`, and of their products, `[F · F]`.
    x: Vec<f64>,
    xx: Vec<f64>,
    /// Sums of outputs, `[Y]`, and of outputs times features, `[Y · F]`.
    y: Vec<f64>,
    xy: Vec<f64>,
}

impl Moments {
    /// Of no samples of `features` features and `outputs` outputs.
    #[must_use]
    pub fn new(features: usize, outputs: usize) -> Self {
        let zeros = |count: usize| vec![0.0; count];
        let (x, xx) = (zeros(features), zeros(features * features));
        Self { count: 0.0, x, xx, y: zeros(outputs), xy: zeros(outputs * features) }
    }

    /// Adds a sample with as many features and outputs.
    pub fn add(&mut self, x: &[f64], y: &[f64]) {
        let features = self.x.len();
        self.count += 1.0;
        for (row, &a) in x.iter().enumerate() {
            self.x[row] += a;
            for (sum, &b) in self.xx[row * features..].iter_mut().zip(x) {
                *sum += a * b;
            }
        }
        for (output, &y) in y.iter().enumerate() {
            self.y[output] += y;
            for (sum, &x) in self.xy[output * features..].iter_mut().zip(x) {
                *sum += x * y;
            }
        }
    }

    /// The ridge of an output. `penalty`, above 0, is in units of the number of samples. A feature that never changes gets
    /// no weight. `None` of no samples.
    /// ```text
    /// min over w, b of Σ (y − b − w · z)² / n + penalty · |w|²,   z = (x − x̄) / σ
    /// ```
    #[must_use]
    pub fn fit(&self, output: usize, penalty: f64) -> Option<Ridge> {
        if self.count < 1.0 {
            return None;
        }
        let features = self.x.len();
        let mean: Vec<f64> = self.x.iter().map(|sum| sum / self.count).collect();
        let covariance = |a: usize, b: usize| self.xx[a * features + b] / self.count - mean[a] * mean[b];
        let steady = |at: usize| covariance(at, at) <= 1e-12 * mean[at].powi(2).max(1e-12);
        let scale: Vec<f64> =
            (0..features).map(|at| if steady(at) { 0.0 } else { covariance(at, at).sqrt().recip() }).collect();
        let y = self.y[output] / self.count;
        let right: Vec<f64> =
            (0..features).map(|at| (self.xy[output * features + at] / self.count - mean[at] * y) * scale[at]).collect();
        let left =
            |a: usize, b: usize| covariance(a, b) * scale[a] * scale[b] + if a == b { penalty.max(1e-9) } else { 0.0 };
        let solved = solve(left, right);
        let weights: Vec<f64> = solved.iter().zip(&scale).map(|(weight, scale)| weight * scale).collect();
        let base = y - weights.iter().zip(&mean).map(|(weight, mean)| weight * mean).sum::<f64>();
        Some(Ridge { base, weights })
    }
}

/// Solves `A x = b` for a symmetric positive definite `A`, by Cholesky's decomposition.
fn solve(a: impl Fn(usize, usize) -> f64, b: Vec<f64>) -> Vec<f64> {
    let n = b.len();
    let mut lower = vec![0.0; n * n];
    for row in 0..n {
        for column in 0..=row {
            let known: f64 = (0..column).map(|k| lower[row * n + k] * lower[column * n + k]).sum();
            let rest = a(row, column) - known;
            lower[row * n + column] =
                if row == column { rest.max(1e-12).sqrt() } else { rest / lower[column * n + column] };
        }
    }
    let mut x = b;
    for row in 0..n {
        let known: f64 = (0..row).map(|k| lower[row * n + k] * x[k]).sum();
        x[row] = (x[row] - known) / lower[row * n + row];
    }
    for row in (0..n).rev() {
        let known: f64 = (row + 1..n).map(|k| lower[k * n + row] * x[k]).sum();
        x[row] = (x[row] - known) / lower[row * n + row];
    }
    x
}

/// A fitted ridge.
#[derive(Debug, Clone, PartialEq)]
pub struct Ridge {
    base: f64,
    weights: Vec<f64>,
}

impl Ridge {
    /// The output at features.
    #[must_use]
    pub fn at(&self, x: &[f64]) -> f64 {
        self.base + self.weights.iter().zip(x).map(|(weight, x)| weight * x).sum::<f64>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moments() -> Moments {
        let mut moments = Moments::new(3, 2);
        for i in 0..20_i32 {
            let (a, b) = (f64::from((7 * i) % 11), f64::from((5 * i) % 13));
            moments.add(&[a, b, 4.0], &[2.0 * a - 3.0 * b + 5.0 + f64::from(i % 3), a * b]);
        }
        moments
    }

    /// Computed once with numpy 2:
    /// ```python
    /// import numpy as np
    /// i = np.arange(20); a, b = (7 * i) % 11, (5 * i) % 13
    /// x = np.c_[a, b].astype(float); z = (x - x.mean(0)) / x.std(0)
    /// for y in (2 * a - 3 * b + 5.0 + i % 3, 1.0 * a * b):
    ///     for penalty in (1e-9, 0.5):
    ///         w = np.linalg.solve(z.T @ z / 20 + penalty * np.eye(2), z.T @ (y - y.mean()) / 20) / x.std(0)
    ///         print(y.mean() - w @ x.mean(0), *w)
    /// ```
    #[test]
    fn weights_are_those_of_numpy() {
        let moments = moments();
        for (output, penalty, expected) in NUMPY {
            let ridge = moments.fit(output, penalty).unwrap();
            for (found, expected) in [ridge.base, ridge.weights[0], ridge.weights[1]].into_iter().zip(expected) {
                assert!((found - expected).abs() < 1e-6, "{output} {penalty}: {ridge:?} is not {expected}");
            }
            assert!(ridge.weights[2].abs() < 1e-12, "a feature that never changes has no weight");
            assert!((ridge.at(&[1.0, 0.0, 4.0]) - ridge.base - ridge.weights[0]).abs() < 1e-9);
        }
    }

    const NUMPY: [(usize, f64, [f64; 3]); 4] = [
        (0, 1e-9, [6.215_493_103, 1.924_294_953, -2.982_125_148]),
        (0, 0.5, [3.758_659_720, 1.133_498_545, -1.908_949_592]),
        (1, 1e-9, [-10.471_174_241, 4.149_298_830, 3.599_933_894]),
        (1, 0.5, [1.923_559_715, 2.916_036_024, 2.523_366_740]),
    ];

    #[test]
    fn no_samples_have_no_ridge() {
        assert_eq!(Moments::new(2, 1).fit(0, 1.0), None);
    }
}
