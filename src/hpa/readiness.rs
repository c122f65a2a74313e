//! Which pods a metric counts: the controller's groups of ready, unready, missing and ignored pods.

use std::time::Duration;

use super::inputs::{Phase, PodGroup, Status};
use super::spec::Flags;
use crate::units::SimTime;

/// What a pod's phase says before its sample is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// Deleted or failed: it and its sample are dropped.
    Ignored,
    /// Pending: unready, and its sample is dropped.
    Pending,
    /// Its sample decides. `Succeeded` and `Unknown` are here too.
    Counted,
}

pub(super) fn standing(pod: &PodGroup<'_>) -> Standing {
    if pod.deleted || pod.phase == Phase::Failed {
        Standing::Ignored
    } else if pod.phase == Phase::Pending {
        Standing::Pending
    } else {
        Standing::Counted
    }
}

/// Whether a sampled pod is left out of a CPU metric because it still starts, or never was ready.
///
/// While it starts (up to `cpu_initialization_period` after its start) a whole sample window must lie after it turned
/// ready. Later only a pod that turned unready within `initial_readiness_delay` of its start is left out: one that was
/// ready and lost it keeps counting. A Ready condition of status Unknown is not False.
pub(super) fn unready_for_cpu(
    pod: &PodGroup<'_>,
    (timestamp, window): (SimTime, Duration),
    now: SimTime,
    flags: &Flags,
) -> bool {
    let (Some((ready, transition)), Some(start)) = (pod.ready, pod.start) else { return true };
    if start + flags.cpu_initialization_period > now {
        ready == Status::False || timestamp < transition + window
    } else {
        ready == Status::False && start + flags.initial_readiness_delay > transition
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(ready: Option<(Status, i64)>) -> PodGroup<'static> {
        PodGroup {
            count: 1,
            phase: Phase::Running,
            start: Some(SimTime::from_secs(1000)),
            ready: ready.map(|(status, at)| (status, SimTime::from_secs(at))),
            deleted: false,
            containers: &[],
            sidecars: &[],
            pod_requests: None,
        }
    }

    fn unready(ready: Option<(Status, i64)>, sampled: i64, now: i64) -> bool {
        let taken = (SimTime::from_secs(sampled), Duration::from_secs(15));
        unready_for_cpu(&pod(ready), taken, SimTime::from_secs(now), &Flags::default())
    }

    #[test]
    fn a_starting_pod_counts_once_a_whole_window_lies_after_it_turned_ready() {
        assert!(unready(Some((Status::True, 1020)), 1034, 1040));
        assert!(!unready(Some((Status::True, 1020)), 1035, 1040));
        assert!(unready(Some((Status::False, 1020)), 1100, 1100));
        assert!(!unready(Some((Status::Unknown, 1020)), 1100, 1100), "Unknown is not False");
    }

    #[test]
    fn a_pod_that_was_ready_once_keeps_counting_after_it_turned_unready() {
        assert!(!unready(Some((Status::False, 1200)), 1300, 1300), "it was ready for a while");
        assert!(!unready(Some((Status::False, 1030)), 1300, 1300), "the delay is over at its end");
        assert!(unready(Some((Status::False, 1029)), 1300, 1300), "it never was ready");
    }

    #[test]
    fn a_pod_without_ready_condition_or_start_time_is_unready() {
        assert!(unready(None, 1300, 1300));
        let without_start = PodGroup { start: None, ..pod(Some((Status::True, 1000))) };
        let taken = (SimTime::from_secs(1300), Duration::from_secs(15));
        assert!(unready_for_cpu(&without_start, taken, SimTime::from_secs(2000), &Flags::default()));
    }
}
