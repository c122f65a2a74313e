//! The fused loss as an operation of Candle's graph, with the flat parameters as its argument.

use std::sync::Mutex;

use candle_core::{CpuStorage, CustomOp1, Error, Layout, Result, Shape, Tensor};

use super::{Fused, Rows};
use crate::rl::gradient::{Minibatch, Objective};
use crate::rl::network::Network;

/// The loss of a minibatch as a function of `theta`, `[parameters]`, on the CPU; its backward pass gives the gradient that
/// the forward pass has computed.
pub struct Loss {
    network: Network,
    batch: Minibatch,
    objective: Objective,
    gradient: Mutex<Vec<f32>>,
}

impl Loss {
    /// Of all rows of `batch`.
    #[must_use]
    pub fn new(network: Network, batch: Minibatch, objective: Objective) -> Self {
        let gradient = Mutex::new(vec![0.0; network.parameters]);
        Self { network, batch, objective, gradient }
    }
}

impl CustomOp1 for Loss {
    fn name(&self) -> &'static str {
        "fused-loss"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let op = self.name();
        let (start, end) = layout.contiguous_offsets().ok_or(Error::RequiresContiguous { op })?;
        let theta = &storage.as_slice::<f32>()?[start..end];
        if theta.len() != self.network.parameters {
            candle_core::bail!("{op} has {} parameters, not {}", self.network.parameters, theta.len());
        }
        let order: Vec<u32> = (0..self.batch.rows() as u32).collect();
        let rows = Rows { batch: &self.batch, order: &order, advantages: &self.batch.advantages };
        let mut gradient = self.gradient.lock().map_err(|error| Error::Msg(error.to_string()))?;
        let losses = Fused::new(&self.network).gradient(theta, &rows, self.objective, &mut gradient);
        Ok((CpuStorage::F32(vec![losses.total as f32]), Shape::from(())))
    }

    fn bwd(&self, theta: &Tensor, _result: &Tensor, slope: &Tensor) -> Result<Option<Tensor>> {
        let gradient = self.gradient.lock().map_err(|error| Error::Msg(error.to_string()))?;
        Tensor::from_slice(&gradient, theta.shape(), theta.device())?.broadcast_mul(slope).map(Some)
    }
}
