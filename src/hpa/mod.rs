//! The HorizontalPodAutoscaler as a pure state machine: time and inputs in, a decision out.
//!
//! It computes what kube-controller-manager computes, to the last integer truncation. It reads no clock, no file, and
//! keeps only what the controller keeps in memory, plus the object's status.

pub mod conditions;
mod controller;
pub mod decision;
pub mod events;
pub mod inputs;
pub mod limits;
mod metrics;
mod readiness;
mod replicas;
pub mod settings;
pub mod spec;
pub mod stabilize;
mod tally;

pub use controller::{Hpa, Memory};
pub use decision::Decision;
pub use inputs::{Inputs, PodGroup};
pub use replicas::Tolerance;
pub use settings::Settings;
pub use spec::{Flags, Spec};
