//! `clairvoyant-hpa`: how far an HPA gets whose fields are moved by one who knows the load to come.
//!
//! A beam search over simulator states at the fluid level. At every epoch each state that is kept is copied once for
//! every choice of fields, and carried on to the next epoch; the best are kept. They are ranked by what they have cost,
//! by the requests that wait, at the price of late ones, and by what the load to come costs at least from their pods on.
//! The best course at the end is replayed as a tuner's patches, which knows the load, but not the start-up delays of other
//! seeds. It is the least that was found, not a bound of what there is: a wider beam or more choices may find less. As a
//! mark for tuners it is the right one, for all it does is to move an HPA's fields.

pub mod settings;

#[cfg(test)]
mod tests;

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use rayon::prelude::*;

pub use settings::Settings;

use super::contender::World;
use super::oracle::{self, ahead::Ahead};
use crate::autoscalers::HpaAutoscaler;
use crate::autoscalers::course::Course;
use crate::sim::{self, LOAD_STEP, Patch, Simulation, Totals, Workload};
use crate::units::{Percent, Replicas, SimTime};

/// A course that was found.
#[derive(Debug, Clone)]
pub struct Found {
    /// The fields, epoch by epoch.
    pub course: Course,
    /// Its mean objective over the seeds of the search, in pod-hours.
    pub objective: f64,
}

/// A state that is kept: one run a seed.
struct Node {
    runs: Vec<Simulation>,
    /// The last link of its chain of choices.
    link: Option<usize>,
    choice: usize,
    objective: f64,
    rank: f64,
}

struct Search<'a> {
    world: &'a World<'a>,
    workload: &'a Workload,
    ahead: Ahead,
    /// Price of a late request in pod-hours.
    price: f64,
}

/// Searches the course of a function over a window.
#[must_use]
pub fn search(workload: &Arc<Workload>, world: &World<'_>, window: &Range<SimTime>) -> Found {
    let settings = &world.tune.beam;
    let search = Search::new(workload, world, window);
    let epochs = epochs(window, settings);
    let choices = choices(workload, world, window);
    let mut beam = vec![search.root(workload, window)];
    let mut links: Vec<(Option<usize>, usize)> = Vec::new();
    for (epoch, patches) in choices.iter().enumerate() {
        let until = epochs.get(epoch + 1).copied().unwrap_or(window.end);
        let mut next: Vec<Node> =
            beam.into_par_iter().flat_map_iter(|node| search.grow(&node, patches, until)).collect();
        next.sort_by(|a, b| a.rank.total_cmp(&b.rank));
        // Choices that made no difference led to the same state.
        next.dedup_by(|a, b| a.alike(b));
        next.truncate(settings.width);
        for node in &mut next {
            links.push((node.link, node.choice));
            node.link = Some(links.len() - 1);
        }
        beam = next;
    }
    let best = beam.iter().min_by(|a, b| a.objective.total_cmp(&b.objective));
    let path = trace(&links, best.and_then(|node| node.link));
    let patches = choices.iter().zip(path).map(|(patches, choice)| patches[choice].clone()).collect();
    Found { course: Course::new(patches, settings.epoch), objective: best.map_or(f64::NAN, |node| node.objective) }
}

/// When epochs begin.
fn epochs(window: &Range<SimTime>, settings: &Settings) -> Vec<SimTime> {
    let count = window.end.since(window.start).as_nanos().div_ceil(settings.epoch.as_nanos().max(1));
    (0..count as u32).map(|epoch| window.start + settings.epoch.saturating_mul(epoch)).collect()
}

/// The choices of each epoch: every target with every floor. Floors are multiples of the most pods that the optimum has
/// while the epoch lasts or a pod ordered in it starts.
fn choices(workload: &Workload, world: &World<'_>, window: &Range<SimTime>) -> Vec<Vec<Patch>> {
    let (settings, most) = (&world.tune.beam, world.hpa.max_replicas);
    let schedule = oracle::schedule(workload, world.sim, window, most);
    let reach = settings.epoch + lead(world);
    let of = |start: SimTime| {
        let at = |time: SimTime| schedule.partition_point(|step| step.0 < time);
        let ahead = &schedule[at(start)..at(start + reach)];
        let wanted = ahead.iter().map(|step| step.1).max().unwrap_or(1);
        let floor = |floor: &f64| ((f64::from(wanted) * floor).round() as Replicas).clamp(1, most);
        let mut floors: Vec<Replicas> = settings.floors.iter().map(floor).collect();
        floors.dedup();
        let with = |min_replicas: Replicas| settings.targets.iter().map(move |&target| patch(target, min_replicas));
        floors.into_iter().flat_map(with).collect()
    };
    epochs(window, settings).into_iter().map(of).collect()
}

/// From a change of the fields to a pod that serves: the sync that follows, and a start.
fn lead(world: &World<'_>) -> Duration {
    world.hpa.sync_period + Duration::from_secs_f64(oracle::mean_start(&world.sim.startup))
}

fn patch(target: Percent, min_replicas: Replicas) -> Patch {
    Patch {
        target_cpu: Some((100.0 * target.fraction()).round() as i32),
        min_replicas: Some(min_replicas),
        stabilize_down: Some(Duration::ZERO),
        ..Patch::default()
    }
}

/// The choices that led to a link, from the first on.
fn trace(links: &[(Option<usize>, usize)], mut at: Option<usize>) -> Vec<usize> {
    let mut path = Vec::new();
    while let Some((before, choice)) = at.and_then(|at| links.get(at)) {
        path.push(*choice);
        at = *before;
    }
    path.reverse();
    path
}

impl<'a> Search<'a> {
    fn new(workload: &'a Workload, world: &'a World<'a>, window: &Range<SimTime>) -> Self {
        let stride = (world.tune.beam.epoch.as_nanos() / LOAD_STEP.as_nanos()).max(1) as usize;
        let lead = lead(world).as_nanos().div_ceil(LOAD_STEP.as_nanos()) as usize;
        let ahead = Ahead::new(workload, world.sim, window, world.hpa.max_replicas, (stride, lead));
        let price = world.sim.prices.violation * workload.request_pod_seconds() / 3600.0;
        Self { world, workload, ahead, price }
    }

    fn root(&self, workload: &Arc<Workload>, window: &Range<SimTime>) -> Node {
        let fluid = sim::Settings { level: sim::Level::Fluid, ..self.world.sim.clone() };
        let run = |seed: u64| {
            let hpa = Box::new(HpaAutoscaler::new(self.world.hpa));
            Simulation::new(Arc::clone(workload), &fluid, hpa, seed, window.clone())
        };
        let runs = (0..self.world.tune.beam.seeds).map(run).collect();
        Node { runs, link: None, choice: 0, objective: 0.0, rank: 0.0 }
    }

    /// A node under every choice, carried on to `until`.
    fn grow(&self, node: &Node, patches: &[Patch], until: SimTime) -> Vec<Node> {
        let one = |(choice, patch): (usize, &Patch)| {
            let mut runs = node.runs.iter().map(Simulation::fork).collect::<Option<Vec<_>>>()?;
            for run in &mut runs {
                run.patch(patch);
                run.advance(until);
            }
            let mean = |of: &dyn Fn(&Simulation) -> f64| runs.iter().map(of).sum::<f64>() / runs.len() as f64;
            let objective = mean(&|run| self.objective(run.totals()));
            let rank = objective + mean(&|run| self.to_come(run));
            Some(Node { link: node.link, choice, objective, rank, runs })
        };
        patches.iter().enumerate().filter_map(one).collect()
    }

    fn objective(&self, totals: &Totals) -> f64 {
        sim::objective(self.workload, self.world.sim, totals)
    }

    /// What a state will cost: requests that wait as if they were late, and the load to come.
    fn to_come(&self, run: &Simulation) -> f64 {
        let (telemetry, totals) = (run.telemetry(), run.totals());
        let waiting = (totals.offered - totals.completed - totals.dropped).max(0.0);
        let pods = (telemetry.ready + telemetry.starting).max(0) as usize;
        self.price * waiting + self.ahead.from(run.now(), pods)
    }
}

impl Node {
    /// Whether both have cost the same, and have the same pods and requests.
    fn alike(&self, other: &Self) -> bool {
        let same = |(a, b): (&Simulation, &Simulation)| {
            let (x, y) = (a.telemetry(), b.telemetry());
            a.totals() == b.totals() && (x.ready, x.starting) == (y.ready, y.starting)
        };
        self.rank.to_bits() == other.rank.to_bits() && self.runs.iter().zip(&other.runs).all(same)
    }
}
