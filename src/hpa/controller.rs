//! One reconcile of the HorizontalPodAutoscaler controller.
//!
//! Order and quirks are those of `pkg/controller/podautoscaler/horizontal.go` of Kubernetes v1.36. Not modelled: a
//! scale subresource that cannot be read, and several HPAs that select the same pods.

use std::time::Duration;

use super::conditions::{ConditionType, Reason};
use super::decision::{Decision, HpaStatus, MetricOutcome, Path, SyncError};
use super::events::{EventLog, store};
use super::inputs::{Inputs, Selector, Status};
use super::limits;
use super::metrics::Evaluation;
use super::replicas::Tolerance;
use super::spec::{Flags, Source, Spec};
use super::stabilize::{Recommendation, Stabilized, stabilize, stabilize_with_behavior};
use super::tally::Scratch;
use crate::units::{Replicas, SimTime};

/// What the controller keeps in memory about one HPA. A restart loses it, a change of the spec does not.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Memory {
    /// Recommendations before stabilisation; `None` before the first sync, which seeds it with the size it finds.
    pub history: Option<Vec<Recommendation>>,
    /// Rescales.
    pub events: EventLog,
}

/// A HorizontalPodAutoscaler and its controller.
#[derive(Debug, Clone)]
pub struct Hpa {
    spec: Spec,
    flags: Flags,
    memory: Memory,
    decision: Decision,
    scratch: Scratch,
}

impl Hpa {
    /// An HPA the controller has never seen. The spec is taken as valid.
    #[must_use]
    pub fn new(spec: Spec, flags: Flags) -> Self {
        Self::restore(spec, flags, Memory::default(), HpaStatus::default())
    }

    /// An HPA with a past.
    #[must_use]
    pub fn restore(spec: Spec, flags: Flags, memory: Memory, status: HpaStatus) -> Self {
        let decision = Decision { status, ..Decision::default() };
        Self { spec, flags, memory, decision, scratch: Scratch::default() }
    }

    /// The spec in force.
    #[must_use]
    pub fn spec(&self) -> &Spec {
        &self.spec
    }

    /// The controller's flags.
    #[must_use]
    pub fn flags(&self) -> &Flags {
        &self.flags
    }

    /// Replaces the spec; memory and status stay, as when the object is updated.
    pub fn set_spec(&mut self, spec: Spec) {
        self.spec = spec;
    }

    /// Changes the spec in place; memory and status stay.
    pub fn edit(&mut self, change: impl FnOnce(&mut Spec)) {
        change(&mut self.spec);
    }

    /// What the controller remembers.
    #[must_use]
    pub fn memory(&self) -> &Memory {
        &self.memory
    }

    /// The last decision.
    #[must_use]
    pub fn decision(&self) -> &Decision {
        &self.decision
    }

    /// One reconcile at `now`. Syncs must come in order of time.
    pub fn sync(&mut self, now: SimTime, inputs: &Inputs<'_>) -> &Decision {
        self.sync_adjusted(now, inputs, |recommendation| recommendation)
    }

    /// One reconcile whose recommendation `adjust` may change before stabilisation and limits, as autoscalers do that
    /// add forecasts to what the metrics say. It is not called when the metrics recommend nothing.
    pub fn sync_adjusted(
        &mut self,
        now: SimTime,
        inputs: &Inputs<'_>,
        adjust: impl FnOnce(Replicas) -> Replicas,
    ) -> &Decision {
        let current = inputs.spec_replicas;
        self.begin(now, current);
        let desired = match self.decision.path {
            Path::Disabled => Some(self.disable()),
            Path::AboveMax => Some(self.spec.max_replicas),
            Path::BelowMin => Some(self.spec.min_replicas),
            Path::Metrics => self.desired_by_metrics(now, inputs, adjust),
        };
        self.decision.status.current_replicas = current;
        if let Some(desired) = desired {
            self.finish(now, desired, inputs.scale_update_error);
        }
        &self.decision
    }

    /// Clears what the last sync left, and seeds a new history with the size found.
    fn begin(&mut self, now: SimTime, current: Replicas) {
        self.set(ConditionType::AbleToScale, Status::True, Reason::SucceededGetScale);
        self.memory.history.get_or_insert_with(|| vec![Recommendation { at: now, replicas: current }]);
        let path = self.path(current);
        let decision = &mut self.decision;
        decision.at = now;
        decision.path = path;
        decision.current = current;
        decision.metrics.clear();
        decision.recommendation = None;
        decision.stabilized = None;
        decision.limited = None;
        decision.scale_to = None;
        decision.error = None;
    }

    fn path(&self, current: Replicas) -> Path {
        let spec = &self.spec;
        if current == 0 {
            let went_to_zero = self.flags.scale_to_zero
                && self.decision.status.conditions.is_true(ConditionType::ScaledToZero)
                && (spec.min_replicas != 0 || spec.can_leave_zero());
            if went_to_zero { Path::Metrics } else { Path::Disabled }
        } else if current > spec.max_replicas {
            Path::AboveMax
        } else if current < spec.min_replicas {
            Path::BelowMin
        } else {
            Path::Metrics
        }
    }

    /// Zero replicas that the HPA did not set itself switch it off.
    fn disable(&mut self) -> Replicas {
        self.set(ConditionType::ScalingActive, Status::False, Reason::ScalingDisabled);
        if !self.flags.scale_to_zero {
            self.decision.status.conditions.remove(ConditionType::ScaledToZero);
        }
        0
    }

    /// Metrics, stabilisation and limits; `None` when the metrics failed as a whole.
    fn desired_by_metrics(
        &mut self,
        now: SimTime,
        inputs: &Inputs<'_>,
        adjust: impl FnOnce(Replicas) -> Replicas,
    ) -> Option<Replicas> {
        let current = inputs.spec_replicas;
        let raw = adjust(self.recommend(now, inputs)?.max(0)).max(0);
        self.decision.recommendation = Some(raw);
        let desired = if self.spec.behavior.is_some() {
            self.normalize_with_behavior(now, raw, current)
        } else {
            self.normalize(now, raw, current)
        };
        Some(if current == 0 { desired.max(self.spec.min_replicas) } else { desired })
    }

    /// The highest proposal; `None` when all metrics failed, or one did and the others would scale down.
    fn recommend(&mut self, now: SimTime, inputs: &Inputs<'_>) -> Option<Replicas> {
        if inputs.selector == Selector::Invalid {
            self.set(ConditionType::ScalingActive, Status::False, Reason::InvalidSelector);
            self.decision.error = Some(SyncError::InvalidSelector);
            return None;
        }
        let tolerance = Tolerance::of(self.spec.behavior.as_ref(), &self.flags);
        let mut evaluation = Evaluation { now, inputs, flags: &self.flags, tolerance, scratch: &mut self.scratch };
        self.decision.metrics.extend(self.spec.metrics.iter().map(|metric| evaluation.of(metric)));
        let best = highest(&self.decision.metrics);
        self.decision.error = self.metric_error();
        if let Some(SyncError::Metrics { kind, failed, .. }) = self.decision.error
            && (failed >= self.spec.metrics.len() || best < inputs.spec_replicas)
        {
            self.set(ConditionType::ScalingActive, Status::False, failure_reason(kind));
            return None;
        }
        self.set(ConditionType::ScalingActive, Status::True, Reason::ValidMetricFound);
        Some(best)
    }

    fn metric_error(&self) -> Option<SyncError> {
        let mut failures = (self.spec.metrics.iter().zip(&self.decision.metrics))
            .filter_map(|(metric, outcome)| Some((metric.source(), outcome.proposal.err()?)));
        let (kind, first) = failures.next()?;
        Some(SyncError::Metrics { first, kind, failed: 1 + failures.count() })
    }

    fn normalize(&mut self, now: SimTime, raw: Replicas, current: Replicas) -> Replicas {
        let window = self.flags.downscale_stabilization;
        let stabilized = stabilize(self.memory.history.get_or_insert_default(), raw, now, window);
        self.note_stabilized(stabilized, raw, Reason::ScaleDownStabilized);
        let limited =
            limits::without_behavior(stabilized.replicas, current, self.spec.min_replicas, self.spec.max_replicas);
        self.note_limited(limited, stabilized.replicas)
    }

    fn normalize_with_behavior(&mut self, now: SimTime, raw: Replicas, current: Replicas) -> Replicas {
        let Some(behavior) = &self.spec.behavior else { return raw };
        let flag = Duration::from_secs(self.flags.downscale_stabilization.as_secs());
        let windows =
            (behavior.scale_up.stabilization.unwrap_or_default(), behavior.scale_down.stabilization.unwrap_or(flag));
        let history = self.memory.history.get_or_insert_default();
        let stabilized = stabilize_with_behavior(history, raw, current, now, windows);
        let limited =
            limits::with_behavior(stabilized.replicas, current, &self.spec, behavior, &self.memory.events, now);
        let held = if raw >= current { Reason::ScaleUpStabilized } else { Reason::ScaleDownStabilized };
        self.note_stabilized(stabilized, raw, held);
        self.note_limited(limited, stabilized.replicas)
    }

    fn note_stabilized(&mut self, stabilized: Stabilized, raw: Replicas, held: Reason) {
        let reason = if stabilized.replicas == raw { Reason::ReadyForNewScale } else { held };
        self.set(ConditionType::AbleToScale, Status::True, reason);
        self.decision.stabilized = Some(stabilized);
    }

    fn note_limited(&mut self, limited: limits::Limited, stabilized: Replicas) -> Replicas {
        let status = if limited.replicas == stabilized { Status::False } else { Status::True };
        self.set(ConditionType::ScalingLimited, status, limited.reason);
        self.decision.limited = Some(limited);
        limited.replicas
    }

    /// Writes the scale when it changes, and the status.
    fn finish(&mut self, now: SimTime, desired: Replicas, update_error: bool) {
        let current = self.decision.current;
        if self.decision.path != Path::Disabled && desired != current {
            if update_error {
                self.set(ConditionType::AbleToScale, Status::False, Reason::FailedUpdateScale);
                self.decision.error = Some(SyncError::UpdateScale);
                return;
            }
            self.rescaled(now, desired, current);
        }
        self.decision.status.desired_replicas = desired;
    }

    fn rescaled(&mut self, now: SimTime, desired: Replicas, current: Replicas) {
        self.set(ConditionType::AbleToScale, Status::True, Reason::SucceededRescale);
        if self.flags.scale_to_zero {
            let to_zero = current > 0 && desired == 0 && self.spec.min_replicas == 0 && self.spec.can_leave_zero();
            let (status, reason) =
                if to_zero { (Status::True, Reason::ScaledToZero) } else { (Status::False, Reason::NotScaledToZero) };
            self.set(ConditionType::ScaledToZero, status, reason);
        } else {
            self.decision.status.conditions.remove(ConditionType::ScaledToZero);
        }
        if let Some(behavior) = &self.spec.behavior {
            if desired > current {
                store(&mut self.memory.events.ups, desired.wrapping_sub(current), now, &behavior.scale_up);
            } else {
                store(&mut self.memory.events.downs, current.wrapping_sub(desired), now, &behavior.scale_down);
            }
        }
        self.decision.scale_to = Some(desired);
        self.decision.status.last_scale_time = Some(now);
    }

    fn set(&mut self, kind: ConditionType, status: Status, reason: Reason) {
        self.decision.status.conditions.set(kind, status, reason);
    }
}

/// The highest proposal, 0 when there is none. A best of 0 gives way to any proposal, as upstream.
fn highest(metrics: &[MetricOutcome]) -> Replicas {
    metrics
        .iter()
        .filter_map(|metric| metric.proposal.ok())
        .fold(0, |best, proposal| if best == 0 || proposal > best { proposal } else { best })
}

fn failure_reason(kind: Option<Source>) -> Reason {
    match kind {
        Some(Source::Resource) => Reason::FailedGetResourceMetric,
        Some(Source::ContainerResource) => Reason::FailedGetContainerResourceMetric,
        Some(Source::Pods) => Reason::FailedGetPodsMetric,
        Some(Source::Object) => Reason::FailedGetObjectMetric,
        Some(Source::External) => Reason::FailedGetExternalMetric,
        None => Reason::InvalidMetricSourceType,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hpa::decision::PodCounts;
    use crate::hpa::settings::{Direction, Settings};

    #[test]
    fn with_behavior_the_window_of_the_flag_is_cut_to_whole_seconds() {
        let spec = Settings { scale_down: Some(Direction::default()), ..Settings::default() }.spec();
        let flags = Flags { downscale_stabilization: Duration::from_millis(300_900), ..Flags::default() };
        let history = Some(vec![Recommendation { at: SimTime::ZERO, replicas: 9 }]);
        let memory = Memory { history, ..Memory::default() };
        let mut hpa = Hpa::restore(spec, flags, memory, HpaStatus::default());
        assert_eq!(hpa.normalize_with_behavior(SimTime(300_500_000), 2, 9), 2, "9 is older than 300 s");
    }

    #[test]
    fn a_best_proposal_of_zero_gives_way_even_to_a_negative_one() {
        let outcome = |proposal| MetricOutcome { pods: PodCounts::default(), reading: None, ratios: None, proposal };
        assert_eq!(highest(&[outcome(Ok(0)), outcome(Ok(-3))]), -3);
        assert_eq!(highest(&[outcome(Ok(2)), outcome(Ok(-3))]), 2);
    }
}
