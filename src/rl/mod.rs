//! Learning on [`Environment`](crate::env::Environment)s, or from logs of them. Candle lives here and nowhere else.
//!
//! Acting and collecting are plain Rust. Losses and gradients come from [`fused`] kernels on the CPU, and from Candle's
//! graph on other devices and for comparison. Parameters are one flat vector, so that
//! optimiser, checkpoint and both executors agree on what stands where.

#[cfg(feature = "train")]
pub mod adam;
#[cfg(feature = "train")]
pub mod algorithms;
#[cfg(feature = "train")]
pub mod brain;
#[cfg(feature = "train")]
pub mod card;
pub mod counterfactual;
#[cfg(feature = "train")]
mod course;
#[cfg(feature = "train")]
pub mod device;
#[cfg(feature = "train")]
mod dispatch;
#[cfg(feature = "train")]
pub mod distance;
#[cfg(feature = "train")]
pub mod executor;
#[cfg(feature = "train")]
mod experience;
#[cfg(feature = "train")]
pub mod failure;
#[cfg(feature = "train")]
pub mod file;
#[cfg(feature = "train")]
pub mod fused;
#[cfg(feature = "train")]
pub mod gae;
#[cfg(feature = "train")]
pub mod gradient;
#[cfg(feature = "train")]
mod graph;
#[cfg(feature = "train")]
pub mod gru;
#[cfg(feature = "train")]
pub mod heads;
#[cfg(feature = "train")]
mod judge;
#[cfg(feature = "train")]
pub mod layer;
#[cfg(feature = "train")]
pub mod learner;
#[cfg(feature = "train")]
pub mod log;
#[cfg(feature = "train")]
mod loss;
#[cfg(feature = "train")]
pub mod metrics;
#[cfg(feature = "train")]
pub mod moments;
#[cfg(feature = "train")]
pub mod network;
#[cfg(feature = "train")]
pub mod policy;
#[cfg(feature = "train")]
pub mod rollout;
pub mod safety;
#[cfg(feature = "train")]
pub mod session;
pub mod settings;
#[cfg(feature = "train")]
mod sheet;
#[cfg(feature = "train")]
pub mod special;
#[cfg(feature = "train")]
pub mod spread;
#[cfg(feature = "train")]
pub mod sweep;
#[cfg(feature = "train")]
pub mod table;
#[cfg(feature = "train")]
pub mod tanh;
#[cfg(feature = "train")]
pub mod tensorboard;
#[cfg(all(test, feature = "train"))]
mod toys;
#[cfg(feature = "train")]
pub mod trainer;
#[cfg(feature = "train")]
pub mod validation;
#[cfg(feature = "train")]
mod variables;

#[cfg(feature = "train")]
pub use policy::Policy;
#[cfg(feature = "train")]
pub use session::Session;
pub use settings::Settings;
#[cfg(feature = "train")]
pub use trainer::Trainer;
