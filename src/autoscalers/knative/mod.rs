//! `knative`: Knative's pod autoscaler (KPA) on concurrency, with its stable and panic windows and, as `knative-zero`,
//! scale to zero.
//!
//! Each second the requests in flight are noted; every two seconds two windows decide. Source: knative/serving
//! `pkg/autoscaler/scaling/autoscaler.go` and `pkg/reconciler/autoscaling/kpa/scaler.go`, with the defaults of
//! `config-autoscaler`. Left out: a sampled scrape (all pods are seen), the activator's capacity, delays of scale-down.

mod window;

use std::time::Duration;

use super::Context;
use crate::sim::{Autoscaler, Knobs, Patch, View};
use crate::units::{Replicas, SimTime};

pub use window::Window;

/// `container-concurrency-target-percentage`.
const UTILIZATION: f64 = 0.7;
/// `stable-window`, and `panic-window-percentage` of it.
const STABLE_S: usize = 60;
const PANIC_S: usize = 6;
/// `panic-threshold-percentage`: desired over ready pods.
const PANIC_THRESHOLD: f64 = 2.0;
/// `max-scale-up-rate` and `max-scale-down-rate`, each a factor per decision.
const MOST_UP: f64 = 1000.0;
const MOST_DOWN: f64 = 2.0;
/// `scale-to-zero-grace-period`.
const GRACE: Duration = Duration::from_secs(30);
/// Seconds from one decision to the next.
const TICK: i64 = 2;

/// The state of the autoscaler of one revision.
#[derive(Debug, Clone)]
pub struct Kpa {
    /// Requests in flight per pod to aim at.
    target: f64,
    bounds: (Replicas, Replicas),
    stable: Window,
    panic: Window,
    /// When desired pods were last twice as many as ready ones, while panicking, and the most pods since it began.
    panicking: Option<(i64, Replicas)>,
    /// Since when it has had requests, or has had none.
    active: i64,
    inactive: Option<i64>,
    /// When requests in flight were last noted, and their time integral then.
    noted: Option<(SimTime, f64)>,
}

impl Kpa {
    /// For pods that shall hold `concurrency` requests at most, of which 70 % are aimed at, within bounds; a lower bound
    /// of 0 is scale to zero.
    #[must_use]
    pub fn new(concurrency: f64, bounds: (Replicas, Replicas)) -> Self {
        Self {
            target: (concurrency * UTILIZATION).max(0.01),
            bounds,
            stable: Window::new(STABLE_S),
            panic: Window::new(PANIC_S),
            panicking: None,
            active: i64::MIN / 2,
            inactive: None,
            noted: None,
        }
    }

    /// As a baseline within the bounds of `[hpa]`, or from zero pods. What a pod shall hold is what it runs at full
    /// speed, or its concurrency limit if that is less: Knative's own 100 suit requests that hardly compute.
    #[must_use]
    pub fn baseline(context: &Context<'_>, to_zero: bool) -> Self {
        let pod = context.workload.pod();
        let (service, busy) = context.training().fold((0.0, 0.0), |(service, busy), slot| {
            (service + slot.rate * slot.service_s, busy + slot.rate * slot.busy_s)
        });
        let at_full_speed = if busy > 0.0 { pod.servers * service / busy } else { pod.servers };
        let least = if to_zero { 0 } else { context.hpa.min_replicas };
        Self::new(at_full_speed.min(f64::from(pod.concurrency)), (least, context.hpa.max_replicas))
    }

    /// Notes the mean of requests in flight during a second.
    fn note(&mut self, second: i64, in_flight: f64) {
        self.stable.record(second, in_flight);
        self.panic.record(second, in_flight);
    }

    /// Pods wanted at `second` while `ready` serve, before bounds.
    fn wanted(&mut self, second: i64, ready: Replicas) -> Replicas {
        let serving = f64::from(ready.max(1));
        let (most, least) = ((MOST_UP * serving).ceil(), (f64::from(ready) / MOST_DOWN).floor());
        let pods = |mean: f64, target: f64| (mean / target).ceil();
        let panic = pods(self.panic.average(second), self.target);
        let stable = pods(self.stable.average(second), self.target).clamp(least, most) as Replicas;
        let over = panic / serving >= PANIC_THRESHOLD;
        let urgent = panic.clamp(least, most) as Replicas;
        self.panicking = match self.panicking {
            None if over => Some((second, 0)),
            Some((_, pods)) if over => Some((second, pods)),
            Some((since, _)) if since + (STABLE_S as i64) < second => None,
            other => other,
        };
        let Some((_, pods)) = &mut self.panicking else { return stable };
        *pods = stable.max(urgent).max(*pods);
        *pods
    }

    /// Replicas at `second`, while `current` are asked for and `ready` serve.
    fn decide(&mut self, second: i64, current: Replicas, ready: Replicas) -> Replicas {
        let wanted = self.wanted(second, ready);
        if wanted > 0 {
            if self.inactive.take().is_some() {
                self.active = second;
            }
        } else if self.bounds.0 == 0 {
            return self.towards_zero(second, current);
        }
        wanted.clamp(self.bounds.0.max(1), self.bounds.1)
    }

    /// Nothing is wanted: the last pod goes once it was active for the stable window, and idle for the grace period.
    fn towards_zero(&mut self, second: i64, current: Replicas) -> Replicas {
        match self.inactive {
            None if second - self.active < STABLE_S as i64 => 1,
            None => {
                self.inactive = Some(second);
                current
            }
            Some(since) if second - since >= GRACE.as_secs() as i64 => 0,
            Some(_) => current,
        }
    }
}

impl Autoscaler for Kpa {
    fn period(&self) -> Duration {
        Duration::from_secs(1)
    }

    fn sync(&mut self, now: SimTime, view: &View<'_>) -> Option<Replicas> {
        let telemetry = &view.telemetry;
        let area = telemetry.totals.in_flight_seconds;
        let second = now.0.div_euclid(1_000_000);
        let Some((then, before)) = self.noted.replace((now, area)) else {
            self.active = second;
            // A revision that starts with several pods starts in panic, so that it does not lose them at once.
            self.panicking = (telemetry.ready > 1).then_some((second, telemetry.ready));
            return None;
        };
        let in_flight = (area - before) / now.since(then).as_secs_f64();
        // Without pods and requests there is nobody to report; with requests the activator reports, and pokes.
        let none = telemetry.spec_replicas == 0;
        if !none || in_flight > 0.0 {
            self.note(second, in_flight);
        }
        let due = second % TICK == 0 || (none && in_flight > 0.0);
        due.then(|| self.decide(second, telemetry.spec_replicas, telemetry.ready))
    }

    fn patch(&mut self, _: &Patch) {}

    fn knobs(&self) -> Option<Knobs> {
        None
    }
}

#[cfg(test)]
mod tests;
