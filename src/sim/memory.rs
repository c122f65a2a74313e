//! Working sets, and pods killed because theirs outgrew the limit.

use std::time::Duration;

use super::settings::Settings;
use crate::units::SimTime;

/// After a kill for memory, the next one comes no earlier: pods are not quite alike, and do not all die at once.
const BETWEEN_KILLS: Duration = Duration::from_secs(1);

/// Far beyond any run.
const NEVER: SimTime = SimTime(i64::MAX);

/// What a pod holds in memory: a base, and something for each request it has taken. In bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Memory {
    pub(super) base: f64,
    per_request: f64,
    limit: f64,
    concurrency: f64,
    next_kill: SimTime,
}

impl Memory {
    pub(super) fn new(settings: &Settings, start: SimTime) -> Self {
        Self {
            base: settings.workload.memory_base.0 as f64,
            per_request: settings.workload.memory_per_request.0 as f64,
            limit: settings.pod.memory_limit().0 as f64,
            concurrency: f64::from(settings.pod.concurrency),
            next_kill: start,
        }
    }

    /// Another limit, in bytes, from now on.
    pub(super) fn set_limit(&mut self, limit: u64) {
        self.limit = limit as f64;
    }

    /// Requests that a pod takes of `requests` that wait for it. The others wait in front of it.
    pub(super) fn taken(&self, requests: f64) -> f64 {
        requests.min(self.concurrency)
    }

    /// Working set of a pod for which `requests` are in flight.
    pub(super) fn working_set(&self, requests: f64) -> f64 {
        self.base + self.per_request * self.taken(requests)
    }

    /// The least number of requests that outgrow the limit of a pod that takes them; beyond any when none do.
    pub(super) fn fatal(&self) -> u32 {
        let exceeds = |requests: u32| self.working_set(f64::from(requests)) > self.limit;
        if !exceeds(u32::MAX) {
            return u32::MAX;
        }
        let (mut low, mut high) = (0, u32::MAX);
        while low < high {
            let middle = low.midpoint(high);
            if exceeds(middle) { high = middle } else { low = middle + 1 }
        }
        high
    }

    /// When pods with `requests` each, and `growth` more per second, outgrow their limit.
    pub(super) fn exceeded_at(&self, now: SimTime, requests: f64, growth: f64) -> SimTime {
        let spare = self.limit - self.working_set(requests);
        if spare < 0.0 {
            return now.max(self.next_kill);
        }
        if growth * self.per_request <= 0.0 || self.working_set(f64::INFINITY) <= self.limit {
            return NEVER;
        }
        // A millisecond on, the limit is exceeded for certain.
        let seconds = (spare / (growth * self.per_request)).min(1e9) + 1e-3;
        (now + Duration::from_secs_f64(seconds)).max(self.next_kill)
    }

    /// Whether a pod with `requests` is to be killed now; the next one is not for a while.
    pub(super) fn kills(&mut self, now: SimTime, requests: f64) -> bool {
        self.next_kill = now + BETWEEN_KILLS;
        self.working_set(requests) > self.limit
    }
}
