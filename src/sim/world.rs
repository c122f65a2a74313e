//! The state of a run that time and replicas change: traffic, pods, scrapes. It decides nothing.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

mod deployment;
mod fork;
mod resize;

use super::control::{Gauges, Knobs, Limits, Telemetry};
use super::elasticity::Reversals;
use super::faults::Crashes;
use super::memory::Memory;
use super::metrics::{Scrape, Scrapes};
use super::noise::Noise;
use super::outcome::TimelineRow;
use super::pods::{Membership, Places, Pods};
use super::requests::Signal;
use super::rollout::Rollout;
use super::service::Service;
use super::settings::{Level, Settings};
use super::startup::StartLaw;
use super::workload::{Slot, Workload};
use crate::units::{Replicas, SimTime};

/// Traffic, pods and scrapes at an instant.
#[derive(Debug)]
pub(super) struct World {
    pub(super) workload: Arc<Workload>,
    pub(super) now: SimTime,
    pub(super) window: Range<SimTime>,
    pub(super) service: Service,
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
    /// Versions of the pods; none when there is only one, ever.
    rollout: Option<Rollout>,
    noise: Option<Noise>,
    grace: Duration,
    /// Cores that a starting pod burns.
    pub(super) starting_cores: f64,
    /// Limits of the pods, and what they request beyond those of `[pod]`, in cores and GiB, once they were resized.
    pub(super) limits: Limits,
    pub(super) resized: Option<(f64, f64)>,
    /// Pod-seconds in which nodes had less CPU than their pods wanted; none where that is not looked at.
    pub(super) contended_s: Option<f64>,
}

impl World {
    /// The world at the start of `window`, cut to the workload, with the first replicas ready for long. The first scrape
    /// will be `first_scrape` later. In a `cluster` there may be other functions.
    pub(super) fn new(
        workload: Arc<Workload>,
        settings: &Settings,
        seed: u64,
        window: Range<SimTime>,
        knobs: Option<Knobs>,
        (first_scrape, cluster): (Duration, Option<Membership>),
    ) -> Self {
        let whole = workload.window();
        let start = window.start.clamp(whole.start, whole.end);
        let window = start..window.end.clamp(start, whole.end);
        let slot = workload.slot_at(start);
        let replicas = first_replicas(&workload.slots()[slot], settings, knobs);
        let places = cluster.map_or_else(|| Places::new(settings, start), Places::Cluster);
        let mut pods = Pods::new(start, replicas.unsigned_abs(), places, StartLaw::new(&settings.startup, seed));
        if Crashes::any(&settings.faults) {
            pods.let_crash(start, Crashes::new(&settings.faults, seed, start));
        }
        let rollout = &settings.rollout;
        let rollout = rollout.any().then(|| Rollout::new(rollout, start, replicas.unsigned_abs()));
        if rollout.is_some() {
            pods.keep_singly(start);
        }
        let mut world = Self {
            service: Service::new(&workload, settings, seed, (slot, start), &mut pods),
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
            rollout,
            noise: settings.metrics.swing.then(|| Noise::new(seed)),
            grace: settings.pod.termination_grace,
            contended_s: contends(settings).then_some(0.0),
            starting_cores: settings.startup.cpu_share * workload.pod().limit,
            limits: settings.pod.limits(),
            resized: None,
            workload,
        };
        world.warm();
        world
    }

    /// As if what arrives at the start had been served for long.
    fn warm(&mut self) {
        let (slot, pods, shape) = (self.slot(), f64::from(self.pods.serving()), self.workload.pod());
        let cores = if pods > 0.0 { (slot.rate * slot.cpu_s).min(pods * shape.limit) / pods } else { 0.0 };
        let rate = slot.rate;
        self.scrapes.warm(self.scrape(), (cores, rate));
        if let Service::Requests(_) = self.service {
            self.scrapes.warm_counters(self.now, cores, self.pods.serving());
        }
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
            backlog_s: self.service.backlog_seconds(&self.workload),
            knobs: self.knobs,
            totals: self.service.totals(),
            gauges: Some(Gauges {
                second_of_week: self.workload.second_of_week(self.now),
                limits: self.limits,
                working_set: self.memory.working_set(self.held()),
                in_flight: self.service.in_flight(),
                queue: self.service.queue(),
                response_times: self.service.response_times(&self.workload),
            }),
        }
    }

    /// Lets time pass up to `at`, or to a signal of the service before. Nothing else happens before `at`.
    #[inline]
    pub(super) fn pass(&mut self, at: SimTime) -> Option<Signal> {
        if at <= self.now && !self.service.signals() {
            return None;
        }
        let signal = self.service.advance(&self.workload, self.now, at, self.slot_end);
        let at = signal.map_or(at, |it| it.0);
        let seconds = (at.0 - self.now.0) as f64 / 1e6;
        let (placed, serving) = (f64::from(self.pods.placed()), f64::from(self.pods.serving()));
        let totals = self.service.totals_mut();
        totals.pod_seconds += placed * seconds;
        totals.ready_seconds += serving * seconds;
        if let Some((cores, gib)) = self.resized {
            totals.resized_core_seconds += placed * cores * seconds;
            totals.resized_gib_seconds += placed * gib * seconds;
        }
        self.replica_seconds += f64::from(self.replicas) * seconds;
        self.now = at;
        Some(signal?.1)
    }

    /// Acts on a signal of the service.
    pub(super) fn obey(&mut self, signal: Signal) {
        let Service::Requests(requests) = &mut self.service else { return };
        match signal {
            Signal::OutOfMemory(server) => {
                requests.close(server);
                requests.totals.oom_kills += 1.0;
                self.pods.kill_server(self.now, server);
            }
            Signal::Drained(server) => {
                requests.close(server);
                self.pods.finished(self.now, server);
            }
        }
        self.roll_on();
        self.serve_with_what_is_ready();
    }

    /// The next slot begins.
    pub(super) fn begin_slot(&mut self) {
        if self.slot + 1 < self.workload.slots().len() {
            self.slot += 1;
            self.slot_end = self.workload.slot_end(self.slot);
            if let Service::Requests(requests) = &mut self.service {
                requests.begin_slot(self.slot);
            }
            self.serve_with_what_is_ready();
        } else {
            self.slot_end = SimTime(i64::MAX);
        }
    }

    /// Pods whose time has come end or become ready.
    pub(super) fn settle_pods(&mut self) {
        if let Service::Requests(requests) = &mut self.service {
            self.pods.overdue(self.now).into_iter().for_each(|server| requests.close(server));
        }
        let started_s = self.pods.settle(self.now, self.service.used());
        self.service.totals_mut().cpu_seconds += started_s * self.starting_cores;
        self.roll_on();
        self.serve_with_what_is_ready();
    }

    fn serve_with_what_is_ready(&mut self) {
        match &mut self.service {
            Service::Fluid(flow) => flow.set(&self.workload, self.slot, self.pods.serving()),
            Service::Requests(requests) => {
                self.pods.open(self.now, |number| requests.open(number));
                requests.compare(self.workload.slots()[self.slot].demand, self.pods.serving());
            }
        }
    }

    /// metrics-server scrapes.
    pub(super) fn take_scrape(&mut self) {
        self.swing();
        self.scrapes.push(self.scrape());
        if let Service::Requests(requests) = &self.service {
            self.scrapes.push_counters(requests.used());
        }
        let (demand, serving) = (f64::from(self.slot().demand), f64::from(self.pods.serving()));
        self.service.curves_mut().sample(demand, serving);
        if let Some(covered) = self.scrapes.covered(self.now) {
            self.pods.mature(self.now, covered);
        }
    }

    /// Lets the CPU counters of the fluid level swing as single requests would.
    fn swing(&mut self) {
        if let (Service::Fluid(flow), Some(noise)) = (&mut self.service, &mut self.noise) {
            let load = flow.load(&self.workload);
            let window = self.scrapes.since_last(self.now);
            let mean = load.map_or(0.0, |load| load.tasks_per_s * load.cpu_s * window);
            flow.swing(noise.swing(load.as_ref(), mean, window));
        }
    }

    fn scrape(&self) -> Scrape {
        let held = self.held();
        Scrape {
            number: 0,
            at: self.now,
            used: self.service.used(),
            offered: self.service.arrived(),
            in_flight: self.service.in_flight(),
            in_flight_per_pod: self.memory.taken(held),
            serving: self.pods.serving(),
            memory: self.memory.working_set(held),
            memory_idle: self.memory.base,
        }
    }

    /// Requests per ready pod: in flight, or, where it is known, taken.
    fn held(&self) -> f64 {
        match (&self.service, self.pods.serving()) {
            (_, 0) => 0.0,
            (Service::Fluid(flow), serving) => flow.in_flight() / f64::from(serving),
            (Service::Requests(requests), _) => requests.taken(),
        }
    }

    /// When the next pod outgrows its memory limit, if rates stay as they are. At the request level a signal says so.
    pub(super) fn out_of_memory_at(&self) -> SimTime {
        match (&self.service, self.pods.serving()) {
            (Service::Requests(_), _) | (_, 0) => SimTime(i64::MAX),
            (Service::Fluid(flow), serving) => {
                let growth = flow.growth(&self.workload) / f64::from(serving);
                self.memory.exceeded_at(self.now, self.held(), growth)
            }
        }
    }

    /// Kills a pod that has outgrown its limit, if one has: rates may have changed since that was foreseen.
    pub(super) fn out_of_memory(&mut self) {
        let (serving, held) = (self.pods.serving(), self.held());
        let Service::Fluid(flow) = &mut self.service else { return };
        if self.memory.kills(self.now, held) && self.pods.kill(self.now) {
            // What waited in front of the pod goes to others.
            flow.lose(&self.workload, self.memory.taken(held) / (held * f64::from(serving)));
            flow.totals.oom_kills += 1.0;
            self.roll_on();
            self.serve_with_what_is_ready();
        }
    }

    /// Nodes share their CPU among pods that want more than there is, for the next second.
    pub(super) fn contend(&mut self) {
        let (Service::Requests(requests), Some(contended_s)) = (&mut self.service, &mut self.contended_s) else {
            return;
        };
        for (server, cores) in self.pods.contend(|server| requests.wants(server)) {
            *contended_s += f64::from(u8::from(cores < self.workload.pod().limit));
            requests.hold_to(server, cores);
        }
    }

    /// Containers crash whose time has come: what they have taken is lost, what waits in front of them goes to others.
    pub(super) fn crash(&mut self) {
        let (serving, held) = (self.pods.serving(), self.held());
        let crashed = self.pods.crash(self.now);
        match &mut self.service {
            Service::Fluid(flow) if crashed.serving > 0 && held > 0.0 => {
                let share = f64::from(crashed.serving) / f64::from(serving);
                flow.lose(&self.workload, share * self.memory.taken(held) / held);
            }
            Service::Fluid(_) => {}
            Service::Requests(requests) => {
                // None takes what another leaves behind, if they crash together.
                for &server in &crashed.servers {
                    requests.retire(server);
                }
                crashed.servers.iter().for_each(|&server| requests.close(server));
            }
        }
        let totals = self.service.totals_mut();
        totals.crashes += f64::from(crashed.containers);
        totals.cpu_seconds += crashed.started_s * self.starting_cores;
        self.roll_on();
        self.serve_with_what_is_ready();
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
            backlog_s: self.service.backlog_seconds(&self.workload),
            ..TimelineRow::default()
        }
    }
}

/// Replicas at the start.
fn first_replicas(slot: &Slot, settings: &Settings, knobs: Option<Knobs>) -> Replicas {
    let demand = i32::try_from(slot.demand).unwrap_or(i32::MAX);
    let wanted = settings.pod.replicas.unwrap_or(demand).max(0);
    knobs.map_or(wanted, |knobs| wanted.clamp(knobs.min_replicas, knobs.max_replicas.max(knobs.min_replicas)))
}

/// Whether pods on a node can get in each other's way: single requests compute, and pods may use more than they request.
fn contends(settings: &Settings) -> bool {
    let more = settings.pod.limit() > settings.pod.cpu_request;
    settings.level == Level::Requests && settings.cluster.nodes.is_some() && more
}
