//! `predictive`: minReplicas from recent load and from yesterday's, times a margin.
//!
//! The usual predictive autoscaler (crane's EHPA, predictive-HPA, cloud predictive scaling) in its simplest robust form:
//! the larger of a high quantile of the last minutes and of what the same time yesterday brought over the next six
//! minutes, rescaled by how today compares with yesterday so far. The result, divided by the capacity of a pod and times
//! the margin, is the HPA's lower bound. Margins, window and target are chosen on training time.

use std::time::Duration;

use crate::hpa;
use crate::sim::{LOAD_STEP, Patch, Telemetry, Tuner};
use crate::units::{Percent, Replicas, SimTime};

/// What is chosen on training time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Margins {
    /// Pods per pod's worth of forecast load.
    pub margin: f64,
    /// Weight of yesterday, 0 for none.
    pub yesterday: f64,
    /// Length of the recent past in steps of load.
    pub window: usize,
    /// Its quantile.
    pub quantile: f64,
    /// CPU target of the HPA, in percent.
    pub target_cpu: i32,
}

impl Margins {
    /// Everything that is tried on training time.
    #[must_use]
    pub fn candidates() -> Vec<Self> {
        let mut all = Vec::new();
        for margin in [1.05, 1.15, 1.25, 1.4, 1.6, 2.0] {
            for yesterday in [0.0, 0.8, 1.0] {
                for (window, quantile) in [(8, 0.9), (20, 0.9), (20, 1.0), (60, 0.95)] {
                    for target_cpu in [60, 75, 90] {
                        all.push(Self { margin, yesterday, window, quantile, target_cpu });
                    }
                }
            }
        }
        all
    }

    /// The HPA that the lower bound is given to: as `[hpa]`, at this target, and quick to scale down, because the bound
    /// already holds what is needed.
    #[must_use]
    pub fn hpa(&self, base: &hpa::Settings) -> hpa::Settings {
        beneath(base, self.target_cpu)
    }
}

/// The HPA beneath a forecast: as `[hpa]`, at a target in percent, and quick to scale down, because the forecast already
/// holds what is needed.
#[must_use]
pub fn beneath(base: &hpa::Settings, target_cpu: i32) -> hpa::Settings {
    let mut settings = base.clone();
    settings.target_cpu = Percent::try_from(f64::from(target_cpu)).ok();
    settings.scale_down.get_or_insert_default().stabilization = Some(Duration::from_secs(60));
    settings
}

/// Steps of load in a day.
const DAY: usize = 86_400 / LOAD_STEP.as_secs() as usize;
/// How far ahead yesterday is looked at: six minutes.
const AHEAD: usize = 360 / LOAD_STEP.as_secs() as usize;
/// How much of today and yesterday is compared: five minutes.
const LEVEL: usize = 300 / LOAD_STEP.as_secs() as usize;

/// Raises minReplicas to the forecast.
#[derive(Debug, Clone)]
pub struct Predictive {
    margins: Margins,
    bounds: (Replicas, Replicas),
    recent: Vec<f32>,
}

impl Predictive {
    /// A tuner within the HPA's bounds.
    #[must_use]
    pub fn new(margins: Margins, hpa: &hpa::Settings) -> Self {
        Self { margins, bounds: (hpa.min_replicas, hpa.max_replicas), recent: Vec::new() }
    }

    /// The forecast load over the next minutes, in pods' worth.
    fn forecast(&mut self, load: &[f32]) -> f64 {
        let tail = |steps: usize| &load[load.len().saturating_sub(steps)..];
        self.recent.clear();
        self.recent.extend_from_slice(tail(self.margins.window));
        self.recent.sort_unstable_by(f32::total_cmp);
        let Some(last) = self.recent.len().checked_sub(1) else { return 0.0 };
        let level = f64::from(self.recent[(self.margins.quantile * last as f64).ceil() as usize]);
        let Some(then) = load.len().checked_sub(DAY).filter(|_| self.margins.yesterday > 0.0) else { return level };
        let coming = load[then..(then + AHEAD).min(load.len())].iter().copied().fold(0.0, f32::max);
        let (today, yesterday) = (mean(tail(LEVEL)), mean(&load[then.saturating_sub(LEVEL)..then]));
        let trend = if yesterday > 0.0 { (today / yesterday).clamp(0.67, 1.5) } else { 1.0 };
        level.max(self.margins.yesterday * f64::from(coming) * trend)
    }
}

fn mean(load: &[f32]) -> f64 {
    load.iter().map(|&x| f64::from(x)).sum::<f64>() / load.len().max(1) as f64
}

impl Tuner for Predictive {
    fn decide(&mut self, _: SimTime, telemetry: &Telemetry<'_>) -> Patch {
        let pods = (self.forecast(telemetry.load) * self.margins.margin).ceil();
        let wanted = (pods.min(f64::from(Replicas::MAX)) as Replicas).clamp(self.bounds.0, self.bounds.1);
        let stands = telemetry.knobs.is_some_and(|knobs| knobs.min_replicas == wanted);
        Patch { min_replicas: (!stands).then_some(wanted), ..Patch::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn predictive(yesterday: f64) -> Predictive {
        let margins = Margins { margin: 1.0, yesterday, window: 4, quantile: 1.0, target_cpu: 90 };
        Predictive::new(margins, &hpa::Settings::default())
    }

    #[test]
    fn yesterdays_peak_is_foreseen_and_rescaled_by_todays_level() {
        let mut load = vec![2.0; DAY + 100];
        load[100..100 + AHEAD].fill(8.0);
        let near = |found: f64, wanted: f64| assert!((found - wanted).abs() < 1e-6, "{found} is not {wanted}");
        near(predictive(1.0).forecast(&load), 8.0);
        near(predictive(0.0).forecast(&load), 2.0);
        load[DAY..].fill(2.5);
        near(predictive(1.0).forecast(&load), 10.0);
        load[DAY + 97] = 30.0;
        near(predictive(1.0).forecast(&load), 30.0);
        near(predictive(1.0).forecast(&[]), 0.0);
    }
}
