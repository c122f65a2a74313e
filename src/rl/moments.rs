//! Running mean and variance of vectors, and the normalisation they give.

use serde::{Deserialize, Serialize};

/// Normalised values are cut to this on both sides.
pub(super) const CUT: f64 = 10.0;
/// Added to variances, so that a value that never changes is not blown up.
const LEAST_VARIANCE: f64 = 1e-4;

/// Moments of all vectors seen so far.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Moments {
    count: f64,
    mean: Vec<f64>,
    /// Sum of squared distances from the mean.
    squares: Vec<f64>,
}

impl Moments {
    /// Of vectors with `length` values, none seen yet.
    #[must_use]
    pub fn new(length: usize) -> Self {
        Self { count: 0.0, mean: vec![0.0; length], squares: vec![0.0; length] }
    }

    /// The moments behind a normalisation, as of so many vectors seen.
    #[must_use]
    pub fn behind(normalizer: &Normalizer, count: f64) -> Self {
        let variance = |&scale: &f32| (f64::from(scale).powi(-2) - LEAST_VARIANCE).max(0.0);
        Self {
            count,
            mean: normalizer.mean.iter().map(|&mean| f64::from(mean)).collect(),
            squares: normalizer.scale.iter().map(|scale| variance(scale) * count).collect(),
        }
    }

    /// Number of vectors that it has seen.
    #[must_use]
    pub fn count(&self) -> f64 {
        self.count
    }

    /// Number of values in a vector.
    #[must_use]
    pub fn len(&self) -> usize {
        self.mean.len()
    }

    /// Whether vectors have no values.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.mean.is_empty()
    }

    /// Takes rows `[n, length]`, in order (Welford's update).
    pub fn update(&mut self, rows: &[f32]) {
        if self.is_empty() {
            return;
        }
        for row in rows.chunks_exact(self.len()) {
            self.count += 1.0;
            for ((&x, mean), squares) in row.iter().zip(&mut self.mean).zip(&mut self.squares) {
                let distance = f64::from(x) - *mean;
                *mean += distance / self.count;
                *squares += distance * (f64::from(x) - *mean);
            }
        }
    }

    /// Variance of the `index`-th value; 1 before two vectors were seen.
    #[must_use]
    pub fn variance(&self, index: usize) -> f64 {
        if self.count < 2.0 { 1.0 } else { self.squares[index] / self.count }
    }

    /// The normalisation that these moments give.
    #[must_use]
    pub fn normalizer(&self) -> Normalizer {
        let scale = |index: usize| (1.0 / (self.variance(index) + LEAST_VARIANCE).sqrt()) as f32;
        Normalizer {
            mean: self.mean.iter().map(|&mean| mean as f32).collect(),
            scale: (0..self.len()).map(scale).collect(),
        }
    }
}

/// `(x − mean) × scale`, cut to ±10.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Normalizer {
    /// Subtracted.
    pub mean: Vec<f32>,
    /// Multiplied.
    pub scale: Vec<f32>,
}

impl Normalizer {
    /// That changes nothing but what it cuts.
    #[must_use]
    pub fn identity(length: usize) -> Self {
        Self { mean: vec![0.0; length], scale: vec![1.0; length] }
    }

    /// Whether it changes nothing but what it cuts. The moments of no observations do change a little.
    #[must_use]
    #[allow(clippy::float_cmp, reason = "it is made of these numbers")]
    pub fn is_identity(&self) -> bool {
        self.mean.iter().all(|&mean| mean == 0.0) && self.scale.iter().all(|&scale| scale == 1.0)
    }

    /// Normalises rows `[n, length]` in place.
    pub fn apply(&self, rows: &mut [f32]) {
        if self.mean.is_empty() {
            return;
        }
        let cut = CUT as f32;
        for row in rows.chunks_exact_mut(self.mean.len()) {
            for ((x, mean), scale) in row.iter_mut().zip(&self.mean).zip(&self.scale) {
                *x = ((*x - mean) * scale).clamp(-cut, cut);
            }
        }
    }
}

/// Scale of rewards: the standard deviation of the running discounted return, so that returns are of order one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RewardScale {
    moments: Moments,
    discount: f64,
}

impl RewardScale {
    /// For a discount per step.
    #[must_use]
    pub fn new(discount: f64) -> Self {
        Self { moments: Moments::new(1), discount }
    }

    /// Takes one episode's rewards, in order of time.
    pub fn update(&mut self, rewards: &[f64]) {
        let mut running = 0.0;
        for reward in rewards {
            running = self.discount * running + reward;
            self.moments.update(&[running as f32]);
        }
    }

    /// The standard deviation that rewards are divided by, above 0.
    #[must_use]
    pub fn deviation(&self) -> f64 {
        (self.moments.variance(0) + 1e-8).sqrt()
    }

    /// The scaled reward, cut to `±cut`.
    #[must_use]
    pub fn apply(&self, reward: f64, cut: f64) -> f32 {
        (reward / self.deviation()).clamp(-cut, cut) as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_found_again_behind_their_normalisation() {
        let mut moments = Moments::new(2);
        moments.update(&[1.0, 5.0, 3.0, 9.0, 8.0, 7.0]);
        let again = Moments::behind(&moments.normalizer(), 3.0);
        for index in 0..2 {
            assert!((again.variance(index) - moments.variance(index)).abs() < 1e-3);
        }
        assert!(again.normalizer().mean.iter().zip(&moments.mean).all(|(a, b)| (f64::from(*a) - b).abs() < 1e-5));
    }

    #[test]
    fn moments_are_those_of_all_rows() {
        let mut moments = Moments::new(2);
        moments.update(&[1.0, 10.0, 3.0, 10.0]);
        moments.update(&[5.0, 10.0]);
        assert!((moments.mean[0] - 3.0).abs() < 1e-12);
        assert!((moments.variance(0) - 8.0 / 3.0).abs() < 1e-12);
        assert!(moments.variance(1).abs() < 1e-12);
    }

    #[test]
    fn normalised_rows_have_mean_zero_and_are_cut() {
        let mut moments = Moments::new(1);
        moments.update(&[0.0, 2.0]);
        let mut rows = [0.0, 2.0, 1e6];
        moments.normalizer().apply(&mut rows);
        assert!((rows[0] + rows[1]).abs() < 1e-6 && (rows[1] - 1.0).abs() < 1e-3);
        assert!((rows[2] - 10.0).abs() < 1e-6);
    }

    #[test]
    fn rewards_are_scaled_by_the_spread_of_their_discounted_sums() {
        let mut scale = RewardScale::new(0.5);
        scale.update(&[8.0, 0.0, 0.0]);
        let returns = [8.0, 4.0, 2.0_f64];
        let mean = returns.iter().sum::<f64>() / 3.0;
        let deviation = (returns.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 3.0).sqrt();
        assert!((f64::from(scale.apply(8.0, 10.0)) - 8.0 / deviation).abs() < 1e-5);
    }
}
