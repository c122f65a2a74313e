//! `wpa`: Datadog's `WatermarkPodAutoscaler` on the mean CPU of ready pods.
//!
//! Between a low and a high watermark nothing happens. Beyond one, the replicas that bring the value back to it are
//! proposed; how far one step may go is limited, and after each step both directions are forbidden for a while.
//! Source: DataDog/watermarkpodautoscaler `controllers/datadoghq/{replica_calculator,watermarkpodautoscaler_controller}.go`
//! and `api/v1alpha1/watermarkpodautoscaler_default.go`. Left out: several metrics, convergence to a watermark, the
//! scaling modulus, dry run, and the recommender.

use std::time::Duration;

use super::Context;
use crate::hpa::inputs::{Inputs, Status};
use crate::sim::{Autoscaler, Knobs, Patch, View};
use crate::units::{Replicas, SimTime};

/// What the controller's period is when it is not told (`defaultSyncPeriod`).
const SYNC_PERIOD: Duration = Duration::from_secs(15);

/// What the metric is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// The sum over ready pods, times the pods: for values that are already a mean.
    Absolute,
    /// The mean over ready pods.
    Average,
}

/// The fields of a `WatermarkPodAutoscaler` that decide.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// `algorithm`.
    pub algorithm: Algorithm,
    /// `highWatermark`, in thousandths of a core.
    pub high: i64,
    /// `lowWatermark`, in thousandths of a core, at most `high`.
    pub low: i64,
    /// `tolerance`, in thousandths of the watermarks.
    pub tolerance: i64,
    /// `scaleUpLimitFactor`: most growth of a step, in percent; one pod always may come. 0 forbids growth.
    pub up_limit: f64,
    /// `scaleDownLimitFactor`: most shrinking of a step, in percent below 100; one pod always may go. 0 forbids it.
    pub down_limit: f64,
    /// `upscaleForbiddenWindowSeconds` since the last step.
    pub up_forbidden: Duration,
    /// `downscaleForbiddenWindowSeconds` since the last step.
    pub down_forbidden: Duration,
    /// `upscaleDelayAboveWatermarkSeconds`: how long the value must have been above; zero does not ask.
    pub up_delay: Duration,
    /// `downscaleDelayBelowWatermarkSeconds`: how long the value must have been below; zero does not ask.
    pub down_delay: Duration,
    /// `minReplicas` and `maxReplicas`.
    pub bounds: (Replicas, Replicas),
}

/// Watermarks and velocities that training time chooses from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candidate {
    /// High watermark, in percent of the CPU request.
    pub high: f64,
    /// Low watermark, as a share of the high one.
    pub low: f64,
    /// Whether velocities are those of the project's example rather than the defaults of its resource definition.
    pub example: bool,
}

impl Candidate {
    /// Everything that is tried on training time.
    #[must_use]
    pub fn all() -> Vec<Self> {
        let mut all = Vec::new();
        for high in [40.0, 50.0, 60.0, 70.0, 80.0, 90.0] {
            for low in [0.5, 0.7, 0.85] {
                all.extend([false, true].map(|example| Self { high, low, example }));
            }
        }
        all
    }

    /// The autoscaler's settings on pods that request `request` cores, within bounds.
    #[must_use]
    pub fn settings(&self, request: f64, bounds: (Replicas, Replicas)) -> Settings {
        let high = (request * 1e3 * self.high / 100.0).round().max(1.0);
        let seconds = Duration::from_secs;
        let (tolerance, up_limit, down_limit, up_forbidden, down_forbidden) = if self.example {
            (10, 50.0, 30.0, seconds(30), seconds(60))
        } else {
            (100, 50.0, 20.0, seconds(60), seconds(300))
        };
        Settings {
            algorithm: Algorithm::Average,
            high: high as i64,
            low: (high * self.low).round().max(1.0) as i64,
            tolerance,
            up_limit,
            down_limit,
            up_forbidden,
            down_forbidden,
            up_delay: Duration::ZERO,
            down_delay: Duration::ZERO,
            bounds,
        }
    }
}

/// A `WatermarkPodAutoscaler` and its controller.
#[derive(Debug, Clone)]
pub struct Wpa {
    settings: Settings,
    last_scale: Option<SimTime>,
    /// Since when the value has been above the high and below the low watermark.
    above: Option<SimTime>,
    below: Option<SimTime>,
}

/// Ready pods, and the sum of their CPU in thousandths of a core.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Usage {
    ready: i64,
    sum: i64,
}

impl Usage {
    /// Of the pods that are ready and measured; `None` when there is none.
    fn of(inputs: &Inputs<'_>) -> Option<Self> {
        let ready = |group: usize| matches!(inputs.pods.get(group)?.ready, Some((Status::True, _))).then_some(());
        let measured = inputs.resource_metrics?.iter().filter_map(|sample| {
            ready(sample.group?)?;
            let cpu = sample.containers.iter().map(|container| container.cpu).sum::<Option<i64>>()?;
            Some((i64::from(sample.count), cpu))
        });
        let (ready, sum) = measured.fold((0, 0), |(pods, sum), (count, cpu)| (pods + count, sum + count * cpu));
        (ready > 0).then_some(Self { ready, sum })
    }
}

impl Wpa {
    /// An autoscaler that has not scaled yet.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self { settings, last_scale: None, above: None, below: None }
    }

    /// As a baseline: watermarks of a candidate, bounds of `[hpa]`.
    #[must_use]
    pub fn baseline(context: &Context<'_>, candidate: &Candidate) -> Self {
        let bounds = (context.hpa.min_replicas, context.hpa.max_replicas);
        Self::new(candidate.settings(context.workload.pod().request, bounds))
    }

    /// The replicas that the watermarks ask for, and where the value lies. Watermarks and tolerance are whole
    /// thousandths, as in the controller.
    fn proposal(&mut self, now: SimTime, usage: Usage, current: Replicas) -> Replicas {
        let Settings { high, low, tolerance, .. } = self.settings;
        let divisor = if self.settings.algorithm == Algorithm::Average { usage.ready as f64 } else { 1.0 };
        let value = usage.sum as f64 / divisor;
        let above = value > (high + high * tolerance / 1000) as f64;
        let below = !above && value < (low - low * tolerance / 1000) as f64;
        self.above = if above { self.above.or(Some(now)) } else { None };
        self.below = if below { self.below.or(Some(now)) } else { None };
        let pods = |mark: i64| usage.ready as f64 * value / mark as f64;
        if above {
            (pods(high).ceil() as Replicas).max(current)
        } else if below {
            (pods(low).floor() as Replicas).max(1).min(current)
        } else {
            current
        }
    }

    /// Held to the velocities and bounds.
    fn limited(&self, wanted: Replicas, current: Replicas, ready: Replicas) -> Replicas {
        let (min, max) = self.settings.bounds;
        let step = |percent: f64| (percent * f64::from(current) / 100.0).floor().max(1.0) as Replicas;
        let lowest = if self.settings.down_limit > 0.0 { current - step(self.settings.down_limit) } else { current };
        let highest = if self.settings.up_limit > 0.0 { current + step(self.settings.up_limit) } else { current };
        let mut least = if min == 0 { 1 } else { min };
        if min > 0 && wanted < lowest {
            least = lowest.max(min);
            // With fewer ready pods than the step would leave, nothing is taken away.
            if ready > 0 && ready < least {
                least = current;
            }
        }
        let most = if wanted > highest { highest.min(max) } else { max };
        if wanted < least { least } else { wanted.min(most) }
    }

    /// Whether a step is allowed now. The first reconcile of all always counts as one.
    fn may(&self, now: SimTime, wanted: Replicas, current: Replicas) -> bool {
        let Some(last) = self.last_scale else { return true };
        let (forbidden, delay, since) = match wanted.cmp(&current) {
            std::cmp::Ordering::Greater => (self.settings.up_forbidden, self.settings.up_delay, self.above),
            std::cmp::Ordering::Less => (self.settings.down_forbidden, self.settings.down_delay, self.below),
            std::cmp::Ordering::Equal => return false,
        };
        let lasted = delay.is_zero() || since.is_some_and(|since| now.since(since).as_secs() >= delay.as_secs());
        lasted && last + forbidden <= now
    }

    /// One reconcile with `current` pods, of which `usage` is known.
    fn reconcile(&mut self, now: SimTime, usage: Usage, current: Replicas) -> Option<Replicas> {
        let wanted = self.proposal(now, usage, current);
        let wanted = self.limited(wanted, current, usage.ready as Replicas);
        let (min, max) = self.settings.bounds;
        let (wanted, scale) = if current > max || current < min {
            (current.clamp(min, max), true)
        } else if current == 0 {
            (1, true)
        } else {
            (wanted, self.may(now, wanted, current))
        };
        scale.then(|| {
            self.last_scale = Some(now);
            wanted
        })
    }
}

impl Autoscaler for Wpa {
    fn period(&self) -> Duration {
        SYNC_PERIOD
    }

    fn sync(&mut self, now: SimTime, view: &View<'_>) -> Option<Replicas> {
        // Zero replicas switch it off; without a measured ready pod it changes nothing.
        let usage = Usage::of(&view.inputs).filter(|_| view.inputs.spec_replicas > 0)?;
        self.reconcile(now, usage, view.inputs.status_replicas)
    }

    fn patch(&mut self, _: &Patch) {}

    fn knobs(&self) -> Option<Knobs> {
        None
    }
}

#[cfg(test)]
mod tests;
