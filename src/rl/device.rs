//! Where gradients are computed: the CPU, or a GPU the program was built for.

use std::fmt;
use std::str::FromStr;

pub use candle_core::Device;

use crate::error::InputError;

/// A kind of device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Kind {
    /// The CPU.
    #[default]
    Cpu,
    /// The first CUDA device.
    Cuda,
    /// The first Metal device.
    Metal,
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "cpu" => Ok(Self::Cpu),
            "cuda" => Ok(Self::Cuda),
            "metal" => Ok(Self::Metal),
            _ => Err(format!("{text:?} is no device; write cpu, cuda or metal")),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cpu => "cpu",
            Self::Cuda => "cuda",
            Self::Metal => "metal",
        })
    }
}

impl Kind {
    /// Runs of learning that gain from running at once: on a GPU they queue for it, and three took nearly twice as long
    /// together as one after another.
    pub fn runs_at_once(self) -> usize {
        if self == Self::Cpu { usize::MAX } else { 1 }
    }

    /// Opens the device.
    ///
    /// # Errors
    /// The program was built without the device's feature, or the machine has no such device.
    pub fn open(self) -> Result<Device, InputError> {
        let (built, device) = match self {
            Self::Cpu => return Ok(Device::Cpu),
            Self::Cuda => (candle_core::utils::cuda_is_available(), Device::new_cuda(0)),
            Self::Metal => (candle_core::utils::metal_is_available(), Device::new_metal(0)),
        };
        if !built {
            let problem = format!("this program was built without {self}");
            let help = format!("build it with `cargo build --release --features {self}`, or take --device cpu");
            return Err(InputError::new(problem, help).field("--device"));
        }
        device.map_err(|error| {
            let error = error.to_string();
            let first = error.lines().next().unwrap_or_default();
            InputError::new(format!("no {self} device: {first}"), "check the driver, or take --device cpu")
                .field("--device")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_are_named_as_on_the_command_line() {
        for kind in [Kind::Cpu, Kind::Cuda, Kind::Metal] {
            assert_eq!(kind.to_string().parse::<Kind>().unwrap(), kind);
        }
        assert!("gpu".parse::<Kind>().is_err());
        assert!(Kind::Cpu.open().is_ok());
    }

    #[cfg(not(feature = "cuda"))]
    #[test]
    fn a_device_that_was_not_built_in_is_refused_with_the_remedy() {
        let error = Kind::Cuda.open().unwrap_err();
        assert_eq!(error.to_string(), "`--device`: this program was built without cuda");
        assert!(error.help.contains("--features cuda"));
    }
}
