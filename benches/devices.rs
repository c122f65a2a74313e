//! The CPU beside a GPU: the same losses and gradients, the same returns, and environment steps a second.
//!
//! `devices [cpu|cuda|metal] [check] [learn] [speed] [WIDTH...]` prints tables of what is named, or all of them; the speeds
//! are those of two hidden layers of each WIDTH, or of 64, 256 and 1024. A device that the
//! program was not built for, or that the machine has not, is left out with a message; figures of `check` that are too far
//! apart end it with exit status 1. `scripts/bench-cuda.sh` runs it.

#![allow(clippy::disallowed_methods, clippy::print_stdout, reason = "it measures and prints")]

mod weekly;

use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use hpatune::config::Experiment;
use hpatune::env::synthetic::STEPS;
use hpatune::env::{Distribution, Synthetic};
use hpatune::random::{Purpose, stream};
use hpatune::rl::Trainer;
use hpatune::rl::algorithms::method;
use hpatune::rl::device::{Device, Kind};
use hpatune::rl::fused::{Fused, Rows};
use hpatune::rl::gradient::{Minibatch, Objective, Surrogate, gradient};
use hpatune::rl::heads::sample;
use hpatune::rl::learner::Learner;
use hpatune::rl::network::{Activation, Buffers, Network};
use hpatune::rl::settings::{Critic, Executor, Settings};
use rand::RngExt;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Environments of the table of speeds: with [`STEPS`] steps each they give 65,536 rows an update.
const ENVIRONMENTS: usize = 256;

/// Passes over an update's rows in the table of speeds.
const EPOCHS: usize = 4;

/// The farthest that a loss or a gradient may be from the fused kernels', relatively.
const FARTHEST: f64 = 1e-5;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let kind = words.iter().find_map(|word| word.parse().ok()).unwrap_or(Kind::Cuda);
    let device = match kind.open() {
        Ok(device) => device,
        Err(error) => {
            println!("skipped: {error}; {}", error.help);
            return ExitCode::SUCCESS;
        }
    };
    let parts = ["check", "learn", "speed"];
    let all = !words.iter().any(|word| parts.contains(&word.as_str()));
    let wanted = |part: &str| all || words.iter().any(|word| word == part);
    let agrees = !wanted("check") || check(kind, &device);
    if wanted("learn") {
        synthetic(kind, &device);
        hpa(kind, &device);
    }
    if wanted("speed") {
        let widths: Vec<usize> = words.iter().filter_map(|word| word.parse().ok()).collect();
        speed(kind, &device, if widths.is_empty() { &[64, 256, 1024] } else { &widths });
    }
    if agrees { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Loss and gradient of every kind of head, in the graph on the device and on the CPU, against the fused kernels: whether
/// all are near enough.
fn check(kind: Kind, device: &Device) -> bool {
    use Distribution::{Beta, Categorical, Gaussian};
    let kinds: [(&str, &[Distribution]); 4] = [
        ("multi-discrete", &[Categorical(6), Categorical(5), Categorical(9)]),
        ("Gaussian", &[Gaussian; 3]),
        ("Beta", &[Beta; 2]),
        ("mixed", &[Categorical(4), Beta, Gaussian, Categorical(3)]),
    ];
    println!("relative distance from the fused kernels: of the loss, of the gradient (Euclidean norm)");
    println!("{:36} {:>10} {:>10} {:>10} {:>10}", "", "cpu loss", "gradient", &format!("{kind} loss"), "gradient");
    let mut worst = 0.0_f64;
    for (name, heads) in kinds {
        for activation in [Activation::Tanh, Activation::Relu] {
            for surrogate in [Surrogate::Clipped { clip: 0.2 }, Surrogate::Plain] {
                let case = case(heads, activation);
                let objective = Objective { surrogate, value: 0.5, entropy: 0.01, reference_kl: 0.3 };
                let fused = case.fused(objective);
                let graph = |device: &Device| {
                    let graph = gradient(&case.network, &case.theta, &case.batch, objective, device);
                    let (losses, slopes) = graph.expect("the device works");
                    ((losses.total / fused.0 - 1.0).abs(), distance(&slopes, &fused.1))
                };
                let (cpu, other) = (graph(&Device::Cpu), graph(device));
                for distance in [cpu.0, cpu.1, other.0, other.1] {
                    // What is no number is as far as can be.
                    worst = worst.max(if distance.is_nan() { f64::INFINITY } else { distance });
                }
                let surrogate = if surrogate == Surrogate::Plain { "plain" } else { "clipped" };
                let name = format!("{name}, {activation:?}, {surrogate}");
                println!("{name:36} {:10.1e} {:10.1e} {:10.1e} {:10.1e}", cpu.0, cpu.1, other.0, other.1);
            }
        }
    }
    let agrees = worst < FARTHEST;
    println!("{} {FARTHEST:e}: the farthest is {worst:.1e}\n", if agrees { "within" } else { "NOT WITHIN" });
    agrees
}

/// A network and rows whose actions it has drawn under other parameters.
struct Case {
    network: Network,
    theta: Vec<f32>,
    batch: Minibatch,
}

fn case(heads: &[Distribution], activation: Activation) -> Case {
    let (rows, width) = (1000, 24);
    let network = Network::new(width, 6, heads, &[64, 48], 2).activated(activation);
    let mut rng = stream(5, Purpose::Actions, 0);
    let mut draw = |count: usize, spread: f32| (0..count).map(|_| spread * (rng.random::<f32>() - 0.5)).collect();
    let near = |theta: &[f32], noise: Vec<f32>| theta.iter().zip(noise).map(|(a, b)| a + b).collect::<Vec<f32>>();
    let first = network.initialize(5, &vec![0.0; heads.len()], 0.3);
    let old: Vec<f32> = near(&first, draw(network.parameters, 0.3));
    let theta = near(&old, draw(network.parameters, 0.05));
    let mut batch = Minibatch {
        observations: draw(rows * width, 2.0),
        criticized: draw(rows * (width + 6), 2.0),
        advantages: draw(rows, 3.0),
        returns: draw(rows * 2, 4.0),
        ..Minibatch::default()
    };
    let outputs = network.actor.forward(&old, &batch.observations, &mut Buffers::default()).to_vec();
    for outputs in outputs.chunks_exact(network.actor.outputs()) {
        let mut action = vec![0.0; heads.len()];
        batch.log_probabilities.push(sample(outputs, heads, &mut rng, &mut action));
        batch.actions.extend(action);
    }
    batch.reference_log_probabilities = batch.log_probabilities.iter().map(|it| it + 0.1).collect();
    Case { network, theta, batch }
}

impl Case {
    fn fused(&self, objective: Objective) -> (f64, Vec<f32>) {
        let order: Vec<u32> = (0..self.batch.rows() as u32).collect();
        let rows = Rows { batch: &self.batch, order: &order, advantages: &self.batch.advantages };
        let mut slopes = vec![0.0; self.theta.len()];
        (Fused::new(&self.network).gradient(&self.theta, &rows, objective, &mut slopes).total, slopes)
    }
}

/// `|a − b| / |b|`.
fn distance(a: &[f32], b: &[f32]) -> f64 {
    let square = |values: &mut dyn Iterator<Item = f32>| values.map(|x| f64::from(x).powi(2)).sum::<f64>();
    (square(&mut a.iter().zip(b).map(|(a, b)| a - b)) / square(&mut b.iter().copied())).sqrt()
}

fn settings(seed: u64, updates: u64, environments: usize) -> Settings {
    Settings {
        steps: updates * (environments * STEPS) as u64,
        seed,
        n_envs: environments,
        group: 1,
        critic: Critic::Plain,
        epochs: 10,
        minibatch: 256,
        learning_rate: 3e-4,
        discount_factor: 0.99,
        gae_lambda: 0.95,
        entropy: 0.0,
        target_kl: 1e9,
        hidden: vec![64, 64],
        initial_share: 0.0,
        executor: Executor::Auto,
        ..Settings::default()
    }
}

/// A name, what makes an environment, and the first action.
type Row<'a> = (&'a str, fn() -> Synthetic, &'a [f32]);

/// The synthetic environment, learned on the CPU and on the device from the same seeds.
fn synthetic(kind: Kind, device: &Device) {
    println!("mean return of the last episodes on the synthetic environment, 23 updates of 4,096 steps, seeds 0 to 2");
    let environments = 16;
    let rows: [Row<'_>; 2] = [
        ("nine choices", Synthetic::discrete, &[0.0]),
        ("three Gaussian numbers", || Synthetic::continuous(false), &[0.0; 3]),
    ];
    for (name, environment, first) in rows {
        for (place, device) in [(Kind::Cpu, &Device::Cpu), (kind, device)] {
            let run = |seed: u64| {
                let settings = settings(seed, 23, environments);
                let environments = (0..environments).map(|_| environment()).collect();
                let method = method(&settings).expect("PPO is on-policy");
                let mut trainer = Trainer::new(settings, method, environments, STEPS, first, device.clone());
                (0..23).map(|_| trainer.update().expect("the device works").mean_return).last().unwrap_or(f64::NAN)
            };
            let returns: Vec<String> = (0..3).map(|seed| format!("{:.1}", run(seed))).collect();
            println!("{:28} {:>6}  {}", name, place.to_string(), returns.join("  "));
        }
    }
    println!();
}

/// The HPA environment on the weekly trace that ships, learned on the CPU and on the device from the same seed.
fn hpa(kind: Kind, device: &Device) {
    let text = include_str!("../configs/quickstart.toml");
    let experiment = Experiment::parse(text, Path::new("configs/quickstart.toml")).expect("it is valid");
    let scenarios = weekly::scenarios(&experiment, 14, 4);
    println!("the HPA environment on the weekly trace that ships, 20 updates from seed 1");
    println!("{:8} {:>10} {:>22} {:>24} {:>10}", "", "steps", "cost over static HPA's", "validation cost", "late");
    for (place, device) in [(Kind::Cpu, &Device::Cpu), (kind, device)] {
        let mut session = weekly::session(&experiment, scenarios.clone(), device.clone());
        let metrics = (0..20).map(|_| session.update().expect("the device works")).last().expect("20 updates");
        let verdict = session.evaluate().0;
        println!(
            "{:8} {:10} {:22.4} {:24.4} {:9.3}%",
            place.to_string(),
            session.step(),
            metrics.cost_vs_reference,
            verdict.functions[0].cost,
            100.0 * verdict.functions[0].violation_rate
        );
    }
    println!();
}

/// Environment steps a second of the whole loop, and rows a second of learning, by width and minibatch. Learning is what is
/// left of the loop without collecting, which is the CPU's everywhere: a device's includes the way to it and back.
fn speed(kind: Kind, device: &Device, widths: &[usize]) {
    println!("{} environments, {STEPS} steps, {EPOCHS} epochs, {} threads", ENVIRONMENTS, rayon::current_num_threads());
    println!("steps/s of the whole loop, and rows/s of learning, in thousands");
    let other = kind.to_string();
    println!(
        "{:12} {:>9} | {:>8} {other:>8} {:>6} | {:>8} {other:>8} {:>6}",
        "layers", "minibatch", "cpu", "ratio", "cpu", "ratio"
    );
    // Loads the device's programs.
    measure(&[64, 64], 4096, device, Duration::ZERO);
    for &width in widths {
        let hidden = [width, width];
        for minibatch in [256, 1024, 4096, 16_384, 65_536] {
            let [cpu, gpu] =
                [&Device::Cpu, device].map(|device| measure(&hidden, minibatch, device, Duration::from_secs(1)));
            println!(
                "{:12} {minibatch:9} | {:8.1} {:8.1} {:6.2} | {:8.1} {:8.1} {:6.2}",
                format!("{width} x {width}"),
                cpu.0 / 1e3,
                gpu.0 / 1e3,
                gpu.0 / cpu.0,
                cpu.1 / 1e3,
                gpu.1 / 1e3,
                gpu.1 / cpu.1
            );
        }
    }
}

/// Steps a second of updates that take `least` time together, and rows a second of their learning.
fn measure(hidden: &[usize], minibatch: usize, device: &Device, least: Duration) -> (f64, f64) {
    let run = |epochs: usize, device: &Device| {
        let (hidden, critic_hidden) = (hidden.to_vec(), hidden.to_vec());
        let settings = Settings { epochs, minibatch, hidden, critic_hidden, ..settings(0, 1 << 20, ENVIRONMENTS) };
        let environments = (0..ENVIRONMENTS).map(|_| Synthetic::discrete()).collect();
        let method = method(&settings).expect("PPO is on-policy");
        let mut trainer = Trainer::new(settings, method, environments, STEPS, &[0.0], device.clone());
        let (start, mut updates) = (Instant::now(), 0);
        while updates == 0 || start.elapsed() < least {
            trainer.update().expect("the device works");
            updates += 1;
        }
        start.elapsed().as_secs_f64() / f64::from(updates)
    };
    let (whole, collecting) = (run(EPOCHS, device), run(0, &Device::Cpu));
    let rows = (ENVIRONMENTS * STEPS) as f64;
    let learning = whole - collecting;
    // Where collecting takes most of the time, noise can leave nothing for learning.
    (rows / whole, if learning > 0.0 { rows * EPOCHS as f64 / learning } else { f64::NAN })
}
