//! [`Environment`] of HPA tuning: the simulator between decisions, patches as actions, cost as reward.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use rand::RngExt;

use super::action::Actions;
use super::foresight;
use super::observation;
use super::pilot::Pilot;
use super::scenario::Scenario;
use super::{Environment, Settings, Step};
use crate::random::{self, Purpose};
use crate::sim::{LOAD_STEP, Simulation};
use crate::units::SimTime;

/// What an interval did.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Info {
    /// Requests offered.
    pub offered: f64,
    /// Requests late or dropped.
    pub violations: f64,
    /// Cost in pod-seconds over the function's mean load.
    pub cost: f64,
    /// The static HPA's cost over the same interval, in the same unit.
    pub reference: f64,
}

/// The environment. It holds one run at a time.
pub struct Autoscaling {
    scenarios: Arc<[Scenario]>,
    actions: Arc<Actions>,
    settings: Settings,
    episode: Option<Episode>,
}

struct Episode {
    scenario: usize,
    simulation: Simulation,
    pilot: Pilot,
    now: SimTime,
    end: SimTime,
    cost: f64,
}

impl Autoscaling {
    /// Episodes are drawn from `scenarios`, of which there is at least one.
    #[must_use]
    pub fn new(scenarios: Arc<[Scenario]>, actions: Arc<Actions>, settings: Settings) -> Self {
        Self { scenarios, actions, settings, episode: None }
    }

    fn interval(&self) -> Duration {
        self.settings.control_interval
    }

    /// The window and world of the episode of `seed`.
    fn draw(&self, seed: u64) -> (usize, Range<SimTime>, f64) {
        let mut rng = random::stream(seed, Purpose::Episodes, 0);
        let index = rng.random_range(0..self.scenarios.len());
        let train = &self.scenarios[index].train;
        let room = train.end.since(train.start).saturating_sub(self.settings.episode);
        let steps = room.as_secs() / LOAD_STEP.as_secs();
        let start = train.start + LOAD_STEP * rng.random_range(0..=steps) as u32;
        let (least, most) = self.settings.randomize.startup;
        let startup = least * (most / least).powf(rng.random::<f64>());
        (index, start..start + self.settings.episode, startup)
    }
}

impl Environment for Autoscaling {
    type Info = Info;

    fn observation_len(&self) -> usize {
        observation::LENGTH
    }

    fn privileged_len(&self) -> usize {
        foresight::LENGTH
    }

    fn heads(&self) -> Vec<usize> {
        self.actions.sizes()
    }

    fn reset(&mut self, seed: u64) {
        let (index, window, startup) = self.draw(seed);
        let scenario = &self.scenarios[index];
        let mut world = scenario.world.clone();
        world.startup.median = world.startup.median.mul_f64(startup);
        world.startup.p99 = world.startup.p99.mul_f64(startup);
        let simulation = scenario.simulation(&world, seed, window.clone());
        let cost = scenario.pricing.cost(simulation.totals());
        let pilot = Pilot::default();
        self.episode = Some(Episode { scenario: index, simulation, pilot, now: window.start, end: window.end, cost });
    }

    fn step(&mut self, action: &[u8]) -> Step<Info> {
        let interval = self.interval();
        let Some(episode) = &mut self.episode else { return Step::default() };
        let scenario = &self.scenarios[episode.scenario];
        episode.simulation.patch(&episode.pilot.patch(&self.actions, action));
        let before = *episode.simulation.totals();
        let next = episode.now + interval;
        episode.simulation.advance(next);
        let totals = *episode.simulation.totals();
        let unit = scenario.mean_load * interval.as_secs_f64();
        let cost = scenario.pricing.cost(&totals);
        let info = Info {
            offered: totals.offered - before.offered,
            violations: totals.violations() - before.violations(),
            cost: (cost - episode.cost) / unit,
            reference: scenario.reference_cost(episode.now..next) / unit,
        };
        (episode.cost, episode.now) = (cost, next);
        let baseline = if self.settings.reward.reference { info.reference } else { 0.0 };
        Step { reward: baseline - info.cost, terminated: false, truncated: next >= episode.end, info }
    }

    fn observe(&mut self, out: &mut [f32]) {
        let interval = self.interval();
        let Some(episode) = &mut self.episode else { return };
        episode.pilot.observe(episode.now, &episode.simulation.telemetry(), interval, out);
    }

    fn foresee(&self, out: &mut [f32]) {
        let Some(episode) = &self.episode else { return };
        let scenario = &self.scenarios[episode.scenario];
        foresight::foresee(scenario, episode.now, episode.pilot.demand().level, out);
    }
}
