//! What a series is like, in the numbers by which published traces are compared.

use serde::Serialize;

use crate::trace::{Series, Trace};

/// The statistics of one series' load. Numbers that its length or values do not allow are `None`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Stats {
    /// The series.
    pub function: String,
    /// The column they are about: `requests`, or `cpu_millicores` where no requests were recorded.
    pub measure: &'static str,
    /// Slots, missing ones included.
    pub slots: usize,
    /// Slots in which nothing was recorded.
    pub missing: usize,
    /// Sum over the recorded slots.
    pub total: f64,
    /// Mean over the recorded slots, per slot.
    pub mean: Option<f64>,
    /// Largest value over the mean.
    pub peak_to_mean: Option<f64>,
    /// 99th percentile (linear between ranks) over the mean.
    pub p99_to_mean: Option<f64>,
    /// Share of the recorded slots that are 0.
    pub zero_share: Option<f64>,
    /// Autocorrelation from slot to slot.
    pub acf_slot: Option<f64>,
    /// Autocorrelation at one day.
    pub acf_day: Option<f64>,
    /// Share of the variance that the hour of the day explains.
    pub hour_r2: Option<f64>,
}

/// The statistics of every function, in order of name.
#[must_use]
pub fn of_trace(trace: &Trace) -> Vec<Stats> {
    let header = &trace.header;
    trace.functions.iter().map(|series| of_series(series, header.interval_ms, header.origin_ms)).collect()
}

/// The statistics of one series. Hours of the day count from `origin_ms` where it is known, else from the trace's start.
#[must_use]
pub fn of_series(series: &Series, interval_ms: i64, origin_ms: Option<i64>) -> Stats {
    let (measure, values) = series.load().map_or(("", &[][..]), |(name, values)| (name.as_str(), values.as_slice()));
    let known: Vec<f64> = values.iter().copied().filter(|value| !value.is_nan()).collect();
    let total: f64 = known.iter().sum();
    let mean = (!known.is_empty()).then(|| total / known.len() as f64);
    let over_mean = |value: f64| mean.filter(|&mean| mean > 0.0).map(|mean| value / mean);
    let day = (DAY_MS % interval_ms == 0).then(|| usize::try_from(DAY_MS / interval_ms).unwrap_or(usize::MAX));
    let hour = |slot: usize| hour_of(origin_ms.unwrap_or(0) + series.start_ms + interval_ms * slot as i64);
    Stats {
        function: series.function.clone(),
        measure,
        slots: values.len(),
        missing: values.len() - known.len(),
        total,
        mean,
        peak_to_mean: known.iter().copied().reduce(f64::max).and_then(over_mean),
        p99_to_mean: quantile(&known, 0.99).and_then(over_mean),
        zero_share: (!known.is_empty())
            .then(|| known.iter().filter(|value| **value == 0.0).count() as f64 / known.len() as f64),
        acf_slot: autocorrelation(values, 1),
        acf_day: day.and_then(|lag| autocorrelation(values, lag)),
        hour_r2: if DAY_MS <= interval_ms * values.len() as i64 { explained(values, hour) } else { None },
    }
}

const DAY_MS: i64 = 86_400_000;

fn hour_of(ms: i64) -> usize {
    usize::try_from(ms.rem_euclid(DAY_MS) / 3_600_000).unwrap_or(0)
}

/// The `q`-quantile, `0 <= q <= 1`, linear between the two nearest ranks (`NumPy`'s default); `None` without values.
#[must_use]
pub fn quantile(values: &[f64], q: f64) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = q * (sorted.len().checked_sub(1)?) as f64;
    let (low, high) = (sorted[rank.floor() as usize], sorted[rank.ceil() as usize]);
    Some(low + (high - low) * rank.fract())
}

/// Sample autocorrelation at `lag` slots, over the pairs of which both are recorded:
///
/// ```text
/// r_k = Σ (x_t − x̄)(x_{t+k} − x̄) / Σ (x_t − x̄)²
/// ```
///
/// The usual (biased) estimator: at lag k of n slots it is at most (n − k)/n. `None` for a constant, or for fewer than
/// two spans of `lag`. Source: Box, Jenkins, Reinsel, Time Series Analysis, eq. 2.1.12.
#[must_use]
pub fn autocorrelation(values: &[f64], lag: usize) -> Option<f64> {
    if lag == 0 || values.len() < 2 * lag {
        return None;
    }
    let (mean, variation) = centre(values)?;
    let pairs = values.iter().zip(&values[lag..]);
    let products = pairs.map(|(a, b)| (a - mean) * (b - mean)).filter(|product| !product.is_nan());
    Some(products.sum::<f64>() / variation)
}

/// Mean and sum of squared differences from it, of the recorded values; `None` where these do not vary.
fn centre(values: &[f64]) -> Option<(f64, f64)> {
    let known = || values.iter().copied().filter(|value| !value.is_nan());
    let mean = known().sum::<f64>() / known().count() as f64;
    let variation: f64 = known().map(|value| (value - mean).powi(2)).sum();
    (variation > 1e-12 * mean * mean).then_some((mean, variation))
}

/// Share of the variance that the hour of the day explains: the variation of the hours' means over the whole.
fn explained(values: &[f64], hour: impl Fn(usize) -> usize) -> Option<f64> {
    let (mean, variation) = centre(values)?;
    let mut hours = [(0.0, 0_u32); 24];
    for (slot, &value) in values.iter().enumerate().filter(|(_, value)| !value.is_nan()) {
        let (sum, count) = &mut hours[hour(slot)];
        *sum += value;
        *count += 1;
    }
    let between = hours.iter().filter(|(_, count)| *count > 0);
    let between: f64 = between.map(|&(sum, count)| f64::from(count) * (sum / f64::from(count) - mean).powi(2)).sum();
    Some(between / variation)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(found: Option<f64>, expected: f64) {
        let found = found.expect("it has a value");
        assert!((found - expected).abs() < 1e-9, "{found} is not {expected}");
    }

    /// Two days of hours: a daily sine, a trend and a modular "noise", all exact to write down again.
    fn two_days() -> Series {
        let value = |hour: usize| {
            let angle = std::f64::consts::TAU * hour as f64 / 24.0;
            100.0 + 50.0 * angle.sin() + hour as f64 * 0.5 + (hour * hour % 11) as f64
        };
        let requests = (0..48).map(value).collect();
        Series { function: "a".into(), requests: Some(requests), ..Series::default() }
    }

    /// The figures come from `NumPy` 2.4.6:
    ///
    /// ```text
    /// h = np.arange(48); x = 100 + 50*np.sin(2*np.pi*h/24) + h*.5 + (h*h % 11); c = x - x.mean()
    /// x.mean(), x.max()/x.mean(), np.percentile(x, 99)/x.mean()
    /// acf = lambda k: (c[k:]*c[:-k]).sum() / (c*c).sum()
    /// m = x.reshape(2, 24).mean(0) - x.mean(); 2*(m*m).sum() / (c*c).sum()
    /// ```
    #[test]
    fn the_figures_are_numpys() {
        let stats = of_series(&two_days(), 3_600_000, None);
        assert_eq!((stats.measure, stats.slots, stats.missing), ("requests", 48, 0));
        near(stats.mean, NUMPY[0]);
        near(stats.peak_to_mean, NUMPY[1]);
        near(stats.p99_to_mean, NUMPY[2]);
        near(stats.acf_slot, NUMPY[3]);
        near(stats.acf_day, NUMPY[4]);
        near(stats.hour_r2, NUMPY[5]);
    }

    const NUMPY: [f64; 6] = [
        115.708_333_333_333,
        1.503_781_058_696,
        1.478_581_982_725,
        0.954_426_149_183,
        0.460_133_641_957,
        0.960_133_641_957,
    ];

    #[test]
    fn missing_slots_are_counted_and_left_out() {
        let series = Series { cpu_millicores: Some(vec![0.0, f64::NAN, 4.0, 2.0]), ..Series::default() };
        let stats = of_series(&series, 60_000, None);
        assert_eq!((stats.measure, stats.missing), ("cpu_millicores", 1));
        near(stats.mean, 2.0);
        near(stats.peak_to_mean, 2.0);
        near(stats.zero_share, 1.0 / 3.0);
        near(stats.acf_slot, 0.0);
        assert_eq!((stats.acf_day, stats.hour_r2), (None, None), "it does not last a day");
    }

    #[test]
    fn a_constant_has_no_correlation() {
        let series = Series { requests: Some(vec![0.1; 3000]), ..Series::default() };
        let stats = of_series(&series, 60_000, None);
        assert_eq!((stats.acf_slot, stats.acf_day, stats.hour_r2), (None, None, None));
    }

    #[test]
    fn a_series_without_any_value_has_no_figures() {
        let series = Series { requests: Some(vec![f64::NAN; 3]), ..Series::default() };
        let stats = of_series(&series, 60_000, None);
        assert_eq!((stats.mean, stats.peak_to_mean, stats.zero_share), (None, None, None));
    }
}
