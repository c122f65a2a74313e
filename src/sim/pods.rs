//! The Deployment's pods. Pods that nothing can tell apart any more are a mere count; only young ones are kept singly,
//! so that a run's cost hardly depends on how many there are.

use std::time::Duration;

mod deaths;
mod pod;

pub(super) use pod::Pod;
use pod::{FORGIVEN, Waiting};

use super::faults::Crashes;
use super::requests::ServerId;
use super::startup::StartLaw;
use crate::units::SimTime;

/// All pods of the Deployment, and those it has let go that still terminate.
#[derive(Debug, Clone)]
pub(super) struct Pods {
    /// Ready for so long that metrics show it fully.
    pub(super) mature: u32,
    /// Starting, or ready for a short time; in order of scheduling.
    pub(super) young: Vec<Pod>,
    /// Without a place in the cluster, in order of creation.
    pending: Vec<Waiting>,
    /// Terminating: when they end, and how many.
    draining: Vec<(SimTime, u32)>,
    /// Terminating at the request level: when each ends at the latest.
    finishing: Vec<(SimTime, ServerId)>,
    /// Whether pods are kept singly however long they have been ready, as the request level needs it.
    singly: bool,
    serving: u32,
    leaving: u32,
    created: u64,
    restarts: u64,
    room: u32,
    starts: StartLaw,
    /// When containers crash; none when they never do.
    crashes: Option<Crashes>,
    /// When the next pod becomes ready or ends, and when the next container crashes.
    next: SimTime,
    next_crash: SimTime,
}

/// Far beyond any run.
const NEVER: SimTime = SimTime(i64::MAX);

impl Pods {
    /// `replicas` pods that have been ready for long, as far as there is `room` for them.
    pub(super) fn new(now: SimTime, replicas: u32, room: u32, starts: StartLaw) -> Self {
        let mature = replicas.min(room);
        Self {
            mature,
            young: Vec::new(),
            pending: vec![Waiting { created: now, revision: 0 }; (replicas - mature) as usize],
            draining: Vec::new(),
            finishing: Vec::new(),
            singly: false,
            serving: mature,
            leaving: 0,
            created: 0,
            restarts: 0,
            room,
            starts,
            crashes: None,
            next: NEVER,
            next_crash: NEVER,
        }
    }

    /// Lets containers crash.
    pub(super) fn let_crash(&mut self, now: SimTime, crashes: Crashes) {
        self.keep_singly(now);
        for pod in &mut self.young {
            pod.crash = crashes.of(pod.sampled, pod.lives, now.max(pod.running));
        }
        self.crashes = Some(crashes);
        self.find_next();
    }

    /// Keeps pods singly from here on.
    pub(super) fn keep_singly(&mut self, now: SimTime) {
        self.singly = true;
        self.young.extend((0..std::mem::take(&mut self.mature)).map(|nth| Pod::long_ready(now, nth)));
    }

    /// Keeps the pods singly, and finds a place for the requests of each with `open`, as for every pod that becomes ready.
    pub(super) fn open(&mut self, now: SimTime, mut open: impl FnMut() -> ServerId) {
        self.keep_singly(now);
        for pod in self.young.iter_mut().filter(|pod| pod.serving && pod.server.is_none()) {
            pod.server = Some(open());
        }
    }

    /// Terminating pods.
    pub(super) fn leaving(&self) -> u32 {
        self.leaving
    }

    /// Pods that serve.
    pub(super) fn serving(&self) -> u32 {
        self.serving
    }

    /// Pods that start or wait for room.
    pub(super) fn starting(&self) -> u32 {
        self.status() - self.serving
    }

    /// Pods without a place in the cluster.
    pub(super) fn pending(&self) -> u32 {
        self.pending.len() as u32
    }

    /// `status.replicas`: all but those that terminate.
    pub(super) fn status(&self) -> u32 {
        self.mature + (self.young.len() + self.pending.len()) as u32
    }

    /// Pods that have a place in the cluster, and so are paid.
    pub(super) fn placed(&self) -> u32 {
        self.mature + self.young.len() as u32 + self.leaving
    }

    /// When the next pod becomes ready or ends.
    pub(super) fn next(&self) -> SimTime {
        self.next
    }

    fn find_next(&mut self) {
        let readiness = self.young.iter().filter(|pod| !pod.serving).map(|pod| pod.ready);
        let ends = self.draining.iter().map(|it| it.0).chain(self.finishing.iter().map(|it| it.0));
        self.next = readiness.chain(ends).min().unwrap_or(NEVER);
        if let Some(crashes) = &self.crashes {
            self.next_crash = self.young.iter().map(|pod| pod.crash).min().unwrap_or(NEVER).min(crashes.next());
        }
    }

    /// Creates `count` pods of a version.
    pub(super) fn grow(&mut self, now: SimTime, count: u32, revision: u32) {
        self.pending.extend((0..count).map(|_| Waiting { created: now, revision }));
        self.place(now);
    }

    /// Gives pending pods the room there is, the oldest first.
    fn place(&mut self, now: SimTime) {
        let count = (self.room.saturating_sub(self.placed()) as usize).min(self.pending.len());
        let placed: Vec<Waiting> = self.pending.drain(..count).collect();
        for Waiting { created, revision } in placed {
            let index = self.created;
            self.created += 1;
            let start = self.starts.draw(index);
            let running = now + start.pull;
            let mut pod = Pod { revision, ..Pod::starting(index, created, running, running + start.init) };
            pod.crash = self.crashes.as_ref().map_or(NEVER, |it| it.of(pod.sampled, 0, running));
            self.young.push(pod);
        }
        self.find_next();
    }

    /// Pods of a version, and how many of them serve. Pods are kept singly.
    pub(super) fn of(&self, revision: u32) -> (u32, u32) {
        let pods = self.young.iter().filter(|pod| pod.revision == revision);
        let (all, serving) = pods.fold((0, 0), |(all, serving), pod| (all + 1, serving + u32::from(pod.serving)));
        (all + self.pending.iter().filter(|it| it.revision == revision).count() as u32, serving)
    }

    /// Deletes `count` pods of a version in the `ReplicaSet` controller's order: pending first, then those not ready, then
    /// the newest. Those that serve take `drain` to finish what they hold. Returns where the requests of those were, as
    /// far as known.
    pub(super) fn shrink(&mut self, now: SimTime, count: u32, revision: u32, drain: Duration) -> Vec<ServerId> {
        let mut rest = count - self.shrink_pending(count, revision);
        let (mut ended, mut servers) = (0, Vec::new());
        while rest > 0 {
            let own = self.young.iter().enumerate().filter(|it| it.1.revision == revision);
            let newest = own.max_by_key(|(_, pod)| (!pod.serving, pod.index));
            let Some((at, serving)) = newest.map(|(at, pod)| (at, pod.serving)) else {
                let old = rest.min(self.mature);
                self.mature -= old;
                ended += old;
                break;
            };
            servers.extend(self.young.remove(at).server);
            ended += u32::from(serving);
            rest -= 1;
        }
        self.serving -= ended;
        if ended > 0 && !drain.is_zero() {
            self.draining.push((now + drain, ended));
            self.leaving += ended;
        }
        self.place(now);
        servers
    }

    /// Deletes up to `count` pending pods of a version, the newest first; returns how many.
    fn shrink_pending(&mut self, count: u32, revision: u32) -> u32 {
        let mut deleted = 0;
        while deleted < count
            && let Some(at) = self.pending.iter().rposition(|it| it.revision == revision)
        {
            self.pending.remove(at);
            deleted += 1;
        }
        deleted
    }

    /// A pod that was told to stop finishes what it holds, until `end` at the latest.
    pub(super) fn finish(&mut self, server: ServerId, end: SimTime) {
        self.finishing.push((end, server));
        self.leaving += 1;
        self.find_next();
    }

    /// A terminating pod has finished what it held.
    pub(super) fn finished(&mut self, now: SimTime, server: ServerId) {
        let before = self.finishing.len();
        self.finishing.retain(|it| it.1 != server);
        self.leaving -= (before - self.finishing.len()) as u32;
        self.place(now);
    }

    /// Terminating pods whose time is over.
    pub(super) fn overdue(&mut self, now: SimTime) -> Vec<ServerId> {
        let overdue: Vec<ServerId> = self.finishing.extract_if(.., |it| it.0 <= now).map(|it| it.1).collect();
        self.leaving -= overdue.len() as u32;
        overdue
    }

    /// Lets pods whose time has come end or become ready; returns for how many seconds those that became ready had run.
    /// `used` is `Flow::used`.
    pub(super) fn settle(&mut self, now: SimTime, used: f64) -> f64 {
        let gone: u32 = self.draining.extract_if(.., |it| it.0 <= now).map(|it| it.1).sum();
        self.leaving -= gone;
        let mut started_s = 0.0;
        for pod in self.young.iter_mut().filter(|pod| !pod.serving && pod.ready <= now) {
            pod.serving = true;
            pod.used = used;
            self.serving += 1;
            started_s += pod.ready.since(pod.running).as_secs_f64();
        }
        self.place(now);
        started_s
    }

    /// Counts in pods whose sample covers only time in which they were ready: those ready by `covered`.
    pub(super) fn mature(&mut self, now: SimTime, covered: SimTime) {
        if self.young.is_empty() || self.singly {
            return;
        }
        let grown =
            |pod: &mut Pod| pod.serving && pod.ready <= covered && (pod.kills == 0 || pod.ready + FORGIVEN <= now);
        self.mature += self.young.extract_if(.., grown).count() as u32;
    }
}
