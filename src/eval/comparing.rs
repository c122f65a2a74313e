//! Figures of a policy that others are needed for: the tuned static HPA, the front of static HPAs, the optimum.

use serde::Serialize;

use super::nature::Nature;
use super::runner::Results;
use super::stats::front::{Beside, cost_at, front};
use super::stats::mean;
use super::summary::REFERENCE;
use super::tune::sweep::MULTIPLES;
use super::unit::Spot;
use crate::sim::Level;

/// Their keys, each described in `Summary`.
pub(super) const COMPARISONS: [&str; 8] = [
    "cost_vs_tuned",
    "objective_vs_tuned",
    "gap_closed",
    "elastic_speedup",
    "cost_at_equal_violations",
    "objective_vs_optimum",
    "regret",
    SLOWDOWN,
];

/// The key of the figure that only runs at the request level have.
const SLOWDOWN: &str = "slowdown_p99_geomean";

/// The keys of those that a comparison of runs at a level has.
pub(super) fn keys(level: Level) -> Vec<&'static str> {
    COMPARISONS.into_iter().filter(|&key| level == Level::Requests || key != SLOWDOWN).collect()
}

/// Where figures stand among the columns: `[policy][figure]`, then the optimum, then cost and violations of the static
/// HPAs of other prices, then for each policy the logarithm of its p99 slowdown and whether it has one.
pub(super) struct Comparing {
    width: usize,
    policies: usize,
    cost: usize,
    violations: usize,
    objective: usize,
    elasticity: [usize; 4],
    reference: Option<usize>,
    /// What the policies are.
    natures: Vec<Nature>,
    /// How many static HPAs of other prices there are; without any there is no front to compare with.
    statics: usize,
    slowdown: Option<usize>,
}

impl Comparing {
    /// For results whose runs have the figures `keys`.
    pub(super) fn new(results: &Results, keys: &[String]) -> Self {
        let at = |name: &str| keys.iter().position(|key| key == name);
        let place = |name: &str| results.policies.iter().position(|policy| policy == name);
        Self {
            width: keys.len(),
            policies: results.policies.len(),
            cost: at("cost.usd").unwrap_or(0),
            violations: at("slo.violation_rate").unwrap_or(0),
            objective: at("objective").unwrap_or(0),
            elasticity: ["tau_u", "tau_o", "theta_u", "theta_o"]
                .map(|key| at(&format!("elasticity.{key}")).unwrap_or(0)),
            reference: place(REFERENCE),
            natures: results.natures.clone(),
            statics: results.statics.len(),
            slowdown: at("slowdown.p99"),
        }
    }

    /// Adds the columns that follow those of the policies' figures.
    pub(super) fn add_columns(&self, results: &Results, columns: &mut Vec<Vec<f64>>) {
        let optimum = results.bounds.iter().flat_map(|bound| vec![bound.optimum.lower; results.seeds.len()]);
        columns.push(optimum.collect());
        for runs in &results.statics {
            columns.push(runs.iter().map(|run| run.usd).collect());
            columns.push(runs.iter().map(|run| run.violation_rate).collect());
        }
        let Some(slowdown) = self.slowdown else { return };
        for policy in 0..self.policies {
            let own = &columns[policy * self.width + slowdown];
            // A run that answered nothing has no slowdown, and does not count.
            let logarithms = own.iter().map(|&it| if it > 0.0 { it.ln() } else { 0.0 }).collect();
            let known = own.iter().map(|&it| f64::from(u8::from(it > 0.0))).collect();
            columns.extend([logarithms, known]);
        }
    }

    /// How many figures [`figures`](Self::figures) fills.
    pub(super) fn outputs(&self) -> usize {
        self.policies * (self.width + COMPARISONS.len())
    }

    /// All means, then for each policy the [`COMPARISONS`]; what cannot be compared stays as it is.
    pub(super) fn figures(&self, means: &[f64], out: &mut [f64]) {
        let all = self.policies * self.width;
        out[..all].copy_from_slice(&means[..all]);
        let front = self.front(means);
        for policy in 0..self.policies {
            let compared = &mut out[all + COMPARISONS.len() * policy..][..COMPARISONS.len()];
            self.against_tuned(policy, means, compared);
            let (objective, optimum) = (self.of(means, policy, self.objective), means[all]);
            let late = self.of(means, policy, self.violations);
            compared[4] = self.of(means, policy, self.cost) / cost_at(&front, late);
            if !self.natures[policy].resizes_pods {
                compared[5] = objective / optimum;
                compared[6] = objective - optimum;
            }
            if self.slowdown.is_some() {
                let at = all + 1 + 2 * (self.statics + policy);
                compared[7] = (means[at] / means[at + 1]).exp();
            }
        }
    }

    fn of(&self, means: &[f64], policy: usize, figure: usize) -> f64 {
        means[policy * self.width + figure]
    }

    fn against_tuned(&self, policy: usize, means: &[f64], compared: &mut [f64]) {
        let Some(reference) = self.reference else { return };
        let (cost, objective) = (self.of(means, reference, self.cost), self.of(means, reference, self.objective));
        let (own, gap) = (self.of(means, policy, self.objective), objective - means[self.policies * self.width]);
        compared[0] = self.of(means, policy, self.cost) / cost;
        compared[1] = own / objective;
        let bound = gap > 0.0 && !self.natures[policy].resizes_pods;
        compared[2] = if bound { (objective - own) / gap } else { f64::NAN };
        let ratio = |figure: usize| {
            let (theirs, own) = (self.of(means, reference, figure), self.of(means, policy, figure));
            if theirs <= 0.0 && own <= 0.0 { 1.0 } else { theirs / own }
        };
        compared[3] = self.elasticity.map(ratio).iter().product::<f64>().powf(0.25);
    }

    /// Where a policy lies beside the front of static HPAs; nowhere without one.
    pub(super) fn beside(&self, policy: usize, means: &[f64]) -> Option<Beside> {
        Beside::of(&self.front(means), self.of(means, policy, self.violations))
    }

    /// Cost and late requests of the static HPAs that none of the others beats in both; none where none were swept.
    fn front(&self, means: &[f64]) -> Vec<(f64, f64)> {
        if self.statics == 0 {
            return Vec::new();
        }
        let first = self.policies * self.width + 1;
        let still = (0..self.policies).filter(|&at| self.natures[at].still);
        let own = still.map(|at| (self.of(means, at, self.cost), self.of(means, at, self.violations)));
        let swept = (0..self.statics).map(|price| (means[first + 2 * price], means[first + 2 * price + 1]));
        front(own.chain(swept).filter(|point| point.0.is_finite() && point.1.is_finite()).collect())
    }
}

/// The static HPAs that search finds at another price of a violation, over all tasks and seeds of test time.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Static {
    /// The price, as a multiple of `prices.violation`.
    pub price: f64,
    /// Mean cost of a run in dollars.
    pub usd: f64,
    /// Mean share of requests late or lost.
    pub violation_rate: f64,
}

/// The static HPAs of other prices, from the lowest price up; none where the tuned HPA was not searched for.
#[must_use]
pub fn statics(results: &Results) -> Vec<Static> {
    let over = |runs: &[Spot], of: fn(&Spot) -> f64| mean(&runs.iter().map(of).collect::<Vec<_>>());
    let one = |(price, runs): (f64, &Vec<Spot>)| Static {
        price,
        usd: over(runs, |it| it.usd),
        violation_rate: over(runs, |it| it.violation_rate),
    };
    MULTIPLES.into_iter().zip(&results.statics).map(one).collect()
}
