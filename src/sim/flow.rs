//! Requests as a fluid: arrivals, service, backlog, lateness and time-outs between two events, in closed form.
//!
//! Between events the arrival rate and the pods are constant. Without a backlog the queue is in steady state, and all
//! sums grow linearly. With one, requests leave first come, first served: the backlog is everything that arrived after
//! the head of the line did, the head moves through the recorded arrivals at the pace of service, and its age is what
//! requests wait.
//! ```text
//! pace = capacity / (rate at the head × CPU of a request there);   d(age)/dt = 1 − pace, up to the time-out
//! ```

use super::elasticity::{Curves, Gap};
use super::latency::Recorder;
use super::noise::Load;
use super::outcome::Totals;
use super::queue::Wait;
use super::response_times::Expected;
use super::workload::{Slot, Workload};

/// An age below which there is no backlog, in seconds.
const NO_AGE: f64 = 1e-9;

/// What is constant between two events.
#[derive(Debug, Clone, Copy)]
struct Regime {
    slot: usize,
    ready: f64,
    /// Requests per second that arrive, and the cores they need.
    rate: f64,
    cpu_s: f64,
    cores: f64,
    /// Cores that ready pods can use.
    capacity: f64,
    /// In steady state: requests per second that will be late, the wait, and requests in service or waiting.
    late_rate: f64,
    wait: Wait,
    service_s: f64,
    in_flight: f64,
    gap: Gap,
}

impl Regime {
    fn new(workload: &Workload, index: usize, ready: u32) -> Self {
        let slot = &workload.slots()[index];
        let pods = f64::from(ready);
        let wait = workload.wait(slot, ready);
        let capacity = pods * workload.pod().limit;
        let cores = slot.rate * slot.cpu_s;
        // Beyond capacity what cannot be served waits in the backlog, and pods are full.
        let in_flight = if cores <= capacity {
            slot.rate * (slot.service_s + wait.mean())
        } else {
            capacity / slot.cpu_s * slot.service_s
        };
        Self {
            slot: index,
            ready: pods,
            rate: slot.rate,
            cpu_s: slot.cpu_s,
            cores,
            capacity,
            late_rate: slot.rate * workload.lateness().share(slot.service_s, wait),
            wait,
            service_s: slot.service_s,
            in_flight,
            gap: Gap::new(f64::from(slot.demand), pods),
        }
    }

    /// Requests per second that pods can finish of those that need `cpu_s` each. Requests that need no CPU leave at once.
    fn departures(&self, cpu_s: f64) -> f64 {
        self.capacity / cpu_s.max(1e-9)
    }

    /// Whether pods keep up with what arrives. The same comparison as a backlog's pace, or the two could disagree by a
    /// rounding and time would stand still.
    fn sustainable(&self) -> bool {
        self.departures(self.cpu_s) >= self.rate
    }
}

/// The line of waiting requests: all that arrived since its head did.
#[derive(Debug, Clone, Copy, Default)]
struct Backlog {
    requests: f64,
    /// How long ago the head arrived, in seconds.
    age: f64,
    /// The slot in which the head arrived, and seconds from then to that slot's end.
    slot: usize,
    left: f64,
}

/// Flow of requests, with the sums it leaves behind.
#[derive(Debug, Clone)]
pub(super) struct Flow {
    /// What was counted so far.
    pub(super) totals: Totals,
    /// Distance of supply from demand.
    pub(super) curves: Curves,
    /// CPU-seconds that a pod which was ready all along has used.
    pub(super) used: f64,
    recorder: Recorder,
    regime: Regime,
    /// Seconds in steady state under this regime that the recorder has not seen yet.
    dwell: f64,
    backlog: Backlog,
    timeout: f64,
}

impl Flow {
    /// Flow at a slot with `ready` pods, without a backlog.
    pub(super) fn new(workload: &Workload, slot: usize, ready: u32, timeout: f64) -> Self {
        Self {
            totals: Totals::default(),
            curves: Curves::default(),
            used: 0.0,
            recorder: Recorder::default(),
            regime: Regime::new(workload, slot, ready),
            dwell: 0.0,
            backlog: Backlog::default(),
            timeout,
        }
    }

    /// Changes the slot or the number of ready pods.
    pub(super) fn set(&mut self, workload: &Workload, slot: usize, ready: u32) {
        self.flush();
        self.regime = Regime::new(workload, slot, ready);
    }

    /// The recorder, with everything up to now.
    pub(super) fn recorder(&mut self) -> &Recorder {
        self.flush();
        &self.recorder
    }

    /// Keeps the sum of response times alone.
    pub(super) fn only_count(&mut self) {
        self.recorder.keep_the_sum();
    }

    /// The sum of all response times up to now, in request-seconds.
    pub(super) fn latency_sum(&self) -> f64 {
        let regime = &self.regime;
        self.recorder.sum() + regime.rate * self.dwell * (regime.service_s + regime.wait.mean())
    }

    fn flush(&mut self) {
        let regime = &self.regime;
        self.recorder.stationary(regime.rate * self.dwell, regime.service_s, regime.wait);
        self.dwell = 0.0;
    }

    /// Requests that wait in a backlog.
    pub(super) fn backlog(&self) -> f64 {
        self.backlog.requests
    }

    /// How old the oldest waiting request is, in seconds.
    pub(super) fn age(&self) -> f64 {
        self.backlog.age
    }

    /// Work that waits, in seconds of `pods` pods.
    pub(super) fn backlog_seconds(&self, workload: &Workload) -> f64 {
        let cpu_s = workload.slots()[self.backlog.slot].cpu_s;
        self.backlog.requests * cpu_s / (self.regime.ready.max(1.0) * workload.pod().limit)
    }

    /// Requests that pods hold: in service, and waiting.
    pub(super) fn in_flight(&self) -> f64 {
        self.regime.in_flight + self.backlog.requests
    }

    /// Requests that wait: in a backlog, or for the moment.
    pub(super) fn queue(&self) -> f64 {
        self.backlog.requests + if self.regime.sustainable() { self.regime.rate * self.regime.wait.mean() } else { 0.0 }
    }

    /// Response time of a request that arrives now.
    pub(super) fn expected<'a>(&self, workload: &'a Workload) -> Expected<'a> {
        let regime = &self.regime;
        Expected {
            service_s: regime.service_s,
            age_s: self.backlog.age,
            wait: if self.backlog.requests > 0.0 { Wait::NONE } else { regime.wait },
            law: workload.law(),
        }
    }

    /// What CPU swings around; `None` while pods are full, or none serves.
    pub(super) fn load(&self, workload: &Workload) -> Option<Load> {
        let regime = &self.regime;
        if self.backlog.requests > 0.0 || !regime.sustainable() || regime.ready <= 0.0 {
            return None;
        }
        let slot = &workload.slots()[regime.slot];
        Some(Load {
            tasks_per_s: workload.tasks_per_s(slot),
            cpu_s: workload.task_cpu_s(slot),
            busy_s: slot.busy_s,
            scv: 2.0 * workload.law().variability() - 1.0,
            slot_s: workload.interval_us() as f64 / 1e6,
            capacity: regime.capacity,
        })
    }

    /// Pods used so many CPU-seconds more, together, than in the mean.
    pub(super) fn swing(&mut self, cpu_seconds: f64) {
        if self.regime.ready > 0.0 {
            self.used += cpu_seconds / self.regime.ready;
        }
    }

    /// How fast a backlog grows, in requests per second; not above 0 when it does not.
    pub(super) fn growth(&self, workload: &Workload) -> f64 {
        if self.regime.sustainable() && self.backlog.requests <= 0.0 {
            return 0.0;
        }
        let head = &workload.slots()[if self.backlog.age > 0.0 { self.backlog.slot } else { self.regime.slot }];
        self.regime.rate - self.departures(head)
    }

    /// Requests per second that leave a backlog whose head is in `head`.
    fn departures(&self, head: &Slot) -> f64 {
        self.regime.departures(head.cpu_s)
    }

    /// Lets `seconds` pass; the current slot ends no earlier, `to_slot_end` seconds from now.
    #[inline]
    pub(super) fn advance(&mut self, workload: &Workload, seconds: f64, to_slot_end: f64) {
        self.curves.hold(&self.regime.gap, seconds);
        let arrived = self.regime.rate * seconds;
        self.totals.offered += arrived;
        if self.regime.ready <= 0.0 {
            self.totals.cold += arrived;
        }
        if self.backlog.requests <= 0.0 && self.regime.sustainable() {
            self.serve(seconds);
        } else {
            self.work_off(workload, seconds, to_slot_end);
        }
    }

    /// Steady state: what arrives is served.
    #[inline]
    fn serve(&mut self, seconds: f64) {
        let regime = &self.regime;
        self.totals.completed += regime.rate * seconds;
        self.totals.late += regime.late_rate * seconds;
        self.totals.cpu_seconds += regime.cores * seconds;
        if regime.ready > 0.0 {
            self.used += regime.cores / regime.ready * seconds;
        }
        self.dwell += seconds;
    }

    fn work_off(&mut self, workload: &Workload, seconds: f64, to_slot_end: f64) {
        let mut rest = seconds;
        while rest > 0.0 {
            if self.backlog.requests <= 0.0 {
                if self.regime.sustainable() {
                    return self.serve(rest);
                }
                let left = to_slot_end - (seconds - rest);
                self.backlog = Backlog { requests: 0.0, age: 0.0, slot: self.regime.slot, left };
            }
            rest -= self.step(workload, rest);
        }
    }

    /// Moves the head of the line for up to `rest` seconds, within one slot and one side of the time-out; returns the
    /// seconds that passed.
    fn step(&mut self, workload: &Workload, rest: f64) -> f64 {
        let line = self.backlog;
        let head = &workload.slots()[line.slot];
        let behind = line.slot < self.regime.slot;
        if behind && (line.left <= NO_AGE || head.rate <= 0.0) {
            let left = workload.interval_us() as f64 / 1e6;
            self.backlog = Backlog { slot: line.slot + 1, left, age: (line.age - line.left).max(0.0), ..line };
            return 0.0;
        }
        if head.rate <= 0.0 {
            self.close();
            return 0.0;
        }
        let leaving = self.departures(head);
        let timed_out = line.age >= self.timeout - NO_AGE && leaving < head.rate;
        let pace = if timed_out { 1.0 } else { leaving / head.rate };
        let mut seconds = rest;
        if behind && pace > 0.0 {
            seconds = seconds.min(line.left / pace);
        }
        if pace > 1.0 {
            seconds = seconds.min(line.age / (pace - 1.0));
        } else if pace < 1.0 {
            seconds = seconds.min((self.timeout - line.age) / (1.0 - pace));
        }
        let age = (line.age + (1.0 - pace) * seconds).clamp(0.0, self.timeout);
        self.depart(workload, head, leaving * seconds, age);
        let dropped = if timed_out { (head.rate - leaving) * seconds } else { 0.0 };
        self.totals.dropped += dropped;
        self.backlog.requests += self.regime.rate * seconds - leaving * seconds - dropped;
        self.backlog.left -= pace * seconds;
        self.backlog.age = age;
        if self.backlog.requests <= 0.0 || (age <= NO_AGE && pace > 1.0) {
            self.close();
        }
        seconds
    }

    /// Serves `requests` from the head of the line while its age moves to `age`.
    fn depart(&mut self, workload: &Workload, head: &Slot, requests: f64, age: f64) {
        if requests <= 0.0 {
            return;
        }
        let (from, wait) = (self.backlog.age, self.regime.wait);
        self.totals.completed += requests;
        self.totals.late += requests * workload.lateness().share_behind(head.service_s, wait, from, age);
        self.totals.cpu_seconds += requests * head.cpu_s;
        self.used += requests * head.cpu_s / self.regime.ready;
        self.recorder.behind(requests, head.service_s, wait, from, age);
    }

    /// The line is worked off. What rounding left in it was served.
    fn close(&mut self) {
        self.totals.completed += self.backlog.requests;
        self.backlog = Backlog::default();
    }

    /// Loses a share of all requests in flight, oldest first, as when a pod dies.
    pub(super) fn lose(&mut self, workload: &Workload, share: f64) {
        // What is in service was counted as served already, a part of it as late.
        let in_service = (self.regime.in_flight * share).min(self.totals.completed);
        if in_service > 0.0 {
            self.totals.late *= 1.0 - in_service / self.totals.completed;
        }
        self.totals.completed -= in_service;
        self.totals.dropped += in_service;
        let mut rest = self.backlog.requests * share;
        while rest > 0.0 && self.backlog.requests > 0.0 {
            let line = &mut self.backlog;
            let rate = workload.slots()[line.slot].rate;
            let newest = line.slot >= self.regime.slot;
            let here = rate * if newest { line.age } else { line.left };
            let lost = rest.min(here);
            let moved = if rate > 0.0 { lost / rate } else { line.left };
            line.age = (line.age - moved).max(0.0);
            line.left -= moved;
            line.requests -= lost;
            self.totals.dropped += lost;
            rest -= lost;
            if newest {
                break;
            }
            if lost >= here {
                line.slot += 1;
                line.left = workload.interval_us() as f64 / 1e6;
            }
        }
    }
}
