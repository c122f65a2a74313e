//! `[cluster]`: the room for pods.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Pod;
use crate::units::{Bytes, Millicores, span};

/// `[cluster]`: the room for pods. Without any key there is room for all. `cpu` and `memory` are one big bound; `nodes`
/// models the nodes one by one instead, with a cluster autoscaler where `max_nodes` is above `nodes`.
///
/// A pod is bound at once to the node that has most left of CPU and memory together after it (kube-scheduler's
/// `LeastAllocated`, the only one of its scores that is modelled; of equal nodes the oldest), or stays pending until one has
/// room. The first start of a version of the pods on a node pulls the image there, in place of `startup.image_cached`; pods
/// that come meanwhile wait for that pull. At the request level, pods whose CPU limit is above their request share what
/// their node has in proportion to their requests, as of each second; the fluid level gives every pod its limit. Nodes hold nothing but these pods, and none is drained to save a node.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Cluster {
    /// CPU that all pods of the function may request together. Pods beyond it stay pending. Left out, there is room.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu: Option<Millicores>,
    /// Memory that all pods of the function may request together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<Bytes>,
    /// Nodes at the start, in place of `cpu` and `memory`; it needs `node_cpu` and `node_memory`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nodes: Option<u32>,
    /// Nodes that the cluster autoscaler keeps even if they are empty, up to `nodes`. Left out, `nodes`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_nodes: Option<u32>,
    /// Nodes that the cluster autoscaler goes up to, `nodes` or more. Left out, `nodes`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_nodes: Option<u32>,
    /// Allocatable CPU of a node.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node_cpu: Option<Millicores>,
    /// Allocatable memory of a node.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node_memory: Option<Bytes>,
    /// Most pods on a node, 1 or more (the kubelet's `maxPods`).
    pub node_pods: u32,
    /// From the cluster autoscaler's request for a node until pods can be bound to it.
    #[serde(with = "span")]
    #[schemars(with = "String")]
    pub provisioning: Duration,
    /// How long a node is empty before the cluster autoscaler lets it go (`--scale-down-unneeded-time`).
    #[serde(with = "span")]
    #[schemars(with = "String")]
    pub scale_down_after: Duration,
    /// How often the cluster autoscaler looks (`--scan-interval`), a second or more.
    #[serde(with = "span")]
    #[schemars(with = "String")]
    pub scan: Duration,
}

impl Default for Cluster {
    /// 110 pods a node are the kubelet's default, 10 min and 10 s the cluster autoscaler's. Its FAQ says that on GCE a
    /// node takes 3 to 4 minutes from its request to when pods can be scheduled on it.
    fn default() -> Self {
        Self {
            cpu: None,
            memory: None,
            nodes: None,
            min_nodes: None,
            max_nodes: None,
            node_cpu: None,
            node_memory: None,
            node_pods: 110,
            provisioning: Duration::from_secs(180),
            scale_down_after: Duration::from_secs(600),
            scan: Duration::from_secs(10),
        }
    }
}

impl Cluster {
    /// Whether there may be too little room.
    #[must_use]
    pub fn bounded(&self) -> bool {
        self.cpu.is_some() || self.memory.is_some() || self.nodes.is_some()
    }

    /// What is wrong with a cluster that has no room for a single such pod, with field and remedy; `None` when it has.
    #[must_use]
    pub fn too_small(&self, pod: &Pod) -> Option<String> {
        let cpu = [("cluster.cpu", self.cpu), ("cluster.node_cpu", self.node_cpu)];
        let memory = [("cluster.memory", self.memory), ("cluster.node_memory", self.node_memory)];
        let cpu = cpu.into_iter().find_map(|(field, room)| room.filter(|&room| room < pod.cpu_request).map(|_| field));
        let memory =
            memory.into_iter().find_map(|(field, room)| room.filter(|&room| room < pod.memory_request).map(|_| field));
        let (field, request) = match (cpu, memory) {
            (Some(field), _) => (field, format!("pod.cpu_request = {}", pod.cpu_request)),
            (None, Some(field)) => (field, format!("pod.memory_request = {}", pod.memory_request)),
            (None, None) => return None,
        };
        Some(format!(
            "`{field}` has no room for a single pod of {request}: none will ever start; raise it, or lower the request"
        ))
    }
}
