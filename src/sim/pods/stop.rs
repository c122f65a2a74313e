//! Pods that are told to stop, and what becomes of them.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Pods;
use super::pod::Pod;
use crate::sim::cluster::{Seat, Wants};
use crate::sim::requests::ServerId;
use crate::units::SimTime;

/// Terminating pods: when they end, how many, and on which node.
#[derive(Debug, Clone, Copy)]
pub(super) struct Draining {
    pub(super) end: SimTime,
    pub(super) count: u32,
    pub(super) seat: Seat,
}

/// A terminating pod at the request level: when it ends at the latest.
#[derive(Debug, Clone, Copy)]
pub(super) struct Finishing {
    pub(super) end: SimTime,
    pub(super) stopped: Stopped,
}

/// A pod that was told to stop: where its requests are, and its node.
#[derive(Debug, Clone, Copy)]
pub(in crate::sim) struct Stopped {
    pub(in crate::sim) server: ServerId,
    pub(super) seat: Seat,
}

impl Pods {
    /// Deletes `count` pods of a version in the `ReplicaSet` controller's order: pending first, then those not ready, then
    /// those on nodes with most of the Deployment's pods, then the newest. Those that serve take `drain` to finish what they
    /// hold. Returns those whose requests are known.
    pub(in crate::sim) fn shrink(&mut self, now: SimTime, count: u32, revision: u32, drain: Duration) -> Vec<Stopped> {
        let mut rest = count - self.shrink_pending(now, count, revision);
        let neighbours = self.neighbours();
        let (mut ended, mut stopped) = (0, Vec::new());
        while rest > 0 {
            let own = self.young.iter().enumerate().filter(|it| it.1.revision == revision);
            let crowd = |pod: &Pod| neighbours.get(&pod.seat).copied();
            let Some((at, _)) = own.max_by_key(|(_, pod)| (!pod.serving, crowd(pod), pod.index)) else {
                let old = rest.min(self.mature);
                self.mature -= old;
                self.serving -= old;
                ended += old;
                break;
            };
            let pod = self.young.remove(at);
            self.serving -= u32::from(pod.serving);
            rest -= 1;
            match pod.server {
                Some(server) => stopped.push(Stopped { server, seat: pod.seat }),
                None if !pod.serving => self.places.release(now, pod.seat, 1),
                // One by one where their nodes have to be known.
                None if self.places.modelled() => self.drain(now, drain, 1, pod.seat),
                None => ended += 1,
            }
        }
        self.drain(now, drain, ended, Seat::FIRST);
        self.place(now);
        stopped
    }

    /// How many pods each node has, where nodes are modelled.
    fn neighbours(&self) -> BTreeMap<Seat, u32> {
        let mut count = BTreeMap::new();
        if self.places.modelled() {
            for pod in &self.young {
                *count.entry(pod.seat).or_default() += 1;
            }
        }
        count
    }

    /// Pods terminate for a time.
    fn drain(&mut self, now: SimTime, drain: Duration, count: u32, seat: Seat) {
        if drain.is_zero() {
            self.places.release(now, seat, count);
        } else if count > 0 {
            self.draining.push(Draining { end: now + drain, count, seat });
            self.leaving += count;
        }
    }

    /// Deletes up to `count` pending pods of a version, the newest first; returns how many.
    fn shrink_pending(&mut self, now: SimTime, count: u32, revision: u32) -> u32 {
        let mut deleted = 0;
        while deleted < count
            && let Some(at) = self.pending.iter().rposition(|it| it.revision == revision)
            && let Some(it) = self.pending.remove(at)
        {
            self.waited_s += now.since(it.created).as_secs_f64();
            deleted += 1;
        }
        deleted
    }

    /// A pod that was told to stop finishes what it holds, until `end` at the latest.
    pub(in crate::sim) fn finish(&mut self, stopped: Stopped, end: SimTime) {
        self.finishing.push(Finishing { end, stopped });
        self.leaving += 1;
        self.find_next();
    }

    /// A pod that was told to stop held nothing.
    pub(in crate::sim) fn gone(&mut self, now: SimTime, stopped: Stopped) {
        self.places.release(now, stopped.seat, 1);
        self.place(now);
    }

    /// A terminating pod has finished what it held.
    pub(in crate::sim) fn finished(&mut self, now: SimTime, server: ServerId) {
        self.let_go(now, |it| it.stopped.server == server);
        self.place(now);
    }

    /// Terminating pods whose time is over.
    pub(in crate::sim) fn overdue(&mut self, now: SimTime) -> Vec<ServerId> {
        self.let_go(now, |it| it.end <= now)
    }

    fn let_go(&mut self, now: SimTime, over: impl Fn(&Finishing) -> bool) -> Vec<ServerId> {
        let gone: Vec<Stopped> = self.finishing.extract_if(.., |it| over(it)).map(|it| it.stopped).collect();
        self.leaving -= gone.len() as u32;
        for it in &gone {
            self.places.release(now, it.seat, 1);
        }
        gone.into_iter().map(|it| it.server).collect()
    }

    /// The Deployment is deleted: its pods leave their nodes.
    pub(in crate::sim) fn leave(&mut self, now: SimTime) {
        let young = self.young.iter().map(|pod| (pod.seat, 1));
        let draining = self.draining.iter().map(|it| (it.seat, it.count));
        let finishing = self.finishing.iter().map(|it| (it.stopped.seat, 1));
        for (seat, count) in young.chain(draining).chain(finishing).chain([(Seat::FIRST, self.mature)]) {
            self.places.release(now, seat, count);
        }
        self.places.wait(now, 0);
        self.places.contend(&Wants::new());
    }
}
