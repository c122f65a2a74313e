//! `linear`: minReplicas and the CPU target as linear functions of recent and seasonal demand.
//!
//! The plainest policy that looks at demand: a learned network that does not beat it has not earned its layers. Features
//! are pods' worth of capacity, so minReplicas comes out in pods. The weights are evolved on training time
//! (`eval::evolve`); here is only what they do. The baseline sees demand alone; what an agent starts from sees the outlook of a
//! forecaster too.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::forecast::{Demand, Foresight};
use crate::hpa;
use crate::sim::{LOAD_STEP, Patch, Telemetry, Tuner, Workload};
use crate::units::{Replicas, SimTime};

/// Number of features of demand alone.
pub const PLAIN: usize = 13;

/// Number of features, and of weights for each of the two outputs: those of demand, and the outlook where there is one.
pub const FEATURES: usize = PLAIN + 2;

/// The range of the CPU target, in percent.
const TARGETS: (f64, f64) = (30.0, 95.0);

/// Scale-down stabilisation of the HPA beneath: none, because minReplicas already holds what is needed.
const STABILIZATION: Duration = Duration::ZERO;

/// The weights of both outputs, in the order of [`features`].
///
/// ```text
/// minReplicas = ⌈Σ w_k f_k⌉;   target = 30 % + 65 % · σ(Σ v_k f_k / (1 + level over 10 min))
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Linear {
    /// `w`, for pods.
    pub pods: [f64; FEATURES],
    /// `v`, for the target.
    pub target: [f64; FEATURES],
}

/// What a [`Linear`] proposes at an instant.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Proposal {
    /// Lower bound of replicas, 0 to 10⁶, not rounded.
    pub pods: f64,
    /// CPU target in whole percent.
    pub target_cpu: i32,
}

/// Demand as the weights see it, in pods' worth and roots of it; the first is 1. Without a day of past, yesterday is
/// taken from the last ten minutes' peak. An outlook that there is not weighs nothing.
#[must_use]
pub fn features(demand: &Demand) -> [f32; FEATURES] {
    let (ahead, rescaled) =
        demand.season.map_or((demand.peak, demand.peak), |season| (season.ahead, season.ahead_rescaled));
    let outlook = demand.outlook.unwrap_or_default();
    [
        1.0,
        demand.now,
        demand.level,
        demand.level_10m,
        demand.peak_2m,
        demand.peak,
        demand.peak_60m,
        demand.deviation,
        ahead,
        rescaled,
        (demand.now - demand.level).max(0.0),
        demand.level.max(0.0).sqrt(),
        demand.deviation.max(0.0).sqrt(),
        outlook.middle,
        outlook.high,
    ]
}

/// The [`features`] of a stretch of a load, worked out once for all policies that fly over it.
#[derive(Debug, Clone, PartialEq)]
pub struct Course {
    /// Samples of load that are known at the first.
    first: usize,
    features: Arc<[[f32; FEATURES]]>,
}

impl Course {
    /// At every decision of a tuner in `window`.
    #[must_use]
    pub fn new(workload: &Workload, window: &Range<SimTime>, foresight: Option<&Foresight>) -> Self {
        let decisions = window.end.since(window.start).as_micros().div_ceil(LOAD_STEP.as_micros());
        let first = workload.load_until(window.start).len();
        let at = |decision: u32| {
            features(&Demand::foreseen(workload.load_until(window.start + LOAD_STEP * decision), foresight))
        };
        Self { first, features: (0..decisions as u32).map(at).collect() }
    }

    fn at(&self, load: &[f32]) -> Option<&[f32; FEATURES]> {
        self.features.get(load.len().checked_sub(self.first)?)
    }
}

impl Linear {
    /// Where evolution starts: 0.8 of the last two minutes' level and half its root, at a target of 92 %.
    #[must_use]
    pub fn first() -> Self {
        let mut first = Self { pods: [0.0; FEATURES], target: [0.0; FEATURES] };
        (first.pods[2], first.pods[11], first.target[0]) = (0.8, 0.5, 3.0);
        first
    }

    /// The first `features` weights of pods, then of the target.
    #[must_use]
    pub fn to_vec(&self, features: usize) -> Vec<f64> {
        [&self.pods[..features], &self.target[..features]].concat()
    }

    /// The opposite of [`to_vec`](Self::to_vec); missing weights are 0.
    #[must_use]
    pub fn from_slice(weights: &[f64]) -> Self {
        let features = weights.len() / 2;
        let of = |weights: &[f64]| std::array::from_fn(|index| weights.get(index).copied().unwrap_or(0.0));
        Self { pods: of(&weights[..features]), target: of(&weights[features..]) }
    }

    /// The proposal for a demand.
    #[must_use]
    pub fn propose(&self, demand: &Demand) -> Proposal {
        self.propose_on(&features(demand))
    }

    fn propose_on(&self, features: &[f32; FEATURES]) -> Proposal {
        let features = features.map(f64::from);
        let dot = |weights: &[f64; FEATURES]| weights.iter().zip(&features).map(|(w, f)| w * f).sum::<f64>();
        let logit = dot(&self.target) / (1.0 + features[3].max(0.0));
        let (low, high) = TARGETS;
        let target = low + (high - low) / (1.0 + (-logit).exp());
        Proposal { pods: dot(&self.pods).clamp(0.0, 1e6), target_cpu: target.round() as i32 }
    }

    /// The HPA beneath: as `base`, without scale-down stabilisation.
    #[must_use]
    pub fn hpa(base: &hpa::Settings) -> hpa::Settings {
        let mut settings = base.clone();
        settings.scale_down.get_or_insert_default().stabilization = Some(STABILIZATION);
        settings
    }

    /// The tuner within the bounds of `hpa`, with what it foresees where it does.
    #[must_use]
    pub fn tuner(self, hpa: &hpa::Settings, foresight: Option<Foresight>) -> LinearTuner {
        LinearTuner { linear: self, bounds: (hpa.min_replicas, hpa.max_replicas), sight: Sight::Load(foresight) }
    }

    /// The same on a stretch whose features are known.
    #[must_use]
    pub fn tuner_on(self, hpa: &hpa::Settings, course: Course) -> LinearTuner {
        LinearTuner { linear: self, bounds: (hpa.min_replicas, hpa.max_replicas), sight: Sight::Course(course) }
    }
}

/// A [`Linear`] at work, at every sync of the stock HPA: bursts do not wait for the next minute.
#[derive(Debug, Clone)]
pub struct LinearTuner {
    linear: Linear,
    bounds: (Replicas, Replicas),
    sight: Sight,
}

/// What it sees.
#[derive(Debug, Clone)]
enum Sight {
    /// The load as it is, and what is foreseen of it.
    Load(Option<Foresight>),
    /// What was worked out before.
    Course(Course),
}

impl Sight {
    fn features(&self, load: &[f32]) -> [f32; FEATURES] {
        match self {
            Self::Load(foresight) => features(&Demand::foreseen(load, foresight.as_ref())),
            Self::Course(course) => *course.at(load).expect("a tuner decides within the window of its course"),
        }
    }
}

impl Tuner for LinearTuner {
    fn interval(&self) -> Duration {
        LOAD_STEP
    }

    fn decide(&mut self, _: SimTime, telemetry: &Telemetry<'_>) -> Patch {
        let proposal = self.linear.propose_on(&self.sight.features(telemetry.load));
        let pods = proposal.pods.ceil() as Replicas;
        Patch {
            target_cpu: Some(proposal.target_cpu),
            min_replicas: Some(pods.clamp(self.bounds.0, self.bounds.1)),
            ..Patch::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::autoscalers::HpaAutoscaler;
    use crate::sim::{Counts, Level, Settings, Simulation, run};
    use crate::trace::{Header, Series};

    #[test]
    fn the_first_proposal_follows_the_level() {
        let proposal = Linear::first().propose(&Demand { level: 16.0, level_10m: 0.0, ..Demand::default() });
        assert!((proposal.pods - (0.8 * 16.0 + 0.5 * 4.0)).abs() < 1e-9);
        assert_eq!(proposal.target_cpu, 92, "30 + 65 σ(3)");
    }

    #[test]
    fn weights_survive_the_vector_and_the_file() {
        let linear = Linear::from_slice(&(0..30).map(|i| f64::from(i) / 7.0).collect::<Vec<_>>());
        assert_eq!(Linear::from_slice(&linear.to_vec(FEATURES)), linear);
        let plain = Linear::from_slice(&linear.to_vec(PLAIN));
        assert_eq!((plain.pods[..PLAIN].to_vec(), plain.pods[PLAIN]), (linear.pods[..PLAIN].to_vec(), 0.0));
        let text = serde_json::to_string(&linear).unwrap();
        assert_eq!(serde_json::from_str::<Linear>(&text).unwrap(), linear);
    }

    #[test]
    fn a_proposal_is_finite_whatever_the_weights() {
        let demand = Demand { level: 1e6, now: 3e6, level_10m: 1.0, ..Demand::default() };
        for weight in [1e300, -1e300, 0.0] {
            let linear = Linear { pods: [weight; FEATURES], target: [weight; FEATURES] };
            let proposal = linear.propose(&demand);
            assert!((0.0..=1e6).contains(&proposal.pods) && (30..=95).contains(&proposal.target_cpu), "{proposal:?}");
        }
    }

    #[test]
    fn with_its_course_it_does_and_counts_what_a_whole_run_says() {
        let rate = |minute: i32| if minute % 30 < 6 { 6000.0 } else { 1200.0 };
        let series = Series { function: "f".into(), requests: Some((0..120).map(rate).collect()), ..Series::default() };
        let header =
            Header { interval_ms: 60_000, origin_ms: Some(0), source: "t".into(), licence: None, tool: "t".into() };
        let base = hpa::Settings { max_replicas: 40, ..hpa::Settings::default() };
        let window = SimTime(0)..SimTime(0) + Duration::from_secs(5_465);
        for level in [Level::Fluid, Level::Requests] {
            let settings = Settings { level, ..Settings::default() };
            let workload = Arc::new(Workload::new(&series, &header, &settings).unwrap());
            let hpa = || Box::new(HpaAutoscaler::new(&Linear::hpa(&base)));
            let mut told = Linear::first().tuner_on(&base, Course::new(&workload, &window, None));
            let mut seeing = Linear::first().tuner(&base, None);
            let mut counted =
                Simulation::new(Arc::clone(&workload), &settings, hpa(), 1, window.clone()).only_counted();
            counted.steer(&mut told);
            let counts = counted.count();
            let whole = run(&workload, &settings, hpa(), Some(&mut seeing), 1, window.clone(), false).outcome;
            assert_eq!(counts, Counts::from(&whole), "{level:?}");
            assert!(counts.late + counts.dropped > 0.0 && counts.usd > 0.0, "{counts:?}");
        }
    }
}
