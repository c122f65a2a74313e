//! The vectors' schema. Times are seconds, memory is bytes; unknown fields are ignored.

use std::borrow::Cow;
use std::collections::BTreeMap;

use hpatune::hpa::api::{HorizontalPodAutoscaler, HorizontalPodAutoscalerSpec};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Record<'a> {
    pub(crate) id: String,
    pub(crate) hpa: HorizontalPodAutoscaler,
    pub(crate) flags: Flags,
    #[serde(default)]
    pub(crate) feature_gates: FeatureGates,
    #[serde(borrow, default)]
    pub(crate) containers: Vec<Container<'a>>,
    pub(crate) initial: Option<Initial>,
    #[serde(borrow)]
    pub(crate) steps: Vec<Step<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Flags {
    pub(crate) downscale_stabilization: f64,
    pub(crate) tolerance: f64,
    pub(crate) cpu_initialization_period: f64,
    pub(crate) initial_readiness_delay: f64,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(default)]
pub(crate) struct FeatureGates {
    #[serde(rename = "HPAConfigurableTolerance")]
    pub(crate) configurable_tolerance: bool,
    #[serde(rename = "HPAScaleToZero")]
    pub(crate) scale_to_zero: bool,
}

impl Default for FeatureGates {
    fn default() -> Self {
        Self { configurable_tolerance: true, scale_to_zero: false }
    }
}

#[derive(Deserialize, Clone, PartialEq)]
pub(crate) struct Container<'a> {
    #[serde(borrow, default)]
    pub(crate) name: Cow<'a, str>,
    pub(crate) cpu: Option<i64>,
    pub(crate) memory: Option<i64>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Initial {
    pub(crate) recommendations: Option<Vec<Recommended>>,
    pub(crate) scale_up_events: Vec<Event>,
    pub(crate) scale_down_events: Vec<Event>,
    pub(crate) current_replicas: i32,
    pub(crate) desired_replicas: i32,
    pub(crate) last_scale_time: Option<f64>,
    pub(crate) conditions: Vec<[String; 3]>,
}

#[derive(Deserialize, Debug)]
pub(crate) struct Recommended {
    pub(crate) time: f64,
    pub(crate) replicas: i32,
}

#[derive(Deserialize, Debug)]
pub(crate) struct Event {
    pub(crate) time: f64,
    pub(crate) change: i32,
    #[serde(default)]
    pub(crate) outdated: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Step<'a> {
    pub(crate) now: f64,
    pub(crate) spec_replicas: i32,
    pub(crate) status_replicas: i32,
    pub(crate) selector: Option<String>,
    pub(crate) hpa_spec: Option<HorizontalPodAutoscalerSpec>,
    #[serde(default)]
    pub(crate) scale_update_error: bool,
    #[serde(borrow, default)]
    pub(crate) pods: Vec<Pod<'a>>,
    pub(crate) pod_metrics: Option<Vec<PodMetrics<'a>>>,
    #[serde(default)]
    pub(crate) pods_metrics: BTreeMap<String, Vec<PodsMetric<'a>>>,
    #[serde(default)]
    pub(crate) object_metrics: BTreeMap<String, i64>,
    #[serde(default)]
    pub(crate) external_metrics: BTreeMap<String, Vec<i64>>,
    pub(crate) expected: Expected,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Pod<'a> {
    #[serde(borrow)]
    pub(crate) name: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) phase: Cow<'a, str>,
    pub(crate) start: Option<f64>,
    pub(crate) ready: Option<Cow<'a, str>>,
    pub(crate) ready_transition: Option<f64>,
    pub(crate) deletion: Option<f64>,
    pub(crate) containers: Option<Vec<Container<'a>>>,
    #[serde(default)]
    pub(crate) sidecars: Vec<Container<'a>>,
    pub(crate) pod_requests: Option<Container<'a>>,
}

#[derive(Deserialize)]
pub(crate) struct PodMetrics<'a> {
    #[serde(borrow)]
    pub(crate) pod: Cow<'a, str>,
    pub(crate) timestamp: f64,
    pub(crate) window: f64,
    #[serde(borrow, default)]
    pub(crate) containers: Vec<Container<'a>>,
}

#[derive(Deserialize)]
pub(crate) struct PodsMetric<'a> {
    #[serde(borrow)]
    pub(crate) pod: Cow<'a, str>,
    pub(crate) value: i64,
}

#[derive(Deserialize, Debug)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Expected {
    pub(crate) scale_to: Option<i32>,
    pub(crate) desired_replicas: i32,
    pub(crate) current_replicas: i32,
    pub(crate) last_scale_time: Option<f64>,
    pub(crate) conditions: Vec<[String; 3]>,
    pub(crate) current_metrics: Option<Vec<Option<CurrentMetric>>>,
    pub(crate) proposals: Option<Vec<Option<i32>>>,
    pub(crate) recommendation: Option<i32>,
    #[serde(default)]
    pub(crate) error: bool,
    pub(crate) reason: Option<String>,
}

#[derive(Deserialize, Debug, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CurrentMetric {
    pub(crate) average_utilization: Option<i32>,
    pub(crate) average_value: Option<i64>,
    pub(crate) value: Option<i64>,
}
