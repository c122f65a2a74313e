//! The simulated HPA on metrics other than CPU, against calculations by hand: memory, containers, and what the workload
//! feeds into Pods, External and Object metrics.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::sync::Arc;

use hpatune::autoscalers::HpaAutoscaler;
use hpatune::autoscalers::witness::Witness;
use hpatune::hpa::explain::Explanation;
use hpatune::hpa::spec::{Metric, Reference, Resource, Target};
use hpatune::hpa::{Flags, Settings as Hpa};
use hpatune::sim::settings::Signal;
use hpatune::sim::{Settings, Workload, run};
use hpatune::trace::{Header, Series};
use hpatune::units::{Bytes, Millicores, Replicas};

/// Pods that use 256 MiB of a request of 512 MiB whatever they serve, and start with `replicas` of them. A request takes
/// 100 ms of CPU and pods have half a core, so 200 ms pass.
fn world(replicas: Replicas) -> Settings {
    let mut world = Settings::default();
    world.pod.replicas = Some(replicas);
    world.workload.memory_base = Bytes(256 << 20);
    world.workload.memory_per_request = Bytes(0);
    world.workload.cpu_per_request_ms = Some(100.0);
    // A pencil knows means, and the queues of pods that take one request at a time.
    world.metrics.swing = false;
    world.pod.concurrency = 1;
    world
}

/// Every sync of an HPA with that metric over an hour of that many requests per second.
fn syncs(metric: Metric, rate: f64, world: &Settings) -> Vec<Explanation> {
    let header =
        Header { interval_ms: 60_000, origin_ms: None, source: "test".into(), licence: None, tool: "t".into() };
    let series = Series { function: "f".into(), requests: Some(vec![60.0 * rate; 60]), ..Series::default() };
    let workload = Arc::new(Workload::new(&series, &header, world).unwrap());
    let mut spec = Hpa { max_replicas: 20, ..Hpa::default() }.spec();
    spec.metrics = vec![metric];
    let (witness, account) = Witness::new(HpaAutoscaler::from_spec(spec, Flags::default()), true);
    let _ = run(&workload, world, Box::new(witness), None, 3, workload.window(), false);
    account.take()
}

fn last(syncs: &[Explanation]) -> Replicas {
    syncs.last().unwrap().desired
}

/// The sizes that were written, in order.
fn written(syncs: &[Explanation]) -> Vec<Replicas> {
    syncs.iter().filter(|sync| sync.scaled).map(|sync| sync.desired).collect()
}

fn external(name: &str, target: Target) -> Metric {
    Metric::External { name: name.into(), target }
}

#[test]
fn an_external_rate_divided_by_its_target_per_pod_is_the_size() {
    let metric = external("requests_per_second", Target::AverageValue(20_000));
    let syncs = syncs(metric, 100.0, &world(2));
    assert_eq!(written(&syncs), [4, 5], "100 / 20 = 5, but no sync more than doubles");
    let line = &syncs.last().unwrap().metrics[0];
    assert_eq!((line.value, line.target, line.ratio), (Some(20.0), Some(20.0), Some(1.0)), "status: 100 / 5");
}

#[test]
fn an_external_rate_with_a_target_for_the_whole_multiplies_the_pods_at_hand() {
    let metric = external("requests_per_second", Target::Value(80_000));
    let syncs = syncs(metric, 100.0, &world(4));
    assert_eq!(syncs[0].metrics[0].ratio, Some(1.25));
    assert_eq!(syncs[0].recommendation, Some(5), "1.25 of 4 ready pods");
    assert_eq!(last(&syncs), 20, "more pods do not lower the whole, so it grows up to maxReplicas");
}

#[test]
fn a_pods_metric_is_the_rate_that_each_serving_pod_takes() {
    let metric = Metric::Pods { name: "requests_per_second".into(), target: Target::AverageValue(20_000) };
    let syncs = syncs(metric, 100.0, &world(2));
    assert_eq!(syncs[0].metrics[0].value, Some(50.0), "100 requests per second over 2 pods");
    assert_eq!(syncs[0].recommendation, Some(5), "2.5 of 2 pods");
    let second = &syncs[1].metrics[0];
    assert_eq!(
        (second.pods.ready, second.pods.missing),
        (2, 2),
        "pods that were not ready at the scrape have no value"
    );
    assert_eq!((second.value, second.filled_ratio), (Some(50.0), Some(1.25)), "(50 + 50 + 0 + 0) / 4 = 25 of 20");
    assert_eq!(written(&syncs), [4, 5], "1.25 of 4 pods");
    assert_eq!(syncs.last().unwrap().metrics[0].value, Some(20.0));
}

#[test]
fn requests_in_flight_follow_little_and_erlang() {
    let metric = external("in_flight", Target::AverageValue(500));
    let syncs = syncs(metric, 10.0, &world(10));
    let first = &syncs[0].metrics[0];
    assert_eq!(first.proposal, Some(5), "10/s for 200 ms are 2 in flight, and a trifle waits: ceil(2.00 / 0.5)");
    // M/M/5 at 2 erlangs: C = 0.0597, so 0.0398 wait, and 2.0398 / (0.5 × 5) = 0.816 asks for ceil(4.08) = 5.
    assert_eq!(last(&syncs), 5);
    let ratio = syncs.last().unwrap().metrics[0].ratio.unwrap();
    assert!((ratio - 2.0398 / 2.5).abs() < 1e-3, "{ratio}");
}

#[test]
fn a_metric_goes_by_the_name_that_the_manifest_has_for_it() {
    let mut named = world(2);
    named.metrics.names.insert("http_requests".into(), Signal::RequestsPerSecond);
    let target = Target::AverageValue(20_000);
    assert_eq!(written(&syncs(external("http_requests", target), 100.0, &named)), [4, 5]);
    let object = Reference { api_version: None, kind: "Ingress".into(), name: "web".into() };
    let metric = Metric::Object { name: "http_requests".into(), object, target };
    assert_eq!(written(&syncs(metric, 100.0, &named)), [4, 5]);
    let unknown = syncs(external("queue_length", target), 100.0, &named);
    assert!(written(&unknown).is_empty());
    assert_eq!(unknown[0].metrics[0].error.as_deref(), Some("the metrics API does not know the metric"));
    named.metrics.names.insert("in_flight".into(), Signal::Nothing);
    assert!(written(&syncs(external("in_flight", target), 100.0, &named)).is_empty(), "switched off");
}

#[test]
fn memory_that_pods_hold_whatever_they_serve_settles_by_rounding_alone() {
    let memory = |target| Metric::Resource { resource: Resource::Memory, target };
    let down = syncs(memory(Target::Utilization(60)), 1.0, &world(10));
    assert_eq!(down[0].metrics[0].value, Some(50.0), "256 of 512 MiB");
    assert_eq!(written(&down), [9, 8, 7, 6, 5], "ceil(50/60 n): 8.3 7.5 6.7 5.8 5, and 4.2 asks for 5 again");
    let up = syncs(memory(Target::Utilization(40)), 1.0, &world(4));
    assert_eq!(up[0].recommendation, Some(5), "50/40 of 4");
    assert_eq!(last(&up), 20, "every pod brings its own 256 MiB, so there is no end but maxReplicas");
    let average = syncs(memory(Target::AverageValue(1000 * (320 << 20))), 1.0, &world(10));
    assert_eq!(average[0].metrics[0].value, Some(f64::from(256 << 20)), "in bytes");
    assert_eq!(average[0].recommendation, Some(8), "256/320 of 10");
}

#[test]
fn a_container_metric_sees_the_container_of_its_name_only() {
    let cpu = |container: Option<&str>| match container {
        None => Metric::Resource { resource: Resource::Cpu, target: Target::Utilization(50) },
        Some(name) => Metric::ContainerResource {
            container: name.into(),
            resource: Resource::Cpu,
            target: Target::Utilization(50),
        },
    };
    let mut named = world(4);
    named.pod.container = "web".into();
    named.pod.cpu_limit = Some(Millicores(1000));
    let of_pods = syncs(cpu(None), 20.0, &named);
    assert_eq!(of_pods[0].recommendation, Some(8), "2 cores over 4 pods are 100 % of 500m, twice the target");
    assert_eq!(written(&syncs(cpu(Some("web")), 20.0, &named)), written(&of_pods));
    let stranger = syncs(cpu(Some("proxy")), 20.0, &named);
    assert_eq!(stranger[0].metrics[0].error.as_deref(), Some("the container is not in the metrics of every pod"));
    assert!(written(&stranger).is_empty());
}
