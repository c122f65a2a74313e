//! From telemetry to a patch: what stays the same whether an agent learns, is judged, or runs beside a cluster.

use std::time::Duration;

use super::action::Actions;
use super::observation::Observer;
use crate::forecast::Demand;
use crate::sim::{Knobs, Patch, Telemetry};
use crate::units::{Replicas, SimTime};

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
}

impl Pilot {
    /// Looks: writes the observation of `now` into `out`. Call it once a decision, in order of time.
    pub fn observe(&mut self, now: SimTime, telemetry: &Telemetry<'_>, interval: Duration, out: &mut [f32]) {
        let own = *self.own.get_or_insert(telemetry.knobs.unwrap_or(STOCK));
        let elapsed = self.last.map_or(interval, |last| now.since(last));
        self.last = Some(now);
        self.demand = Demand::at(telemetry.load);
        self.observer.observe(telemetry, &self.demand, f64::from(own.min_replicas), elapsed.as_secs_f64() / 60.0, out);
    }

    /// Acts: the patch of an action at the instant last observed.
    #[must_use]
    pub fn patch(&self, actions: &Actions, action: &[u8]) -> Patch {
        actions.patch(action, &self.demand, &self.own.unwrap_or(STOCK))
    }

    /// Demand at the instant last observed.
    #[must_use]
    pub fn demand(&self) -> &Demand {
        &self.demand
    }
}
