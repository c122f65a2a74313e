//! From telemetry to a patch: what stays the same whether an agent learns, is judged, or runs beside a cluster.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::action::Actions;
use super::observation::Observer;
use super::start::Start;
use crate::autoscalers::linear::{Linear, Proposal};
use crate::forecast::{Demand, Foresight};
use crate::sim::{Knobs, Patch, Telemetry};
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
    observer: Observer,
    demand: Demand,
    /// The HPA's own knobs, as they stood at the first decision.
    own: Option<Knobs>,
    last: Option<SimTime>,
    /// The linear policy that it starts from.
    linear: Option<Linear>,
    /// What it foresees of the load.
    foresight: Option<Foresight>,
}

/// What a [`Pilot`] has to remember from one decision to the next, where the process does not live that long.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Memory {
    /// The HPA's own minReplicas, before any patch.
    pub min_replicas: Replicas,
    /// The HPA's own CPU target in percent, before any patch; `null` when it has none.
    pub target_cpu: Option<i32>,
    /// The HPA's own scale-down stabilisation in seconds, before any patch.
    pub stabilize_down_s: u64,
    /// Share of requests late or dropped, smoothed over 10 and over 60 minutes.
    pub violation_rates: [f64; 2],
}

impl Pilot {
    /// A pilot that decided `elapsed` before `now` and remembers `memory`. `telemetry` will count from zero.
    #[must_use]
    pub fn resume(memory: &Memory, max_replicas: Replicas, now: SimTime, elapsed: Duration) -> Self {
        let own = Knobs {
            target_cpu: memory.target_cpu,
            min_replicas: memory.min_replicas,
            max_replicas,
            stabilize_down: Duration::from_secs(memory.stabilize_down_s),
        };
        let last = Some(SimTime(now.0.saturating_sub(micros(elapsed))));
        Self { observer: Observer::resume(memory.violation_rates), own: Some(own), last, ..Self::default() }
    }

    /// What to remember; `None` before the first decision.
    #[must_use]
    pub fn memory(&self) -> Option<Memory> {
        let own = self.own?;
        Some(Memory {
            min_replicas: own.min_replicas,
            target_cpu: own.target_cpu,
            stabilize_down_s: own.stabilize_down.as_secs(),
            violation_rates: self.observer.rates(),
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

    /// Looks: writes the observation of `now` into `out`. Call it once a decision, in order of time.
    pub fn observe(&mut self, now: SimTime, telemetry: &Telemetry<'_>, interval: Duration, out: &mut [f32]) {
        let own = *self.own.get_or_insert(telemetry.knobs.unwrap_or(STOCK));
        let elapsed = self.last.map_or(interval, |last| now.since(last));
        self.last = Some(now);
        self.demand = Demand::foreseen(telemetry.load, self.foresight.as_ref());
        let minutes = elapsed.as_secs_f64() / 60.0;
        self.observer.observe(telemetry, &self.demand, &own, self.proposal(), minutes, out);
    }

    /// Acts: the patch of an action at the instant last observed.
    #[must_use]
    pub fn patch(&self, actions: &Actions, action: &[f32]) -> Patch {
        actions.patch(action, &self.demand, &self.own.unwrap_or(STOCK), self.proposal())
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
