//! A pod as a server: processor sharing of its CPU limit, with a virtual clock.
//!
//! Each of `k` computing requests gets `min(1, limit/k)` cores. The virtual clock is the CPU time that each request gets,
//! so a request that needs `s` leaves when the clock has moved by `s`, however often `k` has changed meanwhile: only the
//! order of finish tags matters, and an arrival or departure costs O(log k). Under CFS the clock stands still while the
//! pod is throttled.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use super::line::Line;
use super::quota::Quota;
use super::traffic::Request;
use crate::sim::settings::Throttling;

/// A request that computes, and the virtual time at which it will have got its CPU.
#[derive(Debug, Clone, Copy)]
struct Computing {
    tag: f64,
    request: Request,
}

impl PartialEq for Computing {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Computing {}

impl PartialOrd for Computing {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Computing {
    /// The first to finish is the greatest, since `BinaryHeap` gives that first; of equal ones the first to arrive.
    fn cmp(&self, other: &Self) -> Ordering {
        other.tag.total_cmp(&self.tag).then(other.request.arrived.total_cmp(&self.request.arrived))
    }
}

/// A pod's requests.
#[derive(Debug, Clone)]
pub(super) struct Server {
    /// Told apart from others that have stood in the same place.
    pub(super) serial: u32,
    /// Whether it takes new requests. One that does not only finishes what it holds.
    pub(super) serving: bool,
    /// Requests that wait in front of it.
    pub(super) waiting: Line,
    /// Requests that it has taken and that wait for others, without CPU.
    pub(super) idle: u32,
    /// CPU-seconds used so far.
    pub(super) used: f64,
    /// When it became ready.
    pub(super) opened: f64,
    /// Requests that it answered, and the sum of their response times in seconds.
    pub(super) answered: u64,
    pub(super) response_s: f64,
    limit: f64,
    /// CPU work that a core does in a second, in seconds of a core of the nominal speed.
    speed: f64,
    /// Under CFS, what it may still compute.
    quota: Option<Quota>,
    /// CPU work that each computing request gets done in a second.
    rate: f64,
    computing: BinaryHeap<Computing>,
    /// The virtual clock, and the time up to which it has run.
    clock: f64,
    at: f64,
    /// CPU-seconds that its computing requests still need, and that those which have finished needed.
    work: f64,
    done: f64,
}

impl Server {
    /// An idle pod of `limit` cores at `now`.
    pub(super) fn new(serial: u32, limit: f64, now: f64, throttling: Throttling) -> Self {
        Self {
            serial,
            serving: true,
            waiting: Line::default(),
            idle: 0,
            used: 0.0,
            opened: now,
            answered: 0,
            response_s: 0.0,
            limit,
            speed: 1.0,
            quota: (throttling == Throttling::Cfs).then(|| Quota::new(limit, now)),
            rate: 0.0,
            computing: BinaryHeap::new(),
            clock: 0.0,
            at: now,
            work: 0.0,
            done: 0.0,
        }
    }

    /// The same pod on a node of another speed, above 0.
    pub(super) fn of_speed(self, speed: f64) -> Self {
        Self { speed, ..self }
    }

    /// CPU work that a core of it does in a second, in seconds of a core of nominal speed.
    pub(super) fn speed(&self) -> f64 {
        self.speed
    }

    /// What stands in a place that no pod has.
    pub(super) fn gone(now: f64) -> Self {
        Self { serving: false, ..Self::new(u32::MAX, 1.0, now, Throttling::Even) }
    }

    /// Whether no pod stands here.
    pub(super) fn is_gone(&self) -> bool {
        self.serial == u32::MAX
    }

    /// Requests that it has taken, which hold its memory and count against its concurrency.
    #[inline]
    pub(super) fn taken(&self) -> u32 {
        self.computing.len() as u32 + self.idle
    }

    /// Requests that it has taken or that wait in front of it.
    #[inline]
    pub(super) fn outstanding(&self) -> u32 {
        self.taken() + self.waiting.len() as u32
    }

    /// CPU-seconds that requests need which it runs more than cores for, or that wait in front of it.
    pub(super) fn backlog(&self) -> f64 {
        let running = self.computing.len() as f64;
        let surplus = if running > 0.0 { (running - self.limit.max(1.0)).max(0.0) / running } else { 0.0 };
        surplus * self.work.max(0.0) + self.waiting.cpu_s()
    }

    /// CPU-seconds that requests have got, found one by one: what [`used`](Self::used) must be.
    pub(super) fn got(&self) -> f64 {
        let attained = |it: &Computing| it.request.cpu_s - (it.tag - self.clock);
        (self.done + self.computing.iter().map(attained).sum::<f64>()) / self.speed
    }

    /// Requests that it holds: those that compute, and those that wait in front of it.
    pub(super) fn held(&self) -> impl Iterator<Item = &Request> {
        self.computing.iter().map(|it| &it.request).chain(self.waiting.iter())
    }

    /// Requests that compute.
    pub(super) fn threads(&self) -> f64 {
        self.computing.len() as f64
    }

    /// Another limit, above 0, from `now` on; returns whether that changes anything.
    pub(super) fn set_limit(&mut self, now: f64, limit: f64) -> bool {
        if (limit - self.limit).abs() <= 1e-9 * limit {
            return false;
        }
        self.pass(now);
        self.limit = limit;
        if let Some(quota) = &mut self.quota {
            quota.set_limit(limit);
        }
        self.share();
        true
    }

    /// Lets time pass up to `now`, without a departure.
    #[inline]
    pub(super) fn pass(&mut self, now: f64) {
        let attained = match &mut self.quota {
            None => self.rate * (now - self.at).max(0.0),
            Some(quota) => {
                let threads = self.computing.len() as f64;
                quota.deliver(self.at, now.max(self.at), threads) * self.speed / threads.max(1.0)
            }
        };
        self.at = now;
        self.attain(attained);
    }

    /// Moves the virtual clock.
    #[inline]
    fn attain(&mut self, attained: f64) {
        let cpu_s = attained * self.computing.len() as f64;
        self.clock += attained;
        self.used += cpu_s / self.speed;
        self.work -= cpu_s;
    }

    /// A request begins to compute at `now`.
    #[inline]
    pub(super) fn start(&mut self, now: f64, mut request: Request) {
        request.taken = now;
        self.pass(now);
        self.computing.push(Computing { tag: self.clock + request.cpu_s, request });
        self.work += request.cpu_s;
        self.share();
    }

    /// The next request to finish, which there must be, has got its CPU at `now`.
    #[inline]
    pub(super) fn finish(&mut self, now: f64) -> Option<Request> {
        let tag = self.computing.peek()?.tag;
        if let Some(quota) = &mut self.quota {
            quota.deliver(self.at, now.max(self.at), self.computing.len() as f64);
        }
        // Exactly what it needed, whatever was lost in rounding the time of this event.
        self.at = now;
        self.attain((tag - self.clock).max(0.0));
        let done = self.computing.pop()?;
        self.done += done.request.cpu_s;
        if self.computing.is_empty() {
            (self.clock, self.work) = (0.0, 0.0);
        }
        self.share();
        Some(done.request)
    }

    fn share(&mut self) {
        self.rate = (self.limit / self.computing.len() as f64).min(1.0) * self.speed;
    }

    /// When the next request will have got its CPU, if nothing else happens; infinite when none computes.
    #[inline]
    pub(super) fn next(&self) -> f64 {
        let Some(first) = self.computing.peek() else { return f64::INFINITY };
        let needs = (first.tag - self.clock).max(0.0);
        match &self.quota {
            None => self.at + needs / self.rate,
            Some(quota) => {
                let threads = self.computing.len() as f64;
                quota.when(self.at, threads, needs * threads / self.speed)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::traffic::Ticket;
    use super::*;

    fn request(arrived: f64, cpu_s: f64) -> Request {
        Request { arrived, ticket: Ticket::default(), taken: arrived, cpu_s, service_s: cpu_s, idle_s: 0.0 }
    }

    /// Runs requests `(arrival, CPU)` through a pod, and says when each leaves, in order of departure.
    fn departures(limit: f64, requests: &[(f64, f64)]) -> (Vec<f64>, f64) {
        run(Throttling::Even, limit, requests)
    }

    fn run(throttling: Throttling, limit: f64, requests: &[(f64, f64)]) -> (Vec<f64>, f64) {
        let (mut pod, mut left) = (Server::new(0, limit, 0.0, throttling), Vec::new());
        for &(at, cpu_s) in requests {
            while pod.next() <= at {
                let now = pod.next();
                pod.finish(now);
                left.push(now);
            }
            pod.start(at, request(at, cpu_s));
        }
        while pod.next() < f64::INFINITY {
            let now = pod.next();
            pod.finish(now);
            left.push(now);
        }
        (left, pod.used)
    }

    #[test]
    fn requests_share_a_core_as_worked_by_hand() {
        // One core: the first computes alone for 1 s, then shares; the second (1 s) leaves at 3, the first (3 s) at 4.
        let (left, used) = departures(1.0, &[(0.0, 3.0), (1.0, 1.0)]);
        assert_eq!(left, [3.0, 4.0]);
        assert!((used - 4.0).abs() < 1e-12);
    }

    #[test]
    fn a_request_uses_no_more_than_a_core_and_a_pod_no_more_than_its_limit() {
        assert_eq!(departures(4.0, &[(0.0, 2.0), (0.0, 2.0)]).0, [2.0, 2.0], "cores enough");
        assert_eq!(departures(0.5, &[(0.0, 2.0)]).0, [4.0], "half a core");
        assert_eq!(departures(1.5, &[(0.0, 3.0), (0.0, 3.0)]).0, [4.0, 4.0], "three quarters each");
    }

    #[test]
    fn under_cfs_a_short_request_computes_at_full_speed_and_a_long_one_is_throttled() {
        let (left, used) = run(Throttling::Cfs, 0.5, &[(0.0, 0.04), (0.5, 0.1), (0.8, 0.03), (0.8, 0.03)]);
        // 40 ms fit the quota of 50 ms; of 100 ms, half in each of two periods; two threads share a quota and finish it.
        let expected = [0.04, 0.65, 0.905, 0.905];
        assert!(left.iter().zip(expected).all(|(left, expected)| (left - expected).abs() < 1e-9), "{left:?}");
        assert!((used - 0.2).abs() < 1e-9);
    }

    #[test]
    fn a_limit_that_changes_holds_from_then_on() {
        for (throttling, expected) in [(Throttling::Even, 4.0), (Throttling::Cfs, 4.0)] {
            let mut pod = Server::new(0, 1.0, 0.0, throttling);
            pod.start(0.0, request(0.0, 3.0));
            assert!(!pod.set_limit(1.0, 1.0) && pod.set_limit(1.0, 0.5));
            assert!(pod.set_limit(3.0, 1.0), "two seconds at half a core");
            assert!((pod.next() - expected).abs() < 0.051, "{throttling:?}: {}", pod.next());
            let end = pod.next();
            pod.finish(end);
            assert!((pod.used - 3.0).abs() < 1e-9 && (pod.got() - pod.used).abs() < 1e-9);
        }
    }

    #[test]
    fn a_faster_pod_takes_less_cpu_time_for_the_same_work() {
        for (throttling, leaves) in [(Throttling::Even, 2.0), (Throttling::Cfs, 1.95)] {
            // Two seconds of nominal work at double speed are one second of CPU, at half a core.
            let mut pod = Server::new(0, 0.5, 0.0, throttling).of_speed(2.0);
            pod.start(0.0, request(0.0, 2.0));
            let end = pod.next();
            assert!((end - leaves).abs() < 1e-9, "{throttling:?}: {end}");
            pod.pass(1.0);
            assert!((pod.got() - pod.used).abs() < 1e-12 && (pod.used - 0.5).abs() < 1e-9);
            pod.finish(end);
            assert!((pod.used - 1.0).abs() < 1e-9 && (pod.got() - 1.0).abs() < 1e-9);
        }
    }

    #[test]
    fn a_request_without_cpu_leaves_at_once() {
        let (left, used) = departures(1.0, &[(0.0, 0.0), (1.0, 5.0), (2.0, 0.0)]);
        assert_eq!(left, [0.0, 2.0, 6.0]);
        assert!((used - 5.0).abs() < 1e-12);
    }

    #[test]
    fn what_is_used_is_what_requests_needed_over_many_departures() {
        let requests: Vec<(f64, f64)> =
            (0..5000).map(|i| (f64::from(i) * 0.01, 0.001 + f64::from(i * 7919 % 100) * 2e-4)).collect();
        let needed: f64 = requests.iter().map(|it| it.1).sum();
        let (left, used) = departures(1.0, &requests);
        assert_eq!(left.len(), 5000);
        assert!((used / needed - 1.0).abs() < 1e-10, "{used} {needed}");
    }
}
