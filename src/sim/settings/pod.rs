//! `[pod]`: the Deployment's pods.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::sim::control::Limits;
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

    /// Both limits in force.
    #[must_use]
    pub fn limits(&self) -> Limits {
        Limits { cpu: self.limit(), memory: self.memory_limit() }
    }

    /// The same pod with other limits, and requests in the same ratio to them, as the `VerticalPodAutoscaler` keeps it
    /// (`controlledValues: RequestsAndLimits`).
    #[must_use]
    pub fn limited(&self, limits: Limits) -> Self {
        let share = |request: u64, limit: u64, new: u64| {
            let scaled = u128::from(request) * u128::from(new) / u128::from(limit.max(1));
            u64::try_from(scaled).unwrap_or(u64::MAX).max(1)
        };
        let cpu = share(self.cpu_request.0.into(), self.limit().0.into(), limits.cpu.0.into());
        let memory = share(self.memory_request.0, self.memory_limit().0, limits.memory.0);
        Self {
            cpu_request: Millicores(u32::try_from(cpu).unwrap_or(u32::MAX)),
            cpu_limit: Some(limits.cpu),
            memory_request: Bytes(memory),
            memory_limit: Some(limits.memory),
            ..self.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_keep_their_ratio_to_limits() {
        let pod = Pod { cpu_limit: Some(Millicores(1000)), memory_limit: Some(Bytes(2 << 30)), ..Pod::default() };
        let larger = pod.limited(Limits { cpu: Millicores(1500), memory: Bytes(1 << 30) });
        assert_eq!((larger.cpu_request, larger.memory_request), (Millicores(750), Bytes(256 << 20)));
        assert_eq!(pod.limited(pod.limits()), pod);
        let guaranteed = Pod::default().limited(Limits { cpu: Millicores(1), memory: Bytes(1) });
        assert_eq!((guaranteed.cpu_request, guaranteed.memory_request), (Millicores(1), Bytes(1)));
    }
}
