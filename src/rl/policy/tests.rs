mod account;

use super::*;
use crate::autoscalers::linear::{FEATURES, Linear, PLAIN};
use crate::env::{self, observation};
use crate::rl::Settings;
use crate::rl::brain::Perceptron;
use crate::rl::heads;
use crate::rl::moments::Normalizer;
use crate::rl::network::Network;
use crate::rl::rollout::beside;
use crate::rl::table::Table;
use crate::sim::{Knobs, Telemetry, Totals};
use crate::units::SimTime;

fn choices() -> env::settings::Action {
    env::settings::Action::choices()
}

fn policy() -> Policy {
    let settings = env::Settings { action: choices(), ..env::Settings::default() };
    let card = Card::new(&settings, &Settings { hidden: vec![8], ..Settings::default() }, Vec::new(), &[], "");
    Policy::new(card, Brain::Network(perceptron(3)))
}

fn perceptron(seed: u64) -> Perceptron {
    let network = network(0);
    Perceptron::actor(&network, &theta(&network, seed), normalizer())
}

fn network(width: usize) -> Network {
    let sizes = Actions::new(&choices()).distributions();
    Network::remembering(observation::LENGTH, 4, &sizes, &[8], 1, width)
}

fn theta(network: &Network, seed: u64) -> Vec<f32> {
    network.initialize(seed, &[0.0; 4], 0.5)
}

fn normalizer() -> Normalizer {
    Normalizer { mean: vec![0.5; observation::LENGTH], scale: vec![2.0; observation::LENGTH] }
}

/// Numbers that the policy of [`remembering`] remembers.
const WIDTH: usize = 5;

/// A policy with a memory, its network and its parameters.
fn remembering() -> (Policy, Network, Vec<f32>) {
    let network = network(WIDTH);
    let theta = theta(&network, 4);
    let brain = Brain::Network(Perceptron::actor(&network, &theta, normalizer()));
    (Policy::new(Card { memory: WIDTH, ..policy().card }, brain), network, theta)
}

/// One of each kind.
fn policies() -> [Policy; 4] {
    let sizes = Actions::new(&choices()).distributions();
    let mut table = Table::new(&[0.5; observation::LENGTH], observation::LENGTH, &[3, 1], 3, &sizes);
    table.values[7] = 1.5;
    table.visits[7] = 2.0;
    let batch = Brain::Batch { values: perceptron(1), behaviour: perceptron(2), threshold: 0.25 };
    let of = |brain| Policy::new(policy().card, brain);
    [policy(), of(Brain::Table(table)), of(batch), remembering().0]
}

/// A decision at the `step`-th of steps of 15 s, on a load that goes up and down.
fn decide(flight: &mut Flight, step: usize) {
    decide_beside(flight, step, None);
}

/// The same beside an HPA with these knobs.
fn decide_beside(flight: &mut Flight, step: usize, knobs: Option<Knobs>) {
    let load: Vec<f32> = (0..40 + step).map(|i| 3.0 + (i as f32 * 0.4).sin()).collect();
    let telemetry = Telemetry {
        load: &load,
        second_of_day: None,
        spec_replicas: 2,
        ready: 2,
        starting: 0,
        utilization: Some(0.5),
        backlog_s: 0.0,
        knobs,
        totals: &Totals::default(),
        gauges: None,
    };
    flight.decide(SimTime::from_secs(15 * step as i64), &telemetry);
}

fn saved(archive: &Archive) -> (tempfile::TempDir, std::path::PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("policy.safetensors");
    archive.write(&mut std::fs::File::create(&path).unwrap()).unwrap();
    (directory, path)
}

#[test]
fn a_policy_is_read_back_as_it_was() {
    for policy in policies() {
        let (_directory, path) = saved(&policy.pack());
        assert_eq!(Policy::load(&path).unwrap(), policy);
    }
}

#[test]
fn the_policy_that_ships_is_of_this_version_and_needs_no_search() {
    let shipped = Policy::shipped();
    assert!(shipped.card.shared.is_some() && shipped.start("pool4", "cluster4").is_none());
    assert!(SHIPPED.len() < 1 << 20, "small enough for a repository");
}

#[test]
fn a_policy_of_another_observation_is_refused_by_name() {
    let mut archive = policy().pack();
    archive.header["observation"][1] = "memory".into();
    let (_directory, path) = saved(&archive);
    let error = Policy::load(&path).unwrap_err();
    assert!(
        error.to_string().ends_with("`observation`: its observation has memory where this program has level_10m_ln")
    );
    assert_eq!(error.place.file.as_deref(), Some(path.as_path()));
}

#[test]
fn a_policy_whose_heads_and_settings_differ_is_refused() {
    let mut archive = policy().pack();
    archive.header["env"]["action"]["target_cpu"] = serde_json::json!([30.0]);
    let (_directory, path) = saved(&archive);
    assert!(Policy::load(&path).unwrap_err().to_string().contains("target_cpu(keep 30 %)"));
}

#[test]
fn a_policy_without_its_weights_is_refused() {
    let mut archive = policy().pack();
    archive.tensors.remove("actor.1.bias");
    let (_directory, path) = saved(&archive);
    assert!(Policy::load(&path).unwrap_err().to_string().contains("\"actor.1.bias\" is missing"));
}

/// What the policy's file is refused with, after a change to its header.
fn refused(policy: &Policy, change: impl Fn(&mut serde_json::Value)) -> InputError {
    let mut archive = policy.pack();
    change(&mut archive.header);
    Policy::load(&saved(&archive).1).unwrap_err()
}

#[test]
fn only_networks_remember_and_not_without_end() {
    let [network, table, batch, _] = policies();
    for policy in [table, batch] {
        let error = refused(&policy, |header| header["memory"] = 3.into());
        assert!(error.to_string().contains("`memory`: it remembers 3 numbers, which only"), "{error}");
    }
    let error = refused(&network, |header| header["memory"] = 2000.into());
    assert!(error.to_string().ends_with("`memory`: it remembers 2000 numbers, more than 1024"), "{error}");
}

#[test]
fn a_broken_env_is_told_before_what_follows_from_it() {
    for (key, value, field) in
        [("episode", "soon".into(), "env"), ("observation", serde_json::json!({"frames": 0}), "env.observation.frames")]
    {
        let error = refused(&policy(), |header| {
            header["env"][key] = value.clone();
            header["observation"][1] = "memory".into();
        });
        assert_eq!(error.field.as_deref(), Some(field), "{error}");
    }
}

#[test]
fn a_start_that_weighs_forecasts_needs_a_forecaster() {
    let weighing = |feature: usize| {
        let mut linear = Linear { pods: [0.0; FEATURES], target: [0.0; FEATURES] };
        linear.target[feature] = 0.5;
        Policy::new(Card { shared: Some(linear), ..policy().card }, policy().brain().clone())
    };
    let error = refused(&weighing(PLAIN), |_| ());
    assert!(
        error.to_string().ends_with("`forecaster`: its start weighs forecasts, and it has no forecaster"),
        "{error}"
    );
    let (_directory, path) = saved(&weighing(PLAIN - 1).pack());
    assert!(Policy::load(&path).is_ok());
}

#[test]
fn a_policy_at_work_remembers_and_decides_as_the_actor_does_while_it_collects() {
    let (policy, network, theta) = remembering();
    let unit = network.memory.as_ref().unwrap();
    let (mut memory, mut gates, mut inputs) = (vec![0.0; WIDTH], Default::default(), Vec::new());
    let (mut buffers, mut action) = (Buffers::default(), vec![0.0; network.heads.len()]);
    let mut flight = policy.flight(Pilot::default());
    for step in 0..20 {
        decide(&mut flight, step);
        unit.step(&theta, &flight.observation, &mut memory, &mut gates);
        assert_eq!(flight.memory(), memory, "step {step}");
        beside(&flight.observation, &memory, 1, &mut inputs);
        heads::likeliest(network.actor.forward(&theta, &inputs, &mut buffers), &network.heads, &mut action);
        assert_eq!(flight.action, action, "step {step}");
    }
    let pilot = flight.pilot().clone();
    let mut again = policy.flight(pilot).recalling(memory).unwrap();
    decide(&mut flight, 20);
    decide(&mut again, 20);
    assert_eq!(flight.memory(), again.memory());
}

#[test]
fn only_what_a_unit_can_remember_is_recalled() {
    let flight = || remembering().0.flight(Pilot::default());
    for memory in [Vec::new(), vec![1.0, -1.0, 0.0, 0.5, -0.5]] {
        assert_eq!(flight().recalling(memory.clone()).unwrap().memory(), memory);
    }
    for memory in [vec![0.0; WIDTH - 1], vec![f32::NAN; WIDTH], vec![1.1; WIDTH]] {
        assert!(flight().recalling(memory).unwrap_err().to_string().contains("the policy 5 from -1 to 1"));
    }
    assert!(policy().flight(Pilot::default()).recalling(vec![0.0]).is_err());
}

#[test]
fn a_policy_that_does_not_normalise_does_not_know_how_far_it_is() {
    let known = |policy: &Policy| {
        let mut flight = policy.flight(Pilot::default());
        decide(&mut flight, 0);
        flight.distance().known()
    };
    let plain = Perceptron { normalizer: Normalizer::identity(observation::LENGTH), ..perceptron(3) };
    assert_eq!(known(&Policy::new(policy().card, Brain::Network(plain))), None);
    assert!(known(&policy()).is_some());
}
