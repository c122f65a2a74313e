//! JSON merge patches for `kubectl patch hpa NAME --type merge --patch-file FILE`.

use serde_json::{Value, json};

use super::hours::Hours;
use super::write::{Identity, hpa, typed};
use crate::error::InputError;
use crate::hpa::api::HorizontalPodAutoscaler;
use crate::hpa::spec::Spec;
use crate::manifest::Target;

/// The patch that makes a live HPA do what `spec` says; a field that the spec leaves out is taken away.
///
/// # Errors
/// A metric that never has a value.
pub fn patch(identity: &Identity, target: &Target, spec: &Spec) -> Result<Value, InputError> {
    let object = hpa(identity, target, spec)?.spec;
    Ok(json!({
        "metadata": { "annotations": identity.annotations },
        "spec": {
            "minReplicas": object.min_replicas,
            "maxReplicas": object.max_replicas,
            "metrics": object.metrics,
            "behavior": object.behavior,
        },
    }))
}

/// The patch that makes a live HPA do what `spec` says, with nothing but the fields that differ; an empty `spec` when none
/// does. Lists are replaced as a whole, as a merge patch does.
#[must_use]
pub fn changes(live: &HorizontalPodAutoscaler, spec: &Spec) -> Value {
    let fields = |spec: &Spec| serde_json::to_value(typed(&live.with_spec(spec)).spec).expect("a spec is plain data");
    let (old, new) = (fields(&live.spec()), fields(spec));
    let changed = ["minReplicas", "maxReplicas", "metrics", "behavior"].into_iter().filter(|key| old[key] != new[key]);
    let changed: serde_json::Map<_, _> = changed.map(|key| (key.to_owned(), new[key].clone())).collect();
    json!({ "spec": changed })
}

/// One patch per change of the hour's lower bound, with the cron expression (UTC) at which a `CronJob` applies it.
#[must_use]
pub fn schedule_patches(hours: &Hours) -> Vec<Value> {
    let change =
        |from: u8, replicas| json!({ "at": Hours::cron(from), "patch": { "spec": { "minReplicas": replicas } } });
    hours.stretches().into_iter().map(|(from, _, replicas)| change(from, replicas)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hpa::Settings;
    use crate::hpa::api::CrossVersionObjectReference;

    #[test]
    fn what_the_spec_leaves_out_is_taken_away() {
        let identity =
            Identity { name: "web".parse().unwrap(), namespace: None, annotations: std::collections::BTreeMap::new() };
        let patch = patch(&identity, &"deploy/web".parse().unwrap(), &Settings::default().spec()).unwrap();
        insta::assert_snapshot!(patch, @r#"
        {"metadata":{"annotations":{}},"spec":{"minReplicas":1,"maxReplicas":40,"metrics":[{"resource":{"name":"cpu","target":{"averageUtilization":80,"type":"Utilization"}},"type":"Resource"}],"behavior":null}}
        "#);
    }

    #[test]
    fn only_what_differs_is_changed() {
        let old = Settings::default().spec();
        let live = HorizontalPodAutoscaler::of("web", CrossVersionObjectReference::default(), &old);
        let more = Spec { min_replicas: 4, ..old.clone() };
        assert_eq!(changes(&live, &more).to_string(), r#"{"spec":{"minReplicas":4}}"#);
        assert_eq!(changes(&live, &old).to_string(), r#"{"spec":{}}"#);
    }

    #[test]
    fn a_schedule_is_a_patch_per_change() {
        let mut replicas = [2; 24];
        replicas[8..18].fill(9);
        let patches = schedule_patches(&Hours(replicas));
        let lines: Vec<String> = patches.iter().map(ToString::to_string).collect();
        assert_eq!(
            lines,
            [
                r#"{"at":"0 8 * * *","patch":{"spec":{"minReplicas":9}}}"#,
                r#"{"at":"0 18 * * *","patch":{"spec":{"minReplicas":2}}}"#,
            ]
        );
    }
}
