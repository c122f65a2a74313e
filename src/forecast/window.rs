//! Statistics of the newest samples of a slice. An empty window counts as zeros.

/// Samples that are summed side by side, so that the compiler can use vector registers; the order of summation is fixed.
const LANES: usize = 8;

/// The newest `count` samples, or all when there are fewer.
#[must_use]
pub fn newest(samples: &[f32], count: usize) -> &[f32] {
    &samples[samples.len().saturating_sub(count)..]
}

/// Arithmetic mean.
#[must_use]
pub fn mean(window: &[f32]) -> f32 {
    sum(window, |x| x) / window.len().max(1) as f32
}

/// Largest sample; 0 when all are negative.
#[must_use]
pub fn max(window: &[f32]) -> f32 {
    let (chunks, rest) = window.as_chunks::<LANES>();
    let mut lanes = [0.0_f32; LANES];
    for chunk in chunks {
        for (lane, &x) in lanes.iter_mut().zip(chunk) {
            *lane = if x > *lane { x } else { *lane };
        }
    }
    lanes.iter().chain(rest).fold(0.0, |most, &x| if x > most { x } else { most })
}

/// Standard deviation of the window as a population.
#[must_use]
pub fn deviation(window: &[f32]) -> f32 {
    let mean = mean(window);
    (sum(window, |x| (x - mean) * (x - mean)) / window.len().max(1) as f32).sqrt()
}

fn sum(window: &[f32], f: impl Fn(f32) -> f32) -> f32 {
    let (chunks, rest) = window.as_chunks::<LANES>();
    let mut lanes = [0.0_f32; LANES];
    for chunk in chunks {
        for (lane, &x) in lanes.iter_mut().zip(chunk) {
            *lane += f(x);
        }
    }
    lanes.iter().sum::<f32>() + rest.iter().map(|&x| f(x)).sum::<f32>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statistics_agree_with_their_definitions_on_windows_of_any_length() {
        let samples: Vec<f32> = (0..61).map(|i| ((i * 37) % 101) as f32 * 0.25).collect();
        for length in 1..samples.len() {
            let window = newest(&samples, length);
            let exact: Vec<f64> = window.iter().map(|&x| f64::from(x)).collect();
            let mean_of = exact.iter().sum::<f64>() / exact.len() as f64;
            let variance = exact.iter().map(|x| (x - mean_of).powi(2)).sum::<f64>() / exact.len() as f64;
            assert!((f64::from(mean(window)) - mean_of).abs() < 1e-4);
            assert!((f64::from(deviation(window)) - variance.sqrt()).abs() < 1e-4);
            assert!((f64::from(max(window)) - exact.iter().copied().fold(0.0, f64::max)).abs() < 1e-9);
        }
    }

    #[test]
    fn a_window_longer_than_the_past_is_the_whole_past() {
        assert_eq!(newest(&[1.0, 2.0], 9), [1.0, 2.0]);
        assert!(mean(newest(&[], 4)).abs() < f32::EPSILON);
        assert!(deviation(&[]).abs() < f32::EPSILON);
    }
}
