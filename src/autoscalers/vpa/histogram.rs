//! Histograms of exponential buckets whose old samples lose weight by half in each half-life.
//!
//! Source: kubernetes/autoscaler `vertical-pod-autoscaler/pkg/recommender/util/{histogram,histogram_options,
//! decaying_histogram}.go`.

use std::time::Duration;

use crate::units::SimTime;

/// Growth from one bucket to the next.
const RATIO: f64 = 1.05;
/// A bucket with less weight is empty.
const EPSILON: f64 = 1e-4;
/// Beyond this exponent of two, weights are scaled down.
const MOST_HALF_LIVES: i64 = 100;

/// Weights by bucket. Bucket `k` starts at `first · (1.05^k − 1) / 0.05`.
#[derive(Debug, Clone, PartialEq)]
pub struct Histogram {
    first: f64,
    weights: Vec<f64>,
    total: f64,
    /// The first and the last bucket that are not empty.
    ends: (usize, usize),
    half_life: i64,
    /// The time at which a sample weighs what it is given; a multiple of the half-life.
    reference: i64,
}

impl Histogram {
    /// An empty histogram whose first bucket is `first` wide, and whose last one starts at `most` or beyond. `first` and
    /// `most` are above 0, in any unit; `half_life` is a microsecond or more.
    #[must_use]
    pub fn new(first: f64, most: f64, half_life: Duration) -> Self {
        let buckets = ((most * (RATIO - 1.0) / first).ln_1p() / RATIO.ln()).ceil() as usize + 1;
        let half_life = i64::try_from(half_life.as_micros()).unwrap_or(i64::MAX).max(1);
        Self { first, weights: vec![0.0; buckets], total: 0.0, ends: (buckets - 1, 0), half_life, reference: 0 }
    }

    /// Of CPU in cores, from 10 millicores to 1000 cores.
    #[must_use]
    pub fn cpu() -> Self {
        Self::new(0.01, 1000.0, Duration::from_hours(24))
    }

    /// Of memory in bytes, from 10 MB to 1 TB.
    #[must_use]
    pub fn memory() -> Self {
        Self::new(1e7, 1e12, Duration::from_hours(24))
    }

    fn bucket(&self, value: f64) -> usize {
        if value < self.first {
            return 0;
        }
        let bucket = (value * (RATIO - 1.0) / self.first + 1.0).ln() / RATIO.ln();
        (bucket as usize).min(self.weights.len() - 1)
    }

    fn start(&self, bucket: usize) -> f64 {
        if bucket == 0 { 0.0 } else { self.first * (RATIO.powf(bucket as f64) - 1.0) / (RATIO - 1.0) }
    }

    /// Adds a sample of a weight of 0 or more at a time.
    pub fn add(&mut self, value: f64, weight: f64, at: SimTime) {
        let weight = weight * self.growth(at);
        let bucket = self.bucket(value);
        self.weights[bucket] += weight;
        self.total += weight;
        if self.weights[bucket] >= EPSILON {
            self.ends = (self.ends.0.min(bucket), self.ends.1.max(bucket));
        }
    }

    /// Takes a sample out again.
    pub fn subtract(&mut self, value: f64, weight: f64, at: SimTime) {
        let weight = weight * self.growth(at);
        let bucket = self.bucket(value);
        let held = self.weights[bucket];
        let weight = if weight > held - EPSILON { held } else { weight };
        self.total -= weight;
        self.weights[bucket] -= weight;
        self.find_ends();
    }

    /// Whether nothing of weight is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.weights[self.ends.0] < EPSILON
    }

    /// The end of the bucket in which the weight up to it reaches a share of all, 0 to 1; the start of the last bucket,
    /// which has no end; 0 when it is empty.
    #[must_use]
    pub fn percentile(&self, share: f64) -> f64 {
        if self.is_empty() {
            return 0.0;
        }
        let threshold = share * self.total;
        let (mut bucket, mut sum) = (self.ends.0, 0.0);
        while bucket < self.ends.1 {
            sum += self.weights[bucket];
            if sum >= threshold {
                break;
            }
            bucket += 1;
        }
        self.start((bucket + 1).min(self.weights.len() - 1))
    }

    /// What a sample at a time weighs more than one at the reference, which moves when that becomes too much.
    fn growth(&mut self, at: SimTime) -> f64 {
        if at.0 > self.reference.saturating_add(self.half_life.saturating_mul(MOST_HALF_LIVES)) {
            let halves = (at.0 as f64 / self.half_life as f64 + 0.5).floor() as i64;
            let reference = halves.saturating_mul(self.half_life);
            let shrink = (-((reference - self.reference) / self.half_life) as f64).exp2();
            self.weights.iter_mut().for_each(|weight| *weight *= shrink);
            self.total *= shrink;
            self.reference = reference;
            self.find_ends();
        }
        ((at.0 - self.reference) as f64 / self.half_life as f64).exp2()
    }

    fn find_ends(&mut self) {
        let last = self.weights.len() - 1;
        while self.weights[self.ends.0] < EPSILON && self.ends.0 < last {
            self.ends.0 += 1;
        }
        while self.weights[self.ends.1] < EPSILON && self.ends.1 > 0 {
            self.ends.1 -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(found: f64, expected: f64) {
        assert!((found - expected).abs() <= 1e-9 * expected.abs().max(1.0), "{found} is not {expected}");
    }

    /// Computed once in plain Python:
    /// ```python
    /// import math
    /// def start(first, k): return 0.0 if k == 0 else first * (1.05 ** k - 1) / 0.05
    /// def count(first, most): return math.ceil(math.log(most * 0.05 / first + 1) / math.log(1.05)) + 1
    /// print(count(0.01, 1000), start(0.01, 1), start(0.01, 2), start(0.01, 100), count(1e7, 1e12), start(1e7, 50))
    /// ```
    #[test]
    fn buckets_grow_by_a_twentieth() {
        let (cpu, memory) = (Histogram::cpu(), Histogram::memory());
        assert_eq!((cpu.weights.len(), memory.weights.len()), (BUCKETS.0, BUCKETS.1));
        for (bucket, expected) in STARTS {
            near(cpu.start(bucket), expected);
        }
        near(memory.start(50), MEMORY_50);
        for bucket in 0..cpu.weights.len() - 1 {
            let middle = f64::midpoint(cpu.start(bucket), cpu.start(bucket + 1));
            assert_eq!(cpu.bucket(middle), bucket);
        }
        assert_eq!(cpu.bucket(1e9), cpu.weights.len() - 1);
    }

    const BUCKETS: (usize, usize) = (176, 176);
    const STARTS: [(usize, f64); 4] = [(0, 0.0), (1, 0.01), (2, 0.0205), (100, 26.100_251_569_260_8)];
    const MEMORY_50: f64 = 2_093_479_957.150_74;

    #[test]
    fn a_percentile_is_the_end_of_its_bucket() {
        let mut histogram = Histogram::cpu();
        near(histogram.percentile(0.9), 0.0);
        for _ in 0..9 {
            histogram.add(0.005, 1.0, SimTime::ZERO);
        }
        histogram.add(0.015, 1.0, SimTime::ZERO);
        near(histogram.percentile(0.5), 0.01);
        near(histogram.percentile(0.9), 0.01);
        near(histogram.percentile(0.91), 0.0205);
        histogram.subtract(0.015, 1.0, SimTime::ZERO);
        near(histogram.percentile(1.0), 0.01);
        histogram.add(1e9, 100.0, SimTime::ZERO);
        near(histogram.percentile(0.99), histogram.start(BUCKETS.0 - 1));
    }

    #[test]
    fn a_sample_weighs_half_a_day_later() {
        let hours = |hours: i64| SimTime::from_secs(3600 * hours);
        let mut histogram = Histogram::cpu();
        histogram.add(1.0, 1.0, hours(0));
        histogram.add(0.005, 1.0, hours(24));
        // A third of the weight is the old sample's.
        near(histogram.percentile(0.66), 0.01);
        assert!(histogram.percentile(0.67) > 1.0);
    }

    #[test]
    fn years_do_not_overflow_and_forget_the_past() {
        let days = |days: i64| SimTime::from_secs(86_400 * days);
        let mut histogram = Histogram::cpu();
        histogram.add(5.0, 1.0, days(0));
        histogram.add(0.005, 0.1, days(20));
        assert!(histogram.percentile(1.0) > 5.0, "the old sample is in the last bucket that is not empty");
        histogram.add(0.005, 0.1, days(150));
        assert_eq!(histogram.reference, 150 * 86_400 * 1_000_000);
        near(histogram.percentile(1.0), 0.01);
        assert!(histogram.total.is_finite() && !histogram.is_empty());
    }
}
