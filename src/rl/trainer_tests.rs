use super::*;
use crate::rl::algorithms;
use crate::rl::network::Buffers;
use crate::rl::settings::{self, Activation, Gru, Memory};
use crate::rl::toys::{BACK, Bandit, Corridor, Recall};

fn settings() -> Settings {
    Settings {
        steps: 64 * 16 * 30,
        n_envs: 16,
        group: 1,
        minibatch: 256,
        learning_rate: 3e-3,
        discount_factor: 0.95,
        gae_lambda: 0.95,
        hidden: vec![16],
        initial_share: 0.0,
        ..Settings::brisk()
    }
}

fn trainer<E: Environment + Default>(settings: Settings) -> Trainer<E> {
    let envs = (0..settings.n_envs).map(|_| E::default()).collect();
    let method = algorithms::method(&settings).unwrap();
    Trainer::new(settings, method, envs, 64, &[0.0, 0.0], Device::Cpu)
}

fn likeliest<E: Environment>(trainer: &Trainer<E>, mut observation: Vec<f32>) -> Vec<f32> {
    trainer.state.counts.observations.normalizer().apply(&mut observation);
    let mut buffers = Buffers::default();
    let logits = trainer.network.actor.forward(&trainer.state.theta, &observation, &mut buffers);
    let mut action = vec![0.0; trainer.network.heads.len()];
    super::super::heads::likeliest(logits, &trainer.network.heads, &mut action);
    action
}

#[test]
fn the_best_arm_of_a_bandit_is_found() {
    let mut trainer: Trainer<Bandit> = trainer(settings());
    let mut last = 0.0;
    while !trainer.finished() {
        last = trainer.update().unwrap().mean_return / 64.0;
    }
    assert_eq!(likeliest(&trainer, vec![1.0]), [2.0, 0.0]);
    assert!(last > 1.9, "the mean reward is near its maximum of 2: {last}");
}

#[test]
fn a_large_reward_far_away_is_preferred_to_a_small_one_nearby() {
    let mut trainer: Trainer<Corridor> = trainer(settings());
    let first = trainer.update().unwrap();
    let mut report = first.clone();
    while !trainer.finished() {
        report = trainer.update().unwrap();
    }
    for cell in 1..4 {
        let mut observation = vec![0.0; 5];
        observation[cell] = 1.0;
        assert_eq!(likeliest(&trainer, observation), [1.0], "in cell {cell}");
    }
    assert!(report.mean_return > 2.0 * first.mean_return);
    assert!(report.explained_variance > 0.5, "{}", report.explained_variance);
}

#[test]
fn weights_are_learned_that_serve_nearly_as_fast_as_weights_like_speeds() {
    use crate::env::balancing::Settings as Episodes;
    use crate::env::balancing::tests::{environment, play};
    let settings = Settings { steps: 16 * 20 * 30, discount_factor: 0.9, ..settings() };
    let envs = (0..settings.n_envs).map(|_| environment(Episodes::default())).collect();
    let method = algorithms::method(&settings).unwrap();
    let mut trainer = Trainer::new(settings, method, envs, 20, &[0.0; 4], Device::Cpu);
    while !trainer.finished() {
        trainer.update().unwrap();
    }
    let mut judge = environment(Episodes::default());
    let mut mean = |policy: &dyn Fn(&[f32]) -> Vec<f32>| {
        (1000..1020).map(|seed| play(&mut judge, policy, seed).0).sum::<f64>() / 20.0
    };
    let (equal, alike) = (mean(&|_| vec![0.0; 4]), mean(&|_| vec![0.0, 0.0, 1.0, 2.0]));
    let learned = mean(&|seen| likeliest(&trainer, seen.to_vec()));
    assert!(learned < 0.8 * equal, "{learned} s learned, {equal} s with equal weights");
    assert!(equal - learned > 0.8 * (equal - alike), "{learned} s learned, {alike} s with weights like speeds");
}

#[test]
fn equal_seeds_learn_the_same_bytes_on_any_number_of_threads() {
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let mut trainer: Trainer<Corridor> = trainer(Settings { group: 4, ..settings() });
            (0..3).for_each(|_| drop(trainer.update().unwrap()));
            trainer.state
        })
    };
    let one = run(1);
    assert_eq!(one, run(2));
    assert_eq!(one, run(5));
}

#[test]
fn a_restored_state_goes_on_as_if_nothing_had_happened() {
    let mut whole: Trainer<Corridor> = trainer(settings());
    (0..4).for_each(|_| drop(whole.update().unwrap()));
    let mut before: Trainer<Corridor> = trainer(settings());
    (0..2).for_each(|_| drop(before.update().unwrap()));
    let mut after: Trainer<Corridor> = trainer(settings());
    let mut archive = Archive::default();
    let saved = before.save(&mut archive);
    after.restore(&archive, &saved).unwrap();
    (0..2).for_each(|_| drop(after.update().unwrap()));
    assert_eq!(after.state, whole.state);
}

#[test]
fn at_the_first_minibatch_the_policy_is_the_one_that_acted() {
    for activation in [Activation::Tanh, Activation::Relu] {
        for executor in [settings::Executor::Fused, settings::Executor::Graph] {
            let critic_hidden = vec![12, 8];
            let settings = Settings { activation, executor, critic_hidden, epochs: 1, minibatch: 4096, ..settings() };
            let report = trainer::<Corridor>(Settings { entropy: 0.0, ..settings }).update().unwrap();
            assert!(report.losses.kl.abs() < 1e-6, "{activation:?}, {executor:?}: {}", report.losses.kl);
            assert!(report.losses.clipped.abs() < f64::EPSILON);
        }
    }
}

#[test]
fn the_policy_recalls_step_by_step_what_the_actor_did_while_it_collected() {
    let trainer = trainer::<Recall>(remembering());
    let (network, theta, normalizer) = (&trainer.network, &trainer.state.theta, Normalizer::identity(1));
    let mut envs: Vec<Recall> = (0..3).map(|_| Recall::default()).collect();
    let actor = Actor { network, theta, normalizer: &normalizer };
    let policy = Perceptron::actor(network, theta, normalizer.clone());
    for played in rollout::collect(&mut envs, actor, 64, 1, 3, 0) {
        let mut buffers = Buffers::default();
        for (step, memory) in played.memories.chunks_exact(network.width()).enumerate() {
            if played.fresh[step] {
                buffers.memory.clear();
            }
            let outputs = policy.outputs(&mut [played.observations[step]], &mut buffers).to_vec();
            let action = &played.actions[step..=step];
            let found = super::super::heads::log_probability(&outputs, &network.heads, action);
            assert_eq!((found, &buffers.memory[..]), (played.log_probabilities[step], memory), "step {step}");
        }
    }
}

#[test]
fn an_actor_of_another_shape_is_no_teacher() {
    let taught = |theirs: Settings| {
        let Brain::Network(actor) = trainer::<Recall>(theirs).brain() else { panic!("it is a network") };
        trainer::<Recall>(remembering()).teach(&actor, 100).err().map(|error| error.to_string())
    };
    assert_eq!(taught(remembering()), None);
    for (theirs, words) in [
        (Settings { gru: Gru { width: 9, sequence: 16 }, ..remembering() }, "a memory of 9 numbers"),
        (Settings { memory: Memory::None, ..remembering() }, "no memory"),
        (Settings { activation: Activation::Relu, ..remembering() }, "with relu"),
        (Settings { normalize_observations: false, ..remembering() }, "plain observations"),
    ] {
        let told = taught(theirs).unwrap();
        assert!(told.contains(words) && told.contains("a memory of 12 numbers and normalised observations"), "{told}");
    }
}

/// Settings of a policy that remembers, whose sequences are shorter than episodes, and episodes than updates.
fn remembering() -> Settings {
    let gru = Gru { width: 12, sequence: 16 };
    Settings { memory: Memory::Gru, gru, target_kl: 0.1, learning_rate: 5e-3, steps: 64 * 16 * 160, ..settings() }
}

#[test]
fn what_was_shown_before_is_recalled_by_a_policy_that_remembers_and_by_no_other() {
    let share = |settings: Settings| {
        let mut trainer: Trainer<Recall> = trainer(settings);
        let mut last = 0.0;
        while !trainer.finished() {
            last = trainer.update().unwrap().mean_return;
        }
        // 64 steps are two whole episodes and half of one; nothing is asked at the start of any.
        last / (64 - 3 * BACK) as f64
    };
    let (blind, remembering) = (share(Settings { memory: Memory::None, ..remembering() }), share(remembering()));
    assert!(blind < 0.6, "nothing that is seen tells what was shown before: {blind}");
    assert!(remembering > 0.9, "{remembering}");
}

#[test]
fn a_policy_that_remembers_is_at_first_the_one_that_acted() {
    for group in [1, 4] {
        let settings = Settings { epochs: 1, minibatch: 4096, entropy: 0.0, group, ..remembering() };
        let mut trainer = trainer::<Recall>(settings);
        for _ in 0..2 {
            let report = trainer.update().unwrap();
            assert!(report.losses.kl.abs() < 1e-6, "{}", report.losses.kl);
        }
    }
}

#[test]
fn a_policy_that_remembers_learns_the_same_bytes_on_any_number_of_threads_and_after_a_stop() {
    let run = |threads: usize, stop: bool| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let mut trainer: Trainer<Recall> = self::trainer(remembering());
            trainer.update().unwrap();
            if stop {
                let mut archive = Archive::default();
                let saved = trainer.save(&mut archive);
                trainer = self::trainer(remembering());
                trainer.restore(&archive, &saved).unwrap();
            }
            trainer.update().unwrap();
            trainer.state
        })
    };
    let one = run(1, false);
    assert_eq!(one, run(2, false));
    assert_eq!(one, run(1, true));
}

#[test]
fn a_device_learns_to_remember_as_the_cpu_does() {
    let run = |resident: bool| {
        let mut trainer: Trainer<Recall> = trainer(Settings { epochs: 2, target_kl: 1e9, ..remembering() });
        if resident {
            trainer.executor = Executor::Resident(Device::Cpu);
        }
        trainer.update().unwrap();
        trainer.state.theta
    };
    let (cpu, device) = (run(false), run(true));
    let farthest = cpu.iter().zip(&device).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(farthest < 1e-4, "{farthest}");
}
