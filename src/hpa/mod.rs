//! The HorizontalPodAutoscaler as a pure state machine: time and inputs in, a decision out.
//!
//! It computes what kube-controller-manager computes, to the last integer truncation. It reads no clock, no file, and
//! keeps only what the controller keeps in memory, plus the object's status.

pub mod api;
pub mod conditions;
mod controller;
mod convert;
pub mod decision;
mod defaults;
pub mod events;
pub mod explain;
pub mod inputs;
pub mod limits;
pub mod metrics;
mod quantity;
mod readiness;
mod replicas;
pub mod settings;
pub mod spec;
pub mod stabilize;
mod tally;
pub mod validation;

pub use controller::{Hpa, Memory};
pub use decision::Decision;
pub use inputs::{Inputs, PodGroup};
pub use replicas::Tolerance;
pub use settings::Settings;
pub use spec::{Flags, Spec};
pub use tally::Scratch;
