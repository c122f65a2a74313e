//! The clairvoyant optimum: what a controller that knows the future would pay, in the units of the objective.
//!
//! Its world is the fluid simulator's, made deterministic: a start takes the mean start-up time, and is ordered that much
//! earlier; pods are released at once; any number may stand at the start. Steps are [`LOAD_STEP`] long. Requests are late
//! by the workload's own laws, in steady state and behind a backlog whose age is backlog over arrival rate. With backlog
//! rounded down the result is a lower bound of what any policy can reach; rounded up, what a schedule reaches in this
//! world. Random start-up delays can bring a single run slightly across.

pub mod ahead;
pub mod dp;
pub mod lcp;
mod problem;

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::sim::{self, LOAD_STEP, Workload};
use crate::units::{Replicas, SimTime};
use dp::Rounding;
use problem::Problem;

pub use problem::mean_start;

/// Points of the backlog's grid.
const BINS: usize = 64;

/// The optimum of a function over a window, in pod-hours like the objective.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Optimum {
    /// A lower bound.
    pub lower: f64,
    /// Attained by a schedule: the certificate is `upper - lower`.
    pub upper: f64,
}

/// Bounds of the least objective of a window with at most `most` replicas. Replicas beyond thrice the peak demand are
/// not tried.
#[must_use]
pub fn optimum(workload: &Workload, world: &sim::Settings, window: &Range<SimTime>, most: Replicas) -> Optimum {
    let problem = Problem::new(workload, world, window, most, BINS);
    let bound = |rounding| dp::least_cost(&problem.instance, &mut problem.late(), rounding) / 3600.0;
    let (lower, upper) = rayon::join(|| bound(Rounding::Down), || bound(Rounding::Up));
    Optimum { lower, upper }
}

/// Replicas to have ready from step to step of [`LOAD_STEP`], as the upper bound of [`optimum`] has them.
#[must_use]
pub fn schedule(
    workload: &Workload,
    world: &sim::Settings,
    window: &Range<SimTime>,
    most: Replicas,
) -> Vec<(SimTime, Replicas)> {
    let problem = Problem::new(workload, world, window, most, BINS);
    let (_, pods) = dp::schedule(&problem.instance, &mut problem.late());
    let at = |step: usize| window.start + LOAD_STEP.saturating_mul(step as u32);
    pods.into_iter().enumerate().map(|(step, pods)| (at(step), pods as Replicas)).collect()
}

/// Replicas that lazy capacity provisioning orders at the end of each step of [`LOAD_STEP`], from the load up to then.
#[must_use]
pub fn lazy(
    workload: &Workload,
    world: &sim::Settings,
    window: &Range<SimTime>,
    most: Replicas,
) -> Vec<(SimTime, Replicas)> {
    // Without backlog the grid needs no more than the two points it must have.
    let problem = Problem::new(workload, world, window, most, 2);
    let pods = lcp::lazy(&problem.instance, &mut problem.late());
    let at = |step: usize| window.start + LOAD_STEP.saturating_mul(step as u32 + 1);
    pods.into_iter().enumerate().map(|(step, pods)| (at(step), pods as Replicas)).collect()
}
