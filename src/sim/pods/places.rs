//! Where pods find a place.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::sim::cluster::{Cluster, Seat, Usage, Wants};
use crate::sim::settings::Settings;
use crate::units::SimTime;

/// Where pods find a place.
#[derive(Debug, Clone)]
pub(in crate::sim) enum Places {
    /// Room for so many pods.
    Room(u32),
    /// A cluster.
    Cluster(Membership),
}

/// A function's part in a cluster.
#[derive(Debug, Clone)]
pub(in crate::sim) struct Membership {
    /// Away while another function of the cluster has its turn.
    cluster: Option<Box<Cluster>>,
    member: usize,
    /// How far the cluster's clock is ahead of the function's, in microseconds.
    ahead: i64,
}

impl Membership {
    /// Joins a cluster whose clock is `ahead` microseconds ahead of the function's.
    pub(in crate::sim) fn join(mut cluster: Box<Cluster>, settings: &Settings, ahead: i64) -> Self {
        let member = cluster.join(settings);
        Self { cluster: Some(cluster), member, ahead }
    }

    fn clock(&self, now: SimTime) -> SimTime {
        SimTime(now.0.saturating_add(self.ahead))
    }
}

impl Places {
    /// That of `[cluster]` for a single function.
    pub(in crate::sim) fn new(settings: &Settings, start: SimTime) -> Self {
        if settings.cluster.nodes.is_some() {
            let cluster = Box::new(Cluster::new(settings, start, false));
            return Self::Cluster(Membership::join(cluster, settings, 0));
        }
        let of = |all: Option<u64>, one: u64| all.map_or(u64::MAX, |all| all / one.max(1));
        let cpu = of(settings.cluster.cpu.map(|cpu| u64::from(cpu.0)), u64::from(settings.pod.cpu_request.0));
        let memory = of(settings.cluster.memory.map(|it| it.0), settings.pod.memory_request.0);
        Self::Room(u32::try_from(cpu.min(memory)).unwrap_or(u32::MAX))
    }

    fn cluster(&self) -> Option<&Cluster> {
        match self {
            Self::Room(_) => None,
            Self::Cluster(it) => it.cluster.as_deref(),
        }
    }

    /// Whether a pod is on one of several nodes, so that pods are kept singly.
    pub(super) fn modelled(&self) -> bool {
        self.cluster().is_some_and(Cluster::modelled)
    }

    /// Whether pods have to wait for the scheduler's next pass over all functions.
    pub(super) fn wait_for_turn(&self) -> bool {
        self.cluster().is_some_and(|it| it.shared() && it.any_pending())
    }

    /// Binds a pod, if there is room besides `placed` others.
    pub(super) fn bind(&mut self, placed: u32) -> Option<Seat> {
        match self {
            Self::Room(room) => (placed < *room).then_some(Seat::FIRST),
            Self::Cluster(it) => it.cluster.as_mut()?.place(it.member),
        }
    }

    /// How long a pod that was just bound waits for its image; `None` where nodes have none.
    pub(super) fn pull(&mut self, now: SimTime, revision: u32, seat: Seat) -> Option<Duration> {
        let Self::Cluster(it) = self else { return None };
        let now = it.clock(now);
        it.cluster.as_mut()?.pull(now, it.member, revision, seat)
    }

    /// The image of the first version has been on a node for long.
    pub(super) fn has_image(&mut self, now: SimTime, seat: Seat) {
        if let Self::Cluster(it) = self {
            let now = it.clock(now);
            if let Some(cluster) = &mut it.cluster {
                cluster.has_image(now, it.member, seat);
            }
        }
    }

    /// So many pods have gone from a node.
    pub(super) fn release(&mut self, now: SimTime, seat: Seat, count: u32) {
        if let Self::Cluster(it) = self {
            let now = it.clock(now);
            if let Some(cluster) = &mut it.cluster {
                (0..count).for_each(|_| cluster.release(now, it.member, seat));
            }
        }
    }

    /// So many pods wait for room.
    pub(super) fn wait(&mut self, now: SimTime, pending: u32) {
        if let Self::Cluster(it) = self {
            let now = it.clock(now);
            if let Some(cluster) = &mut it.cluster {
                cluster.wait(now, it.member, pending);
            }
        }
    }

    /// What pods get at most on nodes that have less CPU than their pods want, in cores.
    pub(super) fn contend(&mut self, wants: &Wants) -> BTreeMap<Seat, f64> {
        match self {
            Self::Room(_) => BTreeMap::new(),
            Self::Cluster(it) => it.cluster.as_mut().map_or_else(BTreeMap::new, |all| all.contend(it.member, wants)),
        }
    }

    /// When the cluster has something to do, if it is the function's own.
    #[inline]
    pub(super) fn next(&self) -> SimTime {
        match self {
            Self::Room(_) => SimTime(i64::MAX),
            Self::Cluster(it) => {
                let own = it.cluster.as_ref().filter(|cluster| !cluster.shared());
                own.map_or(SimTime(i64::MAX), |cluster| cluster.next())
            }
        }
    }

    /// The cluster does what it has to do; returns whether there is new room.
    pub(super) fn tend(&mut self, now: SimTime) -> bool {
        match self {
            Self::Room(_) => false,
            Self::Cluster(it) => it.cluster.as_mut().is_some_and(|cluster| cluster.tend(now)),
        }
    }

    /// What the function's own nodes came to by `end`; `None` where it has none.
    pub(in crate::sim) fn usage(&mut self, end: SimTime) -> Option<Usage> {
        match self {
            Self::Room(_) => None,
            Self::Cluster(it) => it.cluster.as_mut().filter(|it| !it.shared())?.usage(end),
        }
    }

    /// The cluster, while other functions have their turn, and back.
    pub(in crate::sim) fn cluster_mut(&mut self) -> Option<&mut Option<Box<Cluster>>> {
        match self {
            Self::Room(_) => None,
            Self::Cluster(it) => Some(&mut it.cluster),
        }
    }
}
