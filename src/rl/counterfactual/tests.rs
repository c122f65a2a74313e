use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::collect::{Cases, Late};
use super::fit::Fit;
use super::trials::Trials;
use super::{Ground, learn, steps};
use crate::env::{self, Distribution, Scenario, Shares, Start};
use crate::rl::brain::Brain;
use crate::rl::device::Kind;
use crate::rl::failure::Failure;
use crate::rl::file::Archive;
use crate::rl::network::{Buffers, Network};
use crate::rl::policy::{Card, Source};
use crate::rl::settings::Settings;
use crate::rl::{Policy, Session};
use crate::trace::{Header, Series};
use crate::{hpa, sim};

/// Where a value lies between the least and the largest of its head.
fn place(head: Distribution, value: f32) -> f32 {
    if head == Distribution::Categorical(5) { value / 4.0 } else { value }
}

/// Where the one observed value is below 0, the second of five values costs least, where it is above, the fourth.
fn cases(trials: &Trials, dear: f32) -> Cases {
    let mut cases = Cases::new(1, trials.len());
    for row in 0..2000 {
        let seen = if row % 2 == 0 { -1.0 } else { 1.0 };
        let best = if seen < 0.0 { 0.25 } else { 0.75 };
        cases.observations.push(seen);
        cases.scenarios.push(0);
        for value in &trials.heads[0].values {
            let place = place(trials.heads[0].distribution, *value);
            cases.total.push(4.0 * (place - best).abs());
            // The higher the value, the fewer violations.
            cases.violations.push(dear * (0.5 - place));
        }
    }
    cases.late[0] = Late { own: 0.0, reference: 1000.0, decisions: 2000.0 };
    cases
}

fn fitted(head: Distribution, cases: impl Fn(&Trials) -> Cases) -> [f32; 2] {
    let train: Settings =
        toml::from_str("hidden = [8]\ncounterfactual = { epochs = 40, learning_rate = 0.01 }").unwrap();
    let network = Network::new(1, 0, &[head], &train.hidden, 1);
    let trials = Trials::new(&[head], &[if head == Distribution::Categorical(5) { 2.0 } else { 0.5 }], 5);
    let theta = network.initialize(1, &trials.first, 0.5);
    let cases = cases(&trials);
    let fit = Fit { network: &network, cases: &cases, trials: &trials, train: &train, seed: 1 };
    let theta = fit.run(theta, &|| true).unwrap().unwrap();
    [-1.0, 1.0].map(|seen| {
        let mut action = [0.0];
        let mut buffers = Buffers::default();
        crate::rl::heads::likeliest(network.actor.forward(&theta, &[seen], &mut buffers), &[head], &mut action);
        place(head, action[0])
    })
}

#[test]
fn every_kind_of_head_finds_the_value_that_costs_least() {
    for head in [Distribution::Gaussian, Distribution::Beta, Distribution::Categorical(5)] {
        let [low, high] = fitted(head, |trials| cases(trials, 0.0));
        assert!((low - 0.25).abs() < 0.06 && (high - 0.75).abs() < 0.06, "{head:?}: {low} and {high}");
    }
}

/// Violations that fall with the value pull at it only while there are more than are allowed.
#[test]
fn where_too_many_requests_are_late_violations_weigh_more() {
    let late = |own: f64| {
        fitted(Distribution::Gaussian, |trials| {
            let mut cases = cases(trials, 1.0);
            cases.late[0] = Late { own, reference: 200.0, decisions: 2000.0 };
            cases
        })
    };
    let (few, many) = (late(0.0), late(2000.0));
    assert!(many[0] > few[0] + 0.2, "{few:?} {many:?}");
}

fn scenarios(env: &env::Settings) -> Arc<[Scenario]> {
    // Each half hour the load leaps: what the stock HPA follows late.
    let rate = |minute: i32| if minute % 30 < 6 { 6000.0 } else { 1200.0 };
    let series = Series { function: "f".into(), requests: Some((0..720).map(rate).collect()), ..Series::default() };
    let header =
        Header { interval_ms: 60_000, origin_ms: Some(0), source: "t".into(), licence: None, tool: "t".into() };
    let hpa = hpa::Settings { max_replicas: 40, ..hpa::Settings::default() };
    let (world, shares) = (sim::Settings::default(), Shares { train: 0.8, validation: 0.2 });
    [Scenario::new(&series, &header, &world, &hpa, &Start::fixed(&hpa), env, shares).unwrap()].into()
}

#[test]
fn an_actor_is_the_same_on_any_number_of_threads_and_says_how_much_was_simulated() {
    let env: env::Settings = toml::from_str("action.min_base = [\"peak\"]").unwrap();
    let train: Settings = toml::from_str("hidden = [8]\ncounterfactual = { decisions = 240, epochs = 3 }").unwrap();
    let scenarios = scenarios(&env);
    let ground = Ground { scenarios: &scenarios, env: &env, train: &train, seed: 3 };
    let heads = [Distribution::Categorical(1), Distribution::Gaussian];
    let network = Network::new(40, 0, &heads, &train.hidden, 1);
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| learn(&ground, &network, None, &|| true)).unwrap().unwrap()
    };
    let (one, two) = (run(1), run(2));
    assert_eq!(one, two);
    // 240 decisions an episode, of which every fourth whose horizon of twelve lies within is taken up: 57.
    assert_eq!(one.1, 4 * 57);
    assert_eq!(steps(&ground), 4 * (240 + 57 * 6 * 12));
    let first = network.initialize(3, &[0.0, 0.5], train.initial_share);
    assert_ne!(one.0.theta, first[..one.0.theta.len()], "it has learned");
    assert!(learn(&ground, &network, None, &|| false).unwrap().is_none(), "it can be stopped");
}

#[test]
fn what_learning_goes_on_from_is_fitted_on_and_keeps_its_normalisation() {
    let mut first = session("epochs = 3");
    first.warm_start(&|| true).unwrap();
    let taught = first.policy();
    let Brain::Network(teacher) = taught.brain() else { panic!("ppo has a network") };
    let mut on = session_from("epochs = 3", Some(&taught));
    on.warm_start(&|| true).unwrap();
    let policy = on.policy();
    let Brain::Network(actor) = policy.brain() else { panic!("ppo has a network") };
    assert_ne!(actor.theta, teacher.theta);
    assert_eq!(actor.normalizer, teacher.normalizer);
    let apart = |one: &[f32], two: &[f32]| one.iter().zip(two).map(|(one, two)| (one - two).powi(2)).sum::<f32>();
    let Brain::Network(fresh) = session("epochs = 3").policy().brain().clone() else { panic!("ppo has a network") };
    assert!(apart(&actor.theta, &teacher.theta) < apart(&actor.theta, &fresh.theta), "it begins with the teacher's");
}

#[test]
fn where_actions_depend_on_what_was_done_before_nothing_is_tried() {
    for (env, train) in [
        ("action.cooldown = \"5m\"", ""),
        ("action.mode = \"direct\"", ""),
        ("action.min_base = [\"current\"]", ""),
        ("reward.form = \"differences\"", ""),
        ("", "algorithm = \"ppo-lagrangian\""),
        ("", "memory = \"gru\""),
        ("", "counterfactual.decisions = 0"),
        ("action.min_safety = [0.0]\naction.head = \"discrete\"", ""),
    ] {
        let usual: env::Settings = env::Settings::default();
        let scenarios = scenarios(&usual);
        let (env, train): (env::Settings, Settings) = (toml::from_str(env).unwrap(), toml::from_str(train).unwrap());
        let ground = Ground { scenarios: &scenarios, env: &env, train: &train, seed: 0 };
        assert_eq!(steps(&ground), 0, "{:?} {:?}", env.action, train.algorithm);
    }
}

fn session(keys: &str) -> Session {
    session_from(keys, None)
}

/// A run that goes on from a policy where there is one.
fn session_from(keys: &str, teacher: Option<&Policy>) -> Session {
    session_of(keys, teacher, teacher.is_some())
}

/// A run that goes on from another where it was `taught`; one that is resumed does not have the `teacher` any more.
fn session_of(keys: &str, teacher: Option<&Policy>, taught: bool) -> Session {
    let env: env::Settings = toml::from_str("action.min_base = [\"peak\"]").unwrap();
    let train: Settings =
        toml::from_str(&format!("hidden = [8]\nn_envs = 8\n[counterfactual]\ndecisions = 240\n{keys}")).unwrap();
    let from = taught.then(|| Source { path: "t.safetensors".to_owned(), sha256: "ab".to_owned() });
    let card = Card { from, ..Card::new(&env, &train, Vec::new(), &[], "") };
    Session::new(&train, &env, scenarios(&env), card, None, teacher, Kind::Cpu.open().unwrap()).unwrap()
}

fn saved(session: &Session) -> Vec<u8> {
    let mut bytes = Vec::new();
    session.save(&mut bytes).unwrap();
    bytes
}

#[test]
fn a_fit_that_is_interrupted_leaves_nothing_and_begins_anew() {
    let mut teacher = session("epochs = 2");
    teacher.warm_start(&|| true).unwrap();
    for teacher in [None, Some(&teacher.policy())] {
        let new = || session_from("epochs = 3", teacher);
        let mut whole = new();
        assert_eq!(whole.warm_start(&|| true).unwrap(), Some(4 * 57));
        let (untouched, fitted) = (saved(&new()), saved(&whole));
        assert_ne!(untouched, fitted);
        // What is resumed knows its teacher from the checkpoint alone.
        let resume = |bytes: &[u8]| {
            let mut resumed = session_of("epochs = 3", None, teacher.is_some());
            resumed.restore(&Archive::parse(bytes).unwrap()).unwrap();
            resumed
        };
        // Asked before each of four episodes and of three passes.
        for asked in [0, 2, 5] {
            let mut stopped = new();
            let left = AtomicU32::new(asked);
            let go_on = || left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok();
            assert_eq!(stopped.warm_start(&go_on).unwrap(), None);
            assert_eq!(saved(&stopped), untouched, "stopped after {asked}");
            let mut resumed = resume(&saved(&stopped));
            resumed.warm_start(&|| true).unwrap();
            assert_eq!(saved(&resumed), fitted, "resumed after {asked}");
        }
        // What was saved between the fit and the first update is not fitted again.
        let mut again = resume(&fitted);
        assert_eq!(again.warm_start(&|| true).unwrap(), Some(0));
        assert_eq!(saved(&again), fitted);
    }
}

#[test]
fn a_fit_that_diverges_says_so_and_changes_nothing() {
    let mut wild = session("epochs = 3\nlearning_rate = 1e38");
    let untouched = saved(&wild);
    assert!(matches!(wild.warm_start(&|| true), Err(Failure::Unfit { value }) if !value.is_finite()));
    assert_eq!(saved(&wild), untouched);
}
