//! `schedule`: minReplicas by the hour of the day, from training time.
//!
//! What KEDA's cron trigger or a `CronJob` that patches the HPA does: each hour's lower bound is the 90th percentile of
//! the demand that training time saw in that hour; the HPA of `[hpa]` scales above it. Hours that training time did not
//! see have no bound.

use std::time::Duration;

use super::Context;
use crate::sim::{Patch, Telemetry, Tuner};
use crate::units::{Replicas, SimTime};

/// Lower bounds by hour of the day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schedule {
    /// minReplicas from each full hour on.
    pub hours: [Replicas; 24],
}

/// The share of an hour's slots whose demand the bound covers.
const COVERED: f64 = 0.9;

impl Schedule {
    /// The schedule of training time.
    #[must_use]
    pub fn learn(context: &Context<'_>) -> Self {
        let mut demand: [Vec<Replicas>; 24] = Default::default();
        for (at, pods) in context.training_slots() {
            demand[hour(context.workload.second_of_day(at), at)].push(pods);
        }
        Self { hours: demand.map(|mut hour| context.clamp(quantile(&mut hour, COVERED).unwrap_or(1))) }
    }
}

/// The hour of the day; of a trace without a date, the hour since its start.
fn hour(second_of_day: Option<f64>, now: SimTime) -> usize {
    let second = second_of_day.unwrap_or_else(|| now.secs().rem_euclid(86_400.0));
    (second / 3600.0) as usize % 24
}

/// The smallest value that is at least a share `q` of all.
fn quantile(values: &mut [Replicas], q: f64) -> Option<Replicas> {
    values.sort_unstable();
    let last = values.len().checked_sub(1)?;
    values.get(((q * values.len() as f64).ceil() as usize).saturating_sub(1).min(last)).copied()
}

impl Tuner for Schedule {
    fn interval(&self) -> Duration {
        Duration::from_secs(60)
    }

    fn decide(&mut self, now: SimTime, telemetry: &Telemetry<'_>) -> Patch {
        let wanted = self.hours[hour(telemetry.second_of_day, now)];
        let stands = telemetry.knobs.is_some_and(|knobs| knobs.min_replicas == wanted);
        Patch { min_replicas: (!stands).then_some(wanted), ..Patch::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_covers_its_share_of_an_hour() {
        assert_eq!(quantile(&mut [3, 1, 2, 9, 4, 5, 6, 7, 8, 10], 0.9), Some(9));
        assert_eq!(quantile(&mut [7], 0.9), Some(7));
        assert_eq!(quantile(&mut [], 0.9), None);
    }

    #[test]
    fn hours_count_from_midnight_or_else_from_the_start() {
        assert_eq!(hour(Some(3.5 * 3600.0), SimTime::ZERO), 3);
        assert_eq!(hour(None, SimTime::from_secs(25 * 3600)), 1);
    }
}
