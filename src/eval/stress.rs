//! Robustness: how policies that were made for one world do in others. What was tuned or learned stays as it is; load,
//! start-up, metrics path and crashes change under it.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::task::Task;
use crate::sim::{self, Workload};
use crate::units::{SimTime, friendly};

/// One way in which the world differs from the one that policies were made for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Strain {
    /// The world as it was.
    None,
    /// Load times this throughout test time.
    Load(f64),
    /// Load times this for ten minutes from the middle of test time on, without warning.
    FlashCrowd(f64),
    /// Every part of a start-up takes this many times as long.
    StartUp(f64),
    /// Metrics are older by this.
    Lag(Duration),
    /// Crashes per hour that a container runs, besides those of `[faults]`.
    Crashes(f64),
}

/// How long a flash crowd stays, in microseconds.
const FLASH_US: i64 = 600_000_000;

impl Strain {
    /// All that are tried: load from a half to three times, a crowd of three and ten times, starts up to four times as
    /// long, metrics up to a minute old, a crash every ten hours and every hour.
    pub const ALL: [Self; 13] = [
        Self::None,
        Self::Load(0.5),
        Self::Load(1.5),
        Self::Load(2.0),
        Self::Load(3.0),
        Self::FlashCrowd(3.0),
        Self::FlashCrowd(10.0),
        Self::StartUp(2.0),
        Self::StartUp(4.0),
        Self::Lag(Duration::from_secs(30)),
        Self::Lag(Duration::from_secs(60)),
        Self::Crashes(0.1),
        Self::Crashes(1.0),
    ];

    /// A short name, such as `load ×2`.
    #[must_use]
    pub fn name(self) -> String {
        match self {
            Self::None => "as tuned".to_owned(),
            Self::Load(factor) => format!("load ×{factor}"),
            Self::FlashCrowd(factor) => format!("crowd ×{factor}"),
            Self::StartUp(factor) => format!("start ×{factor}"),
            Self::Lag(lag) => format!("lag +{}", friendly(lag)),
            Self::Crashes(rate) => format!("crashes {rate}/h"),
        }
    }

    /// A task's traffic and world under the strain.
    #[must_use]
    pub fn apply(self, task: &Task, world: &sim::Settings) -> (Arc<Workload>, sim::Settings) {
        let (mut workload, mut world) = (Arc::clone(&task.workload), world.clone());
        match self {
            Self::None => {}
            Self::Load(factor) => workload = Arc::new(workload.surged(&task.test, factor, &world.slo)),
            Self::FlashCrowd(factor) => {
                let from = SimTime(task.test.start.0.midpoint(task.test.end.0));
                let crowd = from..SimTime(from.0 + FLASH_US).min(task.test.end);
                workload = Arc::new(workload.surged(&crowd, factor, &world.slo));
            }
            Self::StartUp(factor) => {
                let it = &mut world.startup;
                for part in [&mut it.fixed, &mut it.median, &mut it.p99, &mut it.image_pull] {
                    *part = part.mul_f64(factor);
                }
            }
            Self::Lag(lag) => world.metrics.lag += lag,
            Self::Crashes(rate) => world.faults.crash_rate += rate,
        }
        (workload, world)
    }
}

/// A policy on a task under a strain: means over seeds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Strained {
    /// Name of the strain.
    pub strain: String,
    /// The policy's name.
    pub policy: String,
    /// Dollars.
    pub usd: f64,
    /// Share of requests late or lost.
    pub violation_rate: f64,
    /// In pod-hours.
    pub objective: f64,
}

/// A policy under a strain over all tasks.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Robustness {
    /// Name of the strain.
    pub strain: String,
    /// The policy's name.
    pub policy: String,
    /// Mean cost of a task in dollars.
    pub usd: f64,
    /// Mean share of requests late or lost.
    pub violation_rate: f64,
    /// Mean objective in pod-hours.
    pub objective: f64,
    /// Its objective over the tuned static HPA's under the same strain; below 1 is better. Not a number without one.
    pub objective_vs_tuned: f64,
}

/// Means over tasks, each of which has every strain and policy in the same order.
#[must_use]
pub fn robustness(tasks: &[&[Strained]]) -> Vec<Robustness> {
    let Some(first) = tasks.first() else { return Vec::new() };
    let mean = |at: usize, of: fn(&Strained) -> f64| {
        tasks.iter().filter_map(|task| task.get(at)).map(of).sum::<f64>() / tasks.len() as f64
    };
    let one = |(at, it): (usize, &Strained)| Robustness {
        strain: it.strain.clone(),
        policy: it.policy.clone(),
        usd: mean(at, |it| it.usd),
        violation_rate: mean(at, |it| it.violation_rate),
        objective: mean(at, |it| it.objective),
        objective_vs_tuned: f64::NAN,
    };
    let mut all: Vec<Robustness> = first.iter().enumerate().map(one).collect();
    for at in 0..all.len() {
        let same = |other: &&Robustness| other.strain == all[at].strain && other.policy == super::summary::REFERENCE;
        let tuned = all.iter().find(same).map_or(f64::NAN, |tuned| tuned.objective);
        all[at].objective_vs_tuned = all[at].objective / tuned;
    }
    all
}
