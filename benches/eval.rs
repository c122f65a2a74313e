//! How long judging takes: the clairvoyant optimum of a day, a bootstrap, a comparison, a search.

use std::hint::black_box;
use std::ops::Range;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use hpatune::autoscalers::Baseline;
use hpatune::eval::contender::best_static;
use hpatune::eval::oracle::dp::{Instance, Late, Rounding, least_cost};
use hpatune::eval::stats::scores::{aggregates, probability_of_improvement};
use hpatune::eval::stats::{Bootstrap, Resampled};
use hpatune::eval::{Comparison, Contender, Task, World, split, summarize, tasks, tune};
use hpatune::trace::synth::{Profile, Recipe};
use hpatune::{hpa, sim};

/// Late work that depends on pods and backlog only.
struct Steady;

impl Late for Steady {
    fn changed(&mut self, step: usize) -> bool {
        step.is_multiple_of(4)
    }

    fn fill(&mut self, step: usize, pods: usize, row: &mut [f32]) {
        for (bin, cost) in row.iter_mut().enumerate() {
            *cost = (bin * 40) as f32 / (pods + step % 7) as f32;
        }
    }
}

fn optimum(bench: &mut Criterion) {
    let load: Vec<f64> = (0..5760_u32).map(|step| 40.0 + 35.0 * (f64::from(step) / 900.0).sin()).collect();
    let instance = Instance { step_s: 15.0, load, capacity: 1.0, pods: 100, bins: 64, bin: 1.0, start: 14.0 };
    bench.bench_function("optimum of a day, 100 replicas, 64 bins", |timer| {
        timer.iter(|| least_cost(black_box(&instance), &mut Steady, Rounding::Down));
    });
}

fn bootstrap(bench: &mut Criterion) {
    let resampled = Resampled::TasksAndSeeds;
    let bootstrap = Bootstrap { tasks: 20, seeds: 10, resamples: 50_000, seed: 1, resampled };
    let columns: Vec<Vec<f64>> =
        (0..10_u32).map(|column| (0..200_u32).map(|cell| f64::from(cell * 7919 % 101 + column)).collect()).collect();
    bench.bench_function("bootstrap of 10 figures, 50,000 resamples of 200 runs", |timer| {
        timer.iter(|| bootstrap.intervals(black_box(&columns), 10, |means, out| out.copy_from_slice(means)));
    });
    bench.bench_function("interquartile mean and optimality gap, 50,000 resamples of 200 scores", |timer| {
        timer.iter(|| aggregates(black_box(&columns[0]), &bootstrap));
    });
    bench.bench_function("probability of improvement, 50,000 resamples of 200 scores", |timer| {
        timer.iter(|| probability_of_improvement(black_box(&columns[0]), black_box(&columns[1]), &bootstrap));
    });
}

fn world() -> sim::Settings {
    let mut world = sim::Settings::default();
    world.workload.fit_pods = Some(20.0);
    world
}

fn judged(functions: usize, hours: Range<u64>) -> Vec<Task> {
    let duration = Duration::from_secs(hours.end * 3600);
    let recipe = Recipe { functions, duration, ..Recipe::new(Profile::Diurnal) };
    let split = split::Settings { train: hours.start as f64 / hours.end as f64, validation: 0.0 };
    tasks("synthetic", &recipe.synthesize().expect("the recipe is right"), &world(), &split)
        .expect("it is long enough")
        .0
}

fn comparison(bench: &mut Criterion) {
    let (sim, hpa, tune) = (world(), hpa::Settings::default(), tune::Settings::default());
    let tasks = judged(20, 24..48);
    let names = [Baseline::Stock80, Baseline::Stock50, Baseline::Schedule, Baseline::ConstantPeak, Baseline::Step8020];
    let contenders: Vec<_> = names.into_iter().map(Contender::baseline).collect();
    let seeds: Vec<u64> = (0..10).collect();
    let world = World { sim: &sim, hpa: &hpa, tune: &tune };
    let comparison = Comparison {
        contenders: &contenders,
        tasks: &tasks,
        seeds: &seeds,
        world,
        level: sim::Level::Fluid,
        config_hash: "",
        record: false,
        strain: false,
        tick: &|| {},
    };
    bench.bench_function("5 policies × 20 functions × 10 seeds × 24 h, optimum and intervals", |timer| {
        timer.iter(|| summarize(&comparison.run(), 0));
    });
}

fn search(bench: &mut Criterion) {
    let (sim, hpa, tune) = (world(), hpa::Settings::default(), tune::Settings::default());
    let ground = [judged(1, 167..168)[0].ground()];
    bench.bench_function("best static HPA on a week", |timer| {
        timer.iter(|| best_static(&ground, &World { sim: &sim, hpa: &hpa, tune: &tune }, &|| {}));
    });
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10).warm_up_time(Duration::from_secs(1));
    targets = optimum, bootstrap, comparison, search
}
criterion_main!(benches);
