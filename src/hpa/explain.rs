//! A decision as a record that people and scripts can read: what was seen, and which rule bound the outcome.

use std::fmt;

use serde::Serialize;

use super::conditions::{ConditionType, Reason};
use super::decision::{Decision, MetricOutcome, Path, PodCounts};
use super::inputs::Status;
use super::settings::PolicyText;
use super::spec::{Metric, Spec, Target};
use crate::units::Replicas;

/// One sync, explained.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Explanation {
    /// Seconds from the trace's origin.
    pub t: f64,
    /// Which way the sync took.
    pub path: Path,
    /// Replicas before.
    pub current: Replicas,
    /// Replicas the controller wants.
    pub desired: Replicas,
    /// Whether they were written.
    pub scaled: bool,
    /// Each metric, in the spec's order.
    pub metrics: Vec<MetricLine>,
    /// The highest proposal.
    pub recommendation: Option<Replicas>,
    /// After stabilisation.
    pub stabilized: Option<Replicas>,
    /// The past recommendation that held the change back.
    pub held_by: Option<HeldBy>,
    /// After policies and bounds.
    pub limited: Option<Replicas>,
    /// What limited it: `TooFewReplicas`, `TooManyReplicas`, `ScaleUpLimit` or `ScaleDownLimit`.
    pub limit: Option<String>,
    /// The policy that set the limit.
    pub policy: Option<String>,
    /// The object's conditions after the sync.
    pub conditions: Vec<ConditionLine>,
    /// The controller's words for the rescale.
    pub reason: Option<String>,
    /// What went wrong.
    pub error: Option<String>,
}

/// One metric, explained.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MetricLine {
    /// Its name, with the container's for container metrics.
    pub name: String,
    /// Pods by what they count for.
    pub pods: PodCounts,
    /// The value: percent for a utilisation, else cores, bytes or units.
    pub value: Option<f64>,
    /// The target, in the same unit.
    pub target: Option<f64>,
    /// Whether value and target are percent of the request.
    pub percent: bool,
    /// Value over target of the pods with samples.
    pub ratio: Option<f64>,
    /// With missing and unready pods filled in.
    pub filled_ratio: Option<f64>,
    /// The replicas it proposes.
    pub proposal: Option<Replicas>,
    /// Why it failed.
    pub error: Option<String>,
}

/// The past recommendation that held a change back.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct HeldBy {
    /// When it was made, in seconds from the trace's origin.
    pub t: f64,
    /// The replicas it was for.
    pub replicas: Replicas,
}

/// A condition of the object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ConditionLine {
    /// Its type.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// `True`, `False` or `Unknown`.
    pub status: &'static str,
    /// Why.
    pub reason: &'static str,
}

impl Explanation {
    /// Explains a decision that was made on a spec.
    #[must_use]
    pub fn of(decision: &Decision, spec: &Spec) -> Self {
        let limited = decision.limited;
        Self {
            t: decision.at.secs(),
            path: decision.path,
            current: decision.current,
            desired: decision.status.desired_replicas,
            scaled: decision.scale_to.is_some(),
            metrics: spec
                .metrics
                .iter()
                .zip(&decision.metrics)
                .map(|(metric, outcome)| line(metric, outcome))
                .collect(),
            recommendation: decision.recommendation,
            stabilized: decision.stabilized.map(|stabilized| stabilized.replicas),
            held_by: decision
                .stabilized
                .and_then(|stabilized| stabilized.held_by)
                .map(|entry| HeldBy { t: entry.at.secs(), replicas: entry.replicas }),
            limited: limited.map(|limited| limited.replicas),
            limit: limited
                .filter(|limited| limited.reason != Reason::DesiredWithinRange)
                .map(|limited| limited.reason.to_string()),
            policy: limited.and_then(|limited| policy(spec, limited.reason, limited.policy?)),
            conditions: conditions(decision),
            reason: decision.reason(spec),
            error: decision.error.map(|error| error.to_string()),
        }
    }

    /// Whether something changed since the sync before: replicas, an error or a condition. That a rescale is over is no
    /// change.
    #[must_use]
    pub fn differs(&self, before: Option<&Self>) -> bool {
        let Some(before) = before else { return true };
        self.scaled || self.error != before.error || !self.settled().eq(before.settled())
    }

    fn settled(&self) -> impl Iterator<Item = (&str, &str, &str)> {
        self.conditions.iter().map(|condition| {
            let over = condition.reason == Reason::SucceededRescale.as_str();
            let reason = if over { Reason::ReadyForNewScale.as_str() } else { condition.reason };
            (condition.kind, condition.status, reason)
        })
    }

    /// The pods of the first metric that looks at any.
    #[must_use]
    pub fn pods(&self) -> Option<PodCounts> {
        self.metrics.iter().map(|metric| metric.pods).find(|pods| *pods != PodCounts::default())
    }
}

fn conditions(decision: &Decision) -> Vec<ConditionLine> {
    let status = |status| match status {
        Status::True => "True",
        Status::False => "False",
        Status::Unknown => "Unknown",
    };
    let line = |condition: super::conditions::Condition| ConditionLine {
        kind: ConditionType::as_str(condition.kind),
        status: status(condition.status),
        reason: condition.reason.as_str(),
    };
    decision.status.conditions.iter().map(line).collect()
}

fn policy(spec: &Spec, reason: Reason, index: usize) -> Option<String> {
    let behavior = spec.behavior.as_ref()?;
    let rules = if reason == Reason::ScaleDownLimit { &behavior.scale_down } else { &behavior.scale_up };
    rules.policies.get(index).map(|policy| PolicyText(*policy).to_string())
}

fn line(metric: &Metric, outcome: &MetricOutcome) -> MetricLine {
    let (name, target) = name_and_target(metric);
    let percent = matches!(target, Some(Target::Utilization(_)));
    let units = |milli: i64| milli as f64 / 1000.0;
    let value = outcome.reading.and_then(|reading| match target {
        Some(Target::Utilization(_)) => reading.average_utilization.map(f64::from),
        _ => reading.average_value.or(reading.value).map(units),
    });
    MetricLine {
        name,
        pods: outcome.pods,
        value,
        target: target.map(|target| match target {
            Target::Utilization(percent) => f64::from(percent),
            Target::AverageValue(milli) | Target::Value(milli) => units(milli),
        }),
        percent,
        ratio: outcome.ratios.map(|ratios| ratios.sampled).filter(|ratio| ratio.is_finite()),
        filled_ratio: outcome.ratios.and_then(|ratios| ratios.filled),
        proposal: outcome.proposal.ok(),
        error: outcome.proposal.err().map(|error| error.to_string()),
    }
}

fn name_and_target(metric: &Metric) -> (String, Option<Target>) {
    match metric {
        Metric::Resource { resource, target } => (resource.name().to_owned(), Some(*target)),
        Metric::ContainerResource { container, resource, target } => {
            (format!("{} of {container}", resource.name()), Some(*target))
        }
        Metric::Pods { name, target } | Metric::Object { name, target, .. } | Metric::External { name, target } => {
            (name.clone(), Some(*target))
        }
        Metric::Unavailable { name, .. } => (name.clone(), None),
    }
}

/// `cpu 87% of 50% = 1.74 (1.20 filled in) -> 7`.
impl fmt::Display for MetricLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.name)?;
        if let Some(error) = &self.error {
            return write!(f, " failed: {error}");
        }
        let unit = if self.percent { "%" } else { "" };
        if let (Some(value), Some(target)) = (self.value, self.target) {
            write!(f, " {value}{unit} of {target}{unit}")?;
        }
        if let Some(ratio) = self.ratio {
            write!(f, " = {ratio:.2}")?;
        }
        if let Some(ratio) = self.filled_ratio {
            write!(f, " ({ratio:.2} filled in)")?;
        }
        self.proposal.map_or(Ok(()), |proposal| write!(f, " -> {proposal}"))
    }
}

impl HeldBy {
    /// In words at a later instant, as in `9 asked 240 s before`. Of the same instant is only the size that the first
    /// sync finds, with which it seeds the history.
    #[must_use]
    pub fn at(&self, now: f64) -> String {
        if self.t < now {
            format!("{} asked {:.0} s before", self.replicas, now - self.t)
        } else {
            format!("{} found at the first sync", self.replicas)
        }
    }
}
