//! Additive Holt–Winters smoothing: level, damped trend and a season, updated one sample at a time.

/// State and rates of the smoother.
///
/// ```text
/// l_t = α (y_t − s_{t−m}) + (1 − α)(l_{t−1} + φ b_{t−1})
/// b_t = β (l_t − l_{t−1}) + (1 − β) φ b_{t−1}
/// s_t = γ (y_t − l_t) + (1 − γ) s_{t−m}
/// ŷ_{t+h} = l_t + (φ + … + φ^h) b_t + s_{t+h−m}
/// ```
/// Source: Hyndman and Athanasopoulos, Forecasting: Principles and Practice, 3rd ed., section 8.3. The season starts at
/// zero, so the first period is smoothed without one.
#[derive(Debug, Clone, PartialEq)]
pub struct HoltWinters {
    alpha: f64,
    beta: f64,
    gamma: f64,
    phi: f64,
    level: Option<f64>,
    trend: f64,
    season: Vec<f64>,
    seen: usize,
}

impl HoltWinters {
    /// Rates lie in 0 to 1; `period` is the season's length in samples, 1 or more.
    #[must_use]
    pub fn new(alpha: f64, beta: f64, gamma: f64, phi: f64, period: usize) -> Self {
        let season = vec![0.0; period.max(1)];
        Self { alpha, beta, gamma, phi, level: None, trend: 0.0, season, seen: 0 }
    }

    /// Takes the next sample.
    pub fn update(&mut self, sample: f64) {
        let slot = self.seen % self.season.len();
        self.seen += 1;
        let Some(before) = self.level else {
            self.level = Some(sample);
            return;
        };
        let expected = before + self.phi * self.trend;
        let level = self.alpha * (sample - self.season[slot]) + (1.0 - self.alpha) * expected;
        self.trend = self.beta * (level - before) + (1.0 - self.beta) * self.phi * self.trend;
        self.season[slot] += self.gamma * (sample - level - self.season[slot]);
        self.level = Some(level);
    }

    /// The forecast `ahead` samples on, 1 or more; 0 before the first sample.
    #[must_use]
    pub fn forecast(&self, ahead: usize) -> f64 {
        let Some(level) = self.level else { return 0.0 };
        let damped: f64 = (1..=ahead).scan(1.0, |power, _| Some(*power * self.phi).inspect(|p| *power = *p)).sum();
        level + damped * self.trend + self.season[(self.seen + ahead - 1) % self.season.len()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_straight_line_is_continued() {
        let mut smoother = HoltWinters::new(0.5, 0.3, 0.0, 1.0, 1);
        (0..200).for_each(|i| smoother.update(f64::from(i) * 2.0));
        assert!((smoother.forecast(5) - 408.0).abs() < 1e-6);
    }

    #[test]
    fn a_season_is_learned() {
        let wave = |i: usize| 10.0 + if i % 8 < 4 { 3.0 } else { -3.0 };
        let mut smoother = HoltWinters::new(0.05, 0.0, 0.3, 1.0, 8);
        (0..800).for_each(|i| smoother.update(wave(i)));
        for ahead in 1..=8 {
            assert!((smoother.forecast(ahead) - wave(799 + ahead)).abs() < 0.3, "{ahead}");
        }
    }
}
