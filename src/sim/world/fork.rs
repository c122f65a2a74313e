//! The world twice, for searches that look ahead.

use std::sync::Arc;

use super::World;

impl World {
    /// The world as it stands; `None` at the request level.
    pub(in crate::sim) fn fork(&self) -> Option<Self> {
        Some(Self {
            workload: Arc::clone(&self.workload),
            now: self.now,
            window: self.window.clone(),
            service: self.service.fork()?,
            pods: self.pods.clone(),
            scrapes: self.scrapes.clone(),
            replicas: self.replicas,
            most_replicas: self.most_replicas,
            replica_seconds: self.replica_seconds,
            reversals: self.reversals,
            utilization: self.utilization,
            knobs: self.knobs,
            slot: self.slot,
            slot_end: self.slot_end,
            memory: self.memory,
            rollout: self.rollout.clone(),
            noise: self.noise.clone(),
            grace: self.grace,
            starting_cores: self.starting_cores,
            limits: self.limits,
            resized: self.resized,
            contended_s: self.contended_s,
        })
    }
}
