//! A perceptron forward and backward over a few rows.

use pulp::Simd;

use super::kernel::{
    Affine, Gate, Gather, Hidden, Left, Rectified, Slope, column_sums, padded, product, product_transposed,
};
use super::layout::Layer;
use crate::rl::network::Activation;

/// Rows that pass together: their activations stay in the first-level cache's neighbourhood.
pub(super) const CHUNK: usize = 64;

/// Padded parameters and the transposes of their weights.
#[derive(Debug, Clone, Copy)]
pub(super) struct Parameters<'a> {
    pub(super) padded: &'a [f32],
    pub(super) transposes: &'a [f32],
}

/// What a perceptron's passes leave behind: each layer's results, and slopes.
#[derive(Debug, Clone)]
pub(super) struct Activations {
    /// Results of each layer, `[CHUNK, width]`; those of the last are the outputs.
    results: Vec<Vec<f32>>,
    /// Slopes of the loss at a layer's sums, `[CHUNK, widest]`; two, which take turns.
    slopes: [Vec<f32>; 2],
    activation: Activation,
}

impl Activations {
    pub(super) fn new(layers: &[Layer], activation: Activation) -> Self {
        let widest = layers.iter().map(|layer| layer.width).max().unwrap_or(0);
        Self {
            results: layers.iter().map(|layer| vec![0.0; CHUNK * layer.width]).collect(),
            slopes: [vec![0.0; CHUNK * widest], vec![0.0; CHUNK * widest]],
            activation,
        }
    }

    /// What the last forward pass of `rows` rows put out, where the backward pass takes the loss's slopes at it, and the
    /// padded number of values in a row of either.
    pub(super) fn outputs(&mut self, layers: &[Layer], rows: usize) -> (&mut [f32], &mut [f32], usize) {
        let last = layers.len() - 1;
        let width = layers[last].width;
        (&mut self.results[last][..rows * width], &mut self.slopes[0][..rows * width], width)
    }

    /// Runs `rows` rows of `x` through the layers.
    #[inline(always)]
    pub(super) fn forward<S: Simd>(
        &mut self,
        simd: S,
        layers: &[Layer],
        theta: Parameters<'_>,
        x: &[f32],
        rows: usize,
    ) {
        for (index, layer) in layers.iter().enumerate() {
            let (before, after) = self.results.split_at_mut(index);
            let a = match before.last() {
                Some(before) => Left { values: before, stride: padded(layer.inputs) },
                None => Left { values: x, stride: layer.inputs },
            };
            let weight = &theta.padded[layer.weight.clone()];
            let bias = S::as_simd_f32s(&theta.padded[layer.bias.clone()]).0;
            let out = (&mut after[0][..rows * layer.width], layer.width);
            let b = (weight, layer.inputs);
            match self.activation {
                _ if index + 1 == layers.len() => product(simd, (a, rows), b, out, Affine(bias)),
                Activation::Tanh => product(simd, (a, rows), b, out, Hidden(bias)),
                Activation::Relu => product(simd, (a, rows), b, out, Rectified(bias)),
            }
        }
    }

    /// From slopes at the outputs to the gradient of the layers, which it sets, or adds to.
    #[inline(always)]
    pub(super) fn backward<S: Simd>(
        &mut self,
        simd: S,
        layers: &[Layer],
        theta: Parameters<'_>,
        (x, rows): (&[f32], usize),
        (gradient, add): (&mut [f32], bool),
    ) {
        for (index, layer) in layers.iter().enumerate().rev() {
            let [slopes, next] = &mut self.slopes;
            let slope = &slopes[..rows * layer.width];
            let a = match index.checked_sub(1) {
                Some(before) => {
                    Left { values: &self.results[before][..rows * padded(layer.inputs)], stride: padded(layer.inputs) }
                }
                None => Left { values: &x[..rows * layer.inputs], stride: layer.inputs },
            };
            let out = (&mut gradient[layer.weight.clone()], layer.width);
            product_transposed(simd, (a, layer.inputs), (slope, rows), out, Gather(add));
            column_sums(simd, slope, &mut gradient[layer.bias.clone()], add);
            if index > 0 {
                let width = padded(layer.inputs);
                let (results, vectors) = (S::as_simd_f32s(a.values).0, width / S::F32_LANES);
                let b = (&theta.transposes[layer.transpose.clone()], layer.outputs);
                let from = (Left { values: slope, stride: layer.width }, rows);
                let out = (&mut next[..rows * width], width);
                match self.activation {
                    Activation::Tanh => product(simd, from, b, out, Slope(results, vectors)),
                    Activation::Relu => product(simd, from, b, out, Gate(results, vectors)),
                }
                self.slopes.swap(0, 1);
            }
        }
    }
}
