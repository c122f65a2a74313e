//! The loss of a chunk's rows, and its slopes at the network's outputs.

use pulp::Simd;

use super::math;
use crate::env::distribution::{Distribution, choice};
use crate::rl::gradient::{Losses, Minibatch, Objective, Surrogate};
use crate::rl::heads::{Density, FORBIDDEN, forbid};

/// Rows of a batch to learn from.
#[derive(Debug, Clone, Copy)]
pub struct Rows<'a> {
    /// What the rows are taken from. Its advantages are not read.
    pub batch: &'a Minibatch,
    /// Their numbers.
    pub order: &'a [u32],
    /// Their advantages, normalised, in the same order.
    pub advantages: &'a [f32],
}

/// Weights of one row's terms: the objective's over the number of rows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terms {
    objective: Objective,
    /// 1 over the number of rows.
    all: f64,
    /// 1 over the number of rows where there was a choice.
    free: f64,
}

/// Heads with the numbers that a softmax leaves: 1 over the sum, its logarithm, the entropy.
#[derive(Debug, Clone)]
pub(super) struct Softmax {
    heads: Vec<Distribution>,
    parts: Vec<[f32; 3]>,
}

impl Terms {
    /// Whether the critic takes part.
    pub(super) fn criticizes(&self) -> bool {
        self.objective.value > 0.0
    }

    pub(super) fn new(objective: Objective, rows: &Rows<'_>) -> Self {
        let share = |count: usize| 1.0 / count.max(1) as f64;
        let free = rows.order.iter().filter(|&&row| !rows.batch.is_forced(row as usize)).count();
        Self { objective, all: share(rows.order.len()), free: share(free) }
    }
}

impl Softmax {
    pub(super) fn new(heads: &[Distribution]) -> Self {
        Self { heads: heads.to_vec(), parts: vec![[0.0; 3]; heads.len()] }
    }

    /// From `outputs`, `[rows, width]`, which it changes, to their slopes.
    #[inline(always)]
    pub(super) fn slopes<S: Simd>(
        &mut self,
        simd: S,
        (rows, from): (&Rows<'_>, usize),
        terms: Terms,
        (outputs, slopes, width): (&mut [f32], &mut [f32], usize),
        losses: &mut Losses,
    ) {
        let categorical = self.heads.iter().any(|head| matches!(head, Distribution::Categorical(_)));
        if categorical {
            self.shift(rows, from, (outputs, width));
            let (exponentials, shifted) = (S::as_mut_simd_f32s(slopes).0, S::as_simd_f32s(outputs).0);
            for (exponential, shifted) in exponentials.iter_mut().zip(shifted) {
                *exponential = math::exp(simd, *shifted);
            }
        }
        for (index, (outputs, slopes)) in outputs.chunks_exact(width).zip(slopes.chunks_exact_mut(width)).enumerate() {
            let row = rows.order[from + index] as usize;
            if rows.batch.is_forced(row) {
                slopes.fill(0.0);
            } else {
                self.row((rows.batch, row), rows.advantages[from + index], terms, (outputs, slopes), losses);
            }
        }
    }

    /// Takes each head's largest logit from all of its logits, and sets those that the mask forbids.
    #[inline(always)]
    fn shift(&self, rows: &Rows<'_>, from: usize, (outputs, width): (&mut [f32], usize)) {
        for (index, outputs) in outputs.chunks_exact_mut(width).enumerate() {
            forbid(outputs, rows.batch.mask(rows.order[from + index] as usize));
            let mut from = 0;
            for head in &self.heads {
                let logits = &mut outputs[from..from + head.outputs()];
                from += head.outputs();
                if matches!(head, Distribution::Categorical(_)) {
                    let most = logits.iter().fold(FORBIDDEN, |most, &logit| if logit > most { logit } else { most });
                    for logit in logits {
                        *logit -= most;
                    }
                }
            }
        }
    }

    /// One row: `outputs` are shifted logits, `slopes` their exponentials, and then the slopes.
    #[inline(always)]
    fn row(
        &mut self,
        (batch, row): (&Minibatch, usize),
        advantage: f32,
        terms: Terms,
        (outputs, slopes): (&[f32], &mut [f32]),
        losses: &mut Losses,
    ) {
        let action = &batch.actions[row * self.heads.len()..][..self.heads.len()];
        // In double precision: what is averaged over many rows shall lose nothing.
        let (mut log_probability, mut entropy, mut from) = (0.0, 0.0, 0);
        for ((head, &number), parts) in self.heads.iter().zip(action).zip(&mut self.parts) {
            let (outputs, exponentials) = (&outputs[from..][..head.outputs()], &slopes[from..][..head.outputs()]);
            from += head.outputs();
            if let Some(density) = Density::new(*head, outputs) {
                log_probability += density.log_probability(number);
                entropy += density.entropy();
            } else {
                let (mut sum, mut weighted) = (0.0, 0.0);
                for (&exponential, &logit) in exponentials.iter().zip(outputs) {
                    sum += f64::from(exponential);
                    weighted += f64::from(exponential) * f64::from(logit);
                }
                let (log, share) = (sum.ln(), 1.0 / sum);
                *parts = [share, log, log - weighted * share].map(|part| part as f32);
                log_probability += f64::from(outputs[choice(number)]) - log;
                entropy += log - weighted * share;
            }
        }
        let of_log_probability = terms.row((batch, row), advantage, log_probability, entropy, losses) as f32;
        let of_entropy = (-terms.objective.entropy * terms.free) as f32;
        let mut from = 0;
        for ((head, &number), &[share, log, entropy]) in self.heads.iter().zip(action).zip(&self.parts) {
            let (outputs, slopes) = (&outputs[from..][..head.outputs()], &mut slopes[from..][..head.outputs()]);
            from += head.outputs();
            if let Some(density) = Density::new(*head, outputs) {
                let both = density.slopes(number, of_log_probability.into(), of_entropy.into());
                slopes.copy_from_slice(&both.map(|slope| slope as f32));
            } else {
                for (slope, logit) in slopes.iter_mut().zip(outputs) {
                    let probability = *slope * share;
                    *slope = -probability * (of_log_probability + of_entropy * (logit - log + entropy));
                }
                slopes[choice(number)] += of_log_probability;
            }
        }
        slopes[from..].fill(0.0);
    }
}

impl Terms {
    /// Adds a row's losses, and returns the slope of the loss at its log-probability.
    #[inline(always)]
    fn row(
        &self,
        (batch, row): (&Minibatch, usize),
        advantage: f32,
        log_probability: f64,
        entropy: f64,
        losses: &mut Losses,
    ) -> f64 {
        let objective = &self.objective;
        let advantage = f64::from(advantage);
        let log_ratio = log_probability - f64::from(batch.log_probabilities[row]);
        let ratio = log_ratio.exp();
        let (surrogate, mut slope) = match objective.surrogate {
            Surrogate::Clipped { clip } => {
                let cut = ratio.clamp(1.0 - clip, 1.0 + clip);
                losses.clipped += if (ratio - 1.0).abs() > clip { self.free } else { 0.0 };
                let (free, cut) = (ratio * advantage, cut * advantage);
                if free <= cut { (free, -free) } else { (cut, 0.0) }
            }
            Surrogate::Plain => (log_probability * advantage, -advantage),
        };
        losses.kl += (ratio - 1.0 - log_ratio) * self.free;
        losses.entropy += entropy * self.free;
        let mut total = -surrogate - objective.entropy * entropy;
        if objective.reference_kl > 0.0 {
            let q = f64::from(batch.reference_log_probabilities[row]) - log_probability;
            let divergence = q.exp_m1() - q;
            losses.reference_kl += divergence * self.free;
            total += objective.reference_kl * divergence;
            slope -= objective.reference_kl * q.exp_m1();
        }
        losses.total += total * self.free;
        slope * self.free
    }

    /// Adds the value loss of rows, and turns the critic's `values`, `[rows, width]`, into its slopes there.
    #[inline(always)]
    pub(super) fn values(
        &self,
        (rows, from): (&Rows<'_>, usize),
        count: usize,
        (values, slopes, width): (&[f32], &mut [f32], usize),
        losses: &mut Losses,
    ) {
        let of_value = self.objective.value * self.all;
        slopes.fill(0.0);
        for (index, (values, slopes)) in values.chunks_exact(width).zip(slopes.chunks_exact_mut(width)).enumerate() {
            let row = rows.order[from + index] as usize;
            let returns = &rows.batch.returns[row * count..(row + 1) * count];
            for ((value, slope), target) in values.iter().zip(slopes).zip(returns) {
                let error = f64::from(*value) - f64::from(*target);
                losses.value += 0.5 * error * error * self.all;
                losses.total += 0.5 * error * error * of_value;
                *slope = (error * of_value) as f32;
            }
        }
    }
}
