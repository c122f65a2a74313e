//! What an HPA is told to do: `autoscaling/v2`'s spec after defaulting, in the controller's own numbers.
//!
//! Quantities are thousandths of the base unit (millicores, milli-bytes, milli-units), as the controller computes.

use std::time::Duration;

use crate::units::Replicas;

/// A defaulted and validated HPA spec.
#[derive(Debug, Clone, PartialEq)]
pub struct Spec {
    /// Lower bound of replicas.
    pub min_replicas: Replicas,
    /// Upper bound of replicas.
    pub max_replicas: Replicas,
    /// The metrics, in the user's order; never empty.
    pub metrics: Vec<Metric>,
    /// `spec.behavior` with every field filled; `None` takes the controller's path without behaviour.
    pub behavior: Option<Behavior>,
}

impl Spec {
    /// Whether an Object or External metric is there, without which an HPA cannot leave zero replicas.
    #[must_use]
    pub fn can_leave_zero(&self) -> bool {
        self.metrics.iter().any(|metric| matches!(metric.source(), Some(Source::Object | Source::External)))
    }
}

/// CPU or memory: the resources of the metrics API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Resource {
    /// CPU, in millicores.
    Cpu,
    /// Memory, in milli-bytes.
    Memory,
}

impl Resource {
    /// Its name in the API.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Memory => "memory",
        }
    }
}

/// A target value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// Percent of the request, `>= 1`.
    Utilization(i32),
    /// Mean per pod, in thousandths.
    AverageValue(i64),
    /// The value as a whole, in thousandths.
    Value(i64),
}

/// One metric of a spec.
#[derive(Debug, Clone, PartialEq)]
pub enum Metric {
    /// A resource over all containers of the pods.
    Resource {
        /// CPU or memory.
        resource: Resource,
        /// `Utilization` or `AverageValue`.
        target: Target,
    },
    /// A resource of one container.
    ContainerResource {
        /// The container's name.
        container: String,
        /// CPU or memory.
        resource: Resource,
        /// `Utilization` or `AverageValue`.
        target: Target,
    },
    /// A metric of each pod.
    Pods {
        /// The metric's name.
        name: String,
        /// `AverageValue`.
        target: Target,
    },
    /// A metric of one object.
    Object {
        /// The metric's name.
        name: String,
        /// The object it describes.
        object: Reference,
        /// `Value` or `AverageValue`.
        target: Target,
    },
    /// A metric from outside the cluster.
    External {
        /// The metric's name.
        name: String,
        /// `Value` or `AverageValue`.
        target: Target,
    },
    /// A metric that never has a value, so it fails at every sync: a type the controller does not know, a resource
    /// that the metrics API does not report (it knows CPU and memory), or a source without a usable target.
    Unavailable {
        /// The source it stands under; `None` for a type the controller does not know.
        source: Option<Source>,
        /// The name of the metric, resource or type.
        name: String,
    },
}

impl Metric {
    /// The source it stands under; `None` for a type the controller does not know.
    #[must_use]
    pub fn source(&self) -> Option<Source> {
        match self {
            Self::Resource { .. } => Some(Source::Resource),
            Self::ContainerResource { .. } => Some(Source::ContainerResource),
            Self::Pods { .. } => Some(Source::Pods),
            Self::Object { .. } => Some(Source::Object),
            Self::External { .. } => Some(Source::External),
            Self::Unavailable { source, .. } => *source,
        }
    }
}

/// `spec.metrics[].type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// A resource of the pods.
    Resource,
    /// A resource of one container of the pods.
    ContainerResource,
    /// A custom metric of the pods.
    Pods,
    /// A metric of one object.
    Object,
    /// A metric from outside the cluster.
    External,
}

/// The object that a metric describes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reference {
    /// `apiVersion`, when given.
    pub api_version: Option<String>,
    /// `kind`.
    pub kind: String,
    /// `name`.
    pub name: String,
}

/// `spec.behavior`, both directions filled.
#[derive(Debug, Clone, PartialEq)]
pub struct Behavior {
    /// Rules for scaling up.
    pub scale_up: ScalingRules,
    /// Rules for scaling down.
    pub scale_down: ScalingRules,
}

/// The rules of one direction.
#[derive(Debug, Clone, PartialEq)]
pub struct ScalingRules {
    /// How long recommendations are held; `None` (scale-down only) takes the controller's flag.
    pub stabilization: Option<Duration>,
    /// Which of the policies wins.
    pub select: SelectPolicy,
    /// At least one.
    pub policies: Vec<Policy>,
    /// Tolerance of this direction; `None` takes the controller's flag.
    pub tolerance: Option<f64>,
}

/// Which of several policies wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SelectPolicy {
    /// The largest change.
    Max,
    /// The smallest change.
    Min,
    /// No change in this direction.
    Disabled,
}

/// A limit on change over a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// Pods or percent.
    pub kind: PolicyKind,
    /// How many, above 0.
    pub value: i32,
    /// Over how long, 1 s to 30 min.
    pub period: Duration,
}

/// What a policy's value counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PolicyKind {
    /// Pods.
    Pods,
    /// Percent of the replicas at the start of the period.
    Percent,
}

/// The controller's flags. The default is kube-controller-manager's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Flags {
    /// `--horizontal-pod-autoscaler-sync-period`.
    pub sync_period: Duration,
    /// `--horizontal-pod-autoscaler-tolerance`, a ratio.
    pub tolerance: f64,
    /// `--horizontal-pod-autoscaler-downscale-stabilization`.
    pub downscale_stabilization: Duration,
    /// `--horizontal-pod-autoscaler-cpu-initialization-period`.
    pub cpu_initialization_period: Duration,
    /// `--horizontal-pod-autoscaler-initial-readiness-delay`.
    pub initial_readiness_delay: Duration,
    /// Feature gate `HPAConfigurableTolerance`.
    pub configurable_tolerance: bool,
    /// Feature gate `HPAScaleToZero`.
    pub scale_to_zero: bool,
}

impl Default for Flags {
    fn default() -> Self {
        Self {
            sync_period: Duration::from_secs(15),
            tolerance: 0.1,
            downscale_stabilization: Duration::from_secs(300),
            cpu_initialization_period: Duration::from_secs(300),
            initial_readiness_delay: Duration::from_secs(30),
            configurable_tolerance: true,
            scale_to_zero: false,
        }
    }
}
