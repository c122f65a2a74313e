//! Evolution of the `linear` policy of a function, or of several together, on their training time alone.
//!
//! A generation is judged on stretches drawn anew from all parts of training time, the same for all of its candidates,
//! so that weights which suit one afternoon do not win. The distribution's late means are then judged on the whole of
//! training time, and the best of them is taken. Results do not depend on threads.
//!
//! Where a [`Bound`] says how often the policy may be late, the price of a violation is the multiplier of that constraint:
//! it rises while a generation is late more often than allowed on the stretches that it sees, and falls otherwise, as in
//! dual ascent (Bertsekas, Nonlinear Programming, section 6.3).

pub mod cma;
mod eigen;
#[cfg(test)]
mod tests;

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use rand::RngExt;
use rayon::prelude::*;

use super::contender::World;
use super::tune::Budget;
use super::tune::search::Ground;
use crate::autoscalers::HpaAutoscaler;
use crate::autoscalers::linear::{Course, FEATURES, Linear, LinearTuner, PLAIN};
use crate::forecast::Foresight;
use crate::hpa;
use crate::random::{self, Purpose};
use crate::sim::{Counts, LOAD_STEP, Simulation};
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
/// Under a bound: more of them, since the multiplier moves them back and forth across it.
const FINALISTS_BOUND: u64 = 18;
/// The most that a violation is worth, as a multiple of its price, and the most that the multiple's logarithm moves in a
/// generation.
const MOST_SEVERE: f64 = 8.0;
const SEVERITY_STEP: f64 = 0.1;

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

/// How often a policy may be late.
#[derive(Debug, Clone, Copy)]
pub struct Bound<'a> {
    /// A multiple of how often the static HPAs are, all functions together.
    pub limit: f64,
    /// The static HPA of each function.
    pub hpas: &'a [hpa::Settings],
}

/// Evolves the linear policy of a function, of demand and of what is foreseen of it. `tick` is told of each candidate.
#[must_use]
pub fn evolve(
    ground: &Ground,
    foresight: Option<&Foresight>,
    bound: Option<Bound<'_>>,
    world: &World<'_>,
    tick: &(dyn Fn() + Sync),
) -> Evolved {
    let field = Field { ground: ground.clone(), unit: 1.0, foresight: foresight.cloned() };
    together(&[field], bound, world, tick)
}

/// Evolves one linear policy for all functions, of which there is at least one: the least sum of objectives, each in
/// its unit, among policies that keep the bound on training time; the least late where none does. The budget is that of so
/// many functions.
#[must_use]
pub fn together(fields: &[Field], bound: Option<Bound<'_>>, world: &World<'_>, tick: &(dyn Fn() + Sync)) -> Evolved {
    let evolution = Evolution { fields, bound, world, hpa: Linear::hpa(world.hpa), tick };
    let (generations, seed) = (evolution.generations(), 0);
    let mut budget = Budget::default();
    let features = if fields.iter().all(|field| field.foresight.is_some()) { FEATURES } else { PLAIN };
    let mut cma = Cma::new(Linear::first().to_vec(features), SIGMA, POPULATION, seed);
    let (mut finalists, mut severity) = (vec![Linear::first()], 1.0);
    for generation in 0..generations {
        let flights = evolution.stretches(seed, generation);
        let most = evolution.most_late(&flights, generation, &mut budget);
        let mut late = Vec::new();
        cma.step(|candidates| {
            let flown = evolution.judge(candidates, &flights, severity, generation, &mut budget);
            late = flown.iter().map(|flown| flown.late).collect();
            flown.into_iter().map(|flown| flown.objective).collect()
        });
        severity = followed(severity, most.map(|most| (median(&mut late), most)));
        if generations - generation <= evolution.finalists() {
            finalists.push(Linear::from_slice(cma.mean()));
        }
    }
    let candidates: Vec<Vec<f64>> = finalists.iter().map(|it| it.to_vec(features)).collect();
    let whole: Vec<_> = (0..fields.len()).map(|field| (field, fields[field].ground.window.clone())).collect();
    let most = evolution.most_late(&whole, 0, &mut budget).unwrap_or(f64::INFINITY);
    let flown = evolution.judge(&candidates, &whole, 1.0, 0, &mut budget);
    let key = |at: usize| ((flown[at].late - most).max(0.0), flown[at].objective);
    let best = (0..flown.len()).fold(0, |best, at| if key(at) < key(best) { at } else { best });
    Evolved { linear: finalists[best], budget }
}

/// A violation's severity after a generation that was late so often where so much is allowed.
fn followed(severity: f64, late: Option<(f64, f64)>) -> f64 {
    let Some((late, most)) = late else { return severity };
    // Beyond one request in a million nobody counts.
    let excess = ((late + 1e-6) / (most + 1e-6)).ln().clamp(-1.0, 1.0);
    (severity * (SEVERITY_STEP * excess).exp()).clamp(1.0, MOST_SEVERE)
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

/// How often [`together`] ticks on `functions` with a day or more of training time, given the budget in decisions.
#[must_use]
pub fn ticks(steps: u64, functions: usize, bound: bool) -> u64 {
    let seen = u64::from(parts(functions)) * STRETCH.as_secs() / 60 * POPULATION as u64;
    (steps / seen).max(1) * POPULATION as u64 + 1 + if bound { FINALISTS_BOUND } else { FINALISTS }
}

fn parts(functions: usize) -> u32 {
    if functions > 1 { PARTS_TOGETHER } else { PARTS }
}

struct Evolution<'a> {
    fields: &'a [Field],
    bound: Option<Bound<'a>>,
    world: &'a World<'a>,
    hpa: hpa::Settings,
    tick: &'a (dyn Fn() + Sync),
}

/// A stretch of a field's training time.
type Flight = (usize, Range<SimTime>);

/// What a candidate did over flights.
#[derive(Debug, Clone, Copy, Default)]
struct Flown {
    /// Sum of objectives, each in its field's unit.
    objective: f64,
    /// Sum over fields of the share of requests late or lost.
    late: f64,
    simulated_s: f64,
}

impl Evolution<'_> {
    /// What a generation sees of each function.
    fn stretches(&self, seed: u64, generation: u64) -> Vec<Flight> {
        let parts = parts(self.fields.len());
        let of = |(field, it): (usize, &Field)| {
            stretches(&it.ground.window, parts, seed, generation).into_iter().map(move |window| (field, window))
        };
        self.fields.iter().enumerate().flat_map(of).collect()
    }

    /// Generations that the budget of `[tune]` allows, at least one.
    fn generations(&self) -> u64 {
        let seen: u64 = self.stretches(0, 0).iter().map(|(_, it)| it.end.since(it.start).as_secs() / 60).sum();
        let steps = self.world.tune.linear_steps.saturating_mul(self.fields.len() as u64);
        (steps / (seen.max(1) * POPULATION as u64)).max(1)
    }

    /// Late means that are judged on the whole of training time.
    fn finalists(&self) -> u64 {
        if self.bound.is_some() { FINALISTS_BOUND } else { FINALISTS }
    }

    /// How late the bound allows a policy to be over `flights`.
    fn most_late(&self, flights: &[Flight], seed: u64, budget: &mut Budget) -> Option<f64> {
        let bound = self.bound?;
        let run = |flight: &Flight| self.run(flight, &bound.hpas[flight.0], None, 1.0, seed);
        let runs: Vec<Counts> = flights.par_iter().map(run).collect();
        let flown = self.sum(flights.iter().zip(runs));
        budget.runs += flights.len() as u64;
        budget.simulated_s += flown.simulated_s;
        Some(bound.limit * flown.late)
    }

    /// What each candidate does over `flights`, where a violation is worth `severity` times its price.
    fn judge(
        &self,
        candidates: &[Vec<f64>],
        flights: &[Flight],
        severity: f64,
        seed: u64,
        budget: &mut Budget,
    ) -> Vec<Flown> {
        let course = |(field, window): &Flight| {
            let Field { ground, foresight, .. } = &self.fields[*field];
            Course::new(&ground.workload, window, foresight.as_ref())
        };
        let courses: Vec<Course> = flights.par_iter().map(course).collect();
        let one = |weights: &Vec<f64>| {
            let linear = Linear::from_slice(weights);
            let runs = flights.iter().zip(&courses).map(|(flight, course)| {
                let tuner = linear.tuner_on(self.world.hpa, course.clone());
                (flight, self.run(flight, &self.hpa, Some(tuner), severity, seed))
            });
            let flown = self.sum(runs);
            (self.tick)();
            flown
        };
        let all: Vec<Flown> = candidates.par_iter().map(one).collect();
        budget.configurations += candidates.len() as u64;
        budget.runs += (candidates.len() * flights.len()) as u64;
        budget.simulated_s += all.iter().map(|flown| flown.simulated_s).sum::<f64>();
        all
    }

    /// Runs together; those of a field follow one another.
    fn sum<'a>(&self, runs: impl Iterator<Item = (&'a Flight, Counts)>) -> Flown {
        let mut flown = Flown::default();
        let mut requests = vec![(0.0, 0.0); self.fields.len()];
        for (&(field, _), run) in runs {
            flown.objective += run.objective / self.fields[field].unit;
            flown.simulated_s += run.simulated_s;
            requests[field].0 += run.late + run.dropped;
            requests[field].1 += run.offered;
        }
        flown.late = requests.iter().map(|(late, offered)| late / offered.max(f64::MIN_POSITIVE)).sum();
        flown
    }

    fn run(
        &self,
        (field, window): &Flight,
        hpa: &hpa::Settings,
        tuner: Option<LinearTuner>,
        severity: f64,
        seed: u64,
    ) -> Counts {
        let hpa = Box::new(HpaAutoscaler::new(hpa));
        let mut world = self.world.sim.clone();
        world.prices.violation *= severity;
        let workload = Arc::clone(&self.fields[*field].ground.workload);
        let mut simulation = Simulation::new(workload, &world, hpa, seed, window.clone()).only_counted();
        if let Some(mut tuner) = tuner {
            simulation.steer(&mut tuner);
        }
        simulation.count()
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
