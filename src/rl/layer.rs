//! A layer of a perceptron: where its weights lie, its product, and its first weights.

#![allow(clippy::inline_always, reason = "what is not inlined is compiled without the instruction set")]

use std::ops::Range;

use pulp::Simd;
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

/// Rows that are computed together.
const ROWS: usize = 4;
/// Outputs behind the last whole vectors that are computed together.
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
    pub(super) fn forward<S: Simd>(&self, simd: S, theta: &[f32], x: &[f32], out: &mut [f32]) {
        let (weight, bias) = (&theta[self.weight.clone()], &theta[self.bias.clone()]);
        let rows = x.len() / self.inputs;
        for row in (0..rows).step_by(ROWS) {
            let block = ROWS.min(rows - row);
            let x = &x[row * self.inputs..(row + block) * self.inputs];
            let out = &mut out[row * self.outputs..(row + block) * self.outputs];
            match block {
                ROWS => self.block::<S, ROWS>(simd, weight, bias, x, out),
                3 => self.block::<S, 3>(simd, weight, bias, x, out),
                2 => self.block::<S, 2>(simd, weight, bias, x, out),
                _ => self.block::<S, 1>(simd, weight, bias, x, out),
            }
        }
    }

    /// `N` rows. An output's sum has the same order wherever its column falls.
    #[inline(always)]
    fn block<S: Simd, const N: usize>(&self, simd: S, weight: &[f32], bias: &[f32], x: &[f32], out: &mut [f32]) {
        let (lanes, mut column) = (S::F32_LANES, 0);
        // Instruction sets of eight lanes have sixteen registers, the others have thirty-two.
        while lanes != 8 && self.outputs - column >= 4 * lanes {
            self.vectors::<S, N, 4>(simd, (weight, bias), x, out, column);
            column += 4 * lanes;
        }
        while self.outputs - column >= 2 * lanes {
            self.vectors::<S, N, 2>(simd, (weight, bias), x, out, column);
            column += 2 * lanes;
        }
        while self.outputs - column >= COLUMNS {
            self.columns::<N, COLUMNS>((weight, bias), x, out, column);
            column += COLUMNS;
        }
        while column < self.outputs {
            self.columns::<N, 1>((weight, bias), x, out, column);
            column += 1;
        }
    }

    /// `V` vectors of outputs from `column` on.
    #[inline(always)]
    fn vectors<S: Simd, const N: usize, const V: usize>(
        &self,
        simd: S,
        (weight, bias): (&[f32], &[f32]),
        x: &[f32],
        out: &mut [f32],
        column: usize,
    ) {
        let (inputs, outputs) = (self.inputs, self.outputs);
        let mut sums = [[simd.splat_f32s(0.0); V]; N];
        for input in 0..inputs {
            let Some(w) = S::as_simd_f32s(&weight[input * outputs + column..]).0.first_chunk::<V>() else { continue };
            for (row, sums) in sums.iter_mut().enumerate() {
                let x = simd.splat_f32s(x[row * inputs + input]);
                for (sum, w) in sums.iter_mut().zip(w) {
                    *sum = simd.add_f32s(*sum, simd.mul_f32s(x, *w));
                }
            }
        }
        let bias = S::as_simd_f32s(&bias[column..]).0;
        for (row, sums) in sums.iter().enumerate() {
            let out = S::as_mut_simd_f32s(&mut out[row * outputs + column..]).0;
            for ((out, bias), sum) in out.iter_mut().zip(bias).zip(sums) {
                *out = simd.add_f32s(*bias, *sum);
            }
        }
    }

    /// `M` outputs from `column` on.
    #[inline(always)]
    fn columns<const N: usize, const M: usize>(
        &self,
        (weight, bias): (&[f32], &[f32]),
        x: &[f32],
        out: &mut [f32],
        column: usize,
    ) {
        let (inputs, outputs) = (self.inputs, self.outputs);
        let mut sums = [[0.0_f32; M]; N];
        for input in 0..inputs {
            let Some(w) = weight[input * outputs + column..].first_chunk::<M>() else { continue };
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
