//! What computes losses and gradients: the fused kernels, or Candle's graph.

use candle_core::{Device, Result};

use super::course::{Course, Host, Learned, Rates, Resident};
use super::fused::Fused;
use super::gradient::Minibatch;
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
        let fused = match self {
            Self::Fused(fused) => Some(&mut **fused),
            Self::Graph => None,
            Self::Resident(device) => return Ok(Box::new(Resident::new(network, batch, learned, &rates, device)?)),
        };
        let gradient = vec![0.0; network.parameters];
        Ok(Box::new(Host { fused, network, batch, learned, rates, gradient }))
    }
}
