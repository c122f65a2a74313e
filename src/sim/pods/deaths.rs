//! Containers that die before their pod is told to stop.

use super::pod::Pod;
use super::{NEVER, Pods};
use crate::sim::requests::ServerId;
use crate::units::SimTime;

/// Containers that crashed at one time.
#[derive(Debug, Default)]
pub(in crate::sim) struct Crashed {
    pub(in crate::sim) containers: u32,
    /// Of which served.
    pub(in crate::sim) serving: u32,
    /// Where the requests of those were, as far as known.
    pub(in crate::sim) servers: Vec<ServerId>,
    /// For how many seconds the others had run.
    pub(in crate::sim) started_s: f64,
}

impl Pods {
    /// Kills the container of the pod that has been killed least often; returns whether there was one that serves.
    pub(in crate::sim) fn kill(&mut self, now: SimTime) -> bool {
        if self.mature > 0 {
            self.mature -= 1;
            self.young.push(Pod { sampled: 0, ..Pod::long_ready(now, 0) });
        }
        let serving = self.young.iter().enumerate().filter(|it| it.1.serving);
        let Some(at) = serving.min_by_key(|it| it.1.kills).map(|it| it.0) else { return false };
        self.restart(now, at);
        self.find_next();
        true
    }

    /// Kills the container of the pod whose requests are there, which may be terminating.
    pub(in crate::sim) fn kill_server(&mut self, now: SimTime, server: ServerId) {
        match self.young.iter().position(|pod| pod.server == Some(server)) {
            Some(at) => self.restart(now, at),
            None => self.finished(now, server),
        }
        self.find_next();
    }

    /// When the next container crashes.
    pub(in crate::sim) fn next_crash(&self) -> SimTime {
        self.next_crash
    }

    /// Containers crash whose time has come. Those of terminating pods do not.
    pub(in crate::sim) fn crash(&mut self, now: SimTime) -> Crashed {
        let mut dead = Crashed::default();
        let Some(crashes) = &mut self.crashes else { return dead };
        let all = crashes.all(now);
        for at in 0..self.young.len() {
            let pod = self.young[at];
            if pod.crash > now && !(all && pod.running <= now) {
                continue;
            }
            dead.containers += 1;
            dead.servers.extend(pod.server);
            if pod.serving {
                dead.serving += 1;
            } else {
                dead.started_s += now.since(pod.running).as_secs_f64();
            }
            self.restart(now, at);
        }
        self.find_next();
        dead
    }

    /// The container of the `at`-th young pod has died, and comes back after its back-off.
    fn restart(&mut self, now: SimTime, at: usize) {
        self.restarts += 1;
        // Restarts draw from a range of numbers that no pod reaches.
        let start = self.starts.draw(u64::MAX - self.restarts);
        let pod = &mut self.young[at];
        self.serving -= u32::from(pod.serving);
        pod.restart(now, start.init, self.singly);
        pod.crash = self.crashes.as_ref().map_or(NEVER, |it| it.of(pod.sampled, pod.lives, pod.running));
    }
}
