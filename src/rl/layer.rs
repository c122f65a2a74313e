//! A layer of a perceptron: where its weights lie, its product, and its first weights.

#![allow(clippy::inline_always, reason = "what is not inlined is compiled without the instruction set")]

use std::ops::Range;

use rand_distr::{Distribution as _, StandardNormal};

use crate::random::{self, Purpose};

/// A layer's place in the parameters: `weight` is `[inputs, outputs]` row by row, `bias` is `[outputs]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    /// Number of inputs.
    pub inputs: usize,
    /// Number of outputs.
    pub outputs: usize,
    /// Where the weights lie.
    pub weight: Range<usize>,
    /// Where the biases lie.
    pub bias: Range<usize>,
}

/// Rows and outputs that are computed together: as many sums as vector registers hold.
const ROWS: usize = 4;
const COLUMNS: usize = 8;

impl Layer {
    /// A layer whose weights start `at`, which is moved behind them.
    pub(super) fn new(inputs: usize, outputs: usize, at: &mut usize) -> Self {
        let mut take = |length: usize| {
            *at += length;
            *at - length..*at
        };
        Self { inputs, outputs, weight: take(inputs * outputs), bias: take(outputs) }
    }

    /// `out = x W + b`.
    #[inline(always)]
    pub(super) fn forward(&self, theta: &[f32], x: &[f32], out: &mut [f32]) {
        let (weight, bias) = (&theta[self.weight.clone()], &theta[self.bias.clone()]);
        let rows = x.len() / self.inputs;
        for row in (0..rows).step_by(ROWS) {
            let block = ROWS.min(rows - row);
            let x = &x[row * self.inputs..(row + block) * self.inputs];
            let out = &mut out[row * self.outputs..(row + block) * self.outputs];
            match block {
                ROWS => self.block::<ROWS>(weight, bias, x, out),
                3 => self.block::<3>(weight, bias, x, out),
                2 => self.block::<2>(weight, bias, x, out),
                _ => self.block::<1>(weight, bias, x, out),
            }
        }
    }

    #[inline(always)]
    fn block<const N: usize>(&self, weight: &[f32], bias: &[f32], x: &[f32], out: &mut [f32]) {
        let (inputs, outputs) = (self.inputs, self.outputs);
        let whole = outputs - outputs % COLUMNS;
        for column in (0..whole).step_by(COLUMNS) {
            let mut sums = [[0.0_f32; COLUMNS]; N];
            for input in 0..inputs {
                let start = input * outputs + column;
                let Some(w) = weight[start..].first_chunk::<COLUMNS>() else { continue };
                for (row, sums) in sums.iter_mut().enumerate() {
                    let x = x[row * inputs + input];
                    for (sum, w) in sums.iter_mut().zip(w) {
                        *sum += x * w;
                    }
                }
            }
            for (row, sums) in sums.iter().enumerate() {
                for (lane, sum) in sums.iter().enumerate() {
                    out[row * outputs + column + lane] = bias[column + lane] + sum;
                }
            }
        }
        for column in whole..outputs {
            let mut sums = [0.0_f32; N];
            for input in 0..inputs {
                let w = weight[input * outputs + column];
                for (row, sum) in sums.iter_mut().enumerate() {
                    *sum += x[row * inputs + input] * w;
                }
            }
            for (row, sum) in sums.iter().enumerate() {
                out[row * outputs + column] = bias[column] + sum;
            }
        }
    }
}

/// A `[inputs, outputs]` matrix with orthonormal rows or columns, whichever are fewer, times `gain`.
///
/// Gram–Schmidt on Gaussian vectors, which gives the same law as the QR decomposition with positive diagonal that
/// PyTorch's `orthogonal_` takes.
pub(super) fn orthogonal(inputs: usize, outputs: usize, gain: f64, seed: u64, index: u64) -> Vec<f32> {
    let mut rng = random::stream(seed, Purpose::Weights, index);
    let (count, length) = (inputs.min(outputs), inputs.max(outputs));
    let mut vectors: Vec<Vec<f64>> = Vec::with_capacity(count);
    while vectors.len() < count {
        let mut vector: Vec<f64> = (0..length).map(|_| StandardNormal.sample(&mut rng)).collect();
        // Twice is enough: rounding of the first pass is removed by the second.
        for _ in 0..2 {
            for earlier in &vectors {
                let dot: f64 = vector.iter().zip(earlier).map(|(a, b)| a * b).sum();
                vector.iter_mut().zip(earlier).for_each(|(a, b)| *a -= dot * b);
            }
        }
        let norm = vector.iter().map(|a| a * a).sum::<f64>().sqrt();
        for a in &mut vector {
            *a /= norm;
        }
        vectors.push(vector);
    }
    let at = |input: usize, output: usize| {
        if inputs <= outputs { vectors[input][output] } else { vectors[output][input] }
    };
    (0..inputs * outputs).map(|i| (gain * at(i / outputs, i % outputs)) as f32).collect()
}
