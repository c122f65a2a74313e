//! From a spec to a typed `autoscaling/v2` object, and to YAML.

use std::collections::BTreeMap;

use k8s_openapi::api::autoscaling::v2;
use serde::Serialize;

use super::names::{Name, Namespace, Target};
use crate::error::InputError;
use crate::hpa::api;
use crate::hpa::spec::{Metric, Spec};

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
    pub(super) fn metadata(&self) -> api::ObjectMeta {
        let label = ("app.kubernetes.io/managed-by".to_owned(), "hpatune".to_owned());
        api::ObjectMeta {
            name: self.name.to_string(),
            namespace: self.namespace.as_ref().map(ToString::to_string),
            labels: Some(BTreeMap::from([label])),
            annotations: Some(self.annotations.clone()).filter(|all| !all.is_empty()),
        }
    }
}

/// The HPA of `spec` for `target`.
///
/// # Errors
/// A metric that never has a value.
pub fn hpa(identity: &Identity, target: &Target, spec: &Spec) -> Result<v2::HorizontalPodAutoscaler, InputError> {
    if let Some(Metric::Unavailable { name, .. }) =
        spec.metrics.iter().find(|metric| matches!(metric, Metric::Unavailable { .. }))
    {
        let problem = format!("the metric `{name}` never has a value, so it is not written");
        return Err(InputError::new(problem, "take it out of the HPA"));
    }
    let reference = api::CrossVersionObjectReference {
        api_version: Some("apps/v1".to_owned()),
        kind: target.kind.as_str().to_owned(),
        name: target.name.to_string(),
    };
    let object = api::HorizontalPodAutoscaler::of(identity.name.as_str(), reference, spec);
    let mut object = api::HorizontalPodAutoscaler { metadata: identity.metadata(), ..object };
    if let Some(behavior) = &mut object.spec.behavior {
        for rules in [&mut behavior.scale_up, &mut behavior.scale_down].into_iter().flatten() {
            // As the API server stores it, so that a later diff is empty.
            rules.tolerance = rules.tolerance.as_ref().map(api::Quantity::canonical);
        }
    }
    Ok(typed(&object))
}

/// The same object in the types of the Kubernetes API.
pub(super) fn typed(object: &api::HorizontalPodAutoscaler) -> v2::HorizontalPodAutoscaler {
    let value = serde_json::to_value(object).expect("an HPA is plain data");
    serde_json::from_value(value).expect("our fields are those of the Kubernetes API")
}

/// An object as YAML, with a leading `---` so that documents can be joined.
#[must_use]
pub fn yaml(object: &impl Serialize) -> String {
    let text = serde_saphyr::to_string(object).expect("a Kubernetes object is plain data");
    format!("---\n{text}")
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::hpa::Settings;
    use crate::hpa::spec::{self, Behavior, Policy, PolicyKind, Resource, ScalingRules, SelectPolicy};
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
        let tolerance = proptest::option::of((0..16).prop_map(|eighths| f64::from(eighths) / 8.0));
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
            let again: v2::HorizontalPodAutoscaler = decode(&read[0], Path::new("hpa.yaml")).unwrap();
            prop_assert_eq!(&again, &written);
            prop_assert_eq!(yaml(&again), text);
            let object: api::HorizontalPodAutoscaler = serde_json::from_value(read[0].json()).unwrap();
            prop_assert_eq!(object.spec(), spec);
        }
    }
}
