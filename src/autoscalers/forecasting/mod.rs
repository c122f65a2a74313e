//! An HPA that forecasts: beside what the metrics say, a model says how many replicas will be wanted, and the larger
//! number goes through stabilisation, policies and bounds.
//!
//! `predictive-linear` and `predictive-holt-winters` are jthomperoo's `PredictiveHorizontalPodAutoscaler`, which models the
//! replica counts that the metrics led to. Counts follow the load late and are whole numbers, so `predictive-load` has
//! the same models and a ridge regression on the load itself, as far ahead as pods take to start.
//! Source: jthomperoo/predictive-horizontal-pod-autoscaler `internal/controllers`, `internal/prediction`, `algorithms`.
//! Left out: decisions other than the maximum, alignment and reset of histories, tuning by hooks.

mod counts;
mod learned;
mod load;
mod starts;

use std::time::Duration;

use super::HpaAutoscaler;
use crate::hpa;
use crate::hpa::spec::{Behavior, ScalingRules};
use crate::sim::{Autoscaler, Knobs, Patch, View};
use crate::units::{Replicas, SimTime};

pub use counts::{HoltWintersCounts, LinearCounts};
pub use learned::Learned;
pub use load::{Candidate, LoadForecast};

/// What says how many replicas will be wanted.
pub trait Model: Send {
    /// The replicas to have at least, at a sync whose metrics lead to `count`; `None` when it cannot say.
    fn predict(&mut self, now: SimTime, count: Replicas, view: &View<'_>) -> Option<Replicas>;
}

/// An HPA and a model, of which the larger number counts.
#[derive(Debug, Clone)]
pub struct Forecasting<M> {
    hpa: HpaAutoscaler,
    model: M,
}

impl<M: Model> Forecasting<M> {
    /// The HPA of `[hpa]` with a model.
    #[must_use]
    pub fn new(settings: &hpa::Settings, model: M) -> Self {
        Self { hpa: HpaAutoscaler::new(settings), model }
    }

    /// As the `PredictiveHorizontalPodAutoscaler` is by default where it differs from Kubernetes: CPU counts 30 s after a
    /// pod's start, and without `behavior` all pods may go in 60 s rather than 15 s.
    #[must_use]
    pub fn project(settings: &hpa::Settings, model: M) -> Self {
        let mut spec = settings.spec();
        let minute = Duration::from_secs(60);
        spec.behavior.get_or_insert_with(|| {
            let mut scale_down = ScalingRules::default_down();
            scale_down.policies.iter_mut().for_each(|policy| policy.period = minute);
            Behavior { scale_up: ScalingRules::default_up(), scale_down }
        });
        let flags = hpa::Flags { cpu_initialization_period: Duration::from_secs(30), ..settings.flags() };
        Self { hpa: HpaAutoscaler::from_spec(spec, flags), model }
    }
}

impl<M: Model> Autoscaler for Forecasting<M> {
    fn period(&self) -> Duration {
        self.hpa.period()
    }

    fn sync(&mut self, now: SimTime, view: &View<'_>) -> Option<Replicas> {
        let Self { hpa, model } = self;
        hpa.sync_adjusted(now, view, |count| model.predict(now, count, view).map_or(count, |more| more.max(count)))
    }

    fn patch(&mut self, patch: &Patch) {
        self.hpa.patch(patch);
    }

    fn knobs(&self) -> Option<Knobs> {
        self.hpa.knobs()
    }
}

/// A forecast as whole replicas, rounded up.
fn replicas(forecast: f64) -> Replicas {
    forecast.ceil().clamp(0.0, f64::from(Replicas::MAX)) as Replicas
}

#[cfg(test)]
mod tests;
