//! What a baseline may know before a run: the HPA's settings, and training time.

use std::ops::Range;
use std::time::Duration;

use crate::hpa;
use crate::sim::{Slot, Workload};
use crate::units::{Replicas, SimTime};

/// What a baseline is made from. Of the workload it looks at training time only.
#[derive(Debug, Clone)]
pub struct Context<'a> {
    /// `[hpa]`.
    pub hpa: &'a hpa::Settings,
    /// The function.
    pub workload: &'a Workload,
    /// Training time.
    pub train: Range<SimTime>,
}

impl Context<'_> {
    /// The start of each slot of training time, and the least pods that meet the objective then.
    pub fn training_slots(&self) -> impl Iterator<Item = (SimTime, Replicas)> {
        let interval = Duration::from_micros(self.workload.interval_us().unsigned_abs());
        let (first, last) = (self.workload.slot_at(self.train.start), self.workload.slot_at(self.train.end));
        let slots = self.workload.slots().get(first..last.max(first + 1)).unwrap_or_default();
        slots.iter().enumerate().map(move |(at, slot)| {
            let start = SimTime::ZERO + interval.saturating_mul((first + at) as u32);
            (start, Replicas::try_from(slot.demand).unwrap_or(Replicas::MAX))
        })
    }

    /// What arrived, slot by slot of training time.
    pub fn training(&self) -> impl Iterator<Item = &Slot> {
        let (first, last) = (self.workload.slot_at(self.train.start), self.workload.slot_at(self.train.end));
        self.workload.slots().get(first..last.max(first + 1)).unwrap_or_default().iter()
    }

    /// The load of training time in pods' worth, one mean per [`LOAD_STEP`](crate::sim::LOAD_STEP).
    #[must_use]
    pub fn training_load(&self) -> &[f32] {
        let known = self.workload.load_until(self.train.end);
        &known[self.workload.load_until(self.train.start).len().min(known.len())..]
    }

    /// The least pods that meet the objective, slot by slot of training time.
    pub fn training_demand(&self) -> impl Iterator<Item = Replicas> {
        self.training_slots().map(|(_, pods)| pods)
    }

    /// Within the bounds of `[hpa]`.
    #[must_use]
    pub fn clamp(&self, replicas: Replicas) -> Replicas {
        replicas.clamp(self.hpa.min_replicas, self.hpa.max_replicas)
    }
}
