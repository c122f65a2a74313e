//! What a recommendation changes, and what stays comparable.

use super::*;
use crate::hpa::inputs::{ContainerRequest, ContainerUsage, Phase, PodGroup, ResourceSample, Selector};
use crate::sim::{Run, run};
use crate::trace::{Header, Series};
use crate::units::Percent;

fn workload(per_minute: &[f64], settings: &Settings) -> Arc<Workload> {
    let series = Series { function: "f".into(), requests: Some(per_minute.to_vec()), ..Series::default() };
    let header = Header { interval_ms: 60_000, origin_ms: None, source: "t".into(), licence: None, tool: "t".into() };
    Arc::new(Workload::new(&series, &header, settings).unwrap())
}

/// A world of such pods in which measured CPU is the mean.
fn steady(pod: Pod) -> Settings {
    let mut world = Settings { pod, ..Settings::default() };
    world.metrics.swing = false;
    world
}

fn all(cpu: u64, mebibytes: u64) -> Resources {
    Resources { cpu, memory: mebibytes << 20 }
}

fn recommendation(target: Resources) -> Recommendation {
    Recommendation { target, lower: target, upper: target }
}

fn fly(recipe: &Recipe, workload: &Arc<Workload>, world: &Settings) -> Run {
    recipe.run(workload, world, 1, workload.window(), true)
}

#[test]
fn targets_in_percent_become_amounts_per_pod() {
    let hpa = hpa::Settings { target_memory: Percent::try_from(50.0).ok(), ..hpa::Settings::default() };
    let spec = absolute(hpa.spec(), all(500, 512));
    // 80 % of 500m, and half of 512 MiB in milli-bytes.
    let cpu = Metric::Resource { resource: Resource::Cpu, target: Target::AverageValue(400) };
    let memory = Metric::Resource { resource: Resource::Memory, target: Target::AverageValue((256 << 20) * 1000) };
    assert_eq!(spec.metrics, [cpu, memory]);
}

#[test]
fn limits_keep_their_ratio_to_requests() {
    let pod = Pod { cpu_limit: Some(Millicores(750)), memory_limit: Some(Bytes(1 << 30)), ..Pod::default() };
    let made = updated(&pod, all(200, 300));
    assert_eq!((made.cpu_request, made.cpu_limit), (Millicores(200), Some(Millicores(300))));
    assert_eq!((made.memory_request, made.memory_limit), (Bytes(300 << 20), Some(Bytes(600 << 20))));
    let made = updated(&Pod::default(), all(200, 300));
    assert_eq!((made.cpu_limit, made.memory_limit), (None, None), "a limit that is left out is the request");
}

#[test]
fn usage_is_noted_each_minute_for_each_pod() {
    let world = steady(Pod { replicas: Some(4), ..Pod::default() });
    // 16 requests a second of 100 ms are 1.6 cores: 400m for each of four pods.
    let workload = workload(&[960.0; 30], &world);
    let hpa = hpa::Settings { min_replicas: 4, max_replicas: 4, ..hpa::Settings::default() };
    let (watched, usage) = Watched::new(HpaAutoscaler::new(&hpa));
    drop(run(&workload, &world, Box::new(watched), None, 1, workload.window(), false));
    let found = usage.recommend().unwrap();
    // 400m falls into the bucket up to 0.01 (1.05^23 − 1)/0.05 = 414m; 15 % of that, 62m, are the margin.
    assert_eq!(found.target.cpu, 476);
    assert_eq!(found.target.memory, 250 << 20, "128 MiB and what requests hold are below the floor");
    assert_eq!(recommend(&workload, &world, &hpa, workload.window()), Some(found), "whatever the seed");
}

#[test]
fn smaller_requests_cost_less_and_scale_where_the_hpa_did() {
    let pod = Pod { cpu_limit: Some(Millicores(1000)), replicas: Some(4), ..Pod::default() };
    let world = steady(pod);
    let load: Vec<f64> = (0..60).map(|minute| if minute < 30 { 960.0 } else { 1920.0 }).collect();
    let workload = workload(&load, &world);
    let hpa = hpa::Settings::default();
    let user = fly(&Recipe::hpa(&hpa), &workload, &world);
    let smaller = Pod { cpu_limit: Some(Millicores(1000)), ..updated(&world.pod, all(450, 300)) };
    let spec = absolute(hpa.spec(), all(500, 512));
    let theirs = fly(&Recipe::spec(&spec, hpa.flags()).on(smaller), &workload, &world);
    let settled =
        |run: &Run, minute: f64| run.timeline.iter().rfind(|row| row.t < 60.0 * minute).map(|row| row.replicas as i32);
    for minute in [29.0, 59.0] {
        assert_eq!(settled(&theirs, minute), settled(&user, minute));
    }
    assert_eq!((settled(&user, 29.0), settled(&user, 59.0)), (Some(4), Some(8)), "1.6 and 3.2 cores at 400m a pod");
    let hours = theirs.outcome.cost.replica_hours;
    assert!((theirs.outcome.cost.cpu_hours / hours - 0.45).abs() < 1e-9, "what is requested is paid for");
    assert!(theirs.outcome.objective < user.outcome.objective);
}

#[test]
fn the_objective_is_that_of_equal_cost_on_the_users_pods() {
    let mut world = Settings::default();
    world.prices.pod_start = 0.001;
    let load: Vec<f64> = (0..60).map(|minute| if minute % 20 < 10 { 300.0 } else { 1500.0 }).collect();
    let workload = workload(&load, &world);
    let found = recommendation(all(450, 256));
    let run = fly(&recipe(&hpa::Settings::default(), &world.pod, Some(found)), &workload, &world);
    let (outcome, prices) = (&run.outcome, &world.prices);
    assert!(outcome.requests.late > 0.0 && outcome.cold_starts.pods > 0.0);
    // Dollars, in hours of a pod of 500m and 512 MiB, and 40 times 0.2 pod-seconds for each late request.
    let hour = 0.5 * prices.cpu_hour + 0.5 * prices.gib_hour;
    let late = prices.violation * (outcome.requests.late + outcome.requests.dropped) * 0.2 / 3600.0;
    let expected = outcome.cost.usd / hour + late;
    assert!((outcome.objective / expected - 1.0).abs() < 1e-9, "{} is not {expected}", outcome.objective);
    let merged = Run::merge([&run, &run]).unwrap();
    assert!((merged.outcome.objective / (2.0 * expected) - 1.0).abs() < 1e-9);
}

#[test]
fn pods_within_their_bounds_are_left_alone() {
    let world = Settings::default();
    let workload = workload(&[600.0; 20], &world);
    let hpa = hpa::Settings::default();
    let user = fly(&Recipe::hpa(&hpa), &workload, &world).outcome;
    let near = Some(recommendation(all(500, 512)));
    assert_eq!(fly(&recipe(&hpa, &world.pod, near), &workload, &world).outcome, user);
    assert_eq!(fly(&recipe(&hpa, &world.pod, None), &workload, &world).outcome, user);
}

#[test]
fn a_kill_for_memory_asks_for_a_fifth_more_than_the_request() {
    let requests = [ContainerRequest { name: "app", cpu: Some(500), memory: Some((512 << 20) * 1000) }];
    let pods = [PodGroup {
        count: 2,
        phase: Phase::Running,
        start: None,
        ready: None,
        deleted: false,
        containers: &requests,
        sidecars: &[],
        pod_requests: None,
    }];
    let used = [ContainerUsage { name: "app", cpu: Some(100), memory: Some((300 << 20) * 1000) }];
    let sample = ResourceSample {
        group: Some(0),
        count: 2,
        timestamp: SimTime::from_secs(15),
        window: Duration::from_secs(15),
        containers: &used,
    };
    let inputs = Inputs {
        spec_replicas: 2,
        status_replicas: 2,
        selector: Selector::Matches,
        pods: &pods,
        resource_metrics: Some(&[sample]),
        pods_metrics: &[],
        object_metrics: &[],
        external_metrics: &[],
        scale_update_error: false,
    };
    let memory = |killed: [f64; 2]| {
        let (mut watched, usage) = Watched::new(HpaAutoscaler::new(&hpa::Settings::default()));
        watched.watch(SimTime::from_secs(15), &inputs, killed[0]);
        watched.watch(SimTime::from_secs(30), &inputs, killed[1]);
        usage.recommend().map(|found| found.target.memory >> 20)
    };
    // 300 MiB lie in the bucket up to 315 MiB, 1.2 × 512 MiB in that up to 633 MiB. Each gets its margin of 15 %.
    assert_eq!(memory([0.0, 0.0]), Some(362));
    assert_eq!(memory([0.0, 1.0]), Some(728));
    assert_eq!(memory([0.0, 3.0]), Some(728), "however many were killed");
}
