//! The `autoscaling/v2` object as it is submitted. Fields are those of the Kubernetes API; unknown ones are ignored.
//!
//! [`defaulted`](HorizontalPodAutoscaler::defaulted), [`validate`](HorizontalPodAutoscaler::validate) and
//! [`spec`](HorizontalPodAutoscaler::spec) take it from here to the controller.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};

pub use super::quantity::Quantity;
use crate::units::Replicas;

/// A HorizontalPodAutoscaler, `apiVersion: autoscaling/v2`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HorizontalPodAutoscaler {
    /// `autoscaling/v2`.
    #[serde(deserialize_with = "null_is_default")]
    pub api_version: String,
    /// `HorizontalPodAutoscaler`.
    #[serde(deserialize_with = "null_is_default")]
    pub kind: String,
    /// Name, namespace, labels and annotations.
    #[serde(deserialize_with = "null_is_default")]
    pub metadata: ObjectMeta,
    /// What the HPA is to do.
    #[serde(deserialize_with = "null_is_default")]
    pub spec: HorizontalPodAutoscalerSpec,
}

/// The metadata a manifest carries.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ObjectMeta {
    /// Name, a DNS-1123 subdomain.
    #[serde(deserialize_with = "null_is_default")]
    pub name: String,
    /// Namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Labels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labels: Option<BTreeMap<String, String>>,
    /// Annotations.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub annotations: Option<BTreeMap<String, String>>,
}

/// `spec`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HorizontalPodAutoscalerSpec {
    /// What is scaled.
    #[serde(deserialize_with = "null_is_default")]
    pub scale_target_ref: CrossVersionObjectReference,
    /// Lower bound of replicas, 1 when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_replicas: Option<Replicas>,
    /// Upper bound of replicas.
    #[serde(deserialize_with = "null_is_default")]
    pub max_replicas: Replicas,
    /// The metrics; 80 % CPU when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metrics: Option<Vec<MetricSpec>>,
    /// Policies and windows; the controller's older rules when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub behavior: Option<Behavior>,
}

/// A reference to an object in the same namespace.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CrossVersionObjectReference {
    /// `apiVersion`, such as `apps/v1`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_version: Option<String>,
    /// `kind`, such as `Deployment`.
    #[serde(deserialize_with = "null_is_default")]
    pub kind: String,
    /// `name`.
    #[serde(deserialize_with = "null_is_default")]
    pub name: String,
}

/// One of `spec.metrics`: a type, and the member of that name.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct MetricSpec {
    /// `ContainerResource`, `External`, `Object`, `Pods` or `Resource`.
    #[serde(rename = "type", deserialize_with = "null_is_default")]
    pub kind: String,
    /// For type `Resource`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource: Option<ResourceSource>,
    /// For type `ContainerResource`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container_resource: Option<ContainerResourceSource>,
    /// For type `Pods`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pods: Option<NamedSource>,
    /// For type `Object`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object: Option<ObjectSource>,
    /// For type `External`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external: Option<NamedSource>,
}

/// A resource of the pods.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ResourceSource {
    /// `cpu` or `memory`.
    #[serde(deserialize_with = "null_is_default")]
    pub name: String,
    /// What to aim at.
    #[serde(deserialize_with = "null_is_default")]
    pub target: MetricTarget,
}

/// A resource of one container of the pods.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ContainerResourceSource {
    /// `cpu` or `memory`.
    #[serde(deserialize_with = "null_is_default")]
    pub name: String,
    /// The container.
    #[serde(deserialize_with = "null_is_default")]
    pub container: String,
    /// What to aim at.
    #[serde(deserialize_with = "null_is_default")]
    pub target: MetricTarget,
}

/// A Pods or External metric.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct NamedSource {
    /// Which metric.
    #[serde(deserialize_with = "null_is_default")]
    pub metric: MetricIdentifier,
    /// What to aim at.
    #[serde(deserialize_with = "null_is_default")]
    pub target: MetricTarget,
}

/// A metric of one object.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ObjectSource {
    /// The object.
    #[serde(deserialize_with = "null_is_default")]
    pub described_object: CrossVersionObjectReference,
    /// Which metric.
    #[serde(deserialize_with = "null_is_default")]
    pub metric: MetricIdentifier,
    /// What to aim at.
    #[serde(deserialize_with = "null_is_default")]
    pub target: MetricTarget,
}

/// The name of a metric, and which of its series.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct MetricIdentifier {
    /// Its name.
    #[serde(deserialize_with = "null_is_default")]
    pub name: String,
    /// A label selector, handed through.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selector: Option<serde_json::Value>,
}

/// `target` of a metric. The controller looks at the field that is set, and only for Object metrics at the type.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct MetricTarget {
    /// `Utilization`, `Value` or `AverageValue`.
    #[serde(rename = "type", deserialize_with = "null_is_default")]
    pub kind: String,
    /// The value of the whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<Quantity>,
    /// The mean per pod.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub average_value: Option<Quantity>,
    /// Percent of the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub average_utilization: Option<i32>,
}

/// `spec.behavior`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Behavior {
    /// Rules for scaling up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scale_up: Option<ScalingRules>,
    /// Rules for scaling down.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scale_down: Option<ScalingRules>,
}

/// The rules of one direction.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ScalingRules {
    /// How long recommendations are held, 0 to 3600.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stabilization_window_seconds: Option<i32>,
    /// `Max`, `Min` or `Disabled`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub select_policy: Option<String>,
    /// Limits on change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policies: Option<Vec<ScalingPolicy>>,
    /// Tolerance of this direction, a ratio.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tolerance: Option<Quantity>,
}

/// A limit on change over a period.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ScalingPolicy {
    /// `Pods` or `Percent`.
    #[serde(rename = "type", deserialize_with = "null_is_default")]
    pub kind: String,
    /// How many, above 0.
    #[serde(deserialize_with = "null_is_default")]
    pub value: i32,
    /// Over how long, 1 to 1800.
    #[serde(deserialize_with = "null_is_default")]
    pub period_seconds: i32,
}

/// The API server reads `null` as the zero value.
fn null_is_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(deserializer: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}
