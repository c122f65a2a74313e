//! How long the HPA takes: one metric over single pods, and a whole decision.

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use hpatune::hpa::inputs::{
    ContainerRequest, ContainerUsage, Inputs, Phase, PodGroup, ResourceSample, Selector, Status,
};
use hpatune::hpa::metrics::Evaluation;
use hpatune::hpa::settings::Direction;
use hpatune::hpa::{Flags, Hpa, Scratch, Settings, Tolerance};
use hpatune::units::SimTime;

const REQUEST: [ContainerRequest<'static>; 1] =
    [ContainerRequest { name: "app", cpu: Some(500), memory: Some(512 << 20) }];

/// Pods that have run for an hour, each with a sample of its own.
struct World {
    pods: Vec<PodGroup<'static>>,
    usage: Vec<[ContainerUsage<'static>; 1]>,
}

impl World {
    fn new(pods: usize) -> Self {
        let (start, ready) = (SimTime::from_secs(-3600), SimTime::from_secs(-3590));
        let pod = PodGroup {
            count: 1,
            phase: Phase::Running,
            start: Some(start),
            ready: Some((Status::True, ready)),
            deleted: false,
            containers: &REQUEST,
            sidecars: &[],
            pod_requests: None,
        };
        let usage = |index: usize| {
            let cpu = Some(300 + (index as i64 * 37) % 200);
            [ContainerUsage { name: "app", cpu, memory: Some(256 << 20) }]
        };
        Self { pods: vec![pod; pods], usage: (0..pods).map(usage).collect() }
    }

    fn samples(&self) -> Vec<ResourceSample<'_>> {
        self.usage
            .iter()
            .enumerate()
            .map(|(index, containers)| ResourceSample {
                group: Some(index),
                count: 1,
                timestamp: SimTime::ZERO,
                window: Duration::from_secs(15),
                containers,
            })
            .collect()
    }

    fn inputs<'a>(&'a self, samples: &'a [ResourceSample<'a>]) -> Inputs<'a> {
        let replicas = self.pods.len() as i32;
        Inputs {
            spec_replicas: replicas,
            status_replicas: replicas,
            selector: Selector::Matches,
            pods: &self.pods,
            resource_metrics: Some(samples),
            pods_metrics: &[],
            object_metrics: &[],
            external_metrics: &[],
            scale_update_error: false,
        }
    }
}

fn replica_calculation(criterion: &mut Criterion) {
    let spec = Settings::default().spec();
    let flags = Flags::default();
    let tolerance = Tolerance::of(None, &flags);
    for pods in [10, 100] {
        let world = World::new(pods);
        let samples = world.samples();
        let inputs = world.inputs(&samples);
        let mut scratch = Scratch::default();
        criterion.bench_function(&format!("replica calculation, {pods} pods"), |bencher| {
            bencher.iter(|| {
                let inputs = black_box(&inputs);
                Evaluation { now: SimTime::ZERO, inputs, flags: &flags, tolerance, scratch: &mut scratch }
                    .of(&spec.metrics[0])
            });
        });
    }
}

fn whole_decision(criterion: &mut Criterion) {
    let with_behavior = Settings { scale_down: Some(Direction::default()), ..Settings::default() };
    for (name, settings) in [("without behavior", Settings::default()), ("with behavior", with_behavior)] {
        let world = World::new(10);
        let samples = world.samples();
        let inputs = world.inputs(&samples);
        let mut hpa = Hpa::new(settings.spec(), settings.flags());
        let mut now = SimTime::ZERO;
        criterion.bench_function(&format!("decision, 10 pods, {name}"), |bencher| {
            bencher.iter(|| {
                now += settings.sync_period;
                hpa.sync(now, black_box(&inputs)).scale_to
            });
        });
    }
}

criterion_group!(benches, replica_calculation, whole_decision);
criterion_main!(benches);
