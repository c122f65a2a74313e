//! The object an HPA scales, read for what the simulator needs: requests and limits, replicas, probes, grace period.

use std::path::Path;
use std::time::Duration;

use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::core::v1::PodSpec;

use super::decode::decode;
use super::documents::{self, Manifests};
use super::node::Node;
use super::pod::Pod;
use crate::error::InputError;
use crate::sim;
use crate::units::{Bytes, Millicores, Replicas};

/// More memory than any node has.
const UNLIMITED: Bytes = Bytes(1 << 60);

const KINDS: [&str; 3] = ["Deployment", "StatefulSet", "ReplicaSet"];

/// What a Deployment, StatefulSet or ReplicaSet says about its pods.
#[derive(Debug, Clone, PartialEq)]
pub struct Workload {
    /// `Kind/name`.
    pub name: String,
    /// Names of the containers and sidecars.
    pub containers: Vec<String>,
    /// Sum of the CPU requests of all containers and sidecars, or the pod's own.
    pub cpu_request: Millicores,
    /// Sum of the CPU limits; `None` when a container has none, so that a pod may take what its node has left.
    pub cpu_limit: Option<Millicores>,
    /// Sum of the memory requests; `None` when a container has none.
    pub memory_request: Option<Bytes>,
    /// Sum of the memory limits; `None` when a container has none.
    pub memory_limit: Option<Bytes>,
    /// `spec.replicas`.
    pub replicas: Option<Replicas>,
    /// `terminationGracePeriodSeconds`, 30 s when it is left out.
    pub termination_grace: Duration,
    /// When a pod can be ready at the earliest; `None` when no container has a readiness or startup probe.
    pub readiness: Option<Readiness>,
}

/// What the probes of a pod say about its start, the slowest container counting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Readiness {
    /// A pod is ready no sooner than this after its containers start.
    pub earliest: Duration,
    /// Readiness is found out at multiples of this.
    pub period: Duration,
}

impl Manifests {
    /// The Deployment, StatefulSet or ReplicaSet. `which`, as `NAME` or `KIND/NAME`, picks among several; where it is not
    /// given, `scaled` does, which an HPA scales.
    ///
    /// # Errors
    /// None or several that fit, an unknown field, a wrong type or quantity, or a container without CPU request: the HPA
    /// cannot compute utilisation without it.
    pub fn workload(&self, which: Option<&str>, scaled: Option<&str>) -> Result<Workload, InputError> {
        let path = &self.path;
        let fits = |object: &&Node| object.text("kind").is_some_and(|kind| KINDS.contains(&kind));
        let several = self.objects.iter().filter(fits).count() > 1;
        let which = which.or(scaled.filter(|_| several));
        let object = documents::choose(self.objects.clone(), &KINDS, which, |_| None, path)?;
        let (spec, replicas) = template(&object, path)?;
        let pod = Pod { spec: &spec, object: &object, path };
        Ok(Workload {
            name: documents::full_name(&object),
            containers: pod.container_names()?,
            cpu_request: pod.cpu_request()?,
            cpu_limit: pod.cpu_limit()?,
            memory_request: pod.memory("requests")?,
            memory_limit: pod.memory("limits")?,
            replicas: pod.not_negative("spec.replicas", replicas)?,
            termination_grace: pod.termination_grace()?,
            readiness: pod.readiness()?,
        })
    }
}

impl Workload {
    /// Takes over what the manifest says into the settings of a run, and returns what it leaves open, for a warning.
    #[must_use]
    pub fn apply(&self, settings: &mut sim::Settings) -> Vec<String> {
        let mut open = Vec::new();
        let pod = &mut settings.pod;
        if let [container] = self.containers.as_slice() {
            pod.container.clone_from(container);
        }
        pod.cpu_request = self.cpu_request;
        pod.termination_grace = self.termination_grace;
        pod.replicas = self.replicas.filter(|&replicas| replicas > 0).or(pod.replicas);
        if self.cpu_limit.is_some() {
            pod.cpu_limit = self.cpu_limit;
        } else {
            pod.cpu_limit = pod.cpu_limit.map(|limit| limit.max(self.cpu_request));
            let (name, limit) = (&self.name, pod.limit());
            open.push(format!(
                "{name} has no CPU limit: its pods are held to {limit}; set pod.cpu_limit to what nodes have left"
            ));
        }
        match self.memory_request.or(self.memory_limit) {
            Some(request) => {
                (pod.memory_request, pod.memory_limit) = (request, Some(self.memory_limit.unwrap_or(UNLIMITED)));
                if self.memory_limit.is_none() {
                    open.push(format!("{} has no memory limit: no pod of it is killed for its memory", self.name));
                }
            }
            None => open.push(format!("{} requests no memory: {} is taken", self.name, pod.memory_request)),
        }
        if let Some(readiness) = self.readiness {
            let startup = &mut settings.startup;
            startup.probe_period = readiness.period;
            startup.median = startup.median.max(readiness.earliest);
            startup.p99 = startup.p99.max(startup.median);
        }
        open
    }
}

/// The pod template of `object`, whatever its kind, and `spec.replicas`.
fn template(object: &Node, path: &Path) -> Result<(PodSpec, Option<Replicas>), InputError> {
    let (template, replicas) = match object.text("kind") {
        Some("StatefulSet") => {
            let set: StatefulSet = decode(object, path)?;
            (Some(set.spec.template), set.spec.replicas)
        }
        Some("ReplicaSet") => {
            let set: ReplicaSet = decode(object, path)?;
            (set.spec.template, set.spec.replicas)
        }
        _ => {
            let deployment: Deployment = decode(object, path)?;
            (Some(deployment.spec.template), deployment.spec.replicas)
        }
    };
    Ok((template.and_then(|template| template.spec).unwrap_or_default(), replicas))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn read(text: &str) -> Result<Workload, InputError> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        Manifests::read(file.path())?.workload(None, None)
    }

    /// A Deployment whose pod has these lines under `spec.template.spec`.
    fn deployment(pod: &str) -> String {
        let pod = pod.lines().map(|line| format!("      {line}\n")).collect::<String>();
        format!("apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\nspec:\n  template:\n    spec:\n{pod}")
    }

    const PLAIN: &str = "containers:\n- name: app\n  resources:\n    requests: {cpu: 250m, memory: 256Mi}\n";

    #[test]
    fn containers_and_sidecars_are_summed_and_init_containers_are_not() {
        let pod = "containers:\n- name: app\n  resources: {requests: {cpu: 250m, memory: 256Mi}, limits: {cpu: 1, memory: 1Gi}}\n\
                   - name: log\n  resources: {limits: {cpu: 0.1, memory: 64Mi}}\n\
                   initContainers:\n- name: proxy\n  restartPolicy: Always\n  resources: {requests: {cpu: 50m, memory: 64Mi}, limits: {cpu: 200m, memory: 128Mi}}\n\
                   - name: migrate\n  resources: {requests: {cpu: 4}}\n";
        let workload = read(&deployment(pod)).unwrap();
        assert_eq!(workload.cpu_request, Millicores(400), "a limit alone is the request too");
        assert_eq!(workload.cpu_limit, Some(Millicores(1300)));
        assert_eq!(workload.memory_request, Some(Bytes(384 << 20)));
        assert_eq!(workload.memory_limit, Some(Bytes((1024 + 64 + 128) << 20)));
        assert_eq!((workload.replicas, workload.termination_grace), (None, Duration::from_secs(30)));
        assert_eq!(workload.name, "Deployment/web");
    }

    #[test]
    fn requests_of_the_pod_win_over_those_of_its_containers() {
        let workload = read(&deployment(&format!("{PLAIN}resources: {{requests: {{cpu: '2'}}}}\n"))).unwrap();
        assert_eq!(workload.cpu_request, Millicores(2000));
        assert_eq!(workload.memory_request, Some(Bytes(256 << 20)));
    }

    #[test]
    fn the_slowest_probe_counts() {
        let probes = "containers:\n- name: app\n  resources: {requests: {cpu: 1}}\n\
                      \x20 readinessProbe: {initialDelaySeconds: 5, periodSeconds: 20, successThreshold: 2}\n\
                      \x20 startupProbe: {initialDelaySeconds: 40, periodSeconds: 3}\n\
                      - name: log\n  resources: {requests: {cpu: 1}}\n  readinessProbe: {}\n\
                      terminationGracePeriodSeconds: 45\n";
        let workload = read(&deployment(probes)).unwrap();
        let expected = Readiness { earliest: Duration::from_secs(60), period: Duration::from_secs(20) };
        assert_eq!(workload.readiness, Some(expected), "40 s to the first start-up probe, 20 s to the second success");
        assert_eq!(workload.termination_grace, Duration::from_secs(45));
        assert_eq!(read(&deployment(PLAIN)).unwrap().readiness, None);
    }

    #[test]
    fn without_a_cpu_request_the_hpa_cannot_compute_utilization() {
        let pod = "containers:\n- name: app\n  resources: {requests: {cpu: 1}}\n- name: log\n  image: fluentd\n";
        let error = read(&deployment(pod)).unwrap_err();
        assert!(
            error.to_string().contains("11:9: `spec.template.spec.containers[1].resources.requests.cpu`"),
            "{error}"
        );
        assert!(
            error
                .to_string()
                .ends_with("container `log` has no CPU request, and the HPA cannot compute utilization without it")
        );
    }

    #[test]
    fn wrong_quantities_and_counts_are_refused_with_their_place() {
        for (pod, field) in [
            (PLAIN.replace("250m", "250x"), "containers[0].resources.requests.cpu"),
            (PLAIN.replace("256Mi", "-1"), "containers[0].resources.requests.memory"),
            (PLAIN.replace("250m", "1e17"), "containers[0].resources.requests.cpu"),
            (PLAIN.replace("250m", "0"), "containers[0].resources.requests.cpu"),
            (format!("{PLAIN}terminationGracePeriodSeconds: -1\n"), "terminationGracePeriodSeconds"),
            ("containers: []\n".to_owned(), "containers"),
        ] {
            let error = read(&deployment(&pod)).unwrap_err();
            assert_eq!(error.field, Some(format!("spec.template.spec.{field}")), "{error}");
            assert!(error.place.line.is_some(), "{error}");
        }
        let replicas = deployment(PLAIN).replace("spec:\n  template", "spec:\n  replicas: -1\n  template");
        assert_eq!(read(&replicas).unwrap_err().field.as_deref(), Some("spec.replicas"));
        let unknown = deployment(PLAIN).replace("containers:", "container:");
        assert!(read(&unknown).unwrap_err().to_string().ends_with("`spec.template.spec.container`: unknown field"));
    }

    #[test]
    fn what_the_manifest_leaves_open_stays_as_configured() {
        let mut settings = sim::Settings::default();
        settings.pod.cpu_limit = Some(Millicores(800));
        let open = read(&deployment(PLAIN)).unwrap().apply(&mut settings);
        assert_eq!(settings.pod.cpu_request, Millicores(250));
        assert_eq!(settings.pod.cpu_limit, Some(Millicores(800)));
        let held =
            "Deployment/web has no CPU limit: its pods are held to 800m; set pod.cpu_limit to what nodes have left";
        assert_eq!(open, [held, "Deployment/web has no memory limit: no pod of it is killed for its memory"]);
        assert_eq!(settings.pod.memory_limit(), UNLIMITED, "the request is no limit");
        assert_eq!(settings.startup, sim::settings::Startup::default());
    }
}
