//! The network's parameters with padded rows, and their transposes, as the kernels read them.

use std::ops::Range;

use super::kernel::padded;
use crate::rl::network::{self, Mlp, Network};

/// A layer's place among padded parameters.
#[derive(Debug, Clone)]
pub(super) struct Layer {
    /// Number of inputs.
    pub(super) inputs: usize,
    /// Number of outputs.
    pub(super) outputs: usize,
    /// Number of outputs, padded.
    pub(super) width: usize,
    /// `[inputs, width]`.
    pub(super) weight: Range<usize>,
    /// `[width]`.
    pub(super) bias: Range<usize>,
    /// `[outputs, padded inputs]` among the transposes; empty for the first layer, whose inputs have no slopes.
    pub(super) transpose: Range<usize>,
    /// Where it lies in the network's own parameters.
    own: network::Layer,
}

/// Actor and critic, padded.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    pub(super) actor: Vec<Layer>,
    pub(super) critic: Vec<Layer>,
    /// Number of padded parameters.
    pub(super) length: usize,
    /// Number of values in all transposes.
    pub(super) transposes: usize,
}

impl Layout {
    pub(super) fn new(network: &Network) -> Self {
        let mut layout = Self { actor: Vec::new(), critic: Vec::new(), length: 0, transposes: 0 };
        layout.actor = layout.place(&network.actor);
        layout.critic = layout.place(&network.critic);
        layout
    }

    fn place(&mut self, mlp: &Mlp) -> Vec<Layer> {
        let take = |at: &mut usize, length: usize| {
            *at += length;
            *at - length..*at
        };
        let mut one = |(index, own): (usize, &network::Layer)| {
            let width = padded(own.outputs);
            let transposed = if index > 0 { own.outputs * padded(own.inputs) } else { 0 };
            Layer {
                inputs: own.inputs,
                outputs: own.outputs,
                width,
                weight: take(&mut self.length, own.inputs * width),
                bias: take(&mut self.length, width),
                transpose: take(&mut self.transposes, transposed),
                own: own.clone(),
            }
        };
        mlp.layers.iter().enumerate().map(&mut one).collect()
    }

    fn layers(&self) -> impl Iterator<Item = &Layer> {
        self.actor.iter().chain(&self.critic)
    }

    /// Copies `theta` to its padded form and the transposes. Padding stays as it is, which is 0 from the start.
    pub(super) fn pack(&self, theta: &[f32], padded: &mut [f32], transposes: &mut [f32]) {
        for layer in self.layers() {
            let weights = &theta[layer.own.weight.clone()];
            copy((weights, layer.outputs), (&mut padded[layer.weight.clone()], layer.width));
            padded[layer.bias.clone()][..layer.outputs].copy_from_slice(&theta[layer.own.bias.clone()]);
            transpose(weights, layer.outputs, &mut transposes[layer.transpose.clone()]);
        }
    }

    /// Copies a padded gradient to the network's own order.
    pub(super) fn unpack(&self, padded: &[f32], gradient: &mut [f32]) {
        for layer in self.layers() {
            let into = &mut gradient[layer.own.weight.clone()];
            copy((&padded[layer.weight.clone()], layer.width), (into, layer.outputs));
            gradient[layer.own.bias.clone()].copy_from_slice(&padded[layer.bias.clone()][..layer.outputs]);
        }
    }
}

/// Copies rows from one width to another, as far as both go.
fn copy((from, width): (&[f32], usize), (into, other): (&mut [f32], usize)) {
    if width == other {
        return into.copy_from_slice(from);
    }
    let least = width.min(other);
    for (from, into) in from.chunks_exact(width).zip(into.chunks_exact_mut(other)) {
        into[..least].copy_from_slice(&from[..least]);
    }
}

/// Rows and columns that are transposed together: a cache line each way.
const BLOCK: usize = 16;

/// Writes the transpose of `[inputs, outputs]` to `[outputs, padded inputs]`, where there is room for one.
fn transpose(weights: &[f32], outputs: usize, into: &mut [f32]) {
    if into.is_empty() {
        return;
    }
    let inputs = weights.len() / outputs;
    let stride = padded(inputs);
    for from in (0..inputs).step_by(BLOCK) {
        let to = inputs.min(from + BLOCK);
        for (output, into) in into.chunks_exact_mut(stride).enumerate() {
            let column = weights[from * outputs + output..].iter().step_by(outputs);
            into[from..to].iter_mut().zip(column).for_each(|(into, &weight)| *into = weight);
        }
    }
}
