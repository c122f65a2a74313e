//! Everything that scales, as an [`Autoscaler`] or a [`Tuner`]: the HPA itself, and the baselines it is judged against.

pub mod baseline;
pub mod constant;
pub mod context;
pub mod course;
pub mod forecasting;
mod hpa;
pub mod keda;
pub mod knative;
pub mod linear;
pub mod pid;
pub mod plan;
pub mod predictive;
pub mod random;
pub mod recipe;
pub mod schedule;
pub mod step;
pub mod vpa;
pub mod witness;
pub mod wpa;

pub use baseline::Baseline;
pub use context::Context;
pub use hpa::HpaAutoscaler;
pub use recipe::Recipe;
