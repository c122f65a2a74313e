//! Judging a policy on validation time, beside its start and the static HPA on the same time and seed.
//!
//! Function by function the start takes over where the policy does not beat it, or is late more often than both the
//! start and the static HPA allow: what has learned nothing useful about a function leaves it as it was.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::Policy;
use super::settings::{Algorithm, Settings};
use crate::autoscalers::HpaAutoscaler;
use crate::env::{Pilot, Scenario};
use crate::hpa;
use crate::sim::{self, Totals, Tuner};

/// What a policy did on validation time, all functions together, each under the policy or its start.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Verdict {
    /// Mean over functions of the cost over the static HPA's, violations priced.
    pub cost_vs_reference: f64,
    /// The start's cost over the static HPA's.
    #[serde(default)]
    pub start_cost_vs_reference: f64,
    /// Share of requests late or dropped.
    pub violation_rate: f64,
    /// The static HPA's share.
    pub reference_violation_rate: f64,
    /// For each function, whether the policy takes over from its start.
    pub flies: Vec<bool>,
    /// For each function, what the policy itself did, whether it takes over or not.
    #[serde(default)]
    pub functions: Vec<Judged>,
}

/// A policy on one function's validation time, beside its start and the static HPA.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Judged {
    /// The policy's cost over the static HPA's, violations priced.
    pub cost: f64,
    /// The start's cost over the static HPA's.
    pub start_cost: f64,
    /// Share of requests late or dropped under the policy.
    pub violation_rate: f64,
    /// Under the start.
    pub start_violation_rate: f64,
    /// Under the static HPA.
    pub reference_violation_rate: f64,
    /// Share of decisions on observations far from those learned from, where the policy knows how far they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub far: Option<f64>,
}

/// What makes one policy better than another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Rule {
    /// Cost with violations priced. Where a policy flies it is late at most `limit` times as often as the later of its
    /// start and the static HPA.
    Priced {
        /// The multiple.
        limit: f64,
    },
    /// Cost, among policies with at most this `share` of requests late; the least late where none is.
    Constrained {
        /// The share, 0 to 1.
        share: f64,
    },
}

impl Rule {
    /// The rule that settings ask for.
    #[must_use]
    pub fn of(settings: &Settings) -> Self {
        match settings.algorithm {
            Algorithm::PpoLagrangian => Self::Constrained { share: settings.lagrangian.limit.fraction() },
            _ => Self::Priced { limit: settings.violation_limit },
        }
    }

    /// Whether a policy with these totals takes over from its start.
    fn flies(self, ours: &Totals, yardstick: &Yardstick, cost: impl Fn(&Totals) -> f64) -> bool {
        let cheaper = cost(ours) < cost(&yardstick.start);
        match self {
            Self::Priced { limit } => {
                let most = limit * yardstick.start.violations().max(yardstick.reference.violations());
                cheaper && ours.violations() <= most
            }
            Self::Constrained { share } => {
                let late = |totals: &Totals| totals.violations() / totals.offered.max(1e-9);
                let (ours, start) = (late(ours), late(&yardstick.start));
                if ours <= share { cheaper || start > share } else { start > share && ours < start }
            }
        }
    }

    /// Whether `one` verdict is better than `other`.
    #[must_use]
    pub fn prefers(self, one: &Verdict, other: &Verdict) -> bool {
        match self {
            Self::Priced { .. } => one.cost_vs_reference < other.cost_vs_reference,
            Self::Constrained { share } => {
                let excess = |verdict: &Verdict| (verdict.violation_rate - share).max(0.0);
                let key = |verdict: &Verdict| (excess(verdict), verdict.cost_vs_reference);
                key(one) < key(other)
            }
        }
    }
}

/// What a function's start and its static HPA do on validation time; on training time where there is none.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Yardstick {
    start: Totals,
    reference: Totals,
}

/// Flies the start and the static HPA of every scenario.
#[must_use]
pub fn yardsticks(scenarios: &[Scenario], seed: u64) -> Vec<Yardstick> {
    let one = |scenario: &Scenario| {
        let start = &scenario.start;
        let mut linear = start.linear.map(|linear| linear.tuner(&start.hpa, scenario.foresight.clone()));
        let tuner = linear.as_mut().map(|tuner| tuner as &mut dyn Tuner);
        let reference = run(scenario, &scenario.reference_hpa, None, seed);
        Yardstick { start: run(scenario, &start.hpa, tuner, seed), reference }
    };
    scenarios.par_iter().map(one).collect()
}

/// Flies `policy` over the validation time of all scenarios.
#[must_use]
pub fn judge(policy: &Policy, scenarios: &[Scenario], yardsticks: &[Yardstick], rule: Rule, seed: u64) -> Verdict {
    let one = |(scenario, yardstick): (&Scenario, &Yardstick)| {
        let mut flight = policy.flight(Pilot::new(scenario.start.linear, scenario.foresight.clone()));
        let ours = run(scenario, &scenario.start.hpa, Some(&mut flight), seed);
        let flies = rule.flies(&ours, yardstick, |totals| scenario.pricing.cost(totals));
        let chosen = if flies { ours } else { yardstick.start };
        let reference = scenario.pricing.cost(&yardstick.reference).max(1e-9);
        let rate = |totals: &Totals| totals.violations() / totals.offered.max(1e-9);
        let judged = Judged {
            cost: scenario.pricing.cost(&ours) / reference,
            start_cost: scenario.pricing.cost(&yardstick.start) / reference,
            violation_rate: rate(&ours),
            start_violation_rate: rate(&yardstick.start),
            reference_violation_rate: rate(&yardstick.reference),
            far: flight.distance().known(),
        };
        (scenario.pricing.cost(&chosen) / reference, chosen.violations(), flies, judged)
    };
    let all: Vec<_> = scenarios.par_iter().zip(yardsticks).map(one).collect();
    let sum = |of: fn(&Totals) -> f64| yardsticks.iter().map(|it| of(&it.reference)).sum::<f64>();
    let offered = sum(|totals| totals.offered).max(1e-9);
    Verdict {
        start_cost_vs_reference: mean_start(scenarios, yardsticks),
        cost_vs_reference: all.iter().map(|one| one.0).sum::<f64>() / all.len().max(1) as f64,
        violation_rate: all.iter().map(|one| one.1).sum::<f64>() / offered,
        reference_violation_rate: sum(Totals::violations) / offered,
        flies: all.iter().map(|one| one.2).collect(),
        functions: all.iter().map(|one| one.3).collect(),
    }
}

fn mean_start(scenarios: &[Scenario], yardsticks: &[Yardstick]) -> f64 {
    let cost = |(scenario, yardstick): (&Scenario, &Yardstick)| {
        scenario.pricing.cost(&yardstick.start) / scenario.pricing.cost(&yardstick.reference).max(1e-9)
    };
    scenarios.iter().zip(yardsticks).map(cost).sum::<f64>() / scenarios.len().max(1) as f64
}

fn run(scenario: &Scenario, hpa: &hpa::Settings, tuner: Option<&mut dyn Tuner>, seed: u64) -> Totals {
    let window = if scenario.validation.is_empty() { &scenario.train } else { &scenario.validation };
    let hpa = Box::new(HpaAutoscaler::new(hpa));
    *sim::run(&scenario.workload, &scenario.world, hpa, tuner, seed, window.clone(), false).totals()
}
