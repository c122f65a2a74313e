//! From telemetry to a patch: what stays the same whether an agent learns, is judged, or runs beside a cluster.

use std::time::Duration;

use super::action::Actions;
use super::observation::Observer;
use crate::forecast::Demand;
use crate::sim::{Patch, Telemetry};
use crate::units::{Replicas, SimTime};

/// Keeps what lies between two decisions of one function.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Pilot {
    observer: Observer,
    demand: Demand,
    /// The HPA's own bounds, as they stood at the first decision.
    bounds: Option<(Replicas, Replicas)>,
    last: Option<SimTime>,
}

impl Pilot {
    /// Looks: writes the observation of `now` into `out`. Call it once a decision, in order of time.
    pub fn observe(&mut self, now: SimTime, telemetry: &Telemetry<'_>, interval: Duration, out: &mut [f32]) {
        let knobs = telemetry.knobs;
        let (floor, _) =
            *self.bounds.get_or_insert(knobs.map_or((1, Replicas::MAX), |it| (it.min_replicas, it.max_replicas)));
        let elapsed = self.last.map_or(interval, |last| now.since(last));
        self.last = Some(now);
        self.demand = Demand::at(telemetry.load);
        self.observer.observe(telemetry, &self.demand, f64::from(floor), elapsed.as_secs_f64() / 60.0, out);
    }

    /// Acts: the patch of an action at the instant last observed.
    #[must_use]
    pub fn patch(&self, actions: &Actions, action: &[u8]) -> Patch {
        let (floor, ceiling) = self.bounds.unwrap_or((1, Replicas::MAX));
        actions.patch(action, &self.demand, floor, ceiling)
    }

    /// Demand at the instant last observed.
    #[must_use]
    pub fn demand(&self) -> &Demand {
        &self.demand
    }
}
