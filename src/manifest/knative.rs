//! A merge patch for a Knative Service whose autoscaler is of the HPA class.
//!
//! The annotations carry CPU target and bounds only; Knative makes the HPA, with the API server's default behavior.
//! Source: `pkg/reconciler/autoscaling/hpa/resources/hpa.go` of Knative Serving.

use serde_json::{Value, json};

use super::write::Identity;
use crate::error::InputError;
use crate::hpa::spec::{Metric, Resource, ScalingRules, Spec, Target};

const GROUP: &str = "autoscaling.knative.dev";

/// The patch, and what of the spec Knative's annotations cannot say.
///
/// # Errors
/// A spec without exactly one metric, the utilisation of CPU.
pub fn service_patch(identity: &Identity, spec: &Spec) -> Result<(Value, Vec<&'static str>), InputError> {
    let [Metric::Resource { resource: Resource::Cpu, target: Target::Utilization(target) }] = &spec.metrics[..] else {
        let problem = "Knative's annotations carry a CPU target and nothing else";
        return Err(InputError::new(problem, "write another kind").field("--kind"));
    };
    let annotation = |name: &str, value: String| (format!("{GROUP}/{name}"), Value::String(value));
    let annotations: serde_json::Map<_, _> = [
        annotation("class", format!("hpa.{GROUP}")),
        annotation("metric", "cpu".to_owned()),
        annotation("target", target.to_string()),
        annotation("min-scale", spec.min_replicas.to_string()),
        annotation("max-scale", spec.max_replicas.to_string()),
    ]
    .into_iter()
    .collect();
    let patch = json!({
        "metadata": { "annotations": identity.annotations },
        "spec": { "template": { "metadata": { "annotations": annotations } } },
    });
    let behavior = spec.behavior.as_ref();
    let unsaid = [
        ("the scale-up behavior", behavior.is_some_and(|it| it.scale_up != ScalingRules::default_up())),
        ("the scale-down behavior", behavior.is_some_and(|it| !is_default_down(&it.scale_down))),
    ];
    Ok((patch, unsaid.into_iter().filter(|it| it.1).map(|it| it.0).collect()))
}

/// The default window may be written out.
fn is_default_down(rules: &ScalingRules) -> bool {
    let window = rules.stabilization.is_none_or(|window| window.as_secs() == 300);
    window
        && ScalingRules { stabilization: None, ..rules.clone() }
            == ScalingRules { stabilization: None, ..ScalingRules::default_down() }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use super::*;
    use crate::hpa::Settings;
    use crate::hpa::settings::Direction;

    fn patched(settings: &Settings) -> (String, Vec<&'static str>) {
        let identity = Identity { name: "web".parse().unwrap(), namespace: None, annotations: BTreeMap::new() };
        let (patch, unsaid) = service_patch(&identity, &settings.spec()).unwrap();
        (patch["spec"]["template"]["metadata"]["annotations"].to_string(), unsaid)
    }

    #[test]
    fn target_and_bounds_are_annotations() {
        let (annotations, unsaid) = patched(&Settings { min_replicas: 2, max_replicas: 9, ..Settings::default() });
        assert_eq!(
            annotations,
            r#"{"autoscaling.knative.dev/class":"hpa.autoscaling.knative.dev","autoscaling.knative.dev/metric":"cpu","autoscaling.knative.dev/target":"80","autoscaling.knative.dev/min-scale":"2","autoscaling.knative.dev/max-scale":"9"}"#
        );
        assert!(unsaid.is_empty());
    }

    #[test]
    fn what_knative_cannot_say_is_named() {
        let stabilized =
            |seconds| Some(Direction { stabilization: Some(Duration::from_secs(seconds)), ..Direction::default() });
        let settings = |seconds| Settings { scale_down: stabilized(seconds), ..Settings::default() };
        assert_eq!(patched(&settings(0)).1, ["the scale-down behavior"]);
        assert!(patched(&settings(300)).1.is_empty());
    }
}
