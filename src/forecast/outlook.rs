//! What the load will reach before pods ordered now can serve: the middle and the high end of its next peak.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::forest::{Forest, Lessons};
use super::history;

/// The quantiles of the next peak.
pub const QUANTILES: [f64; 2] = [0.5, 0.9];

/// Samples of load between two lessons: neighbours say nearly the same. It is odd, so that lessons of a trace whose slots are
/// half minutes or minutes come from all parts of a slot.
const STRIDE: usize = 3;
/// Lessons beyond so many are thinned out evenly.
const MOST_LESSONS: usize = 200_000;
/// Samples about a part of time that is held out from which nothing is learned either: an hour.
const MARGIN: usize = 240;
/// Parts of training time that are held out in turn.
pub const PARTS: usize = 3;

/// The next peak, in pods' worth.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Outlook {
    /// As often above as below.
    pub middle: f32,
    /// Above one time in ten.
    pub high: f32,
}

/// Says the [`Outlook`] of a load. Clones share the trees.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct Forecaster {
    model: Arc<Stored>,
}

/// As it stands in a file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    /// Samples of 15 s over which the peak is taken.
    horizon: usize,
    /// One for each of [`QUANTILES`].
    forests: Vec<Forest>,
}

impl From<Forecaster> for Stored {
    fn from(forecaster: Forecaster) -> Self {
        Arc::unwrap_or_clone(forecaster.model)
    }
}

impl TryFrom<Stored> for Forecaster {
    type Error = String;

    fn try_from(stored: Stored) -> Result<Self, String> {
        if stored.forests.len() == QUANTILES.len() {
            return Ok(Self { model: Arc::new(stored) });
        }
        Err(format!("a forecaster has {} forests, and this one {}", QUANTILES.len(), stored.forests.len()))
    }
}

/// The past that is learned from: a load from its start to the end of training time.
#[derive(Debug, Clone, Copy)]
pub struct Past<'a> {
    /// In pods' worth, a sample for each 15 s.
    pub load: &'a [f32],
    /// Samples before training time begins.
    pub known: usize,
}

impl Past<'_> {
    /// The samples of the `part`-th of [`PARTS`] parts of training time.
    fn part(&self, part: usize) -> std::ops::Range<usize> {
        let span = self.load.len() - self.known.min(self.load.len());
        self.known + span * part / PARTS..self.known + span * (part + 1) / PARTS
    }
}

impl Forecaster {
    /// Learns the peak over the next `horizon` samples from pasts, but not from the part `held_out` of each.
    ///
    /// # Panics
    /// Never: nothing stops it.
    #[must_use]
    pub fn learn(pasts: &[Past<'_>], horizon: usize, held_out: Option<usize>) -> Self {
        Self::learn_while(&|| true, pasts, horizon, held_out).expect("nothing stops it")
    }

    /// As [`learn`](Self::learn), unless `go_on`, which is asked before each forest, says no.
    #[must_use]
    pub fn learn_while(
        go_on: &(dyn Fn() -> bool + Sync),
        pasts: &[Past<'_>],
        horizon: usize,
        held_out: Option<usize>,
    ) -> Option<Self> {
        let horizon = horizon.max(1);
        let instants = |past: &Past<'_>| {
            let held = held_out.map_or(0..0, |part| past.part(part));
            let held = held.start.saturating_sub(MARGIN)..if held.is_empty() { 0 } else { held.end + MARGIN };
            let last = (past.load.len() + 1).saturating_sub(horizon);
            (past.known.max(1)..last).step_by(STRIDE).filter(move |at| !held.contains(at))
        };
        let count: usize = pasts.iter().map(|past| instants(past).count()).sum();
        let thin = count.div_ceil(MOST_LESSONS).max(1);
        let (mut features, mut outcomes) = (Vec::new(), Vec::new());
        for past in pasts {
            for at in instants(past).step_by(thin) {
                let known = &past.load[..at];
                let row = features.len();
                features.resize(row + history::LENGTH, 0.0);
                history::read(known, &mut features[row..]);
                let peak = past.load[at..at + horizon].iter().copied().fold(0.0, f32::max);
                outcomes.push(history::ratio(peak, history::level(known)));
            }
        }
        let lessons = Lessons { features: &features, width: history::LENGTH, outcomes: &outcomes };
        let fit = |(seed, &quantile): (usize, &f64)| go_on().then(|| Forest::fit(lessons, quantile, seed as u64));
        let forests = QUANTILES.iter().enumerate().map(fit).collect::<Option<_>>()?;
        Some(Self { model: Arc::new(Stored { horizon, forests }) })
    }

    /// The outlook at the end of a load.
    #[must_use]
    pub fn at(&self, load: &[f32]) -> Outlook {
        let mut features = [0.0; history::LENGTH];
        history::read(load, &mut features);
        let level = history::level(load);
        let quantile = |forest: &Forest| history::pods(forest.at(&features), level).max(0.0);
        let [middle, high] = [&self.model.forests[0], &self.model.forests[1]].map(quantile);
        Outlook { middle, high: high.max(middle) }
    }
}

/// A forecaster at work on one load.
///
/// On time that it has learned from it would seem to know the future. There, what was said by others that have not seen
/// the instant's part of training time takes its place, so that what is learned on its outlooks holds afterwards.
#[derive(Debug, Clone, PartialEq)]
pub struct Foresight {
    forecaster: Forecaster,
    /// Outlooks by the number of samples known.
    known: Arc<[Outlook]>,
}

impl Foresight {
    /// On a load of which nothing was learned from.
    #[must_use]
    pub fn new(forecaster: Forecaster) -> Self {
        Self { forecaster, known: Arc::default() }
    }

    /// On the `past` that was learned from, with the forecasters of its parts in order; each has seen all parts but its
    /// own. What follows in `load`, which begins as the past does, is new to the forecaster, and said in advance.
    #[must_use]
    pub fn behind(forecaster: Forecaster, parts: &[Forecaster], past: Past<'_>, load: &[f32]) -> Self {
        let said = |at: usize| {
            let within = (0..parts.len()).rev().find(|&part| at >= past.part(part).start);
            let seen = within.and_then(|part| parts.get(part)).filter(|_| at < past.load.len());
            if at < past.known { Outlook::default() } else { seen.unwrap_or(&forecaster).at(&load[..at]) }
        };
        Self { known: (0..=load.len()).map(said).collect(), forecaster }
    }

    /// The outlook at the end of `load`, which is what is known so far of the function's load.
    #[must_use]
    pub fn at(&self, load: &[f32]) -> Outlook {
        self.known.get(load.len()).copied().unwrap_or_else(|| self.forecaster.at(load))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every 40 samples the load leaps from 2 to 10 for 8 samples.
    fn leaps(length: usize) -> Vec<f32> {
        (0..length).map(|at| if at % 40 < 8 { 10.0 } else { 2.0 }).collect()
    }

    #[test]
    fn a_leap_that_repeats_is_seen_before_it_comes() {
        let load = leaps(20_000);
        let forecaster = Forecaster::learn(&[Past { load: &load, known: 0 }], 3, None);
        let future = leaps(21_000);
        let calm = forecaster.at(&future[..20_020]);
        let before = forecaster.at(&future[..20_038]);
        assert!((calm.high - 2.0).abs() < 0.5 && before.middle > 3.0 * calm.high, "{calm:?} {before:?}");
        assert!(calm.high >= calm.middle && before.high >= before.middle);
    }

    #[test]
    fn outlooks_on_training_time_come_from_those_who_have_not_seen_it() {
        let mut load = leaps(3000);
        load[1500] = 400.0;
        let past = Past { load: &load, known: 100 };
        let forecaster = Forecaster::learn(&[past], 3, None);
        let parts: Vec<_> = (0..PARTS).map(|part| Forecaster::learn(&[past], 3, Some(part))).collect();
        let foresight = Foresight::behind(forecaster.clone(), &parts, past, &load);
        assert_eq!(foresight.at(&load[..1480]), parts[1].at(&load[..1480]));
        assert_eq!(foresight.at(&load), forecaster.at(&load), "what follows is new to it");
        assert_eq!(foresight.at(&load[..2999]), parts[2].at(&load[..2999]));
    }

    #[test]
    fn it_survives_a_file_and_short_pasts() {
        let load = leaps(600);
        let forecaster = Forecaster::learn(&[Past { load: &load, known: 0 }], 3, None);
        let text = serde_json::to_string(&forecaster).unwrap();
        assert_eq!(serde_json::from_str::<Forecaster>(&text).unwrap(), forecaster);
        let nothing = Forecaster::learn(&[Past { load: &[], known: 0 }], 3, Some(0));
        assert_eq!(nothing.at(&[]), Outlook::default());
    }
}
