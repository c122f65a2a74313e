//! `[tune.beam]` of an experiment file.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::{InputError, within};
use crate::sim::LOAD_STEP;
use crate::units::{Percent, friendly, span};

/// `[tune.beam]`: the search of `clairvoyant-hpa`. Every target with every floor is a choice.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// How many courses are kept.
    pub width: usize,
    /// How often the fields change, a multiple of 15 s.
    #[serde(with = "span")]
    #[schemars(with = "String")]
    pub epoch: Duration,
    /// CPU targets, whole percents as an HPA has them.
    pub targets: Vec<Percent>,
    /// Lower bounds of replicas, as multiples of what the optimum has in an epoch; 0 is no bound.
    pub floors: Vec<f64>,
    /// Runs with different start-up delays that a choice has to suit together.
    pub seeds: u64,
}

impl Default for Settings {
    /// 21 choices: a high target leaves all to the floor, a low one helps where the floor is too low.
    fn default() -> Self {
        Self {
            width: 16,
            epoch: Duration::from_secs(60),
            targets: [60.0, 80.0, 100.0].into_iter().filter_map(|target| Percent::try_from(target).ok()).collect(),
            floors: vec![0.0, 0.8, 0.9, 1.0, 1.1, 1.25, 1.5],
            seeds: 1,
        }
    }
}

impl Settings {
    /// Checks the ranges.
    ///
    /// # Errors
    /// The first value out of range.
    pub fn validate(&self) -> Result<(), InputError> {
        within("tune.beam.width", self.width as f64, 1.0, 100_000.0)?;
        within("tune.beam.seeds", self.seeds as f64, 1.0, 1000.0)?;
        let step = LOAD_STEP.as_nanos();
        if self.epoch.is_zero() || !self.epoch.as_nanos().is_multiple_of(step) {
            let problem = format!("{} is not a multiple of {}", friendly(self.epoch), friendly(LOAD_STEP));
            return Err(InputError::new(problem, "write 15s or a multiple of it").field("tune.beam.epoch"));
        }
        for (field, length) in [("tune.beam.targets", self.targets.len()), ("tune.beam.floors", self.floors.len())] {
            within(field, length as f64, 1.0, 100.0)?;
        }
        self.targets.iter().try_for_each(|&target| whole(target))?;
        self.floors.iter().try_for_each(|&floor| within("tune.beam.floors", floor, 0.0, 100.0))
    }
}

/// Refuses what an HPA's target cannot hold.
fn whole(target: Percent) -> Result<(), InputError> {
    let percent = 100.0 * target.fraction();
    if percent.round() >= 1.0 && (percent - percent.round()).abs() < 1e-9 {
        return Ok(());
    }
    let problem = format!("{target} is not a whole percent");
    Err(InputError::new(problem, "write whole numbers from 1 to 100").field("tune.beam.targets"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_whole_percents() {
        let with = |target: f64| Settings { targets: vec![Percent::try_from(target).unwrap()], ..Settings::default() };
        for target in [1.0, 7.0, 55.0, 100.0] {
            with(target).validate().unwrap();
        }
        for target in [0.1, 0.6, 50.5, 99.9] {
            let error = with(target).validate().unwrap_err();
            assert_eq!(error.field.as_deref(), Some("tune.beam.targets"));
        }
        assert_eq!(with(0.1).validate().unwrap_err().problem, "0.1 % is not a whole percent");
    }
}
