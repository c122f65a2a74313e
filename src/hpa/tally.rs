//! One pass over the pods and their samples: everything a per-pod metric needs, as integer sums.
//!
//! A group of `count` pods enters each sum `count` times, exactly as that many single pods would.

use std::time::Duration;

use super::decision::MetricError;
use super::inputs::{ContainerRequest, Inputs, PodGroup};
use super::readiness::{Standing, standing, unready_for_cpu};
use super::spec::{Flags, Resource};
use crate::units::SimTime;

/// Sums over pods of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Sum {
    /// How many pods.
    pub(super) pods: i64,
    /// Σ usage, in thousandths.
    pub(super) usage: i64,
    /// Σ request, in thousandths.
    pub(super) request: i64,
}

impl Sum {
    fn add(&mut self, pods: u32, usage: i64, request: i64) {
        let pods = i64::from(pods);
        self.pods += pods;
        self.usage = self.usage.wrapping_add(usage.wrapping_mul(pods));
        self.request = self.request.wrapping_add(request.wrapping_mul(pods));
    }
}

/// The pods of a metric by what they count for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Tally {
    /// Sampled, and counted.
    pub(super) ready: Sum,
    /// Pending, or left out by the CPU rules.
    pub(super) unready: Sum,
    /// Without a sample. Their `usage` is what a scale-down assumes of them.
    pub(super) missing: Sum,
    /// Deleted or failed.
    pub(super) ignored: i64,
    /// Samples of pods that are not listed.
    pub(super) unknown: Sum,
}

/// One sample, of whatever metric.
pub(super) struct Sample {
    pub(super) group: Option<usize>,
    pub(super) count: u32,
    /// `None` when the pod reports no such value, so counts as having no sample.
    pub(super) value: Option<i64>,
    /// Time and window.
    pub(super) taken: (SimTime, Duration),
}

/// What pods request of a resource.
#[derive(Clone, Copy)]
pub(super) struct Requests<'a> {
    pub(super) resource: Resource,
    pub(super) container: Option<&'a str>,
    /// What a missing pod is assumed to use on a scale-down, in percent of its request.
    pub(super) assumed_percent: i64,
}

/// How the samples of a metric are to be counted.
pub(super) struct Rules<'a> {
    pub(super) now: SimTime,
    pub(super) flags: &'a Flags,
    /// Whether the CPU readiness rules hold.
    pub(super) cpu: bool,
    /// The requests, for a utilisation; `None` for an average value.
    pub(super) requests: Option<Requests<'a>>,
    /// What a missing pod is assumed to use on a scale-down, for an average value.
    pub(super) assumed_value: i64,
}

/// What is left to find of a group while its samples are counted.
#[derive(Debug, Clone, Copy)]
struct Seen {
    standing: Standing,
    unsampled: u32,
    request: i64,
}

/// Room for one pass, kept between syncs so that none of them allocates.
#[derive(Debug, Clone, Default)]
pub struct Scratch(Vec<Seen>);

impl Scratch {
    /// Counts the pods of a metric.
    pub(super) fn tally(
        &mut self,
        inputs: &Inputs<'_>,
        samples: impl Iterator<Item = Sample>,
        rules: &Rules<'_>,
    ) -> Result<Tally, MetricError> {
        if inputs.pods.is_empty() {
            return Err(MetricError::NoPods);
        }
        let mut tally = Tally::default();
        let short_of_requests = self.look_at_pods(inputs.pods, rules.requests, &mut tally);
        self.look_at_samples(inputs.pods, samples, rules, &mut tally);
        for seen in self.0.iter().filter(|seen| seen.standing == Standing::Counted && seen.unsampled > 0) {
            let assumed = match rules.requests {
                Some(requests) => seen.request.wrapping_mul(requests.assumed_percent) / 100,
                None => rules.assumed_value,
            };
            tally.missing.add(seen.unsampled, assumed, seen.request);
        }
        if tally.ready.pods + tally.unknown.pods == 0 {
            return Err(MetricError::NoSamples);
        }
        if short_of_requests { Err(MetricError::NoRequest) } else { Ok(tally) }
    }

    /// Says whether a request that is needed is missing, even in a pod that is ignored.
    fn look_at_pods(&mut self, pods: &[PodGroup<'_>], requests: Option<Requests<'_>>, tally: &mut Tally) -> bool {
        let mut short_of_requests = false;
        self.0.clear();
        for pod in pods {
            let request = match requests {
                Some(wanted) => request(pod, wanted).unwrap_or_else(|| {
                    short_of_requests = true;
                    0
                }),
                None => 0,
            };
            let standing = standing(pod);
            match standing {
                Standing::Ignored => tally.ignored += i64::from(pod.count),
                Standing::Pending => tally.unready.add(pod.count, 0, request),
                Standing::Counted => {}
            }
            self.0.push(Seen { standing, unsampled: pod.count, request });
        }
        short_of_requests
    }

    fn look_at_samples(
        &mut self,
        pods: &[PodGroup<'_>],
        samples: impl Iterator<Item = Sample>,
        rules: &Rules<'_>,
        tally: &mut Tally,
    ) {
        for sample in samples {
            let Some(value) = sample.value else { continue };
            let listed = sample.group.and_then(|group| Some((pods.get(group)?, self.0.get_mut(group)?)));
            let Some((pod, seen)) = listed else {
                tally.unknown.add(sample.count, value, 0);
                continue;
            };
            if seen.standing != Standing::Counted {
                continue;
            }
            let count = sample.count.min(seen.unsampled);
            seen.unsampled -= count;
            if rules.cpu && unready_for_cpu(pod, sample.taken, rules.now, rules.flags) {
                tally.unready.add(count, 0, seen.request);
            } else {
                tally.ready.add(count, value, seen.request);
            }
        }
    }
}

/// What a pod requests: of one container, else at pod level, else the sum over containers and sidecars. `None` when a
/// request that is needed is not set, or the container is not there.
fn request(pod: &PodGroup<'_>, wanted: Requests<'_>) -> Option<i64> {
    let of = |container: &ContainerRequest<'_>| match wanted.resource {
        Resource::Cpu => container.cpu,
        Resource::Memory => container.memory,
    };
    let all = || pod.containers.iter().chain(pod.sidecars);
    if let Some(name) = wanted.container {
        return all().find(|container| container.name == name).and_then(of);
    }
    if let Some(request) = pod.pod_requests.as_ref().and_then(of) {
        return Some(request);
    }
    all().try_fold(0_i64, |sum, container| Some(sum.wrapping_add(of(container)?)))
}
