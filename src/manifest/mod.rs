//! Kubernetes manifests in and out. k8s-openapi and YAML live here and nowhere else.

mod decode;
mod documents;
mod hours;
mod keda;
mod knative;
mod names;
mod node;
mod patch;
mod pod;
mod read;
mod workload;
mod write;

pub use documents::Manifests;
pub use hours::Hours;
pub use keda::{ScaledObject, scaled_object};
pub use knative::service_patch;
pub use names::{Name, Namespace, Target, TargetKind};
pub use patch::{changes, patch, schedule_patches};
pub use read::Hpa;
pub use workload::{Readiness, Workload};
pub use write::{Identity, hpa, yaml};
