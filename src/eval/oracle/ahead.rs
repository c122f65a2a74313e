//! What the future costs at least from a number of pods on: the dynamic programme backwards in time, without backlog.
//!
//! ```text
//! V_t(x) = min over y of  u · max(y − x, 0) + y · Δ + late_t(y, 0) + V_{t+1}(y),   V_T = 0
//! ```
//! For as long as a pod takes to start there can be fewer pods than now, and no more: what such time costs is added up
//! without starts. Without backlog it is a guide, not a bound: what waits is not in it.

use std::collections::VecDeque;
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
    /// For a window with at most `most` replicas, `stride` steps of [`LOAD_STEP`] apart, `lead` of which pass from an order
    /// to a pod that serves.
    #[must_use]
    pub fn new(
        workload: &Workload,
        world: &sim::Settings,
        window: &Range<SimTime>,
        most: Replicas,
        (stride, lead): (usize, usize),
    ) -> Self {
        let problem = Problem::new(workload, world, window, most, 2);
        let (instance, mut late) = (&problem.instance, problem.late());
        let steps = instance.load.len();
        let mut stage = vec![0.0; instance.pods];
        let mut cost = vec![0.0; instance.pods];
        let mut kept = vec![vec![0.0; instance.pods]];
        let mut recent: VecDeque<(Vec<f64>, Vec<f64>)> = VecDeque::new();
        for step in (0..steps).rev() {
            if late.changed(step) || step + 1 == steps {
                fill(&mut stage, &mut late, step, instance.step_s);
            }
            cost.iter_mut().zip(&stage).for_each(|(cost, stage)| *cost += stage);
            switch(&mut cost, instance.start);
            recent.push_front((at_most(&stage), cost.clone()));
            recent.truncate(lead + 1);
            if step.is_multiple_of(stride) {
                kept.push(held(&recent, lead, instance.pods));
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

/// The least cost of a step with every number of pods or fewer.
fn at_most(stage: &[f64]) -> Vec<f64> {
    let least = |least: &mut f64, &cost: &f64| {
        *least = least.min(cost);
        Some(*least)
    };
    stage.iter().scan(f64::INFINITY, least).collect()
}

/// What the time to come costs where no more pods can be there for `lead` steps. `recent` has the steps to come from the
/// next one on: their least cost, and the least of all from them on.
fn held(recent: &VecDeque<(Vec<f64>, Vec<f64>)>, lead: usize, pods: usize) -> Vec<f64> {
    let wait = |at: usize| recent.iter().take(lead).map(|step| step.0[at]).sum::<f64>();
    let then = |at: usize| recent.get(lead).map_or(0.0, |step| step.1[at]);
    (0..pods).map(|at| wait(at) + then(at)).collect()
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
    use std::time::Duration;

    use super::*;
    use crate::trace::synth::{Profile, Recipe};

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

    /// The costs of all courses of pods over a window, by trying each.
    #[test]
    fn what_is_to_come_is_the_least_of_all_courses() {
        let recipe = Recipe { seed: 2, duration: Duration::from_hours(1), ..Recipe::new(Profile::Bursty) };
        let trace = recipe.synthesize().unwrap();
        let mut world = sim::Settings::default();
        world.workload.fit_pods = Some(3.0);
        let workload = Workload::new(&trace.functions[0], &trace.header, &world).unwrap();
        let (steps, stride, pods) = (7_u32, 2, 3);
        let window = SimTime::from_secs(600)..SimTime::from_secs(600) + LOAD_STEP * steps;
        let problem = Problem::new(&workload, &world, &window, 3, 2);
        assert_eq!(problem.instance.pods, pods);
        let (mut late, start) = (problem.late(), problem.instance.start);
        let mut stages = vec![vec![0.0; pods]; steps as usize];
        for (step, stage) in stages.iter_mut().enumerate() {
            fill(stage, &mut late, step, problem.instance.step_s);
        }
        for lead in [0, 1, 3] {
            let ahead = Ahead::new(&workload, &world, &window, 3, (stride, lead));
            for (first, from) in
                [0_usize, 1, 2, 4, 6].into_iter().flat_map(|first| (1..=pods).map(move |from| (first, from)))
            {
                // A row stands for the steps up to it.
                let stages = &stages[first.div_ceil(stride) * stride..];
                let cost = |code: usize| {
                    let course = (0..stages.len() as u32).map(|step| code / pods.pow(step) % pods);
                    let (mut cost, mut before) = (0.0, from - 1);
                    for (step, (at, stage)) in course.zip(stages).enumerate() {
                        cost += stage[at];
                        if step >= lead {
                            cost += start * at.saturating_sub(before) as f64;
                            before = at;
                        } else if at > before {
                            return f64::INFINITY;
                        }
                    }
                    cost / 3600.0
                };
                let wanted = (0..pods.pow(stages.len() as u32)).map(cost).fold(f64::INFINITY, f64::min);
                let found = ahead.from(window.start + LOAD_STEP * first as u32, from);
                assert!((found - wanted).abs() < 1e-6 * wanted.max(1.0), "{lead} {first} {from}: {found} for {wanted}");
            }
        }
    }

    #[test]
    fn until_a_pod_can_have_started_there_are_no_more() {
        let recent: VecDeque<_> = [
            (at_most(&[9.0, 2.0, 3.0]), vec![100.0, 90.0, 80.0]),
            (at_most(&[4.0, 5.0, 1.0]), vec![70.0, 60.0, 50.0]),
            (at_most(&[7.0, 7.0, 7.0]), vec![30.0, 20.0, 10.0]),
        ]
        .into();
        assert_eq!(held(&recent, 0, 3), [100.0, 90.0, 80.0]);
        assert_eq!(held(&recent, 2, 3), [9.0 + 4.0 + 30.0, 2.0 + 4.0 + 20.0, 2.0 + 1.0 + 10.0]);
        assert_eq!(held(&recent, 5, 3), [20.0, 13.0, 10.0], "the window ends before");
    }
}
