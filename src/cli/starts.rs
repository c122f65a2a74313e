//! The functions a policy learns on, each with what it starts from.

use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context;
use rayon::prelude::*;

use super::output;
use super::traces::Loaded;
use crate::autoscalers::linear::Linear;
use crate::config::Experiment;
use crate::env::start::Kind;
use crate::env::{Scenario, Shares, Start};
use crate::error::{InputError, Place};
use crate::eval::outlook::Outlooks;
use crate::eval::start::{Search, Sharer};
use crate::eval::{self, Task, guard, start, tasks};
use crate::forecast::{Forecaster, Foresight};
use crate::rl::policy::{Card, Origin};
use crate::sim;

const INTERRUPTED: &str = "interrupted before learning began; start again";

/// What an earlier part of a run has found.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Known<'a> {
    /// Starts, function by function.
    pub(super) origins: &'a [Origin],
    /// The linear policy that all start from.
    pub(super) shared: Option<Linear>,
    /// What foresees the load of all; learned anew where it is not given.
    pub(super) forecaster: Option<&'a Forecaster>,
    /// What was learned of the very same functions, to foresee their load on training time too.
    pub(super) outlooks: Option<&'a Outlooks>,
}

impl<'a> Known<'a> {
    /// What a checkpoint says. Unless it was taken over, its forecaster is learned again, with those that judge it.
    pub(super) fn of(card: &'a Card) -> Self {
        Self { forecaster: card.forecaster.as_ref().filter(|_| card.from.is_some()), ..Self::taught(card) }
    }

    /// What a policy takes along to other traffic.
    pub(super) fn taught(card: &'a Card) -> Self {
        Self { origins: &card.starts, shared: card.shared, forecaster: card.forecaster.as_ref(), outlooks: None }
    }

    /// As [`taught`](Self::taught), for learning again on the same traffic: the forecaster is learned again too, with those
    /// that have not seen parts of it, since its own word on what it has learned from is too good to learn on.
    pub(super) fn again(card: &'a Card) -> Self {
        Self { forecaster: None, ..Self::taught(card) }
    }

    /// The starts of a run of `kind`.
    pub(super) fn starts(kind: Kind, origins: &'a [Origin]) -> Self {
        let first = origins.first().filter(|_| kind == Kind::Shared);
        Self { origins, shared: first.and_then(|origin| origin.start.linear), ..Self::default() }
    }
}

/// Functions, ready to learn on.
#[derive(Debug)]
pub(super) struct Prepared {
    /// One a function and factor on its load.
    pub(super) scenarios: Vec<Scenario>,
    /// What each starts from.
    pub(super) origins: Vec<Origin>,
    /// The linear policy that all start from, where they share one.
    pub(super) shared: Option<Linear>,
    /// What foresees the load of all, where they share it.
    pub(super) forecaster: Option<Forecaster>,
    /// The same with those that have not seen parts of training time, where it was learned here.
    pub(super) outlooks: Option<Outlooks>,
}

/// A function under one factor on its load.
struct Ground<'a> {
    loaded: &'a Loaded,
    load: f64,
    experiment: Experiment,
    task: Task,
}

/// Every function of every trace that can be judged, once for each factor on the load, with its start, and the linear
/// policy that they share where they do. Starts that `known` lists are taken from there; the others are found, unless
/// `stopped` is set meanwhile.
///
/// # Errors
/// A trace of which nothing can be learned; training time that is shorter than an episode; an interruption.
pub(super) fn scenarios(
    experiment: &Experiment,
    loaded: &[Loaded],
    known: &Known<'_>,
    stopped: &AtomicBool,
) -> anyhow::Result<Prepared> {
    let grounds = grounds(experiment, loaded)?;
    let (kind, sim) = (experiment.train.start, experiment.sim());
    let world = world(experiment, &sim);
    // A given forecaster is always taken along: the starts that came with it look at what it says.
    let common = match (known.forecaster, known.outlooks) {
        (Some(given), _) => Some(Common::Given(given)),
        (None, Some(outlooks)) => Some(Common::Learned(outlooks.clone())),
        (None, None) if experiment.train.forecast => Some(Common::learned(&grounds, &sim, stopped)?),
        (None, None) => None,
    };
    let all = |ground| common.as_ref().map(|common| common.foresight(ground));
    let foresights: Vec<Option<Foresight>> = grounds.par_iter().map(all).collect();
    let missing = grounds.iter().filter(|ground| ground.known(known.origins).is_none()).count();
    let shares = kind == Kind::Shared && known.shared.is_none();
    let ticks = missing as u64 * start::ticks(search(experiment, foresights[0].as_ref()), &world);
    let ticks_together = if shares { start::ticks_of_shared(grounds.len(), &world) } else { 0 };
    let bar = output::progress(ticks + ticks_together, "candidates");
    let interrupted = || stopped.load(Ordering::Relaxed);
    let origin = |(ground, foresight): (&Ground<'_>, &Option<Foresight>)| {
        let find = || ground.find(foresight.as_ref(), &|| bar.inc(1));
        let known = ground.known(known.origins).map(|known| Origin { own: false, ..known.clone() });
        known.or_else(|| (!interrupted()).then(find))
    };
    let origins: Option<Vec<Origin>> = grounds.par_iter().zip(&foresights).map(origin).collect();
    let mut origins = origins.filter(|_| !(shares && interrupted())).context(INTERRUPTED)?;
    let mut linear = known.shared.filter(|_| kind == Kind::Shared);
    if shares {
        let all = grounds.iter().zip(&origins).zip(&foresights);
        let together: Vec<_> =
            all.map(|((ground, origin), foresight)| ground.sharer(origin, foresight.as_ref())).collect();
        linear = Some(start::shared(experiment.train.violation_limit, &together, &world, &|| bar.inc(1)));
    }
    for origin in &mut origins {
        if let Some(linear) = linear {
            origin.start = Start::linear(linear, &experiment.hpa);
        }
    }
    bar.finish_and_clear();
    let all = grounds.iter().zip(&origins).zip(foresights);
    let scenarios = all.map(|((ground, origin), foresight)| Ok(ground.scenario(origin)?.foreseen(foresight)));
    let scenarios = scenarios.collect::<Result<_, InputError>>()?;
    let (forecaster, outlooks) = common.map_or((None, None), Common::into_parts);
    Ok(Prepared { scenarios, origins, shared: linear, forecaster, outlooks })
}

/// What foresees the load of all functions together.
enum Common<'a> {
    /// It was learned elsewhere.
    Given(&'a Forecaster),
    /// It was learned on their training time.
    Learned(Outlooks),
}

impl Common<'_> {
    /// One learned on the training time of all, unless `stopped` is set meanwhile.
    fn learned(grounds: &[Ground<'_>], sim: &sim::Settings, stopped: &AtomicBool) -> anyhow::Result<Self> {
        let tasks: Vec<&Task> = grounds.iter().map(|ground| &ground.task).collect();
        let bar = output::progress(Outlooks::FORESTS, "forests of the forecaster");
        let go_on = || {
            bar.inc(1);
            !stopped.load(Ordering::Relaxed)
        };
        let outlooks = Outlooks::learn(&tasks, &sim.startup, &go_on);
        bar.finish_and_clear();
        outlooks.map(Self::Learned).context(INTERRUPTED)
    }

    fn foresight(&self, ground: &Ground<'_>) -> Foresight {
        match self {
            Self::Given(forecaster) => Foresight::new((*forecaster).clone()),
            Self::Learned(outlooks) => outlooks.foresight(&ground.task),
        }
    }

    fn into_parts(self) -> (Option<Forecaster>, Option<Outlooks>) {
        match self {
            Self::Given(forecaster) => (Some(forecaster.clone()), None),
            Self::Learned(outlooks) => (Some(outlooks.forecaster().clone()), Some(outlooks)),
        }
    }
}

fn grounds<'a>(experiment: &Experiment, loaded: &'a [Loaded]) -> Result<Vec<Ground<'a>>, InputError> {
    let mut all = Vec::new();
    for loaded in loaded {
        for &load in &experiment.env.randomize.load {
            let mut experiment = experiment.clone();
            experiment.workload.scale *= load;
            let (found, _) = tasks(&loaded.source.name, &loaded.trace, &experiment.sim(), &experiment.split)?;
            all.extend(found.into_iter().map(|task| Ground { loaded, load, experiment: experiment.clone(), task }));
        }
    }
    Ok(all)
}

/// Says which functions are left out, and on which learning stands on thin ground.
///
/// # Errors
/// A trace of which nothing can be learned.
pub(super) fn warn(experiment: &Experiment, loaded: &[Loaded]) -> Result<(), InputError> {
    for Loaded { source, trace } in loaded {
        let (found, skipped) = tasks(&source.name, trace, &experiment.sim(), &experiment.split)?;
        for it in skipped {
            tracing::warn!("{}: function {:?} is left out: {}", source.name, it.function, it.reason);
        }
        for task in found {
            let thin = trace.function(&task.function).and_then(|it| guard::thin_traffic(it, &trace.header));
            let short = guard::short_training(&task.function, task.train.end.since(task.train.start));
            for reason in thin.into_iter().chain(short) {
                tracing::warn!("{}: {reason}", source.name);
            }
        }
    }
    Ok(())
}

fn search<'a>(experiment: &Experiment, foresight: Option<&'a Foresight>) -> Search<'a> {
    Search { kind: experiment.train.start, limit: experiment.train.violation_limit, foresight }
}

fn world<'a>(experiment: &'a Experiment, sim: &'a sim::Settings) -> eval::World<'a> {
    eval::World { sim, hpa: &experiment.hpa, tune: &experiment.tune }
}

impl Ground<'_> {
    fn known<'b>(&self, known: &'b [Origin]) -> Option<&'b Origin> {
        let same = |it: &&Origin| {
            it.trace == self.task.trace && it.function == self.task.function && (it.load - self.load).abs() < 1e-12
        };
        known.iter().find(same)
    }

    fn find(&self, foresight: Option<&Foresight>, tick: &(dyn Fn() + Sync)) -> Origin {
        let (sim, search) = (self.experiment.sim(), search(&self.experiment, foresight));
        let found = start::find(search, &self.task, &world(&self.experiment, &sim), tick);
        Origin {
            trace: self.task.trace.clone(),
            function: self.task.function.clone(),
            load: self.load,
            start: found.start,
            reference: found.reference,
            flies: true,
            own: false,
            validation: None,
        }
    }

    fn sharer<'b>(&'b self, origin: &'b Origin, foresight: Option<&'b Foresight>) -> Sharer<'b> {
        Sharer { task: &self.task, tuned: &origin.reference, foresight }
    }

    fn scenario(&self, origin: &Origin) -> Result<Scenario, InputError> {
        let Experiment { split, env, .. } = &self.experiment;
        let shares = Shares { train: split.train, validation: split.validation };
        let place = |error: InputError| error.at(Place::file(std::path::Path::new(&self.loaded.source.file)));
        let (sim, trace) = (self.experiment.sim(), &self.loaded.trace);
        let series = trace.functions.iter().find(|series| series.function == self.task.function);
        let series = series.expect("a task is a function of its trace");
        Scenario::new(series, &trace.header, &sim, &origin.reference, &origin.start, env, shares).map_err(place)
    }
}
