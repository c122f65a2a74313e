//! `clairvoyant` and `lcp`: a plan of replicas, replayed.
//!
//! The plan of `lcp` has orders, each made from the load up to its time. That of `clairvoyant` is made with knowledge of the
//! future, so nobody can run it. It shows what the optimum of `eval::oracle` comes to once start-up delays are random and orders
//! are given at sync periods: pods are ordered a start-up time and a period before the plan has them ready.

use std::sync::Arc;
use std::time::Duration;

use crate::sim::{Autoscaler, Knobs, LOAD_STEP, Patch, View};
use crate::units::{Replicas, SimTime};

/// Follows a plan.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Replicas to have ready from each time on, in order of time.
    steps: Arc<[(SimTime, Replicas)]>,
    lead: Duration,
}

impl Plan {
    /// A plan whose pods take `start_s` seconds to start.
    #[must_use]
    pub fn new(steps: Vec<(SimTime, Replicas)>, start_s: f64) -> Self {
        Self { steps: steps.into(), lead: Duration::from_secs_f64(start_s) + LOAD_STEP }
    }

    /// A plan whose steps are orders, each given once its time has come.
    #[must_use]
    pub fn orders(steps: Vec<(SimTime, Replicas)>) -> Self {
        Self { steps: steps.into(), lead: Duration::ZERO }
    }

    /// The most that the plan has between `now` and the time when a pod ordered now is ready.
    fn wanted(&self, now: SimTime) -> Option<Replicas> {
        if self.lead.is_zero() {
            let passed = self.steps.partition_point(|step| step.0 <= now).checked_sub(1)?;
            return self.steps.get(passed).map(|step| step.1);
        }
        let passed = self.steps.partition_point(|step| step.0 <= now).saturating_sub(1);
        let ahead = self.steps.partition_point(|step| step.0 <= now + self.lead);
        self.steps.get(passed..ahead.max(passed + 1))?.iter().map(|step| step.1).max()
    }
}

impl Autoscaler for Plan {
    fn period(&self) -> Duration {
        LOAD_STEP
    }

    fn sync(&mut self, now: SimTime, _: &View<'_>) -> Option<Replicas> {
        self.wanted(now)
    }

    fn patch(&mut self, _: &Patch) {}

    fn knobs(&self) -> Option<Knobs> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pods_are_ordered_before_the_plan_has_them_ready_and_kept_until_it_has_not() {
        let at = SimTime::from_secs;
        let plan = Plan::new(vec![(at(0), 1), (at(60), 5), (at(75), 2)], 10.0);
        for (now, wanted) in [(0, 1), (34, 1), (35, 5), (60, 5), (74, 5), (75, 2), (1000, 2)] {
            assert_eq!(plan.wanted(at(now)), Some(wanted), "at {now} s");
        }
    }

    #[test]
    fn orders_are_given_when_their_time_has_come() {
        let at = SimTime::from_secs;
        let plan = Plan::orders(vec![(at(15), 3), (at(30), 5), (at(45), 2)]);
        for (now, wanted) in [(0, None), (14, None), (15, Some(3)), (29, Some(3)), (30, Some(5)), (99, Some(2))] {
            assert_eq!(plan.wanted(at(now)), wanted, "at {now} s");
        }
    }
}
