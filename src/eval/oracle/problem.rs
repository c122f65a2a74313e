//! A window of a workload as an instance of the dynamic programme.

use std::ops::Range;

use super::dp::{Instance, Late};
use crate::sim::law::normal_quantile;
use crate::sim::settings::Startup;
use crate::sim::{self, LOAD_STEP, Workload};
use crate::units::{Replicas, SimTime, micros};

/// The grid reaches to this multiple of the wait that is allowed.
const DEEP: f64 = 4.0;

/// An instance, and what it was made from.
pub(super) struct Problem<'a> {
    pub(super) instance: Instance,
    workload: &'a Workload,
    /// Price of a late request in pod-seconds.
    price: f64,
    /// The slot of the trace in each step.
    slots: Vec<usize>,
}

impl<'a> Problem<'a> {
    pub(super) fn new(
        workload: &'a Workload,
        world: &sim::Settings,
        window: &Range<SimTime>,
        most: Replicas,
        bins: usize,
    ) -> Self {
        let step_us = micros(LOAD_STEP);
        let first = (window.start.0 / step_us) as usize;
        let last = ((window.end.0 + step_us - 1) / step_us) as usize;
        let load = workload.load().get(first..last.min(workload.load().len())).unwrap_or_default();
        let slots = (0..load.len()).map(|step| workload.slot_at(window.start + LOAD_STEP * step as u32)).collect();
        let load: Vec<f64> = load.iter().map(|&load| f64::from(load)).collect();
        let used = &workload.slots()[workload.slot_at(window.start)..=workload.slot_at(window.end)];
        let demand = used.iter().map(|slot| slot.demand as usize).max().unwrap_or(1);
        let pods = (3 * demand + 2).min(most.max(1) as usize);
        let peak = load.iter().copied().fold(0.0, f64::max).max(1e-3);
        let service = used.iter().map(|slot| slot.service_s).fold(0.0, f64::max);
        let deepest = DEEP * allowance(&world.slo, service) * peak;
        let shape = workload.pod();
        let instance = Instance {
            step_s: LOAD_STEP.as_secs_f64(),
            load,
            capacity: shape.limit / shape.request,
            pods,
            bins,
            bin: deepest / (bins - 1) as f64,
            start: mean_start(&world.startup) + start_price(world),
        };
        Self { instance, workload, price: world.prices.violation * workload.request_pod_seconds(), slots }
    }

    pub(super) fn late(&self) -> Lateness<'_> {
        Lateness { problem: self, last: None }
    }
}

/// The longest wait that leaves a request in time, in seconds, at least 50 ms so that the grid has a size.
fn allowance(slo: &sim::settings::Slo, service_s: f64) -> f64 {
    let slack = slo.slack.as_secs_f64() + (slo.slowdown - 1.0) * service_s;
    slo.latency.map_or(slack, |latency| latency.as_secs_f64()).max(0.05)
}

/// The mean time from a pod's creation to its readiness, in seconds.
#[must_use]
pub fn mean_start(startup: &Startup) -> f64 {
    const POINTS: u32 = 1000;
    let (median, p99) = (startup.median.as_secs_f64(), startup.p99.as_secs_f64());
    let sigma = if median > 0.0 { (p99 / median).max(1.0).ln() / normal_quantile(0.99) } else { 0.0 };
    let probe = startup.probe_period.as_secs_f64();
    let one = |point: u32| {
        let level = (f64::from(point) + 0.5) / f64::from(POINTS);
        let seconds = startup.fixed.as_secs_f64() + median * (sigma * normal_quantile(level)).exp();
        if probe > 0.0 { (seconds / probe).ceil() * probe } else { seconds }
    };
    let ready = (0..POINTS).map(one).sum::<f64>() / f64::from(POINTS);
    ready + (1.0 - startup.image_cached) * startup.image_pull.as_secs_f64()
}

/// The price of a pod start in pod-seconds.
fn start_price(world: &sim::Settings) -> f64 {
    let pod = &world.pod;
    let hour = pod.cpu_request.cores() * world.prices.cpu_hour + pod.memory_request.gib() * world.prices.gib_hour;
    if hour > 0.0 { world.prices.pod_start / hour * 3600.0 } else { 0.0 }
}

/// Late work by the workload's laws.
pub(super) struct Lateness<'a> {
    problem: &'a Problem<'a>,
    /// The slot of the last step, its load, and the rate at which its backlog came.
    last: Option<(usize, u64, u64)>,
}

impl Lateness<'_> {
    /// The rate at which a backlog before `step` came. What is older than this slot came at that slot's rate: the larger
    /// one keeps ages lower bounds.
    fn rate(&self, step: usize) -> f64 {
        let load = &self.problem.instance.load;
        load[step].max(step.checked_sub(1).map_or(0.0, |before| load[before]))
    }
}

impl Late for Lateness<'_> {
    fn changed(&mut self, step: usize) -> bool {
        let load = self.problem.instance.load[step].to_bits();
        self.last.replace((self.problem.slots[step], load, self.rate(step).to_bits())) != self.last
    }

    /// With the backlog `b(t) = b + (load − x · capacity) t`, work leaves at the pods' pace while `b > 0`, at age
    /// `b / load`; without a backlog the queue is in steady state. Work beyond the grid is lost, at the full price.
    fn fill(&mut self, step: usize, pods: usize, row: &mut [f32]) {
        let problem = self.problem;
        let it = &problem.instance;
        let slot = &problem.workload.slots()[problem.slots[step]];
        let (load, span) = (it.load[step], it.step_s);
        if load <= 0.0 || slot.load <= 0.0 {
            return row.fill(0.0);
        }
        let rate = self.rate(step);
        let lateness = problem.workload.lateness();
        let wait = problem.workload.wait(slot, pods as u32);
        let steady = lateness.share(slot.service_s, wait);
        let pace = pods as f64 * it.capacity;
        let (net, deepest) = (load - pace, it.bin * (it.bins - 1) as f64);
        let price = problem.price * slot.rate / slot.load;
        for (bin, cost) in row.iter_mut().enumerate() {
            let before = bin as f64 * it.bin;
            let after = before + net * span;
            let behind = if after >= 0.0 && (before > 0.0 || net > 0.0) { span } else { (before / -net).min(span) };
            let mut late = steady * load * (span - behind);
            if behind > 0.0 {
                let (from, to) = (before / rate, after.clamp(0.0, deepest) / rate);
                late += pace * behind * lateness.share_behind(slot.service_s, wait, from, to);
            }
            *cost = ((late + (after - deepest).max(0.0)) * price) as f32;
        }
    }
}
