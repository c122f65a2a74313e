//! An HPA of a file as the API object: decoded strictly, `autoscaling/v1` converted, refused where the API server refuses.

use std::path::{Path, PathBuf};

use k8s_openapi::api::autoscaling::{v1, v2};

use super::decode::decode;
use super::documents::{self, Manifests};
use super::node::Node;
use crate::error::InputError;
use crate::hpa::api::HorizontalPodAutoscaler;
use crate::hpa::spec::Flags;
use crate::sim;

const KIND: &str = "HorizontalPodAutoscaler";

/// Annotations in which `autoscaling/v1` hides what it has no fields for.
const HIDDEN: [&str; 2] = ["autoscaling.alpha.kubernetes.io/metrics", "autoscaling.alpha.kubernetes.io/behavior"];

/// An HPA of a file, and where it stands there.
#[derive(Debug, Clone)]
pub struct Hpa {
    object: HorizontalPodAutoscaler,
    node: Node,
    path: PathBuf,
}

impl Hpa {
    /// The object.
    #[must_use]
    pub fn object(&self) -> &HorizontalPodAutoscaler {
        &self.object
    }

    /// What it scales, as `Kind/name`.
    #[must_use]
    pub fn target(&self) -> String {
        let target = &self.object.spec.scale_target_ref;
        format!("{}/{}", target.kind, target.name)
    }

    /// Containers that its `ContainerResource` metrics look at.
    pub fn containers(&self) -> impl Iterator<Item = &str> {
        let metrics = self.object.spec.metrics.iter().flatten();
        metrics.filter_map(|metric| Some(metric.container_resource.as_ref()?.container.as_str()))
    }

    /// Checks that the simulated cluster measures every metric of the HPA, or that the settings say that nothing does.
    ///
    /// # Errors
    /// A resource other than CPU and memory, a container that the pods do not have, and a Pods, External or Object metric
    /// of a name that stands for no signal.
    pub fn check_metrics(&self, settings: &sim::Settings) -> Result<(), InputError> {
        for (index, metric) in self.object.spec.metrics.iter().flatten().enumerate() {
            if let Some(source) = &metric.resource {
                self.check_resource(index, "resource", &source.name)?;
            }
            if let Some(source) = &metric.container_resource {
                self.check_resource(index, "containerResource", &source.name)?;
                self.check_container(index, &source.container, &settings.pod.container)?;
            }
            let named = [
                ("pods", metric.pods.as_ref().map(|source| &source.metric)),
                ("external", metric.external.as_ref().map(|source| &source.metric)),
                ("object", metric.object.as_ref().map(|source| &source.metric)),
            ];
            for (member, metric) in named.into_iter().filter_map(|(member, metric)| Some((member, metric?))) {
                self.check_signal(index, member, &metric.name, settings)?;
            }
        }
        Ok(())
    }

    fn check_resource(&self, index: usize, member: &str, name: &str) -> Result<(), InputError> {
        if matches!(name, "cpu" | "memory") {
            return Ok(());
        }
        let problem = format!("the metrics API has cpu and memory, and not {name:?}");
        let help = "leave the metric out; it fails at every sync".to_owned();
        Err(self.refuse(format!("spec.metrics[{index}].{member}.name"), problem, help))
    }

    fn check_container(&self, index: usize, found: &str, own: &str) -> Result<(), InputError> {
        if found == own {
            return Ok(());
        }
        let problem = format!("the simulated pods have one container, {own:?}, and not {found:?}");
        let help = format!("set pod.container = {found:?} in the experiment file");
        Err(self.refuse(format!("spec.metrics[{index}].containerResource.container"), problem, help))
    }

    fn check_signal(&self, index: usize, member: &str, name: &str, settings: &sim::Settings) -> Result<(), InputError> {
        if settings.metrics.signal(name).is_some() {
            return Ok(());
        }
        let problem = format!("nothing in the simulation measures {name:?}");
        let help = format!(
            "say what it measures in the experiment file: under [metrics], names = {{ {name:?} = \
             \"requests_per_second\" }}, or \"in_flight\", or \"nothing\" if it always fails"
        );
        Err(self.refuse(format!("spec.metrics[{index}].{member}.metric.name"), problem, help))
    }

    fn refuse(&self, field: String, problem: String, help: String) -> InputError {
        InputError::new(problem, help).at(self.node.locate(&field).place(&self.path)).field(field)
    }
}

impl Manifests {
    /// The HPA: `autoscaling/v2`, or `v1`, which is converted; YAML or JSON, among other documents or in a `List`.
    /// `which` picks among several, as `NAME`, `KIND/NAME` or the name of the scale target.
    ///
    /// # Errors
    /// None or several that fit, an unknown field, a wrong type, or a value that the API server refuses.
    pub fn hpa(&self, which: Option<&str>) -> Result<Hpa, InputError> {
        let path = &self.path;
        let node = documents::choose(self.objects.clone(), &[KIND], which, scale_target, path)?;
        let object = typed(&node, path)?;
        let value = serde_json::to_value(&object).expect("a Kubernetes object is plain data");
        let object: HorizontalPodAutoscaler = serde_json::from_value(value).map_err(|error| {
            InputError::new(error.to_string(), "see `kubectl explain hpa.spec`").at(node.locate("spec").place(path))
        })?;
        validate(&object, &node, path)?;
        Ok(Hpa { object, node, path: path.clone() })
    }
}

/// What the HPA of a file scales, as `Kind/name`.
fn scale_target(node: &Node) -> Option<String> {
    let text = |field| node.text(&format!("spec.scaleTargetRef.{field}"));
    Some(format!("{}/{}", text("kind")?, text("name")?))
}

fn typed(node: &Node, path: &Path) -> Result<v2::HorizontalPodAutoscaler, InputError> {
    match node.text("apiVersion") {
        Some("autoscaling/v2") => decode(node, path),
        Some("autoscaling/v1") => {
            let hidden = HIDDEN.into_iter().find(|key| {
                node.get("metadata").is_some_and(|data| {
                    data.get("annotations").is_some_and(|annotations| annotations.get(key).is_some())
                })
            });
            match hidden {
                None => decode(node, path).map(from_v1),
                Some(key) => {
                    let field = format!("metadata.annotations[{key}]");
                    let help = "write the HPA as autoscaling/v2; `kubectl get hpa.v2.autoscaling -o yaml` prints it";
                    let error = InputError::new("an autoscaling/v1 HPA keeps metrics and behavior here", help);
                    Err(error.at(node.locate(&field).place(path)).field(field))
                }
            }
        }
        found => {
            let problem = match found {
                Some(version) => format!("{version} has no HorizontalPodAutoscaler that is served today"),
                None => "an object without `apiVersion`".to_owned(),
            };
            let help = "write `apiVersion: autoscaling/v2`; `kubectl get hpa.v2.autoscaling -o yaml` prints it";
            Err(InputError::new(problem, help).field("apiVersion").at(node.locate("apiVersion").place(path)))
        }
    }
}

/// `autoscaling/v1` in the words of `v2`. Source: `Convert_v1_HorizontalPodAutoscalerSpec_To_autoscaling_…`.
fn from_v1(old: v1::HorizontalPodAutoscaler) -> v2::HorizontalPodAutoscaler {
    let target = old.spec.scale_target_ref;
    let cpu = |percent: i32| v2::MetricSpec {
        type_: "Resource".to_owned(),
        resource: Some(v2::ResourceMetricSource {
            name: "cpu".to_owned(),
            target: v2::MetricTarget {
                type_: "Utilization".to_owned(),
                average_utilization: Some(percent),
                ..v2::MetricTarget::default()
            },
        }),
        ..v2::MetricSpec::default()
    };
    v2::HorizontalPodAutoscaler {
        metadata: old.metadata,
        spec: v2::HorizontalPodAutoscalerSpec {
            scale_target_ref: v2::CrossVersionObjectReference {
                api_version: target.api_version,
                kind: target.kind,
                name: target.name,
            },
            min_replicas: old.spec.min_replicas,
            max_replicas: old.spec.max_replicas,
            metrics: old.spec.target_cpu_utilization_percentage.map(|percent| vec![cpu(percent)]),
            behavior: None,
        },
        status: None,
    }
}

/// The first thing the API server refuses is the error, the others stand in its help.
fn validate(object: &HorizontalPodAutoscaler, node: &Node, path: &Path) -> Result<(), InputError> {
    let errors = object.validate(&Flags::default());
    let Some((first, others)) = errors.split_first() else { return Ok(()) };
    let mut problem = first.class.to_string();
    for part in first.value.iter().map(String::as_str).chain([first.detail.as_str()]).filter(|part| !part.is_empty()) {
        problem = format!("{problem}: {part}");
    }
    let plain: String = first.field.split(['[', ']']).step_by(2).collect();
    let mut help = format!("see `kubectl explain hpa.{plain} --api-version=autoscaling/v2`");
    for other in others {
        help = format!("{help}\nalso wrong: {other}");
    }
    Err(InputError::new(problem, help).field(&first.field).at(node.locate(&first.field).place(path)))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::hpa::spec::{Metric, Resource, Target};

    fn read(text: &str, which: Option<&str>) -> Result<HorizontalPodAutoscaler, InputError> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        Manifests::read(file.path())?.hpa(which).map(|hpa| hpa.object)
    }

    fn v2(name: &str, spec: &str) -> String {
        let spec: String = spec.lines().map(|line| format!("  {line}\n")).collect();
        format!(
            "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata:\n  name: {name}\nspec:\n{spec}\
             \x20 scaleTargetRef: {{apiVersion: apps/v1, kind: Deployment, name: {name}-app}}\n"
        )
    }

    #[test]
    fn v1_is_the_same_as_its_v2() {
        let old = "apiVersion: autoscaling/v1\nkind: HorizontalPodAutoscaler\nmetadata: {name: web}\nspec:\n  minReplicas: 2\n\
                   \x20 maxReplicas: 9\n  targetCPUUtilizationPercentage: 60\n  scaleTargetRef: {kind: Deployment, name: web-app, apiVersion: apps/v1}\n";
        let new = v2(
            "web",
            "minReplicas: 2\nmaxReplicas: 9\nmetrics:\n- type: Resource\n  resource:\n    name: cpu\n    target: {type: Utilization, averageUtilization: 60}",
        );
        assert_eq!(read(old, None).unwrap().spec, read(&new, None).unwrap().spec);
        let plain = old.replace("  targetCPUUtilizationPercentage: 60\n", "");
        let stock = Metric::Resource { resource: Resource::Cpu, target: Target::Utilization(80) };
        assert_eq!(read(&plain, None).unwrap().spec().metrics, [stock], "the API server's default");
    }

    #[test]
    fn json_lists_and_live_objects_are_read() {
        let json = r#"{"apiVersion": "v1", "kind": "List", "items": [{"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": "web", "creationTimestamp": null, "resourceVersion": "12"},
            "spec": {"maxReplicas": 4, "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}},
            "status": {"currentReplicas": 1, "desiredReplicas": 0, "currentMetrics": null}}]}"#;
        assert_eq!(read(json, None).unwrap().spec().max_replicas, 4);
    }

    #[test]
    fn among_several_one_is_named_by_itself_or_its_target() {
        let both = format!("{}---\n{}", v2("web", "maxReplicas: 3"), v2("api", "maxReplicas: 5"));
        let error = read(&both, None).unwrap_err().to_string();
        assert!(error.contains("2 objects fit: HorizontalPodAutoscaler/web (for Deployment/web-app), "), "{error}");
        assert_eq!(read(&both, Some("api")).unwrap().spec.max_replicas, 5);
        assert_eq!(read(&both, Some("deployment/web-app")).unwrap().spec.max_replicas, 3);
    }

    #[test]
    fn what_the_api_server_refuses_is_refused_in_its_words_at_its_place() {
        let error = read(&v2("web", "minReplicas: 5\nmaxReplicas: 3"), None).unwrap_err();
        assert!(
            error.to_string().ends_with(
                ":7:3: `spec.maxReplicas`: Invalid value: 3: must be greater than or equal to `minReplicas`"
            ),
            "{error}"
        );
        let error = read(&v2("Web", "maxReplicas: 0"), None).unwrap_err();
        assert!(error.help.contains("also wrong: spec.maxReplicas: Invalid value: 0"), "{}", error.help);
        assert!(error.help.starts_with("see `kubectl explain hpa.metadata.name"), "{}", error.help);
    }

    #[test]
    fn retired_versions_are_refused_with_the_way_out() {
        let error = read(&v2("web", "maxReplicas: 3").replace("/v2", "/v2beta2"), None).unwrap_err();
        assert!(
            error.to_string().ends_with(
                ":1:1: `apiVersion`: autoscaling/v2beta2 has no HorizontalPodAutoscaler that is served today"
            )
        );
        let hidden = "apiVersion: autoscaling/v1\nkind: HorizontalPodAutoscaler\nmetadata:\n  name: web\n  annotations:\n    autoscaling.alpha.kubernetes.io/behavior: '{}'\nspec: {maxReplicas: 3}\n";
        assert_eq!(read(hidden, None).unwrap_err().place.line, Some(6));
    }
}
