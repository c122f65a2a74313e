//! What the future costs at least from a number of pods on: the dynamic programme backwards in time, without backlog.
//!
//! ```text
//! V_t(x) = min over y of  u · max(y − x, 0) + y · Δ + late_t(y, 0) + V_{t+1}(y),   V_T = 0
//! ```
//! Without backlog it is a guide, not a bound: what waits is not in it.

use std::ops::Range;

use super::dp::Late;
use super::problem::Problem;
use crate::sim::{self, LOAD_STEP, Workload};
use crate::units::{Replicas, SimTime};

/// The least cost to come, at every `stride`-th step of a window.
#[derive(Debug)]
pub struct Ahead {
    start: SimTime,
    stride: usize,
    pods: usize,
    /// `[time][pods]` in pod-hours, pods from 1.
    costs: Vec<f32>,
}

impl Ahead {
    /// For a window with at most `most` replicas, `stride` steps of [`LOAD_STEP`] apart.
    #[must_use]
    pub fn new(
        workload: &Workload,
        world: &sim::Settings,
        window: &Range<SimTime>,
        most: Replicas,
        stride: usize,
    ) -> Self {
        let problem = Problem::new(workload, world, window, most, 2);
        let (instance, mut late) = (&problem.instance, problem.late());
        let steps = instance.load.len();
        let mut stage = vec![0.0; instance.pods];
        let mut cost = vec![0.0; instance.pods];
        let mut kept = vec![vec![0.0; instance.pods]];
        for step in (0..steps).rev() {
            if late.changed(step) || step + 1 == steps {
                fill(&mut stage, &mut late, step, instance.step_s);
            }
            cost.iter_mut().zip(&stage).for_each(|(cost, stage)| *cost += stage);
            switch(&mut cost, instance.start);
            if step.is_multiple_of(stride) {
                kept.push(cost.clone());
            }
        }
        let hours = |pod_seconds: &f64| (pod_seconds / 3600.0) as f32;
        let costs = kept.iter().rev().flat_map(|row| row.iter().map(hours)).collect();
        Self { start: window.start, stride, pods: instance.pods, costs }
    }

    /// What the time from `now` on costs at least, in pod-hours, where `pods` are ready or on their way.
    #[must_use]
    pub fn from(&self, now: SimTime, pods: usize) -> f64 {
        let steps = now.since(self.start).as_micros() / LOAD_STEP.as_micros();
        let row = (steps as usize).div_ceil(self.stride) * self.pods;
        let at = row + pods.clamp(1, self.pods) - 1;
        self.costs.get(at).map_or(0.0, |&hours| f64::from(hours))
    }
}

/// The cost of a step with every number of pods.
fn fill(stage: &mut [f64], late: &mut impl Late, step: usize, step_s: f64) {
    let mut row = [0.0; 2];
    for (at, stage) in stage.iter_mut().enumerate() {
        late.fill(step, at + 1, &mut row);
        *stage = (at + 1) as f64 * step_s + f64::from(row[0]);
    }
}

/// The cheapest way from every number of pods, where going up costs `start` a pod.
fn switch(cost: &mut [f64], start: f64) {
    for at in (1..cost.len()).rev() {
        cost[at - 1] = cost[at - 1].min(cost[at] + start);
    }
    for at in 1..cost.len() {
        cost[at] = cost[at].min(cost[at - 1]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By trying every number of pods to come.
    #[test]
    fn the_way_from_a_number_of_pods_is_the_cheapest_of_all() {
        let costs = [9.0, 4.0, 3.5, 8.0, 2.0, 7.0];
        for start in [0.0, 0.4, 1.0, 5.0] {
            let mut found = costs.to_vec();
            switch(&mut found, start);
            for (from, found) in found.iter().enumerate() {
                let way = |(to, cost): (usize, &f64)| cost + start * to.saturating_sub(from) as f64;
                let wanted = costs.iter().enumerate().map(way).fold(f64::INFINITY, f64::min);
                assert!((found - wanted).abs() < 1e-12, "from {from} at {start}: {found} is not {wanted}");
            }
        }
    }
}
