//! What a tuner settles on: the static HPA, and the hours' lower bounds, nearest to what it did over a stretch of
//! traffic.
//!
//! Of numbers it is the median over the tuner's decisions, of scaling policies the most frequent. That throws away what
//! the tuner does from minute to minute, so the result has to be judged on its own.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use crate::autoscalers::Recipe;
use crate::hpa::Settings;
use crate::hpa::settings::{Direction, PolicyText};
use crate::hpa::spec::{Policy, ScalingRules};
use crate::sim::{self, Patch, Telemetry, Tuner, Workload};
use crate::units::{Percent, Replicas, SimTime};

/// What a tuner settled on.
#[derive(Debug, Clone, PartialEq)]
pub struct Settled {
    /// The static HPA.
    pub settings: Settings,
    /// The median lower bound of each hour of the day, UTC; of the trace's own day when it has no date.
    pub hours: [Replicas; 24],
}

/// Flies the tuner of `recipe` over `window` and sums up what it did to an HPA that starts as `hpa`. A recipe without a
/// tuner settles on the HPA itself. `None` when the tuner never decided.
#[must_use]
pub fn settle(
    recipe: &Recipe,
    workload: &Arc<Workload>,
    world: &sim::Settings,
    hpa: &Settings,
    window: Range<SimTime>,
) -> Option<Settled> {
    let (autoscaler, tuner) = recipe.make(0);
    let Some(tuner) = tuner else {
        return Some(Settled { settings: hpa.clone(), hours: [hpa.min_replicas; 24] });
    };
    let mut recorder = Recorder { tuner, fields: Fields::of(hpa), log: Vec::new() };
    drop(sim::run(workload, world, autoscaler, Some(&mut recorder), 0, window, false));
    sum_up(&recorder.log, hpa)
}

/// The fields in force after a decision.
#[derive(Debug, Clone, PartialEq)]
struct Fields {
    target_cpu: Option<i32>,
    min_replicas: Replicas,
    stabilize_down: Duration,
    scale_up: Vec<Policy>,
    scale_down: Vec<Policy>,
}

impl Fields {
    fn of(hpa: &Settings) -> Self {
        let policies = |direction: &Option<Direction>, default: ScalingRules| {
            let given = direction.as_ref().and_then(|direction| direction.policies.as_ref());
            given.map_or(default.policies, |list| list.iter().map(|policy| policy.0).collect())
        };
        let given = hpa.scale_down.as_ref().and_then(|down| down.stabilization);
        Self {
            target_cpu: hpa.target_cpu.map(|target| target.get().round() as i32),
            min_replicas: hpa.min_replicas,
            stabilize_down: given.unwrap_or(hpa.flags().downscale_stabilization),
            scale_up: policies(&hpa.scale_up, ScalingRules::default_up()),
            scale_down: policies(&hpa.scale_down, ScalingRules::default_down()),
        }
    }

    fn apply(&mut self, patch: &Patch) {
        self.target_cpu = patch.target_cpu.or(self.target_cpu);
        self.min_replicas = patch.min_replicas.unwrap_or(self.min_replicas);
        self.stabilize_down = patch.stabilize_down.unwrap_or(self.stabilize_down);
        for (held, given) in [(&mut self.scale_up, &patch.scale_up), (&mut self.scale_down, &patch.scale_down)] {
            if let Some(given) = given {
                held.clone_from(given);
            }
        }
    }
}

/// Passes a tuner's decisions on and keeps what they led to, with the hour of the day.
struct Recorder {
    tuner: Box<dyn Tuner>,
    fields: Fields,
    log: Vec<(usize, Fields)>,
}

impl Tuner for Recorder {
    fn interval(&self) -> Duration {
        self.tuner.interval()
    }

    fn decide(&mut self, now: SimTime, telemetry: &Telemetry<'_>) -> Patch {
        let patch = self.tuner.decide(now, telemetry);
        self.fields.apply(&patch);
        let second = telemetry.second_of_day.unwrap_or_else(|| now.secs().rem_euclid(86_400.0));
        self.log.push(((second / 3600.0) as usize % 24, self.fields.clone()));
        patch
    }
}

fn sum_up(log: &[(usize, Fields)], hpa: &Settings) -> Option<Settled> {
    let all = || log.iter().map(|(_, fields)| fields);
    let min_replicas = median(all().map(|fields| fields.min_replicas))?;
    let target = median(all().filter_map(|fields| fields.target_cpu));
    let stabilize_down = median(all().map(|fields| fields.stabilize_down))?;
    let scale_up = most_frequent(all().map(|fields| &fields.scale_up))?;
    let scale_down = most_frequent(all().map(|fields| &fields.scale_down))?;
    let mut hours = [min_replicas; 24];
    for (hour, bound) in hours.iter_mut().enumerate() {
        let seen = log.iter().filter(|(at, _)| *at == hour).map(|(_, fields)| fields.min_replicas);
        *bound = median(seen).unwrap_or(min_replicas).min(hpa.max_replicas);
    }
    let down = Direction { stabilization: Some(stabilize_down), ..hpa.scale_down.clone().unwrap_or_default() };
    let settings = Settings {
        target_cpu: target.and_then(|percent| Percent::try_from(f64::from(percent)).ok()).or(hpa.target_cpu),
        min_replicas: min_replicas.min(hpa.max_replicas),
        scale_up: limited(hpa.scale_up.clone(), scale_up, &ScalingRules::default_up()),
        scale_down: limited(Some(down), scale_down, &ScalingRules::default_down()),
        ..hpa.clone()
    };
    Some(Settled { settings, hours })
}

/// A direction with these policies; the defaults stay unsaid.
fn limited(direction: Option<Direction>, policies: &[Policy], default: &ScalingRules) -> Option<Direction> {
    if policies == default.policies && direction.as_ref().is_none_or(|direction| direction.policies.is_none()) {
        return direction;
    }
    let policies = policies.iter().copied().map(PolicyText).collect();
    Some(Direction { policies: Some(policies), ..direction.unwrap_or_default() })
}

/// The upper median.
fn median<T: Ord>(values: impl Iterator<Item = T>) -> Option<T> {
    let mut values: Vec<T> = values.collect();
    values.sort_unstable();
    let middle = values.len() / 2;
    values.into_iter().nth(middle)
}

/// The value that comes most often; the first of equals.
fn most_frequent<'a, T: PartialEq>(values: impl Iterator<Item = &'a T>) -> Option<&'a T> {
    let mut counts: Vec<(&T, usize)> = Vec::new();
    for value in values {
        match counts.iter_mut().find(|(seen, _)| *seen == value) {
            Some((_, count)) => *count += 1,
            None => counts.push((value, 1)),
        }
    }
    counts.into_iter().rev().max_by_key(|(_, count)| *count).map(|(value, _)| value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hpa;
    use crate::hpa::spec::PolicyKind;

    fn fields(min_replicas: Replicas, target: i32) -> Fields {
        Fields { min_replicas, target_cpu: Some(target), ..Fields::of(&hpa::Settings::default()) }
    }

    #[test]
    fn numbers_settle_on_their_median_and_hours_on_their_own() {
        let log = [(8, fields(9, 60)), (8, fields(7, 60)), (8, fields(8, 80)), (3, fields(1, 40)), (3, fields(1, 60))];
        let settled = sum_up(&log, &hpa::Settings::default()).unwrap();
        assert_eq!(settled.settings.min_replicas, 7);
        assert_eq!(settled.settings.target_cpu, Percent::try_from(60.0).ok());
        assert_eq!((settled.hours[8], settled.hours[3], settled.hours[0]), (8, 1, 7), "unseen hours take the median");
        assert_eq!(settled.settings.scale_up, None, "what nobody touched stays unsaid");
        assert_eq!(sum_up(&[], &hpa::Settings::default()), None);
    }

    #[test]
    fn policies_settle_on_the_most_frequent() {
        let slow = vec![Policy { kind: PolicyKind::Pods, value: 1, period: Duration::from_secs(60) }];
        let mut changed = fields(1, 80);
        changed.apply(&Patch {
            scale_up: Some(slow),
            stabilize_down: Some(Duration::from_secs(60)),
            ..Patch::default()
        });
        let log = [(0, fields(1, 80)), (0, changed.clone()), (0, changed)];
        let settings = sum_up(&log, &hpa::Settings::default()).unwrap().settings;
        let up = settings.scale_up.unwrap().policies.unwrap();
        assert_eq!(up.iter().map(ToString::to_string).collect::<Vec<_>>(), ["1 pod per 1m"]);
        let down = settings.scale_down.unwrap();
        assert_eq!((down.stabilization, down.policies), (Some(Duration::from_secs(60)), None));
    }
}
