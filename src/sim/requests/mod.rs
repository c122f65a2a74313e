//! Requests one by one: each arrives, is given to a pod or waits, computes in a share of the pod's CPU, and leaves.
//!
//! Four things can be next: an arrival, a request that has got its CPU, a request that has waited for others long
//! enough, a client's timer where clients send again. A request costs a few tens of nanoseconds and O(log) of pods and of requests in its pod; memory holds requests
//! in flight only. Pods come and go from outside (`pods`); a [`Signal`] says what the outside has to decide.
//!
//! A request that has waited in a line for the time-out is dropped. One that a pod has taken is finished, but counts as
//! dropped when it took longer than the time-out and its own service time: its client has gone.

mod balance;
mod check;
mod contend;
mod detail;
mod dispatch;
mod lifecycle;
mod line;
mod pods;
mod quota;
mod resize;
mod responses;
mod retry;
mod server;
mod spacing;
mod traffic;
mod tree;

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::sync::Arc;

use balance::Balancer;
pub use check::Books;
pub(super) use detail::Detail;
use detail::PodSums;
use line::Line;
pub use pods::PodLoad;
use responses::Responses;
use retry::Retries;
use server::Server;
use spacing::Spacing;
use traffic::{Request, Traffic};
use tree::Tree;

use super::elasticity::{Curves, Gap};
use super::latency::Histogram;
use super::law::ServiceLaw;
use super::memory::Memory;
use super::outcome::Totals;
use super::response_times::Recent;
use super::settings::{Queue, Settings, Throttling};
use super::workload::Workload;
use crate::units::SimTime;

/// Where a pod stands, and which of those that have stood there it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ServerId {
    pub(super) place: u32,
    pub(super) serial: u32,
}

/// What the outside has to act on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signal {
    /// The pod has taken more requests than its memory holds.
    OutOfMemory(ServerId),
    /// A pod that takes no more requests has finished what it held.
    Drained(ServerId),
}

/// Requests so far, by fate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Counts {
    offered: u64,
    completed: u64,
    dropped: u64,
    late: u64,
    cold: u64,
    /// Attempts besides the first.
    retried: u64,
    /// Requests that waited until a pod became ready.
    waited: u64,
    /// Events handled.
    events: u64,
}

/// A request that has got its CPU and waits for others until a time.
#[derive(Debug, Clone, Copy)]
struct Idle {
    until: f64,
    server: ServerId,
    request: Request,
}

impl PartialEq for Idle {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Idle {}

impl PartialOrd for Idle {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Idle {
    fn cmp(&self, other: &Self) -> Ordering {
        self.until.total_cmp(&other.until).then(self.request.arrived.total_cmp(&other.request.arrived))
    }
}

/// All requests in flight, and what became of the others.
#[derive(Debug)]
pub(super) struct Requests {
    /// What was counted so far.
    pub(super) totals: Totals,
    /// Distance of supply from demand.
    pub(super) curves: Curves,
    gap: Gap,
    workload: Arc<Workload>,
    traffic: Traffic,
    servers: Vec<Server>,
    /// Places without a pod.
    vacant: Vec<u32>,
    serial: u32,
    serving: u32,
    balancer: Balancer,
    /// When the next request in each pod will have got its CPU.
    finishes: Tree<f64>,
    idle: BinaryHeap<Reverse<Idle>>,
    gateway: Line,
    responses: Responses,
    recent: Recent,
    slowdowns: Responses,
    /// Time that served requests waited before a pod took them, in request-seconds.
    queue_s: f64,
    /// Time that they lost in attempts that failed and between attempts, in request-seconds.
    retry_s: f64,
    /// Clients that send again, if any do, and when the next of their timers is due.
    retries: Option<Box<Retries>>,
    next_timer: f64,
    /// Pods that are gone.
    ended: PodSums,
    counts: Counts,
    in_flight: u64,
    /// Time integral of requests in flight, and the sum of the times in flight of those that have left: Little's law.
    area: f64,
    sojourn: f64,
    clock: f64,
    signals: Vec<Signal>,
    /// CPU-seconds used by pods that are gone, and by all as far as counted.
    used: f64,
    counted: f64,
    /// CPU-seconds that requests have got in pods that are gone.
    got: f64,
    concurrency: u32,
    /// Requests that kill a pod that takes them, and requests that a pod holds, waiting ones included.
    fatal: u32,
    room: u32,
    queue_limit: usize,
    timeout: f64,
    throttling: Throttling,
    /// Speeds of pods, drawn by their numbers, but for those given.
    speeds: ServiceLaw,
    given: Vec<f64>,
    seed: u64,
}

impl Requests {
    /// Nothing in flight at `since` seconds, in the `slot`-th slot, without pods.
    pub(super) fn new(workload: &Arc<Workload>, settings: &Settings, seed: u64, slot: usize, since: f64) -> Self {
        let (pod, requests) = (&settings.pod, &settings.requests);
        let limit = requests.queue_limit.unwrap_or(u32::MAX);
        let in_front = if requests.queue == Queue::Pod { limit } else { 0 };
        let (backoff, timeout) = (requests.retry_backoff.as_secs_f64(), settings.slo.timeout.as_secs_f64());
        let retries = Retries::new(requests.retries, backoff, timeout, seed);
        let mut traffic = Traffic::new(workload, seed, Spacing::new(requests));
        traffic.begin(workload, slot, since);
        Self {
            totals: Totals::default(),
            curves: Curves::default(),
            gap: Gap::default(),
            traffic,
            workload: Arc::clone(workload),
            servers: Vec::new(),
            vacant: Vec::new(),
            serial: 0,
            serving: 0,
            balancer: Balancer::new(requests.balancing, seed),
            finishes: Tree::new(f64::INFINITY),
            idle: BinaryHeap::new(),
            gateway: Line::default(),
            responses: Responses::new(),
            recent: Recent::default(),
            slowdowns: Responses::new(),
            queue_s: 0.0,
            retry_s: 0.0,
            retries: (requests.retries > 0).then(|| Box::new(retries)),
            next_timer: f64::INFINITY,
            ended: PodSums::new(),
            counts: Counts::default(),
            in_flight: 0,
            area: 0.0,
            sojourn: 0.0,
            clock: since,
            signals: Vec::new(),
            used: 0.0,
            counted: 0.0,
            got: 0.0,
            concurrency: pod.concurrency.max(1),
            fatal: Memory::new(settings, SimTime::ZERO).fatal(),
            room: pod.concurrency.max(1).saturating_add(in_front),
            queue_limit: limit as usize,
            timeout,
            throttling: requests.throttling,
            speeds: ServiceLaw::new(pod.speed_cv),
            given: pod.speeds.clone(),
            seed,
        }
    }

    /// The `slot`-th slot begins.
    pub(super) fn begin_slot(&mut self, slot: usize) {
        self.traffic.begin(&self.workload, slot, self.clock);
    }

    /// Supply and demand, as of now.
    pub(super) fn compare(&mut self, demand: u32, supply: u32) {
        self.gap = Gap::new(f64::from(demand), f64::from(supply));
    }

    /// Runs up to `until` seconds, or to the first signal before.
    pub(super) fn advance(&mut self, until: f64) -> Option<Signal> {
        let before = self.clock;
        let signal = self.run(until);
        self.settle();
        self.curves.hold(&self.gap, self.clock - before);
        signal
    }

    /// Whether a signal waits to be acted on.
    pub(super) fn signals(&self) -> bool {
        !self.signals.is_empty()
    }

    /// The clock, in seconds.
    pub(super) fn clock(&self) -> f64 {
        self.clock
    }

    fn run(&mut self, until: f64) -> Option<Signal> {
        loop {
            if let Some(signal) = self.signals.pop() {
                return Some(signal);
            }
            let (arrival, finish) = (self.traffic.next(), self.finishes.least());
            let idle = self.idle.peek().map_or(f64::INFINITY, |it| it.0.until);
            let timer = self.next_timer;
            let at = arrival.min(finish).min(idle).min(timer);
            if at > until {
                self.area += self.in_flight as f64 * (until - self.clock).max(0.0);
                self.clock = self.clock.max(until);
                return None;
            }
            self.area += self.in_flight as f64 * (at - self.clock).max(0.0);
            self.clock = self.clock.max(at);
            self.counts.events += 1;
            if finish <= arrival.min(idle).min(timer) {
                self.finish(self.finishes.first());
            } else if idle <= arrival.min(timer) {
                self.wake();
            } else if timer <= arrival {
                self.timer();
            } else {
                self.arrive();
            }
        }
    }

    /// Brings all sums up to the clock.
    fn settle(&mut self) {
        self.expire();
        let mut used = self.used;
        for server in &mut self.servers {
            server.pass(self.clock);
            used += server.used;
        }
        let (counts, weight) = (&self.counts, self.workload.task_weight());
        self.totals.offered = counts.offered as f64 * weight;
        self.totals.completed = counts.completed as f64 * weight;
        self.totals.dropped = counts.dropped as f64 * weight;
        self.totals.late = counts.late as f64 * weight;
        self.totals.cold = counts.cold as f64 * weight;
        self.totals.in_flight_seconds = self.area * weight;
        self.totals.cpu_seconds += used - self.counted;
        self.counted = used;
    }

    /// Requests in flight.
    pub(super) fn in_flight(&self) -> f64 {
        self.in_flight as f64 * self.workload.task_weight()
    }

    /// Requests that are neither served nor dropped.
    pub(super) fn uncounted(&self) -> f64 {
        let open = self.retries.as_ref().map_or(self.in_flight, |retries| retries.open());
        open as f64 * self.workload.task_weight()
    }

    /// Requests that arrived, each time that they did.
    pub(super) fn arrived(&self) -> f64 {
        (self.counts.offered + self.counts.retried) as f64 * self.workload.task_weight()
    }

    /// Requests that a serving pod has taken, in the mean.
    pub(super) fn taken(&self) -> f64 {
        let taken = self.servers.iter().filter(|server| server.serving).map(|server| u64::from(server.taken()));
        taken.sum::<u64>() as f64 / f64::from(self.serving.max(1))
    }

    /// Work that waits, in seconds of all ready pods.
    pub(super) fn backlog_seconds(&self) -> f64 {
        let in_pods: f64 = self.servers.iter().map(Server::backlog).sum();
        (in_pods + self.gateway.cpu_s()) / (f64::from(self.serving.max(1)) * self.workload.pod().limit)
    }

    /// Requests that wait in a line, or for a client to send them again.
    pub(super) fn queue(&self) -> f64 {
        let taken: u64 = self.servers.iter().map(|server| u64::from(server.taken())).sum();
        self.in_flight.saturating_sub(taken) as f64 * self.workload.task_weight()
    }

    /// Keeps the last response times from here on.
    pub(super) fn keep_recent(&mut self) {
        self.recent.count();
    }

    /// The last response times in seconds, in no order.
    pub(super) fn recent(&self) -> &[f32] {
        self.recent.times()
    }

    /// CPU-seconds that each pod has used, by place, with its serial number.
    pub(super) fn used(&self) -> impl Iterator<Item = (u32, f64)> {
        self.servers.iter().map(|server| (server.serial, server.used))
    }

    /// The sum of all response times so far, in request-seconds.
    pub(super) fn latency_sum(&self) -> f64 {
        self.responses.sum * self.workload.task_weight()
    }

    /// Counts response times of intervals too from here on.
    pub(super) fn count_intervals(&mut self) {
        self.responses.count_intervals();
    }

    /// Response times in seconds that shares of the requests do not exceed which were served since the last call.
    pub(super) fn end_interval<const N: usize>(&mut self, shares: [f64; N]) -> [f64; N] {
        self.responses.end_interval(shares)
    }

    /// The distribution of response times.
    pub(super) fn histogram(&self) -> Histogram {
        self.responses.histogram(self.workload.task_weight())
    }

    /// Events handled.
    pub(super) fn events(&self) -> u64 {
        self.counts.events
    }
}
