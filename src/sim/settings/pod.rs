//! `[pod]`: the Deployment's pods.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::units::{Bytes, Millicores, Replicas, span};

/// `[pod]`: the Deployment's pods.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Pod {
    /// CPU request: what utilisation is measured against, and what is paid for.
    pub cpu_request: Millicores,
    /// CPU limit: the most a pod can use. Left out, it is the request (the `Guaranteed` class).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_limit: Option<Millicores>,
    /// Memory request.
    pub memory_request: Bytes,
    /// Memory limit: a pod above it is killed. Left out, it is the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_limit: Option<Bytes>,
    /// Requests that a pod takes at a time, 1 or more. The others wait in front of it, where they take none of its memory.
    pub concurrency: u32,
    /// Coefficient of variation of the CPU speed of pods, 0 or more: each draws its own, log-normal with mean 1, and keeps
    /// it. A pod of speed 2 takes half the CPU time. At the request level only; the fluid level has the mean.
    pub speed_cv: f64,
    /// Speeds of the pods that are there at the start, one by one, each above 0; those without one here draw theirs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub speeds: Vec<f64>,
    /// Replicas at the start; left out, what the load of the first slot needs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replicas: Option<Replicas>,
    /// Name of the pods' one container, as `ContainerResource` metrics refer to it.
    pub container: String,
    /// How long a pod finishes what it holds after it was told to stop.
    #[serde(with = "span")]
    #[schemars(with = "String")]
    pub termination_grace: Duration,
}

impl Default for Pod {
    /// 100 requests at a time are Knative's `container-concurrency-target-default`.
    fn default() -> Self {
        Self {
            cpu_request: Millicores(500),
            cpu_limit: None,
            memory_request: Bytes(512 << 20),
            memory_limit: None,
            concurrency: 100,
            speed_cv: 0.0,
            speeds: Vec::new(),
            replicas: None,
            container: "app".to_owned(),
            termination_grace: Duration::from_secs(30),
        }
    }
}

impl Pod {
    /// The CPU limit in force.
    #[must_use]
    pub fn limit(&self) -> Millicores {
        self.cpu_limit.unwrap_or(self.cpu_request)
    }

    /// The memory limit in force.
    #[must_use]
    pub fn memory_limit(&self) -> Bytes {
        self.memory_limit.unwrap_or(self.memory_request)
    }
}
