//! Judging a policy on validation time, beside the static HPA on the same time and seed.

use rayon::prelude::*;

use super::Policy;
use crate::autoscalers::HpaAutoscaler;
use crate::env::Scenario;
use crate::sim::{self, Tuner};

/// What a policy did on validation time, all functions together.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Verdict {
    /// Mean over functions of the policy's cost over the static HPA's.
    pub cost_vs_reference: f64,
    /// Share of requests late or dropped.
    pub violation_rate: f64,
    /// The static HPA's share.
    pub reference_violation_rate: f64,
}

/// Flies `policy` over the validation time of all scenarios; over their training time where there is none.
#[must_use]
pub fn judge(policy: &Policy, scenarios: &[Scenario], seed: u64) -> Verdict {
    let one = |scenario: &Scenario| {
        let window = if scenario.validation.is_empty() { &scenario.train } else { &scenario.validation };
        let mut tuner = policy.tuner();
        let run = |tuner: Option<&mut dyn Tuner>| {
            let hpa = Box::new(HpaAutoscaler::new(&scenario.hpa));
            *sim::run(&scenario.workload, &scenario.world, hpa, tuner, seed, window.clone(), false).totals()
        };
        let (ours, reference) = (run(Some(&mut *tuner)), run(None));
        let ratio = scenario.pricing.cost(&ours) / scenario.pricing.cost(&reference).max(1e-9);
        (ratio, ours.violations(), reference.violations(), ours.offered)
    };
    let all: Vec<_> = scenarios.par_iter().map(one).collect();
    let offered = all.iter().map(|one| one.3).sum::<f64>().max(1e-9);
    Verdict {
        cost_vs_reference: all.iter().map(|one| one.0).sum::<f64>() / all.len().max(1) as f64,
        violation_rate: all.iter().map(|one| one.1).sum::<f64>() / offered,
        reference_violation_rate: all.iter().map(|one| one.2).sum::<f64>() / offered,
    }
}
