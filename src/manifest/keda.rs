//! KEDA's ScaledObject (`keda.sh/v1alpha1`): the same HPA, with a cron trigger for each stretch of the day that has a
//! higher lower bound. KEDA makes the HPA from it, so a cluster holds one of the two.
//!
//! Source: <https://keda.sh/docs/latest/reference/scaledobject-spec/>, the scalers `cpu`, `memory` and `cron`.

use std::collections::BTreeMap;

use k8s_openapi::api::autoscaling::v2;
use serde::Serialize;

use super::hours::Hours;
use super::names::Target;
use super::write::{Identity, hpa};
use crate::error::InputError;
use crate::hpa::api;
use crate::hpa::spec::Spec;
use crate::units::Replicas;

/// A ScaledObject.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ScaledObject {
    api_version: &'static str,
    kind: &'static str,
    metadata: api::ObjectMeta,
    spec: ScaledObjectSpec,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct ScaledObjectSpec {
    scale_target_ref: v2::CrossVersionObjectReference,
    min_replica_count: Replicas,
    max_replica_count: Replicas,
    #[serde(skip_serializing_if = "Option::is_none")]
    advanced: Option<Advanced>,
    triggers: Vec<Trigger>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Advanced {
    horizontal_pod_autoscaler_config: HpaConfig,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct HpaConfig {
    behavior: v2::HorizontalPodAutoscalerBehavior,
}

/// One of `spec.triggers`. KEDA takes every value of `metadata` as a string.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Trigger {
    #[serde(rename = "type")]
    kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    metric_type: Option<String>,
    metadata: BTreeMap<&'static str, String>,
}

/// The ScaledObject of `spec` for `target`, with the lower bounds of `hours` when there are any.
///
/// # Errors
/// A metric that KEDA has no trigger of the same meaning for: Pods, Object and External metrics.
pub fn scaled_object(
    identity: &Identity,
    target: &Target,
    spec: &Spec,
    hours: Option<&Hours>,
) -> Result<ScaledObject, InputError> {
    let object = hpa(identity, target, spec)?.spec;
    let least = hours.map_or(spec.min_replicas, Hours::least);
    let mut triggers = object.metrics.unwrap_or_default().into_iter().map(trigger).collect::<Result<Vec<_>, _>>()?;
    let stretches = hours.map(Hours::stretches).unwrap_or_default();
    triggers.extend(stretches.into_iter().filter(|&(_, _, replicas)| replicas > least).map(cron));
    Ok(ScaledObject {
        api_version: "keda.sh/v1alpha1",
        kind: "ScaledObject",
        metadata: identity.metadata(),
        spec: ScaledObjectSpec {
            scale_target_ref: object.scale_target_ref,
            min_replica_count: least,
            max_replica_count: spec.max_replicas,
            advanced: object
                .behavior
                .map(|behavior| Advanced { horizontal_pod_autoscaler_config: HpaConfig { behavior } }),
            triggers,
        },
    })
}

fn trigger(metric: v2::MetricSpec) -> Result<Trigger, InputError> {
    let (container, name, target) = match (metric.resource, metric.container_resource) {
        (Some(source), _) => (None, source.name, source.target),
        (None, Some(source)) => (Some(source.container), source.name, source.target),
        (None, None) => {
            let problem = format!("a metric of type {} has no KEDA trigger of the same meaning", metric.type_);
            return Err(InputError::new(problem, "write an HPA or a patch with `--kind hpa` or `--kind patch`"));
        }
    };
    let utilization = target.average_utilization.map(|percent| percent.to_string());
    let value = utilization.or(target.average_value.map(|quantity| quantity.0)).unwrap_or_default();
    let mut metadata = BTreeMap::from([("value", value)]);
    metadata.extend(container.map(|container| ("containerName", container)));
    Ok(Trigger { kind: name, metric_type: Some(target.type_), metadata })
}

fn cron((from, to, replicas): (u8, u8, Replicas)) -> Trigger {
    let metadata = BTreeMap::from([
        ("timezone", "Etc/UTC".to_owned()),
        ("start", Hours::cron(from)),
        ("end", Hours::cron(to)),
        ("desiredReplicas", replicas.to_string()),
    ]);
    Trigger { kind: "cron".to_owned(), metric_type: None, metadata }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hpa::Settings;
    use crate::hpa::spec::{Metric, Target as Aim};
    use crate::manifest::yaml;

    fn object(spec: &Spec, hours: Option<&Hours>) -> Result<ScaledObject, InputError> {
        let identity = Identity { name: "web".parse().unwrap(), namespace: None, annotations: BTreeMap::new() };
        scaled_object(&identity, &"deploy/web".parse().unwrap(), spec, hours)
    }

    #[test]
    fn each_stretch_above_the_least_bound_is_a_cron_trigger() {
        let mut replicas = [2; 24];
        replicas[8..18].fill(9);
        let written = yaml(&object(&Settings::default().spec(), Some(&Hours(replicas))).unwrap());
        insta::assert_snapshot!(written, @r#"
        ---
        apiVersion: keda.sh/v1alpha1
        kind: ScaledObject
        metadata:
          name: web
          labels:
            app.kubernetes.io/managed-by: hpatune
        spec:
          scaleTargetRef:
            apiVersion: apps/v1
            kind: Deployment
            name: web
          minReplicaCount: 2
          maxReplicaCount: 40
          triggers:
          - type: cpu
            metricType: Utilization
            metadata:
              value: "80"
          - type: cron
            metadata:
              desiredReplicas: "9"
              end: 0 18 * * *
              start: 0 8 * * *
              timezone: Etc/UTC
        "#);
    }

    #[test]
    fn a_metric_without_a_trigger_is_refused() {
        let metrics = vec![Metric::Pods { name: "hits".to_owned(), target: Aim::AverageValue(1000) }];
        let spec = Spec { metrics, ..Settings::default().spec() };
        assert!(object(&spec, None).unwrap_err().to_string().contains("type Pods"));
    }
}
