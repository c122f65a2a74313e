//! Everything that scales, as an `Autoscaler` or a `Tuner`: the HPA itself, and the baselines it is judged against.

mod hpa;

pub use hpa::HpaAutoscaler;
