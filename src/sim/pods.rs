//! The Deployment's pods. Pods that nothing can tell apart any more are a mere count; only young ones are kept singly,
//! so that a run's cost hardly depends on how many there are.

use std::time::Duration;

use super::requests::ServerId;
use super::startup::StartLaw;
use crate::units::SimTime;

/// Kubernetes' restart back-off: 10 s, doubled at each restart, up to 5 min.
const BACK_OFF: Duration = Duration::from_secs(10);
const MOST_BACK_OFF: Duration = Duration::from_secs(300);
/// A container that ran this long starts again from the shortest back-off.
const FORGIVEN: Duration = Duration::from_secs(600);

/// A pod that starts, or has not been ready for long.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pod {
    /// Its number in the run, in order of creation.
    pub(super) index: u64,
    pub(super) created: SimTime,
    /// When its container starts, or started.
    pub(super) running: SimTime,
    /// When it becomes, or became, ready.
    pub(super) ready: SimTime,
    /// Since when it was not ready, before it became so.
    pub(super) unready: SimTime,
    pub(super) serving: bool,
    /// What a pod that was ready all along had used when this one became ready; see `Flow::used`.
    pub(super) used: f64,
    /// Where its requests are, at the request level; none while it does not serve.
    pub(super) server: Option<ServerId>,
    /// Its number among the pods whose samples may be missing.
    pub(super) sampled: u64,
    kills: u32,
}

impl Pod {
    fn long_ready(now: SimTime) -> Self {
        let then = now - Duration::from_secs(3600);
        Self { serving: true, ready: then, ..Self::starting(0, then, then, then) }
    }

    fn starting(index: u64, created: SimTime, running: SimTime, ready: SimTime) -> Self {
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
            kills: 0,
        }
    }
}

/// All pods of the Deployment, and those it has let go that still terminate.
#[derive(Debug, Clone)]
pub(super) struct Pods {
    /// Ready for so long that metrics show it fully.
    pub(super) mature: u32,
    /// Starting, or ready for a short time; in order of scheduling.
    pub(super) young: Vec<Pod>,
    /// Without a place in the cluster: when each was created.
    pub(super) pending: Vec<SimTime>,
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
    /// When the next pod becomes ready or ends.
    next: SimTime,
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
            pending: vec![now; (replicas - mature) as usize],
            draining: Vec::new(),
            finishing: Vec::new(),
            singly: false,
            serving: mature,
            leaving: 0,
            created: 0,
            restarts: 0,
            room,
            starts,
            next: NEVER,
        }
    }

    /// Keeps the pods singly, and finds a place for the requests of each with `open`, as for every pod that becomes ready.
    pub(super) fn open(&mut self, now: SimTime, mut open: impl FnMut() -> ServerId) {
        self.singly = true;
        // As many as there are have numbers from the far end; see `Scrapes::missing_of`.
        for nth in 0..std::mem::take(&mut self.mature) {
            self.young.push(Pod { sampled: u64::from(u32::MAX - nth), ..Pod::long_ready(now) });
        }
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
    }

    /// Creates `count` pods.
    pub(super) fn grow(&mut self, now: SimTime, count: u32) {
        self.pending.extend((0..count).map(|_| now));
        self.place(now);
    }

    /// Gives pending pods the room there is, the oldest first.
    fn place(&mut self, now: SimTime) {
        let count = (self.room.saturating_sub(self.placed()) as usize).min(self.pending.len());
        let placed: Vec<SimTime> = self.pending.drain(..count).collect();
        for created in placed {
            let index = self.created;
            self.created += 1;
            let start = self.starts.draw(index);
            let running = now + start.pull;
            self.young.push(Pod::starting(index, created, running, running + start.init));
        }
        self.find_next();
    }

    /// Deletes `count` pods in the `ReplicaSet` controller's order: pending first, then those not ready, then the newest.
    /// Those that serve take `drain` to finish what they hold. Returns where the requests of those were, as far as known.
    pub(super) fn shrink(&mut self, now: SimTime, count: u32, drain: Duration) -> Vec<ServerId> {
        let unplaced = (count as usize).min(self.pending.len());
        self.pending.truncate(self.pending.len() - unplaced);
        let mut rest = count - unplaced as u32;
        let (mut ended, mut servers) = (0, Vec::new());
        while rest > 0 {
            let newest = self.young.iter().enumerate().max_by_key(|(_, pod)| (!pod.serving, pod.index));
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

    /// Kills the container of the pod that was restarted least; it comes back after its back-off. Returns whether there
    /// was one to kill.
    pub(super) fn kill(&mut self, now: SimTime) -> bool {
        if self.mature > 0 {
            self.mature -= 1;
            self.young.push(Pod::long_ready(now));
        }
        let serving = self.young.iter().enumerate().filter(|it| it.1.serving);
        let Some(at) = serving.min_by_key(|it| it.1.kills).map(|it| it.0) else { return false };
        self.restart(now, at);
        true
    }

    /// Kills the container of the pod whose requests are there, which may be terminating.
    pub(super) fn kill_server(&mut self, now: SimTime, server: ServerId) {
        match self.young.iter().position(|pod| pod.server == Some(server)) {
            Some(at) => self.restart(now, at),
            None => self.finished(now, server),
        }
    }

    /// The container of the `at`-th young pod has died, and comes back after its back-off.
    fn restart(&mut self, now: SimTime, at: usize) {
        self.restarts += 1;
        // Restarts draw from a range of numbers that no pod reaches.
        let start = self.starts.draw(u64::MAX - self.restarts);
        let pod = &mut self.young[at];
        if self.singly && pod.ready + FORGIVEN <= now {
            pod.kills = 0;
        }
        let back_off = BACK_OFF.saturating_mul(1 << pod.kills.min(10)).min(MOST_BACK_OFF);
        pod.kills += 1;
        pod.serving = false;
        pod.server = None;
        pod.unready = now;
        pod.running = now + back_off;
        pod.ready = pod.running + start.init;
        self.serving -= 1;
        self.find_next();
    }
}
