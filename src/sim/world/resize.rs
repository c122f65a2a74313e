//! Pods of another size, resized in place.

use std::sync::Arc;

use super::World;
use crate::sim::service::Service;
use crate::sim::settings::Pod;
use crate::sim::workload::Workload;

impl World {
    /// All pods become like `pod` now, running ones without a restart, as on nodes with room enough. `before` is the pod
    /// of the settings, for which `workload` was made anew. A limit below the working set kills, as one that was outgrown.
    pub(in crate::sim) fn resize(&mut self, workload: Arc<Workload>, before: &Pod, pod: &Pod) {
        let cores = pod.cpu_request.cores() - before.cpu_request.cores();
        let gib = pod.memory_request.gib() - before.memory_request.gib();
        self.starting_cores *= workload.pod().limit / self.workload.pod().limit;
        self.limits = pod.limits();
        self.resized = Some((cores, gib));
        self.memory.set_limit(self.limits.memory.0);
        self.workload = workload;
        match &mut self.service {
            Service::Fluid(_) => {}
            Service::Requests(requests) => requests.resize(Arc::clone(&self.workload), self.slot, &self.memory),
        }
        self.serve_with_what_is_ready();
    }
}
