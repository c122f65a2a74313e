//! `keda`: a KEDA `ScaledObject` on requests per second: its operator between zero and one, an HPA on the same metric from
//! one up.
//!
//! Source: kedacore/keda `pkg/scaling/executor/scale_scaledobjects.go` and `pkg/scaling/scale_handler.go`. Left out:
//! fallback on failing triggers (the simulated metric never fails), `idleReplicaCount`, pausing.

use std::time::Duration;

use super::{Context, HpaAutoscaler};
use crate::hpa::Spec;
use crate::hpa::spec::{Metric, Target};
use crate::sim::{Autoscaler, Knobs, Patch, View};
use crate::units::{Percent, Replicas, SimTime};

/// The metric, as the simulator serves it.
const METRIC: &str = "requests_per_second";
/// `pollingInterval` and `cooldownPeriod`.
const POLLING: Duration = Duration::from_secs(30);
const COOLDOWN: Duration = Duration::from_secs(300);

/// A `ScaledObject` and its HPA.
#[derive(Debug, Clone)]
pub struct Keda {
    hpa: HpaAutoscaler,
    /// `minReplicaCount`; 0 lets the operator take the last pod.
    least: Replicas,
    next_poll: Option<SimTime>,
    last_active: Option<SimTime>,
}

impl Keda {
    /// Aims at `threshold` requests per second and pod, with `minReplicaCount` 0 and the other fields of `[hpa]`.
    #[must_use]
    pub fn new(context: &Context<'_>, threshold: f64) -> Self {
        let target = Target::AverageValue(((threshold * 1e3).round() as i64).max(1));
        let spec = context.hpa.spec();
        let metrics = vec![Metric::External { name: METRIC.to_owned(), target }];
        let spec = Spec { min_replicas: 1, metrics, ..spec };
        let hpa = HpaAutoscaler::from_spec(spec, context.hpa.flags());
        Self { hpa, least: 0, next_poll: None, last_active: None }
    }

    /// As a baseline: the threshold is the rate at which a pod uses the HPA's target of its CPU request, at the mean CPU
    /// of a request in training time.
    #[must_use]
    pub fn baseline(context: &Context<'_>) -> Self {
        let (requests, cores) = context
            .training()
            .fold((0.0, 0.0), |(requests, cores), slot| (requests + slot.rate, cores + slot.rate * slot.cpu_s));
        let pod = context.workload.pod();
        let target = context.hpa.target_cpu.map_or(0.8, Percent::fraction);
        let rate = if cores > 0.0 { target * pod.request * requests / cores } else { 1.0 };
        Self::new(context, rate)
    }

    /// The operator: `Some` replicas when it changes them, given the metric and the replicas asked for.
    fn poll(&mut self, now: SimTime, rate: i64, replicas: Replicas) -> Option<Replicas> {
        if self.next_poll.is_some_and(|next| now < next) {
            return None;
        }
        self.next_poll = Some(now + POLLING);
        if rate > 0 {
            self.last_active = Some(now);
            return (replicas == 0).then_some(self.least.max(1));
        }
        let cool = self.last_active.is_none_or(|last| last + COOLDOWN <= now);
        (self.least == 0 && replicas > 0 && cool).then_some(0)
    }
}

impl Autoscaler for Keda {
    fn period(&self) -> Duration {
        self.hpa.period()
    }

    fn sync(&mut self, now: SimTime, view: &View<'_>) -> Option<Replicas> {
        let served = view.inputs.external_metrics.iter().find(|it| it.0 == METRIC);
        let polled = served.and_then(|(_, values)| self.poll(now, values.iter().sum(), view.inputs.spec_replicas));
        polled.or_else(|| self.hpa.sync(now, view))
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
    use crate::hpa;
    use crate::sim::{Level, Settings, Workload, run};
    use crate::trace::{Header, Series};

    fn workload(per_minute: &[f64], settings: &Settings) -> Arc<Workload> {
        let series = Series { function: "f".into(), requests: Some(per_minute.to_vec()), ..Series::default() };
        let header =
            Header { interval_ms: 60_000, origin_ms: None, source: "t".into(), licence: None, tool: "t".into() };
        Arc::new(Workload::new(&series, &header, settings).unwrap())
    }

    fn context<'a>(workload: &'a Workload, hpa: &'a hpa::Settings) -> Context<'a> {
        Context { hpa, workload, train: workload.window() }
    }

    #[test]
    fn the_operator_goes_from_zero_at_once_and_to_zero_after_the_cooldown_whatever_the_replicas() {
        let hpa = hpa::Settings::default();
        let workload = workload(&[60.0; 10], &Settings::default());
        let mut keda = Keda::new(&context(&workload, &hpa), 4.0);
        let at = SimTime::from_secs;
        assert_eq!(keda.poll(at(0), 0, 0), None, "inactive at zero: nothing to do");
        assert_eq!(keda.poll(at(15), 1, 0), None, "between polls");
        assert_eq!(keda.poll(at(30), 1, 0), Some(1), "active, however far below the threshold");
        assert_eq!(keda.poll(at(60), 90_000, 7), None, "from one up the HPA decides");
        assert_eq!(keda.poll(at(330), 0, 7), None, "270 s since it was active");
        assert_eq!(keda.poll(at(360), 0, 7), Some(0), "300 s: to zero, not to six");
    }

    #[test]
    fn a_load_gets_its_pods_from_the_rate_and_silence_ends_at_zero() {
        let mut settings = Settings { level: Level::Requests, ..Settings::default() };
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
