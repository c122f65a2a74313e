//! The configurations a search tries.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::settings::{Limit, Settings, SpanText};
use crate::hpa;
use crate::hpa::settings::Direction;
use crate::units::{Percent, Replicas};

/// A static HPA, in the fields that are searched.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// CPU target in percent.
    pub target_cpu: Percent,
    /// Lower bound of replicas.
    pub min_replicas: Replicas,
    /// Scale-down stabilisation.
    pub stabilize_down: SpanText,
    /// Scale-up policy.
    pub scale_up: Limit,
    /// Scale-down policy.
    pub scale_down: Limit,
}

impl Candidate {
    /// Stock HPA at 80 %.
    #[must_use]
    pub fn stock() -> Self {
        Self {
            target_cpu: Percent::try_from(80.0).expect("80 is a percentage"),
            min_replicas: 1,
            stabilize_down: SpanText(Duration::from_secs(300)),
            scale_up: Limit(None),
            scale_down: Limit(None),
        }
    }

    /// `base` with the searched fields replaced. What is a default in `autoscaling/v2` is left out.
    #[must_use]
    pub fn settings(&self, base: &hpa::Settings) -> hpa::Settings {
        let policies = |limit: Limit| limit.0.map(|policy| vec![policy]);
        let stabilization = Some(self.stabilize_down.0).filter(|&span| span != Duration::from_secs(300));
        let down = Direction { stabilization, policies: policies(self.scale_down), ..Direction::default() };
        let up = Direction { policies: policies(self.scale_up), ..Direction::default() };
        let given = |direction: Direction| (direction != Direction::default()).then_some(direction);
        hpa::Settings {
            target_cpu: Some(self.target_cpu),
            min_replicas: self.min_replicas.min(base.max_replicas),
            scale_up: given(up),
            scale_down: given(down),
            ..base.clone()
        }
    }
}

/// Every combination of `[tune]`, in the order of its lists. `demand`: pods that training time needed, slot by slot; its
/// quantiles are further lower bounds. Lower bounds above `most` are left out, equal ones stand once.
#[must_use]
pub fn candidates(settings: &Settings, mut demand: Vec<Replicas>, most: Replicas) -> Vec<Candidate> {
    demand.sort_unstable();
    let quantile = |q: &f64| demand.get(((demand.len().max(1) - 1) as f64 * q).round() as usize).copied();
    let given = settings.min_replicas.iter().copied();
    let mut least: Vec<Replicas> = given.chain(settings.demand_quantiles.iter().filter_map(quantile)).collect();
    least.retain(|&replicas| replicas >= 1 && replicas <= most);
    least.sort_unstable();
    least.dedup();
    if least.is_empty() {
        least.push(1);
    }
    let mut all = Vec::new();
    for &target_cpu in &settings.targets {
        for &min_replicas in &least {
            for &stabilize_down in &settings.stabilize_down {
                for &scale_up in &settings.scale_up {
                    for &scale_down in &settings.scale_down {
                        all.push(Candidate { target_cpu, min_replicas, stabilize_down, scale_up, scale_down });
                    }
                }
            }
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_grid_is_all_combinations_with_two_quantiles_of_demand() {
        let all = candidates(&Settings::default(), (1..=101).collect(), 200);
        assert_eq!(all.len(), 16 * 6 * 5 * 3 * 3);
        let least: Vec<_> = all.iter().step_by(45).take(6).map(|it| it.min_replicas).collect();
        assert_eq!(least, [1, 2, 3, 5, 51, 91]);
        assert_eq!(candidates(&Settings::default(), vec![2], 2).len(), 16 * 2 * 5 * 3 * 3, "1 and 2 are left");
    }

    #[test]
    fn the_stock_candidate_is_the_stock_hpa() {
        let base = hpa::Settings::default();
        assert_eq!(Candidate::stock().settings(&base), base);
        let quick = Candidate { stabilize_down: SpanText(Duration::ZERO), ..Candidate::stock() }.settings(&base);
        assert_eq!(quick.scale_down.unwrap().stabilization, Some(Duration::ZERO));
        assert!(quick.scale_up.is_none());
    }
}
