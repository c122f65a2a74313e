//! Evolution of the `linear` policy of a function, or of several together, on their training time alone.
//!
//! A generation is judged on stretches drawn anew from all parts of training time, the same for all of its candidates,
//! so that weights which suit one afternoon do not win. The distribution's late means are then judged on the whole of
//! training time, and the best of them is taken. Results do not depend on threads.

pub mod cma;
mod eigen;

use std::ops::Range;
use std::time::Duration;

use rand::RngExt;
use rayon::prelude::*;

use super::contender::World;
use super::tune::Budget;
use super::tune::search::Ground;
use crate::autoscalers::HpaAutoscaler;
use crate::autoscalers::linear::{FEATURES, Linear, LinearTuner, PLAIN};
use crate::forecast::Foresight;
use crate::hpa;
use crate::random::{self, Purpose};
use crate::sim::{self, LOAD_STEP};
use crate::units::SimTime;
use cma::Cma;

/// Candidates of a generation.
const POPULATION: usize = 24;
/// Standard deviation of the first generation's weights.
const SIGMA: f64 = 0.15;
/// Parts of training time of which a generation sees a stretch each.
const PARTS: u32 = 8;
/// The same for each function where several evolve one policy together.
const PARTS_TOGETHER: u32 = 4;
/// Length of a stretch: long against start-up, stabilisation and queues.
const STRETCH: Duration = Duration::from_hours(2);
/// Late means that are judged on the whole of training time.
const FINALISTS: u64 = 6;

/// A linear policy, and what finding it took.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Evolved {
    /// The weights.
    pub linear: Linear,
    /// What was simulated.
    pub budget: Budget,
}

/// A function to evolve on.
#[derive(Debug, Clone)]
pub struct Field {
    /// Where.
    pub ground: Ground,
    /// What the objective is divided by, above 0, so that functions of all sizes count alike.
    pub unit: f64,
    /// What is foreseen of it; of all of the fields or of none.
    pub foresight: Option<Foresight>,
}

/// Evolves the linear policy of a function, of demand and of what is foreseen of it. `tick` is told of each candidate.
#[must_use]
pub fn evolve(ground: &Ground, foresight: Option<&Foresight>, world: &World<'_>, tick: &(dyn Fn() + Sync)) -> Evolved {
    together(&[Field { ground: ground.clone(), unit: 1.0, foresight: foresight.cloned() }], world, tick)
}

/// Evolves one linear policy for all functions, of which there is at least one: the least sum of objectives, each in
/// its unit. The budget is that of so many functions.
#[must_use]
pub fn together(fields: &[Field], world: &World<'_>, tick: &(dyn Fn() + Sync)) -> Evolved {
    let evolution = Evolution { fields, world, hpa: Linear::hpa(world.hpa), tick };
    let (generations, seed) = (evolution.generations(), 0);
    let mut budget = Budget::default();
    let features = if fields.iter().all(|field| field.foresight.is_some()) { FEATURES } else { PLAIN };
    let mut cma = Cma::new(Linear::first().to_vec(features), SIGMA, POPULATION, seed);
    let mut finalists = vec![Linear::first()];
    for generation in 0..generations {
        let flights = evolution.stretches(seed, generation);
        cma.step(|candidates| evolution.judge(candidates, &flights, generation, &mut budget));
        if generations - generation <= FINALISTS {
            finalists.push(Linear::from_slice(cma.mean()));
        }
    }
    let candidates: Vec<Vec<f64>> = finalists.iter().map(|it| it.to_vec(features)).collect();
    let whole: Vec<_> = fields.iter().map(|field| (field, field.ground.window.clone())).collect();
    let scores = evolution.judge(&candidates, &whole, 0, &mut budget);
    let best = (0..scores.len()).fold(0, |best, at| if scores[at] < scores[best] { at } else { best });
    Evolved { linear: finalists[best], budget }
}

/// How often [`together`] ticks on `functions` with a day or more of training time, given the budget in decisions.
#[must_use]
pub fn ticks(steps: u64, functions: usize) -> u64 {
    let seen = u64::from(parts(functions)) * STRETCH.as_secs() / 60 * POPULATION as u64;
    (steps / seen).max(1) * POPULATION as u64 + 1 + FINALISTS
}

fn parts(functions: usize) -> u32 {
    if functions > 1 { PARTS_TOGETHER } else { PARTS }
}

struct Evolution<'a> {
    fields: &'a [Field],
    world: &'a World<'a>,
    hpa: hpa::Settings,
    tick: &'a (dyn Fn() + Sync),
}

impl<'a> Evolution<'a> {
    /// What a generation sees of each function.
    fn stretches(&self, seed: u64, generation: u64) -> Vec<(&'a Field, Range<SimTime>)> {
        let parts = parts(self.fields.len());
        let of = |field: &'a Field| stretches(&field.ground.window, parts, seed, generation).into_iter();
        self.fields.iter().flat_map(|field| of(field).map(move |window| (field, window))).collect()
    }

    /// Generations that the budget of `[tune]` allows, at least one.
    fn generations(&self) -> u64 {
        let seen: u64 = self.stretches(0, 0).iter().map(|(_, it)| it.end.since(it.start).as_secs() / 60).sum();
        let steps = self.world.tune.linear_steps.saturating_mul(self.fields.len() as u64);
        (steps / (seen.max(1) * POPULATION as u64)).max(1)
    }

    /// The objective of each candidate over `flights`.
    fn judge(
        &self,
        candidates: &[Vec<f64>],
        flights: &[(&Field, Range<SimTime>)],
        seed: u64,
        budget: &mut Budget,
    ) -> Vec<f64> {
        let one = |weights: &Vec<f64>| {
            let linear = Linear::from_slice(weights);
            let runs = flights.iter().map(|(field, window)| {
                let tuner = linear.tuner(self.world.hpa, field.foresight.clone());
                (self.run(&field.ground, tuner, window, seed), field.unit)
            });
            let sum = |sum: (f64, f64), (run, unit): (sim::Outcome, f64)| {
                (sum.0 + run.objective / unit, sum.1 + run.sim.simulated_s)
            };
            let score = runs.fold((0.0, 0.0), sum);
            (self.tick)();
            score
        };
        let scores: Vec<(f64, f64)> = candidates.par_iter().map(one).collect();
        budget.configurations += candidates.len() as u64;
        budget.runs += (candidates.len() * flights.len()) as u64;
        budget.simulated_s += scores.iter().map(|score| score.1).sum::<f64>();
        scores.into_iter().map(|score| score.0).collect()
    }

    fn run(&self, ground: &Ground, mut tuner: LinearTuner, window: &Range<SimTime>, seed: u64) -> sim::Outcome {
        let hpa = Box::new(HpaAutoscaler::new(&self.hpa));
        sim::run(&ground.workload, self.world.sim, hpa, Some(&mut tuner), seed, window.clone(), false).outcome
    }
}

/// What a generation sees: a stretch of each of so many parts of training time, or all of it when it is short.
fn stretches(window: &Range<SimTime>, parts: u32, seed: u64, generation: u64) -> Vec<Range<SimTime>> {
    let steps = |span: Duration| (span.as_micros() / LOAD_STEP.as_micros()) as u32;
    let (part, stretch) = (steps(window.end.since(window.start)) / parts, steps(STRETCH));
    if part <= stretch {
        return vec![window.clone()];
    }
    let mut rng = random::stream(seed, Purpose::Episodes, generation);
    let one = |index: u32| {
        let start = window.start + LOAD_STEP * (part * index + rng.random_range(0..=part - stretch));
        start..start + STRETCH
    };
    (0..parts).map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stretches_lie_in_their_parts_and_change_with_the_generation() {
        let window = SimTime::from_secs(3600)..SimTime::from_secs(3600 + 5 * 86_400);
        let (first, second) = (stretches(&window, PARTS, 0, 0), stretches(&window, PARTS, 0, 1));
        assert_ne!(first, second);
        let part = Duration::from_hours(15);
        for (index, stretch) in first.iter().enumerate() {
            let start = window.start + part * index as u32;
            assert!(stretch.start >= start && stretch.end <= start + part);
            assert_eq!(stretch.end.since(stretch.start), STRETCH);
        }
        let short = SimTime::ZERO..SimTime::from_secs(7200);
        assert_eq!(stretches(&short, PARTS, 0, 3), [short]);
    }
}
