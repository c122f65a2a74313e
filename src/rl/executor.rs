//! What computes losses and gradients: the fused kernels, or Candle's graph.

use candle_core::{Device, Result};

use super::experience::pick;
use super::fused::{Fused, Rows};
use super::gradient::{self, Losses, Minibatch, Objective};
use super::network::Network;
use super::settings;
use crate::error::InputError;

/// An executor for one network.
#[derive(Debug)]
pub enum Executor {
    /// Kernels of the CPU.
    Fused(Box<Fused>),
    /// Candle's graph, on a device.
    Graph(Device),
}

impl Executor {
    /// Checks that the device has what the settings ask for.
    ///
    /// # Errors
    /// Fused kernels are asked for on another device than the CPU.
    pub fn check(kind: settings::Executor, device: &Device) -> std::result::Result<(), InputError> {
        if kind != settings::Executor::Fused || device.is_cpu() {
            return Ok(());
        }
        let help = "write \"auto\" or \"graph\", or take --device cpu";
        Err(InputError::new("the fused executor runs on the CPU alone", help).field("train.executor"))
    }

    /// Fused kernels on the CPU, unless the settings ask for the graph.
    #[must_use]
    pub fn new(kind: settings::Executor, network: &Network, device: Device) -> Self {
        if device.is_cpu() && kind != settings::Executor::Graph {
            Self::Fused(Box::new(Fused::new(network)))
        } else {
            Self::Graph(device)
        }
    }

    /// What results may differ by in their last bits: the instruction set, or the device's name.
    #[must_use]
    pub fn isa(&self) -> &'static str {
        match self {
            Self::Fused(fused) => fused.isa(),
            Self::Graph(Device::Cpu) => "graph-cpu",
            Self::Graph(Device::Cuda(_)) => "graph-cuda",
            Self::Graph(Device::Metal(_)) => "graph-metal",
        }
    }

    /// The loss of `rows` at `theta`; sets `gradient`, which is as long.
    ///
    /// # Errors
    /// The device fails.
    pub fn gradient(
        &mut self,
        (network, theta): (&Network, &[f32]),
        rows: &Rows<'_>,
        objective: Objective,
        gradient: &mut [f32],
    ) -> Result<Losses> {
        match self {
            Self::Fused(fused) => Ok(fused.gradient(theta, rows, objective, gradient)),
            Self::Graph(device) => {
                let batch = gather(rows, network);
                let (losses, computed) = gradient::gradient(network, theta, &batch, objective, device)?;
                gradient.copy_from_slice(&computed);
                Ok(losses)
            }
        }
    }
}

/// The rows alone.
fn gather(rows: &Rows<'_>, network: &Network) -> Minibatch {
    let Rows { batch, order, .. } = rows;
    Minibatch {
        observations: pick(&batch.observations, network.actor.inputs(), order),
        criticized: pick(&batch.criticized, network.critic.inputs(), order),
        actions: pick(&batch.actions, network.heads.len(), order),
        masks: pick(&batch.masks, network.actor.outputs(), order),
        forced: pick(&batch.forced, 1, order),
        log_probabilities: pick(&batch.log_probabilities, 1, order),
        advantages: rows.advantages.to_vec(),
        returns: pick(&batch.returns, network.values, order),
        reference_log_probabilities: pick(&batch.reference_log_probabilities, 1, order),
    }
}
