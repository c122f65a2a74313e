//! A recorded series as work for pods: per slot, how many requests arrive and what each takes.
//!
//! A workload is immutable and shared between runs. Its clock starts at the series' first slot.

mod resize;
mod surge;

use std::ops::Range;

use super::arrivals::{self, DEFAULT_CPU_S};
use super::control::LOAD_STEP;
use super::demand;
use super::law::ServiceLaw;
use super::queue::{Lateness, Wait};
use super::settings::{self, Settings};
use crate::error::InputError;
use crate::trace::{Header, Series};
use crate::units::{SimTime, micros};

/// What arrives during one slot of the trace.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Slot {
    /// Requests per second. In a trace without requests, pod-seconds of work per second.
    pub rate: f64,
    /// CPU-seconds that each takes.
    pub cpu_s: f64,
    /// How long a unit of it holds one server of a pod, in seconds: what queues are made of.
    pub busy_s: f64,
    /// Response time without any wait, in seconds.
    pub service_s: f64,
    /// Load in pods' worth of their CPU request.
    pub load: f64,
    /// The least number of pods that meets the objective at this load.
    pub demand: u32,
}

/// The servers that a pod is: `servers` run one request each, `speed` cores fast.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PodShape {
    /// CPU request in cores.
    pub request: f64,
    /// CPU limit in cores.
    pub limit: f64,
    /// Requests that a pod runs at full speed at once.
    pub servers: f64,
    /// Cores that each of them gets.
    pub speed: f64,
    /// Requests that a pod takes at a time.
    pub concurrency: u32,
}

impl PodShape {
    /// The shape of the pods of `[pod]`.
    #[must_use]
    pub fn new(pod: &settings::Pod) -> Self {
        let limit = pod.limit().cores().max(1e-3);
        let servers = limit.round().max(1.0);
        Self {
            request: pod.cpu_request.cores().max(1e-3),
            limit,
            servers,
            speed: limit / servers,
            concurrency: pod.concurrency,
        }
    }

    /// Whether a pod takes more requests than it runs at full speed, so that they share its CPU.
    #[must_use]
    pub fn shares(self) -> bool {
        f64::from(self.concurrency) > self.servers
    }
}

/// A function's recorded traffic, ready to be simulated.
#[derive(Debug, Clone, PartialEq)]
pub struct Workload {
    function: String,
    slots: Vec<Slot>,
    interval_us: i64,
    start_ms: i64,
    origin_ms: Option<i64>,
    load: Vec<f32>,
    pod: PodShape,
    lateness: Lateness,
    law: ServiceLaw,
    request_pod_seconds: f64,
    task_weight: f64,
}

impl Workload {
    /// Makes the workload of one series.
    ///
    /// # Errors
    /// A series without slots or without load columns, one without any load under `fit_pods`, or a load beyond 10
    /// million pods.
    pub fn new(series: &Series, header: &Header, settings: &Settings) -> Result<Self, InputError> {
        let pod = PodShape::new(&settings.pod);
        let law = ServiceLaw::of_family(settings.workload.service_cv, settings.workload.service_law);
        let lateness = Lateness::new(&settings.slo, &law);
        let interval_s = header.interval().as_secs_f64();
        let mut slots = arrivals::slots(series, interval_s, &settings.workload, pod)?;
        let factor = arrivals::scale(&slots, &settings.workload).map_err(|error| named(error, &series.function))?;
        for slot in &mut slots {
            slot.rate *= factor;
            slot.load *= factor;
        }
        arrivals::check(&slots).map_err(|error| named(error, &series.function))?;
        demand::set(&mut slots, pod, &lateness, law.variability(), 1.0 - settings.slo.target.fraction());
        let (work, requests) = slots.iter().fold((0.0, 0.0), |(w, r), slot| (w + slot.load, r + slot.rate));
        Ok(Self {
            function: series.function.clone(),
            load: per_step(&slots, micros(header.interval()), micros(LOAD_STEP)),
            slots,
            interval_us: micros(header.interval()),
            start_ms: series.start_ms,
            origin_ms: header.origin_ms,
            pod,
            lateness,
            law,
            task_weight: arrivals::task_weight(series, &settings.workload, pod),
            request_pod_seconds: if requests > 0.0 { work / requests } else { DEFAULT_CPU_S / pod.request },
        })
    }

    /// Whether a series has anything to replay: requests or CPU, and, where `fit_pods` is to scale it, work for pods.
    /// Requests that take no CPU are none.
    #[must_use]
    pub fn is_loaded(series: &Series, header: &Header, settings: &Settings) -> bool {
        if settings.workload.fit_pods.is_none() {
            let above_zero = |column: &Option<Vec<f64>>| column.iter().flatten().any(|&x| x > 0.0);
            return above_zero(&series.requests) || above_zero(&series.cpu_millicores);
        }
        let pod = PodShape::new(&settings.pod);
        let slots = arrivals::slots(series, header.interval().as_secs_f64(), &settings.workload, pod);
        slots.is_ok_and(|slots| slots.iter().any(|slot| slot.load > 0.0))
    }

    /// The function's name.
    #[must_use]
    pub fn function(&self) -> &str {
        &self.function
    }

    /// What arrives, slot by slot.
    #[must_use]
    pub fn slots(&self) -> &[Slot] {
        &self.slots
    }

    /// Length of a slot in microseconds.
    #[must_use]
    pub fn interval_us(&self) -> i64 {
        self.interval_us
    }

    /// Length of the whole series.
    #[must_use]
    pub fn duration(&self) -> std::time::Duration {
        self.window().end.since(SimTime::ZERO)
    }

    /// The whole series, from its first slot.
    #[must_use]
    pub fn window(&self) -> Range<SimTime> {
        SimTime::ZERO..self.slot_end(self.slots.len() - 1)
    }

    /// When the `slot`-th slot ends.
    #[must_use]
    pub fn slot_end(&self, slot: usize) -> SimTime {
        SimTime(self.interval_us.saturating_mul(i64::try_from(slot + 1).unwrap_or(i64::MAX)))
    }

    /// Index of the slot at `now`; the last one beyond the end.
    #[must_use]
    pub fn slot_at(&self, now: SimTime) -> usize {
        ((now.0.max(0) / self.interval_us) as usize).min(self.slots.len() - 1)
    }

    /// Offered load in pods' worth of capacity, one mean per [`LOAD_STEP`] of the whole series.
    #[must_use]
    pub fn load(&self) -> &[f32] {
        &self.load
    }

    /// The part of [`load`](Self::load) that is known at `now`: whole steps only.
    #[must_use]
    pub fn load_until(&self, now: SimTime) -> &[f32] {
        let steps = (now.0.max(0) / micros(LOAD_STEP)) as usize;
        &self.load[..steps.min(self.load.len())]
    }

    /// Seconds from the trace's origin to the series' first slot.
    #[must_use]
    pub fn offset_s(&self) -> f64 {
        self.start_ms as f64 / 1e3
    }

    /// Time of day at `now`, in seconds since midnight UTC; `None` when the trace has no origin.
    #[must_use]
    pub fn second_of_day(&self, now: SimTime) -> Option<f64> {
        let start = self.origin_ms?.saturating_add(self.start_ms).rem_euclid(86_400_000);
        Some((start as f64 / 1e3 + now.secs()).rem_euclid(86_400.0))
    }

    /// Time of week at `now`, in seconds since Monday midnight UTC; `None` when the trace has no origin.
    #[must_use]
    pub fn second_of_week(&self, now: SimTime) -> Option<f64> {
        // The first of January 1970 was a Thursday.
        let since = self.origin_ms?.saturating_add(self.start_ms).rem_euclid(604_800_000) as f64 / 1e3;
        Some((since + 3.0 * 86_400.0 + now.secs()).rem_euclid(604_800.0))
    }

    /// CPU-seconds of a task of a slot: of a request, or of a piece of work in a trace without requests.
    #[must_use]
    pub fn task_cpu_s(&self, slot: &Slot) -> f64 {
        slot.busy_s * self.pod.speed
    }

    /// Tasks per second that arrive during a slot.
    #[must_use]
    pub fn tasks_per_s(&self, slot: &Slot) -> f64 {
        slot.rate / self.task_weight()
    }

    /// How many tasks arrive within a window: requests that the request level would simulate one by one.
    #[must_use]
    pub fn tasks_in(&self, window: &Range<SimTime>) -> f64 {
        let (from, to) = (window.start.max(SimTime::ZERO), window.end.min(self.window().end));
        if from >= to {
            return 0.0;
        }
        let within = |(index, slot): (usize, &Slot)| {
            let end = self.slot_end(index);
            let begins = SimTime(end.0 - self.interval_us);
            self.tasks_per_s(slot) * end.min(to).since(begins.max(from)).as_secs_f64()
        };
        let slots = self.slot_at(from)..=self.slot_at(to);
        self.slots.iter().enumerate().filter(|(index, _)| slots.contains(index)).map(within).sum()
    }

    /// What a task counts in units of [`Slot::rate`]: a request is 1, a piece of work its share of a pod-second.
    #[must_use]
    pub fn task_weight(&self) -> f64 {
        self.task_weight
    }

    /// The pods this workload was made for.
    #[must_use]
    pub fn pod(&self) -> PodShape {
        self.pod
    }

    /// Which requests are late.
    #[must_use]
    pub fn lateness(&self) -> &Lateness {
        &self.lateness
    }

    /// The law of service times.
    #[must_use]
    pub fn law(&self) -> &ServiceLaw {
        &self.law
    }

    /// Pod-seconds that serving a request takes at full use of the CPU request, in the mean: the unit in which
    /// violations are priced.
    #[must_use]
    pub fn request_pod_seconds(&self) -> f64 {
        self.request_pod_seconds
    }

    /// The wait in steady state with `pods` ready pods during a slot.
    #[must_use]
    pub fn wait(&self, slot: &Slot, pods: u32) -> Wait {
        demand::wait(slot, f64::from(pods), self.pod, self.law.variability())
    }
}

fn named(error: InputError, function: &str) -> InputError {
    InputError { problem: format!("function {function:?}: {}", error.problem), ..error }
}

/// Means of the load over steps of `step_us`, from slots of `interval_us`. A step cut by the end counts what is there.
fn per_step(slots: &[Slot], interval_us: i64, step_us: i64) -> Vec<f32> {
    let end = interval_us.saturating_mul(i64::try_from(slots.len()).unwrap_or(i64::MAX));
    let mut load = Vec::with_capacity((end / step_us + 1) as usize);
    let mut from = 0;
    while from < end {
        let to = (from + step_us).min(end);
        let (mut sum, mut at) = (0.0, from);
        while at < to {
            let slot = at / interval_us;
            let until = ((slot + 1) * interval_us).min(to);
            sum += slots[slot as usize].load * (until - at) as f64;
            at = until;
        }
        load.push((sum / (to - from) as f64) as f32);
        from = to;
    }
    load
}

#[cfg(test)]
#[path = "workload_tests.rs"]
mod tests;
