//! Each kind of metric, from the APIs' answers to a proposal.

use std::time::Duration;

use super::decision::{MetricError, MetricOutcome, PodCounts};
use super::inputs::{ContainerUsage, Inputs, Phase, ResourceSample, Status};
use super::replicas::{self, Proposal, Tolerance};
use super::spec::{Flags, Metric, Resource, Target};
use super::tally::{Requests, Rules, Sample, Scratch, Tally};
use crate::units::SimTime;

/// What the metrics of one sync are evaluated on.
#[derive(Debug)]
pub struct Evaluation<'a> {
    /// Time of the sync.
    pub now: SimTime,
    /// What the controller sees.
    pub inputs: &'a Inputs<'a>,
    /// The controller's flags.
    pub flags: &'a Flags,
    /// The tolerances in force.
    pub tolerance: Tolerance,
    /// Room to work in, kept between syncs.
    pub scratch: &'a mut Scratch,
}

impl Evaluation<'_> {
    /// The outcome of one metric.
    pub fn of(&mut self, metric: &Metric) -> MetricOutcome {
        let mut tally = Tally::default();
        let result = match metric {
            Metric::Resource { resource, target } => self.resource(*resource, None, *target, &mut tally),
            Metric::ContainerResource { container, resource, target } => {
                self.resource(*resource, Some(container), *target, &mut tally)
            }
            Metric::Pods { name, target } => self.pods(name, *target, &mut tally),
            Metric::Object { name, target, .. } => self.object(name, *target),
            Metric::External { name, target } => self.external(name, *target),
            Metric::Unavailable { .. } => Err(MetricError::Unavailable),
        };
        let proposal = result.as_ref().ok();
        MetricOutcome {
            pods: counts(&tally),
            reading: proposal.map(|proposal| proposal.reading),
            ratios: proposal.map(|proposal| proposal.ratios),
            proposal: result.map(|proposal| proposal.replicas),
        }
    }

    fn resource(
        &mut self,
        resource: Resource,
        container: Option<&str>,
        target: Target,
        tally: &mut Tally,
    ) -> Result<Proposal, MetricError> {
        let answer = self.inputs.resource_metrics.ok_or(MetricError::NoAnswer)?;
        if answer.is_empty() {
            return Err(MetricError::NoMetrics);
        }
        if container.is_some_and(|name| answer.iter().any(|sample| !has_container(sample, name))) {
            return Err(MetricError::NoContainer);
        }
        let samples = answer.iter().map(|sample| Sample {
            group: sample.group,
            count: sample.count,
            value: usage(sample.containers, resource, container),
            taken: (sample.timestamp, sample.window),
        });
        let percent = match target {
            Target::Utilization(percent) => Some(percent),
            Target::AverageValue(_) | Target::Value(_) => None,
        };
        let requests = percent.map(|percent| {
            let assumed_percent = i64::from(percent.max(100));
            Requests { resource, container, assumed_percent }
        });
        let rules = Rules {
            now: self.now,
            flags: self.flags,
            cpu: resource == Resource::Cpu,
            requests,
            assumed_value: amount(target),
        };
        *tally = self.scratch.tally(self.inputs, samples, &rules)?;
        match percent {
            Some(percent) => replicas::utilization(tally, percent, self.inputs.spec_replicas, self.tolerance),
            None => Ok(replicas::average_value(tally, amount(target), self.inputs.spec_replicas, self.tolerance)),
        }
    }

    fn pods(&mut self, name: &str, target: Target, tally: &mut Tally) -> Result<Proposal, MetricError> {
        let values = named(self.inputs.pods_metrics, name).ok_or(MetricError::NotFound)?;
        if values.is_empty() {
            return Err(MetricError::NoMetrics);
        }
        let samples = values.iter().map(|value| Sample {
            group: value.group,
            count: value.count,
            value: Some(value.value),
            taken: (self.now, Duration::ZERO),
        });
        let rules =
            Rules { now: self.now, flags: self.flags, cpu: false, requests: None, assumed_value: amount(target) };
        *tally = self.scratch.tally(self.inputs, samples, &rules)?;
        Ok(replicas::average_value(tally, amount(target), self.inputs.spec_replicas, self.tolerance))
    }

    fn object(&self, name: &str, target: Target) -> Result<Proposal, MetricError> {
        self.whole(named(self.inputs.object_metrics, name).ok_or(MetricError::NotFound)?, target)
    }

    fn external(&self, name: &str, target: Target) -> Result<Proposal, MetricError> {
        let values = named(self.inputs.external_metrics, name).ok_or(MetricError::NotFound)?;
        if values.is_empty() {
            return Err(MetricError::NoMetrics);
        }
        self.whole(values.iter().fold(0, |sum, value| sum.wrapping_add(*value)), target)
    }

    /// A value that is not of single pods.
    fn whole(&self, total: i64, target: Target) -> Result<Proposal, MetricError> {
        let inputs = self.inputs;
        match target {
            Target::Value(target) => {
                replicas::value(total, target, inputs.spec_replicas, self.tolerance, || ready_pods(inputs))
            }
            Target::AverageValue(target) => {
                Ok(replicas::value_per_pod(total, target, inputs.status_replicas, self.tolerance))
            }
            Target::Utilization(_) => Err(MetricError::Unavailable),
        }
    }
}

fn named<T: Copy>(metrics: &[(&str, T)], name: &str) -> Option<T> {
    metrics.iter().find(|(key, _)| *key == name).map(|(_, value)| *value)
}

fn amount(target: Target) -> i64 {
    match target {
        Target::Utilization(_) => 0,
        Target::AverageValue(milli) | Target::Value(milli) => milli,
    }
}

fn has_container(sample: &ResourceSample<'_>, name: &str) -> bool {
    sample.containers.iter().any(|container| container.name == name)
}

/// What a pod uses: of one container, or of all of them; `None` when one that is needed does not report it.
fn usage(containers: &[ContainerUsage<'_>], resource: Resource, container: Option<&str>) -> Option<i64> {
    let of = |usage: &ContainerUsage<'_>| match resource {
        Resource::Cpu => usage.cpu,
        Resource::Memory => usage.memory,
    };
    match container {
        Some(name) => containers.iter().find(|usage| usage.name == name).and_then(of),
        None if containers.is_empty() => None,
        None => containers.iter().try_fold(0_i64, |sum, usage| Some(sum.wrapping_add(of(usage)?))),
    }
}

/// Pods that run and are ready, by their condition alone; deleted ones count.
fn ready_pods(inputs: &Inputs<'_>) -> Result<i64, MetricError> {
    if inputs.pods.is_empty() {
        return Err(MetricError::NoPods);
    }
    let ready = inputs
        .pods
        .iter()
        .filter(|pod| pod.phase == Phase::Running && pod.ready.is_some_and(|(status, _)| status == Status::True));
    Ok(ready.map(|pod| i64::from(pod.count)).sum())
}

fn counts(tally: &Tally) -> PodCounts {
    PodCounts {
        ready: tally.ready.pods as u32,
        unready: tally.unready.pods as u32,
        missing: tally.missing.pods as u32,
        ignored: tally.ignored as u32,
    }
}
