//! The baselines by name.

use std::fmt;
use std::str::FromStr;

use super::forecasting::{Forecasting, LinearCounts};
use super::{
    Context, Recipe, constant::Constant, keda::Keda, knative::Kpa, pid::Pid, random::Random, schedule::Schedule,
    step::Step,
};
use crate::error::InputError;
use crate::hpa;
use crate::units::Percent;

/// A policy to compare with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Baseline {
    /// The stock HPA at 80 % CPU: minReplicas 1, no `behavior`.
    Stock80,
    /// The stock HPA at 70 % CPU.
    Stock70,
    /// The stock HPA at 50 % CPU, as in Kubernetes' walkthrough.
    Stock50,
    /// The best static HPA that search finds on training time.
    Tuned,
    /// The best static HPA that search finds on the test time itself: how far a static HPA could go.
    ClairvoyantStatic,
    /// The schedule of the clairvoyant optimum, replayed: each pod ordered early enough to be ready in time.
    Clairvoyant,
    /// An HPA whose fields are moved by one who knows the load to come, found by a beam search over simulator states: the
    /// mark of what a tuner of the HPA's fields could reach.
    ClairvoyantHpa,
    /// As many replicas as training time's busiest moment needed.
    ConstantPeak,
    /// minReplicas by the hour of the day, from training time.
    Schedule,
    /// One replica more above 80 % CPU, one less below 20 %.
    Step8020,
    /// minReplicas from recent load and yesterday's, with margins chosen on training time.
    Predictive,
    /// minReplicas and target as linear functions of demand, evolved on training time.
    Linear,
    /// Proportional and integral control of utilisation.
    Pid,
    /// Knative's pod autoscaler on concurrency, within the HPA's bounds.
    Knative,
    /// Knative's pod autoscaler, down to zero pods.
    KnativeZero,
    /// KEDA on requests per second, down to zero pods.
    Keda,
    /// jthomperoo's predictive HPA: the HPA's count or a straight line through the last counts, whichever is larger.
    PredictiveLinear,
    /// jthomperoo's predictive HPA with Holt–Winters smoothing of the counts, at rates chosen on training time.
    PredictiveHoltWinters,
    /// Such models and ridge regression on the load, as far ahead as pods take to start, chosen on training time.
    PredictiveLoad,
    /// Datadog's `WatermarkPodAutoscaler` on CPU, with watermarks chosen on training time.
    Wpa,
    /// Lazy capacity provisioning on the load of the last 15 s, at the prices of `[prices]`.
    Lcp,
    /// The HPA of `[hpa]` on pods with the requests that the `VerticalPodAutoscaler` recommends from training time.
    Vpa,
    /// An HPA whose fields are drawn at random every minute.
    Random,
}

impl Baseline {
    /// Every baseline, with its name and what it is in a line.
    pub const ALL: [(Self, &'static str, &'static str); 23] = [
        (Self::Stock80, "stock-80", "stock HPA at 80 % CPU"),
        (Self::Stock70, "stock-70", "stock HPA at 70 % CPU"),
        (Self::Stock50, "stock-50", "stock HPA at 50 % CPU"),
        (Self::Tuned, "tuned", "best static HPA found on training time"),
        (Self::ClairvoyantStatic, "clairvoyant-static", "best static HPA found on the test time itself"),
        (Self::Clairvoyant, "clairvoyant", "the optimum's schedule, ordered in time by one who knows the future"),
        (Self::ClairvoyantHpa, "clairvoyant-hpa", "an HPA whose fields one who knows the future moves, by beam search"),
        (Self::ConstantPeak, "constant-peak", "replicas for training time's peak, always"),
        (Self::Schedule, "schedule", "minReplicas by hour of the day, from training time"),
        (Self::Step8020, "step-8020", "one replica more above 80 % CPU, one less below 20 %"),
        (Self::Predictive, "predictive", "minReplicas from recent load and yesterday's"),
        (Self::Linear, "linear", "minReplicas and target as linear functions of demand, evolved on training time"),
        (Self::Pid, "pid", "proportional and integral control of CPU"),
        (Self::Knative, "knative", "Knative's pod autoscaler on concurrency, within the HPA's bounds"),
        (Self::KnativeZero, "knative-zero", "Knative's pod autoscaler on concurrency, down to zero pods"),
        (Self::Keda, "keda", "KEDA on requests per second, down to zero pods"),
        (
            Self::PredictiveLinear,
            "predictive-linear",
            "predictive HPA: a straight line through the last replica counts",
        ),
        (Self::PredictiveHoltWinters, "predictive-holt-winters", "predictive HPA: Holt-Winters on replica counts"),
        (Self::PredictiveLoad, "predictive-load", "line, Holt-Winters or ridge on load, a start-up time ahead"),
        (Self::Wpa, "wpa", "Datadog's watermark pod autoscaler on CPU, watermarks from training time"),
        (Self::Lcp, "lcp", "lazy capacity provisioning: pods move when no optimum of the past would keep them"),
        (Self::Vpa, "vpa", "the HPA on pods with the requests that VPA recommends from training time"),
        (Self::Random, "random", "HPA fields drawn at random"),
    ];

    /// Those that `evaluate` takes when none is named.
    pub const DEFAULT: [Self; 6] =
        [Self::Stock80, Self::Stock70, Self::Stock50, Self::Tuned, Self::ConstantPeak, Self::Schedule];

    /// Its name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|entry| entry.0 == self).map_or("", |entry| entry.1)
    }

    /// What it is, in a line.
    #[must_use]
    pub fn summary(self) -> &'static str {
        Self::ALL.iter().find(|entry| entry.0 == self).map_or("", |entry| entry.2)
    }

    /// The stock HPA at `target` percent: minReplicas 1, no `behavior`; upper bound and controller flags of `[hpa]`.
    #[must_use]
    pub fn stock(target: f64, base: &hpa::Settings) -> hpa::Settings {
        hpa::Settings {
            target_cpu: Percent::try_from(target).ok(),
            target_memory: None,
            min_replicas: 1,
            scale_up: None,
            scale_down: None,
            ..base.clone()
        }
    }

    /// How to make it for a function; `None` for those that a search has to choose first.
    #[must_use]
    pub fn recipe(self, context: &Context<'_>) -> Option<Recipe> {
        let stock = |target| Recipe::hpa(&Self::stock(target, context.hpa));
        Some(match self {
            Self::Stock80 => stock(80.0),
            Self::Stock70 => stock(70.0),
            Self::Stock50 => stock(50.0),
            Self::ConstantPeak => Recipe::autoscaler(Constant::at_peak(context)),
            Self::Schedule => {
                let schedule = Schedule::learn(context);
                Recipe::tuned(context.hpa, move |_| schedule)
            }
            Self::Step8020 => Recipe::autoscaler(Step::new(context)),
            Self::Pid => Recipe::autoscaler(Pid::new(context)),
            Self::Knative => Recipe::autoscaler(Kpa::baseline(context, false)),
            Self::KnativeZero => Recipe::autoscaler(Kpa::baseline(context, true)),
            Self::Keda => Recipe::autoscaler(Keda::baseline(context)),
            Self::PredictiveLinear => Recipe::autoscaler(Forecasting::project(context.hpa, LinearCounts::default())),
            Self::Random => {
                let random = Random::new(context);
                Recipe::tuned(context.hpa, move |seed| random.seeded(seed))
            }
            Self::Tuned
            | Self::ClairvoyantStatic
            | Self::Clairvoyant
            | Self::ClairvoyantHpa
            | Self::Predictive
            | Self::PredictiveHoltWinters
            | Self::PredictiveLoad
            | Self::Linear
            | Self::Wpa
            | Self::Lcp
            | Self::Vpa => return None,
        })
    }
}

impl fmt::Display for Baseline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Baseline {
    type Err = InputError;

    fn from_str(text: &str) -> Result<Self, InputError> {
        Self::ALL.iter().find(|entry| entry.1 == text).map(|entry| entry.0).ok_or_else(|| {
            let names: Vec<_> = Self::ALL.iter().map(|entry| entry.1).collect();
            InputError::new(format!("there is no baseline {text:?}"), format!("take one of {}", names.join(", ")))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_baseline_is_found_by_its_name() {
        for (baseline, name, summary) in Baseline::ALL {
            assert_eq!(name.parse::<Baseline>().unwrap(), baseline);
            assert_eq!((baseline.name(), baseline.summary()), (name, summary));
        }
        let error = "stock".parse::<Baseline>().unwrap_err();
        assert_eq!(error.problem, "there is no baseline \"stock\"");
        assert!(error.help.contains("stock-80, stock-70"));
    }

    #[test]
    fn a_stock_hpa_has_no_behavior_but_keeps_the_clusters_flags() {
        let base = hpa::Settings { min_replicas: 4, max_replicas: 9, tolerance: 0.2, ..hpa::Settings::default() };
        let stock = Baseline::stock(70.0, &base);
        assert_eq!((stock.min_replicas, stock.max_replicas), (1, 9));
        assert!((stock.tolerance - 0.2).abs() < 1e-12);
        assert!(stock.spec().behavior.is_none());
    }
}
