//! What the API server fills in: `SetDefaults_HorizontalPodAutoscaler` of `pkg/apis/autoscaling/v2/defaults.go`.

use super::api::{
    Behavior, HorizontalPodAutoscaler, HorizontalPodAutoscalerSpec, MetricSpec, MetricTarget, ResourceSource,
    ScalingPolicy, ScalingRules,
};

impl HorizontalPodAutoscaler {
    /// The object with everything filled in that the API server fills in.
    ///
    /// An absent `behavior` stays absent: the controller then follows its older rules.
    #[must_use]
    pub fn defaulted(&self) -> Self {
        Self { spec: self.spec.defaulted(), ..self.clone() }
    }
}

impl HorizontalPodAutoscalerSpec {
    /// The spec with everything filled in that the API server fills in.
    #[must_use]
    pub fn defaulted(&self) -> Self {
        let metrics = match &self.metrics {
            Some(metrics) if !metrics.is_empty() => metrics.clone(),
            _ => vec![cpu_at_80_percent()],
        };
        Self {
            min_replicas: Some(self.min_replicas.unwrap_or(1)),
            metrics: Some(metrics),
            behavior: self.behavior.as_ref().map(Behavior::defaulted),
            ..self.clone()
        }
    }
}

fn cpu_at_80_percent() -> MetricSpec {
    let target = MetricTarget { kind: "Utilization".into(), average_utilization: Some(80), ..MetricTarget::default() };
    let resource = Some(ResourceSource { name: "cpu".into(), target });
    MetricSpec { kind: "Resource".into(), resource, ..MetricSpec::default() }
}

impl Behavior {
    fn defaulted(&self) -> Self {
        let fill = |given: &Option<ScalingRules>, defaults: ScalingRules| match given {
            Some(given) => given.or(defaults),
            None => defaults,
        };
        Self {
            scale_up: Some(fill(&self.scale_up, default_scale_up())),
            scale_down: Some(fill(&self.scale_down, default_scale_down())),
        }
    }
}

impl ScalingRules {
    /// Field by field; a list of policies replaces the default list as a whole.
    fn or(&self, defaults: Self) -> Self {
        let given = self.clone();
        Self {
            stabilization_window_seconds: given.stabilization_window_seconds.or(defaults.stabilization_window_seconds),
            select_policy: given.select_policy.or(defaults.select_policy),
            policies: given.policies.or(defaults.policies),
            tolerance: given.tolerance,
        }
    }
}

/// At once, by the larger of 4 pods and 100 % per 15 s.
fn default_scale_up() -> ScalingRules {
    ScalingRules {
        stabilization_window_seconds: Some(0),
        select_policy: Some("Max".into()),
        policies: Some(vec![policy("Pods", 4), policy("Percent", 100)]),
        tolerance: None,
    }
}

/// By 100 % per 15 s. The window stays unset: the controller takes its flag.
fn default_scale_down() -> ScalingRules {
    ScalingRules {
        stabilization_window_seconds: None,
        select_policy: Some("Max".into()),
        policies: Some(vec![policy("Percent", 100)]),
        tolerance: None,
    }
}

fn policy(kind: &str, value: i32) -> ScalingPolicy {
    ScalingPolicy { kind: kind.into(), value, period_seconds: 15 }
}
