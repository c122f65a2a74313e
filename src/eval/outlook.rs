//! The forecaster that functions share, learned on the training time of all of them.

use rayon::prelude::*;

use super::oracle::mean_start;
use super::task::Task;
use crate::forecast::outlook::{PARTS, Past, QUANTILES};
use crate::forecast::{Forecaster, Foresight};
use crate::sim::LOAD_STEP;
use crate::sim::settings::Startup;

/// A forecaster, and those that have not seen one part of training time each.
#[derive(Debug, Clone, PartialEq)]
pub struct Outlooks {
    forecaster: Forecaster,
    parts: Vec<Forecaster>,
}

impl Outlooks {
    /// Forests that [`learn`](Self::learn) fits.
    pub const FORESTS: u64 = ((PARTS + 1) * QUANTILES.len()) as u64;

    /// Learns from the training time of tasks, for pods that start as `startup` says. `go_on` is asked before each forest;
    /// there is nothing when it says no.
    #[must_use]
    pub fn learn(tasks: &[&Task], startup: &Startup, go_on: &(dyn Fn() -> bool + Sync)) -> Option<Self> {
        let known: Vec<Past<'_>> = tasks.iter().map(|task| past(task)).collect();
        let horizon = horizon(startup);
        let learn = |held_out: Option<usize>| Forecaster::learn_while(go_on, &known, horizon, held_out);
        let learn_parts = || (0..PARTS).into_par_iter().map(|part| learn(Some(part))).collect::<Option<_>>();
        let (forecaster, parts) = rayon::join(|| learn(None), learn_parts);
        Some(Self { forecaster: forecaster?, parts: parts? })
    }

    /// The forecaster.
    #[must_use]
    pub fn forecaster(&self) -> &Forecaster {
        &self.forecaster
    }

    /// What is foreseen of one of the tasks, on its training time by those who have not seen the instant's part.
    #[must_use]
    pub fn foresight(&self, task: &Task) -> Foresight {
        let load = task.workload.load_until(task.validation.end);
        Foresight::behind(self.forecaster.clone(), &self.parts, past(task), load)
    }
}

fn past(task: &Task) -> Past<'_> {
    let known = task.workload.load_until(task.train.start).len();
    Past { load: task.workload.load_until(task.train.end), known }
}

/// Samples from a decision until the pods of the next one serve.
fn horizon(startup: &Startup) -> usize {
    1 + (mean_start(startup) / LOAD_STEP.as_secs_f64()).ceil().min(1000.0) as usize
}
