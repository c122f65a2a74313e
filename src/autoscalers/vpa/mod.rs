//! `vpa`: the user's HPA on pods whose requests the `VerticalPodAutoscaler` recommends.
//!
//! The recommender watches the pods of the user's HPA over training time, minute by minute, as metrics-server has them.
//! Its recommendation is applied once, at the start of test time: pods are not evicted during a run. Limits keep their ratio to
//! requests (`controlledValues: RequestsAndLimits`). Targets in percent of the request become amounts per pod
//! (`averageValue`), so that the HPA scales where it did, and the two do not chase each other.
//!
//! Pods are not told apart by name here: of memory, each day counts once, with the peak of all pods.

pub mod histogram;
pub mod recommender;

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::{HpaAutoscaler, Recipe};
use crate::hpa;
use crate::hpa::inputs::Inputs;
use crate::hpa::spec::{Metric, Resource, Spec, Target};
use crate::sim::settings::Pod;
use crate::sim::{self, Autoscaler, Knobs, Patch, Settings, View, Workload};
use crate::units::{Bytes, Millicores, Replicas, SimTime};

pub use recommender::{Recommendation, Recommender, Resources};

/// `recommender-interval`: how often usage is noted.
const INTERVAL: Duration = Duration::from_secs(60);

/// What the pods of an HPA did, kept beyond the run that consumes the autoscaler.
#[derive(Debug, Clone, Default)]
pub struct Usage(Arc<Mutex<Recommender>>);

impl Usage {
    /// What the recommender makes of it; `None` when no pod was measured.
    #[must_use]
    pub fn recommend(&self) -> Option<Recommendation> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).recommend()
    }
}

/// An HPA whose pods a recommender watches.
#[derive(Debug)]
pub struct Watched {
    hpa: HpaAutoscaler,
    usage: Usage,
    /// When usage was noted last, and how many containers had been killed for their memory at the last look.
    noted: Option<SimTime>,
    killed: f64,
}

impl Watched {
    /// An HPA, and the usage that will be known of it.
    #[must_use]
    pub fn new(hpa: HpaAutoscaler) -> (Self, Usage) {
        let usage = Usage::default();
        (Self { hpa, usage: usage.clone(), noted: None, killed: 0.0 }, usage)
    }

    /// Looks at the pods, of which `killed` were killed for their memory so far.
    fn watch(&mut self, now: SimTime, inputs: &Inputs<'_>, killed: f64) {
        let mut recommender = self.usage.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::replace(&mut self.killed, killed);
        let requests = inputs.pods.iter().flat_map(|pod| pod.containers).filter_map(|container| container.memory);
        // A second kill of the same peak changes nothing.
        if let Some(request) = requests.max().filter(|_| killed > before) {
            recommender.killed(now, request.max(0).unsigned_abs() / 1000);
        }
        if self.noted.is_some_and(|noted| now < noted + INTERVAL) {
            return;
        }
        self.noted = Some(now);
        for sample in inputs.resource_metrics.into_iter().flatten() {
            let sum = |of: fn(&hpa::inputs::ContainerUsage<'_>) -> Option<i64>| {
                sample.containers.iter().map(of).sum::<Option<i64>>()
            };
            let start = sample.timestamp - sample.window;
            if let Some(milli) = sum(|container| container.cpu) {
                recommender.cpu(start, milli.max(0).unsigned_abs(), sample.count);
            }
            if let Some(milli) = sum(|container| container.memory) {
                recommender.memory(start, milli.max(0).unsigned_abs() / 1000);
            }
        }
    }
}

impl Autoscaler for Watched {
    fn period(&self) -> Duration {
        self.hpa.period()
    }

    fn sync(&mut self, now: SimTime, view: &View<'_>) -> Option<Replicas> {
        self.watch(now, &view.inputs, view.telemetry.totals.oom_kills);
        self.hpa.sync(now, view)
    }

    fn patch(&mut self, patch: &Patch) {
        self.hpa.patch(patch);
    }

    fn knobs(&self) -> Option<Knobs> {
        self.hpa.knobs()
    }
}

/// What the recommender makes of `window` under the HPA of `hpa`; `None` when no pod was measured.
#[must_use]
pub fn recommend(
    workload: &Arc<Workload>,
    world: &Settings,
    hpa: &hpa::Settings,
    window: Range<SimTime>,
) -> Option<Recommendation> {
    let (watched, usage) = Watched::new(HpaAutoscaler::new(hpa));
    drop(sim::run(workload, world, Box::new(watched), None, 0, window, false));
    usage.recommend()
}

/// The HPA of `hpa` on the pods that the recommendation makes of `pod`; on `pod` itself where the updater would leave it
/// alone, or nothing is recommended.
#[must_use]
pub fn recipe(hpa: &hpa::Settings, pod: &Pod, recommendation: Option<Recommendation>) -> Recipe {
    let requests = Resources::new(pod.cpu_request, pod.memory_request);
    let Some(recommendation) = recommendation.filter(|it| it.updates(requests)) else { return Recipe::hpa(hpa) };
    let spec = absolute(hpa.spec(), requests);
    Recipe::spec(&spec, hpa.flags()).on(updated(pod, recommendation.target))
}

/// A spec whose targets in percent of `requests` are amounts per pod.
fn absolute(mut spec: Spec, requests: Resources) -> Spec {
    for metric in &mut spec.metrics {
        let (Metric::Resource { resource, target } | Metric::ContainerResource { resource, target, .. }) = metric
        else {
            continue;
        };
        if let Target::Utilization(percent) = *target {
            let request = match resource {
                Resource::Cpu => u128::from(requests.cpu),
                Resource::Memory => u128::from(requests.memory) * 1000,
            };
            let amount = request * u128::from(percent.unsigned_abs()) / 100;
            *target = Target::AverageValue(i64::try_from(amount).unwrap_or(i64::MAX).max(1));
        }
    }
    spec
}

/// A pod with other requests, and limits in the same ratio to them.
fn updated(pod: &Pod, requests: Resources) -> Pod {
    let cpu = |old: Millicores| {
        let scaled = u128::from(old.0) * u128::from(requests.cpu) / u128::from(pod.cpu_request.0.max(1));
        Millicores(u32::try_from(scaled).unwrap_or(u32::MAX).max(1))
    };
    let memory = |old: Bytes| {
        let scaled = u128::from(old.0) * u128::from(requests.memory) / u128::from(pod.memory_request.0.max(1));
        Bytes(u64::try_from(scaled).unwrap_or(u64::MAX).max(1))
    };
    Pod {
        cpu_request: Millicores(u32::try_from(requests.cpu).unwrap_or(u32::MAX).max(1)),
        cpu_limit: pod.cpu_limit.map(cpu),
        memory_request: Bytes(requests.memory.max(1)),
        memory_limit: pod.memory_limit.map(memory),
        ..pod.clone()
    }
}

#[cfg(test)]
mod tests;
