//! What the controller sees at one sync: the scale subresource, the pods, and the answers of the metrics APIs.
//!
//! Pods that look alike may stand together as one [`PodGroup`] with a `count`. Every sum the controller forms is an
//! integer sum, so grouping changes no decision; it makes a sync's cost independent of the number of pods.

use std::time::Duration;

use crate::units::{Replicas, SimTime};

/// All that one sync looks at.
#[derive(Debug, Clone, Copy)]
pub struct Inputs<'a> {
    /// `scale.spec.replicas`.
    pub spec_replicas: Replicas,
    /// `scale.status.replicas`.
    pub status_replicas: Replicas,
    /// Whether the scale's selector is usable.
    pub selector: Selector,
    /// The pods the selector matches.
    pub pods: &'a [PodGroup<'a>],
    /// The resource metrics API's answer; `None` when the call failed.
    pub resource_metrics: Option<&'a [ResourceSample<'a>]>,
    /// Pods metrics by name; a name that is absent, or has no values, is an error of that metric.
    pub pods_metrics: &'a [(&'a str, &'a [PodValue])],
    /// Object metrics by name, in thousandths.
    pub object_metrics: &'a [(&'a str, i64)],
    /// External metrics by name, in thousandths; several values are summed.
    pub external_metrics: &'a [(&'a str, &'a [i64])],
    /// Whether writing the scale subresource fails.
    pub scale_update_error: bool,
}

/// The state of the scale's selector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Selector {
    /// It matches the listed pods.
    #[default]
    Matches,
    /// It is missing or does not parse.
    Invalid,
}

/// `status.phase` of a pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Phase {
    /// Not all containers have started.
    Pending,
    /// At least one container runs.
    #[default]
    Running,
    /// All containers ended well.
    Succeeded,
    /// All containers ended, one of them badly.
    Failed,
    /// The node does not answer.
    Unknown,
}

/// `status` of a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// `"True"`.
    True,
    /// `"False"`.
    False,
    /// `"Unknown"`.
    Unknown,
}

/// Requests of one container. Memory in milli-bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContainerRequest<'a> {
    /// Its name.
    pub name: &'a str,
    /// CPU request in millicores, when set.
    pub cpu: Option<i64>,
    /// Memory request in milli-bytes, when set.
    pub memory: Option<i64>,
}

/// Pods that are alike in all that the controller looks at.
#[derive(Debug, Clone, Copy)]
pub struct PodGroup<'a> {
    /// How many pods stand here, at least 1.
    pub count: u32,
    /// `status.phase`.
    pub phase: Phase,
    /// `status.startTime`.
    pub start: Option<SimTime>,
    /// Status and last transition of the Ready condition.
    pub ready: Option<(Status, SimTime)>,
    /// Whether `deletionTimestamp` is set.
    pub deleted: bool,
    /// Requests of the regular containers.
    pub containers: &'a [ContainerRequest<'a>],
    /// Requests of restartable init containers.
    pub sidecars: &'a [ContainerRequest<'a>],
    /// Pod-level requests (`name` is empty), when set.
    pub pod_requests: Option<ContainerRequest<'a>>,
}

/// The usage of one container. Memory in milli-bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContainerUsage<'a> {
    /// Its name.
    pub name: &'a str,
    /// CPU in millicores, rounded up, when reported.
    pub cpu: Option<i64>,
    /// Memory in milli-bytes, when reported.
    pub memory: Option<i64>,
}

/// One entry of the resource metrics API's answer, for every pod of a group.
#[derive(Debug, Clone, Copy)]
pub struct ResourceSample<'a> {
    /// Index of the group in [`Inputs::pods`]; `None` for a pod that is not listed.
    pub group: Option<usize>,
    /// How many such entries there are; a listed group's `count`.
    pub count: u32,
    /// Time of the later of the two scrapes.
    pub timestamp: SimTime,
    /// Distance of the two scrapes.
    pub window: Duration,
    /// Usage by container.
    pub containers: &'a [ContainerUsage<'a>],
}

/// The value of a Pods metric, for every pod of a group.
#[derive(Debug, Clone, Copy)]
pub struct PodValue {
    /// Index of the group in [`Inputs::pods`]; `None` for a pod that is not listed.
    pub group: Option<usize>,
    /// How many such values there are.
    pub count: u32,
    /// The value of each, in thousandths.
    pub value: i64,
}
