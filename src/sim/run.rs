//! Whole runs: one call that replays a function under an autoscaler and a tuner, and results that add up.

use std::ops::Range;
use std::sync::Arc;

use super::cluster::Usage;
use super::control::{Autoscaler, Tuner};
use super::decisions::Decisions;
use super::elasticity::Curves;
use super::latency::Histogram;
use super::outcome::{
    Cluster, ColdStarts, Faults, Outcome, ReplicaStats, Requests, Scaling, SimStats, TimelineRow, Totals, Waste,
};
use super::prices::{Costs, objective};
use super::requests::{Books, Detail};
use super::settings::{Pod, Settings};
use super::simulation::Simulation;
use super::windows::Windows;
use super::workload::Workload;
use crate::units::SimTime;

/// What a run, or several together, did.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// The figures.
    pub outcome: Outcome,
    /// One row a sync, when asked for. Several runs together have none.
    pub timeline: Vec<TimelineRow>,
    /// The books of single requests, which must agree. The fluid level has none, nor have several runs together.
    pub books: Option<Books>,
    sums: Sums,
}

/// What the figures are made of. All of it adds up over runs.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Sums {
    pub(super) totals: Totals,
    pub(super) curves: Curves,
    /// What only single requests tell; of several runs, of those at the request level.
    pub(super) detail: Option<Detail>,
    pub(super) histogram: Histogram,
    pub(super) seconds: f64,
    pub(super) replica_seconds: f64,
    pub(super) most_replicas: f64,
    pub(super) reversals: f64,
    pub(super) in_flight: f64,
    pub(super) events: u64,
    pub(super) costs: Costs,
    /// How many runs these are.
    pub(super) runs: f64,
    pub(super) windows: Windows,
    pub(super) idle_gb_hours: f64,
    /// Share of requests that may violate the objective.
    pub(super) allowed: f64,
    /// The room for pods, where it is bounded.
    pub(super) cluster: Option<Cluster>,
    pub(super) decisions: Decisions,
}

impl Run {
    pub(super) fn new(sums: Sums) -> Self {
        Self { outcome: sums.outcome(), timeline: Vec::new(), books: None, sums }
    }

    pub(super) fn with_books(self, books: Option<Books>) -> Self {
        Self { books, ..self }
    }

    /// What the run's nodes came to, where it has any.
    pub(super) fn on_nodes(mut self, usage: Option<Usage>) -> Self {
        if let (Some(cluster), Some(usage)) = (&mut self.sums.cluster, usage) {
            cluster.node_hours = Some(usage.node_seconds / 3600.0);
            cluster.nodes_max = Some(f64::from(usage.nodes_max));
            self.outcome.cluster = self.sums.cluster;
        }
        self
    }

    /// How the run's learned policy decided, where there was one.
    pub(super) fn with_decisions(mut self, decisions: Decisions) -> Self {
        self.outcome.control = decisions.control();
        self.sums.decisions = decisions;
        self
    }

    pub(super) fn with_timeline(self, timeline: Vec<TimelineRow>) -> Self {
        Self { timeline, ..self }
    }

    /// A run on pods other than those of `settings`, with its objective in pod-hours of `settings`: reserved time at the
    /// ratio of what an hour of either pod costs (at 1 where both are free), violations and starts at their prices.
    #[must_use]
    pub fn valued(mut self, workload: &Workload, settings: &Settings, pod: &Pod) -> Self {
        let hour = |pod: &Pod| {
            let prices = &settings.prices;
            pod.cpu_request.cores() * prices.cpu_hour + pod.memory_request.gib() * prices.gib_hour
        };
        let (theirs, ours) = (hour(pod), hour(&settings.pod));
        let mut totals = self.sums.totals;
        totals.pod_seconds *= if ours > 0.0 { theirs / ours } else { 1.0 };
        self.sums.costs.objective = objective(workload, settings, &totals);
        self.outcome.objective = self.sums.costs.objective;
        self
    }

    /// Everything that was counted.
    #[must_use]
    pub fn totals(&self) -> &Totals {
        &self.sums.totals
    }

    /// Requests that still waited at the end.
    #[must_use]
    pub fn in_flight(&self) -> f64 {
        self.sums.in_flight
    }

    /// Several runs as one: counts and costs added, response times pooled, means weighted by time. `replicas.mean` and
    /// `replicas.max` are of one function. `None` of no runs.
    #[must_use]
    pub fn merge<'a>(runs: impl IntoIterator<Item = &'a Self>) -> Option<Self> {
        let mut runs = runs.into_iter();
        let mut sums = runs.next()?.sums.clone();
        runs.for_each(|run| sums.add(&run.sums));
        Some(Self::new(sums))
    }
}

impl Sums {
    fn add(&mut self, other: &Self) {
        let (mine, theirs) = (&mut self.totals, &other.totals);
        mine.offered += theirs.offered;
        mine.completed += theirs.completed;
        mine.dropped += theirs.dropped;
        mine.late += theirs.late;
        mine.cold += theirs.cold;
        mine.pod_seconds += theirs.pod_seconds;
        mine.resized_core_seconds += theirs.resized_core_seconds;
        mine.resized_gib_seconds += theirs.resized_gib_seconds;
        mine.ready_seconds += theirs.ready_seconds;
        mine.cpu_seconds += theirs.cpu_seconds;
        mine.in_flight_seconds += theirs.in_flight_seconds;
        mine.starts += theirs.starts;
        mine.churn += theirs.churn;
        mine.actions += theirs.actions;
        mine.crashes += theirs.crashes;
        mine.oom_kills += theirs.oom_kills;
        self.curves.merge(&other.curves);
        match (&mut self.detail, &other.detail) {
            (Some(mine), Some(theirs)) => mine.add(theirs),
            (mine @ None, theirs) => mine.clone_from(theirs),
            (Some(_), None) => {}
        }
        self.histogram.merge(&other.histogram);
        self.seconds += other.seconds;
        self.replica_seconds += other.replica_seconds;
        self.most_replicas = self.most_replicas.max(other.most_replicas);
        self.reversals += other.reversals;
        self.in_flight += other.in_flight;
        self.events += other.events;
        self.costs.cost.replica_hours += other.costs.cost.replica_hours;
        self.costs.cost.cpu_hours += other.costs.cost.cpu_hours;
        self.costs.cost.gb_hours += other.costs.cost.gb_hours;
        self.costs.cost.usd += other.costs.cost.usd;
        self.costs.objective += other.costs.objective;
        self.runs += other.runs;
        self.windows.merge(&other.windows);
        self.idle_gb_hours += other.idle_gb_hours;
        self.decisions.add(&other.decisions);
        if let (Some(mine), Some(theirs)) = (&mut self.cluster, other.cluster) {
            let both = |a: Option<f64>, b: Option<f64>, join: fn(f64, f64) -> f64| a.zip(b).map(|(a, b)| join(a, b));
            mine.node_hours = both(mine.node_hours, theirs.node_hours, |a, b| a + b);
            mine.nodes_max = both(mine.nodes_max, theirs.nodes_max, f64::max);
            let (a, b) = (mine.contended_pod_seconds, theirs.contended_pod_seconds);
            mine.contended_pod_seconds = both(a, b, |a, b| a + b);
            mine.pending_pod_seconds += theirs.pending_pod_seconds;
        }
    }

    fn outcome(&self) -> Outcome {
        let (totals, detail) = (&self.totals, self.detail.as_ref());
        let share = |part: f64, whole: f64| if whole > 0.0 { part / whole } else { 0.0 };
        let violation_rate = share(totals.violations(), totals.offered);
        Outcome {
            requests: Requests {
                offered: totals.offered,
                completed: totals.completed,
                dropped: totals.dropped,
                late: totals.late,
                loss_rate: share(totals.dropped, totals.offered),
                retried: detail.map(Detail::retried),
            },
            slo: self.windows.result(violation_rate, self.allowed),
            latency_ms: self.histogram.latency(totals.completed),
            time_ms: detail.map(Detail::times),
            slowdown: detail.map(Detail::slowdown),
            balance: detail.map(Detail::balance),
            cost: self.costs.cost,
            waste: Waste {
                cpu_slack: 1.0 - share(totals.cpu_seconds, self.costs.cost.cpu_hours * 3600.0),
                idle_gb_hours: self.idle_gb_hours,
                normalised_memory: share(
                    self.costs.cost.gb_hours,
                    (self.costs.cost.gb_hours - self.idle_gb_hours).max(0.0),
                ),
            },
            elasticity: self.curves.metrics(),
            cold_starts: ColdStarts {
                pods: totals.starts,
                pods_per_1000_requests: share(1000.0 * totals.starts, totals.offered),
                request_rate: share(totals.cold, totals.offered),
                waited_rate: detail.map(Detail::waited_rate),
            },
            scaling: Scaling {
                actions: totals.actions,
                churn: totals.churn,
                reversals: self.reversals,
                reversals_per_hour: share(3600.0 * self.reversals, self.seconds),
                dwell_s: share(self.seconds, totals.actions + self.runs),
            },
            replicas: ReplicaStats { mean: share(self.replica_seconds, self.seconds), max: self.most_replicas },
            faults: (totals.crashes + totals.oom_kills > 0.0)
                .then_some(Faults { crashes: totals.crashes, oom_kills: totals.oom_kills }),
            cluster: self.cluster,
            control: self.decisions.control(),
            sim: SimStats { events: self.events, simulated_s: self.seconds },
            objective: self.costs.objective,
        }
    }
}

/// Replays `window` of a workload under an autoscaler, whose HPA fields a tuner may move. The tuner decides at the start
/// and then at each of its intervals, before a sync at the same time. `record` keeps a timeline.
#[must_use]
pub fn run(
    workload: &Arc<Workload>,
    settings: &Settings,
    autoscaler: Box<dyn Autoscaler>,
    tuner: Option<&mut dyn Tuner>,
    seed: u64,
    window: Range<SimTime>,
    record: bool,
) -> Run {
    let mut simulation = Simulation::new(Arc::clone(workload), settings, autoscaler, seed, window);
    if record {
        simulation.record();
    }
    let decisions = tuner.map_or_else(Decisions::default, |tuner| {
        simulation.steer(tuner);
        tuner.decisions()
    });
    simulation.finish().with_decisions(decisions)
}
