//! A network's parameters as leaves of Candle's graph.

use std::ops::Range;

use candle_core::backprop::GradStore;
use candle_core::{Device, Result, Tensor, Var};

use super::network::{Activation, Layer, Mlp, Network};
use super::tanh::Tanh;

/// Actor and critic as leaves of the graph.
pub(super) struct Variables<'a> {
    pub(super) actor: Perceptron<'a>,
    pub(super) critic: Perceptron<'a>,
}

/// A perceptron as leaves of the graph.
pub(super) struct Perceptron<'a> {
    mlp: &'a Mlp,
    layers: Vec<(Var, Var)>,
}

impl<'a> Variables<'a> {
    /// From parameters in the program's memory.
    pub(super) fn new(network: &'a Network, theta: &[f32], device: &Device) -> Result<Self> {
        let leaf = |range: &Range<usize>, shape: (usize, usize)| {
            Var::from_tensor(&Tensor::from_slice(&theta[range.clone()], shape, device)?)
        };
        Self::with(network, &leaf)
    }

    /// From `theta`, `[parameters]`, of the device it lies on.
    pub(super) fn on_device(network: &'a Network, theta: &Tensor) -> Result<Self> {
        let leaf = |range: &Range<usize>, shape: (usize, usize)| {
            Var::from_tensor(&theta.narrow(0, range.start, range.len())?.reshape(shape)?)
        };
        Self::with(network, &leaf)
    }

    fn with(network: &'a Network, leaf: &dyn Fn(&Range<usize>, (usize, usize)) -> Result<Var>) -> Result<Self> {
        let perceptron = |mlp: &'a Mlp| {
            let one = |layer: &Layer| {
                let weight = leaf(&layer.weight, (layer.inputs, layer.outputs))?;
                Ok((weight, leaf(&layer.bias, (1, layer.outputs))?))
            };
            let layers = mlp.layers.iter().map(one).collect::<Result<_>>()?;
            Ok::<_, candle_core::Error>(Perceptron { mlp, layers })
        };
        Ok(Self { actor: perceptron(&network.actor)?, critic: perceptron(&network.critic)? })
    }

    /// All leaves with their places among the parameters, in order.
    fn leaves(&self) -> impl Iterator<Item = (&Range<usize>, &Var)> {
        [&self.actor, &self.critic].into_iter().flat_map(Perceptron::leaves)
    }

    /// Copies gradients to the parameters' places; those of leaves that took no part stay as they are.
    pub(super) fn read(&self, gradients: &GradStore, flat: &mut [f32]) -> Result<()> {
        for (range, leaf) in self.leaves() {
            if let Some(gradient) = gradients.get(leaf) {
                flat[range.clone()].copy_from_slice(&gradient.flatten_all()?.to_vec1::<f32>()?);
            }
        }
        Ok(())
    }

    /// Gradients as one vector beside the parameters, on the leaves' device; 0 for leaves that took no part.
    pub(super) fn flatten(&self, gradients: &GradStore) -> Result<Tensor> {
        let one = |(_, leaf): (_, &Var)| match gradients.get(leaf) {
            Some(gradient) => gradient.flatten_all(),
            None => leaf.as_tensor().zeros_like()?.flatten_all(),
        };
        Tensor::cat(&self.leaves().map(one).collect::<Result<Vec<_>>>()?, 0)
    }
}

impl Perceptron<'_> {
    fn leaves(&self) -> impl Iterator<Item = (&Range<usize>, &Var)> {
        let one = |(layer, (weight, bias))| {
            let layer: &Layer = layer;
            [(&layer.weight, weight), (&layer.bias, bias)]
        };
        self.mlp.layers.iter().zip(&self.layers).flat_map(one)
    }

    /// `[rows, inputs]` to `[rows, outputs]`.
    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let last = self.layers.len() - 1;
        self.layers.iter().enumerate().try_fold(x.clone(), |x, (index, (weight, bias))| {
            let y = x.matmul(weight)?.broadcast_add(bias)?;
            if index == last { Ok(y) } else { activate(self.mlp.activation, &y) }
        })
    }
}

/// Candle's own tanh on the CPU is slow.
fn activate(activation: Activation, x: &Tensor) -> Result<Tensor> {
    match activation {
        Activation::Tanh if x.device().is_cpu() => x.apply_op1(Tanh),
        Activation::Tanh => x.tanh(),
        Activation::Relu => x.relu(),
    }
}
