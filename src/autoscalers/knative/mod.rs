//! `knative`: Knative's pod autoscaler (KPA) on concurrency, with its stable and panic windows and, as `knative-zero`,
//! scale to zero.
//!
//! Each second the requests in flight are noted; every two seconds two windows decide. Source: knative/serving
//! `pkg/autoscaler/scaling/autoscaler.go` and `pkg/reconciler/autoscaling/kpa/scaler.go`, with the defaults of
//! `config-autoscaler`. Left out: a sampled scrape (all pods are seen), the activator's capacity and its place in the
//! path (excess burst capacity), the progress deadline.

mod window;

use std::collections::VecDeque;
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
/// Seconds from one decision to the next, and the grain of the delay of scale-down.
const TICK: i64 = 2;

/// `metric-aggregation-algorithm`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Aggregation {
    /// All seconds of a window weigh the same.
    #[default]
    Linear,
    /// Newer seconds weigh more.
    WeightedExponential,
}

/// What annotations of a revision decide.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// Requests in flight that a pod holds at most, of which 70 % are aimed at.
    pub concurrency: f64,
    /// `min-scale` and `max-scale`; a lower bound of 0 is scale to zero.
    pub bounds: (Replicas, Replicas),
    /// `activation-scale`: pods to have at least while any is wanted.
    pub activation: Replicas,
    /// `initial-scale`: above 1, pods to have at least until they were ready once.
    pub initial: Replicas,
    /// `scale-down-delay`: for how long a higher decision holds, in whole ticks of 2 s.
    pub down_delay: Duration,
    /// `scale-to-zero-pod-retention-period`: how long the last pod stays at least.
    pub retention: Duration,
    /// How windows average.
    pub aggregation: Aggregation,
}

impl Default for Settings {
    /// `config-autoscaler`'s defaults, but for the upper bound: none there, as many pods as can be counted here.
    fn default() -> Self {
        Self {
            concurrency: 100.0,
            bounds: (0, Replicas::MAX),
            activation: 1,
            initial: 1,
            down_delay: Duration::ZERO,
            retention: Duration::ZERO,
            aggregation: Aggregation::Linear,
        }
    }
}

/// The state of the autoscaler of one revision.
#[derive(Debug, Clone)]
pub struct Kpa {
    settings: Settings,
    /// Requests in flight per pod to aim at.
    target: f64,
    stable: Window,
    panic: Window,
    /// When desired pods were last twice as many as ready ones, while panicking, and the most pods since it began.
    panicking: Option<(i64, Replicas)>,
    /// Since when it has had requests, or has had none.
    active: i64,
    inactive: Option<i64>,
    /// Whether the initial scale was reached.
    initialized: bool,
    /// Ticks and what was decided at them, as far back as scale-down is delayed.
    decided: VecDeque<(i64, Replicas)>,
    /// When requests in flight were last noted, and their time integral then.
    noted: Option<(SimTime, f64)>,
}

impl Kpa {
    /// The autoscaler of a revision that has seen nothing.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            target: (settings.concurrency * UTILIZATION).max(0.01),
            stable: Window::new(STABLE_S),
            panic: Window::new(PANIC_S),
            panicking: None,
            active: i64::MIN / 2,
            inactive: None,
            initialized: settings.initial <= 1,
            decided: VecDeque::new(),
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
        let concurrency = at_full_speed.min(f64::from(pod.concurrency));
        Self::new(Settings { concurrency, bounds: (least, context.hpa.max_replicas), ..Settings::default() })
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
        let mean = |window: &Window| match self.settings.aggregation {
            Aggregation::Linear => window.average(second),
            Aggregation::WeightedExponential => window.weighted(second),
        };
        let pods = |window: &Window| (mean(window) / self.target).ceil();
        let (stable, panic) = (pods(&self.stable), pods(&self.panic));
        let over = panic / serving >= PANIC_THRESHOLD;
        let held = |pods: f64| {
            let held = pods.clamp(least, most) as Replicas;
            if pods > 0.0 { held.max(self.settings.activation) } else { held }
        };
        let (stable, urgent) = (held(stable), held(panic));
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

    /// The most that was decided within the delay of scale-down, `wanted` at `second` included.
    fn delayed(&mut self, second: i64, wanted: Replicas) -> Replicas {
        let ticks = (self.settings.down_delay.as_secs() as i64 + TICK - 1) / TICK;
        if ticks == 0 {
            return wanted;
        }
        let now = second.div_euclid(TICK);
        self.decided.push_back((now, wanted));
        while self.decided.front().is_some_and(|decided| now - decided.0 >= ticks) {
            self.decided.pop_front();
        }
        self.decided.iter().map(|decided| decided.1).fold(wanted, Replicas::max)
    }

    /// Replicas at `second`, while `current` are asked for and `ready` serve.
    fn decide(&mut self, second: i64, current: Replicas, ready: Replicas) -> Replicas {
        let wanted = self.wanted(second, ready);
        let wanted = self.delayed(second, wanted);
        self.initialized |= ready >= self.settings.initial;
        let wanted = if self.initialized { wanted } else { wanted.max(self.settings.initial) };
        if wanted > 0 {
            if self.inactive.take().is_some() {
                self.active = second;
            }
        } else if self.settings.bounds.0 == 0 {
            return self.towards_zero(second, current);
        }
        wanted.clamp(self.settings.bounds.0.max(1), self.settings.bounds.1)
    }

    /// Nothing is wanted: the last pod goes once it was active for the stable window, and idle for the grace period.
    fn towards_zero(&mut self, second: i64, current: Replicas) -> Replicas {
        match self.inactive {
            None if second - self.active < STABLE_S as i64 => 1,
            None => {
                self.inactive = Some(second);
                current
            }
            Some(since) if second - since >= self.settings.retention.max(GRACE).as_secs() as i64 => 0,
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
