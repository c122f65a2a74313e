//! Replays a record: builds the controller's inputs, syncs, and compares every field that the vectors pin down.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use hpatune::hpa::conditions::Condition;
use hpatune::hpa::decision::{HpaStatus, Reading};
use hpatune::hpa::events::{EventLog, ScaleEvent};
use hpatune::hpa::inputs::{
    ContainerRequest, ContainerUsage, Inputs, Phase, PodGroup, PodValue, ResourceSample, Selector, Status,
};
use hpatune::hpa::spec::{Metric, Target};
use hpatune::hpa::stabilize::Recommendation;
use hpatune::hpa::{Decision, Flags, Hpa, Memory, Spec};
use hpatune::units::SimTime;

use super::record::{self, Container, CurrentMetric, Event, Expected, Record, Step};
use super::selector;

pub(crate) fn time(secs: f64) -> SimTime {
    SimTime((secs * 1e6).round() as i64)
}

pub(crate) fn span(secs: f64) -> Duration {
    Duration::from_micros((secs * 1e6).round() as u64)
}

/// Whether pods that are alike enter as one group.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Grouping {
    Single,
    Merged,
}

/// How many reconciles the record has, and what differed.
pub(crate) fn replay(record: &Record<'_>, grouping: Grouping) -> (usize, Vec<String>) {
    let mut hpa = Hpa::restore(record.hpa.spec(), flags(record), memory(record), status(record));
    let mut differences = Vec::new();
    for (index, step) in record.steps.iter().enumerate() {
        if let Some(spec) = &step.hpa_spec {
            hpa.set_spec(spec.spec());
        }
        let sight = Sight::of(step, &record.containers, grouping);
        let decision = sight.inputs(step, |inputs| hpa.sync(time(step.now), inputs).clone());
        let found = compare(&step.expected, &decision, hpa.spec(), step.status_replicas);
        if !found.is_empty() {
            let mut text = format!("{} step {index} at {} s\n", record.id, step.now);
            for line in found {
                writeln!(text, "    {line}").unwrap();
            }
            writeln!(text, "    spec: {:?}\n    decision: {decision:?}", hpa.spec()).unwrap();
            differences.push(text);
        }
    }
    (record.steps.len(), differences)
}

fn flags(record: &Record<'_>) -> Flags {
    Flags {
        tolerance: record.flags.tolerance,
        downscale_stabilization: span(record.flags.downscale_stabilization),
        cpu_initialization_period: span(record.flags.cpu_initialization_period),
        initial_readiness_delay: span(record.flags.initial_readiness_delay),
        configurable_tolerance: record.feature_gates.configurable_tolerance,
        scale_to_zero: record.feature_gates.scale_to_zero,
        ..Flags::default()
    }
}

pub(crate) fn events(events: &[Event]) -> Vec<ScaleEvent> {
    let event = |e: &Event| ScaleEvent { at: time(e.time), change: e.change, outdated: e.outdated };
    events.iter().map(event).collect()
}

pub(crate) fn recommendations(list: &[record::Recommended]) -> Vec<Recommendation> {
    list.iter().map(|entry| Recommendation { at: time(entry.time), replicas: entry.replicas }).collect()
}

fn memory(record: &Record<'_>) -> Memory {
    let Some(initial) = &record.initial else { return Memory::default() };
    Memory {
        history: initial.recommendations.as_deref().map(recommendations),
        events: EventLog { ups: events(&initial.scale_up_events), downs: events(&initial.scale_down_events) },
    }
}

fn status(record: &Record<'_>) -> HpaStatus {
    let Some(initial) = &record.initial else { return HpaStatus::default() };
    let condition = |[kind, status, reason]: &[String; 3]| Condition {
        kind: kind.parse().expect("a known condition type"),
        status: condition_status(status),
        reason: reason.parse().expect("a known reason"),
    };
    HpaStatus {
        current_replicas: initial.current_replicas,
        desired_replicas: initial.desired_replicas,
        last_scale_time: initial.last_scale_time.map(time),
        conditions: initial.conditions.iter().map(condition).collect(),
    }
}

fn condition_status(text: &str) -> Status {
    match text {
        "True" => Status::True,
        "False" => Status::False,
        _ => Status::Unknown,
    }
}

fn phase(text: &str) -> Phase {
    match text {
        "Pending" => Phase::Pending,
        "Running" => Phase::Running,
        "Succeeded" => Phase::Succeeded,
        "Failed" => Phase::Failed,
        _ => Phase::Unknown,
    }
}

fn requests<'a>(containers: &'a [Container<'_>]) -> Vec<ContainerRequest<'a>> {
    containers.iter().map(request).collect()
}

fn request<'a>(container: &'a Container<'_>) -> ContainerRequest<'a> {
    let memory = container.memory.map(|bytes| bytes * 1000);
    ContainerRequest { name: &container.name, cpu: container.cpu, memory }
}

/// One pod, or several that are alike, with their samples.
struct Group<'a> {
    count: u32,
    pod: &'a record::Pod<'a>,
    containers: Vec<ContainerRequest<'a>>,
    sidecars: Vec<ContainerRequest<'a>>,
    sample: Option<&'a record::PodMetrics<'a>>,
    values: Vec<(&'a str, i64)>,
}

/// What the controller sees at a step, owned.
struct Sight<'a> {
    groups: Vec<Group<'a>>,
    strangers: Vec<&'a record::PodMetrics<'a>>,
    stranger_values: Vec<(&'a str, i64)>,
}

impl<'a> Sight<'a> {
    fn of(step: &'a Step<'a>, defaults: &'a [Container<'a>], grouping: Grouping) -> Self {
        let samples: BTreeMap<&str, _> =
            step.pod_metrics.iter().flatten().map(|sample| (&*sample.pod, sample)).collect();
        let values: BTreeMap<(&str, &str), i64> = step
            .pods_metrics
            .iter()
            .flat_map(|(name, list)| list.iter().map(|entry| ((&*entry.pod, &**name), entry.value)))
            .collect();
        let mut sight = Self { groups: Vec::new(), strangers: Vec::new(), stranger_values: Vec::new() };
        let mut known: BTreeMap<String, usize> = BTreeMap::new();
        for pod in &step.pods {
            let group = Group {
                count: 1,
                pod,
                containers: requests(pod.containers.as_deref().unwrap_or(defaults)),
                sidecars: requests(&pod.sidecars),
                sample: samples.get(&*pod.name).copied(),
                values: step
                    .pods_metrics
                    .keys()
                    .filter_map(|name| Some((&**name, *values.get(&(&*pod.name, name))?)))
                    .collect(),
            };
            match known.get(&group.looks()) {
                Some(&index) if grouping == Grouping::Merged => sight.groups[index].count += 1,
                _ => {
                    known.insert(group.looks(), sight.groups.len());
                    sight.groups.push(group);
                }
            }
        }
        let listed = |name: &str| step.pods.iter().any(|pod| pod.name == name);
        sight.strangers = samples.values().copied().filter(|sample| !listed(&sample.pod)).collect();
        sight.stranger_values =
            values.iter().filter(|((pod, _), _)| !listed(pod)).map(|((_, name), value)| (*name, *value)).collect();
        sight
    }

    fn inputs<T>(&self, step: &Step<'_>, look: impl FnOnce(&Inputs<'_>) -> T) -> T {
        let pods: Vec<PodGroup<'_>> = self.groups.iter().map(Group::pod).collect();
        let listed = self.groups.iter().enumerate();
        let sampled: Vec<_> = listed
            .clone()
            .filter_map(|(index, group)| Some((Some(index), group.count, group.sample?)))
            .chain(self.strangers.iter().map(|sample| (None, 1, *sample)))
            .collect();
        let usage: Vec<Vec<ContainerUsage<'_>>> =
            sampled.iter().map(|(.., sample)| sample.containers.iter().map(container_usage).collect()).collect();
        let resource: Vec<ResourceSample<'_>> = sampled
            .iter()
            .zip(&usage)
            .map(|((group, count, sample), containers)| ResourceSample {
                group: *group,
                count: *count,
                timestamp: time(sample.timestamp),
                window: span(sample.window),
                containers,
            })
            .collect();
        let of_pods: Vec<(&str, Vec<PodValue>)> =
            step.pods_metrics.keys().map(|name| (&**name, self.pod_values(name))).collect();
        let pods_metrics: Vec<(&str, &[PodValue])> = of_pods.iter().map(|(name, list)| (*name, &**list)).collect();
        let object_metrics: Vec<(&str, i64)> =
            step.object_metrics.iter().map(|(name, value)| (&**name, *value)).collect();
        let external_metrics: Vec<(&str, &[i64])> =
            step.external_metrics.iter().map(|(name, list)| (&**name, &**list)).collect();
        look(&Inputs {
            spec_replicas: step.spec_replicas,
            status_replicas: step.status_replicas,
            selector: scale_selector(step.selector.as_deref()),
            pods: &pods,
            resource_metrics: step.pod_metrics.as_ref().map(|_| &*resource),
            pods_metrics: &pods_metrics,
            object_metrics: &object_metrics,
            external_metrics: &external_metrics,
            scale_update_error: step.scale_update_error,
        })
    }

    fn pod_values(&self, name: &str) -> Vec<PodValue> {
        let of = |values: &[(&str, i64)]| values.iter().find(|(key, _)| *key == name).map(|(_, value)| *value);
        let listed = self.groups.iter().enumerate();
        let listed = listed.filter_map(|(index, group)| {
            Some(PodValue { group: Some(index), count: group.count, value: of(&group.values)? })
        });
        let strangers = self.stranger_values.iter().filter(|(key, _)| *key == name);
        listed.chain(strangers.map(|(_, value)| PodValue { group: None, count: 1, value: *value })).collect()
    }
}

fn container_usage<'a>(container: &'a Container<'_>) -> ContainerUsage<'a> {
    let memory = container.memory.map(|bytes| bytes * 1000);
    ContainerUsage { name: &container.name, cpu: container.cpu, memory }
}

fn scale_selector(text: Option<&str>) -> Selector {
    match text {
        None => Selector::Matches,
        Some(text) if !text.is_empty() && selector::parses(text) => Selector::Matches,
        Some(_) => Selector::Invalid,
    }
}

impl Group<'_> {
    fn pod(&self) -> PodGroup<'_> {
        let pod = self.pod;
        let transition = time(pod.ready_transition.unwrap_or(0.0));
        PodGroup {
            count: self.count,
            phase: phase(&pod.phase),
            start: pod.start.map(time),
            ready: pod.ready.as_deref().map(|status| (condition_status(status), transition)),
            deleted: pod.deletion.is_some(),
            containers: &self.containers,
            sidecars: &self.sidecars,
            pod_requests: pod.pod_requests.as_ref().map(request),
        }
    }

    /// Everything by which the controller can tell pods apart.
    fn looks(&self) -> String {
        let sample = self.sample.map(|sample| {
            let containers: Vec<_> = sample.containers.iter().map(container_usage).collect();
            (time(sample.timestamp), span(sample.window), containers)
        });
        format!("{:?}{:?}{:?}", self.pod(), sample, self.values)
    }
}

/// One line for each field that differs.
fn compare(expected: &Expected, decision: &Decision, spec: &Spec, status_replicas: i32) -> Vec<String> {
    let mut lines = Vec::new();
    let mut check = |field: &str, expected: String, found: String| {
        if expected != found {
            lines.push(format!("{field}: expected {expected}, found {found}"));
        }
    };
    let status = &decision.status;
    check("scaleTo", format!("{:?}", expected.scale_to), format!("{:?}", decision.scale_to));
    check("desiredReplicas", expected.desired_replicas.to_string(), status.desired_replicas.to_string());
    check("currentReplicas", expected.current_replicas.to_string(), status.current_replicas.to_string());
    let last = expected.last_scale_time.map(time);
    check("lastScaleTime", format!("{last:?}"), format!("{:?}", status.last_scale_time));
    let conditions: Vec<[String; 3]> = status
        .conditions
        .iter()
        .map(|condition| [condition.kind.to_string(), format!("{:?}", condition.status), condition.reason.to_string()])
        .collect();
    check("conditions", format!("{:?}", expected.conditions), format!("{conditions:?}"));
    let evaluated = !decision.metrics.is_empty();
    let proposals: Option<Vec<_>> =
        evaluated.then(|| decision.metrics.iter().map(|metric| metric.proposal.ok()).collect());
    check("proposals", format!("{:?}", expected.proposals), format!("{proposals:?}"));
    let found: Option<Vec<_>> =
        evaluated.then(|| decision.metrics.iter().map(|metric| metric.reading.map(current_metric)).collect());
    let (wanted, found) = comparable_metrics(expected.current_metrics.clone(), found, spec, status_replicas);
    check("currentMetrics", format!("{wanted:?}"), format!("{found:?}"));
    check("recommendation", format!("{:?}", expected.recommendation), format!("{:?}", decision.recommendation));
    check("error", expected.error.to_string(), decision.error.is_some().to_string());
    let reason = decision.reason(spec);
    check("reason", format!("{:?}", expected.reason.as_deref().map(plain_reason)), format!("{reason:?}"));
    lines
}

type CurrentMetrics = Option<Vec<Option<CurrentMetric>>>;

fn current_metric(reading: Reading) -> CurrentMetric {
    let Reading { average_utilization, average_value, value } = reading;
    CurrentMetric { average_utilization, average_value, value }
}

/// With no replicas in the status, upstream divides by zero for the value per pod of Object and External metrics, and
/// what it reports differs between CPUs.
fn comparable_metrics(
    mut expected: CurrentMetrics,
    mut found: CurrentMetrics,
    spec: &Spec,
    status_replicas: i32,
) -> (CurrentMetrics, CurrentMetrics) {
    for (index, metric) in spec.metrics.iter().enumerate().filter(|_| status_replicas == 0) {
        let per_pod = matches!(
            metric,
            Metric::Object { target: Target::AverageValue(_), .. }
                | Metric::External { target: Target::AverageValue(_), .. }
        );
        for list in [expected.as_mut(), found.as_mut()].into_iter().flatten().filter(|_| per_pod) {
            if let Some(Some(metric)) = list.get_mut(index) {
                metric.average_value = None;
            }
        }
    }
    (expected, found)
}

/// Without the selector that upstream prints behind an External metric's name.
fn plain_reason(reason: &str) -> String {
    let cut = reason.strip_prefix("external metric ").and_then(|rest| rest.split_once('('));
    match cut {
        Some((name, _)) => format!("external metric {name} above target"),
        None => reason.to_owned(),
    }
}
