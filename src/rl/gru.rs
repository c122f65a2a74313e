//! A gated recurrent unit: what an actor remembers of an episode.
//!
//! ```text
//! r = σ(x W_r + b_r + h U_r + c_r);   z = σ(x W_z + b_z + h U_z + c_z)
//! n = tanh(x W_n + b_n + r ⊙ (h U_n + c_n));   h' = (1 − z) ⊙ n + z ⊙ h
//! ```
//! Gates stand side by side, in this order, as in PyTorch. Source: Cho et al., arXiv:1406.1078, with the reset gate after
//! the product.

#![allow(clippy::inline_always, reason = "what is not inlined is compiled without the instruction set")]

use pulp::{Arch, Simd, WithSimd};

use super::dispatch::dispatch;
use super::layer::{Layer, orthogonal};
use super::tanh::tanh;

/// Bias of the update gate before anything is learned: much of the memory is kept from step to step. Source: Jozefowicz
/// et al., An Empirical Exploration of Recurrent Network Architectures, ICML 2015.
const KEEP: f32 = 1.0;

/// Where a unit's weights lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gru {
    /// `W` and `b`: from the observation to three gates.
    pub input: Layer,
    /// `U` and `c`: from the memory to three gates.
    pub state: Layer,
}

impl Gru {
    /// A unit that remembers `width` numbers, whose weights start `at`, which is moved behind them.
    pub(super) fn new(inputs: usize, width: usize, at: &mut usize) -> Self {
        Self { input: Layer::new(inputs, 3 * width, at), state: Layer::new(width, 3 * width, at) }
    }

    /// Numbers that it remembers.
    #[must_use]
    pub fn width(&self) -> usize {
        self.state.inputs
    }

    /// Orthogonal weights, gate by gate.
    pub(super) fn initialize(&self, seed: u64, theta: &mut [f32]) {
        let width = self.width();
        for (part, layer) in [&self.input, &self.state].into_iter().enumerate() {
            for gate in 0..3 {
                // Streams of its own, behind those of the layers.
                let block = orthogonal(layer.inputs, width, 1.0, seed, 1000 + (3 * part + gate) as u64);
                let rows = theta[layer.weight.clone()].chunks_exact_mut(layer.outputs);
                for (row, block) in rows.zip(block.chunks_exact(width)) {
                    row[gate * width..][..width].copy_from_slice(block);
                }
            }
        }
        theta[self.input.bias.clone()][width..2 * width].fill(KEEP);
    }

    /// Takes rows `x`, `[rows, inputs]`, into the memory of each, `[rows, width]`. Rows do not depend on one another.
    pub fn step(&self, theta: &[f32], x: &[f32], memory: &mut [f32], gates: &mut [Vec<f32>; 2]) {
        dispatch(Arch::new(), Step { gru: self, theta, x, memory, gates });
    }

    #[inline(always)]
    fn pass<S: Simd>(&self, simd: S, theta: &[f32], x: &[f32], memory: &mut [f32], gates: &mut [Vec<f32>; 2]) {
        let width = self.width();
        let [seen, kept] = gates;
        seen.resize(x.len() / self.input.inputs * 3 * width, 0.0);
        kept.resize(seen.len(), 0.0);
        self.input.forward(simd, theta, x, seen);
        self.state.forward(simd, theta, memory, kept);
        let rows = seen.chunks_exact(3 * width).zip(kept.chunks_exact(3 * width));
        for ((seen, kept), memory) in rows.zip(memory.chunks_exact_mut(width)) {
            for (at, memory) in memory.iter_mut().enumerate() {
                let reset = sigmoid(seen[at] + kept[at]);
                let update = sigmoid(seen[width + at] + kept[width + at]);
                let new = tanh(seen[2 * width + at] + reset * kept[2 * width + at]);
                *memory = new + update * (*memory - new);
            }
        }
    }
}

/// A step, for each instruction set.
struct Step<'a> {
    gru: &'a Gru,
    theta: &'a [f32],
    x: &'a [f32],
    memory: &'a mut [f32],
    gates: &'a mut [Vec<f32>; 2],
}

impl WithSimd for Step<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        self.gru.pass(simd, self.theta, self.x, self.memory, self.gates);
    }
}

#[inline(always)]
fn sigmoid(x: f32) -> f32 {
    0.5 + 0.5 * tanh(0.5 * x)
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use crate::env::Distribution;
    use crate::rl::gradient::{Minibatch, Objective, Remembered, Surrogate, gradient};
    use crate::rl::network::Network;

    /// Computed once with PyTorch 2.15, in double precision; `wave`, `column` and `matrix` are those of the fused kernels'
    /// test:
    /// ```python
    /// theta = torch.tensor([0.4 * ((i * 37 % 19) / 9 - 1) for i in range(130)], requires_grad=True)
    /// (wi, bi), (wh, bh), (w1, b1), (w2, b2) = take(4, 9), take(3, 9), take(7, 5), take(5, 3)  # row by row, in order
    /// for s in range(4):
    ///     h = torch.tensor([[0.5 * wave(s * 3 + j, 2) for j in range(3)]])
    ///     for i in range(10 * s, 10 * s + 10):
    ///         if i % 14 == 13: h = torch.zeros(1, 3)
    ///         h = torch._VF.gru_cell(x[i:i + 1], h, wi.T, wh.T, bi, bh); hs.append(h)
    /// d = Categorical(logits=torch.tanh(torch.cat([x, torch.cat(hs)], 1) @ w1 + b1) @ w2 + b2)
    /// ratio, a = torch.exp(d.log_prob(actions) - (-1.1 + 0.4 * column(1))), column(2)
    /// loss = -torch.minimum(ratio * a, ratio.clamp(0.8, 1.2) * a).mean() - 0.01 * d.entropy().mean()
    /// loss.backward(); g = theta.grad
    /// print(loss, g.norm(), g[:72].norm(), sum(g[i] * wave(i, 1) for i in range(72)))
    /// ```
    #[test]
    fn loss_and_gradient_agree_with_pytorch() {
        let wave = |i: usize, k: usize| ((i * (2 * k + 3)) % 23) as f32 / 11.0 - 1.0;
        let network = Network::remembering(4, 0, &[Distribution::Categorical(3)], &[5], 1, 3);
        let theta: Vec<f32> = (0..network.parameters).map(|i| 0.4 * ((i * 37 % 19) as f32 / 9.0 - 1.0)).collect();
        let memory = Remembered {
            steps: 10,
            before: (0..12).map(|i| 0.5 * wave(i, 2)).collect(),
            fresh: (0..40).map(|i| i % 14 == 13).collect(),
        };
        let batch = Minibatch {
            observations: (0..160).map(|i| wave(i, i % 4)).collect(),
            actions: (0..40).map(|i| (i % 3) as f32).collect(),
            memory,
            log_probabilities: (0..40).map(|i| -1.1 + 0.4 * wave(i, 1)).collect(),
            advantages: (0..40).map(|i| wave(i, 2)).collect(),
            ..Minibatch::default()
        };
        let surrogate = Surrogate::Clipped { clip: 0.2 };
        let objective = Objective { surrogate, value: 0.0, entropy: 0.01, reference_kl: 0.0 };
        let (losses, slopes) = gradient(&network, &theta, &batch, objective, &Device::Cpu).unwrap();
        let norm = |slopes: &[f32]| slopes.iter().map(|&g| f64::from(g).powi(2)).sum::<f64>().sqrt();
        let projection: f64 = slopes[..72].iter().enumerate().map(|(i, &g)| f64::from(g * wave(i, 1))).sum();
        for (found, expected) in [losses.total, norm(&slopes), norm(&slopes[..72]), projection].into_iter().zip(TORCH) {
            assert!((found - expected).abs() < 1e-6, "{found} is not {expected}");
        }
    }

    const TORCH: [f64; 4] =
        [0.042_817_376_435_502, 0.041_925_608_686_747, 0.009_416_921_074_586, 0.007_620_658_045_092];
}
