//! `keda`: a KEDA `ScaledObject` on requests per second: its operator between zero and one, an HPA on the same metric from
//! one up.
//!
//! Source: kedacore/keda `pkg/scaling/executor/scale_scaledobjects.go`, `pkg/scaling/scale_handler.go` and `pkg/fallback`.
//! Left out: several triggers and `scalingModifiers`, targets other than `AverageValue`, cached metrics, pausing.

use std::time::Duration;

use super::{Context, HpaAutoscaler};
use crate::hpa::spec::{Metric, Target};
use crate::hpa::{self, Inputs, Spec};
use crate::sim::{Autoscaler, Knobs, Patch, View};
use crate::units::{Percent, Replicas, SimTime};

/// The metric's name between KEDA and its HPA. KEDA's metrics server serves it, whatever `[metrics] names` says.
const METRIC: &str = "requests_per_second";

/// What a `ScaledObject` with one trigger decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// `threshold`: requests per second and pod to aim at, in thousandths.
    pub threshold: i64,
    /// `activationThreshold`: the trigger is active above so many requests per second, in thousandths.
    pub activation: i64,
    /// `minReplicaCount` and `maxReplicaCount`; a lower bound of 0 lets the operator take the last pod.
    pub bounds: (Replicas, Replicas),
    /// Whether `idleReplicaCount` is 0, the only value that KEDA supports: none while inactive, `minReplicaCount` else.
    pub idle: bool,
    /// `pollingInterval`.
    pub polling: Duration,
    /// `cooldownPeriod` since the trigger was active.
    pub cooldown: Duration,
    /// `initialCooldownPeriod` since creation, while the trigger never was active.
    pub initial_cooldown: Duration,
    /// `fallback`, when the metric fails.
    pub fallback: Option<Fallback>,
}

impl Default for Settings {
    /// KEDA's defaults, with one request per second and pod as the threshold, which KEDA has no default for.
    fn default() -> Self {
        Self {
            threshold: 1000,
            activation: 0,
            bounds: (0, 100),
            idle: false,
            polling: Duration::from_secs(30),
            cooldown: Duration::from_secs(300),
            initial_cooldown: Duration::ZERO,
            fallback: None,
        }
    }
}

/// What stands in for a metric that fails more than so many times in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fallback {
    /// `failureThreshold`.
    pub failures: u32,
    /// `replicas`.
    pub replicas: Replicas,
    /// `behavior`.
    pub behavior: Behavior,
}

/// `fallback.behavior`: which replicas the stand-in asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Behavior {
    /// `static`: those of the fallback.
    Static,
    /// `currentReplicas`.
    Current,
    /// `currentReplicasIfHigher`.
    CurrentIfHigher,
    /// `currentReplicasIfLower`.
    CurrentIfLower,
}

impl Fallback {
    fn replicas(&self, current: Replicas) -> Replicas {
        match self.behavior {
            Behavior::Static => self.replicas,
            Behavior::Current => current,
            Behavior::CurrentIfHigher => self.replicas.max(current),
            Behavior::CurrentIfLower => self.replicas.min(current),
        }
    }
}

/// A `ScaledObject` and its HPA.
#[derive(Debug, Clone)]
pub struct Keda {
    settings: Settings,
    hpa: HpaAutoscaler,
    next_poll: Option<SimTime>,
    created: Option<SimTime>,
    last_active: Option<SimTime>,
    /// Failures of the metric in a row.
    failed: u32,
}

impl Keda {
    /// A `ScaledObject` whose HPA has the `behavior` of `[hpa]` and runs in its controller.
    #[must_use]
    pub fn new(settings: Settings, hpa: &hpa::Settings) -> Self {
        let target = Target::AverageValue(settings.threshold.max(1));
        let metrics = vec![Metric::External { name: METRIC.to_owned(), target }];
        let (min_replicas, max_replicas) = (settings.bounds.0.max(1), settings.bounds.1);
        let spec = Spec { min_replicas, max_replicas, metrics, ..hpa.spec() };
        let hpa = HpaAutoscaler::from_spec(spec, hpa.flags());
        Self { settings, hpa, next_poll: None, created: None, last_active: None, failed: 0 }
    }

    /// As a baseline: down to zero pods, up to the upper bound of `[hpa]`. The threshold is the rate at which a pod uses
    /// the HPA's target of its CPU request, at the mean CPU of a request in training time.
    #[must_use]
    pub fn baseline(context: &Context<'_>) -> Self {
        let (requests, cores) = context
            .training()
            .fold((0.0, 0.0), |(requests, cores), slot| (requests + slot.rate, cores + slot.rate * slot.cpu_s));
        let pod = context.workload.pod();
        let target = context.hpa.target_cpu.map_or(0.8, Percent::fraction);
        let rate = if cores > 0.0 { target * pod.request * requests / cores } else { 1.0 };
        let threshold = (rate * 1e3).round() as i64;
        let bounds = (0, context.hpa.max_replicas);
        Self::new(Settings { threshold, bounds, ..Settings::default() }, context.hpa)
    }

    /// The operator: `Some` replicas when it changes them, given the metric, `None` where it fails, and the replicas
    /// asked for.
    fn poll(&mut self, now: SimTime, rate: Option<i64>, replicas: Replicas) -> Option<Replicas> {
        if self.next_poll.is_some_and(|next| now < next) {
            return None;
        }
        self.next_poll = Some(now + self.settings.polling);
        let created = *self.created.get_or_insert(now);
        let (least, rate) = (self.settings.bounds.0, rate?);
        if rate > self.settings.activation {
            self.last_active = Some(now);
            let asleep = replicas == 0 || (self.settings.idle && replicas < least);
            return asleep.then_some(least.max(1));
        }
        if replicas > 0 && (self.settings.idle || least == 0) {
            let cool = match self.last_active {
                Some(active) => active + self.settings.cooldown <= now,
                None => created + self.settings.initial_cooldown <= now,
            };
            return cool.then_some(0);
        }
        (!self.settings.idle && replicas < least).then_some(least)
    }

    /// What the HPA is told the metric is: the metric, or its stand-in.
    fn served(&mut self, rate: Option<i64>, replicas: Replicas) -> Option<i64> {
        self.failed = if rate.is_some() { 0 } else { self.failed.saturating_add(1) };
        let fallback = self.settings.fallback.filter(|fallback| self.failed > fallback.failures);
        rate.or_else(|| Some(i64::from(fallback?.replicas(replicas)).saturating_mul(self.settings.threshold)))
    }
}

impl Autoscaler for Keda {
    fn period(&self) -> Duration {
        self.hpa.period()
    }

    fn sync(&mut self, now: SimTime, view: &View<'_>) -> Option<Replicas> {
        let replicas = view.inputs.spec_replicas;
        let rate = view.signals.map(|signals| signals.requests_per_second);
        let polled = self.poll(now, rate, replicas);
        let values = self.served(rate, replicas).map(|value| [value]);
        let served = values.as_ref().map(|values| (METRIC, values.as_slice()));
        let inputs = Inputs { external_metrics: served.as_slice(), ..view.inputs };
        polled.or_else(|| self.hpa.sync(now, &View { inputs, ..*view }))
    }

    fn patch(&mut self, patch: &Patch) {
        self.hpa.patch(patch);
    }

    fn knobs(&self) -> Option<Knobs> {
        self.hpa.knobs()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::sim::settings::Signal;
    use crate::sim::{self, Level, Workload, run};
    use crate::trace::{Header, Series};

    fn workload(per_minute: &[f64], settings: &sim::Settings) -> Arc<Workload> {
        let series = Series { function: "f".into(), requests: Some(per_minute.to_vec()), ..Series::default() };
        let header =
            Header { interval_ms: 60_000, origin_ms: None, source: "t".into(), licence: None, tool: "t".into() };
        Arc::new(Workload::new(&series, &header, settings).unwrap())
    }

    fn context<'a>(workload: &'a Workload, hpa: &'a hpa::Settings) -> Context<'a> {
        Context { hpa, workload, train: workload.window() }
    }

    fn keda(settings: Settings) -> Keda {
        Keda::new(settings, &hpa::Settings::default())
    }

    fn at(seconds: i64) -> SimTime {
        SimTime::from_secs(seconds)
    }

    #[test]
    fn the_operator_goes_from_zero_at_once_and_to_zero_after_the_cooldown_whatever_the_replicas() {
        let mut keda = keda(Settings::default());
        assert_eq!(keda.poll(at(0), Some(0), 0), None, "inactive at zero: nothing to do");
        assert_eq!(keda.poll(at(15), Some(1), 0), None, "between polls");
        assert_eq!(keda.poll(at(30), Some(1), 0), Some(1), "active, however far below the threshold");
        assert_eq!(keda.poll(at(60), Some(90_000), 7), None, "from one up the HPA decides");
        assert_eq!(keda.poll(at(330), Some(0), 7), None, "270 s since it was active");
        assert_eq!(keda.poll(at(360), Some(0), 7), Some(0), "300 s: to zero, not to six");
    }

    #[test]
    fn a_trigger_is_active_above_its_activation_threshold_only() {
        let mut keda = keda(Settings { activation: 5000, ..Settings::default() });
        assert_eq!(keda.poll(at(0), Some(5000), 0), None, "5 requests a second are not above 5");
        assert_eq!(keda.poll(at(30), Some(5001), 0), Some(1));
        assert_eq!(keda.poll(at(330), Some(5000), 3), Some(0), "300 s at 5: inactive, though there are requests");
    }

    #[test]
    fn while_it_never_was_active_the_initial_cooldown_counts() {
        let mut fresh = keda(Settings::default());
        assert_eq!(fresh.poll(at(0), Some(0), 4), Some(0), "by default at once");
        let mut keda = keda(Settings { initial_cooldown: Duration::from_secs(120), ..Settings::default() });
        assert_eq!(keda.poll(at(0), Some(0), 4), None);
        assert_eq!(keda.poll(at(90), Some(0), 4), None);
        assert_eq!(keda.poll(at(120), Some(0), 4), Some(0));
    }

    #[test]
    fn with_an_idle_count_there_are_none_or_at_least_the_lower_bound() {
        let mut keda = keda(Settings { bounds: (3, 10), idle: true, ..Settings::default() });
        assert_eq!(keda.poll(at(0), Some(1), 0), Some(3), "active: to minReplicaCount");
        assert_eq!(keda.poll(at(30), Some(0), 5), None, "inactive for 30 s");
        assert_eq!(keda.poll(at(300), Some(0), 5), Some(0), "and for 300 s");
        assert_eq!(keda.poll(at(330), Some(0), 0), None);
    }

    #[test]
    fn without_an_idle_count_the_lower_bound_holds_while_inactive() {
        let mut keda = keda(Settings { bounds: (3, 10), ..Settings::default() });
        assert_eq!(keda.poll(at(0), Some(0), 1), Some(3));
        assert_eq!(keda.poll(at(900), Some(0), 3), None, "the operator never goes below it");
    }

    #[test]
    fn a_failing_trigger_changes_nothing_until_its_fallback_stands_in() {
        let mut plain = keda(Settings::default());
        assert_eq!(plain.poll(at(900), None, 4), None, "not to zero while nobody knows");
        assert_eq!((plain.served(None, 4), plain.served(Some(7), 4)), (None, Some(7)));
        for (behavior, of_four, of_nine) in [
            (Behavior::Static, 6, 6),
            (Behavior::Current, 4, 9),
            (Behavior::CurrentIfHigher, 6, 9),
            (Behavior::CurrentIfLower, 4, 6),
        ] {
            let fallback = Some(Fallback { failures: 2, replicas: 6, behavior });
            let mut keda = keda(Settings { threshold: 250, fallback, ..Settings::default() });
            assert_eq!((keda.served(None, 4), keda.served(None, 4)), (None, None), "two failures are borne");
            assert_eq!(keda.served(None, 4), Some(250 * of_four), "the target times the replicas");
            assert_eq!(keda.served(None, 9), Some(250 * of_nine));
            assert_eq!((keda.served(Some(1), 4), keda.served(None, 4)), (Some(1), None), "a success starts anew");
        }
    }

    #[test]
    fn its_metric_does_not_depend_on_the_names_that_manifests_use() {
        let settings = sim::Settings::default();
        let mut hidden = settings.clone();
        hidden.metrics.names.insert(METRIC.to_owned(), Signal::Nothing);
        let mut counts = vec![960.0; 20];
        counts.extend([4800.0; 20]);
        let workload = workload(&counts, &settings);
        let hpa = hpa::Settings::default();
        let rows = |settings: &sim::Settings| {
            let keda = Keda::baseline(&context(&workload, &hpa));
            let rows = run(&workload, settings, Box::new(keda), None, 1, workload.window(), true).timeline;
            rows.iter().map(|row| row.replicas as i32).collect::<Vec<_>>()
        };
        let shown = rows(&settings);
        assert!(shown.iter().max() > Some(&5), "it scales on the rate");
        assert_eq!(rows(&hidden), shown);
    }

    #[test]
    fn a_load_gets_its_pods_from_the_rate_and_silence_ends_at_zero() {
        let mut settings = sim::Settings { level: Level::Requests, ..sim::Settings::default() };
        settings.pod.replicas = Some(1);
        // 16 requests a second of 100 ms on pods of 500m at 80 %: 4 a second and pod.
        let mut counts = vec![960.0; 30];
        counts.extend([0.0; 20]);
        let workload = workload(&counts, &settings);
        let hpa = hpa::Settings::default();
        let keda = Keda::baseline(&context(&workload, &hpa));
        let run = run(&workload, &settings, Box::new(keda), None, 1, workload.window(), true);
        let replicas = |minute: f64| {
            let row = run.timeline.iter().rfind(|row| row.t <= 60.0 * minute).expect("there are rows");
            row.replicas as i32
        };
        assert!((4..=5).contains(&replicas(25.0)), "{}", replicas(25.0));
        assert_eq!((replicas(33.0) > 0, replicas(49.0)), (true, 0));
        assert!(run.books.is_some_and(|books| books.agree()));
    }
}
