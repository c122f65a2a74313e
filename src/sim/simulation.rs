//! Discrete-event replay of one function: a clock, the next events, and one `match`.
//!
//! Events at one time run in the order of [`Event`]. Between events everything flows at constant rates (see `flow`), so
//! there are no ticks. A workload, settings, an autoscaler, a seed and a window fix every result.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use rand::RngExt;

use super::control::{Autoscaler, Knobs, Patch, Telemetry, View};
use super::elasticity::Reversals;
use super::flow::Flow;
use super::latency::Recorder;
use super::metrics::{Scrape, Scrapes};
use super::outcome::{TimelineRow, Totals};
use super::pods::Pods;
use super::run::Run;
use super::settings::Settings;
use super::startup::StartLaw;
use super::timeline::Timeline;
use super::view::{Buffers, Container};
use super::workload::Workload;
use crate::random::{Purpose, stream};
use crate::units::{Replicas, SimTime};

/// What happens at a point in time, in the order in which events at one time are handled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    /// The next slot of the trace begins.
    Slot,
    /// Pods become ready or end.
    Pods,
    /// A pod outgrows its memory limit.
    OutOfMemory,
    /// metrics-server scrapes.
    Scrape,
    /// The autoscaler looks.
    Sync,
}

/// After a kill for memory, the next one comes no earlier: the kernel frees the first pod's memory, and pods are not
/// quite alike.
const BETWEEN_KILLS: Duration = Duration::from_secs(1);

/// One run of one function.
pub struct Simulation {
    workload: Arc<Workload>,
    autoscaler: Box<dyn Autoscaler>,
    knobs: Option<Knobs>,
    now: SimTime,
    window: Range<SimTime>,
    slot: usize,
    slot_end: SimTime,
    next_scrape: SimTime,
    next_sync: SimTime,
    resolution: Duration,
    period: Duration,
    flow: Flow,
    pods: Pods,
    scrapes: Scrapes,
    buffers: Buffers,
    container: Container,
    memory: Memory,
    grace: Duration,
    starting_cores: f64,
    replicas: Replicas,
    most_replicas: Replicas,
    replica_seconds: f64,
    reversals: Reversals,
    utilization: Option<f64>,
    events: u64,
    prices: Prices,
    allowed: f64,
    timeline: Option<Timeline>,
}

/// What pods hold in memory.
#[derive(Debug, Clone, Copy)]
struct Memory {
    base: f64,
    per_request: f64,
    limit: f64,
    next_kill: SimTime,
}

/// What cost and objective are made of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Prices {
    pub(super) cores: f64,
    pub(super) gib: f64,
    pub(super) cpu_hour: f64,
    pub(super) gib_hour: f64,
    pub(super) pod_start: f64,
    pub(super) violation: f64,
    /// Pod-seconds of one request.
    pub(super) request_pod_seconds: f64,
}

impl Prices {
    pub(super) fn new(workload: &Workload, settings: &Settings) -> Self {
        Self {
            cores: settings.pod.cpu_request.cores(),
            gib: settings.pod.memory_request.gib(),
            cpu_hour: settings.prices.cpu_hour,
            gib_hour: settings.prices.gib_hour,
            pod_start: settings.prices.pod_start,
            violation: settings.prices.violation,
            request_pod_seconds: workload.request_pod_seconds(),
        }
    }
}

impl Simulation {
    /// A run over `window` of a workload that was made with the same `[workload]`, `[pod]` and `[slo]`. The window is cut
    /// to the workload. At its start the Deployment has `pod.replicas`, or what demand needs then, within the
    /// autoscaler's bounds, and all of them have been ready for long.
    #[must_use]
    pub fn new(
        workload: Arc<Workload>,
        settings: &Settings,
        autoscaler: Box<dyn Autoscaler>,
        seed: u64,
        window: Range<SimTime>,
    ) -> Self {
        let whole = workload.window();
        let start = window.start.clamp(whole.start, whole.end);
        let window = start..window.end.clamp(start, whole.end);
        let slot = workload.slot_at(start);
        let knobs = autoscaler.knobs();
        let replicas = first_replicas(&workload, settings, slot, knobs);
        let pods = Pods::new(start, replicas as u32, room(settings), StartLaw::new(&settings.startup, seed));
        let flow = Flow::new(&workload, slot, pods.serving(), settings.slo.timeout.as_secs_f64());
        let mut phases = stream(seed, Purpose::Metrics, 0);
        let (resolution, period) = (settings.metrics.resolution, autoscaler.period());
        let phase = |span: Duration, share: f64| start + span.mul_f64(share);
        let next_scrape = phase(resolution, phases.random());
        let next_sync = phase(period, phases.random());
        let starting_cores = settings.startup.cpu_share * workload.pod().limit;
        let mut simulation = Self {
            scrapes: Scrapes::new(&settings.metrics, seed, next_scrape),
            knobs,
            now: start,
            slot,
            slot_end: SimTime((slot as i64 + 1) * workload.interval_us()),
            next_scrape,
            next_sync,
            resolution: resolution.max(Duration::from_millis(1)),
            period: period.max(Duration::from_millis(1)),
            flow,
            pods,
            buffers: Buffers::default(),
            container: container(settings, starting_cores),
            memory: Memory {
                base: settings.workload.memory_base.0 as f64,
                per_request: settings.workload.memory_per_request.0 as f64,
                limit: settings.pod.memory_limit().0 as f64,
                next_kill: start,
            },
            grace: settings.pod.termination_grace,
            starting_cores,
            replicas,
            most_replicas: replicas,
            replica_seconds: 0.0,
            reversals: Reversals::default(),
            utilization: None,
            events: 0,
            prices: Prices::new(&workload, settings),
            allowed: 1.0 - settings.slo.target.fraction(),
            timeline: None,
            workload,
            autoscaler,
            window,
        };
        simulation.scrapes.warm(simulation.scrape(), simulation.flow.steady());
        simulation.look();
        simulation
    }

    /// Keeps a row of the timeline per sync from here on.
    pub fn record(&mut self) {
        self.timeline = Some(Timeline::default());
    }

    /// The clock.
    #[must_use]
    pub fn now(&self) -> SimTime {
        self.now
    }

    /// The window of the run, as cut to the workload.
    #[must_use]
    pub fn window(&self) -> Range<SimTime> {
        self.window.clone()
    }

    /// The workload that is replayed.
    #[must_use]
    pub fn workload(&self) -> &Workload {
        &self.workload
    }

    /// Runs up to `until`, or the end of the window. Events at that time itself stay, so that a patch comes before them.
    pub fn advance(&mut self, until: SimTime) {
        let until = until.min(self.window.end);
        loop {
            let (at, event) = self.next_event();
            if at >= until {
                break;
            }
            self.pass(at);
            self.events += 1;
            self.handle(event);
        }
        self.pass(until);
    }

    /// Changes HPA fields, as of the next sync.
    pub fn patch(&mut self, patch: &Patch) {
        self.autoscaler.patch(patch);
        self.knobs = self.autoscaler.knobs();
    }

    /// Everything counted since the start of the window.
    #[must_use]
    pub fn totals(&self) -> &Totals {
        &self.flow.totals
    }

    /// What a monitoring system knows now.
    #[must_use]
    pub fn telemetry(&self) -> Telemetry<'_> {
        Telemetry {
            load: self.workload.load_until(self.now),
            second_of_day: self.workload.second_of_day(self.now),
            spec_replicas: self.replicas,
            ready: self.pods.serving() as Replicas,
            starting: self.pods.starting() as Replicas,
            utilization: self.utilization,
            backlog_s: self.flow.backlog_seconds(&self.workload),
            knobs: self.knobs,
            totals: &self.flow.totals,
        }
    }

    /// Runs to the end of the window, and says what happened.
    #[must_use]
    pub fn finish(mut self) -> Run {
        self.advance(self.window.end);
        self.check_conservation();
        let Self { workload, window, prices, allowed, events, reversals, most_replicas, replica_seconds, .. } = self;
        let recorder: &Recorder = self.flow.recorder();
        let histogram = recorder.histogram(workload.law());
        Run::new(super::run::Sums {
            totals: self.flow.totals,
            curves: self.flow.curves,
            histogram,
            seconds: window.end.since(window.start).as_secs_f64(),
            replica_seconds,
            most_replicas: f64::from(most_replicas),
            reversals: f64::from(reversals.count),
            in_flight: self.flow.backlog(),
            events,
            costs: prices.costs(&self.flow.totals),
            allowed,
        })
        .with_timeline(self.timeline.map(Timeline::into_rows).unwrap_or_default())
    }

    fn next_event(&self) -> (SimTime, Event) {
        let mut next = (self.slot_end, Event::Slot);
        let mut consider = |at: SimTime, event: Event| {
            if at < next.0 {
                next = (at, event);
            }
        };
        consider(self.pods.next(), Event::Pods);
        consider(self.out_of_memory(), Event::OutOfMemory);
        consider(self.next_scrape, Event::Scrape);
        consider(self.next_sync, Event::Sync);
        next
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Slot => self.begin_slot(),
            Event::Pods => self.settle_pods(),
            Event::OutOfMemory => self.kill(),
            Event::Scrape => self.take_scrape(),
            Event::Sync => self.sync(),
        }
    }

    /// Lets time pass up to `at`.
    #[inline]
    fn pass(&mut self, at: SimTime) {
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

    fn begin_slot(&mut self) {
        let last = self.workload.slots().len() - 1;
        if self.slot >= last {
            self.slot_end = self.window.end.max(self.slot_end + Duration::from_secs(1));
            return;
        }
        self.slot += 1;
        self.slot_end = SimTime(self.slot_end.0 + self.workload.interval_us());
        self.flow.set(&self.workload, self.slot, self.pods.serving());
    }

    fn settle_pods(&mut self) {
        let started_s = self.pods.settle(self.now, self.flow.used);
        self.flow.totals.cpu_seconds += started_s * self.starting_cores;
        self.flow.set(&self.workload, self.slot, self.pods.serving());
    }

    fn scrape(&self) -> Scrape {
        let (serving, in_flight) = (self.pods.serving(), self.flow.in_flight());
        let in_flight_per_pod = if serving > 0 { in_flight / f64::from(serving) } else { 0.0 };
        Scrape {
            number: 0,
            at: self.now,
            used: self.flow.used,
            offered: self.flow.totals.offered,
            in_flight,
            in_flight_per_pod,
            serving,
            memory: self.memory.base + self.memory.per_request * in_flight_per_pod,
            memory_idle: self.memory.base,
        }
    }

    fn take_scrape(&mut self) {
        self.scrapes.push(self.scrape());
        self.next_scrape += self.resolution;
        let demand = f64::from(self.workload.slots()[self.slot].demand);
        self.flow.curves.sample(demand, f64::from(self.pods.serving()));
        if let Some(covered) = self.scrapes.covered(self.now) {
            self.pods.mature(self.now, covered);
        }
    }

    fn look(&mut self) {
        self.buffers.look(self.now, &self.pods, &self.scrapes, &self.container);
        self.utilization = self.buffers.utilization(self.container.cpu);
    }

    fn sync(&mut self) {
        self.next_sync += self.period;
        self.look();
        let telemetry = Telemetry {
            load: self.workload.load_until(self.now),
            second_of_day: self.workload.second_of_day(self.now),
            spec_replicas: self.replicas,
            ready: self.pods.serving() as Replicas,
            starting: self.pods.starting() as Replicas,
            utilization: self.utilization,
            backlog_s: self.flow.backlog_seconds(&self.workload),
            knobs: self.knobs,
            totals: &self.flow.totals,
        };
        let (now, autoscaler) = (self.now, &mut self.autoscaler);
        let replicas = (self.replicas, self.pods.status() as Replicas);
        let wanted = self.buffers.with(now, replicas, &self.scrapes, &self.container, |inputs| {
            autoscaler.sync(now, &View { inputs, telemetry })
        });
        if let Some(wanted) = wanted {
            self.scale(wanted.max(0));
        }
        self.note();
    }

    fn scale(&mut self, wanted: Replicas) {
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
            self.flow.set(&self.workload, self.slot, self.pods.serving());
        }
    }

    /// How long a pod takes to finish what it holds: what waits, and a request, up to the grace period.
    fn drain(&self) -> Duration {
        let seconds = self.flow.age() + self.workload.slots()[self.slot].service_s;
        Duration::try_from_secs_f64(seconds).map_or(self.grace, |span| span.min(self.grace))
    }

    /// When the pods that serve outgrow their memory limit, if the rates stay as they are.
    fn out_of_memory(&self) -> SimTime {
        const NEVER: SimTime = SimTime(i64::MAX);
        let serving = f64::from(self.pods.serving());
        if serving <= 0.0 {
            return NEVER;
        }
        let spare = (self.memory.limit - self.memory.base) * serving - self.memory.per_request * self.flow.in_flight();
        if spare < 0.0 {
            return self.now.max(self.memory.next_kill);
        }
        let growth = self.flow.growth(&self.workload) * self.memory.per_request;
        if growth <= 0.0 {
            return NEVER;
        }
        let seconds = (spare / growth).min(1e9) + 1e-3;
        (self.now + Duration::from_secs_f64(seconds)).max(self.memory.next_kill)
    }

    fn kill(&mut self) {
        self.memory.next_kill = self.now + BETWEEN_KILLS;
        let serving = self.pods.serving();
        let held = self.memory.base + self.memory.per_request * self.flow.in_flight() / f64::from(serving.max(1));
        // The prediction took rates as constant; a backlog may have grown more slowly.
        if held > self.memory.limit && self.pods.kill(self.now) {
            self.flow.lose(&self.workload, 1.0 / f64::from(serving));
            self.flow.set(&self.workload, self.slot, self.pods.serving());
        }
    }

    fn note(&mut self) {
        let Some(timeline) = &mut self.timeline else { return };
        let row = TimelineRow {
            t: self.workload.offset_s() + self.now.secs(),
            demand: f64::from(self.workload.slots()[self.slot].demand),
            replicas: f64::from(self.replicas),
            ready: f64::from(self.pods.serving()),
            utilization: self.utilization.map_or(f64::NAN, |ratio| 100.0 * ratio),
            target: self.knobs.and_then(|knobs| knobs.target_cpu).map_or(f64::NAN, f64::from),
            min_replicas: self.knobs.map_or(f64::NAN, |knobs| f64::from(knobs.min_replicas)),
            backlog_s: self.flow.backlog_seconds(&self.workload),
            ..TimelineRow::default()
        };
        let since = self.now.since(self.window.start).as_secs_f64();
        timeline.note(row, since, &self.flow.totals, self.flow.latency_sum());
    }

    /// What arrived was served, was lost, or still waits; time-outs and kills included.
    fn check_conservation(&self) {
        let totals = &self.flow.totals;
        let kept = totals.completed + totals.dropped + self.flow.backlog();
        debug_assert!((kept - totals.offered).abs() <= 1e-6 * totals.offered.max(1.0), "{kept} of {}", totals.offered);
    }
}

/// Replicas at the start.
fn first_replicas(workload: &Workload, settings: &Settings, slot: usize, knobs: Option<Knobs>) -> Replicas {
    let demand = i32::try_from(workload.slots()[slot].demand).unwrap_or(i32::MAX);
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

fn container(settings: &Settings, starting: f64) -> Container {
    Container {
        name: settings.pod.container.clone(),
        cpu: i64::from(settings.pod.cpu_request.0),
        memory: i64::try_from(settings.pod.memory_request.0.saturating_mul(1000)).unwrap_or(i64::MAX),
        starting,
    }
}
