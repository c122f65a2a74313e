//! Who decides: an [`Autoscaler`] sets replicas at each sync, a [`Tuner`] moves HPA fields at each control interval.
//!
//! Every comparison runs through these two. What a tuner says is expressible as HPA fields, but for the [`Limits`] of pods.

use std::time::Duration;

use super::decisions::Decisions;
use super::outcome::Totals;
use super::response_times::ResponseTimes;
use crate::hpa;
use crate::hpa::spec::Policy;
use crate::units::{Bytes, Millicores, Replicas, SimTime};

/// Decides replicas. The stock HPA is one.
pub trait Autoscaler: Send {
    /// How often [`sync`](Self::sync) runs.
    fn period(&self) -> Duration;

    /// Replicas to write to the scale subresource; `None` leaves it.
    fn sync(&mut self, now: SimTime, view: &View<'_>) -> Option<Replicas>;

    /// Takes over a tuner's patch. An autoscaler without HPA fields ignores it.
    fn patch(&mut self, patch: &Patch);

    /// The HPA fields in force, for telemetry and timelines; `None` when it has none.
    fn knobs(&self) -> Option<Knobs>;

    /// The same autoscaler in the same state, for a search that looks ahead; `None` where nobody has needed one.
    fn copy(&self) -> Option<Box<dyn Autoscaler>> {
        None
    }
}

/// Moves HPA fields. The static HPA is the tuner that returns [`Patch::default`].
pub trait Tuner: Send {
    /// How often [`decide`](Self::decide) runs. Default 60 s.
    fn interval(&self) -> Duration {
        Duration::from_secs(60)
    }

    /// The fields to change now.
    fn decide(&mut self, now: SimTime, telemetry: &Telemetry<'_>) -> Patch;

    /// How it has decided so far, where it is a learned policy; none of others.
    fn decisions(&self) -> Decisions {
        Decisions::default()
    }
}

/// What an autoscaler sees at a sync.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    /// What the HPA controller sees.
    pub inputs: hpa::Inputs<'a>,
    /// What a monitoring system sees besides.
    pub telemetry: Telemetry<'a>,
    /// What autoscalers with a scraper of their own measure; `None` before the first two scrapes.
    pub signals: Option<Signals>,
}

/// Metrics of the workload over all pods, at the newest scrape that can be read, in thousandths, rounded up as
/// quantities are. The names under which `[metrics]` serves them to an HPA do not matter here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signals {
    /// Requests that arrived per second between the last two scrapes.
    pub requests_per_second: i64,
    /// Requests in service or waiting at the last scrape.
    pub in_flight: i64,
}

/// What a monitoring system knows at an instant. Nothing in it lies in the future.
#[derive(Debug, Clone, Copy)]
pub struct Telemetry<'a> {
    /// Offered load in pods' worth of capacity (`requests/s × CPU per request / CPU request`), one mean per
    /// [`LOAD_STEP`] from the start of the trace up to now, the newest last. It includes the trace before the run's
    /// start, as a monitoring system would.
    pub load: &'a [f32],
    /// Time of day in seconds since midnight UTC, 0 to 86,400; `None` when the trace has no origin.
    pub second_of_day: Option<f64>,
    /// `scale.spec.replicas`.
    pub spec_replicas: Replicas,
    /// Pods that serve.
    pub ready: Replicas,
    /// Pods that start or wait for room.
    pub starting: Replicas,
    /// Mean CPU of ready pods at the last scrape, as a ratio to their request; `None` before the first.
    pub utilization: Option<f64>,
    /// Work that waits, in seconds of all ready pods.
    pub backlog_s: f64,
    /// HPA fields in force, when the autoscaler has any.
    pub knobs: Option<Knobs>,
    /// Everything counted since the start of the run.
    pub totals: &'a Totals,
    /// What the pods report of themselves besides; `None` where nobody asked them.
    pub gauges: Option<Gauges<'a>>,
}

/// What pods and their service report of themselves, and no HPA looks at.
#[derive(Debug, Clone, Copy)]
pub struct Gauges<'a> {
    /// Time of week in seconds since Monday midnight UTC, 0 to 604,800; `None` when the trace has no origin.
    pub second_of_week: Option<f64>,
    /// Limits of a pod.
    pub limits: Limits,
    /// Working set of a ready pod, in bytes.
    pub working_set: f64,
    /// Requests in service or waiting.
    pub in_flight: f64,
    /// Those of them that wait.
    pub queue: f64,
    /// Response times, as they are now.
    pub response_times: ResponseTimes<'a>,
}

/// The CPU and memory limits of a pod. Its requests keep their ratio to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// `resources.limits.cpu`.
    pub cpu: Millicores,
    /// `resources.limits.memory`.
    pub memory: Bytes,
}

/// Distance of the samples in [`Telemetry::load`].
pub const LOAD_STEP: Duration = Duration::from_secs(15);

/// The HPA fields a tuner can move, as they stand.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Knobs {
    /// CPU target in percent, when there is one.
    pub target_cpu: Option<i32>,
    /// Lower bound of replicas.
    pub min_replicas: Replicas,
    /// Upper bound of replicas.
    pub max_replicas: Replicas,
    /// Scale-down stabilisation.
    pub stabilize_down: Duration,
}

/// Fields to change; `None` leaves a field as it is. All but `limits` are the HPA's.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Patch {
    /// CPU target in percent of the request, 1 or more.
    pub target_cpu: Option<i32>,
    /// Lower bound of replicas, clamped to `max_replicas`.
    pub min_replicas: Option<Replicas>,
    /// Upper bound of replicas.
    pub max_replicas: Option<Replicas>,
    /// Scale-down stabilisation, up to an hour.
    pub stabilize_down: Option<Duration>,
    /// The scale-up policies, replacing those in force.
    pub scale_up: Option<Vec<Policy>>,
    /// The scale-down policies, replacing those in force.
    pub scale_down: Option<Vec<Policy>>,
    /// Limits that all pods are resized to in place, as the `resize` subresource does (Kubernetes 1.33 on, KEP-1287).
    pub limits: Option<Limits>,
}
