//! From a spec to a typed `autoscaling/v2` object, and to YAML.

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::api::autoscaling::v2 as api;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Serialize;

use super::names::{Name, Namespace, Target};
use super::quantity;
use crate::error::InputError;
use crate::hpa::spec::{self, Metric, PolicyKind, Resource, ScalingRules, SelectPolicy, Spec};

/// What an object is called, and what it says about its making.
#[derive(Debug, Clone)]
pub struct Identity {
    /// `metadata.name`.
    pub name: Name,
    /// `metadata.namespace`; `None` leaves it to kubectl's context.
    pub namespace: Option<Namespace>,
    /// `metadata.annotations`, by full key.
    pub annotations: BTreeMap<String, String>,
}

impl Identity {
    /// The metadata: name, namespace, annotations, and the label that says who manages the object.
    pub(super) fn metadata(&self) -> ObjectMeta {
        let label = ("app.kubernetes.io/managed-by".to_owned(), "hpatune".to_owned());
        ObjectMeta {
            name: Some(self.name.to_string()),
            namespace: self.namespace.as_ref().map(ToString::to_string),
            labels: Some(BTreeMap::from([label])),
            annotations: Some(self.annotations.clone()).filter(|all| !all.is_empty()),
            ..ObjectMeta::default()
        }
    }
}

/// The HPA of `spec` for `target`.
///
/// # Errors
/// A metric that never has a value.
pub fn hpa(identity: &Identity, target: &Target, spec: &Spec) -> Result<api::HorizontalPodAutoscaler, InputError> {
    Ok(api::HorizontalPodAutoscaler {
        metadata: identity.metadata(),
        spec: api::HorizontalPodAutoscalerSpec {
            scale_target_ref: api::CrossVersionObjectReference {
                api_version: Some("apps/v1".to_owned()),
                kind: target.kind.as_str().to_owned(),
                name: target.name.to_string(),
            },
            min_replicas: Some(spec.min_replicas),
            max_replicas: spec.max_replicas,
            metrics: Some(spec.metrics.iter().map(metric).collect::<Result<_, _>>()?),
            behavior: spec.behavior.as_ref().map(behavior),
        },
        status: None,
    })
}

/// An object as YAML, with a leading `---` so that documents can be joined.
#[must_use]
pub fn yaml(object: &impl Serialize) -> String {
    let text = serde_saphyr::to_string(object).expect("a Kubernetes object is plain data");
    format!("---\n{text}")
}

/// One metric as `autoscaling/v2` has it.
pub(super) fn metric(metric: &Metric) -> Result<api::MetricSpec, InputError> {
    let identifier = |name: &String| api::MetricIdentifier { name: name.clone(), selector: None };
    let mut out = api::MetricSpec::default();
    match metric {
        Metric::Resource { resource, target: value } => {
            out.type_ = "Resource".to_owned();
            let name = resource.name().to_owned();
            out.resource = Some(api::ResourceMetricSource { name, target: target(*value, Some(*resource)) });
        }
        Metric::ContainerResource { container, resource, target: value } => {
            out.type_ = "ContainerResource".to_owned();
            out.container_resource = Some(api::ContainerResourceMetricSource {
                container: container.clone(),
                name: resource.name().to_owned(),
                target: target(*value, Some(*resource)),
            });
        }
        Metric::Pods { name, target: value } => {
            out.type_ = "Pods".to_owned();
            out.pods = Some(api::PodsMetricSource { metric: identifier(name), target: target(*value, None) });
        }
        Metric::External { name, target: value } => {
            out.type_ = "External".to_owned();
            out.external = Some(api::ExternalMetricSource { metric: identifier(name), target: target(*value, None) });
        }
        Metric::Object { name, object, target: value } => {
            out.type_ = "Object".to_owned();
            let described_object = api::CrossVersionObjectReference {
                api_version: object.api_version.clone(),
                kind: object.kind.clone(),
                name: object.name.clone(),
            };
            let (metric, target) = (identifier(name), target(*value, None));
            out.object = Some(api::ObjectMetricSource { described_object, metric, target });
        }
        Metric::Unavailable { name, .. } => {
            let problem = format!("the metric `{name}` never has a value, so it is not written");
            return Err(InputError::new(problem, "take it out of the HPA"));
        }
    }
    Ok(out)
}

fn target(target: spec::Target, resource: Option<Resource>) -> api::MetricTarget {
    let quantity = |amount: i64| -> Quantity {
        match resource {
            Some(Resource::Cpu) => quantity::cpu(amount),
            Some(Resource::Memory) => quantity::memory(amount),
            None => quantity::milli(amount),
        }
    };
    let mut out = api::MetricTarget::default();
    match target {
        spec::Target::Utilization(percent) => {
            (out.type_, out.average_utilization) = ("Utilization".to_owned(), Some(percent));
        }
        spec::Target::AverageValue(amount) => {
            (out.type_, out.average_value) = ("AverageValue".to_owned(), Some(quantity(amount)));
        }
        spec::Target::Value(amount) => (out.type_, out.value) = ("Value".to_owned(), Some(quantity(amount))),
    }
    out
}

/// Both directions as `autoscaling/v2` has them.
pub(super) fn behavior(behavior: &spec::Behavior) -> api::HorizontalPodAutoscalerBehavior {
    api::HorizontalPodAutoscalerBehavior {
        scale_up: Some(rules(&behavior.scale_up)),
        scale_down: Some(rules(&behavior.scale_down)),
    }
}

fn rules(rules: &ScalingRules) -> api::HPAScalingRules {
    let select = match rules.select {
        SelectPolicy::Max => "Max",
        SelectPolicy::Min => "Min",
        SelectPolicy::Disabled => "Disabled",
    };
    api::HPAScalingRules {
        stabilization_window_seconds: rules.stabilization.map(seconds),
        select_policy: Some(select.to_owned()),
        policies: Some(rules.policies.iter().copied().map(policy).collect()),
        tolerance: rules.tolerance.map(quantity::ratio),
    }
}

/// One scaling policy as `autoscaling/v2` has it.
pub(super) fn policy(policy: spec::Policy) -> api::HPAScalingPolicy {
    let kind = match policy.kind {
        PolicyKind::Pods => "Pods",
        PolicyKind::Percent => "Percent",
    };
    api::HPAScalingPolicy { type_: kind.to_owned(), value: policy.value, period_seconds: seconds(policy.period) }
}

/// Whole seconds; the fields of an HPA hold no more than an hour.
fn seconds(span: Duration) -> i32 {
    i32::try_from(span.as_secs()).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use proptest::prelude::*;

    use super::*;
    use crate::hpa::Settings;
    use crate::hpa::spec::{Behavior, Policy};
    use crate::manifest::{decode::decode, node};

    fn identity(name: &str) -> Identity {
        let annotations = BTreeMap::from([("hpatune/seed".to_owned(), "12:30:45".to_owned())]);
        Identity { name: name.parse().unwrap(), namespace: Some("on".parse().unwrap()), annotations }
    }

    #[test]
    fn the_manifest_reads_as_kubectl_prints_it() {
        let settings = "target_cpu = 65\nmin_replicas = 2\n[scale_down]\nstabilization = \"2m\"\ntolerance = 0.05\n";
        let settings: Settings = toml::from_str(settings).unwrap();
        let object = hpa(&identity("no"), &"deploy/web".parse().unwrap(), &settings.spec()).unwrap();
        insta::assert_snapshot!(yaml(&object), @r#"
        ---
        apiVersion: autoscaling/v2
        kind: HorizontalPodAutoscaler
        metadata:
          annotations:
            hpatune/seed: "12:30:45"
          labels:
            app.kubernetes.io/managed-by: hpatune
          name: "no"
          namespace: "on"
        spec:
          behavior:
            scaleDown:
              policies:
              - periodSeconds: 15
                type: Percent
                value: 100
              selectPolicy: Max
              stabilizationWindowSeconds: 120
              tolerance: 50m
            scaleUp:
              policies:
              - periodSeconds: 15
                type: Pods
                value: 4
              - periodSeconds: 15
                type: Percent
                value: 100
              selectPolicy: Max
              stabilizationWindowSeconds: 0
          maxReplicas: 40
          metrics:
          - resource:
              name: cpu
              target:
                averageUtilization: 65
                type: Utilization
            type: Resource
          minReplicas: 2
          scaleTargetRef:
            apiVersion: apps/v1
            kind: Deployment
            name: web
        "#);
    }

    #[test]
    fn strings_that_yaml_1_1_would_misread_are_quoted() {
        for text in
            ["no", "on", "y", "Off", "~", "null", "12:30:45", "1_000", "0x1f", "010", "1e3", ".inf", "2024-01-01"]
        {
            let annotations = BTreeMap::from([("hpatune/x".to_owned(), text.to_owned())]);
            let written = yaml(&Identity { annotations, ..identity("web") }.metadata());
            let line = written.lines().find(|line| line.contains("hpatune/x")).unwrap();
            assert!(line.ends_with(&format!(": \"{text}\"")) || line.ends_with(&format!(": '{text}'")), "{line}");
        }
    }

    #[test]
    fn a_metric_that_never_has_a_value_is_not_written() {
        let metrics = vec![Metric::Unavailable { source: None, name: "hits".to_owned() }];
        let spec = Spec { metrics, ..Settings::default().spec() };
        assert!(hpa(&identity("web"), &"deploy/web".parse().unwrap(), &spec).is_err());
    }

    fn metrics() -> impl Strategy<Value = Metric> {
        let resource = || prop_oneof![Just(Resource::Cpu), Just(Resource::Memory)];
        let amount = 1_i64..1 << 50;
        let of_pod = prop_oneof![
            (1..500).prop_map(spec::Target::Utilization),
            amount.clone().prop_map(spec::Target::AverageValue)
        ];
        let whole =
            prop_oneof![amount.clone().prop_map(spec::Target::Value), amount.prop_map(spec::Target::AverageValue)];
        let name = "[ -~é]{1,30}";
        prop_oneof![
            (resource(), of_pod.clone()).prop_map(|(resource, target)| Metric::Resource { resource, target }),
            (name, resource(), of_pod).prop_map(|(container, resource, target)| Metric::ContainerResource {
                container,
                resource,
                target
            }),
            (name, 1_i64..1 << 50)
                .prop_map(|(name, amount)| Metric::Pods { name, target: spec::Target::AverageValue(amount) }),
            (name, whole.clone()).prop_map(|(name, target)| Metric::External { name, target }),
            (name, "[a-z]{1,9}", proptest::option::of("[a-z]{1,9}/v1"), whole).prop_map(
                |(name, kind, api_version, target)| {
                    let object = spec::Reference { api_version, kind, name: name.clone() };
                    Metric::Object { name, object, target }
                }
            ),
        ]
    }

    fn direction(up: bool) -> impl Strategy<Value = ScalingRules> {
        let policy = (any::<bool>(), 1..1000_i32, 1..=1800_u64).prop_map(|(pods, value, period)| Policy {
            kind: if pods { PolicyKind::Pods } else { PolicyKind::Percent },
            value,
            period: Duration::from_secs(period),
        });
        let select = prop_oneof![Just(SelectPolicy::Max), Just(SelectPolicy::Min), Just(SelectPolicy::Disabled)];
        let window = (any::<bool>(), 0..=3600_u64)
            .prop_map(move |(given, secs)| (given || up).then(|| Duration::from_secs(secs)));
        let tolerance = proptest::option::of((0..2_000_000_000_u32).prop_map(|nano| f64::from(nano) / 1e9));
        (window, select, proptest::collection::vec(policy, 1..4), tolerance).prop_map(
            |(stabilization, select, policies, tolerance)| ScalingRules { stabilization, select, policies, tolerance },
        )
    }

    fn specs() -> impl Strategy<Value = Spec> {
        let behavior =
            (direction(true), direction(false)).prop_map(|(scale_up, scale_down)| Behavior { scale_up, scale_down });
        (1..100_i32, 0..1000_i32, proptest::collection::vec(metrics(), 1..4), proptest::option::of(behavior)).prop_map(
            |(min_replicas, more, metrics, behavior)| Spec {
                min_replicas,
                max_replicas: min_replicas + more,
                metrics,
                behavior,
            },
        )
    }

    proptest! {
        #[test]
        fn every_field_survives_yaml(spec in specs(), name in "[a-z0-9]([-a-z0-9]{0,20}[a-z0-9])?", note in "\\PC{0,60}") {
            let annotations = BTreeMap::from([("hpatune/note".to_owned(), note)]);
            let identity = Identity { annotations, ..identity(&name) };
            let written = hpa(&identity, &format!("sts/{name}").parse().unwrap(), &spec).unwrap();
            let text = yaml(&written);
            let read = node::parse(text.as_bytes(), Path::new("hpa.yaml")).unwrap();
            let again: api::HorizontalPodAutoscaler = decode(&read[0], Path::new("hpa.yaml")).unwrap();
            prop_assert_eq!(&again, &written);
            prop_assert_eq!(yaml(&again), text);
        }
    }
}
