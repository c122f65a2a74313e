//! What computes losses and gradients: the fused kernels, or Candle's graph.

use candle_core::{Device, Result};

use super::course::{Course, Host, Learned, Rates, Resident};
use super::experience::pick;
use super::fused::{Fused, Rows};
use super::gradient::{self, Losses, Minibatch, Objective, Remembered};
use super::network::Network;
use super::settings;
use crate::error::InputError;

/// An executor for one network.
#[derive(Debug)]
pub enum Executor {
    /// Kernels of the CPU.
    Fused(Box<Fused>),
    /// Candle's graph on the CPU, a few rows at a time.
    Graph,
    /// Candle's graph on a device, where everything stays for an update.
    Resident(Device),
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

    /// Fused kernels on the CPU, unless the settings ask for the graph or the network has a memory, which they have not.
    #[must_use]
    pub fn new(kind: settings::Executor, network: &Network, device: Device) -> Self {
        match (kind, device.is_cpu()) {
            (_, false) => Self::Resident(device),
            (settings::Executor::Graph, true) => Self::Graph,
            _ if network.memory.is_some() => Self::Graph,
            (_, true) => Self::Fused(Box::new(Fused::new(network))),
        }
    }

    /// What results may differ by in their last bits: the instruction set, or the device's name.
    #[must_use]
    pub fn isa(&self) -> &'static str {
        match self {
            Self::Fused(fused) => fused.isa(),
            Self::Graph | Self::Resident(Device::Cpu) => "graph-cpu",
            Self::Resident(Device::Cuda(_)) => "graph-cuda",
            Self::Resident(Device::Metal(_)) => "graph-metal",
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
        let device = match self {
            Self::Fused(fused) => return Ok(fused.gradient(theta, rows, objective, gradient)),
            Self::Graph => &Device::Cpu,
            Self::Resident(device) => device,
        };
        let (losses, computed) = gradient::gradient(network, theta, &gather(rows, network), objective, device)?;
        gradient.copy_from_slice(&computed);
        Ok(losses)
    }

    /// Begins an update's passes over `batch`.
    ///
    /// # Errors
    /// The device fails.
    pub(super) fn course<'a>(
        &'a mut self,
        network: &'a Network,
        batch: &'a Minibatch,
        learned: Learned<'a>,
        rates: Rates,
    ) -> Result<Box<dyn Course + 'a>> {
        if let Self::Resident(device) = self {
            return Ok(Box::new(Resident::new(network, batch, learned, &rates, device)?));
        }
        let gradient = vec![0.0; network.parameters];
        Ok(Box::new(Host { executor: self, network, batch, learned, rates, gradient }))
    }
}

/// The rows alone.
fn gather(rows: &Rows<'_>, network: &Network) -> Minibatch {
    let Rows { batch, order, .. } = rows;
    Minibatch {
        observations: pick(&batch.observations, network.observation(), order),
        criticized: pick(&batch.criticized, network.critic.inputs(), order),
        actions: pick(&batch.actions, network.heads.len(), order),
        masks: pick(&batch.masks, network.actor.outputs(), order),
        forced: pick(&batch.forced, 1, order),
        memory: remembered(rows, network.width()),
        log_probabilities: pick(&batch.log_probabilities, 1, order),
        advantages: rows.advantages.to_vec(),
        returns: pick(&batch.returns, network.values, order),
        reference_log_probabilities: pick(&batch.reference_log_probabilities, 1, order),
    }
}

/// What is remembered in the rows, which are whole sequences.
fn remembered(rows: &Rows<'_>, width: usize) -> Remembered {
    let Remembered { steps, before, fresh } = &rows.batch.memory;
    if *steps == 0 {
        return Remembered::default();
    }
    let sequences: Vec<u32> = rows.order.iter().step_by(*steps).map(|row| row / *steps as u32).collect();
    Remembered { steps: *steps, before: pick(before, width, &sequences), fresh: pick(fresh, 1, rows.order) }
}
