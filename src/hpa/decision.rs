//! What one sync decided, and everything it decided on.

use std::fmt;

use serde::Serialize;

use super::conditions::Conditions;
use super::limits::Limited;
use super::spec::{Metric, Source, Spec, Target};
use super::stabilize::Stabilized;
use crate::units::{Replicas, SimTime};

/// The outcome of one sync.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Decision {
    /// When the sync ran.
    pub at: SimTime,
    /// Which way it took.
    pub path: Path,
    /// `scale.spec.replicas` as the sync found it.
    pub current: Replicas,
    /// Each metric in the spec's order; empty when metrics were not evaluated.
    pub metrics: Vec<MetricOutcome>,
    /// The highest proposal, as it entered the history; `None` when none did.
    pub recommendation: Option<Replicas>,
    /// The recommendation after stabilisation.
    pub stabilized: Option<Stabilized>,
    /// The stabilised recommendation after policies and bounds.
    pub limited: Option<Limited>,
    /// What was written to `scale.spec.replicas`; `None` when nothing was.
    pub scale_to: Option<Replicas>,
    /// What went wrong. A sync can fail in a metric and still scale up.
    pub error: Option<SyncError>,
    /// The object's status after the sync.
    pub status: HpaStatus,
}

impl Decision {
    /// The controller's words for a rescale, as in its event; `None` when nothing was written.
    #[must_use]
    pub fn reason(&self, spec: &Spec) -> Option<String> {
        let scale_to = self.scale_to?;
        let raised = self.limited.is_some_and(|limited| limited.replicas < scale_to);
        match self.path {
            Path::AboveMax => Some("Current number of replicas above Spec.MaxReplicas".into()),
            Path::BelowMin => Some("Current number of replicas below Spec.MinReplicas".into()),
            Path::Disabled => None,
            Path::Metrics if self.recommendation? < self.current => Some("All metrics below target".into()),
            Path::Metrics if self.recommendation? == self.current => {
                raised.then(|| "Current number of replicas below Spec.MinReplicas".into())
            }
            Path::Metrics => Some(format!("{} above target", describe(spec.metrics.get(self.highest()?)?))),
        }
    }

    /// Index of the first metric with the highest proposal.
    #[must_use]
    pub fn highest(&self) -> Option<usize> {
        let proposals =
            self.metrics.iter().enumerate().filter_map(|(index, metric)| Some((index, metric.proposal.ok()?)));
        proposals
            .fold(None, |best, new| match best {
                Some((_, replicas)) if replicas != 0 && new.1 <= replicas => best,
                _ => Some(new),
            })
            .map(|(index, _)| index)
    }
}

/// The metric's name in upstream's events. With an average value, container metrics are named as those of pods, and
/// Object metrics as External ones.
fn describe(metric: &Metric) -> String {
    let percent = "utilization (percentage of request)";
    match metric {
        Metric::Resource { resource, target: Target::Utilization(_) } => {
            format!("{} resource {percent}", resource.name())
        }
        Metric::ContainerResource { resource, target: Target::Utilization(_), .. } => {
            format!("{} container resource {percent}", resource.name())
        }
        Metric::Resource { resource, .. } | Metric::ContainerResource { resource, .. } => {
            format!("{} resource", resource.name())
        }
        Metric::Pods { name, .. } => format!("pods metric {name}"),
        Metric::Object { name, object, target: Target::Value(_) } => format!("{} metric {name}", object.kind),
        Metric::Object { name, .. } | Metric::External { name, .. } => format!("external metric {name}"),
        Metric::Unavailable { name, .. } => name.clone(),
    }
}

/// Which way a sync took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Path {
    /// The target has zero replicas, which switches scaling off.
    Disabled,
    /// More replicas than `maxReplicas`: set to it without a look at metrics.
    AboveMax,
    /// Fewer replicas than `minReplicas`: set to it without a look at metrics.
    BelowMin,
    /// The metrics decided.
    #[default]
    Metrics,
}

/// What one metric came to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MetricOutcome {
    /// The pods it looked at. All zero for metrics that look at none.
    pub pods: PodCounts,
    /// Its entry in `status.currentMetrics`; `None` when it failed.
    pub reading: Option<Reading>,
    /// Value over target; `None` when it failed.
    pub ratios: Option<Ratios>,
    /// The replicas it proposes, or why it failed.
    pub proposal: Result<Replicas, MetricError>,
}

/// Pods by what they count for in a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct PodCounts {
    /// Sampled, and counted.
    pub ready: u32,
    /// Pending, or left out by the CPU rules.
    pub unready: u32,
    /// Without a sample.
    pub missing: u32,
    /// Deleted or failed.
    pub ignored: u32,
}

/// An entry of `status.currentMetrics`. Values in thousandths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Reading {
    /// Percent of the request, truncated.
    pub average_utilization: Option<i32>,
    /// Mean per pod.
    pub average_value: Option<i64>,
    /// The value of the whole.
    pub value: Option<i64>,
}

/// A metric over its target.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ratios {
    /// Of the pods with samples.
    pub sampled: f64,
    /// With missing and unready pods filled in; `None` when none were.
    pub filled: Option<f64>,
}

/// Why a metric failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MetricError {
    /// The metrics API gave no answer.
    #[error("the metrics API did not answer")]
    NoAnswer,
    /// It answered with nothing.
    #[error("the metrics API returned no metrics")]
    NoMetrics,
    /// The metric's name is not served.
    #[error("the metrics API does not know the metric")]
    NotFound,
    /// The selector matches no pod.
    #[error("no pods are selected")]
    NoPods,
    /// No sample is left of pods that count.
    #[error("no pod that counts has a sample; pods might be unready")]
    NoSamples,
    /// A listed pod does not request the resource.
    #[error("a pod does not request the resource")]
    NoRequest,
    /// All samples are of pods that are not listed, or requests add up to zero.
    #[error("no sample is of a known pod with a request")]
    NoKnownPods,
    /// A sample lacks the container.
    #[error("the container is not in the metrics of every pod")]
    NoContainer,
    /// The controller cannot evaluate the source.
    #[error("the controller cannot evaluate the metric's source")]
    Unavailable,
}

/// What went wrong in a sync.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SyncError {
    /// The scale's selector is missing or does not parse.
    #[error("the scale's selector is missing or invalid")]
    InvalidSelector,
    /// Some metrics failed.
    #[error("{failed} metric(s) failed, the first: {first}")]
    Metrics {
        /// Why the first one did.
        first: MetricError,
        /// Which kind of metric it is; `None` for a type that the controller does not know.
        kind: Option<Source>,
        /// How many did.
        failed: usize,
    },
    /// The scale could not be written.
    #[error("the scale could not be written")]
    UpdateScale,
}

/// The object's status.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HpaStatus {
    /// `currentReplicas`: what the last sync found.
    pub current_replicas: Replicas,
    /// `desiredReplicas`: what it wanted.
    pub desired_replicas: Replicas,
    /// `lastScaleTime`.
    pub last_scale_time: Option<SimTime>,
    /// `conditions`.
    pub conditions: Conditions,
}

impl fmt::Display for PodCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { ready, unready, missing, ignored } = self;
        write!(f, "{ready} ready, {unready} unready, {missing} missing, {ignored} ignored")
    }
}
