//! One function's share in learning: its workload, its training and validation time, and what the static HPA costs there.

use std::ops::Range;
use std::sync::Arc;

use super::reward::Pricing;
use super::{Settings, Start};
use crate::autoscalers::HpaAutoscaler;
use crate::error::InputError;
use crate::forecast::Foresight;
use crate::sim::{self, LOAD_STEP, Simulation, Workload};
use crate::trace::split::ranges;
use crate::trace::{Header, Series};
use crate::units::{SimTime, micros};
use crate::{forecast, hpa};

/// A function to learn on.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// Its traffic.
    pub workload: Arc<Workload>,
    /// The world it runs in.
    pub world: sim::Settings,
    /// What the agent starts from.
    pub start: Start,
    /// What it foresees of the load.
    pub foresight: Option<Foresight>,
    /// The static HPA it is compared with.
    pub reference_hpa: hpa::Settings,
    /// Time to learn on.
    pub train: Range<SimTime>,
    /// Time to choose the best model on; may be empty.
    pub validation: Range<SimTime>,
    /// What counts cost.
    pub pricing: Pricing,
    /// Mean load over training time, in pods' worth, at least 0.05.
    pub mean_load: f64,
    reference: Reference,
}

/// The shares of a series that train and validate, from its start.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shares {
    /// Share for training.
    pub train: f64,
    /// Share that follows, for validation.
    pub validation: f64,
}

impl Shares {
    /// Training and validation time of a workload: whole slots, cut to whole load steps.
    fn windows(self, workload: &Workload) -> [Range<SimTime>; 2] {
        let [train, validation, _] = ranges(workload.slots().len(), self.train, self.validation);
        let at = |slot: usize| {
            let step = micros(LOAD_STEP);
            let slot = i64::try_from(slot).unwrap_or(i64::MAX);
            SimTime(workload.interval_us().saturating_mul(slot) / step * step)
        };
        [at(train.start)..at(train.end), at(validation.start)..at(validation.end)]
    }
}

impl Scenario {
    /// Prepares a series, and runs the static HPA `reference` over its training time.
    ///
    /// # Errors
    /// A series without a usable load, or whose training time is shorter than an episode.
    pub fn new(
        series: &Series,
        header: &Header,
        world: &sim::Settings,
        reference: &hpa::Settings,
        start: &Start,
        settings: &Settings,
        shares: Shares,
    ) -> Result<Self, InputError> {
        let workload = Workload::new(series, header, world)?;
        let [train, validation] = shares.windows(&workload);
        if train.end.since(train.start) < settings.episode {
            let problem = format!("function {:?}: training time is shorter than an episode", series.function);
            let help = "give a longer trace, lower env.episode or raise split.train";
            return Err(InputError::new(problem, help).field("env.episode"));
        }
        let pricing = Pricing::new(&settings.reward, world, &workload);
        let workload = Arc::new(workload);
        let mean_load = forecast::window::mean(workload.load_until(train.end));
        let (reference_hpa, reference) =
            (reference.clone(), Reference::new(&workload, world, reference, &pricing, &train));
        Ok(Self {
            reference_hpa,
            mean_load: f64::from(mean_load).max(0.05),
            validation,
            world: world.clone(),
            start: start.clone(),
            foresight: start.foresight(),
            train,
            pricing,
            reference,
            workload,
        })
    }

    /// The same scenario, of which this is foreseen.
    #[must_use]
    pub fn foreseen(self, foresight: Option<Foresight>) -> Self {
        Self { foresight, ..self }
    }

    /// Cost of the static HPA between two instants of training time, in pod-seconds.
    #[must_use]
    pub fn reference_cost(&self, window: Range<SimTime>) -> f64 {
        self.reference.cost(window.end) - self.reference.cost(window.start)
    }

    /// Cost of the static HPA's violations between two instants of training time, in pod-seconds.
    #[must_use]
    pub fn reference_violation_cost(&self, window: Range<SimTime>) -> f64 {
        self.reference.violation_cost(window.end) - self.reference.violation_cost(window.start)
    }

    /// A run of this function under the start's HPA, at the start of `window`, that is only counted.
    #[must_use]
    pub fn simulation(&self, world: &sim::Settings, seed: u64, window: Range<SimTime>) -> Simulation {
        let autoscaler = Box::new(HpaAutoscaler::new(&self.start.hpa));
        Simulation::new(Arc::clone(&self.workload), world, autoscaler, seed, window).only_counted()
    }
}

/// Running cost of the static HPA, one value per [`LOAD_STEP`].
#[derive(Debug, Clone)]
struct Reference {
    /// Cost, and the part of it that violations make.
    costs: Arc<[(f64, f64)]>,
}

impl Reference {
    fn new(
        workload: &Arc<Workload>,
        world: &sim::Settings,
        hpa: &hpa::Settings,
        pricing: &Pricing,
        window: &Range<SimTime>,
    ) -> Self {
        let autoscaler = Box::new(HpaAutoscaler::new(hpa));
        let mut simulation = Simulation::new(Arc::clone(workload), world, autoscaler, 0, window.clone()).only_counted();
        let steps = window.end.since(window.start).as_secs() / LOAD_STEP.as_secs();
        let costs = (0..=steps).map(|step| {
            simulation.advance(window.start + LOAD_STEP * step as u32);
            (pricing.cost(simulation.totals()), pricing.violation_cost(simulation.totals()))
        });
        Self { costs: costs.collect() }
    }

    fn cost(&self, at: SimTime) -> f64 {
        self.at(at).0
    }

    fn violation_cost(&self, at: SimTime) -> f64 {
        self.at(at).1
    }

    fn at(&self, at: SimTime) -> (f64, f64) {
        let step = (at.0.max(0) / micros(LOAD_STEP)) as usize;
        self.costs[step.min(self.costs.len() - 1)]
    }
}
