//! How long learning takes: a decision, an environment step, a gradient, a whole update of the quick-start settings.

mod weekly;

use std::hint::black_box;
use std::path::Path;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use hpatune::config::Experiment;
use hpatune::env::{self, Actions, Scenario, Sight, foresight};
use hpatune::forecast::outlook::Past;
use hpatune::forecast::{Demand, Forecaster};
use hpatune::random::{Purpose, stream};
use hpatune::rl::device::Kind;
use hpatune::rl::fused::{Fused, Rows};
use hpatune::rl::gradient::{Minibatch, Objective, Remembered, Surrogate, gradient};
use hpatune::rl::heads::sample;
use hpatune::rl::network::{Buffers, Network};
use hpatune::rl::{Session, Settings};
use hpatune::units::SimTime;
use rand::RngExt;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn experiment() -> Experiment {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/configs/quickstart.toml"));
    Experiment::load(Some(path)).expect("the quick start's file is valid")
}

fn session(experiment: &Experiment) -> (Session, Vec<Scenario>) {
    let scenarios = weekly::scenarios(experiment, 7, 0);
    let device = Kind::Cpu.open().expect("there is a CPU");
    (weekly::session(experiment, scenarios.clone(), device), scenarios)
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
    let past = Past { load: &load[..5760 * 2], known: 0 };
    let start = scenarios[0].start.clone().foreseeing(Some(Forecaster::learn(&[past], 2, None)));
    let mut tuner = policy.tuner(&start);
    bench.bench_function("decision with a forecaster", |timer| {
        timer.iter(|| tuner.decide(simulation.now(), black_box(&simulation.telemetry())));
    });
    bench.bench_function("demand features", |timer| timer.iter(|| Demand::at(black_box(load))));
}

/// A network of the default settings that remembers `width` numbers, and `rows` rows whose actions it has drawn, in sequences
/// of `steps` where it remembers.
fn case(rows: usize, width: usize, steps: usize) -> (Network, Vec<f32>, Minibatch) {
    let (env, train) = (env::Settings::default(), Settings::default());
    let (actions, observation) = (Actions::new(&env.action), Sight::new(&env).len());
    let heads = actions.distributions();
    let network = Network::remembering(observation, foresight::LENGTH, &heads, &train.hidden, 1, width)
        .criticized_by(&train.critic_hidden);
    let theta = network.initialize(1, &actions.first(), train.initial_share);
    let mut rng = stream(1, Purpose::Actions, 0);
    let mut draw = |count: usize| (0..count).map(|_| rng.random::<f32>() - 0.5).collect::<Vec<f32>>();
    let memory =
        Remembered { steps, before: draw(rows / steps.max(1) * width), fresh: vec![false; rows.min(rows * width)] };
    let mut batch = Minibatch {
        observations: draw(rows * observation),
        criticized: draw(rows * network.critic.inputs()),
        memory,
        advantages: draw(rows),
        returns: draw(rows),
        ..Minibatch::default()
    };
    let seen = draw(rows * network.actor.inputs());
    let outputs = network.actor.forward(&theta, &seen, &mut Buffers::default()).to_vec();
    for outputs in outputs.chunks_exact(network.actor.outputs()) {
        let mut action = vec![0.0; heads.len()];
        batch.log_probabilities.push(sample(outputs, &heads, &mut rng, &mut action));
        batch.actions.extend(action);
    }
    (network, theta, batch)
}

fn learning(bench: &mut Criterion) {
    let (network, theta, batch) = case(1024, 0, 0);
    let surrogate = Surrogate::Clipped { clip: 0.2 };
    let objective = Objective { surrogate, value: 0.5, entropy: 0.01, reference_kl: 0.0 };
    let device = Kind::Cpu.open().expect("there is a CPU");
    let mut group = bench.benchmark_group("loss and gradient of 1,024 rows");
    group.throughput(Throughput::Elements(batch.rows() as u64));
    group.bench_function("graph", |timer| {
        timer.iter(|| gradient(&network, black_box(&theta), &batch, objective, &device));
    });
    let order: Vec<u32> = (0..batch.rows() as u32).collect();
    let all = Rows { batch: &batch, order: &order, advantages: &batch.advantages };
    let (mut fused, mut slopes) = (Fused::new(&network), vec![0.0; theta.len()]);
    group.bench_function("fused", |timer| {
        timer.iter(|| fused.gradient(black_box(&theta), &all, objective, &mut slopes));
    });
    group.finish();
    // The minibatches of the defaults and of configs/gru.toml.
    for (rows, width, steps) in [(480, 32, 60), (960, 16, 240)] {
        let (network, theta, batch) = case(rows, width, steps);
        let mut group = bench.benchmark_group("loss and gradient through a memory");
        group.throughput(Throughput::Elements(rows as u64));
        group.bench_function(format!("{} sequences of {steps}", rows / steps), |timer| {
            timer.iter(|| gradient(&network, black_box(&theta), &batch, objective, &device));
        });
        group.finish();
    }
}

criterion_group!(benches, decision, learning, update);
criterion_main!(benches);
