//! What pods do with what arrives, at one of two levels.

use std::sync::Arc;

use super::elasticity::Curves;
use super::flow::Flow;
use super::latency::Histogram;
use super::outcome::Totals;
use super::pods::Pods;
use super::requests::{Books, Detail, PodLoad, Requests, Signal};
use super::response_times::ResponseTimes;
use super::settings::{Level, Settings};
use super::workload::Workload;
use crate::units::SimTime;

/// Service of requests.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "a run has one, and learning steps through the fluid one")]
pub(super) enum Service {
    /// As a fluid, in closed form.
    Fluid(Flow),
    /// One by one.
    Requests(Box<Requests>),
}

impl Service {
    /// Nothing in flight at `now`, in the `slot`-th slot.
    pub(super) fn new(
        workload: &Arc<Workload>,
        settings: &Settings,
        seed: u64,
        (slot, now): (usize, SimTime),
        pods: &mut Pods,
    ) -> Self {
        match settings.level {
            Level::Fluid => Self::Fluid(Flow::new(workload, slot, pods.serving(), settings.slo.timeout.as_secs_f64())),
            Level::Requests => {
                let mut requests = Box::new(Requests::new(workload, settings, seed, slot, now.secs()));
                pods.open(now, |number| requests.open(number));
                requests.compare(workload.slots()[slot].demand, pods.serving());
                Self::Requests(requests)
            }
        }
    }

    /// The same at the fluid level; `None` of single requests, which nobody has needed twice.
    pub(super) fn fork(&self) -> Option<Self> {
        match self {
            Self::Fluid(flow) => Some(Self::Fluid(flow.clone())),
            Self::Requests(_) => None,
        }
    }

    /// What was counted so far.
    #[inline]
    pub(super) fn totals(&self) -> &Totals {
        match self {
            Self::Fluid(flow) => &flow.totals,
            Self::Requests(requests) => &requests.totals,
        }
    }

    /// What was counted so far, to count pods and their moves.
    #[inline]
    pub(super) fn totals_mut(&mut self) -> &mut Totals {
        match self {
            Self::Fluid(flow) => &mut flow.totals,
            Self::Requests(requests) => &mut requests.totals,
        }
    }

    /// Distance of supply from demand.
    pub(super) fn curves_mut(&mut self) -> &mut Curves {
        match self {
            Self::Fluid(flow) => &mut flow.curves,
            Self::Requests(requests) => &mut requests.curves,
        }
    }

    /// Lets time pass from `from` up to `to`; returns a signal, and when, if one comes before.
    #[inline]
    pub(super) fn advance(
        &mut self,
        workload: &Workload,
        from: SimTime,
        to: SimTime,
        slot_end: SimTime,
    ) -> Option<(SimTime, Signal)> {
        match self {
            Self::Fluid(flow) => {
                let seconds = |to: SimTime| (to.0 - from.0) as f64 / 1e6;
                let before = flow.in_flight();
                flow.advance(workload, seconds(to), seconds(slot_end));
                flow.totals.in_flight_seconds += f64::midpoint(before, flow.in_flight()) * seconds(to);
                None
            }
            Self::Requests(requests) => {
                let signal = requests.advance(to.secs())?;
                // Pods live on a clock of whole microseconds.
                let at = SimTime((requests.clock() * 1e6).ceil() as i64);
                Some((at.clamp(from, to), signal))
            }
        }
    }

    /// Whether a signal waits to be acted on.
    #[inline]
    pub(super) fn signals(&self) -> bool {
        match self {
            Self::Fluid(_) => false,
            Self::Requests(requests) => requests.signals(),
        }
    }

    /// CPU-seconds that a pod which was ready all along has used; at the fluid level only.
    pub(super) fn used(&self) -> f64 {
        match self {
            Self::Fluid(flow) => flow.used,
            Self::Requests(_) => 0.0,
        }
    }

    /// Requests that wait or are in service.
    pub(super) fn in_flight(&self) -> f64 {
        match self {
            Self::Fluid(flow) => flow.in_flight(),
            Self::Requests(requests) => requests.in_flight(),
        }
    }

    /// Those of them that wait.
    pub(super) fn queue(&self) -> f64 {
        match self {
            Self::Fluid(flow) => flow.queue(),
            Self::Requests(requests) => requests.queue(),
        }
    }

    /// Response times as they are now.
    pub(super) fn response_times<'a>(&'a self, workload: &'a Workload) -> ResponseTimes<'a> {
        match self {
            Self::Fluid(flow) => ResponseTimes::Expected(flow.expected(workload)),
            Self::Requests(requests) => ResponseTimes::Recent(requests.recent()),
        }
    }

    /// Keeps the last response times from here on, at the request level.
    pub(super) fn keep_recent(&mut self) {
        if let Self::Requests(requests) = self {
            requests.keep_recent();
        }
    }

    /// Requests that were not counted as completed or dropped yet.
    pub(super) fn uncounted(&self) -> f64 {
        match self {
            Self::Fluid(flow) => flow.backlog(),
            Self::Requests(requests) => requests.uncounted(),
        }
    }

    /// Requests that arrived, those that clients sent again included.
    pub(super) fn arrived(&self) -> f64 {
        match self {
            Self::Fluid(flow) => flow.totals.offered,
            Self::Requests(requests) => requests.arrived(),
        }
    }

    /// Work that waits, in seconds of all ready pods.
    pub(super) fn backlog_seconds(&self, workload: &Workload) -> f64 {
        match self {
            Self::Fluid(flow) => flow.backlog_seconds(workload),
            Self::Requests(requests) => requests.backlog_seconds(),
        }
    }

    /// The sum of all response times so far, in request-seconds.
    pub(super) fn latency_sum(&self) -> f64 {
        match self {
            Self::Fluid(flow) => flow.latency_sum(),
            Self::Requests(requests) => requests.latency_sum(),
        }
    }

    /// Keeps the sum of response times alone, at the fluid level.
    pub(super) fn only_count(&mut self) {
        if let Self::Fluid(flow) = self {
            flow.only_count();
        }
    }

    /// The distribution of response times.
    pub(super) fn histogram(&mut self, workload: &Workload) -> Histogram {
        match self {
            Self::Fluid(flow) => flow.recorder().histogram(workload.law()),
            Self::Requests(requests) => requests.histogram(),
        }
    }

    /// Counts response times of intervals too from here on, at the request level.
    pub(super) fn count_intervals(&mut self) {
        if let Self::Requests(requests) = self {
            requests.count_intervals();
        }
    }

    /// Response times in seconds that shares of the requests do not exceed which were served since the last call; NaN
    /// without any, and at the fluid level.
    pub(super) fn end_interval<const N: usize>(&mut self, shares: [f64; N]) -> [f64; N] {
        match self {
            Self::Fluid(_) => [f64::NAN; N],
            Self::Requests(requests) => requests.end_interval(shares),
        }
    }

    /// The pods that serve, in the order in which they became ready; none at the fluid level.
    pub(super) fn pod_loads(&self) -> Vec<PodLoad> {
        match self {
            Self::Fluid(_) => Vec::new(),
            Self::Requests(requests) => requests.pod_loads(),
        }
    }

    /// Gives them weights, at the request level.
    pub(super) fn weigh(&mut self, weights: &[f64]) {
        if let Self::Requests(requests) = self {
            requests.weigh(weights);
        }
    }

    /// What only single requests tell; `None` at the fluid level.
    pub(super) fn detail(&self) -> Option<Detail> {
        match self {
            Self::Fluid(_) => None,
            Self::Requests(requests) => Some(requests.detail()),
        }
    }

    /// Events handled within the service.
    pub(super) fn events(&self) -> u64 {
        match self {
            Self::Fluid(_) => 0,
            Self::Requests(requests) => requests.events(),
        }
    }

    /// The books of single requests; `None` at the fluid level.
    pub(super) fn books(&self) -> Option<Books> {
        match self {
            Self::Fluid(_) => None,
            Self::Requests(requests) => Some(requests.books()),
        }
    }

    /// What arrived was served, was lost, or is still there.
    pub(super) fn check_conservation(&self) {
        match self {
            Self::Fluid(flow) => {
                let totals = &flow.totals;
                let kept = totals.completed + totals.dropped + flow.backlog();
                let close = (kept - totals.offered).abs() <= 1e-6 * totals.offered.max(1.0);
                debug_assert!(close, "{kept} of {}", totals.offered);
            }
            Self::Requests(requests) => {
                debug_assert!(requests.books().agree(), "{:?}", requests.books());
            }
        }
    }
}
