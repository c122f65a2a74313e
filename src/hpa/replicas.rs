//! The replica calculator: from sums over pods, or one value, to the replicas a metric proposes.
//!
//! The arithmetic is the controller's, bit for bit: percent and averages are truncated integers, ratios are doubles,
//! replicas are the ceiling of a double product. 56 % of a 50 % target over 25 pods is 29 pods, not 28, because
//! `1.12 * 25.0` is a little more than 28.

use super::decision::{MetricError, Ratios, Reading};
use super::spec::Flags;
use super::tally::{Sum, Tally};
use crate::units::Replicas;

/// How far a ratio may be from 1 without action.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tolerance {
    /// Below 1.
    pub down: f64,
    /// Above 1.
    pub up: f64,
}

impl Tolerance {
    /// The tolerances in force: the flag's, unless the behaviour has its own and the feature gate is on.
    #[must_use]
    pub fn of(behavior: Option<&super::spec::Behavior>, flags: &Flags) -> Self {
        let own = behavior.filter(|_| flags.configurable_tolerance);
        Self {
            down: own.and_then(|own| own.scale_down.tolerance).unwrap_or(flags.tolerance),
            up: own.and_then(|own| own.scale_up.tolerance).unwrap_or(flags.tolerance),
        }
    }

    /// Whether a ratio is close enough to 1. Both ends count.
    #[must_use]
    pub fn holds(self, ratio: f64) -> bool {
        1.0 - self.down <= ratio && ratio <= 1.0 + self.up
    }
}

/// What one metric comes to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Proposal {
    pub(super) replicas: Replicas,
    pub(super) reading: Reading,
    pub(super) ratios: Ratios,
}

/// A target in percent of the requests.
pub(super) fn utilization(
    tally: &Tally,
    target: i32,
    current: Replicas,
    tolerance: Tolerance,
) -> Result<Proposal, MetricError> {
    let percent = |sum: Sum| sum.usage.wrapping_mul(100).checked_div(sum.request).unwrap_or(0) as i32;
    let ratio_of = |sum: Sum| f64::from(percent(sum)) / f64::from(target);
    if tally.ready.request == 0 {
        return Err(MetricError::NoKnownPods);
    }
    let reading = Reading {
        average_utilization: Some(percent(tally.ready)),
        average_value: Some(tally.ready.usage / tally.ready.pods),
        value: None,
    };
    let (replicas, ratios) = propose(tally, tally.ready, ratio_of, current, tolerance);
    Ok(Proposal { replicas, reading, ratios })
}

/// A target per pod, in thousandths.
pub(super) fn average_value(tally: &Tally, target: i64, current: Replicas, tolerance: Tolerance) -> Proposal {
    let average = |sum: Sum| sum.usage / sum.pods;
    let ratio_of = |sum: Sum| average(sum) as f64 / target as f64;
    let sampled = sum_of(tally.ready, tally.unknown);
    let reading = Reading { average_value: Some(average(sampled)), ..Reading::default() };
    let (replicas, ratios) = propose(tally, sampled, ratio_of, current, tolerance);
    Proposal { replicas, reading, ratios }
}

/// The common part: the ratio of what is sampled, then that with the unready and missing pods filled in.
fn propose(
    tally: &Tally,
    sampled: Sum,
    ratio_of: impl Fn(Sum) -> f64,
    current: Replicas,
    tolerance: Tolerance,
) -> (Replicas, Ratios) {
    let ratio = ratio_of(sampled);
    let count_unready = tally.unready.pods > 0 && ratio > 1.0;
    if !count_unready && tally.missing.pods == 0 {
        let replicas = if tolerance.holds(ratio) { current } else { times(ratio, tally.ready.pods) };
        return (replicas, Ratios { sampled: ratio, filled: None });
    }
    let filled = fill_in(tally, sampled, ratio);
    let new_ratio = ratio_of(filled);
    // Samples of pods that are not listed count here, even where they did not enter the ratio.
    let entries = tally.ready.pods + tally.unknown.pods + filled.pods - sampled.pods;
    let replicas = conservative(ratio, new_ratio, entries, current, tolerance);
    (replicas, Ratios { sampled: ratio, filled: Some(new_ratio) })
}

/// Missing pods use what they should on a scale-down and nothing on a scale-up; unready pods nothing on a scale-up.
fn fill_in(tally: &Tally, sampled: Sum, ratio: f64) -> Sum {
    let idle = |sum: Sum| Sum { usage: 0, ..sum };
    let mut filled = sampled;
    if ratio < 1.0 {
        filled = sum_of(filled, tally.missing);
    } else if ratio > 1.0 {
        filled = sum_of(sum_of(filled, idle(tally.missing)), idle(tally.unready));
    }
    filled
}

/// Never changes direction because of what was filled in.
fn conservative(ratio: f64, new_ratio: f64, entries: i64, current: Replicas, tolerance: Tolerance) -> Replicas {
    let turned = (ratio < 1.0 && new_ratio > 1.0) || (ratio > 1.0 && new_ratio < 1.0);
    if tolerance.holds(new_ratio) || turned {
        return current;
    }
    let replicas = times(new_ratio, entries);
    let backwards = (new_ratio < 1.0 && replicas > current) || (new_ratio > 1.0 && replicas < current);
    if backwards { current } else { replicas }
}

/// A target for the whole, in thousandths: the ratio times the pods that are ready. From zero, the ratio alone.
pub(super) fn value(
    total: i64,
    target: i64,
    current: Replicas,
    tolerance: Tolerance,
    ready_pods: impl FnOnce() -> Result<i64, MetricError>,
) -> Result<Proposal, MetricError> {
    let ratio = total as f64 / target as f64;
    let replicas = if current == 0 {
        times(ratio, 1)
    } else if tolerance.holds(ratio) {
        current
    } else {
        times(ratio, ready_pods()?)
    };
    let reading = Reading { value: Some(total), ..Reading::default() };
    Ok(Proposal { replicas, reading, ratios: Ratios { sampled: ratio, filled: None } })
}

/// A target per pod for a value of the whole, in thousandths. It looks at `status.replicas`, and at no pod.
pub(super) fn value_per_pod(total: i64, target: i64, status_replicas: Replicas, tolerance: Tolerance) -> Proposal {
    let (total, target, pods) = (total as f64, target as f64, f64::from(status_replicas));
    let ratio = total / (target * pods);
    let replicas = if tolerance.holds(ratio) { status_replicas } else { (total / target).ceil() as Replicas };
    let reading = Reading { average_value: Some((total / pods).ceil() as i64), ..Reading::default() };
    Proposal { replicas, reading, ratios: Ratios { sampled: ratio, filled: None } }
}

/// The ceiling of the double product.
fn times(ratio: f64, pods: i64) -> Replicas {
    (ratio * pods as f64).ceil() as Replicas
}

fn sum_of(a: Sum, b: Sum) -> Sum {
    Sum { pods: a.pods + b.pods, usage: a.usage.wrapping_add(b.usage), request: a.request.wrapping_add(b.request) }
}
