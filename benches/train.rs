//! How long learning takes: a decision, an environment step, a gradient, a whole update of the quick-start settings.

use std::hint::black_box;
use std::path::Path;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use hpatune::config::Experiment;
use hpatune::env::{Distribution, Scenario, Shares, Start};
use hpatune::forecast::Demand;
use hpatune::random::{Purpose, stream};
use hpatune::rl::fused::{Fused, Rows};
use hpatune::rl::gradient::{Minibatch, Objective, Surrogate, gradient};
use hpatune::rl::network::Network;
use hpatune::rl::policy::Card;
use hpatune::rl::{Session, device::Kind};
use hpatune::trace::synth::{Profile, Recipe};
use hpatune::units::SimTime;
use rand::RngExt;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn experiment() -> Experiment {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/configs/quickstart.toml"));
    Experiment::load(Some(path)).expect("the quick start's file is valid")
}

fn session(experiment: &Experiment) -> (Session, Vec<Scenario>) {
    let recipe = Recipe { duration: Duration::from_hours(7 * 24), ..Recipe::new(Profile::Weekly) };
    let trace = recipe.synthesize().expect("the recipe is valid");
    let shares = Shares { train: experiment.split.train, validation: experiment.split.validation };
    let (sim, hpa) = (experiment.sim(), &experiment.hpa);
    let one = |series| {
        Scenario::new(series, &trace.header, &sim, hpa, &Start::fixed(hpa), &experiment.env, shares)
            .expect("the trace is long enough")
    };
    let scenarios: Vec<Scenario> = trace.functions.iter().map(one).collect();
    let card = Card::new(&experiment.env, &experiment.train, Vec::new(), &[], "");
    let device = Kind::Cpu.open().expect("there is a CPU");
    let session = Session::new(&experiment.train, &experiment.env, scenarios.clone().into(), card, None, None, device);
    (session.expect("PPO needs no log"), scenarios)
}

fn update(bench: &mut Criterion) {
    let experiment = experiment();
    let (mut session, _) = session(&experiment);
    let mut group = bench.benchmark_group("train");
    group.sample_size(10).measurement_time(Duration::from_secs(10));
    group.throughput(Throughput::Elements((experiment.train.n_envs * experiment.env.steps()) as u64));
    group.bench_function("update, in environment steps", |timer| timer.iter(|| session.update()));
    group.finish();
}

fn decision(bench: &mut Criterion) {
    let (session, scenarios) = session(&experiment());
    let policy = session.policy();
    let window = SimTime::ZERO..SimTime::from_secs(86_400 * 3);
    let mut simulation = scenarios[0].simulation(&scenarios[0].world, 1, window);
    simulation.advance(SimTime::from_secs(86_400 * 2));
    let mut tuner = policy.tuner(&scenarios[0].start);
    bench.bench_function("decision", |timer| {
        timer.iter(|| tuner.decide(simulation.now(), black_box(&simulation.telemetry())));
    });
    let load = scenarios[0].workload.load();
    bench.bench_function("demand features", |timer| timer.iter(|| Demand::at(black_box(load))));
}

fn learning(bench: &mut Criterion) {
    let network = Network::new(35, 18, &[6, 6, 7, 6].map(Distribution::Categorical), &[64, 64], 1);
    let theta = network.initialize(1, &[0.0; 4], 0.5);
    let mut rng = stream(1, Purpose::Actions, 0);
    let rows = 1024;
    let mut draw = |count: usize| (0..count).map(|_| rng.random::<f32>() - 0.5).collect::<Vec<f32>>();
    let batch = Minibatch {
        observations: draw(rows * 35),
        criticized: draw(rows * 53),
        actions: vec![1.0; rows * 4],
        log_probabilities: vec![-7.0; rows],
        advantages: draw(rows),
        returns: draw(rows),
        ..Minibatch::default()
    };
    let surrogate = Surrogate::Clipped { clip: 0.2 };
    let objective = Objective { surrogate, value: 0.5, entropy: 0.01, reference_kl: 0.0 };
    let device = Kind::Cpu.open().expect("there is a CPU");
    let mut group = bench.benchmark_group("loss and gradient of 1,024 rows");
    group.throughput(Throughput::Elements(rows as u64));
    group.bench_function("graph", |timer| {
        timer.iter(|| gradient(&network, black_box(&theta), &batch, objective, &device));
    });
    let order: Vec<u32> = (0..rows as u32).collect();
    let all = Rows { batch: &batch, order: &order, advantages: &batch.advantages };
    let (mut fused, mut slopes) = (Fused::new(&network), vec![0.0; theta.len()]);
    group.bench_function("fused", |timer| {
        timer.iter(|| fused.gradient(black_box(&theta), &all, objective, &mut slopes));
    });
    group.finish();
}

criterion_group!(benches, decision, learning, update);
criterion_main!(benches);
