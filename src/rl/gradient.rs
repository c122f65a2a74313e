//! PPO's loss and its gradient, by Candle's automatic differentiation.
//!
//! ```text
//! r = π(a|s) / π_old(a|s)
//! L = −E[min(r A, clip(r, 1 − ε, 1 + ε) A)] + c_v ½ E[(V − R)²] − c_e E[H(π)]
//! ```
//! Source: Schulman et al., arXiv:1707.06347, eq. 7 and 9. The ratio is clipped, not the advantage.
//!
//! On the CPU a minibatch is cut into chunks of [`CHUNK`] rows whose gradients are computed in parallel and summed in
//! order, so that the result does not depend on the number of threads.

use std::ops::Range;

use candle_core::{Device, Result, Tensor, Var};
use rayon::prelude::*;

use super::network::{Layer, Mlp, Network};
use super::tanh::Tanh;

/// Rows of a chunk. At 64 hidden units its products stay below the size at which Candle's matrix product starts threads
/// of its own.
const CHUNK: usize = 128;

/// What the gradient is computed from; all rows of a minibatch.
#[derive(Debug, Clone, Default)]
pub struct Minibatch {
    /// Normalised observations, `[rows, observation]`.
    pub observations: Vec<f32>,
    /// Normalised observations and privileged values, `[rows, critic's inputs]`.
    pub criticized: Vec<f32>,
    /// Choices taken, `[rows, heads]`.
    pub actions: Vec<u8>,
    /// Log-probability of the choices when they were taken.
    pub log_probabilities: Vec<f32>,
    /// Advantages, normalised.
    pub advantages: Vec<f32>,
    /// Returns that the critic learns.
    pub returns: Vec<f32>,
}

/// Weights of the terms.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Weights {
    /// ε of the clipped surrogate.
    pub clip: f64,
    /// Weight of the value loss.
    pub value: f64,
    /// Weight of the entropy bonus.
    pub entropy: f64,
}

/// Means over a minibatch.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Losses {
    /// The whole loss.
    pub total: f64,
    /// ½ (V − R)².
    pub value: f64,
    /// Entropy of the policy, all heads together, in nats.
    pub entropy: f64,
    /// Approximate divergence from the policy that acted: `(r − 1) − ln r`.
    pub kl: f64,
    /// Share of rows whose ratio lies beyond the clip.
    pub clipped: f64,
}

impl Losses {
    /// All means times `factor`.
    #[must_use]
    pub fn scaled(&self, factor: f64) -> Self {
        Self {
            total: self.total * factor,
            value: self.value * factor,
            entropy: self.entropy * factor,
            kl: self.kl * factor,
            clipped: self.clipped * factor,
        }
    }

    /// Adds another part's share.
    pub fn add(&mut self, other: &Self) {
        self.total += other.total;
        self.value += other.value;
        self.entropy += other.entropy;
        self.kl += other.kl;
        self.clipped += other.clipped;
    }
}

/// The loss of a minibatch at `theta`, and its gradient.
///
/// # Errors
/// The device fails.
pub fn gradient(
    network: &Network,
    theta: &[f32],
    batch: &Minibatch,
    weights: Weights,
    device: &Device,
) -> Result<(Losses, Vec<f32>)> {
    let rows = batch.returns.len();
    let chunk = if device.is_cpu() { CHUNK } else { rows.max(1) };
    let starts: Vec<usize> = (0..rows).step_by(chunk).collect();
    let part = |&from: &usize| part(network, theta, batch, from..(from + chunk).min(rows), weights, device);
    // One run of chunks a thread: a chunk is too little work to hand around.
    let share = starts.len().div_ceil(rayon::current_num_threads());
    let parts: Vec<_> = starts.par_iter().with_min_len(share).map(part).collect::<Result<_>>()?;
    let mut losses = Losses::default();
    let mut sum = vec![0.0; theta.len()];
    for (loss, gradient) in &parts {
        losses.add(loss);
        sum.iter_mut().zip(gradient).for_each(|(sum, g)| *sum += g);
    }
    Ok((losses, sum))
}

/// The share of some rows in the loss of a whole minibatch.
fn part(
    network: &Network,
    theta: &[f32],
    batch: &Minibatch,
    rows: Range<usize>,
    weights: Weights,
    device: &Device,
) -> Result<(Losses, Vec<f32>)> {
    let all = batch.returns.len() as f64;
    let actor = Variables::new(&network.actor, theta, device)?;
    let critic = Variables::new(&network.critic, theta, device)?;
    let tensor = |values: &[f32], width: usize| {
        Tensor::from_slice(&values[rows.start * width..rows.end * width], (rows.len(), width), device)
    };
    let old = tensor(&batch.log_probabilities, 1)?;
    let advantages = tensor(&batch.advantages, 1)?;
    let logits = actor.forward(&tensor(&batch.observations, network.actor.inputs())?)?;
    let values = critic.forward(&tensor(&batch.criticized, network.critic.inputs())?)?;
    let policy = Policy::new(network, &logits, &batch.actions[rows.start * network.heads.len()..], device)?;

    let log_ratio = (&policy.log_probability - old)?;
    let ratio = log_ratio.exp()?;
    let clipped = ratio.clamp(1.0 - weights.clip, 1.0 + weights.clip)?;
    let surrogate = (&ratio * &advantages)?.minimum(&(clipped * &advantages)?)?.sum_all()?;
    let value = ((values - tensor(&batch.returns, 1)?)?.sqr()?.sum_all()? * (0.5 / all))?;
    let entropy = (policy.entropy / all)?;
    let loss = ((&value * weights.value)? - (surrogate / all)? - (&entropy * weights.entropy)?)?;

    let gradients = loss.backward()?;
    let mut flat = vec![0.0; theta.len()];
    actor.read(&gradients, &mut flat)?;
    critic.read(&gradients, &mut flat)?;
    let ratios = log_ratio.flatten_all()?.to_vec1::<f32>()?;
    let mut losses =
        Losses { total: scalar(&loss)?, value: scalar(&value)?, entropy: scalar(&entropy)?, ..Losses::default() };
    for log_ratio in ratios.into_iter().map(f64::from) {
        losses.kl += (log_ratio.exp_m1() - log_ratio) / all;
        losses.clipped += if log_ratio.exp_m1().abs() > weights.clip { 1.0 / all } else { 0.0 };
    }
    Ok((losses, flat))
}

fn scalar(tensor: &Tensor) -> Result<f64> {
    Ok(f64::from(tensor.to_scalar::<f32>()?))
}

/// The distribution over actions that logits make.
struct Policy {
    /// Of the actions taken, `[rows, 1]`.
    log_probability: Tensor,
    /// Sum over rows.
    entropy: Tensor,
}

impl Policy {
    /// Sums over a head are products with a 0-1 matrix, one column a head: a few operations whatever the number of heads.
    /// All heads of a row share the largest logit as their shift, so a head whose logits all lie 87 below it would
    /// vanish; logits are of order ten.
    fn new(network: &Network, logits: &Tensor, actions: &[u8], device: &Device) -> Result<Self> {
        let (rows, width) = logits.dims2()?;
        let heads = &network.heads;
        let mut member = vec![0.0_f32; width * heads.len()];
        let mut taken = vec![0.0_f32; rows * width];
        let mut from = 0;
        for (head, &size) in heads.iter().enumerate() {
            (from..from + size).for_each(|logit| member[logit * heads.len() + head] = 1.0);
            for row in 0..rows {
                taken[row * width + from + usize::from(actions[row * heads.len() + head])] = 1.0;
            }
            from += size;
        }
        let member = Tensor::from_vec(member, (width, heads.len()), device)?;
        let taken = Tensor::from_vec(taken, (rows, width), device)?;

        let shifted = logits.broadcast_sub(&logits.detach().max_keepdim(1)?)?;
        let weights = shifted.exp()?;
        let sums = weights.matmul(&member)?;
        let log_sums = sums.log()?.sum_keepdim(1)?;
        let probabilities = (weights * sums.recip()?.matmul(&member.t()?.contiguous()?)?)?;
        let entropy = (log_sums.sum_all()? - (probabilities * &shifted)?.sum_all()?)?;
        Ok(Self { log_probability: ((shifted * taken)?.sum_keepdim(1)? - log_sums)?, entropy })
    }
}

/// A perceptron's parameters as leaves of the graph.
struct Variables<'a> {
    mlp: &'a Mlp,
    layers: Vec<(Var, Var)>,
}

impl<'a> Variables<'a> {
    fn new(mlp: &'a Mlp, theta: &[f32], device: &Device) -> Result<Self> {
        let one = |layer: &Layer| {
            let weight = Tensor::from_slice(&theta[layer.weight.clone()], (layer.inputs, layer.outputs), device)?;
            let bias = Tensor::from_slice(&theta[layer.bias.clone()], (1, layer.outputs), device)?;
            Ok((Var::from_tensor(&weight)?, Var::from_tensor(&bias)?))
        };
        Ok(Self { mlp, layers: mlp.layers.iter().map(one).collect::<Result<_>>()? })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let last = self.layers.len() - 1;
        self.layers.iter().enumerate().try_fold(x.clone(), |x, (index, (weight, bias))| {
            let y = x.matmul(weight)?.broadcast_add(bias)?;
            match (index == last, y.device().is_cpu()) {
                (true, _) => Ok(y),
                (false, true) => y.apply_op1(Tanh),
                (false, false) => y.tanh(),
            }
        })
    }

    fn read(&self, gradients: &candle_core::backprop::GradStore, flat: &mut [f32]) -> Result<()> {
        for (layer, (weight, bias)) in self.mlp.layers.iter().zip(&self.layers) {
            for (range, variable) in [(&layer.weight, weight), (&layer.bias, bias)] {
                if let Some(gradient) = gradients.get(variable) {
                    flat[range.clone()].copy_from_slice(&gradient.flatten_all()?.to_vec1::<f32>()?);
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "gradient_tests.rs"]
mod tests;
