//! [`Environment`] of HPA tuning: the simulator between decisions, patches as actions, cost as reward.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rand::RngExt;

use super::action::Actions;
use super::branch::Branch;
use super::foresight;
use super::performance::Tracker;
use super::pilot::Pilot;
use super::reward::{self, Interval, Pricing};
use super::scenario::Scenario;
use super::settings::{self, Form, Performance};
use super::{Distribution, Environment, Settings, Sight, Step};
use crate::random::{self, Purpose};
use crate::sim::{LOAD_STEP, Patch, Simulation, Totals};
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
    /// The part of `cost` that violations make.
    pub violation_cost: f64,
    /// The part of `reference` that violations make.
    pub reference_violation_cost: f64,
}

/// What a violation is worth in rewards, as a multiple of its price: shared by environments, 1 at first. Change it
/// between updates only.
#[derive(Debug, Clone)]
pub struct Severity(Arc<AtomicU64>);

impl Default for Severity {
    fn default() -> Self {
        Self(Arc::new(AtomicU64::new(1.0_f64.to_bits())))
    }
}

impl Severity {
    /// The multiple.
    #[must_use]
    pub fn get(&self) -> f64 {
        f64::from_bits(self.0.load(Ordering::Relaxed))
    }

    /// Sets the multiple.
    pub fn set(&self, severity: f64) {
        self.0.store(severity.to_bits(), Ordering::Relaxed);
    }
}

/// The environment. It holds one run at a time.
pub struct Autoscaling {
    scenarios: Arc<[Scenario]>,
    actions: Arc<Actions>,
    sight: Sight,
    settings: Settings,
    severity: Severity,
    episode: Option<Episode>,
}

struct Episode {
    scenario: usize,
    simulation: Simulation,
    pilot: Pilot,
    now: SimTime,
    end: SimTime,
    /// Cost so far, and the part of it that violations make.
    cost: (f64, f64),
    /// The interval before; none at first.
    last: Option<Interval>,
    tracker: Tracker,
}

impl Autoscaling {
    /// Episodes are drawn from `scenarios`, of which there is at least one.
    #[must_use]
    pub fn new(scenarios: Arc<[Scenario]>, actions: Arc<Actions>, settings: Settings) -> Self {
        let sight = Sight::new(&settings);
        Self { scenarios, actions, sight, settings, severity: Severity::default(), episode: None }
    }

    /// The same environment, whose rewards weigh violations by a shared `severity`.
    #[must_use]
    pub fn weighing(self, severity: Severity) -> Self {
        Self { severity, ..self }
    }

    /// The index of the scenario that is played; `None` before the first reset.
    #[must_use]
    pub fn scenario(&self) -> Option<usize> {
        self.episode.as_ref().map(|episode| episode.scenario)
    }

    /// What an action would set now; nothing before the first reset.
    #[must_use]
    pub fn would(&self, action: &[f32]) -> Patch {
        self.episode.as_ref().map_or_else(Patch::default, |it| it.pilot.clone().patch(&self.actions, action))
    }

    /// The run as it stands, to be carried on in several ways; `None` before the first reset, at the request level, and
    /// where its autoscaler cannot be copied.
    #[must_use]
    pub fn branch(&self) -> Option<Branch> {
        let episode = self.episode.as_ref()?;
        Some(Branch {
            scenarios: Arc::clone(&self.scenarios),
            scenario: episode.scenario,
            simulation: episode.simulation.fork()?,
            now: episode.now,
            interval: self.interval(),
        })
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

impl Episode {
    /// What the classic reward compares of the interval since `before`, with the performance that it asks for.
    fn interval(&mut self, before: &Totals, pricing: &Pricing, reward: &settings::Reward) -> Interval {
        let interval = pricing.interval(before, self.simulation.totals());
        if reward.form == Form::Levels || reward.performance == Performance::Mean {
            return interval;
        }
        let telemetry = self.simulation.telemetry();
        self.tracker.look(telemetry.totals);
        Interval { performance: self.tracker.value(reward.performance, &telemetry), ..interval }
    }
}

impl Environment for Autoscaling {
    type Info = Info;

    fn observation_len(&self) -> usize {
        self.sight.len()
    }

    fn privileged_len(&self) -> usize {
        foresight::LENGTH
    }

    fn heads(&self) -> Vec<Distribution> {
        self.actions.distributions()
    }

    fn reset(&mut self, seed: u64) {
        let (index, window, startup) = self.draw(seed);
        let scenario = &self.scenarios[index];
        let mut world = scenario.world.clone();
        world.startup.median = world.startup.median.mul_f64(startup);
        world.startup.p99 = world.startup.p99.mul_f64(startup);
        let simulation = scenario.simulation(&world, seed, window.clone());
        let totals = simulation.totals();
        let cost = (scenario.pricing.cost(totals), scenario.pricing.violation_cost(totals));
        let pilot = Pilot::new(scenario.start.linear, scenario.foresight.clone());
        self.episode = Some(Episode {
            scenario: index,
            simulation,
            pilot,
            now: window.start,
            end: window.end,
            cost,
            last: None,
            tracker: Tracker::default(),
        });
    }

    fn step(&mut self, action: &[f32]) -> Step<Info> {
        let interval = self.interval();
        let Some(episode) = &mut self.episode else { return Step::default() };
        let scenario = &self.scenarios[episode.scenario];
        episode.simulation.patch(&episode.pilot.patch(&self.actions, action));
        let before = *episode.simulation.totals();
        let next = episode.now + interval;
        episode.simulation.advance(next);
        let totals = *episode.simulation.totals();
        let unit = scenario.mean_load * interval.as_secs_f64();
        let request = scenario.workload.request_pod_seconds();
        let cost = (scenario.pricing.cost(&totals), scenario.pricing.violation_cost(&totals));
        let info = Info {
            offered: totals.offered - before.offered,
            violations: totals.violations() - before.violations(),
            cost: (cost.0 - episode.cost.0) / unit,
            reference: scenario.reference_cost(episode.now..next) / unit,
            violation_cost: (cost.1 - episode.cost.1) / unit,
            reference_violation_cost: scenario.reference_violation_cost(episode.now..next) / unit,
        };
        (episode.cost, episode.now) = (cost, next);
        let interval = episode.interval(&before, &scenario.pricing, &self.settings.reward);
        let last = episode.last.replace(interval).unwrap_or(interval);
        let extra = self.severity.get() - 1.0;
        let baseline = info.reference + extra * info.reference_violation_cost;
        let baseline = if self.settings.reward.reference { baseline } else { 0.0 };
        let reward = match self.settings.reward.form {
            Form::Levels => baseline - info.cost - extra * info.violation_cost,
            Form::Differences => reward::differences(&last, &interval),
        };
        Step {
            reward,
            cost: info.violations * request / unit,
            exposure: info.offered * request / unit,
            terminated: false,
            truncated: next >= episode.end,
            info,
        }
    }

    fn observe(&mut self, out: &mut [f32]) {
        let interval = self.interval();
        let Some(episode) = &mut self.episode else { return };
        episode.pilot.observe(&self.sight, episode.now, &episode.simulation.telemetry(), interval, out);
    }

    fn is_masked(&self) -> bool {
        self.actions.is_masked()
    }

    fn mask(&self, allowed: &mut [bool]) {
        if let Some(episode) = &self.episode {
            episode.pilot.mask(&self.actions, allowed);
        }
    }

    fn foresee(&self, out: &mut [f32]) {
        let Some(episode) = &self.episode else { return };
        let scenario = &self.scenarios[episode.scenario];
        // Demand is in pods as they are, the load to come in pods as they were.
        let size = episode.simulation.workload().pod().request / scenario.workload.pod().request;
        foresight::foresee(scenario, episode.now, episode.pilot.demand().level * size as f32, out);
    }
}

#[cfg(test)]
#[path = "autoscaling_tests.rs"]
mod tests;
