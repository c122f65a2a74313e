//! Rows of a batch as tensors of one device.

use std::ops::Range;

use candle_core::{DType, Device, Result, Tensor};

use super::gradient::Minibatch;
use super::heads::FORBIDDEN;
use super::network::Network;

/// What the loss of some rows is computed from; all have as many rows.
#[derive(Debug, Clone)]
pub(super) struct Sheet {
    /// Normalised observations, `[rows, observation]`.
    pub(super) observations: Tensor,
    /// What the critic sees, `[rows, critic's inputs]`.
    pub(super) criticized: Option<Tensor>,
    /// What a network with memory remembers.
    pub(super) memory: Option<Sequences>,
    /// Actions taken, `[rows, heads]`.
    pub(super) actions: Tensor,
    /// What is added to the outputs, `[rows, outputs]`: 0, or a forbidden choice's logit.
    pub(super) mask: Option<Tensor>,
    /// 1, or 0 where only one action was allowed; `[rows, 1]`, as are those that follow.
    pub(super) free: Tensor,
    /// Log-probability of the actions when they were taken.
    pub(super) log_probabilities: Tensor,
    /// Advantages, normalised.
    pub(super) advantages: Tensor,
    /// Returns that the critic learns, `[rows, values]`.
    pub(super) returns: Option<Tensor>,
    /// Log-probability of the actions under the reference policy.
    pub(super) reference: Option<Tensor>,
}

/// Rows as sequences, one after the other.
#[derive(Debug, Clone)]
pub(super) struct Sequences {
    /// Steps of a sequence.
    pub(super) steps: usize,
    /// The memory before each, `[sequences, width]`.
    pub(super) before: Tensor,
    /// 1, or 0 where an episode starts with the row; `[rows, 1]`.
    pub(super) kept: Tensor,
}

impl Sequences {
    fn new(network: &Network, batch: &Minibatch, rows: Range<usize>, device: &Device) -> Result<Option<Self>> {
        let (width, steps) = (network.width(), batch.memory.steps);
        if width == 0 {
            return Ok(None);
        }
        let (from, to) = (rows.start / steps, rows.end / steps);
        let before = &batch.memory.before[from * width..to * width];
        let kept = batch.memory.fresh[rows.clone()].iter().map(|&fresh| if fresh { 0.0 } else { 1.0 });
        Ok(Some(Self {
            steps,
            before: Tensor::from_slice(before, (to - from, width), device)?,
            kept: Tensor::from_vec(kept.collect::<Vec<f32>>(), (rows.len(), 1), device)?,
        }))
    }

    /// The sequences in `order`, which is of whole ones.
    fn pick(&self, order: &[u32]) -> Result<Self> {
        let device = self.before.device();
        let sequences: Vec<u32> = order.iter().step_by(self.steps).map(|row| row / self.steps as u32).collect();
        let sequences = Tensor::from_slice(&sequences, sequences.len(), device)?;
        let rows = Tensor::from_slice(order, order.len(), device)?;
        let before = self.before.index_select(&sequences, 0)?;
        Ok(Self { steps: self.steps, before, kept: self.kept.index_select(&rows, 0)? })
    }
}

impl Sheet {
    /// Some rows of a minibatch. What it has no values of is absent, or 0.
    pub(super) fn new(network: &Network, batch: &Minibatch, rows: Range<usize>, device: &Device) -> Result<Self> {
        let count = rows.len();
        let tensor = |values: &[f32], width: usize| {
            Tensor::from_slice(&values[rows.start * width..rows.end * width], (count, width), device)
        };
        let optional = |values: &[f32], width: usize| (!values.is_empty()).then(|| tensor(values, width)).transpose();
        let free = rows.clone().map(|row| if batch.is_forced(row) { 0.0 } else { 1.0 }).collect::<Vec<f32>>();
        let logit = |&allowed: &bool| if allowed { 0.0 } else { FORBIDDEN };
        let outputs = network.actor.outputs();
        let mask = |masks: &[bool]| {
            let mask: Vec<f32> = masks[rows.start * outputs..rows.end * outputs].iter().map(logit).collect();
            Tensor::from_vec(mask, (count, outputs), device)
        };
        let advantages = optional(&batch.advantages, 1)?;
        Ok(Self {
            observations: tensor(&batch.observations, network.observation())?,
            criticized: optional(&batch.criticized, network.critic.inputs())?,
            memory: Sequences::new(network, batch, rows.clone(), device)?,
            actions: tensor(&batch.actions, network.heads.len())?,
            mask: (!batch.masks.is_empty()).then(|| mask(&batch.masks)).transpose()?,
            free: Tensor::from_vec(free, (count, 1), device)?,
            log_probabilities: tensor(&batch.log_probabilities, 1)?,
            advantages: advantages.map_or_else(|| Tensor::zeros((count, 1), DType::F32, device), Ok)?,
            returns: optional(&batch.returns, network.values)?,
            reference: optional(&batch.reference_log_probabilities, 1)?,
        })
    }

    /// The rows in `order`, with other advantages, in the same order.
    pub(super) fn pick(&self, order: &[u32], advantages: &[f32]) -> Result<Self> {
        let device = self.observations.device();
        let rows = Tensor::from_slice(order, order.len(), device)?;
        let pick = |tensor: &Tensor| tensor.index_select(&rows, 0);
        let optional = |tensor: &Option<Tensor>| tensor.as_ref().map(pick).transpose();
        Ok(Self {
            observations: pick(&self.observations)?,
            criticized: optional(&self.criticized)?,
            memory: self.memory.as_ref().map(|memory| memory.pick(order)).transpose()?,
            actions: pick(&self.actions)?,
            mask: optional(&self.mask)?,
            free: pick(&self.free)?,
            log_probabilities: pick(&self.log_probabilities)?,
            advantages: Tensor::from_slice(advantages, (order.len(), 1), device)?,
            returns: optional(&self.returns)?,
            reference: optional(&self.reference)?,
        })
    }
}

/// In double precision, so that sums over many rows lose nothing; as it is where the device has none.
pub(super) fn double(tensor: &Tensor) -> Result<Tensor> {
    if tensor.device().is_metal() { Ok(tensor.clone()) } else { tensor.to_dtype(DType::F64) }
}
