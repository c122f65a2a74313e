//! Problems whose answers are known: each algorithm finds them.

use candle_core::Device;

use super::offline::Offline;
use super::q_learning::QLearning;
use super::*;
use crate::env::{Distribution, Environment};
use crate::rl::Trainer;
use crate::rl::brain::Brain;
use crate::rl::learner::{Learner, Report};
use crate::rl::log::Transitions;
use crate::rl::network::Buffers;
use crate::rl::rollout;
use crate::rl::settings::algorithms;
use crate::rl::toys::{ACTIONS, Bandit, Budget, Fragile, Mdp, STATES, Scaler, TARGETS};
use rand::RngExt;

const ON_POLICY: [Algorithm; 5] =
    [Algorithm::Ppo, Algorithm::Reinforce, Algorithm::ActorCritic, Algorithm::Grpo, Algorithm::PpoLagrangian];
const STEPS: usize = 64;

/// Settings under which an algorithm learns small problems within `updates` updates.
fn settings(algorithm: Algorithm, updates: u64) -> Settings {
    Settings {
        algorithm,
        steps: STEPS as u64 * 16 * updates,
        n_envs: 16,
        group: if algorithm == Algorithm::Grpo { 8 } else { 1 },
        minibatch: 256,
        learning_rate: 3e-3,
        discount_factor: 0.9,
        gae_lambda: 0.95,
        hidden: vec![16],
        initial_share: 0.0,
        reinforce: algorithms::Reinforce { learning_rate: 0.03 },
        actor_critic: algorithms::ActorCritic { n: 5, actor_learning_rate: 0.01, critic_learning_rate: 0.02 },
        ..Settings::brisk()
    }
}

fn trainer<E: Environment + Default>(settings: Settings) -> Trainer<E> {
    let envs = (0..settings.n_envs).map(|_| E::default()).collect();
    let method = method(&settings).expect("it is on-policy");
    Trainer::new(settings, method, envs, STEPS, &[0.0, 0.0], Device::Cpu)
}

fn learned<Info>(mut learner: impl Learner<Info>) -> (Brain, Report<Info>) {
    let mut report = learner.update().unwrap();
    while !learner.finished() {
        report = learner.update().unwrap();
    }
    (learner.brain(), report)
}

fn choice(brain: &Brain, mut observation: Vec<f32>, sizes: &[usize]) -> Vec<usize> {
    let heads: Vec<Distribution> = sizes.iter().map(|&size| Distribution::Categorical(size)).collect();
    let mut action = vec![0.0; heads.len()];
    brain.act(&mut observation, &heads, &vec![0.0; heads.len()], &mut Buffers::default(), &mut action);
    action.into_iter().map(|number| number as usize).collect()
}

fn one_hot(state: usize) -> Vec<f32> {
    (0..STATES).map(|it| if it == state { 1.0 } else { 0.0 }).collect()
}

#[test]
fn every_on_policy_algorithm_finds_the_best_arm_of_a_bandit() {
    for algorithm in ON_POLICY {
        let (brain, report) = learned(trainer::<Bandit>(settings(algorithm, 40)));
        assert_eq!(choice(&brain, vec![1.0], &[3, 3]), [2, 0], "{algorithm:?}");
        let mean = report.mean_return / STEPS as f64;
        assert!(mean > 1.0, "{algorithm:?} earns {mean} of 2, where chance earns 0");
    }
}

#[test]
fn a_scaler_learns_the_target_that_costs_least() {
    let costs = Scaler::costs();
    let best = (0..TARGETS.len()).min_by(|&a, &b| costs[a].total_cmp(&costs[b])).unwrap();
    assert_eq!(TARGETS[best], 75, "{costs:?}");
    for algorithm in ON_POLICY {
        let (brain, _) = learned(trainer::<Scaler>(settings(algorithm, 60)));
        assert_eq!(choice(&brain, vec![1.0], &[5])[0], best, "{algorithm:?}");
    }
}

#[test]
fn policies_are_those_of_value_iteration() {
    let exact = Mdp::solve(0.9, &[0, 1, 2]);
    for algorithm in [Algorithm::Ppo, Algorithm::ActorCritic, Algorithm::Grpo] {
        let (brain, _) = learned(trainer::<Mdp>(settings(algorithm, 80)));
        for (state, row) in exact.iter().enumerate() {
            let (best, gap) = Mdp::best(row, &[0, 1, 2]);
            assert!(gap > 1.0, "the problem is clear");
            let found = choice(&brain, one_hot(state), &[ACTIONS])[0];
            assert_eq!(found, best, "{algorithm:?} in state {state}");
        }
    }
}

#[test]
fn the_table_is_that_of_value_iteration() {
    let exact = Mdp::solve(0.9, &[0, 1, 2]);
    let mut settings = settings(Algorithm::QLearning, 300);
    settings.q_learning.bins = 2;
    let envs = (0..settings.n_envs).map(|_| Mdp::default()).collect();
    let mut learner = QLearning::new(settings, (0..STATES).collect(), envs, STEPS, vec![0.0]);
    while !learner.finished() {
        learner.update().unwrap();
    }
    let table = learner.table();
    for (state, row) in exact.iter().enumerate() {
        let at = table.state(&one_hot(state));
        assert_eq!(table.best(at), Some(Mdp::best(row, &[0, 1, 2]).0), "in state {state}");
        for (action, wanted) in row.iter().enumerate() {
            let found = f64::from(table.values[at * ACTIONS + action]);
            assert!((found - wanted).abs() < 0.25, "Q({state}, {action}) is {found}, not {wanted}");
        }
    }
}

/// The multiplier's mean over the last third of the updates, and the share spent there.
fn constrained(limit: f64) -> (f64, f64) {
    let mut settings = settings(Algorithm::PpoLagrangian, 400);
    settings.lagrangian.limit = limit.try_into().unwrap();
    settings.entropy = 0.0;
    (settings.minibatch, settings.epochs) = (1024, 2);
    let mut trainer = trainer::<Budget>(settings);
    let (mut multipliers, mut shares) = (Vec::new(), Vec::new());
    while !trainer.finished() {
        let report = trainer.update().unwrap();
        multipliers.push(report.multiplier.unwrap());
        // 2 is earned for each half unit that is spent.
        shares.push(report.mean_return / STEPS as f64 / 4.0);
    }
    let mean = |values: &[f64]| values[values.len() * 2 / 3..].iter().sum::<f64>() / (values.len() as f64 / 3.0);
    (mean(&multipliers), mean(&shares))
}

#[test]
fn the_multiplier_is_the_price_at_which_the_limit_is_kept() {
    for limit in [10.0, 25.0] {
        let (multiplier, share) = constrained(limit);
        assert!((multiplier - 4.0).abs() < 0.5, "the multiplier is {multiplier}, and 4 makes it indifferent");
        assert!((100.0 * share - limit).abs() < 0.2 * limit, "{share} is spent of {limit} %");
    }
}

#[test]
fn a_limit_that_does_not_bind_costs_nothing() {
    let (multiplier, share) = constrained(80.0);
    assert!(multiplier < 0.2 && share > 0.45, "the multiplier is {multiplier}, {share} is spent of 0.5");
}

/// A log of an [`Mdp`] in which `actions` alone were taken, at random.
fn log(actions: &'static [u8]) -> Transitions<()> {
    let mut envs: Vec<Mdp> = (0..16).map(|_| Mdp::default()).collect();
    let choose = move |_: &[f32], rng: &mut rand::rngs::ChaCha8Rng, action: &mut [f32]| {
        action[0] = actions[rng.random_range(0..actions.len())].into();
    };
    Transitions::new(&rollout::explore(&mut envs, &choose, 128, 3, 0), STATES)
}

#[test]
fn offline_algorithms_find_the_best_of_what_the_log_takes_and_nothing_else() {
    let exact = Mdp::solve(0.9, &[0, 1]);
    for algorithm in [Algorithm::Cql, Algorithm::Bcq] {
        let mut settings = Settings { minibatch: 128, steps: 2048 * 150, ..settings(algorithm, 1) };
        settings.cql = algorithms::Cql { alpha: 0.1, target_rate: 0.02 };
        settings.bcq.target_rate = 0.02;
        let (brain, report) =
            learned(Offline::new(settings, log(&[0, 1]), &[Distribution::Categorical(ACTIONS)], Device::Cpu));
        assert_eq!(report.unseen_actions, Some(0.0), "{algorithm:?}");
        for (state, row) in exact.iter().enumerate() {
            let (best, gap) = Mdp::best(row, &[0, 1]);
            let found = choice(&brain, one_hot(state), &[ACTIONS])[0];
            assert!(found < 2, "{algorithm:?} takes an action that the log never takes in state {state}");
            assert!(gap > 1.0 && found == best, "{algorithm:?} in state {state}");
        }
    }
}

#[test]
fn a_log_is_learned_from_as_it_is_where_nothing_is_to_be_normalised() {
    for algorithm in [Algorithm::Cql, Algorithm::Bcq] {
        let value = |normalize: bool| {
            let (normalize_observations, normalize_rewards) = (normalize, normalize);
            let settings = Settings { normalize_observations, normalize_rewards, ..settings(algorithm, 1) };
            let heads = [Distribution::Categorical(ACTIONS)];
            let mut learner = Offline::new(settings, log(&[0, 1]), &heads, Device::Cpu);
            assert_eq!(learner.brain().normalizes(), normalize, "{algorithm:?}");
            learner.update().unwrap().losses.value
        };
        // Values start near 0, so that the first errors are about as large as the rewards.
        let (plain, scaled) = (value(false), value(true));
        assert!((plain - scaled).abs() > 0.1 * plain, "{algorithm:?}: {plain} and {scaled}");
    }
}

#[test]
fn actions_that_the_log_never_takes_are_counted() {
    let mut settings = settings(Algorithm::Cql, 1);
    // Without the conservative term nothing keeps values of unseen actions down: they start at random.
    settings.cql.alpha = 0.0;
    settings.learning_rate = 1e-9;
    let offline = |seed| {
        let settings = Settings { seed, ..settings.clone() };
        Offline::new(settings, log(&[1]), &[Distribution::Categorical(ACTIONS)], Device::Cpu)
            .update()
            .unwrap()
            .unseen_actions
            .unwrap()
    };
    assert!((0..4).map(offline).any(|share| share > 0.1), "values at random prefer an unseen action somewhere");
}

#[test]
fn a_saved_learner_goes_on_as_if_nothing_had_happened() {
    fn check<Info: Copy + Default + Send + PartialEq + std::fmt::Debug>(make: &dyn Fn() -> Box<dyn Learner<Info>>) {
        let mut whole = make();
        (0..4).for_each(|_| drop(whole.update().unwrap()));
        let mut before = make();
        (0..2).for_each(|_| drop(before.update().unwrap()));
        let mut archive = crate::rl::file::Archive::default();
        let saved = before.save(&mut archive);
        let text = saved.to_string();
        let mut after = make();
        after.restore(&archive, &serde_json::from_str(&text).unwrap()).unwrap();
        (0..2).for_each(|_| drop(after.update().unwrap()));
        assert!(after.brain() == whole.brain());
        assert_eq!(after.update().unwrap(), whole.update().unwrap());
    }
    for algorithm in ON_POLICY {
        check(&|| Box::new(trainer::<Budget>(settings(algorithm, 5))));
    }
    check(&|| {
        let envs = (0..4).map(|_| Mdp::default()).collect();
        Box::new(QLearning::new(settings(Algorithm::QLearning, 5), (0..STATES).collect(), envs, STEPS, vec![0.0]))
    });
    for algorithm in [Algorithm::Cql, Algorithm::Bcq] {
        check(&|| {
            Box::new(Offline::new(
                settings(algorithm, 20),
                log(&[0, 2]),
                &[Distribution::Categorical(ACTIONS)],
                Device::Cpu,
            ))
        });
    }
}

/// Mean response time under the policy that PPO learns, in seconds.
fn latency<const DIFFERENCES: bool>() -> f64 {
    let settings = Settings { discount_factor: 0.95, ..settings(Algorithm::Ppo, 60) };
    let (brain, _) = learned(trainer::<Fragile<DIFFERENCES>>(settings));
    let mut env = Fragile::<DIFFERENCES>::default();
    let mut sum = 0.0;
    for _ in 0..300 {
        let mut observation = vec![0.0];
        env.observe(&mut observation);
        env.step(&[choice(&brain, observation, &[3])[0] as f32]);
        sum += env.latency / 300.0;
    }
    sum
}

#[test]
fn the_reward_of_changes_is_farmed_and_that_of_levels_is_not() {
    let (farmed, calm) = (latency::<true>(), latency::<false>());
    assert!((calm - 0.1).abs() < 1e-3, "levels keep it at 100 ms: {calm} s");
    assert!(farmed > 0.3, "changes make it crash again and again: {farmed} s");
}
