//! Speed of the fluid simulator: a day of one function with 15 s syncs, and a control step of a learning environment.

use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use hpatune::autoscalers::HpaAutoscaler;
use hpatune::hpa;
use hpatune::sim::{Patch, Settings, Simulation, Workload, run};
use hpatune::trace::{Header, Series};
use hpatune::units::SimTime;

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

criterion_group!(benches, replay, step);
criterion_main!(benches);
