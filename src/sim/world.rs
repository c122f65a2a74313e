//! The state of a run that time and replicas change: traffic, pods, scrapes. It decides nothing.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use super::control::{Knobs, Telemetry};
use super::elasticity::Reversals;
use super::flow::Flow;
use super::memory::Memory;
use super::metrics::{Scrape, Scrapes};
use super::outcome::TimelineRow;
use super::pods::Pods;
use super::settings::Settings;
use super::startup::StartLaw;
use super::workload::{Slot, Workload};
use crate::units::{Replicas, SimTime};

/// Traffic, pods and scrapes at an instant.
#[derive(Debug, Clone)]
pub(super) struct World {
    pub(super) workload: Arc<Workload>,
    pub(super) now: SimTime,
    pub(super) window: Range<SimTime>,
    pub(super) flow: Flow,
    pub(super) pods: Pods,
    pub(super) scrapes: Scrapes,
    /// `scale.spec.replicas`, its largest value so far, and its integral.
    pub(super) replicas: Replicas,
    pub(super) most_replicas: Replicas,
    pub(super) replica_seconds: f64,
    pub(super) reversals: Reversals,
    /// Mean CPU of ready pods as last looked at, and the HPA fields in force.
    pub(super) utilization: Option<f64>,
    pub(super) knobs: Option<Knobs>,
    slot: usize,
    slot_end: SimTime,
    memory: Memory,
    grace: Duration,
    /// Cores that a starting pod burns.
    pub(super) starting_cores: f64,
}

impl World {
    /// The world at the start of `window`, cut to the workload, with the first replicas ready for long. The first scrape
    /// will be `first_scrape` later.
    pub(super) fn new(
        workload: Arc<Workload>,
        settings: &Settings,
        seed: u64,
        window: Range<SimTime>,
        knobs: Option<Knobs>,
        first_scrape: Duration,
    ) -> Self {
        let whole = workload.window();
        let start = window.start.clamp(whole.start, whole.end);
        let window = start..window.end.clamp(start, whole.end);
        let slot = workload.slot_at(start);
        let replicas = first_replicas(&workload.slots()[slot], settings, knobs);
        let pods = Pods::new(start, replicas.unsigned_abs(), room(settings), StartLaw::new(&settings.startup, seed));
        let mut world = Self {
            flow: Flow::new(&workload, slot, pods.serving(), settings.slo.timeout.as_secs_f64()),
            scrapes: Scrapes::new(&settings.metrics, seed, start + first_scrape),
            pods,
            now: start,
            window,
            replicas,
            most_replicas: replicas,
            replica_seconds: 0.0,
            reversals: Reversals::default(),
            utilization: None,
            knobs,
            slot,
            slot_end: workload.slot_end(slot),
            memory: Memory::new(settings, start),
            grace: settings.pod.termination_grace,
            starting_cores: settings.startup.cpu_share * workload.pod().limit,
            workload,
        };
        world.scrapes.warm(world.scrape(), world.flow.steady());
        world
    }

    /// When the next slot of the trace begins.
    pub(super) fn slot_end(&self) -> SimTime {
        self.slot_end
    }

    /// What arrives now.
    pub(super) fn slot(&self) -> &Slot {
        &self.workload.slots()[self.slot]
    }

    /// What a monitoring system knows.
    pub(super) fn telemetry(&self) -> Telemetry<'_> {
        Telemetry {
            load: self.workload.load_until(self.now),
            second_of_day: self.workload.second_of_day(self.now),
            spec_replicas: self.replicas,
            ready: self.pods.serving().cast_signed(),
            starting: self.pods.starting().cast_signed(),
            utilization: self.utilization,
            backlog_s: self.flow.backlog_seconds(&self.workload),
            knobs: self.knobs,
            totals: &self.flow.totals,
        }
    }

    /// Lets time pass up to `at`. Nothing happens before it.
    #[inline]
    pub(super) fn pass(&mut self, at: SimTime) {
        if at <= self.now {
            return;
        }
        let seconds = (at.0 - self.now.0) as f64 / 1e6;
        let to_slot_end = (self.slot_end.0 - self.now.0) as f64 / 1e6;
        self.flow.advance(&self.workload, seconds, to_slot_end);
        self.flow.totals.pod_seconds += f64::from(self.pods.placed()) * seconds;
        self.flow.totals.ready_seconds += f64::from(self.pods.serving()) * seconds;
        self.replica_seconds += f64::from(self.replicas) * seconds;
        self.now = at;
    }

    /// The next slot begins.
    pub(super) fn begin_slot(&mut self) {
        if self.slot + 1 < self.workload.slots().len() {
            self.slot += 1;
            self.slot_end = self.workload.slot_end(self.slot);
            self.serve_with_what_is_ready();
        } else {
            self.slot_end = SimTime(i64::MAX);
        }
    }

    /// Pods whose time has come end or become ready.
    pub(super) fn settle_pods(&mut self) {
        let started_s = self.pods.settle(self.now, self.flow.used);
        self.flow.totals.cpu_seconds += started_s * self.starting_cores;
        self.serve_with_what_is_ready();
    }

    fn serve_with_what_is_ready(&mut self) {
        self.flow.set(&self.workload, self.slot, self.pods.serving());
    }

    /// metrics-server scrapes.
    pub(super) fn take_scrape(&mut self) {
        self.scrapes.push(self.scrape());
        self.flow.curves.sample(f64::from(self.slot().demand), f64::from(self.pods.serving()));
        if let Some(covered) = self.scrapes.covered(self.now) {
            self.pods.mature(self.now, covered);
        }
    }

    fn scrape(&self) -> Scrape {
        let held = self.held();
        Scrape {
            number: 0,
            at: self.now,
            used: self.flow.used,
            offered: self.flow.totals.offered,
            in_flight: self.flow.in_flight(),
            in_flight_per_pod: self.memory.taken(held),
            serving: self.pods.serving(),
            memory: self.memory.working_set(held),
            memory_idle: self.memory.base,
        }
    }

    /// Requests in flight per ready pod.
    fn held(&self) -> f64 {
        match self.pods.serving() {
            0 => 0.0,
            serving => self.flow.in_flight() / f64::from(serving),
        }
    }

    /// When the next pod outgrows its memory limit, if rates stay as they are.
    pub(super) fn out_of_memory_at(&self) -> SimTime {
        match self.pods.serving() {
            0 => SimTime(i64::MAX),
            serving => {
                let growth = self.flow.growth(&self.workload) / f64::from(serving);
                self.memory.exceeded_at(self.now, self.held(), growth)
            }
        }
    }

    /// Kills a pod that has outgrown its limit, if one has: rates may have changed since that was foreseen.
    pub(super) fn out_of_memory(&mut self) {
        let (serving, held) = (self.pods.serving(), self.held());
        if self.memory.kills(self.now, held) && self.pods.kill(self.now) {
            // What waited in front of the pod goes to others.
            self.flow.lose(&self.workload, self.memory.taken(held) / (held * f64::from(serving)));
            self.serve_with_what_is_ready();
        }
    }

    /// Sets `scale.spec.replicas`; pods follow.
    pub(super) fn scale(&mut self, wanted: Replicas) {
        let delta = wanted - self.replicas;
        if delta == 0 {
            return;
        }
        self.flow.totals.actions += 1.0;
        self.flow.totals.churn += f64::from(delta.abs());
        self.reversals.step(delta);
        self.replicas = wanted;
        self.most_replicas = self.most_replicas.max(wanted);
        let before = self.pods.serving();
        if delta > 0 {
            self.flow.totals.starts += f64::from(delta);
            self.pods.grow(self.now, delta.unsigned_abs());
        } else {
            self.pods.shrink(self.now, delta.unsigned_abs(), self.drain());
        }
        if self.pods.serving() != before {
            self.serve_with_what_is_ready();
        }
    }

    /// How long a pod takes to finish what it holds: what waits, and a request, up to the grace period.
    fn drain(&self) -> Duration {
        let seconds = self.flow.age() + self.slot().service_s;
        Duration::try_from_secs_f64(seconds).map_or(self.grace, |span| span.min(self.grace))
    }

    /// A row of the timeline, without what happened since the last one.
    pub(super) fn row(&self) -> TimelineRow {
        TimelineRow {
            t: self.workload.offset_s() + self.now.secs(),
            demand: f64::from(self.slot().demand),
            replicas: f64::from(self.replicas),
            ready: f64::from(self.pods.serving()),
            utilization: self.utilization.map_or(f64::NAN, |ratio| 100.0 * ratio),
            target: self.knobs.and_then(|knobs| knobs.target_cpu).map_or(f64::NAN, f64::from),
            min_replicas: self.knobs.map_or(f64::NAN, |knobs| f64::from(knobs.min_replicas)),
            backlog_s: self.flow.backlog_seconds(&self.workload),
            ..TimelineRow::default()
        }
    }

    /// What arrived was served, was lost, or still waits.
    pub(super) fn check_conservation(&self) {
        let totals = &self.flow.totals;
        let kept = totals.completed + totals.dropped + self.flow.backlog();
        debug_assert!((kept - totals.offered).abs() <= 1e-6 * totals.offered.max(1.0), "{kept} of {}", totals.offered);
    }
}

/// Replicas at the start.
fn first_replicas(slot: &Slot, settings: &Settings, knobs: Option<Knobs>) -> Replicas {
    let demand = i32::try_from(slot.demand).unwrap_or(i32::MAX);
    let wanted = settings.pod.replicas.unwrap_or(demand).max(0);
    knobs.map_or(wanted, |knobs| wanted.clamp(knobs.min_replicas, knobs.max_replicas.max(knobs.min_replicas)))
}

/// Pods that the cluster has room for.
fn room(settings: &Settings) -> u32 {
    let of = |all: Option<u64>, one: u64| all.map_or(u64::MAX, |all| all / one.max(1));
    let cpu = of(settings.cluster.cpu.map(|cpu| u64::from(cpu.0)), u64::from(settings.pod.cpu_request.0));
    let memory = of(settings.cluster.memory.map(|it| it.0), settings.pod.memory_request.0);
    u32::try_from(cpu.min(memory)).unwrap_or(u32::MAX)
}
