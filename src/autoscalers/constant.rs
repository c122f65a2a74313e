//! `constant-peak`: as many replicas as the busiest moment of training time needed, always.
//!
//! It is what many teams run before they autoscale. It is late only where test time outgrows training time, and shows
//! what autoscaling saves at all.

use std::time::Duration;

use super::Context;
use crate::sim::{Autoscaler, Knobs, Patch, View};
use crate::units::{Replicas, SimTime};

/// A fixed number of replicas.
#[derive(Debug, Clone, Copy)]
pub struct Constant {
    replicas: Replicas,
}

impl Constant {
    /// The peak demand of training time, within the HPA's bounds.
    #[must_use]
    pub fn at_peak(context: &Context<'_>) -> Self {
        let peak = context.training_demand().max().unwrap_or(1);
        Self { replicas: context.clamp(peak) }
    }
}

impl Autoscaler for Constant {
    fn period(&self) -> Duration {
        Duration::from_secs(15)
    }

    fn sync(&mut self, _: SimTime, _: &View<'_>) -> Option<Replicas> {
        Some(self.replicas)
    }

    fn patch(&mut self, _: &Patch) {}

    fn knobs(&self) -> Option<Knobs> {
        None
    }
}
