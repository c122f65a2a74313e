//! One pod that starts, or has not been ready for long, or is kept singly.

use std::time::Duration;

use crate::sim::cluster::Seat;
use crate::sim::requests::ServerId;
use crate::units::SimTime;

/// Kubernetes' restart back-off: 10 s, doubled at each restart, up to 5 min.
const BACK_OFF: Duration = Duration::from_secs(10);
const MOST_BACK_OFF: Duration = Duration::from_secs(300);
/// A container that ran this long starts again from the shortest back-off.
pub(super) const FORGIVEN: Duration = Duration::from_secs(600);

/// A pod without a place in the cluster.
#[derive(Debug, Clone, Copy)]
pub(super) struct Waiting {
    pub(super) created: SimTime,
    pub(super) revision: u32,
}

/// A pod that starts, or has not been ready for long.
#[derive(Debug, Clone, Copy)]
pub(in crate::sim) struct Pod {
    /// Its number in the run, in order of creation.
    pub(in crate::sim) index: u64,
    pub(in crate::sim) created: SimTime,
    /// When its container starts, or started.
    pub(in crate::sim) running: SimTime,
    /// When it becomes, or became, ready.
    pub(in crate::sim) ready: SimTime,
    /// Since when it was not ready, before it became so.
    pub(in crate::sim) unready: SimTime,
    pub(in crate::sim) serving: bool,
    /// What a pod that was ready all along had used when this one became ready; see `Flow::used`.
    pub(in crate::sim) used: f64,
    /// Where its requests are, at the request level; none while it does not serve.
    pub(in crate::sim) server: Option<ServerId>,
    /// Its number among the pods whose samples may be missing, and whose containers may crash.
    pub(in crate::sim) sampled: u64,
    /// Its version; see `Rollout`.
    pub(super) revision: u32,
    /// Its node.
    pub(super) seat: Seat,
    /// When its container crashes.
    pub(super) crash: SimTime,
    /// Restarts since the back-off was last the shortest, and all restarts.
    pub(super) kills: u32,
    pub(super) lives: u32,
}

impl Pod {
    /// The `nth` of the pods that have been ready for long. As many as there are have numbers from the far end; see
    /// `Scrapes::missing_of`.
    pub(super) fn long_ready(now: SimTime, nth: u32) -> Self {
        let then = now - Duration::from_secs(3600);
        let sampled = u64::from(u32::MAX - nth);
        Self { serving: true, ready: then, sampled, ..Self::starting(0, then, then, then) }
    }

    pub(super) fn starting(index: u64, created: SimTime, running: SimTime, ready: SimTime) -> Self {
        Self {
            index,
            created,
            running,
            ready,
            unready: created,
            serving: false,
            used: 0.0,
            server: None,
            sampled: index,
            revision: 0,
            seat: Seat::FIRST,
            crash: SimTime(i64::MAX),
            kills: 0,
            lives: 0,
        }
    }

    /// Whether its container has run before, so that its phase is `Running` while it waits to run again.
    pub(in crate::sim) fn restarted(&self) -> bool {
        self.lives > 0
    }

    /// Its container has died at `now`; it comes back after the back-off, and is ready `init` later.
    pub(super) fn restart(&mut self, now: SimTime, init: Duration, singly: bool) {
        if singly && self.ready + FORGIVEN <= now {
            self.kills = 0;
        }
        let back_off = BACK_OFF.saturating_mul(1 << self.kills.min(10)).min(MOST_BACK_OFF);
        self.kills += 1;
        self.lives += 1;
        if self.serving {
            self.unready = now;
        }
        self.serving = false;
        self.server = None;
        self.running = now + back_off;
        self.ready = self.running + init;
    }
}
