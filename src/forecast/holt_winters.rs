//! Additive Holt–Winters smoothing: level, trend and a season, updated one sample at a time.

/// Rates of the smoother, each in 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rates {
    /// Of the level, α.
    pub level: f64,
    /// Of the trend, β.
    pub trend: f64,
    /// Of the season, γ.
    pub season: f64,
}

/// State of the smoother.
///
/// ```text
/// ŷ_t = l_{t−1} + b_{t−1} + s_{t−m}
/// l_t = α (y_t − s_{t−m}) + (1 − α)(l_{t−1} + b_{t−1})
/// b_t = β (l_t − l_{t−1}) + (1 − β) b_{t−1}
/// s_t = γ (y_t − l_{t−1} − b_{t−1}) + (1 − γ) s_{t−m}
/// ŷ_{t+h} = l_t + h b_t + s_{t+h−m⌈h/m⌉}
/// ```
/// Source: Hyndman and Athanasopoulos, Forecasting: Principles and Practice, 3rd ed., section 8.3, in the component form
/// that statsmodels' `ExponentialSmoothing` computes.
#[derive(Debug, Clone, PartialEq)]
pub struct HoltWinters {
    rates: Rates,
    level: f64,
    trend: f64,
    /// By phase; one zero where there is no season.
    season: Vec<f64>,
    seen: usize,
}

/// Samples that level and trend are first fitted to.
const FIRST: usize = 10;
/// Seasons that the first seasonal figures are means of, at most.
const SEASONS: usize = 5;

impl HoltWinters {
    /// Fits the first state to a series, and then smooths through it from its start. `period` is the season's length in
    /// samples, 2 or more; 0 is no season. `None` for fewer than two seasons, or `10 + 2 ⌊period/2⌋` samples.
    ///
    /// The first seasonal figures are the mean distances, by phase, of up to five seasons from their centred moving
    /// mean of a season's length, less their own mean; level and trend are the straight line through the first ten
    /// values of that moving mean (without a season, of the series). Source: Hyndman et al., Forecasting with
    /// Exponential Smoothing, section 2.6.1, as statsmodels' `initialization_method="estimated"` has it.
    #[must_use]
    pub fn fitted(series: &[f64], rates: Rates, period: usize) -> Option<Self> {
        if series.len() < (FIRST + 2 * (period / 2)).max(2 * period) {
            return None;
        }
        let mut smoother = Self { rates, level: 0.0, trend: 0.0, season: vec![0.0], seen: 0 };
        if period < 2 {
            (smoother.level, smoother.trend) = line(&series[..FIRST]);
        } else {
            let used = &series[..Self::base(series.len(), period)];
            let means = centred_means(used, period);
            smoother.season = seasonal_means(used, &means, period);
            (smoother.level, smoother.trend) = line(&means[..FIRST]);
        }
        for &sample in series {
            smoother.update(sample);
        }
        Some(smoother)
    }

    /// To how many of the first `samples` the first state is [`fitted`](Self::fitted). While that stays, smoothing on is
    /// the same as fitting the longer series.
    #[must_use]
    pub fn base(samples: usize, period: usize) -> usize {
        if period < 2 {
            return FIRST.min(samples);
        }
        let seasons = (samples / period).min(SEASONS).max((FIRST + 2 * (period / 2)).div_ceil(period));
        (seasons * period).min(samples)
    }

    /// Takes the next sample.
    pub fn update(&mut self, sample: f64) {
        let slot = self.seen % self.season.len();
        self.seen += 1;
        let expected = self.level + self.trend;
        let level = self.rates.level * (sample - self.season[slot]) + (1.0 - self.rates.level) * expected;
        self.trend = self.rates.trend * (level - self.level) + (1.0 - self.rates.trend) * self.trend;
        if self.season.len() > 1 {
            self.season[slot] += self.rates.season * (sample - expected - self.season[slot]);
        }
        self.level = level;
    }

    /// The forecast `ahead` samples on, 1 or more.
    #[must_use]
    pub fn forecast(&self, ahead: usize) -> f64 {
        let phase = (self.seen + ahead.max(1) - 1) % self.season.len();
        self.level + ahead as f64 * self.trend + self.season[phase]
    }
}

/// Moving means over a season around each sample that has one; over an even season, the two means beside it halved.
/// The first stands for sample `period / 2`.
fn centred_means(series: &[f64], period: usize) -> Vec<f64> {
    let means = running_means(series, period);
    if period.is_multiple_of(2) {
        means.windows(2).map(|pair| f64::midpoint(pair[0], pair[1])).collect()
    } else {
        means
    }
}

/// Means over each `period` neighbours, from one running sum.
fn running_means(series: &[f64], period: usize) -> Vec<f64> {
    let mut sum: f64 = series[..period].iter().sum();
    let mut means = vec![sum / period as f64];
    for (gone, come) in series.iter().zip(&series[period..]) {
        sum += come - gone;
        means.push(sum / period as f64);
    }
    means
}

/// Mean distance of each phase from the moving mean, all together 0.
fn seasonal_means(series: &[f64], means: &[f64], period: usize) -> Vec<f64> {
    let mut season = vec![(0.0, 0.0); period];
    for (at, mean) in means.iter().enumerate() {
        let at = at + period / 2;
        let (sum, count) = &mut season[at % period];
        *sum += series[at] - mean;
        *count += 1.0;
    }
    let season: Vec<f64> = season.into_iter().map(|(sum, count)| if count > 0.0 { sum / count } else { 0.0 }).collect();
    let mean = season.iter().sum::<f64>() / period as f64;
    season.into_iter().map(|figure| figure - mean).collect()
}

/// Value at the step before the first sample, and slope per sample, of the least-squares line.
fn line(samples: &[f64]) -> (f64, f64) {
    let points = samples.iter().enumerate().map(|(at, &y)| ((at + 1) as f64, y));
    super::regression::line(points).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATES: Rates = Rates { level: 0.4, trend: 0.3, season: 0.2 };

    fn series(samples: usize, period: usize) -> Vec<f64> {
        (0..samples).map(|i| ((7 * i + 3 * (i % period).pow(2)) % 11 + i / period) as f64).collect()
    }

    /// Computed once with statsmodels 0.15.0:
    /// ```python
    /// from statsmodels.tsa.api import ExponentialSmoothing as ES
    /// def series(n, m):
    ///     return [float((7 * i + 3 * (i % m) ** 2) % 11 + i // m) for i in range(n)]
    /// for m, n in [(6, 16), (6, 24), (6, 37), (5, 14), (5, 24), (5, 37)]:
    ///     f = ES(series(n, m), trend="add", seasonal="add", seasonal_periods=m, initialization_method="estimated").fit(
    ///         smoothing_level=0.4, smoothing_trend=0.3, smoothing_seasonal=0.2, optimized=False)
    ///     print(m, n, f.forecast(3))
    /// f = ES(series(20, 6), trend="add", initialization_method="estimated").fit(
    ///     smoothing_level=0.4, smoothing_trend=0.3, optimized=False)
    /// print(f.forecast(3))
    /// ```
    #[test]
    fn forecasts_are_those_of_statsmodels() {
        let table = [
            (6, 16, [7.864_383_318, 3.064_668_047, 5.569_324_889]),
            (6, 24, [10.478_815_088, 10.624_878_928, 8.251_857_836]),
            (6, 37, [11.483_321_022, 13.653_368_116, 13.406_100_360]),
            (5, 14, [10.246_100_805, 9.152_746_701, 10.094_617_636]),
            (5, 24, [3.740_600_850, 3.692_717_580, 1.776_850_082]),
            (5, 37, [8.792_576_428, 9.034_732_203, 8.591_199_458]),
        ];
        for (period, samples, expected) in table {
            let smoother = HoltWinters::fitted(&series(samples, period), RATES, period).unwrap();
            for (ahead, expected) in (1..).zip(expected) {
                let found = smoother.forecast(ahead);
                assert!((found - expected).abs() < 1e-8, "{period} {samples} {ahead}: {found} is not {expected}");
            }
        }
        let smoother = HoltWinters::fitted(&series(20, 6), RATES, 0).unwrap();
        for (ahead, expected) in (1..).zip([7.563_216_624, 7.800_818_797, 8.038_420_971]) {
            assert!((smoother.forecast(ahead) - expected).abs() < 1e-8, "{ahead}: {}", smoother.forecast(ahead));
        }
    }

    #[test]
    fn too_short_a_series_fits_nothing() {
        assert!(HoltWinters::fitted(&series(15, 6), RATES, 6).is_none(), "10 + 2 × 3 samples are needed");
        assert!(HoltWinters::fitted(&series(39, 20), RATES, 20).is_none(), "two seasons are needed");
        assert!(HoltWinters::fitted(&series(9, 3), RATES, 0).is_none());
    }

    #[test]
    fn smoothing_on_is_as_fitting_the_longer_series_while_the_first_state_stays() {
        let long = series(47, 6);
        let mut smoother = HoltWinters::fitted(&long[..36], RATES, 6).unwrap();
        for samples in 37..=47 {
            smoother.update(long[samples - 1]);
            assert_eq!(HoltWinters::base(samples, 6), 30);
            let fitted = HoltWinters::fitted(&long[..samples], RATES, 6).unwrap();
            assert!((fitted.forecast(1) - smoother.forecast(1)).abs() < 1e-12);
        }
    }

    #[test]
    fn a_straight_line_is_continued_and_a_season_is_learned() {
        let line: Vec<f64> = (0..200).map(|i| f64::from(i) * 2.0).collect();
        let smoother = HoltWinters::fitted(&line, Rates { level: 0.5, trend: 0.3, season: 0.0 }, 0).unwrap();
        assert!((smoother.forecast(5) - 408.0).abs() < 1e-6);
        let wave = |i: usize| 10.0 + if i % 8 < 4 { 3.0 } else { -3.0 };
        let series: Vec<f64> = (0..80).map(wave).collect();
        let smoother = HoltWinters::fitted(&series, RATES, 8).unwrap();
        for ahead in 1..=8 {
            assert!((smoother.forecast(ahead) - wave(79 + ahead)).abs() < 1e-6, "{ahead}");
        }
    }
}
