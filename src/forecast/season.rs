//! Whether a load repeats itself.

/// Whether the value a period ago says more about a sample than the mean of all does:
/// ```text
/// Σ_{t ≥ m} (y_t − y_{t−m})² < Σ_{t ≥ m} (y_t − ȳ)²
/// ```
/// which is an autocorrelation above one half. `false` with less than two periods, and of a constant.
#[must_use]
pub fn repeats(samples: &[f32], period: usize) -> bool {
    if period == 0 || samples.len() < 2 * period {
        return false;
    }
    let mean = samples.iter().map(|&x| f64::from(x)).sum::<f64>() / samples.len() as f64;
    let (mut by_period, mut by_mean) = (0.0, 0.0);
    for (&now, &then) in samples[period..].iter().zip(samples) {
        by_period += (f64::from(now) - f64::from(then)).powi(2);
        by_mean += (f64::from(now) - mean).powi(2);
    }
    by_period < by_mean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wave_repeats_at_its_own_period_only() {
        let wave: Vec<f32> = (0..96).map(|i| if i % 24 < 12 { 5.0 } else { 1.0 }).collect();
        assert!(repeats(&wave, 24) && repeats(&wave, 48));
        assert!(!repeats(&wave, 12) && !repeats(&wave, 18));
    }

    #[test]
    fn less_than_two_periods_and_constants_do_not_repeat() {
        assert!(!repeats(&[1.0, 2.0, 1.0], 2));
        assert!(!repeats(&[3.0; 40], 10));
        assert!(!repeats(&[1.0, 2.0], 0));
    }

    #[test]
    fn noise_does_not_repeat() {
        let noise: Vec<f32> = (0..2000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 16) as f32).collect();
        assert!(!repeats(&noise, 100));
    }
}
