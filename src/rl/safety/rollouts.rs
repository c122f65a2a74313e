//! What the critic learns from: the finished policy at work, with random actions in between.

use std::ops::Range;
use std::sync::Arc;

use rand::RngExt;
use rayon::prelude::*;

use super::net::Samples;
use super::settings::Settings;
use crate::env::distribution::choice;
use crate::env::{self, Actions, Autoscaling, Environment, Scenario};
use crate::error::InputError;
use crate::random::{self, Purpose};
use crate::rl::Policy;
use crate::rl::network::Buffers;
use crate::units::SimTime;

/// Which part of each function's time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Training time.
    Train,
    /// The first half of validation time.
    Calibrate,
    /// The second half of validation time.
    Report,
}

impl Part {
    fn of(self, scenario: &Scenario) -> Range<SimTime> {
        let all = &scenario.validation;
        let middle = SimTime(i64::midpoint(all.start.0, all.end.0));
        match self {
            Self::Train => scenario.train.clone(),
            Self::Calibrate => all.start..middle,
            Self::Report => middle..all.end,
        }
    }
}

/// The policy's decisions on a part of all functions' time, `decisions` or a few more, each with what followed.
///
/// A decision is safe when no more of the requests of the next `settings.horizon` intervals than the objective allows
/// were late or dropped. The last decisions of an episode, whose future is not known, are left out.
///
/// # Errors
/// The part is shorter than the horizon on some function.
pub fn collect(
    policy: &Policy,
    scenarios: &[Scenario],
    settings: &Settings,
    part: Part,
    decisions: u64,
    seed: u64,
) -> Result<Samples, InputError> {
    let env = &policy.card().env;
    let needed = env.control_interval * (settings.horizon as u32 + 1);
    let mut world = env.clone();
    let mut cut = Vec::with_capacity(scenarios.len());
    for scenario in scenarios {
        let window = part.of(scenario);
        let length = window.end.since(window.start);
        if length < needed {
            let problem = format!(
                "function {:?} has {} of time to judge safety on, and the horizon takes {}",
                scenario.workload.function(),
                crate::units::friendly(length),
                crate::units::friendly(needed)
            );
            let help = "lower train.safety.horizon, raise split.validation, or give a longer trace";
            return Err(InputError::new(problem, help).field("train.safety.horizon"));
        }
        world.episode = world.episode.min(length);
        let mut part = scenario.clone();
        part.train = window;
        cut.push(part);
    }
    let scenarios: Arc<[Scenario]> = cut.into();
    let per_episode = (world.steps().saturating_sub(settings.horizon) + 1).max(1) as u64;
    let episode = |index: u64| {
        let player = Player { policy, scenarios: &scenarios, env: &world, settings };
        player.play(seed, (part as u64) << 32 | index)
    };
    let all: Vec<Samples> = (0..decisions.div_ceil(per_episode)).into_par_iter().map(episode).collect();
    let mut samples = Samples::default();
    for one in all {
        samples.append(one);
    }
    Ok(samples)
}

struct Player<'a> {
    policy: &'a Policy,
    scenarios: &'a Arc<[Scenario]>,
    env: &'a env::Settings,
    settings: &'a Settings,
}

impl Player<'_> {
    /// One episode.
    fn play(&self, seed: u64, index: u64) -> Samples {
        let actions = Arc::new(Actions::new(&self.env.action));
        let heads = self.policy.choices().unwrap_or_default();
        let mut env = Autoscaling::new(Arc::clone(self.scenarios), actions, self.env.clone());
        let mut rng = random::stream(seed, Purpose::Safety, index);
        env.reset(rng.random());
        let mut samples = Samples::default();
        let (mut counts, mut buffers) = (Vec::new(), Buffers::default());
        let mut observation = vec![0.0; env.observation_len()];
        let mut action = vec![0.0; heads.len()];
        for _ in 0..self.env.steps() {
            env.observe(&mut observation);
            self.policy.act(&mut observation, &mut buffers, &mut action);
            if rng.random::<f64>() < self.settings.explore {
                for (number, &size) in action.iter_mut().zip(&heads) {
                    *number = rng.random_range(0..size as u32) as f32;
                }
            }
            samples.observations.extend_from_slice(&observation);
            samples.actions.extend(action.iter().map(|&number| choice(number) as u8));
            let info = env.step(&action).info;
            counts.push((info.offered, info.violations));
        }
        let allowed = 1.0 - self.scenarios[env.scenario().unwrap_or(0)].world.slo.target.fraction();
        samples.safe = futures(&counts, self.settings.horizon, allowed);
        samples.observations.truncate(samples.safe.len() * observation.len());
        samples.actions.truncate(samples.safe.len() * heads.len());
        samples
    }
}

/// Whether at most a share `allowed` of the requests offered in the next `horizon` intervals, of `(offered, violations)`
/// each, were late or dropped: one answer for each interval whose future is known.
fn futures(counts: &[(f64, f64)], horizon: usize, allowed: f64) -> Vec<bool> {
    let safe = |ahead: &[(f64, f64)]| {
        let (offered, violations) = ahead.iter().fold((0.0, 0.0), |sum, it| (sum.0 + it.0, sum.1 + it.1));
        violations <= allowed * offered + 1e-9
    };
    counts.windows(horizon).map(safe).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decision_is_safe_when_its_horizon_stays_within_the_objective() {
        let counts = [(100.0, 0.0), (100.0, 2.0), (100.0, 1.0), (0.0, 0.0), (0.0, 0.0)];
        assert_eq!(futures(&counts, 2, 0.01), [true, false, true, true]);
        assert_eq!(futures(&counts, 5, 0.01), [true]);
        assert!(futures(&counts, 6, 0.01).is_empty(), "no future is known that far");
    }
}
