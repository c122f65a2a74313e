//! Who is compared: baselines by name, given configurations, and learned policies.

use std::fmt;
use std::sync::Arc;

use super::beam;
use super::evolve::{self, evolve};
use super::oracle;
use super::start;
use super::task::Task;
use super::tune::search::{Ground, Searcher, search, ticks};
use super::tune::{self, Budget, Candidate, Scored, Search, grid, sweep};
use crate::autoscalers::forecasting::{self, Forecasting, HoltWintersCounts, LoadForecast};
use crate::autoscalers::plan::Plan;
use crate::autoscalers::predictive::{Margins, Predictive};
use crate::autoscalers::{Baseline, Recipe, vpa, wpa};
use crate::env::Start;
use crate::forecast::Rates;
use crate::{hpa, sim};

/// The world that all are compared in.
#[derive(Debug, Clone, Copy)]
pub struct World<'a> {
    /// Workload, pods, start-up, prices and so on.
    pub sim: &'a sim::Settings,
    /// `[hpa]`.
    pub hpa: &'a hpa::Settings,
    /// `[tune]`.
    pub tune: &'a tune::Settings,
}

/// Makes a learned policy's recipe for a function, whose tuned HPA is given where it is known already.
pub type Learned = Arc<dyn Fn(&Task, &World<'_>, Option<&hpa::Settings>, &(dyn Fn() + Sync)) -> Recipe + Send + Sync>;

/// Someone in the comparison.
#[derive(Clone)]
pub struct Contender {
    /// Its name in tables and gates.
    pub name: String,
    /// What it is.
    pub kind: Kind,
}

/// What a contender is.
#[derive(Clone)]
pub enum Kind {
    /// A baseline.
    Baseline(Baseline),
    /// A static HPA that was given.
    Fixed(Box<hpa::Settings>),
    /// The HPA of a manifest.
    Manifest(Box<hpa::Spec>),
    /// A learned policy.
    Learned(Learned),
    /// A learned policy that resizes pods too.
    Resizing(Learned),
}

impl fmt::Debug for Contender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Contender").field(&self.name).finish()
    }
}

/// A contender made ready for a function.
#[derive(Debug, Clone)]
pub struct Ready {
    /// Makes it for a run.
    pub recipe: Recipe,
    /// The static HPA that was found for it, and what the search took.
    pub found: Option<(Candidate, Budget)>,
    /// What that search would have found at each of the prices of [`sweep`]; none where there was no search.
    pub swept: Vec<Candidate>,
}

impl Contender {
    /// A baseline under its own name.
    #[must_use]
    pub fn baseline(baseline: Baseline) -> Self {
        Self { name: baseline.name().to_owned(), kind: Kind::Baseline(baseline) }
    }

    /// What it is, in a line.
    #[must_use]
    pub fn summary(&self) -> &'static str {
        match &self.kind {
            Kind::Baseline(baseline) => baseline.summary(),
            Kind::Fixed(_) => "a static HPA that was given",
            Kind::Manifest(_) => "the HPA in use",
            Kind::Learned(_) => "a learned policy that moves the HPA's fields",
            Kind::Resizing(_) => "a learned policy that sets replicas and resizes pods",
        }
    }

    /// Whether it was learned.
    #[must_use]
    pub fn is_learned(&self) -> bool {
        matches!(self.kind, Kind::Learned(_) | Kind::Resizing(_))
    }

    /// Makes it ready for a function, searching where it has to. `tuned` is the function's tuned HPA, for a learned policy to
    /// measure itself by; left out, one that has to searches for it. `tick` is told of each candidate.
    #[must_use]
    pub fn ready(
        &self,
        task: &Task,
        world: &World<'_>,
        tuned: Option<&hpa::Settings>,
        tick: &(dyn Fn() + Sync),
    ) -> Ready {
        let plain = |recipe| Ready { recipe, found: None, swept: Vec::new() };
        match &self.kind {
            Kind::Fixed(settings) => plain(Recipe::hpa(settings)),
            Kind::Manifest(spec) => plain(Recipe::spec(spec, world.hpa.flags())),
            Kind::Learned(learned) | Kind::Resizing(learned) => plain(learned(task, world, tuned, tick)),
            Kind::Baseline(Baseline::ClairvoyantStatic) => found(&best_static(&[task.hindsight()], world, tick), world),
            Kind::Baseline(Baseline::Clairvoyant) => plain(clairvoyant(task, world)),
            Kind::Baseline(Baseline::ClairvoyantHpa) => plain(foresight(task, world)),
            Kind::Baseline(Baseline::Predictive) => plain(predictive(task, world, tick)),
            Kind::Baseline(Baseline::Linear) => plain(linear(task, world, tick)),
            Kind::Baseline(Baseline::PredictiveHoltWinters) => plain(smoothing(task, world, tick)),
            Kind::Baseline(Baseline::PredictiveLoad) => plain(forecasting(task, world, tick)),
            Kind::Baseline(Baseline::Lcp) => plain(lazy(task, world)),
            Kind::Baseline(Baseline::Vpa) => plain(vertical(task, world)),
            Kind::Baseline(Baseline::Wpa) => plain(watermarks(task, world, tick)),
            Kind::Baseline(baseline) => match baseline.recipe(&task.context(world.hpa)) {
                Some(recipe) => plain(recipe),
                None => found(&best_static(&[task.ground()], world, tick), world),
            },
        }
    }

    /// How often [`ready`](Self::ready) ticks at most.
    #[must_use]
    pub fn ticks(&self, world: &World<'_>) -> u64 {
        match self.kind {
            Kind::Baseline(Baseline::Tuned | Baseline::ClairvoyantStatic) => ticks_of_static(world),
            Kind::Baseline(Baseline::Predictive) => ticks(Margins::candidates().len(), world.tune.halving),
            Kind::Baseline(Baseline::Linear) => ticks_of_linear(world),
            Kind::Baseline(Baseline::PredictiveHoltWinters) => {
                ticks(HoltWintersCounts::rates().len(), world.tune.halving)
            }
            Kind::Baseline(Baseline::PredictiveLoad) => ticks(forecasting::Candidate::MOST, world.tune.halving),
            Kind::Baseline(Baseline::Wpa) => ticks(wpa::Candidate::all().len(), world.tune.halving),
            _ => 0,
        }
    }
}

fn found(search: &Search<Candidate>, world: &World<'_>) -> Ready {
    let best = search.best.candidate;
    Ready {
        recipe: Recipe::hpa(&best.settings(world.hpa)),
        found: Some((best, search.budget)),
        swept: sweep::swept(search, world.sim),
    }
}

/// The best static HPA on grounds, of all combinations of `[tune]`.
#[must_use]
pub fn best_static(grounds: &[Ground], world: &World<'_>, tick: &(dyn Fn() + Sync)) -> Search<Candidate> {
    let demand = grounds.iter().flat_map(Ground::demand).collect();
    let candidates = grid::candidates(world.tune, demand, world.hpa.max_replicas);
    let recipe = |candidate: &Candidate| Recipe::hpa(&candidate.settings(world.hpa));
    search(&searcher(grounds, world, &recipe, tick), candidates)
}

/// How often [`best_static`] ticks at most.
#[must_use]
pub fn ticks_of_static(world: &World<'_>) -> u64 {
    let lists = world.tune;
    let least = lists.min_replicas.len() + lists.demand_quantiles.len();
    let limits = lists.scale_up.len() * lists.scale_down.len();
    ticks(lists.targets.len() * least * lists.stabilize_down.len() * limits, lists.halving)
}

/// How often the evolution of `linear` ticks, but for functions with less than a day of training time.
#[must_use]
pub fn ticks_of_linear(world: &World<'_>) -> u64 {
    evolve::ticks(world.tune.linear_steps, 1, false)
}

/// The stock HPA at 80 % on grounds, as [`best_static`] would score it.
#[must_use]
pub fn stock_static(grounds: &[Ground], world: &World<'_>) -> Scored<Candidate> {
    let recipe = |candidate: &Candidate| Recipe::hpa(&candidate.settings(world.hpa));
    let whole = Searcher { halving: false, ..searcher(grounds, world, &recipe, &|| {}) };
    search(&whole, vec![Candidate::stock()]).best
}

/// The HPA of a manifest on grounds, as [`best_static`] would score it.
#[must_use]
pub fn manifest_static(grounds: &[Ground], world: &World<'_>, spec: &hpa::Spec) -> sim::Outcome {
    let recipe = |(): &()| Recipe::spec(spec, world.hpa.flags());
    let whole = Searcher { halving: false, ..searcher(grounds, world, &recipe, &|| {}) };
    search(&whole, vec![()]).best.outcome
}

fn clairvoyant(task: &Task, world: &World<'_>) -> Recipe {
    let schedule = oracle::schedule(&task.workload, world.sim, &task.test, world.hpa.max_replicas);
    Recipe::autoscaler(Plan::new(schedule, oracle::mean_start(&world.sim.startup)))
}

fn foresight(task: &Task, world: &World<'_>) -> Recipe {
    let course = beam::search(&task.workload, world, &task.test).course;
    Recipe::tuned(world.hpa, move |_| course.clone())
}

fn linear(task: &Task, world: &World<'_>, tick: &(dyn Fn() + Sync)) -> Recipe {
    start::recipe(&Start::linear(evolve(&task.ground(), None, None, world, tick).linear, world.hpa), None)
}

fn predictive(task: &Task, world: &World<'_>, tick: &(dyn Fn() + Sync)) -> Recipe {
    let base = world.hpa.clone();
    let recipe = move |margins: &Margins| {
        let (margins, hpa) = (*margins, margins.hpa(&base));
        Recipe::tuned(&hpa.clone(), move |_| Predictive::new(margins, &hpa))
    };
    let search = search(&searcher(&[task.ground()], world, &recipe, tick), Margins::candidates());
    recipe(&search.best.candidate)
}

fn smoothing(task: &Task, world: &World<'_>, tick: &(dyn Fn() + Sync)) -> Recipe {
    let recipe = |rates: &Rates| {
        let model = HoltWintersCounts::learn(&task.context(world.hpa), *rates);
        Recipe::autoscaler(Forecasting::project(world.hpa, model))
    };
    recipe(&search(&searcher(&[task.ground()], world, &recipe, tick), HoltWintersCounts::rates()).best.candidate)
}

fn forecasting(task: &Task, world: &World<'_>, tick: &(dyn Fn() + Sync)) -> Recipe {
    let recipe = |candidate: &forecasting::Candidate| {
        let hpa = candidate.hpa(world.hpa);
        Recipe::autoscaler(Forecasting::new(&hpa, LoadForecast::new(candidate.clone(), hpa.sync_period)))
    };
    let candidates = forecasting::Candidate::all(&task.context(world.hpa));
    recipe(&search(&searcher(&[task.ground()], world, &recipe, tick), candidates).best.candidate)
}

fn lazy(task: &Task, world: &World<'_>) -> Recipe {
    let window = task.train.start..task.test.end;
    Recipe::autoscaler(Plan::orders(oracle::lazy(&task.workload, world.sim, &window, world.hpa.max_replicas)))
}

fn vertical(task: &Task, world: &World<'_>) -> Recipe {
    let recommendation = vpa::recommend(&task.workload, world.sim, world.hpa, task.train.clone());
    vpa::recipe(world.hpa, &world.sim.pod, recommendation)
}

fn watermarks(task: &Task, world: &World<'_>, tick: &(dyn Fn() + Sync)) -> Recipe {
    let recipe =
        |candidate: &wpa::Candidate| Recipe::autoscaler(wpa::Wpa::baseline(&task.context(world.hpa), candidate));
    let search = search(&searcher(&[task.ground()], world, &recipe, tick), wpa::Candidate::all());
    recipe(&search.best.candidate)
}

fn searcher<'a, T>(
    grounds: &'a [Ground],
    world: &World<'a>,
    recipe: &'a (dyn Fn(&T) -> Recipe + Sync),
    tick: &'a (dyn Fn() + Sync),
) -> Searcher<'a, T> {
    Searcher { world: world.sim, grounds, seeds: world.tune.seeds, halving: world.tune.halving, recipe, tick }
}
