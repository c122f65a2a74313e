//! The Deployment's pods. Pods that nothing can tell apart any more are a mere count; only young ones are kept singly,
//! so that a run's cost hardly depends on how many there are.

use std::collections::VecDeque;

mod deaths;
mod places;
mod pod;
mod stop;

pub(super) use places::{Membership, Places};
pub(super) use pod::Pod;
use pod::{FORGIVEN, Waiting};
use stop::{Draining, Finishing};

use super::cluster::{Seat, Wants};
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
    pending: VecDeque<Waiting>,
    /// Terminating.
    draining: Vec<Draining>,
    finishing: Vec<Finishing>,
    /// Whether pods are kept singly however long they have been ready, as the request level needs it.
    singly: bool,
    serving: u32,
    leaving: u32,
    created: u64,
    restarts: u64,
    places: Places,
    /// Seconds that pods have waited for room.
    waited_s: f64,
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
    /// `replicas` pods that have been ready for long, as far as there is room for them.
    pub(super) fn new(now: SimTime, replicas: u32, mut places: Places, starts: StartLaw) -> Self {
        let (there, seats) = match &mut places {
            Places::Room(room) => (replicas.min(*room), Vec::new()),
            Places::Cluster(_) => {
                let seats: Vec<Seat> = (0..replicas).map_while(|there| places.bind(there)).collect();
                (seats.len() as u32, seats)
            }
        };
        let mut pods = Self {
            mature: there,
            young: Vec::new(),
            pending: (there..replicas).map(|_| Waiting { created: now, revision: 0 }).collect(),
            draining: Vec::new(),
            finishing: Vec::new(),
            singly: false,
            serving: there,
            leaving: 0,
            created: 0,
            restarts: 0,
            places,
            waited_s: 0.0,
            starts,
            crashes: None,
            next: NEVER,
            next_crash: NEVER,
        };
        if pods.places.modelled() {
            pods.keep_singly(now);
            for (pod, seat) in pods.young.iter_mut().zip(seats) {
                pods.places.has_image(now, seat);
                pod.seat = seat;
            }
        }
        pods.places.wait(now, replicas - there);
        pods
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
        let pods = 0..std::mem::take(&mut self.mature);
        self.young.extend(pods.map(|nth| Pod::long_ready(now, nth)));
    }

    /// Keeps the pods singly, and finds a place for the requests of each with `open`, as for every pod that becomes ready.
    pub(super) fn open(&mut self, now: SimTime, mut open: impl FnMut(u64) -> ServerId) {
        self.keep_singly(now);
        for pod in self.young.iter_mut().filter(|pod| pod.serving && pod.server.is_none()) {
            pod.server = Some(open(pod.sampled));
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
        let ends = self.draining.iter().map(|it| it.end).chain(self.finishing.iter().map(|it| it.end));
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

    /// Gives pending pods the room there is, the oldest first; in a cluster that is shared, if no other pod waits.
    fn place(&mut self, now: SimTime) {
        if !self.pending.is_empty() && !self.places.wait_for_turn() {
            while self.place_first(now) {}
        }
        self.places.wait(now, self.pending());
        self.find_next();
    }

    /// Gives the oldest pending pod room, if there is any.
    pub(super) fn place_first(&mut self, now: SimTime) -> bool {
        let placed = self.placed();
        let Some(&Waiting { created, revision }) = self.pending.front() else { return false };
        let Some(seat) = self.places.bind(placed) else { return false };
        self.pending.pop_front();
        self.waited_s += now.since(created).as_secs_f64();
        let index = self.created;
        self.created += 1;
        let start = self.starts.draw(index);
        let running = now + self.places.pull(now, revision, seat).unwrap_or(start.pull);
        let mut pod = Pod { revision, seat, ..Pod::starting(index, created, running, running + start.init) };
        pod.crash = self.crashes.as_ref().map_or(NEVER, |it| it.of(pod.sampled, 0, running));
        self.young.push(pod);
        true
    }

    /// Pods of a version, and how many of them serve. Pods are kept singly.
    pub(super) fn of(&self, revision: u32) -> (u32, u32) {
        let pods = self.young.iter().filter(|pod| pod.revision == revision);
        let (all, serving) = pods.fold((0, 0), |(all, serving), pod| (all + 1, serving + u32::from(pod.serving)));
        (all + self.pending.iter().filter(|it| it.revision == revision).count() as u32, serving)
    }

    /// Lets pods whose time has come end or become ready; returns for how many seconds those that became ready had run.
    /// `used` is `Flow::used`.
    pub(super) fn settle(&mut self, now: SimTime, used: f64) -> f64 {
        let ended: Vec<Draining> = self.draining.extract_if(.., |it| it.end <= now).collect();
        for it in ended {
            self.leaving -= it.count;
            self.places.release(now, it.seat, it.count);
        }
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

    /// When the cluster has something to do, if it is the function's own.
    #[inline]
    pub(super) fn next_cluster(&self) -> SimTime {
        self.places.next()
    }

    /// The cluster does what it has to do.
    pub(super) fn tend(&mut self, now: SimTime) {
        if self.places.tend(now) {
            self.place(now);
        }
    }

    /// Pod-seconds that pods have waited for room by `end`.
    pub(super) fn pending_seconds(&self, end: SimTime) -> f64 {
        self.waited_s + self.pending.iter().map(|it| end.since(it.created).as_secs_f64()).sum::<f64>()
    }

    /// What each pod that computes gets at most for the next second, in cores: infinity where its node has enough. `wants`
    /// are the cores that it wants.
    pub(super) fn contend(&mut self, wants: impl Fn(ServerId) -> f64) -> Vec<(ServerId, f64)> {
        let young = self.young.iter().filter_map(|pod| Some((pod.server?, pod.seat)));
        let finishing = self.finishing.iter().map(|it| (it.stopped.server, it.stopped.seat));
        let pods: Vec<(ServerId, Seat)> = young.chain(finishing).collect();
        let mut all = Wants::new();
        for &(server, seat) in &pods {
            all.entry(seat).or_default().push(wants(server));
        }
        let held = self.places.contend(&all);
        pods.into_iter().map(|(server, seat)| (server, held.get(&seat).copied().unwrap_or(f64::INFINITY))).collect()
    }

    /// When the oldest pod that waits for room was created.
    pub(super) fn oldest_pending(&self) -> Option<SimTime> {
        self.pending.front().map(|it| it.created)
    }

    /// Tells the cluster how many pods wait for room.
    pub(super) fn tell_pending(&mut self, now: SimTime) {
        self.places.wait(now, self.pending());
        self.find_next();
    }

    /// Where pods find a place.
    pub(super) fn places_mut(&mut self) -> &mut Places {
        &mut self.places
    }
}
