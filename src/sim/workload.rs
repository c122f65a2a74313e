//! A recorded series as work for pods: per slot, how many requests arrive and what each takes.
//!
//! A workload is immutable and shared between runs. Its clock starts at the series' first slot.

use std::ops::Range;

use super::control::LOAD_STEP;
use super::gaps;
use super::law::ServiceLaw;
use super::queue::{Lateness, Wait};
use super::settings::{self, Settings};
use crate::error::InputError;
use crate::trace::{Header, Series};
use crate::units::{SimTime, micros};

/// More pods than this are a mistake of units.
const MOST_PODS: f64 = 1e7;

/// CPU time of a request when nothing is known, and of the tasks that CPU recorded without requests consists of.
const DEFAULT_CPU_S: f64 = 0.1;

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
}

impl PodShape {
    /// The shape of the pods of `[pod]`.
    #[must_use]
    pub fn new(pod: &settings::Pod) -> Self {
        let limit = pod.limit().cores().max(1e-3);
        let servers = limit.round().max(1.0);
        Self { request: pod.cpu_request.cores().max(1e-3), limit, servers, speed: limit / servers }
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
}

impl Workload {
    /// Makes the workload of one series.
    ///
    /// # Errors
    /// A series without slots or without load columns, one without any load under `fit_pods`, or a load beyond 10
    /// million pods.
    pub fn new(series: &Series, header: &Header, settings: &Settings) -> Result<Self, InputError> {
        let pod = PodShape::new(&settings.pod);
        let law = ServiceLaw::new(settings.workload.service_cv);
        let lateness = Lateness::new(&settings.slo, &law);
        let interval_s = header.interval().as_secs_f64();
        let mut slots = arrivals(series, interval_s, &settings.workload, pod)?;
        let factor = scale(&slots, &settings.workload).map_err(|error| named(error, &series.function))?;
        for slot in &mut slots {
            slot.rate *= factor;
            slot.load *= factor;
        }
        check(&slots).map_err(|error| named(error, &series.function))?;
        set_demand(&mut slots, pod, &lateness, law.variability(), 1.0 - settings.slo.target.fraction());
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
            request_pod_seconds: if requests > 0.0 { work / requests } else { DEFAULT_CPU_S / pod.request },
        })
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
        let slots = i64::try_from(self.slots.len()).unwrap_or(i64::MAX);
        SimTime::ZERO..SimTime(self.interval_us.saturating_mul(slots))
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
        wait(slot, f64::from(pods), self.pod, self.law.variability())
    }
}

fn named(error: InputError, function: &str) -> InputError {
    InputError { problem: format!("function {function:?}: {}", error.problem), ..error }
}

fn wait(slot: &Slot, pods: f64, pod: PodShape, variability: f64) -> Wait {
    let load = slot.load * pod.request / (pods * pod.limit);
    Wait::stationary(pods * pod.servers, load, slot.busy_s, variability)
}

/// Rate, CPU and service time of each slot, unscaled.
fn arrivals(
    series: &Series,
    interval_s: f64,
    settings: &settings::Workload,
    pod: PodShape,
) -> Result<Vec<Slot>, InputError> {
    let filled = |column: &Option<Vec<f64>>| gaps::fill(column.as_deref()?, settings.gaps);
    let (requests, cpu) = (filled(&series.requests), filled(&series.cpu_millicores));
    let duration = filled(&series.duration_ms).or_else(|| filled(&series.duration_p50_ms));
    let slots = match (&requests, &cpu) {
        (Some(requests), _) => {
            let one = |(i, &count): (usize, &f64)| {
                let cores = cpu.as_ref().map(|cpu| cpu[i] / 1e3);
                let duration = duration.as_ref().map(|duration| duration[i] / 1e3);
                request_slot(count / interval_s, cores, duration, settings, pod)
            };
            requests.iter().enumerate().map(one).collect()
        }
        (None, Some(cpu)) => cpu.iter().map(|&milli| work_slot(milli / 1e3, settings, pod)).collect(),
        (None, None) => Vec::new(),
    };
    if slots.is_empty() || interval_s <= 0.0 {
        let help = "leave it out with --function, or ingest its requests or its CPU";
        let problem = format!("function {:?} has no recorded load", series.function);
        return Err(InputError::new(problem, help));
    }
    Ok(slots)
}

/// A slot of requests. What a request computes comes from the CPU of the slot, else from the settings, else from its
/// duration; the rest of a recorded duration is waiting for others, which takes no CPU.
fn request_slot(
    rate: f64,
    cores: Option<f64>,
    duration_s: Option<f64>,
    settings: &settings::Workload,
    pod: PodShape,
) -> Slot {
    let measured = cores.filter(|_| rate > 0.0).map(|cores| cores / rate);
    let given = settings.cpu_per_request_ms.map(|milli| milli / 1e3);
    let derived = duration_s.map(|duration| duration * settings.cpu_share);
    let cpu_s = measured.or(given).or(derived).unwrap_or(DEFAULT_CPU_S);
    let idle_s = duration_s.map_or(0.0, |duration| (duration - cpu_s).max(0.0));
    let busy_s = cpu_s / pod.speed;
    Slot { rate, cpu_s, busy_s, service_s: busy_s + idle_s, load: rate * cpu_s / pod.request, demand: 0 }
}

/// A slot of CPU without requests: work counted in pod-seconds, which queues as tasks of the CPU time of a request.
fn work_slot(cores: f64, settings: &settings::Workload, pod: PodShape) -> Slot {
    let task_s = settings.cpu_per_request_ms.map_or(DEFAULT_CPU_S, |milli| milli / 1e3).min(pod.request);
    let busy_s = task_s / pod.speed;
    let load = cores / pod.request;
    Slot { rate: load, cpu_s: pod.request, busy_s, service_s: busy_s, load, demand: 0 }
}

/// The factor that `scale` and `fit_pods` ask for.
fn scale(slots: &[Slot], settings: &settings::Workload) -> Result<f64, InputError> {
    let Some(pods) = settings.fit_pods else { return Ok(settings.scale) };
    let mut loads: Vec<f64> = slots.iter().map(|slot| slot.load).collect();
    loads.sort_unstable_by(f64::total_cmp);
    let high = loads[((loads.len() - 1) as f64 * 0.995).round() as usize];
    let fitted = if high > 0.0 { high } else { loads[loads.len() - 1] };
    if fitted <= 0.0 {
        let help = "leave the function out with --function, or leave out workload.fit_pods";
        return Err(InputError::new("there is no load to scale", help).field("workload.fit_pods"));
    }
    Ok(settings.scale * 0.8 * pods / fitted)
}

fn check(slots: &[Slot]) -> Result<(), InputError> {
    let most = slots.iter().map(|slot| slot.load).fold(0.0, f64::max);
    let sane = |slot: &Slot| slot.load <= MOST_PODS && slot.rate.is_finite() && slot.service_s.is_finite();
    if slots.iter().all(sane) {
        return Ok(());
    }
    let help = "check the units of the trace (--map FIELD=COLUMN:UNIT), workload.scale and pod.cpu_request";
    Err(InputError::new(format!("its peak load is worth {most:.3e} pods"), help))
}

/// Sets each slot's demand: the least number of pods whose late share in steady state is at most `allowed` (or, where
/// requests are late of themselves, exceeds that by no more).
fn set_demand(slots: &mut [Slot], pod: PodShape, lateness: &Lateness, variability: f64, allowed: f64) {
    let allowed = allowed.max(1e-6);
    let mut last = (Slot::default(), 0);
    for slot in slots {
        // Neighbours are often alike, above all in traces of few requests.
        if (slot.load, slot.rate, slot.service_s) != (last.0.load, last.0.rate, last.0.service_s) {
            let unavoidable = lateness.unavoidable(slot.service_s);
            let limit = if unavoidable > allowed { unavoidable + allowed } else { allowed };
            let share = |pods: u32| lateness.share(slot.service_s, wait(slot, f64::from(pods), pod, variability));
            last = (*slot, least((slot.load * pod.request / pod.limit).ceil() as u32, |pods| share(pods) <= limit));
        }
        slot.demand = if slot.load > 0.0 { last.1 } else { 0 };
    }
}

/// The least number from `from` (or 1) up that is `enough`, which holds from some number on.
fn least(from: u32, enough: impl Fn(u32) -> bool) -> u32 {
    let from = from.max(1);
    let mut step = 1;
    let (mut low, mut high) = (from, from);
    while !enough(high) && step <= 1 << 24 {
        low = high + 1;
        high = from + step;
        step *= 2;
    }
    while low < high {
        let middle = low.midpoint(high);
        if enough(middle) { high = middle } else { low = middle + 1 }
    }
    high
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
