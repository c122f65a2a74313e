//! What a flight's account says of how it decided.

use super::*;
use crate::rl::settings::Algorithm;
use crate::sim::Control;
use crate::units::Replicas;

/// A policy that has learned nothing: it leans by `share` to an action, and its settings say that it did so by `told`.
fn leaning(action: &[f32], share: f64, told: f64) -> Policy {
    let network = network(0);
    let theta = network.initialize(3, action, share);
    let card = Card { config: format!("[train]\ninitial_share = {told}\n"), ..policy().card };
    Policy::new(card, Brain::Network(Perceptron::actor(&network, &theta, normalizer())))
}

/// The same under masks.
fn masked(policy: &Policy) -> Policy {
    let action = env::settings::Action { masks: Some(true), ..choices() };
    let env = env::Settings { action, ..policy.card.env.clone() };
    Policy::new(Card { env, ..policy.card.clone() }, policy.brain().clone())
}

/// Decides ten times beside an HPA that has at most so many replicas.
fn flown(mut flight: Flight, max_replicas: Replicas) -> Option<Control> {
    let stabilize_down = std::time::Duration::from_secs(300);
    let knobs = Knobs { target_cpu: Some(80), min_replicas: 1, max_replicas, stabilize_down };
    (0..10).for_each(|step| decide_beside(&mut flight, step, Some(knobs)));
    flight.decisions().control()
}

fn control(policy: &Policy) -> Control {
    flown(policy.flight(Pilot::default()), 20).unwrap()
}

/// Entropy of a head of so many choices, one of which has the probability `share`.
fn of_share(share: f64, choices: f64) -> f64 {
    -share * share.ln() - (1.0 - share) * ((1.0 - share) / (choices - 1.0)).ln()
}

fn near(found: Option<f64>, wanted: f64, tolerance: f64) {
    assert!(found.is_some_and(|found| (found - wanted).abs() < tolerance), "{found:?} is not {wanted}");
}

#[test]
fn a_policy_that_has_learned_nothing_is_as_undecided_as_its_settings_say_and_nowhere_away() {
    let keep = Actions::new(&choices()).first();
    let first = control(&leaning(&keep, 0.6, 0.6));
    let wanted: f64 = [6.0, 6.0, 8.0, 6.0].map(|choices| of_share(0.6, choices)).iter().sum();
    near(first.entropy, wanted, 0.02);
    near(first.kl, 0.0, 1e-3);
    assert_eq!((first.masked_pct, first.overridden_pct), (None, Some(0.0)));
    let learned = control(&leaning(&keep, 0.6, 0.9));
    let away: f64 = [6.0, 6.0, 8.0, 6.0].map(|_| 0.6 * (0.6_f64 / 0.9).ln() + 0.4 * (0.4_f64 / 0.1).ln()).iter().sum();
    near(learned.kl, away, 0.05);
}

#[test]
fn masks_are_counted_and_leave_less_to_decide() {
    let keep = Actions::new(&choices()).first();
    let free = leaning(&keep, 0.6, 0.6);
    let (open, held) = (control(&free), control(&masked(&free)));
    let share = held.masked_pct.unwrap();
    assert!(share > 0.0 && share < 100.0, "{share}");
    assert!(held.entropy < open.entropy);
    near(held.kl, 0.0, 1e-3);
}

#[test]
fn what_the_bounds_cut_is_overridden() {
    // The peak of a load of 3 to 4 pods, and 3 roots of it more.
    let most = leaning(&[0.0, 2.0, 7.0, 0.0], 0.9, 0.8);
    let share = |max_replicas| flown(most.flight(Pilot::default()), max_replicas).unwrap().overridden_pct;
    assert_eq!((share(20), share(5)), (Some(0.0), Some(100.0)));
}

#[test]
fn what_the_safety_critic_changes_is_overridden() {
    let sizes = [6, 6, 8, 6];
    let mut theta = vec![0.0; observation::LENGTH + 26 + 3];
    theta[observation::LENGTH + 1] = 2.0;
    theta[observation::LENGTH + 26 + 1] = 1.0;
    let archive = |theta: &[f32]| {
        let mut archive = Archive::default();
        archive.insert("safety", &[theta.len()], theta);
        archive
    };
    let safety = serde_json::json!({
        "settings": { "threshold": 0.9, "hidden": 1 },
        "calibration": { "slope": 4.0, "intercept": 0.0 },
        "figures": crate::rl::safety::Figures::default(),
    });
    let safety = serde_json::from_value(safety).unwrap();
    let critic = Critic::unpack(&safety, (observation::LENGTH, &sizes), &archive(&theta)).unwrap();
    let guarded = |choice: f32| {
        let policy = leaning(&[choice, 0.0, 1.0, 0.0], 0.9, 0.8);
        control(&Policy { critic: Some(Arc::new(critic.clone())), ..policy }).overridden_pct
    };
    assert_eq!([0.0, 1.0, 2.0].map(guarded), [Some(100.0), Some(0.0), Some(100.0)], "its second target alone is safe");
}

#[test]
fn what_draws_nothing_says_only_what_was_overridden() {
    let [network, table, batch, remembering] = policies();
    for policy in [network, remembering] {
        let control = control(&policy);
        assert!(control.entropy.is_some() && control.kl.is_some() && control.masked_pct.is_none(), "{control:?}");
        assert_eq!(flown(policy.flight(Pilot::default()).only_if(false), 20), None, "it stays out");
    }
    let values = Policy::new(Card { algorithm: Algorithm::Cql, ..policy().card }, policy().brain().clone());
    let of = |policy: Policy, algorithm| Policy::new(Card { algorithm, ..policy.card.clone() }, policy.brain().clone());
    for policy in [of(table, Algorithm::QLearning), of(batch, Algorithm::Bcq), values] {
        let control = control(&policy);
        assert_eq!((control.entropy, control.masked_pct, control.kl), (None, None, None));
        assert!(control.overridden_pct.is_some());
    }
}
