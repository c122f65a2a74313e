//! Actor and critic: two perceptrons whose parameters lie in one flat vector.

#![allow(clippy::inline_always, reason = "what is not inlined is compiled without the instruction set")]

use pulp::{Arch, Simd, WithSimd};

use super::dispatch::dispatch;
use super::gru::Gru;
use super::heads;
pub use super::layer::Layer;
use super::layer::orthogonal;
pub use super::settings::Activation;
use super::tanh::tanh;
use crate::env::Distribution;

/// Layers with an activation between them, none after the last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mlp {
    /// In order.
    pub layers: Vec<Layer>,
    /// What a sum becomes on its way to the next layer.
    pub activation: Activation,
}

/// Actor and critic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Network {
    /// What the actor remembers of an episode, where it does.
    pub memory: Option<Gru>,
    /// Observation and memory to the outputs of all heads.
    pub actor: Mlp,
    /// Observation, privileged values and memory to the values. Nothing is learned through that memory.
    pub critic: Mlp,
    /// What each part of an action is drawn from.
    pub heads: Vec<Distribution>,
    /// Number of values the critic gives: 1 of rewards, or 2 of rewards and of costs.
    pub values: usize,
    /// Number of parameters.
    pub parameters: usize,
}

impl Network {
    /// Lays out a tanh network with the same hidden widths for both, whose critic gives `values`.
    #[must_use]
    pub fn new(observation: usize, privileged: usize, heads: &[Distribution], hidden: &[usize], values: usize) -> Self {
        Self::remembering(observation, privileged, heads, hidden, values, 0)
    }

    /// The same, with an actor that remembers `width` numbers; 0 is none.
    #[must_use]
    pub fn remembering(
        observation: usize,
        privileged: usize,
        heads: &[Distribution],
        hidden: &[usize],
        values: usize,
        width: usize,
    ) -> Self {
        let mut at = 0;
        let memory = (width > 0).then(|| Gru::new(observation, width, &mut at));
        let outputs = heads.iter().map(|head| head.outputs()).sum();
        let actor = Mlp::new(observation + width, hidden, outputs, &mut at);
        let critic = Mlp::new(observation + privileged + width, hidden, values, &mut at);
        Self { memory, actor, critic, heads: heads.to_vec(), values, parameters: at }
    }

    /// Number of values in an observation.
    #[must_use]
    pub fn observation(&self) -> usize {
        self.memory.as_ref().map_or(self.actor.inputs(), |memory| memory.input.inputs)
    }

    /// Numbers that the actor remembers.
    #[must_use]
    pub fn width(&self) -> usize {
        self.memory.as_ref().map_or(0, Gru::width)
    }

    /// The same network with another activation.
    #[must_use]
    pub fn activated(mut self, activation: Activation) -> Self {
        (self.actor.activation, self.critic.activation) = (activation, activation);
        self
    }

    /// The same network with other hidden widths for the critic.
    #[must_use]
    pub fn criticized_by(self, hidden: &[usize]) -> Self {
        let mut parameters = self.critic.layers[0].weight.start;
        let critic = Mlp::new(self.critic.inputs(), hidden, self.values, &mut parameters);
        let critic = Mlp { activation: self.critic.activation, ..critic };
        Self { critic, parameters, ..self }
    }

    /// Orthogonal weights: gain √2 inside, 0.01 for the policy's head, 1 for the value's; biases 0, except that the first
    /// policy gives `share` of each categorical head to the choice in `first`, and has that mean in the others.
    #[must_use]
    pub fn initialize(&self, seed: u64, first: &[f32], share: f64) -> Vec<f32> {
        let mut theta = vec![0.0; self.parameters];
        let layers = self.actor.layers.iter().chain(&self.critic.layers);
        let (last_actor, last) = (self.actor.layers.len() - 1, self.actor.layers.len() + self.critic.layers.len() - 1);
        for (index, layer) in layers.enumerate() {
            let gain = match index {
                i if i == last_actor => 0.01,
                i if i == last => 1.0,
                _ => std::f64::consts::SQRT_2,
            };
            let weights = orthogonal(layer.inputs, layer.outputs, gain, seed, index as u64);
            theta[layer.weight.clone()].copy_from_slice(&weights);
        }
        if let Some(memory) = &self.memory {
            memory.initialize(seed, &mut theta);
        }
        heads::lean_all(&self.heads, first, share, &mut theta[self.actor.layers[last_actor].bias.clone()]);
        theta
    }
}

impl Mlp {
    fn new(inputs: usize, hidden: &[usize], outputs: usize, at: &mut usize) -> Self {
        let widths = [&[inputs], hidden, &[outputs]].concat();
        let layers = widths.windows(2).map(|pair| Layer::new(pair[0], pair[1], at));
        Self { layers: layers.collect(), activation: Activation::Tanh }
    }

    /// Number of inputs.
    #[must_use]
    pub fn inputs(&self) -> usize {
        self.layers[0].inputs
    }

    /// Number of outputs.
    #[must_use]
    pub fn outputs(&self) -> usize {
        self.layers[self.layers.len() - 1].outputs
    }

    /// Runs rows `x` (`[rows, inputs]`) through the layers of `theta`, and leaves `[rows, outputs]` in `buffers`.
    ///
    /// A row's result does not depend on the other rows, nor on the machine: the loops are compiled for each instruction
    /// set, but the order of the sums is the same, and none is fused with its product.
    pub fn forward<'a>(&self, theta: &[f32], x: &[f32], buffers: &'a mut Buffers) -> &'a [f32] {
        let rows = x.len() / self.inputs();
        dispatch(Arch::new(), Forward { mlp: self, theta, x, rows, buffers });
        &buffers.front[..rows * self.outputs()]
    }

    #[inline(always)]
    fn pass<S: Simd>(&self, simd: S, theta: &[f32], x: &[f32], rows: usize, buffers: &mut Buffers) {
        let Buffers { front, back, .. } = buffers;
        front.clear();
        front.extend_from_slice(x);
        for (index, layer) in self.layers.iter().enumerate() {
            back.resize(rows * layer.outputs, 0.0);
            layer.forward(simd, theta, front, back);
            if index + 1 < self.layers.len() {
                self.activation.apply(back);
            }
            std::mem::swap(front, back);
        }
    }
}

/// A forward pass, for each instruction set.
struct Forward<'a> {
    mlp: &'a Mlp,
    theta: &'a [f32],
    x: &'a [f32],
    rows: usize,
    buffers: &'a mut Buffers,
}

impl WithSimd for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        self.mlp.pass(simd, self.theta, self.x, self.rows, self.buffers);
    }
}

impl Activation {
    /// To all values.
    #[inline(always)]
    fn apply(self, values: &mut [f32]) {
        match self {
            Self::Tanh => {
                for value in values {
                    *value = tanh(*value);
                }
            }
            Self::Relu => {
                for value in values {
                    *value = if *value < 0.0 { 0.0 } else { *value };
                }
            }
        }
    }
}

/// Room that forward passes reuse, and what a network with memory remembers from one to the next.
#[derive(Debug, Clone, Default)]
pub struct Buffers {
    front: Vec<f32>,
    back: Vec<f32>,
    /// Gates of the memory, of what is seen and of what is kept.
    pub(super) gates: [Vec<f32>; 2],
    /// The memory, `[rows, width]`; empty before an episode's first step.
    pub memory: Vec<f32>,
}

#[cfg(test)]
#[path = "network_tests.rs"]
mod tests;
