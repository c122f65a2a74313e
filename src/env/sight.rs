//! What an agent sees, as `[env]` asks for it: a profile of values, performance and limits besides, and how many
//! observations at once.

use super::observation::{self, Observer};
use super::performance::{self, Tracker};
use super::settings::{Bounds, Mode, Performance, Profile, Settings};
use super::{action::Standing, classic};
use crate::sim::{Limits, Telemetry};

/// Values that an agent which resizes pods sees besides, in profile `default`: both limits against those at the start of
/// the episode, as logarithms, and the working set as a share of the memory limit.
const LIMITS: [&str; 3] = ["cpu_limit_ln", "memory_limit_ln", "memory_share"];

/// Which values an observation has.
#[derive(Debug, Clone, PartialEq)]
pub struct Sight {
    profile: Profile,
    bounds: Bounds,
    performance: Vec<Performance>,
    limits: bool,
    frames: usize,
    /// Values of one frame.
    width: usize,
}

/// What is to be seen at a decision.
#[derive(Debug, Clone, Copy)]
pub struct Scene<'a> {
    /// What a monitoring system knows.
    pub telemetry: &'a Telemetry<'a>,
    /// Demand, the HPA's own fields, and what the start proposes.
    pub standing: Standing<'a>,
    /// Time since the decision before.
    pub seconds: f64,
}

/// What has to be remembered between two observations.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Memory {
    pub(super) observer: Observer,
    pub(super) classic: classic::Encoder,
    pub(super) tracker: Tracker,
    /// Limits at the first decision.
    pub(super) first: Option<Limits>,
    /// The frames of the decisions before, the oldest first; none before the first.
    pub(super) frames: Vec<f32>,
}

impl Sight {
    /// What the settings ask for.
    #[must_use]
    pub fn new(settings: &Settings) -> Self {
        let it = &settings.observation;
        let limits = it.profile == Profile::Default && settings.action.mode == Mode::Infrastructure;
        let own = match it.profile {
            Profile::Default => observation::LENGTH,
            Profile::Classic => classic::NAMES.len(),
        };
        Self {
            profile: it.profile,
            bounds: it.classic.clone(),
            performance: it.performance.clone(),
            limits,
            frames: it.frames.max(1),
            width: own + it.performance.len() + if limits { LIMITS.len() } else { 0 },
        }
    }

    /// Number of values in an observation.
    #[must_use]
    pub fn len(&self) -> usize {
        self.frames * self.width
    }

    /// Never: there is always something to see.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        false
    }

    /// The names of the values in order. Those of decisions before come first, with how many decisions ago, as in
    /// `level_ln@-2`.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let own: &[&str] = match self.profile {
            Profile::Default => &observation::NAMES,
            Profile::Classic => &classic::NAMES,
        };
        let own = own.iter().map(|&name| name.to_owned());
        let performance = self.performance.iter().map(|it| format!("performance_{}", it.name()));
        let limits = LIMITS.into_iter().filter(|_| self.limits).map(str::to_owned);
        let frame: Vec<String> = own.chain(performance).chain(limits).collect();
        let at = |ago: usize| {
            let frame = frame.iter();
            frame.map(move |name| if ago == 0 { name.clone() } else { format!("{name}@-{ago}") })
        };
        (0..self.frames).rev().flat_map(at).collect()
    }

    /// What recorded metrics do not tell of what is to be seen, in words; `None` when they tell all.
    #[must_use]
    pub fn unrecorded(&self) -> Option<&'static str> {
        match self.profile {
            Profile::Classic => Some("latencies, memory and queues of the classic profile"),
            Profile::Default if self.limits => Some("the limits of the pods"),
            Profile::Default if !self.performance.is_empty() => Some("performance"),
            Profile::Default => None,
        }
    }

    /// Writes an observation. Call it once a decision, in order of time.
    pub fn look(&self, memory: &mut Memory, scene: &Scene<'_>, out: &mut [f32]) {
        let (past, now) = out.split_at_mut(self.len() - self.width);
        self.frame(memory, scene, now);
        if past.is_empty() {
            return;
        }
        // Before the first decision everything was as it is at it.
        if memory.frames.len() != past.len() {
            memory.frames = now.repeat(self.frames - 1);
        }
        past.copy_from_slice(&memory.frames);
        memory.frames.drain(..self.width);
        memory.frames.extend_from_slice(now);
    }

    fn frame(&self, memory: &mut Memory, scene: &Scene<'_>, out: &mut [f32]) {
        let Scene { telemetry, standing, seconds } = scene;
        let own = out.len() - self.performance.len() - if self.limits { LIMITS.len() } else { 0 };
        let (own, besides) = out.split_at_mut(own);
        match self.profile {
            Profile::Default => {
                let Standing { demand, own: knobs, proposal, .. } = standing;
                memory.observer.observe(telemetry, demand, knobs, *proposal, seconds / 60.0, own);
            }
            Profile::Classic => memory.classic.observe(&self.bounds, telemetry, *seconds, own),
        }
        let (performance, limits) = besides.split_at_mut(self.performance.len());
        if !performance.is_empty() {
            memory.tracker.look(telemetry.totals);
            for (out, &it) in performance.iter_mut().zip(&self.performance) {
                *out = performance::seen(it, memory.tracker.value(it, telemetry));
            }
        }
        if let ([cpu, bytes, share], Some(gauges)) = (limits, &telemetry.gauges) {
            let first = memory.first.get_or_insert(gauges.limits);
            let ratio = |now: f64, then: f64| (now / then.max(1.0)).max(1e-6).ln() as f32;
            *cpu = ratio(f64::from(gauges.limits.cpu.0), f64::from(first.cpu.0));
            *bytes = ratio(gauges.limits.memory.0 as f64, first.memory.0 as f64);
            *share = (gauges.working_set / (gauges.limits.memory.0.max(1) as f64)).min(10.0) as f32;
        }
    }
}

#[cfg(test)]
#[allow(clippy::float_cmp, reason = "what is stacked is copied")]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::forecast::Demand;
    use crate::sim::{Knobs, Totals};

    fn sight(text: &str) -> Sight {
        let settings: Settings = toml::from_str(text).unwrap();
        settings.validate().unwrap();
        Sight::new(&settings)
    }

    /// Looks at a level of `pods`.
    fn look(sight: &Sight, memory: &mut Memory, pods: f32) -> Vec<f32> {
        let load = [pods; 40];
        let own =
            Knobs { target_cpu: Some(80), min_replicas: 1, max_replicas: 40, stabilize_down: Duration::from_secs(300) };
        let (totals, demand) = (Totals::default(), Demand::at(&load));
        let telemetry = Telemetry {
            load: &load,
            second_of_day: None,
            spec_replicas: 2,
            ready: 2,
            starting: 0,
            utilization: Some(0.5),
            backlog_s: 0.0,
            knobs: Some(own),
            totals: &totals,
            gauges: None,
        };
        let standing = Standing { demand: &demand, own: &own, proposal: None, replicas: 2, limits: None };
        let mut out = vec![f32::NAN; sight.len()];
        sight.look(memory, &Scene { telemetry: &telemetry, standing, seconds: 15.0 }, &mut out);
        out
    }

    #[test]
    fn the_default_is_the_plain_observation() {
        let sight = sight("");
        assert_eq!(sight.names(), observation::NAMES);
        assert_eq!(sight.unrecorded(), None);
        assert!(look(&sight, &mut Memory::default(), 3.0).iter().all(|value| value.is_finite()));
    }

    #[test]
    fn a_stack_holds_the_last_observations_the_newest_last() {
        let (single, stacked) = (sight(""), sight("observation.frames = 3"));
        let (mut alone, mut memory) = (Memory::default(), Memory::default());
        let mut seen: Vec<Vec<f32>> = Vec::new();
        for pods in [1.0, 2.0, 5.0, 3.0] {
            seen.push(look(&single, &mut alone, pods));
            let first = seen[0].clone();
            let ago = |n: usize| seen.len().checked_sub(1 + n).map_or(&first, |at| &seen[at]).clone();
            assert_eq!(look(&stacked, &mut memory, pods), [ago(2), ago(1), ago(0)].concat());
        }
        let names = stacked.names();
        assert_eq!(names.len(), 3 * observation::LENGTH);
        assert_eq!((names[0].as_str(), names[2 * observation::LENGTH].as_str()), ("level_ln@-2", "level_ln"));
    }

    #[test]
    fn every_value_has_a_name_and_is_finite() {
        for text in [
            "observation.profile = \"classic\"",
            "observation.performance = [\"in-flight\", \"queue\", \"mean\", \"p50\", \"p90\", \"p99\", \"ewma\", \"deviation\"]",
            "observation = { profile = \"classic\", frames = 4, performance = [\"p90\"] }",
        ] {
            let sight = sight(text);
            assert_eq!(sight.names().len(), sight.len(), "{text}");
            assert!(look(&sight, &mut Memory::default(), 3.0).iter().all(|value| value.is_finite()), "{text}");
            assert!(sight.unrecorded().is_some());
        }
        let limits = sight("action.mode = \"infrastructure\"").names();
        assert_eq!(limits.last().map(String::as_str), Some("memory_share"));
        assert_eq!(sight("action.mode = \"infrastructure\"\nobservation.profile = \"classic\"").len(), 16);
    }
}
