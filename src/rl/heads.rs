//! A multi-discrete distribution: independent choices, one a head, from the logits of all heads side by side.
//!
//! `π(a|s) = Π_h π_h(a_h|s)`, so log-probabilities and entropies are sums over heads.

use rand::{Rng, RngExt};

/// Draws a choice a head into `action`, and returns the log-probability of all together.
pub fn sample(logits: &[f32], heads: &[usize], rng: &mut impl Rng, action: &mut [u8]) -> f32 {
    let mut from = 0;
    let mut total = 0.0;
    for (&size, choice) in heads.iter().zip(action) {
        let head = &logits[from..from + size];
        let (most, sum) = log_sum_parts(head);
        let mut left = rng.random::<f32>() * sum;
        let drawn = head.iter().position(|logit| {
            left -= (logit - most).exp();
            left < 0.0
        });
        let index = drawn.unwrap_or(size - 1);
        *choice = index as u8;
        total += head[index] - most - sum.ln();
        from += size;
    }
    total
}

/// The log-probability of a choice a head, all together.
#[must_use]
pub fn log_probability(logits: &[f32], heads: &[usize], action: &[u8]) -> f32 {
    let mut from = 0;
    let mut total = 0.0;
    for (&size, &choice) in heads.iter().zip(action) {
        let head = &logits[from..from + size];
        let (most, sum) = log_sum_parts(head);
        total += head[usize::from(choice)] - most - sum.ln();
        from += size;
    }
    total
}

/// The likeliest choice a head; the first one of equals.
pub fn likeliest(logits: &[f32], heads: &[usize], action: &mut [u8]) {
    let mut from = 0;
    for (&size, choice) in heads.iter().zip(action) {
        let head = &logits[from..from + size];
        let best = (0..size).fold(0, |best, i| if head[i] > head[best] { i } else { best });
        *choice = best as u8;
        from += size;
    }
}

/// Largest logit, and the sum of exponentials against it.
fn log_sum_parts(head: &[f32]) -> (f32, f32) {
    let most = head.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    (most, head.iter().map(|logit| (logit - most).exp()).sum())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, stream};

    #[test]
    fn choices_come_as_often_as_their_probability_says() {
        let logits = [0.0, 1.0, 2.0, 0.5, -0.5];
        let mut rng = stream(7, Purpose::Actions, 0);
        let mut counts = [0_u32; 5];
        let mut action = [0; 2];
        let draws = 20_000;
        for _ in 0..draws {
            let log_probability = sample(&logits, &[3, 2], &mut rng, &mut action);
            let exact = probability(&logits[..3], action[0]) * probability(&logits[3..], action[1]);
            assert!((f64::from(log_probability) - exact.ln()).abs() < 1e-5);
            assert!((log_probability - super::log_probability(&logits, &[3, 2], &action)).abs() < 1e-6);
            counts[usize::from(action[0])] += 1;
            counts[3 + usize::from(action[1])] += 1;
        }
        for (i, &count) in counts.iter().enumerate() {
            let exact = if i < 3 { probability(&logits[..3], i as u8) } else { probability(&logits[3..], i as u8 - 3) };
            let error = (exact * (1.0 - exact) / f64::from(draws)).sqrt();
            assert!((f64::from(count) / f64::from(draws) - exact).abs() < 4.0 * error, "choice {i}");
        }
    }

    fn probability(logits: &[f32], choice: u8) -> f64 {
        let sum: f64 = logits.iter().map(|&x| f64::from(x).exp()).sum();
        f64::from(logits[usize::from(choice)]).exp() / sum
    }

    #[test]
    fn the_likeliest_choice_is_the_largest_logit_of_each_head() {
        let mut action = [9; 2];
        likeliest(&[0.0, 3.0, 1.0, 2.0, 2.0], &[3, 2], &mut action);
        assert_eq!(action, [1, 0]);
    }
}
