//! A network's parameters as leaves of Candle's graph.

use std::ops::Range;

use candle_core::backprop::GradStore;
use candle_core::{Device, Result, Tensor, Var};

use super::gru::Gru;
use super::network::{Activation, Layer, Mlp, Network};
use super::sheet::{Sequences, Sheet};
use super::tanh::Tanh;

/// Actor and critic as leaves of the graph.
pub(super) struct Variables<'a> {
    memory: Option<Memory<'a>>,
    pub(super) actor: Perceptron<'a>,
    pub(super) critic: Perceptron<'a>,
}

/// A perceptron as leaves of the graph.
pub(super) struct Perceptron<'a> {
    mlp: &'a Mlp,
    layers: Vec<Leaves>,
}

/// A layer's weights and biases.
type Leaves = (Var, Var);

/// The actor's memory as leaves of the graph.
struct Memory<'a> {
    gru: &'a Gru,
    input: Leaves,
    state: Leaves,
}

/// Makes a leaf of parameters in a range, of a shape.
type Leaf<'a> = dyn Fn(&Range<usize>, (usize, usize)) -> Result<Var> + 'a;

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

    fn with(network: &'a Network, leaf: &Leaf<'_>) -> Result<Self> {
        let layer = |layer: &Layer| -> Result<Leaves> {
            let weight = leaf(&layer.weight, (layer.inputs, layer.outputs))?;
            Ok((weight, leaf(&layer.bias, (1, layer.outputs))?))
        };
        let perceptron = |mlp: &'a Mlp| -> Result<Perceptron<'a>> {
            Ok(Perceptron { mlp, layers: mlp.layers.iter().map(layer).collect::<Result<_>>()? })
        };
        let memory = |gru: &'a Gru| -> Result<Memory<'a>> {
            Ok(Memory { gru, input: layer(&gru.input)?, state: layer(&gru.state)? })
        };
        Ok(Self {
            memory: network.memory.as_ref().map(memory).transpose()?,
            actor: perceptron(&network.actor)?,
            critic: perceptron(&network.critic)?,
        })
    }

    /// The actor's outputs at all rows of a sheet.
    pub(super) fn act(&self, sheet: &Sheet) -> Result<Tensor> {
        match (&self.memory, &sheet.memory) {
            (Some(memory), Some(sequences)) => {
                let remembered = memory.remember(&sheet.observations, sequences)?;
                self.actor.forward(&Tensor::cat(&[&sheet.observations, &remembered], 1)?)
            }
            _ => self.actor.forward(&sheet.observations),
        }
    }

    /// All leaves with their places among the parameters, in order.
    fn leaves(&self) -> impl Iterator<Item = (&Range<usize>, &Var)> {
        let memory = self.memory.iter().flat_map(Memory::leaves);
        memory.chain([&self.actor, &self.critic].into_iter().flat_map(Perceptron::leaves))
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

impl Memory<'_> {
    fn leaves(&self) -> impl Iterator<Item = (&Range<usize>, &Var)> {
        [(&self.gru.input, &self.input), (&self.gru.state, &self.state)]
            .into_iter()
            .flat_map(|(layer, leaves)| beside(layer, leaves))
    }

    /// The memory after each row of `x`, `[rows, inputs]`, as `[rows, width]`: what [`Gru::step`] computes.
    fn remember(&self, x: &Tensor, sequences: &Sequences) -> Result<Tensor> {
        let (steps, (count, width)) = (sequences.steps, sequences.before.dims2()?);
        let x = x.reshape((count, steps, self.gru.input.inputs))?;
        let kept = sequences.kept.reshape((count, steps, 1))?;
        let at = |tensor: &Tensor, step: usize| tensor.narrow(1, step, 1)?.squeeze(1)?.contiguous();
        let mut memory = sequences.before.clone();
        let mut all = Vec::with_capacity(steps);
        for step in 0..steps {
            memory = memory.broadcast_mul(&at(&kept, step)?)?;
            let seen = affine(&at(&x, step)?, &self.input)?;
            let held = affine(&memory, &self.state)?;
            let gates = sigmoid(&(seen.narrow(1, 0, 2 * width)? + held.narrow(1, 0, 2 * width)?)?)?;
            let (reset, update) = (gates.narrow(1, 0, width)?, gates.narrow(1, width, width)?);
            let new = (seen.narrow(1, 2 * width, width)? + (reset * held.narrow(1, 2 * width, width)?)?)?;
            let new = activate(Activation::Tanh, &new)?;
            memory = ((update * (memory - &new)?)? + new)?;
            all.push(memory.clone());
        }
        Tensor::stack(&all, 1)?.reshape((count * steps, width))
    }
}

fn beside<'a>(layer: &'a Layer, (weight, bias): &'a Leaves) -> [(&'a Range<usize>, &'a Var); 2] {
    [(&layer.weight, weight), (&layer.bias, bias)]
}

fn affine(x: &Tensor, (weight, bias): &Leaves) -> Result<Tensor> {
    x.matmul(weight)?.broadcast_add(bias)
}

/// By tanh, as the memory's own steps have it.
fn sigmoid(x: &Tensor) -> Result<Tensor> {
    activate(Activation::Tanh, &(x * 0.5)?)?.affine(0.5, 0.5)
}

impl Perceptron<'_> {
    fn leaves(&self) -> impl Iterator<Item = (&Range<usize>, &Var)> {
        self.mlp.layers.iter().zip(&self.layers).flat_map(|(layer, leaves)| beside(layer, leaves))
    }

    /// `[rows, inputs]` to `[rows, outputs]`.
    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let last = self.layers.len() - 1;
        self.layers.iter().enumerate().try_fold(x.clone(), |x, (index, layer)| {
            let y = affine(&x, layer)?;
            if index == last { Ok(y) } else { activate(self.mlp.activation, &y) }
        })
    }
}

/// Candle's own tanh on the CPU is slow.
fn activate(activation: Activation, x: &Tensor) -> Result<Tensor> {
    match activation {
        Activation::Tanh if x.device().is_cpu() => x.contiguous()?.apply_op1(Tanh),
        Activation::Tanh => x.tanh(),
        Activation::Relu => x.relu(),
    }
}
