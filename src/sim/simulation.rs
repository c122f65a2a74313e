//! Discrete-event replay of one function: a clock, the next events, and one `match`.
//!
//! Events at one time run in the order of [`Event`]. Between events everything flows at constant rates (see `flow`), or
//! single requests come and go (see `requests`), so there are no ticks. A workload, settings, an autoscaler, a seed and a window fix every result.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use rand::RngExt;

use super::cluster::Cluster;
use super::control::{Autoscaler, Limits, Patch, Telemetry, Tuner, View};
use super::counts::Counts;
use super::decisions::Decisions;
use super::outcome::{self, TimelineRow, Totals};
use super::pods::Membership;
use super::prices::Prices;
use super::requests::PodLoad;
use super::run::{Run, Sums};
use super::settings::{Pod, Settings};
use super::timeline::Timeline;
use super::view::{Buffers, Container, Served};
use super::windows::Windows;
use super::workload::Workload;
use super::world::World;
use crate::random::{Purpose, stream};
use crate::units::{SimTime, micros};

/// What happens at a point in time, in the order in which events at one time are handled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Event {
    /// The next slot of the trace begins.
    Slot,
    /// Pods become ready or end.
    Pods,
    /// A pod outgrows its memory limit.
    OutOfMemory,
    /// Containers crash.
    Crash,
    /// The Deployment's pod template changes.
    Rollout,
    /// A node arrives, or the cluster autoscaler looks.
    Cluster,
    /// Nodes share their CPU anew.
    Contend,
    /// metrics-server scrapes.
    Scrape,
    /// The autoscaler looks.
    Sync,
}

/// No two scrapes or syncs are closer.
const SHORTEST_PERIOD: Duration = Duration::from_millis(1);

/// How often nodes share their CPU anew. Between two times each pod keeps its share, whatever others want.
const CONTENTION_PERIOD: Duration = Duration::from_secs(1);

/// One run of one function.
pub struct Simulation {
    world: World,
    autoscaler: Box<dyn Autoscaler>,
    buffers: Buffers,
    container: Container,
    /// The pods of the settings, and the workload made for them, once they were resized.
    pod: Pod,
    original: Option<Arc<Workload>>,
    served: Served,
    next_scrape: SimTime,
    next_sync: SimTime,
    /// When nodes share their CPU anew; never where there is no need to.
    next_contention: SimTime,
    resolution: Duration,
    period: Duration,
    events: u64,
    prices: Prices,
    windows: Windows,
    allowed: f64,
    /// Whether pods may lack room.
    bounded: bool,
    timeline: Option<Timeline>,
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
        Self::in_cluster(workload, settings, autoscaler, seed, window, None)
    }

    /// As [`new`](Self::new), in a cluster that other functions share.
    pub(super) fn in_cluster(
        workload: Arc<Workload>,
        settings: &Settings,
        autoscaler: Box<dyn Autoscaler>,
        seed: u64,
        window: Range<SimTime>,
        cluster: Option<Membership>,
    ) -> Self {
        let resolution = settings.metrics.resolution.max(SHORTEST_PERIOD);
        let period = autoscaler.period().max(SHORTEST_PERIOD);
        let mut phases = stream(seed, Purpose::Metrics, 0);
        let (to_scrape, to_sync) = (resolution.mul_f64(phases.random()), period.mul_f64(phases.random()));
        let prices = Prices::new(&workload, settings);
        let world = World::new(workload, settings, seed, window, autoscaler.knobs(), (to_scrape, cluster));
        let mut simulation = Self {
            next_scrape: world.now + to_scrape,
            next_sync: world.now + to_sync,
            next_contention: if world.contended_s.is_some() { world.now } else { SimTime(i64::MAX) },
            buffers: Buffers::default(),
            container: Container::new(&settings.pod, world.starting_cores),
            pod: settings.pod.clone(),
            original: None,
            served: Served::new(&settings.metrics),
            resolution,
            period,
            events: 0,
            windows: Windows::new(world.now.secs()),
            prices,
            allowed: 1.0 - settings.slo.target.fraction(),
            bounded: settings.cluster.bounded(),
            timeline: None,
            world,
            autoscaler,
        };
        simulation.look();
        simulation
    }

    /// The same run, whose response times nobody wants to know: it goes faster, and is [counted](Self::count), never
    /// [finished](Self::finish).
    #[must_use]
    pub fn only_counted(mut self) -> Self {
        self.world.service.only_count();
        self
    }

    /// The run as it stands, to be carried on in another way; `None` at the request level, and where its
    /// autoscaler cannot be copied. Both draw the same chance from here on.
    #[must_use]
    pub fn fork(&self) -> Option<Self> {
        Some(Self {
            world: self.world.fork()?,
            autoscaler: self.autoscaler.copy()?,
            buffers: Buffers::default(),
            container: self.container.clone(),
            pod: self.pod.clone(),
            original: self.original.clone(),
            served: self.served.clone(),
            next_scrape: self.next_scrape,
            next_sync: self.next_sync,
            next_contention: self.next_contention,
            resolution: self.resolution,
            period: self.period,
            events: self.events,
            prices: self.prices,
            windows: self.windows,
            allowed: self.allowed,
            bounded: self.bounded,
            timeline: self.timeline.clone(),
        })
    }

    /// Keeps a row of the timeline per sync from here on.
    pub fn record(&mut self) {
        self.timeline = Some(Timeline::default());
        self.world.service.count_intervals();
    }

    /// The clock.
    #[must_use]
    pub fn now(&self) -> SimTime {
        self.world.now
    }

    /// The window of the run, as cut to the workload.
    #[must_use]
    pub fn window(&self) -> Range<SimTime> {
        self.world.window.clone()
    }

    /// The workload that is replayed.
    #[must_use]
    pub fn workload(&self) -> &Workload {
        &self.world.workload
    }

    /// Runs up to `until`, or the end of the window. Events at that time itself stay, so that a patch comes before them.
    pub fn advance(&mut self, until: SimTime) {
        let until = until.min(self.world.window.end);
        while self.step(until) {}
    }

    /// Runs up to the next event before `until`, which lies within the window, and handles it; up to `until` if there is
    /// none. Returns whether there was one.
    pub(super) fn step(&mut self, until: SimTime) -> bool {
        let (at, event) = self.next_event();
        // Signals of the service come first: they may change what is next.
        if let Some(signal) = self.world.pass(at.min(until)) {
            self.world.obey(signal);
        } else if at >= until {
            return false;
        } else {
            self.events += 1;
            self.handle(event);
        }
        true
    }

    /// When the next event is.
    pub(super) fn next(&self) -> SimTime {
        self.next_event().0
    }

    /// Takes the cluster for a turn.
    pub(super) fn lend_cluster(&mut self, cluster: Option<Box<Cluster>>) {
        if let Some(place) = self.world.pods.places_mut().cluster_mut() {
            *place = cluster;
        }
    }

    /// Gives the cluster back after a turn.
    pub(super) fn return_cluster(&mut self) -> Option<Box<Cluster>> {
        self.world.pods.places_mut().cluster_mut()?.take()
    }

    /// The Deployment is deleted.
    pub(super) fn leave_cluster(&mut self) {
        self.world.pods.leave(self.world.now);
    }

    /// When the oldest pod that waits for room was created.
    pub(super) fn oldest_pending(&self) -> Option<SimTime> {
        self.world.pods.oldest_pending()
    }

    /// Gives the oldest pending pod room, if there is any.
    pub(super) fn place_pending(&mut self) -> bool {
        self.world.pods.place_first(self.world.now)
    }

    /// Tells the cluster how many pods wait for room.
    pub(super) fn tell_pending(&mut self) {
        self.world.pods.tell_pending(self.world.now);
    }

    /// Changes HPA fields, as of the next sync.
    pub fn patch(&mut self, patch: &Patch) {
        self.autoscaler.patch(patch);
        self.world.knobs = self.autoscaler.knobs();
        // Where there may be no room, the kubelet defers a resize; here for good.
        if let Some(limits) = patch.limits.filter(|limits| *limits != self.world.limits && !self.bounded) {
            self.resize(limits);
        }
    }

    /// Resizes all pods in place, in a cluster that has room for them.
    fn resize(&mut self, limits: Limits) {
        let original = self.original.get_or_insert_with(|| Arc::clone(&self.world.workload));
        let pod = self.pod.limited(limits);
        let workload = Arc::new(original.on(&pod));
        self.world.resize(workload, &self.pod, &pod);
        self.container = Container::new(&pod, self.world.starting_cores);
    }

    /// Keeps the last response times from here on, for [`telemetry`](Self::telemetry), at the request level.
    pub fn keep_recent(&mut self) {
        self.world.service.keep_recent();
    }

    /// Everything counted since the start of the window.
    #[must_use]
    pub fn totals(&self) -> &Totals {
        self.world.service.totals()
    }

    /// What a monitoring system knows now.
    #[must_use]
    pub fn telemetry(&self) -> Telemetry<'_> {
        self.world.telemetry()
    }

    /// The pods that serve, in the order in which they became ready; none at the fluid level.
    #[must_use]
    pub fn pods(&self) -> Vec<PodLoad> {
        self.world.service.pod_loads()
    }

    /// Gives those pods weights above 0, in the same order, as far as there are any: what `weighted-round-robin` goes by.
    /// A weight holds from the turn after a pod's next one; pods that come later have 1.
    pub fn weigh(&mut self, weights: &[f64]) {
        self.world.service.weigh(weights);
    }

    /// Counts response times of intervals too from here on, at the request level. A timeline needs them for itself: do
    /// not ask for both.
    pub fn count_intervals(&mut self) {
        self.world.service.count_intervals();
    }

    /// Response times in seconds that shares of the requests do not exceed which were served since the last call, within
    /// 1/128; NaN without any, and where [`count_intervals`](Self::count_intervals) was not asked for.
    pub fn end_interval<const N: usize>(&mut self, shares: [f64; N]) -> [f64; N] {
        self.world.service.end_interval(shares)
    }

    /// Runs to the end of the window, while a tuner decides: at once, and then at each of its intervals.
    pub fn steer(&mut self, tuner: &mut dyn Tuner) {
        self.keep_recent();
        let interval = tuner.interval().max(Duration::from_millis(1));
        while self.now() < self.window().end {
            let patch = tuner.decide(self.now(), &self.telemetry());
            self.patch(&patch);
            self.advance(SimTime(self.now().0.saturating_add(micros(interval))));
        }
    }

    /// Runs to the end of the window, and counts: what [`finish`](Self::finish) says of cost and lateness, for less work.
    #[must_use]
    pub fn count(mut self) -> Counts {
        let window = self.world.window.clone();
        self.advance(window.end);
        self.world.service.check_conservation();
        let totals = self.world.service.totals();
        Counts::new(totals, &self.prices.costs(totals), window.end.since(window.start).as_secs_f64())
    }

    /// Runs to the end of the window, and says what happened.
    ///
    /// # Panics
    /// It is only [counted](Self::only_counted).
    #[must_use]
    pub fn finish(mut self) -> Run {
        self.advance(self.world.window.end);
        let mut world = self.world;
        let end = world.window.end;
        let usage = world.pods.places_mut().usage(end);
        let pending_pod_seconds = world.pods.pending_seconds(end);
        world.service.check_conservation();
        let slots = world.workload.slot_at(world.window.start)..=world.workload.slot_at(end - Duration::from_micros(1));
        let most = world.workload.slots()[slots].iter().map(|slot| slot.demand).max().unwrap_or(0);
        world.service.curves_mut().of_at_most(f64::from(most));
        let shape = self.original.as_ref().unwrap_or(&world.workload).pod();
        Run::new(Sums {
            histogram: world.service.histogram(&world.workload),
            totals: *world.service.totals(),
            curves: *world.service.curves_mut(),
            detail: world.service.detail(),
            seconds: world.window.end.since(world.window.start).as_secs_f64(),
            replica_seconds: world.replica_seconds,
            most_replicas: f64::from(world.most_replicas),
            reversals: f64::from(world.reversals.count),
            in_flight: world.service.uncounted(),
            events: self.events + world.service.events(),
            costs: self.prices.costs(world.service.totals()),
            runs: 1.0,
            windows: self.windows,
            idle_gb_hours: self.prices.idle_gb_hours(world.service.totals(), shape.limit),
            allowed: self.allowed,
            cluster: self.bounded.then_some(outcome::Cluster {
                pending_pod_seconds,
                contended_pod_seconds: world.contended_s,
                ..outcome::Cluster::default()
            }),
            decisions: Decisions::default(),
        })
        .on_nodes(usage)
        .with_books(world.service.books())
        .with_timeline(self.timeline.map(Timeline::into_rows).unwrap_or_default())
    }

    fn next_event(&self) -> (SimTime, Event) {
        let mut next = (self.world.slot_end(), Event::Slot);
        let mut consider = |at: SimTime, event: Event| {
            if at < next.0 {
                next = (at, event);
            }
        };
        consider(self.world.pods.next(), Event::Pods);
        consider(self.world.out_of_memory_at(), Event::OutOfMemory);
        consider(self.world.pods.next_crash(), Event::Crash);
        consider(self.world.next_rollout(), Event::Rollout);
        consider(self.world.pods.next_cluster(), Event::Cluster);
        consider(self.next_contention, Event::Contend);
        consider(self.next_scrape, Event::Scrape);
        consider(self.next_sync, Event::Sync);
        next
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Slot => self.world.begin_slot(),
            Event::Pods => self.world.settle_pods(),
            Event::OutOfMemory => self.world.out_of_memory(),
            Event::Crash => self.world.crash(),
            Event::Rollout => self.world.begin_rollout(),
            Event::Cluster => self.world.pods.tend(self.world.now),
            Event::Contend => {
                self.world.contend();
                self.next_contention += CONTENTION_PERIOD;
            }
            Event::Scrape => {
                self.world.take_scrape();
                self.windows.end(self.world.now.secs(), self.world.service.totals(), self.allowed);
                self.next_scrape += self.resolution;
            }
            Event::Sync => {
                self.sync();
                self.next_sync += self.period;
            }
        }
    }

    fn look(&mut self) {
        self.buffers.look(self.world.now, &self.world.pods, &self.world.scrapes, &self.container);
        self.world.utilization = self.buffers.utilization(self.container.cpu);
    }

    fn sync(&mut self) {
        self.look();
        let (world, autoscaler) = (&self.world, &mut self.autoscaler);
        let replicas = (world.replicas, world.pods.status().cast_signed());
        let pods = (&self.container, &self.served);
        let wanted = self.buffers.with(world.now, replicas, &world.scrapes, pods, |inputs, signals| {
            autoscaler.sync(world.now, &View { inputs, telemetry: world.telemetry(), signals })
        });
        if let Some(wanted) = wanted {
            self.world.scale(wanted.max(0));
        }
        if let Some(timeline) = &mut self.timeline {
            let [p95, p99] = self.world.service.end_interval([0.95, 0.99]);
            let (world, service) = (&self.world, &self.world.service);
            let since = world.now.since(world.window.start).as_secs_f64();
            let row = TimelineRow { p95_ms: 1e3 * p95, p99_ms: 1e3 * p99, ..world.row() };
            timeline.note(row, since, service.totals(), service.latency_sum());
        }
    }
}
