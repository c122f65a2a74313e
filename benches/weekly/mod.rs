//! What benches of learning share: the weekly trace that ships as scenarios, and a run of learning on them.

use std::time::Duration;

use hpatune::config::Experiment;
use hpatune::env::{Scenario, Shares, Start};
use hpatune::rl::Session;
use hpatune::rl::device::Device;
use hpatune::rl::policy::Card;
use hpatune::trace::synth::{Profile, Recipe};

/// One scenario a function of `days` of weekly traffic.
pub(crate) fn scenarios(experiment: &Experiment, days: u64, seed: u64) -> Vec<Scenario> {
    let recipe = Recipe { duration: Duration::from_hours(days * 24), seed, ..Recipe::new(Profile::Weekly) };
    let trace = recipe.synthesize().expect("the recipe is valid");
    let shares = Shares { train: experiment.split.train, validation: experiment.split.validation };
    let (sim, hpa) = (experiment.sim(), &experiment.hpa);
    let one = |series| {
        Scenario::new(series, &trace.header, &sim, hpa, &Start::fixed(hpa), &experiment.env, shares)
            .expect("the trace is long enough")
    };
    trace.functions.iter().map(one).collect()
}

/// A run on scenarios.
pub(crate) fn session(experiment: &Experiment, scenarios: Vec<Scenario>, device: Device) -> Session {
    let card = Card::new(&experiment.env, &experiment.train, Vec::new(), &[], "");
    Session::new(&experiment.train, &experiment.env, scenarios.into(), card, None, None, device)
        .expect("PPO needs no log")
}
