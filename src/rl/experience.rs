//! The steps of an update as rows to learn from: minibatches, and the order in which they come.

use rand::RngExt;

use super::gradient::{Minibatch, Remembered};
use crate::random::{self, Purpose};

/// All steps of an update, environment by environment.
#[derive(Debug, Default)]
pub(super) struct Experience {
    pub(super) batch: Minibatch,
    /// The critic's first value of each step; empty without a critic.
    pub(super) values: Vec<f32>,
}

impl Experience {
    pub(super) fn append(&mut self, other: Self) {
        self.batch.observations.extend(other.batch.observations);
        self.batch.criticized.extend(other.batch.criticized);
        self.batch.actions.extend(other.batch.actions);
        self.batch.masks.extend(other.batch.masks);
        self.batch.forced.extend(other.batch.forced);
        let Remembered { steps, before, fresh } = other.batch.memory;
        self.batch.memory.steps = steps;
        self.batch.memory.before.extend(before);
        self.batch.memory.fresh.extend(fresh);
        self.batch.log_probabilities.extend(other.batch.log_probabilities);
        self.batch.advantages.extend(other.batch.advantages);
        self.batch.returns.extend(other.batch.returns);
        self.batch.reference_log_probabilities.extend(other.batch.reference_log_probabilities);
        self.values.extend(other.values);
    }

    /// Advantages of the given rows; with `standardize`, at mean 0 and standard deviation 1 over those where there was a
    /// choice.
    pub(super) fn advantages(&self, rows: &[u32], standardize: bool) -> Vec<f32> {
        let advantages = pick(&self.batch.advantages, 1, rows);
        if !standardize {
            return advantages;
        }
        let (mean, variance) = if self.batch.forced.is_empty() {
            mean_and_variance(&advantages)
        } else {
            let free: Vec<u32> = rows.iter().copied().filter(|&row| !self.batch.is_forced(row as usize)).collect();
            mean_and_variance(&pick(&self.batch.advantages, 1, &free))
        };
        let scale = 1.0 / (variance.sqrt() + 1e-8);
        advantages.into_iter().map(|advantage| ((f64::from(advantage) - mean) * scale) as f32).collect()
    }

    /// `1 − Var(R − V) / Var(R)` of the first value; 0 when returns do not vary, or without a critic.
    pub(super) fn explained_variance(&self) -> f64 {
        let Some(values) = self.batch.returns.len().checked_div(self.values.len()) else { return 0.0 };
        let returns: Vec<f32> = self.batch.returns.iter().step_by(values.max(1)).copied().collect();
        let errors: Vec<f32> = returns.iter().zip(&self.values).map(|(r, v)| r - v).collect();
        let (total, left) = (mean_and_variance(&returns).1, mean_and_variance(&errors).1);
        if total > 0.0 { 1.0 - left / total } else { 0.0 }
    }
}

/// The given rows of a matrix `width` wide; none of an empty one.
pub(super) fn pick<T: Copy>(values: &[T], width: usize, rows: &[u32]) -> Vec<T> {
    if values.is_empty() {
        return Vec::new();
    }
    let mut picked = Vec::with_capacity(rows.len() * width);
    for &row in rows {
        picked.extend_from_slice(&values[row as usize * width..][..width]);
    }
    picked
}

/// The numbers 0 to `rows` in the order of the `index`-th epoch (Fisher–Yates).
pub(super) fn shuffled(rows: usize, seed: u64, index: u64) -> Vec<u32> {
    let mut rng = random::stream(seed, Purpose::Shuffle, index);
    let mut order: Vec<u32> = (0..rows as u32).collect();
    for last in (1..rows).rev() {
        order.swap(last, rng.random_range(0..=last));
    }
    order
}

/// The rows of sequences in this order, `steps` each.
pub(super) fn unrolled(order: &[u32], steps: usize) -> Vec<u32> {
    order.iter().flat_map(|&sequence| (0..steps as u32).map(move |step| sequence * steps as u32 + step)).collect()
}

/// Mean and population variance.
pub(super) fn mean_and_variance(values: &[f32]) -> (f64, f64) {
    let count = values.len().max(1) as f64;
    let mean = values.iter().map(|&value| f64::from(value)).sum::<f64>() / count;
    (mean, values.iter().map(|&value| (f64::from(value) - mean).powi(2)).sum::<f64>() / count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_has_every_row_once() {
        let mut order = shuffled(100, 3, 1);
        assert_ne!(order, shuffled(100, 3, 2));
        order.sort_unstable();
        assert_eq!(order, (0..100).collect::<Vec<_>>());
    }
}
