//! From telemetry to a patch: what stays the same whether an agent learns, is judged, or runs beside a cluster.

mod memory;

use std::time::Duration;

pub use self::memory::Memory;
use super::action::{Actions, Standing};
use super::observation::Observer;
use super::sight::{self, Scene, Sight};
use super::start::Start;
use crate::autoscalers::linear::{Linear, Proposal};
use crate::forecast::{Demand, Foresight};
use crate::sim::{Knobs, Limits, Patch, Telemetry};
use crate::units::{Replicas, SimTime, micros};

/// What stands for the knobs of an autoscaler that has none: `autoscaling/v2`'s defaults.
const STOCK: Knobs = Knobs {
    target_cpu: Some(80),
    min_replicas: 1,
    max_replicas: Replicas::MAX,
    stabilize_down: Duration::from_secs(300),
};

/// Keeps what lies between two decisions of one function.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Pilot {
    eyes: sight::Memory,
    demand: Demand,
    /// Replicas and limits as they were last observed.
    replicas: Replicas,
    limits: Option<Limits>,
    /// The last action, and when it changed something; only where there is a cool-down.
    action: Option<Vec<f32>>,
    changed: Option<SimTime>,
    /// Whether patches change maxReplicas.
    pins: bool,
    /// The HPA's own knobs, as they stood at the first decision.
    own: Option<Knobs>,
    last: Option<SimTime>,
    /// The linear policy that it starts from.
    linear: Option<Linear>,
    /// What it foresees of the load.
    foresight: Option<Foresight>,
}

impl Pilot {
    /// A pilot that decided `elapsed` before `now` and remembers `memory`. `telemetry` will count from zero.
    #[must_use]
    pub fn resume(memory: &Memory, max_replicas: Replicas, now: SimTime, elapsed: Duration) -> Self {
        let own = Knobs {
            target_cpu: memory.target_cpu,
            min_replicas: memory.min_replicas,
            max_replicas: memory.max_replicas.unwrap_or(max_replicas),
            stabilize_down: Duration::from_secs(memory.stabilize_down_s),
        };
        let last = SimTime(now.0.saturating_sub(micros(elapsed)));
        let eyes = sight::Memory {
            observer: Observer::resume(memory.violation_rates),
            frames: memory.frames.clone(),
            ..sight::Memory::default()
        };
        let (action, since) = memory.last.clone().unzip();
        let changed = since.flatten().map(|seconds| SimTime(last.0.saturating_sub((seconds * 1e6) as i64)));
        let pins = memory.max_replicas.is_some();
        Self { eyes, own: Some(own), last: Some(last), action, changed, pins, ..Self::default() }
    }

    /// What to remember; `None` before the first decision.
    #[must_use]
    pub fn memory(&self) -> Option<Memory> {
        let own = self.own?;
        Some(Memory {
            min_replicas: own.min_replicas,
            max_replicas: self.pins.then_some(own.max_replicas),
            target_cpu: own.target_cpu,
            stabilize_down_s: own.stabilize_down.as_secs(),
            violation_rates: self.eyes.observer.rates(),
            frames: self.eyes.frames.clone(),
            last: self.action.clone().map(|action| {
                let ago = self.changed.zip(self.last).map(|(changed, last)| last.since(changed).as_secs_f64());
                (action, ago)
            }),
        })
    }

    /// A pilot that starts from a linear policy, or from the HPA alone, with what it foresees where it does.
    #[must_use]
    pub fn new(linear: Option<Linear>, foresight: Option<Foresight>) -> Self {
        Self::default().with(linear, foresight)
    }

    /// A pilot of a start, on time that its forecaster has not learned from.
    #[must_use]
    pub fn of(start: &Start) -> Self {
        Self::new(start.linear, start.foresight())
    }

    /// The same pilot with this linear policy to start from, and this foresight.
    #[must_use]
    pub fn with(self, linear: Option<Linear>, foresight: Option<Foresight>) -> Self {
        Self { linear, foresight, ..self }
    }

    /// Looks: writes the observation of `now` into `out`, as `sight` has it. Call it once a decision, in order of time.
    pub fn observe(
        &mut self,
        sight: &Sight,
        now: SimTime,
        telemetry: &Telemetry<'_>,
        interval: Duration,
        out: &mut [f32],
    ) {
        self.own.get_or_insert(telemetry.knobs.unwrap_or(STOCK));
        let elapsed = self.last.map_or(interval, |last| now.since(last));
        self.last = Some(now);
        self.demand = Demand::foreseen(telemetry.load, self.foresight.as_ref());
        self.replicas = telemetry.spec_replicas;
        self.limits = telemetry.gauges.map(|gauges| gauges.limits);
        let mut eyes = std::mem::take(&mut self.eyes);
        let own = self.own.unwrap_or(STOCK);
        let scene = Scene { telemetry, standing: self.standing(&own), seconds: elapsed.as_secs_f64() };
        sight.look(&mut eyes, &scene, out);
        self.eyes = eyes;
    }

    /// What an action is counted from at the instant last observed.
    fn standing<'a>(&'a self, own: &'a Knobs) -> Standing<'a> {
        let Self { demand, replicas, limits, .. } = self;
        Standing { demand, own, proposal: self.proposal(), replicas: *replicas, limits: *limits }
    }

    /// Acts: the patch of an action at the instant last observed.
    pub fn patch(&mut self, actions: &Actions, action: &[f32]) -> Patch {
        let own = self.own.unwrap_or(STOCK);
        let patch = actions.patch(action, &self.standing(&own));
        self.pins |= patch.max_replicas.is_some();
        if !actions.cooldown().is_zero() {
            if actions.changes(action, self.action.as_deref(), &patch, &self.standing(&own)) {
                self.changed = self.last;
            }
            self.action = Some(action.to_vec());
        }
        patch
    }

    /// Whether bounds cut an action at the instant last observed: see [`Actions::is_cut`].
    #[must_use]
    pub fn is_cut(&self, actions: &Actions, action: &[f32]) -> bool {
        actions.is_cut(action, &self.standing(&self.own.unwrap_or(STOCK)))
    }

    /// Leaves the start as it is: the patch of no agent.
    #[must_use]
    pub fn stay(&self, actions: &Actions) -> Patch {
        actions.stay(&self.standing(&self.own.unwrap_or(STOCK)))
    }

    /// Forbids choices at the instant last observed: see [`Actions::mask`].
    pub fn mask(&self, actions: &Actions, allowed: &mut [bool]) {
        let rests = |changed: SimTime| self.last.is_some_and(|now| now.since(changed) < actions.cooldown());
        let fits = |action: &&[f32]| action.len() == actions.heads().len() && self.changed.is_some_and(rests);
        let held = self.action.as_deref().filter(fits);
        actions.mask(&self.standing(&self.own.unwrap_or(STOCK)), held, allowed);
    }

    fn proposal(&self) -> Option<Proposal> {
        self.linear.map(|linear| linear.propose(&self.demand))
    }

    /// Demand at the instant last observed.
    #[must_use]
    pub fn demand(&self) -> &Demand {
        &self.demand
    }
}
