//! What the HPA sees: the pods in groups, and the answers of the metrics APIs.

use super::control::Signals;
use super::metrics::{Pair, Scrapes};
use super::pods::{Pod, Pods};
use super::settings::{self, MetricsPath, Signal};
use crate::hpa::Inputs;
use crate::hpa::inputs::{
    ContainerRequest, ContainerUsage, Phase, PodGroup, PodValue, ResourceSample, Selector, Status,
};
use crate::units::SimTime;

/// What the pods' container asks for, and burns while it starts.
#[derive(Debug, Clone)]
pub(super) struct Container {
    pub(super) name: String,
    pub(super) cpu: i64,
    /// In milli-bytes.
    pub(super) memory: i64,
    /// Cores used before it is ready.
    pub(super) starting: f64,
}

impl Container {
    pub(super) fn new(pod: &settings::Pod, starting: f64) -> Self {
        Self {
            name: pod.container.clone(),
            cpu: i64::from(pod.cpu_request.0),
            memory: i64::try_from(pod.memory_request.0.saturating_mul(1000)).unwrap_or(i64::MAX),
            starting,
        }
    }
}

/// One group of pods, with its sample.
#[derive(Debug, Clone, Copy)]
struct Row {
    group: PodGroup<'static>,
    sample: Option<ContainerUsage<'static>>,
    serving: bool,
    /// Whether it served at the newest scrape that can be read, so that Pods metrics have a value for it.
    metered: bool,
}

/// Buffers for the inputs of a sync, kept so that a sync allocates nothing.
#[derive(Debug, Default)]
pub(super) struct Buffers {
    rows: Vec<Row>,
    usages: Vec<ContainerUsage<'static>>,
    groups: Vec<PodGroup<'static>>,
    samples: Vec<ResourceSample<'static>>,
    rates: Vec<PodValue>,
    in_flight: Vec<PodValue>,
    pods_metrics: Vec<(&'static str, &'static [PodValue])>,
    object_metrics: Vec<(&'static str, i64)>,
    external_metrics: Vec<(&'static str, &'static [i64])>,
}

/// The names under which metrics of the workload are served.
#[derive(Debug, Clone)]
pub(super) struct Served(Vec<(String, Signal)>);

impl Served {
    pub(super) fn new(metrics: &MetricsPath) -> Self {
        let own = metrics.names.iter().map(|(name, signal)| (name.clone(), *signal));
        let known = Signal::KNOWN.into_iter().filter(|(name, _)| !metrics.names.contains_key(*name));
        let all = own.chain(known.map(|(name, signal)| (name.to_owned(), signal)));
        Self(all.filter(|(_, signal)| *signal != Signal::Nothing).collect())
    }
}

/// An empty vector in the memory of another, whose elements may borrow for less long.
fn emptied<A, B>(mut vector: Vec<A>) -> Vec<B> {
    vector.clear();
    vector.into_iter().map(|_| unreachable!("it was cleared")).collect()
}

/// The API server keeps whole seconds.
fn whole_seconds(at: SimTime) -> SimTime {
    SimTime(at.0.div_euclid(1_000_000) * 1_000_000)
}

/// Thousandths, rounded up as a quantity is, but for what rounding of sums adds.
fn milli(value: f64) -> i64 {
    (value * 1e3 - 1e-6).ceil() as i64
}

fn group(count: u32) -> PodGroup<'static> {
    PodGroup {
        count,
        phase: Phase::Running,
        start: None,
        ready: None,
        deleted: false,
        containers: &[],
        sidecars: &[],
        pod_requests: None,
    }
}

impl Buffers {
    /// Mean CPU of the pods that serve, as a ratio to their request, over those that have a sample.
    pub(super) fn utilization(&self, request: i64) -> Option<f64> {
        let sampled = self.rows.iter().filter(|row| row.serving);
        let (sum, count) = sampled
            .filter_map(|row| Some((row.sample?.cpu?, row.group.count)))
            .fold((0.0, 0.0), |(sum, count), (cpu, pods)| {
                (sum + cpu as f64 * f64::from(pods), count + f64::from(pods))
            });
        (count > 0.0 && request > 0).then(|| sum / count / request as f64)
    }

    /// Looks at the pods and the newest scrape that can be read at `now`.
    pub(super) fn look(&mut self, now: SimTime, pods: &Pods, scrapes: &Scrapes, container: &Container) {
        self.rows.clear();
        let pair = scrapes.visible(now);
        if pods.mature > 0 {
            self.add_mature(now, pods.mature, pair.as_ref(), scrapes);
        }
        for pod in &pods.young {
            self.rows.push(young(now, pod, pair.as_ref(), scrapes, container.starting));
        }
        if pods.pending() > 0 {
            let waiting = PodGroup { phase: Phase::Pending, ..group(pods.pending()) };
            self.rows.push(Row { group: waiting, sample: None, serving: false, metered: false });
        }
        let leaving = pods.leaving();
        if leaving > 0 {
            let leaving = PodGroup { deleted: true, ready: Some((Status::True, SimTime::ZERO)), ..group(leaving) };
            self.rows.push(Row { group: leaving, sample: None, serving: false, metered: false });
        }
    }

    /// Pods ready for long. When exactly does not matter any more; an hour ago is before any of the HPA's periods.
    fn add_mature(&mut self, now: SimTime, count: u32, pair: Option<&Pair>, scrapes: &Scrapes) {
        let then = whole_seconds(SimTime(now.0 - 86_400_000_000));
        let alike = |count| PodGroup { start: Some(then), ready: Some((Status::True, then)), ..group(count) };
        let sample = pair.map(|pair| usage(pair.cores(), pair.last.memory));
        let missing = pair.map_or(count, |pair| scrapes.missing_of(pair.last.number, count));
        if missing < count {
            self.rows.push(Row { group: alike(count - missing), sample, serving: true, metered: true });
        }
        if missing > 0 {
            self.rows.push(Row { group: alike(missing), sample: None, serving: true, metered: true });
        }
    }

    /// The inputs of a sync at which `replicas` are asked for, handed to `sync`.
    pub(super) fn with<T>(
        &mut self,
        now: SimTime,
        replicas: (i32, i32),
        scrapes: &Scrapes,
        (container, served): (&Container, &Served),
        sync: impl FnOnce(Inputs<'_>, Option<Signals>) -> T,
    ) -> T {
        let requests =
            [ContainerRequest { name: &container.name, cpu: Some(container.cpu), memory: Some(container.memory) }];
        let pair = scrapes.visible(now);
        let mut groups: Vec<PodGroup<'_>> = std::mem::take(&mut self.groups);
        let mut usages: Vec<ContainerUsage<'_>> = std::mem::take(&mut self.usages);
        let mut samples: Vec<ResourceSample<'_>> = std::mem::take(&mut self.samples);
        for row in &self.rows {
            groups.push(PodGroup { containers: &requests, ..row.group });
            usages.extend(row.sample.map(|sample| ContainerUsage { name: &container.name, ..sample }));
        }
        let mut next = 0;
        if let Some(pair) = &pair {
            let (timestamp, window) = (whole_seconds(pair.last.at), pair.window());
            for (at, row) in self.rows.iter().enumerate().filter(|it| it.1.sample.is_some()) {
                let containers = &usages[next..=next];
                samples.push(ResourceSample { group: Some(at), count: row.group.count, timestamp, window, containers });
                next += 1;
            }
        }
        let totals = self.values(pair.as_ref());
        let mut pods_metrics: Vec<(&str, &[PodValue])> = std::mem::take(&mut self.pods_metrics);
        let mut object_metrics: Vec<(&str, i64)> = std::mem::take(&mut self.object_metrics);
        let mut external_metrics: Vec<(&str, &[i64])> = std::mem::take(&mut self.external_metrics);
        for (name, signal) in &served.0 {
            let (per_pod, total) = match (signal, &totals) {
                (Signal::RequestsPerSecond, Some(totals)) => (&self.rates, &totals[..1]),
                (Signal::InFlight, Some(totals)) => (&self.in_flight, &totals[1..]),
                (Signal::Nothing, _) | (_, None) => continue,
            };
            pods_metrics.push((name, per_pod));
            object_metrics.extend(total.iter().map(|total| (name.as_str(), *total)));
            external_metrics.push((name, total));
        }
        let inputs = Inputs {
            spec_replicas: replicas.0,
            status_replicas: replicas.1,
            selector: Selector::Matches,
            pods: &groups,
            resource_metrics: Some(&samples),
            pods_metrics: &pods_metrics,
            object_metrics: &object_metrics,
            external_metrics: &external_metrics,
            scale_update_error: false,
        };
        let signals = totals.map(|[requests_per_second, in_flight]| Signals { requests_per_second, in_flight });
        let result = sync(inputs, signals);
        self.pods_metrics = emptied(pods_metrics);
        self.object_metrics = emptied(object_metrics);
        self.external_metrics = emptied(external_metrics);
        self.samples = emptied(samples);
        self.groups = emptied(groups);
        self.usages = emptied(usages);
        result
    }

    /// Fills the Pods metrics, and returns the sums over all pods, in thousandths; `None` before the first two scrapes.
    fn values(&mut self, pair: Option<&Pair>) -> Option<[i64; 2]> {
        self.rates.clear();
        self.in_flight.clear();
        let pair = pair?;
        let (rate, rate_per_pod) = pair.requests_per_second();
        for (at, row) in self.rows.iter().enumerate().filter(|it| it.1.metered) {
            let value = |value| PodValue { group: Some(at), count: row.group.count, value: milli(value) };
            self.rates.push(value(rate_per_pod));
            self.in_flight.push(value(pair.last.in_flight_per_pod));
        }
        Some([milli(rate), milli(pair.last.in_flight)])
    }
}

/// Usage of a container; its name is filled in later.
fn usage(cores: f64, memory: f64) -> ContainerUsage<'static> {
    ContainerUsage { name: "", cpu: Some(milli(cores)), memory: Some((memory * 1e3) as i64) }
}

fn young(now: SimTime, pod: &Pod, pair: Option<&Pair>, scrapes: &Scrapes, starting: f64) -> Row {
    let ready = if pod.serving {
        (Status::True, whole_seconds(pod.ready))
    } else {
        (Status::False, whole_seconds(pod.unready))
    };
    let phase = if pod.running <= now || pod.restarted() { Phase::Running } else { Phase::Pending };
    let seen = pair.filter(|pair| !scrapes.misses(pair.last.number, pod.sampled));
    let sample = seen.and_then(|pair| {
        let memory = if pod.serving { pair.last.memory } else { pair.last.memory_idle };
        pair.cores_of(pod, starting, scrapes).map(|cores| usage(cores, memory))
    });
    let start = Some(whole_seconds(pod.created));
    let metered = pod.serving && pair.is_some_and(|pair| pod.ready <= pair.last.at);
    Row { group: PodGroup { phase, start, ready: Some(ready), ..group(1) }, sample, serving: pod.serving, metered }
}
