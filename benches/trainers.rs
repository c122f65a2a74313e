//! Steps a second and returns of the trainer on the synthetic environment, for `scripts/bench-trainers.sh`.
//!
//! `cargo bench --bench trainers -- [KIND] [EPOCHS] [MINIBATCH] [STEPS] [SEEDS]` prints one JSON line a seed. KIND is discrete,
//! gaussian or beta. `RAYON_NUM_THREADS` sets the number of threads; `GRAPH=1` takes the Candle graph, and `NORMALIZE=1`
//! normalises observations and rewards.

#![allow(clippy::disallowed_methods, clippy::print_stdout, reason = "it measures and prints")]

use std::time::Instant;

use hpatune::env::Synthetic;
use hpatune::env::synthetic::STEPS;
use hpatune::rl::algorithms::method;
use hpatune::rl::device::Kind;
use hpatune::rl::learner::Learner;
use hpatune::rl::settings::{Critic, Executor};
use hpatune::rl::{Settings, Trainer};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Environments that run side by side.
const ENVIRONMENTS: usize = 16;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let text = |index: usize, default: &str| arguments.get(index).cloned().unwrap_or_else(|| default.to_owned());
    let number = |index: usize, default: u64| text(index, &default.to_string()).parse::<u64>().expect("a number");
    let kind = text(0, "discrete");
    let environment = || match kind.as_str() {
        "discrete" => Synthetic::discrete(),
        "gaussian" => Synthetic::continuous(false),
        "beta" => Synthetic::continuous(true),
        other => panic!("{other:?} is no kind; write discrete, gaussian or beta"),
    };
    let executor = if std::env::var_os("GRAPH").is_some() { Executor::Graph } else { Executor::Auto };
    // The middle of the range, where there is one.
    let first: &[f32] = match kind.as_str() {
        "discrete" => &[0.0],
        "gaussian" => &[0.0; 3],
        _ => &[0.5; 3],
    };
    let normalize = std::env::var_os("NORMALIZE").is_some();
    for seed in 0..number(4, 1) {
        let settings = Settings {
            steps: number(3, 400_000),
            seed,
            n_envs: ENVIRONMENTS,
            group: 1,
            critic: Critic::Plain,
            epochs: number(1, 10) as usize,
            minibatch: number(2, 256) as usize,
            learning_rate: 3e-4,
            discount_factor: 0.99,
            gae_lambda: 0.95,
            clip: 0.2,
            entropy: 0.0,
            value: 0.5,
            target_kl: 1e9,
            hidden: vec![64, 64],
            initial_share: 0.0,
            // The other libraries do not, unless they are wrapped.
            normalize_observations: normalize,
            normalize_rewards: normalize,
            executor,
            ..Settings::default()
        };
        let environments = (0..ENVIRONMENTS).map(|_| environment()).collect();
        let device = Kind::Cpu.open().expect("there is a CPU");
        let method = method(&settings).expect("PPO is on-policy");
        let mut trainer = Trainer::new(settings, method, environments, STEPS, first, device);
        let (isa, start) = (trainer.isa(), Instant::now());
        let mut last = 0.0_f64;
        while !trainer.finished() {
            last = trainer.update().expect("the device is the CPU").mean_return;
        }
        let steps = trainer.total_updates() * trainer.steps_per_update();
        let rate = steps as f64 / start.elapsed().as_secs_f64();
        let rounded = (rate.round(), (last * 100.0).round() / 100.0);
        println!(
            "{}",
            serde_json::json!({ "trainer": "hpatune", "isa": isa, "threads": rayon::current_num_threads(), "seed": seed,
                "steps": steps, "steps_per_s": rounded.0, "return": rounded.1 })
        );
    }
}
