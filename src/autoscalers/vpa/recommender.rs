//! The recommender of the `VerticalPodAutoscaler`: from usage to a request, with the bounds within which it is left alone.
//!
//! Source: kubernetes/autoscaler `vertical-pod-autoscaler/pkg/recommender/{logic,model}` and, for when a pod is updated,
//! `pkg/updater/priority`. One container per pod. Left out: `minAllowed` and `maxAllowed`, rounding, checkpoints.

use std::time::Duration;

use super::histogram::Histogram;
use crate::units::{Bytes, Millicores, SimTime};

/// Weight of a CPU sample.
const SAMPLE_WEIGHT: f64 = 0.1;
/// `memory-aggregation-interval`: one peak is counted per interval.
const MEMORY_INTERVAL: Duration = Duration::from_hours(24);
/// `recommendation-margin-fraction`.
const MARGIN: f64 = 0.15;
/// Percentiles of the target and of the lower and upper bound.
const TARGET: f64 = 0.9;
const LOWER: f64 = 0.5;
const UPPER: f64 = 0.95;
/// `pod-recommendation-min-cpu-millicores` and `pod-recommendation-min-memory-mb`.
const LEAST: Resources = Resources { cpu: 25, memory: 250 << 20 };
/// `oom-min-bump-up-bytes` and `oom-bump-up-ratio`.
const OOM_BYTES: u64 = 100 << 20;
const OOM_RATIO: f64 = 1.2;
/// `MaxResourceAmount`.
const MOST: f64 = 1e14;
/// `pod-update-threshold`: the relative change below which a pod within its bounds is left alone.
const WORTHWHILE: f64 = 0.1;
/// Samples in a day, at one a minute.
const SAMPLES_A_DAY: f64 = 1440.0;

/// CPU in thousandths of a core and memory in bytes, in whole numbers as the recommender computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resources {
    /// Millicores.
    pub cpu: u64,
    /// Bytes.
    pub memory: u64,
}

impl Resources {
    /// A pod's requests.
    #[must_use]
    pub fn new(cpu: Millicores, memory: Bytes) -> Self {
        Self { cpu: u64::from(cpu.0), memory: memory.0 }
    }
}

/// What a pod shall request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recommendation {
    /// `target`.
    pub target: Resources,
    /// `lowerBound`: below it a pod has too little.
    pub lower: Resources,
    /// `upperBound`: above it a pod has too much.
    pub upper: Resources,
}

impl Recommendation {
    /// Whether the updater gives long-lived pods with these requests the target: when one lies outside its bounds, or
    /// when the relative changes add up to a tenth.
    #[must_use]
    pub fn updates(&self, requests: Resources) -> bool {
        let outside = |request: u64, lower: u64, upper: u64| request < lower || request > upper;
        let change = |request: u64, target: u64| request.abs_diff(target) as f64 / request.max(1) as f64;
        outside(requests.cpu, self.lower.cpu, self.upper.cpu)
            || outside(requests.memory, self.lower.memory, self.upper.memory)
            || change(requests.cpu, self.target.cpu) + change(requests.memory, self.target.memory) >= WORTHWHILE
    }
}

/// Usage of all pods of a Deployment together.
#[derive(Debug, Clone, PartialEq)]
pub struct Recommender {
    cpu: Histogram,
    memory: Histogram,
    /// The first and the last CPU sample, and how many there were.
    span: Option<(SimTime, SimTime)>,
    samples: u64,
    peaks: Peaks,
}

/// The peak of the running memory interval: as measured, and as needed by what was killed.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct Peaks {
    until: Option<SimTime>,
    measured: u64,
    needed: u64,
}

impl Default for Recommender {
    fn default() -> Self {
        let (cpu, memory) = (Histogram::cpu(), Histogram::memory());
        Self { cpu, memory, span: None, samples: 0, peaks: Peaks::default() }
    }
}

impl Recommender {
    /// Notes the CPU of `pods` pods alike, in millicores, over the minute from `at`.
    pub fn cpu(&mut self, at: SimTime, milli: u64, pods: u32) {
        self.cpu.add(milli as f64 / 1e3, SAMPLE_WEIGHT * f64::from(pods), at);
        self.samples += u64::from(pods);
        self.span = Some(self.span.map_or((at, at), |(first, last)| (first.min(at), last.max(at))));
    }

    /// Notes a working set in bytes. Each interval of a day from the first sample on counts once, with its peak.
    pub fn memory(&mut self, at: SimTime, bytes: u64) {
        self.note(at, bytes, false);
    }

    /// Notes that a pod was killed for its memory: it needs a fifth more, or 100 MiB, than its request or the recent peak.
    pub fn killed(&mut self, at: SimTime, request: u64) {
        let used = request.max(self.peaks.measured);
        let needed = used.saturating_add(OOM_BYTES).max(scaled(used, OOM_RATIO));
        self.note(at, needed, true);
    }

    fn note(&mut self, at: SimTime, bytes: u64, killed: bool) {
        let until = self.peaks.until.unwrap_or(at);
        let until = if at < until {
            let before = self.peaks.measured.max(self.peaks.needed);
            if before == 0 || bytes <= before {
                self.peaks.until = Some(until);
                return;
            }
            self.memory.subtract(before as f64, 1.0, until);
            until
        } else {
            let intervals = at.since(until).as_secs() / MEMORY_INTERVAL.as_secs() + 1;
            self.peaks = Peaks::default();
            until + MEMORY_INTERVAL.saturating_mul(u32::try_from(intervals).unwrap_or(u32::MAX))
        };
        self.memory.add(bytes as f64, 1.0, until);
        self.peaks.until = Some(until);
        *(if killed { &mut self.peaks.needed } else { &mut self.peaks.measured }) = bytes;
    }

    /// How far the past reaches, in days: of time, or of samples at one a minute, whichever is less.
    /// ```text
    /// c = min(lifespan, samples / 1440)
    /// ```
    fn confidence(&self) -> f64 {
        let lifespan = self.span.map_or(0.0, |(first, last)| last.since(first).as_secs_f64() / 86_400.0);
        lifespan.min(self.samples as f64 / SAMPLES_A_DAY)
    }

    /// What pods shall request; `None` before the first sample.
    /// ```text
    /// target = 1.15 · P90;   lower = 1.15 · P50 · (1 + 0.001/c)^−2;   upper = 1.15 · P95 · (1 + 1/c)
    /// ```
    /// each at least 25 millicores and 250 MiB.
    #[must_use]
    pub fn recommend(&self) -> Option<Recommendation> {
        self.span?;
        let confidence = self.confidence();
        let of = |share: f64, multiplier: f64, exponent: f64| {
            let factor = (1.0 + multiplier / confidence).powf(exponent);
            let one = |base: f64| {
                let base = whole(base);
                let with_margin = base + scaled(base, MARGIN);
                if multiplier == 0.0 { with_margin } else { scaled(with_margin, factor) }
            };
            Resources {
                cpu: one(self.cpu.percentile(share) * 1e3).max(LEAST.cpu),
                memory: one(self.memory.percentile(share)).max(LEAST.memory),
            }
        };
        let (target, lower, upper) = (of(TARGET, 0.0, 0.0), of(LOWER, 0.001, -2.0), of(UPPER, 1.0, 1.0));
        Some(Recommendation { target, lower, upper })
    }
}

/// Cut to a whole amount, as the recommender keeps them.
fn whole(amount: f64) -> u64 {
    amount.clamp(0.0, MOST) as u64
}

fn scaled(amount: u64, factor: f64) -> u64 {
    whole(amount as f64 * factor)
}

#[cfg(test)]
#[path = "recommender_tests.rs"]
mod tests;
