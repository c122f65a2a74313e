//! The loss of policy-gradient algorithms and its gradient, by Candle's automatic differentiation.
//!
//! ```text
//! r = π(a|s) / π_old(a|s);   q = log π_ref(a|s) − log π(a|s)
//! L = −E[S] + c_v ½ E[Σ_i (V_i − R_i)²] − c_e E[H(π)] + c_k E[e^q − q − 1]
//! S = min(r A, clip(r, 1 − ε, 1 + ε) A), clipped;   S = A log π(a|s), plain
//! ```
//! Sources: Schulman et al., arXiv:1707.06347, eq. 7 and 9 (the ratio is clipped, not the advantage); Williams,
//! Machine Learning 8 (1992), for the plain surrogate; Shao et al., arXiv:2402.03300, eq. 4, for the divergence.
//!
//! On the CPU a minibatch is cut into chunks of [`CHUNK`] rows whose gradients are computed in parallel and summed in
//! order, so that the result does not depend on the number of threads.

use std::ops::Range;

use candle_core::{Device, Result};
use rayon::prelude::*;

use super::loss::Loss;
use super::network::Network;
use super::sheet::Sheet;
use super::variables::Variables;

/// Rows of a chunk. At 64 hidden units its products stay below the size at which Candle's matrix product starts threads
/// of its own.
const CHUNK: usize = 128;

/// Sequences of a chunk, where the network has a memory. A step's small products take as long for one sequence as for eight, so
/// fewer would cost more than further threads gain.
const SEQUENCES: usize = 8;

/// What the gradient is computed from; all rows of a minibatch.
#[derive(Debug, Clone, Default)]
pub struct Minibatch {
    /// Normalised observations, `[rows, observation]`.
    pub observations: Vec<f32>,
    /// Normalised observations and privileged values, `[rows, critic's inputs]`.
    pub criticized: Vec<f32>,
    /// Actions taken, `[rows, heads]`.
    pub actions: Vec<f32>,
    /// What was allowed, `[rows, outputs of the heads]`; empty when everything always was.
    pub masks: Vec<bool>,
    /// Rows where only one action was allowed, which tell nothing about the policy: they count for the critic alone.
    /// Empty when there are no masks.
    pub forced: Vec<bool>,
    /// What a network with memory remembers.
    pub memory: Remembered,
    /// Log-probability of the actions when they were taken.
    pub log_probabilities: Vec<f32>,
    /// Advantages, normalised.
    pub advantages: Vec<f32>,
    /// Returns that the critic learns, `[rows, values]`; may be empty when the value loss weighs nothing.
    pub returns: Vec<f32>,
    /// Log-probability of the actions under the reference policy; may be empty when its divergence weighs nothing.
    pub reference_log_probabilities: Vec<f32>,
}

/// What a network with memory remembers in rows that are sequences of successive steps, one after the other. Gradients
/// flow back to a sequence's start, and no farther.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Remembered {
    /// Steps of a sequence; 0 without a memory.
    pub steps: usize,
    /// The memory before each sequence, `[rows / steps, width]`.
    pub before: Vec<f32>,
    /// Whether an episode starts with the row, so that the memory before it is 0.
    pub fresh: Vec<bool>,
}

impl Minibatch {
    /// Number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.log_probabilities.len()
    }

    /// What was allowed in a row; empty when everything always was.
    #[must_use]
    pub fn mask(&self, row: usize) -> &[bool] {
        let width = self.masks.len() / self.rows().max(1);
        &self.masks[row * width..(row + 1) * width]
    }

    /// Whether only one action was allowed in a row.
    #[must_use]
    pub fn is_forced(&self, row: usize) -> bool {
        self.forced.get(row).is_some_and(|&forced| forced)
    }

    /// Number of rows where there was a choice.
    #[must_use]
    pub fn free_rows(&self) -> usize {
        self.rows() - self.forced.iter().filter(|&&forced| forced).count()
    }
}

/// What the loss is made of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Objective {
    /// How advantages pull at the policy.
    pub surrogate: Surrogate,
    /// Weight of the value loss; at 0 the critic takes no part.
    pub value: f64,
    /// Weight of the entropy bonus.
    pub entropy: f64,
    /// Weight of the divergence from the reference policy; at 0 there need be none.
    pub reference_kl: f64,
}

/// How advantages pull at the policy.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Surrogate {
    /// PPO's ratio, clipped.
    Clipped {
        /// ε: the ratio counts between 1 − ε and 1 + ε.
        clip: f64,
    },
    /// The likelihood ratio's gradient: A log π.
    Plain,
}

/// Means over a minibatch.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Losses {
    /// The whole loss.
    pub total: f64,
    /// ½ (V − R)², over all outputs of the critic.
    pub value: f64,
    /// Entropy of the policy, all heads together, in nats.
    pub entropy: f64,
    /// Approximate divergence from the policy that acted: `(r − 1) − ln r`.
    pub kl: f64,
    /// Share of rows whose ratio lies beyond the clip.
    pub clipped: f64,
    /// Divergence from the reference policy: `e^q − q − 1`.
    pub reference_kl: f64,
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
            reference_kl: self.reference_kl * factor,
        }
    }

    /// Adds another part's share.
    pub fn add(&mut self, other: &Self) {
        self.total += other.total;
        self.value += other.value;
        self.entropy += other.entropy;
        self.kl += other.kl;
        self.clipped += other.clipped;
        self.reference_kl += other.reference_kl;
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
    objective: Objective,
    device: &Device,
) -> Result<(Losses, Vec<f32>)> {
    let rows = batch.rows();
    let chunk = match batch.memory.steps {
        _ if !device.is_cpu() => rows.max(1),
        0 => CHUNK,
        steps => SEQUENCES * steps,
    };
    let starts: Vec<usize> = (0..rows).step_by(chunk).collect();
    let part = |&from: &usize| part(network, theta, batch, from..(from + chunk).min(rows), objective, device);
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
    objective: Objective,
    device: &Device,
) -> Result<(Losses, Vec<f32>)> {
    let sheet = Sheet::new(network, batch, rows, device)?;
    let variables = Variables::new(network, theta, device)?;
    let loss = Loss::new(network, &variables, &sheet, objective, (batch.rows(), batch.free_rows()))?;
    let gradients = loss.total.backward()?;
    let mut flat = vec![0.0; theta.len()];
    variables.read(&gradients, &mut flat)?;
    Ok((loss.read(&[])?.0, flat))
}

#[cfg(test)]
#[path = "gradient_tests.rs"]
mod tests;
