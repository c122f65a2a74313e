//! Speed of the simulator. Fluid level: a day of one function with 15 s syncs, and a control step of a learning
//! environment. Request level: a day of 30 functions with 100 requests a second in all, and a million requests over pods,
//! requests in flight and load.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use hpatune::autoscalers::HpaAutoscaler;
use hpatune::hpa;
use hpatune::sim::{Autoscaler, Knobs, Level, Patch, Settings, Simulation, View, Workload, run};
use hpatune::trace::{Header, Series};
use hpatune::units::{Bytes, Millicores, Replicas, SimTime};

const DAY_S: u64 = 86_400;

/// A day of a sine between 1 and `peak` pods at 80 % of their request, in slots of a minute.
fn diurnal(peak: f64, settings: &Settings) -> Arc<Workload> {
    let middle = f64::midpoint(1.0, peak);
    let count = |minute: i32| {
        let phase = f64::from(minute) / 1440.0 * std::f64::consts::TAU;
        let pods = middle - (peak - middle) * phase.cos();
        pods * 0.8 * 5.0 * 60.0
    };
    let requests = Some((0..1440).map(count).collect());
    let series = Series { function: "diurnal".into(), requests, ..Series::default() };
    let header =
        Header { interval_ms: 60_000, origin_ms: Some(0), source: "bench".into(), licence: None, tool: "bench".into() };
    Arc::new(Workload::new(&series, &header, settings).expect("the load is sane"))
}

/// A function's traffic from its requests in each minute.
fn minutes(requests: Vec<f64>, settings: &Settings) -> Arc<Workload> {
    let series = Series { function: "f".into(), requests: Some(requests), ..Series::default() };
    let header =
        Header { interval_ms: 60_000, origin_ms: Some(0), source: "bench".into(), licence: None, tool: "bench".into() };
    Arc::new(Workload::new(&series, &header, settings).expect("the load is sane"))
}

/// Leaves the pods as they are.
struct Fixed;

impl Autoscaler for Fixed {
    fn period(&self) -> Duration {
        Duration::from_secs(15)
    }

    fn sync(&mut self, _: SimTime, _: &View<'_>) -> Option<Replicas> {
        None
    }

    fn patch(&mut self, _: &Patch) {}

    fn knobs(&self) -> Option<Knobs> {
        None
    }
}

/// 30 functions on sines of different phase, 8.64 million requests in a day, under the stock HPA with cold starts.
fn requests(criterion: &mut Criterion) {
    let settings = Settings { level: Level::Requests, ..Settings::default() };
    let rate = |function: i32, minute: i32| {
        let phase = f64::from(minute + 37 * function) / 1440.0 * std::f64::consts::TAU;
        (200.0 * (1.0 - 0.8 * phase.cos())).round()
    };
    let function = |function| minutes((0..1440).map(|minute| rate(function, minute)).collect(), &settings);
    let workloads: Vec<Arc<Workload>> = (0..30).map(function).collect();
    let mut group = criterion.benchmark_group("requests");
    group.sample_size(10).throughput(Throughput::Elements(8_640_000));
    group.bench_function("a day of 30 functions", |bencher| {
        bencher.iter(|| {
            for workload in &workloads {
                let autoscaler = Box::new(HpaAutoscaler::new(&hpa::Settings::default()));
                black_box(run(workload, &settings, autoscaler, None, 1, workload.window(), false));
            }
        });
    });
    group.finish();
}

/// What a request costs: a million of them in 30 minutes, over pods, over requests in flight in each of ten pods, and over
/// load. With `c` cores, a pod at 70 % of them holds about `0.7 c` requests, more where few cores share many.
/// `scripts/bench-requests.sh` draws it.
fn cost(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("a million requests");
    group.sample_size(10).throughput(Throughput::Elements(1_000_000));
    let mut one = |sweep: &str, x: f64, (pods, cores, load): (i32, f64, f64)| {
        let mut settings = Settings { level: Level::Requests, ..Settings::default() };
        settings.pod.replicas = Some(pods);
        settings.pod.cpu_request = Millicores((1000.0 * cores).round() as u32);
        settings.pod.concurrency = u32::MAX;
        settings.workload.memory_per_request = Bytes(0);
        let rate = 1e6 / 1800.0;
        settings.workload.cpu_per_request_ms = Some(1e3 * load * f64::from(pods) * cores / rate);
        let workload = minutes(vec![(60.0 * rate).round(); 30], &settings);
        group.bench_function(BenchmarkId::new(sweep, x), |bencher| {
            bencher.iter(|| black_box(run(&workload, &settings, Box::new(Fixed), None, 1, workload.window(), false)));
        });
    };
    for pods in [1, 3, 10, 30, 100, 300, 1000] {
        one("pods", f64::from(pods), (pods, 1.0, 0.7));
    }
    for held in [1.0, 10.0, 100.0, 1000.0] {
        one("in flight per pod", held, (10, held / 0.7, 0.7));
    }
    for load in [0.1, 0.3, 0.5, 0.7, 0.9] {
        one("load", load, (100, 1.0, load));
    }
    group.finish();
}

fn replay(criterion: &mut Criterion) {
    let settings = Settings::default();
    let mut group = criterion.benchmark_group("replay a day");
    group.throughput(Throughput::Elements(DAY_S));
    for peak in [8.0, 100.0] {
        let workload = diurnal(peak, &settings);
        let hpa = hpa::Settings { max_replicas: 200, ..hpa::Settings::default() };
        group.bench_function(format!("1 to {peak} pods"), |bencher| {
            bencher.iter(|| {
                let autoscaler = Box::new(HpaAutoscaler::new(&hpa));
                black_box(run(&workload, &settings, autoscaler, None, 1, workload.window(), false))
            });
        });
    }
    group.finish();
}

fn step(criterion: &mut Criterion) {
    let settings = Settings::default();
    let workload = diurnal(8.0, &settings);
    let fresh = |seed| {
        let autoscaler = Box::new(HpaAutoscaler::new(&hpa::Settings::default()));
        Simulation::new(Arc::clone(&workload), &settings, autoscaler, seed, workload.window())
    };
    criterion.bench_function("a control step of 60 s", |bencher| {
        let (mut simulation, mut steps) = (fresh(0), 0);
        bencher.iter(|| {
            if simulation.now() >= simulation.window().end {
                simulation = fresh(steps);
            }
            steps += 1;
            simulation.patch(&Patch { min_replicas: Some((steps % 3) as i32 + 1), ..Patch::default() });
            simulation.advance(SimTime(simulation.now().0 + 60_000_000));
            black_box(simulation.telemetry().totals.violations())
        });
    });
}

criterion_group!(benches, replay, step, requests, cost);
criterion_main!(benches);
