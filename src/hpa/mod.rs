//! The HorizontalPodAutoscaler as a pure state machine: time and inputs in, a decision out.
//!
//! It computes what kube-controller-manager computes, to the last integer truncation. It reads no clock, no file, and
//! keeps only what the controller keeps in memory, plus the object's status.

pub mod inputs;
pub mod settings;
pub mod spec;

pub use inputs::{Inputs, PodGroup};
pub use settings::Settings;
pub use spec::{Flags, Spec};
