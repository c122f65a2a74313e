//! The load ahead as ridge regression of what is known of the load now.

use crate::forecast::Demand;
use crate::forecast::ridge::{Moments, Ridge};

/// Steps ahead that have weights of their own; farther ones take the last.
const FARTHEST: usize = 8;
/// Features of a load.
const FEATURES: usize = 13;

/// Weights for each step ahead, learned from training time.
#[derive(Debug, Clone, PartialEq)]
pub struct Learned {
    ridges: Vec<Ridge>,
}

impl Learned {
    /// Learns from the load of training time, of which `known` steps came before it. `penalty` is that of
    /// [`Moments::fit`]. `None` when training time is too short to look ahead.
    #[must_use]
    pub fn from(load: &[f32], known: usize, penalty: f64) -> Option<Self> {
        let mut moments = Moments::new(FEATURES, FARTHEST);
        for now in known.max(1)..=load.len().saturating_sub(FARTHEST) {
            let coming: Vec<f64> = load[now..now + FARTHEST].iter().map(|&load| f64::from(load)).collect();
            moments.add(&features(&load[..now]), &coming);
        }
        let ridges: Option<Vec<_>> = (0..FARTHEST).map(|ahead| moments.fit(ahead, penalty)).collect();
        Some(Self { ridges: ridges? })
    }

    /// The load `ahead` steps on, 1 or more.
    #[must_use]
    pub fn forecast(&self, load: &[f32], ahead: usize) -> Option<f64> {
        let ridge = self.ridges.get(ahead.clamp(1, FARTHEST) - 1)?;
        Some(ridge.at(&features(load)))
    }
}

/// What is known of a load at its end. Without a day of past, yesterday is as the last minutes.
fn features(load: &[f32]) -> [f64; FEATURES] {
    let demand = Demand::at(load);
    let season = demand.season.unwrap_or_default();
    let without = demand.season.is_none();
    let or = |seasonal: f32, recent: f32| if without { recent } else { seasonal };
    [
        demand.now,
        demand.level,
        demand.level_10m,
        demand.level_60m,
        demand.peak_2m,
        demand.peak,
        demand.peak_60m,
        demand.deviation,
        demand.deviation_60m,
        or(season.ahead, demand.peak),
        or(season.ahead_rescaled, demand.peak),
        or(season.mean_ahead, demand.level_10m),
        or(season.growth, 0.0),
    ]
    .map(f64::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wave_is_foreseen_better_than_by_its_last_value() {
        let wave = |step: usize| (10.0 + 4.0 * (step as f64 / 40.0).sin()) as f32;
        let load: Vec<f32> = (0..4000).map(wave).collect();
        let learned = Learned::from(&load[..3000], 0, 1e-6).unwrap();
        let (mut ours, mut last) = (0.0, 0.0);
        for now in 3000..3900 {
            let truth = f64::from(load[now + 3]);
            ours += (learned.forecast(&load[..now], 4).unwrap() - truth).abs();
            last += (f64::from(load[now - 1]) - truth).abs();
        }
        assert!(ours < 0.3 * last, "{ours} against {last}");
    }

    #[test]
    fn nothing_is_learned_from_too_little() {
        assert_eq!(Learned::from(&[1.0; FARTHEST], 0, 0.1), None);
        assert!(Learned::from(&[1.0; FARTHEST + 1], 0, 0.1).is_some());
    }
}
