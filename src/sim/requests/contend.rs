//! CPU that pods want, and the limits they are held to while their node has too little.

use super::{Requests, ServerId};

impl Requests {
    /// Cores that a pod would use now if its node had enough: one for each request that computes, up to its limit.
    pub(in crate::sim) fn wants(&self, id: ServerId) -> f64 {
        self.servers.get(id.place as usize).map_or(0.0, |server| server.threads().min(self.workload.pod().limit))
    }

    /// Holds a pod to `cores` from now on, or to its own limit if that is less.
    pub(in crate::sim) fn hold_to(&mut self, id: ServerId, cores: f64) {
        let limit = cores.min(self.workload.pod().limit);
        let Some(server) = self.servers.get_mut(id.place as usize) else { return };
        if server.serial == id.serial && server.set_limit(self.clock, limit) {
            self.finishes.set(id.place, server.next());
        }
    }
}
