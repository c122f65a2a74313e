//! A safety critic: which actions a finished policy may take.
//!
//! It estimates, from the observation and an action, the probability that late requests stay within the objective over the
//! next decisions. Actions below a threshold are masked; the policy takes the likeliest of the others, which is the mode of
//! its distribution over them, renormalised. Where none is left it takes the safest. The critic learns from the policy's own
//! rollouts, is calibrated on data that it has not learned from, and its errors are counted on data of neither kind.

#[cfg(feature = "train")]
pub mod net;
#[cfg(feature = "train")]
pub mod platt;
#[cfg(feature = "train")]
pub mod rollouts;
pub mod settings;

pub use settings::Settings;

#[cfg(feature = "train")]
pub use critic::{Critic, Figures, Safety};

#[cfg(feature = "train")]
mod critic;
