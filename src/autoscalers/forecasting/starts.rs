//! How long pods take to start, as the conditions of pods say it.

use std::collections::VecDeque;

use crate::hpa::inputs::{Inputs, Status};
use crate::units::SimTime;

/// Starts that are kept.
const KEPT: usize = 100;

/// How long the last pods took from creation to readiness.
#[derive(Debug, Clone, Default)]
pub(super) struct Starts {
    /// In seconds, the newest last.
    taken: VecDeque<f64>,
    watched: Option<SimTime>,
}

impl Starts {
    /// Notes the pods that became ready since the last look. Conditions have whole seconds, so those of the second of the
    /// last look are left to it.
    pub(super) fn watch(&mut self, now: SimTime, inputs: &Inputs<'_>) {
        let since = self.watched.replace(now);
        for pod in inputs.pods {
            let (Some(start), Some((Status::True, ready))) = (pod.start, pod.ready) else { continue };
            if since.is_some_and(|since| ready > since) && ready > start {
                self.taken.extend(std::iter::repeat_n(ready.since(start).as_secs_f64(), pod.count as usize));
            }
        }
        while self.taken.len() > KEPT {
            self.taken.pop_front();
        }
    }

    /// The least time that a share of the kept starts did not exceed; `None` before the first start.
    pub(super) fn covering(&self, share: f64) -> Option<f64> {
        quantile(self.taken.iter().copied(), share)
    }
}

/// The least value that a share `q` of all does not exceed; `None` of nothing.
pub(super) fn quantile(values: impl Iterator<Item = f64>, q: f64) -> Option<f64> {
    let mut values: Vec<f64> = values.collect();
    let last = values.len().checked_sub(1)?;
    let at = ((q * values.len() as f64).ceil() as usize).saturating_sub(1).min(last);
    Some(*values.select_nth_unstable_by(at, f64::total_cmp).1)
}

#[cfg(test)]
impl FromIterator<f64> for Starts {
    fn from_iter<T: IntoIterator<Item = f64>>(taken: T) -> Self {
        Self { taken: taken.into_iter().collect(), watched: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hpa::inputs::{Phase, PodGroup, Selector};

    fn pod(start: i64, ready: i64) -> PodGroup<'static> {
        PodGroup {
            count: 1,
            phase: Phase::Running,
            start: Some(SimTime::from_secs(start)),
            ready: Some((Status::True, SimTime::from_secs(ready))),
            deleted: false,
            containers: &[],
            sidecars: &[],
            pod_requests: None,
        }
    }

    fn watch(starts: &mut Starts, now: i64, pods: &[PodGroup<'_>]) {
        let inputs = Inputs {
            spec_replicas: 1,
            status_replicas: 1,
            selector: Selector::Matches,
            pods,
            resource_metrics: None,
            pods_metrics: &[],
            object_metrics: &[],
            external_metrics: &[],
            scale_update_error: false,
        };
        starts.watch(SimTime::from_secs(now), &inputs);
    }

    #[test]
    fn each_start_since_the_last_look_counts_once() {
        let mut starts = Starts::default();
        watch(&mut starts, 0, &[pod(-90, -50)]);
        assert_eq!(starts.covering(0.9), None, "it became ready before the first look");
        watch(&mut starts, 30, &[pod(-90, -50), pod(1, 21), pod(1, 26)]);
        watch(&mut starts, 45, &[pod(1, 21), pod(1, 26)]);
        assert_eq!(starts.taken, [20.0, 25.0]);
        watch(&mut starts, 60, &[pod(-86_400, -86_400)]);
        assert_eq!(starts.taken.len(), 2, "pods that were there before have no start");
        assert_eq!((starts.covering(0.5), starts.covering(0.9)), (Some(20.0), Some(25.0)));
    }

    #[test]
    fn a_quantile_is_the_least_value_that_the_share_does_not_exceed() {
        let values = || [5.0, 1.0, 4.0, 2.0, 3.0].into_iter();
        for (share, expected) in [(0.0, 1.0), (0.2, 1.0), (0.21, 2.0), (0.8, 4.0), (1.0, 5.0)] {
            assert_eq!(quantile(values(), share), Some(expected));
        }
        assert_eq!(quantile(std::iter::empty(), 0.5), None);
    }
}
