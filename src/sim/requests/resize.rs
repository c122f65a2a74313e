//! Pods of another size, all at once and in place: what they hold goes on at the new speed.

use std::sync::Arc;

use super::Requests;
use crate::sim::memory::Memory;
use crate::sim::workload::Workload;

impl Requests {
    /// From now on pods have the limits that `workload`, the same traffic in its `slot`-th slot, was made for, and are
    /// killed beyond `memory`. Requests on their way keep what they count as service time.
    pub(in crate::sim) fn resize(&mut self, workload: Arc<Workload>, slot: usize, memory: &Memory) {
        let limit = workload.pod().limit;
        self.traffic.resize(&workload, slot);
        self.workload = workload;
        self.fatal = memory.fatal();
        for (place, server) in self.servers.iter_mut().enumerate() {
            if !server.is_gone() && server.set_limit(self.clock, limit) {
                self.finishes.set(place as u32, server.next());
            }
        }
    }
}
