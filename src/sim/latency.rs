//! Response times, pooled over all requests at bounded cost: waits are kept in logarithmic bins while a run goes on, and
//! spread over the law of service times once, at its end.
//!
//! Waits stand in bins an eighth of an octave wide, response times in bins of 1/32 octave, so a percentile is within
//! 1.1 % where service dominates and within 4.5 % where waiting does. The mean is exact.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::law::{Point, ServiceLaw};
use super::outcome::Latency;
use super::queue::Wait;

const WAITS_PER_OCTAVE: f64 = 8.0;
const WAIT_BINS: usize = 320;
const PER_OCTAVE: f64 = 32.0;
const BINS: usize = 1536;
/// Lower edge of the first bins, in seconds.
const LEAST: f64 = 1e-6;

/// `exp(−2^(d/8))` for `d` from `−WAIT_BINS` to `WAIT_BINS`: rates and times share bins, so a product is a sum of indices.
static SURVIVAL: LazyLock<Vec<f64>> = LazyLock::new(|| {
    let exponent = |d: usize| (d as f64 - WAIT_BINS as f64) / WAITS_PER_OCTAVE;
    (0..=2 * WAIT_BINS).map(|d| (-exponent(d).exp2()).exp()).collect()
});

/// Lower edges of the bins of waits, in seconds.
static EDGES: LazyLock<Vec<f64>> =
    LazyLock::new(|| (0..=WAIT_BINS).map(|j| LEAST * (j as f64 / WAITS_PER_OCTAVE).exp2()).collect());

/// Waits of requests with about the same mean service time.
#[derive(Debug, Clone, PartialEq)]
struct Waits {
    /// Σ requests, and Σ requests × service time.
    requests: f64,
    service: f64,
    /// Requests that did not wait.
    none: f64,
    /// Requests whose wait is exponential, by the bin of its mean. Where requests share pods, all of them, by the bin of
    /// the mean of those that wait, at mean size.
    exponential: Vec<f64>,
    /// Where requests share pods: Σ requests × probability of waiting, by the same bin.
    chance: Vec<f64>,
    /// Whether they do.
    shared: bool,
    /// Requests behind a backlog, by the bin of its age.
    behind: Vec<f64>,
}

impl Waits {
    fn new() -> Self {
        Self {
            requests: 0.0,
            service: 0.0,
            none: 0.0,
            exponential: vec![0.0; WAIT_BINS + 1],
            chance: vec![0.0; WAIT_BINS + 1],
            shared: false,
            behind: vec![0.0; WAIT_BINS + 1],
        }
    }

    /// Of requests of a size that share pods: those that wait, by the bin of their mean wait, and those that do not.
    fn of_size(&self, point: &Point) -> (Vec<f64>, f64) {
        let (mut exponential, mut none) = (vec![0.0; WAIT_BINS + 1], 0.0);
        let negligible = self.requests * 1e-9;
        let bins = self.exponential.iter().zip(&self.chance).zip(EDGES.iter());
        for ((&requests, &chance), mean) in bins.filter(|it| *it.0.0 > negligible) {
            let wait = Wait { probability: (chance / requests).min(1.0), rate: 1.0 / mean, shared: true };
            let wait = wait.of_size(point.factor);
            let waiting = requests * point.share * wait.probability;
            none += requests * point.share - waiting;
            split(&mut exponential, position(1.0 / wait.rate, WAITS_PER_OCTAVE), waiting);
        }
        (exponential, none)
    }
}

/// Adds requests whose waits are exponential, by the bin of their mean, to the bins that their waits fall into.
fn spread(exponential: &[f64], mass: &mut [f64]) {
    let survival = &*SURVIVAL;
    for (i, &requests) in exponential.iter().enumerate().filter(|it| *it.1 > 0.0) {
        let tail = &survival[WAIT_BINS - i..];
        mass[0] += requests * (1.0 - tail[1]);
        for j in 1..WAIT_BINS {
            mass[j] += requests * (tail[j] - tail[j + 1]);
        }
        mass[WAIT_BINS] += requests * tail[WAIT_BINS];
    }
}

/// Collects the response times of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Recorder {
    /// None where the sum is all that is wanted.
    classes: Option<BTreeMap<i32, Waits>>,
    sum: f64,
}

impl Default for Recorder {
    fn default() -> Self {
        Self { classes: Some(BTreeMap::new()), sum: 0.0 }
    }
}

/// Position of a time on a logarithmic scale.
fn position(seconds: f64, per_octave: f64) -> f64 {
    (seconds.max(LEAST) / LEAST).log2() * per_octave
}

/// Adds `weight` between the two bins around a position.
fn split(bins: &mut [f64], position: f64, weight: f64) {
    let last = bins.len() - 1;
    let at = (position as usize).min(last);
    let share = (position - at as f64).clamp(0.0, 1.0);
    bins[at] += weight * (1.0 - share);
    bins[(at + 1).min(last)] += weight * share;
}

impl Recorder {
    /// From here on keeps the sum of response times alone.
    pub fn keep_the_sum(&mut self) {
        self.classes = None;
    }

    fn class(&mut self, service_s: f64, requests: f64) -> Option<&mut Waits> {
        let classes = self.classes.as_mut()?;
        let key = position(service_s, WAITS_PER_OCTAVE).round() as i32;
        let class = classes.entry(key).or_insert_with(Waits::new);
        class.requests += requests;
        class.service += requests * service_s;
        Some(class)
    }

    /// Requests that meet a queue in steady state.
    pub fn stationary(&mut self, requests: f64, service_s: f64, wait: Wait) {
        if requests <= 0.0 {
            return;
        }
        self.sum += requests * (service_s + wait.mean());
        let Some(class) = self.class(service_s, requests) else { return };
        let at = position(1.0 / wait.rate, WAITS_PER_OCTAVE);
        if wait.shared {
            class.shared = true;
            split(&mut class.exponential, at, requests);
            split(&mut class.chance, at, requests * wait.probability);
            return;
        }
        class.none += requests * (1.0 - wait.probability);
        split(&mut class.exponential, at, requests * wait.probability);
    }

    /// Requests that leave a backlog whose age runs linearly from `from` to `to` seconds; `wait` as in
    /// [`Lateness::share_behind`](super::queue::Lateness::share_behind). The random swing only adds to short waits: the
    /// mean of a wait is `w + exp(−rate · w)/rate`.
    pub fn behind(&mut self, requests: f64, service_s: f64, wait: Wait, from: f64, to: f64) {
        let swing = |age: f64| age + (-wait.rate * age).exp() / wait.rate;
        let (low, high) = (swing(from.min(to)), swing(from.max(to)));
        self.sum += requests * (service_s + f64::midpoint(low, high));
        let Some(class) = self.class(service_s, requests) else { return };
        class.shared = wait.shared;
        if high - low < 1e-9 {
            split(&mut class.behind, position(low, WAITS_PER_OCTAVE) - 0.5, requests);
            return;
        }
        let edges = &*EDGES;
        let density = requests / (high - low);
        let first = (position(low, WAITS_PER_OCTAVE) as usize).min(WAIT_BINS);
        let last = (position(high, WAITS_PER_OCTAVE) as usize).min(WAIT_BINS);
        for bin in first..=last {
            let until = if bin == last { high } else { edges[bin + 1] };
            let since = if bin == first { low } else { edges[bin] };
            class.behind[bin] += density * (until - since).max(0.0);
        }
    }

    /// The sum of all response times, in request-seconds.
    #[must_use]
    pub fn sum(&self) -> f64 {
        self.sum
    }

    /// The distribution of response times under a law of service times.
    ///
    /// # Panics
    /// Only their sum was kept.
    #[must_use]
    pub fn histogram(&self, law: &ServiceLaw) -> Histogram {
        let mut histogram = Histogram { sum: self.sum, ..Histogram::default() };
        let unit = unit_law(law);
        for class in self.classes.as_ref().expect("a run that only counts has no response times").values() {
            let service_s = class.service / class.requests;
            if class.shared {
                histogram.add_shared(class, service_s, law, &unit);
                continue;
            }
            histogram.add_services(&unit, service_s, &[Point { share: 1.0, factor: class.none }]);
            let mut mass = class.behind.clone();
            spread(&class.exponential, &mut mass);
            let negligible = class.requests * 1e-9;
            for (bin, &requests) in mass.iter().enumerate().filter(|it| *it.1 > negligible) {
                for point in law.points() {
                    histogram.put(wait_of(bin) + service_s * point.factor, requests * point.share);
                }
            }
        }
        histogram
    }
}

/// The wait that a bin of waits stands for, in seconds.
fn wait_of(bin: usize) -> f64 {
    LEAST * ((bin as f64 + 0.5) / WAITS_PER_OCTAVE).exp2()
}

/// The service law in response-time bins around 1: the offset of the first bin, and the mass of each.
fn unit_law(law: &ServiceLaw) -> (f64, Vec<f64>) {
    const REACH: i32 = 10;
    if law.points().len() == 1 {
        return (-0.5, vec![1.0]);
    }
    let octaves = REACH * PER_OCTAVE as i32;
    let cdf: Vec<f64> = (-octaves..=octaves).map(|at| law.cdf((f64::from(at) / PER_OCTAVE).exp2())).collect();
    (-f64::from(octaves), cdf.windows(2).map(|pair| pair[1] - pair[0]).collect())
}

/// Where bins lie.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Scale {
    /// Equal parts of octaves: the `i`-th bin begins at `LEAST · 2^(i/32)`.
    Logarithmic,
    /// Linear within each octave, each in `per_octave` parts, from `least` seconds on.
    Linear { least: f64, per_octave: f64 },
}

impl Scale {
    /// The time at a position, counted in bins.
    fn seconds(self, position: f64) -> f64 {
        match self {
            Self::Logarithmic => LEAST * (position / PER_OCTAVE).exp2(),
            Self::Linear { least, per_octave } => {
                let octave = (position / per_octave).floor();
                least * octave.exp2() * (1.0 + (position - octave * per_octave) / per_octave)
            }
        }
    }
}

/// Response times of many requests, in bins. Histograms of several runs add up.
#[derive(Debug, Clone, PartialEq)]
pub struct Histogram {
    bins: Vec<f64>,
    scale: Scale,
    sum: f64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { bins: vec![0.0; BINS + 1], scale: Scale::Logarithmic, sum: 0.0 }
    }
}

impl Histogram {
    /// Requests counted in bins that are linear within each octave: bin `o · per_octave + i` begins at
    /// `least · 2^o · (1 + i/per_octave)` seconds. `sum` is that of their response times.
    #[must_use]
    pub fn linear(bins: Vec<f64>, least: f64, per_octave: f64, sum: f64) -> Self {
        Self { bins, scale: Scale::Linear { least, per_octave }, sum }
    }

    /// Adds requests that do not wait. `classes` has, for the law's classes of size from the least up, their share of all
    /// requests and, as the factor, how many of all requests would not wait if all were of that size.
    fn add_services(&mut self, unit: &(f64, Vec<f64>), service_s: f64, classes: &[Point]) {
        let first = position(service_s, PER_OCTAVE) + unit.0;
        let (mut class, mut below, mut seen) = (0, classes[0].share, 0.0);
        for (i, mass) in unit.1.iter().enumerate().filter(|it| *it.1 > 1e-12) {
            while class + 1 < classes.len() && seen + 0.5 * mass > below {
                class += 1;
                below += classes[class].share;
            }
            seen += mass;
            split(&mut self.bins, (first + i as f64).max(0.0), classes[class].factor * mass);
        }
    }

    /// Adds requests that share pods, and so wait in proportion to their size.
    fn add_shared(&mut self, class: &Waits, service_s: f64, law: &ServiceLaw, unit: &(f64, Vec<f64>)) {
        let negligible = class.requests * 1e-9;
        let mut without = Vec::with_capacity(law.points().len());
        for point in law.points() {
            let (exponential, none) = class.of_size(point);
            without.push(Point { share: point.share, factor: none / point.share });
            let mut mass = vec![0.0; WAIT_BINS + 1];
            spread(&exponential, &mut mass);
            for (bin, &requests) in mass.iter().enumerate().filter(|it| *it.1 > negligible * point.share) {
                self.put(wait_of(bin) + service_s * point.factor, requests);
            }
            for (bin, &requests) in class.behind.iter().enumerate().filter(|it| *it.1 > negligible) {
                self.put((wait_of(bin) + service_s) * point.factor, requests * point.share);
            }
        }
        self.add_services(unit, service_s, &without);
    }

    fn put(&mut self, seconds: f64, requests: f64) {
        split(&mut self.bins, (position(seconds, PER_OCTAVE) - 0.5).max(0.0), requests);
    }

    /// Adds one request with this response time to logarithmic bins.
    pub fn add(&mut self, seconds: f64) {
        *self = std::mem::take(self).logarithmic();
        self.sum += seconds;
        split(&mut self.bins, (position(seconds, PER_OCTAVE) - 0.5).max(0.0), 1.0);
    }

    /// Adds the requests of another run. Runs of different levels meet in logarithmic bins.
    pub fn merge(&mut self, other: &Self) {
        if self.scale != other.scale {
            *self = std::mem::take(self).logarithmic();
            return self.add_bins(&other.clone().logarithmic());
        }
        self.add_bins(other);
    }

    fn add_bins(&mut self, other: &Self) {
        self.sum += other.sum;
        self.bins.iter_mut().zip(&other.bins).for_each(|(mine, theirs)| *mine += theirs);
    }

    /// The same in logarithmic bins.
    fn logarithmic(self) -> Self {
        if self.scale == Scale::Logarithmic {
            return self;
        }
        let mut histogram = Self { sum: self.sum, ..Self::default() };
        for (bin, &requests) in self.bins.iter().enumerate().filter(|it| *it.1 > 0.0) {
            let middle = self.scale.seconds(bin as f64 + 0.5);
            split(&mut histogram.bins, (position(middle, PER_OCTAVE) - 0.5).max(0.0), requests);
        }
        histogram
    }

    /// The response time in seconds that a share of the requests does not exceed; 0 without requests.
    #[must_use]
    pub fn quantile(&self, share: f64) -> f64 {
        let total: f64 = self.bins.iter().sum();
        let mut rest = share * total;
        for (bin, &requests) in self.bins.iter().enumerate().filter(|it| *it.1 > 0.0) {
            if rest <= requests {
                return self.scale.seconds(bin as f64 + rest / requests);
            }
            rest -= requests;
        }
        0.0
    }

    /// Mean and percentiles of `completed` requests, in milliseconds.
    #[must_use]
    pub fn latency(&self, completed: f64) -> Latency {
        let milli = |share| 1e3 * self.quantile(share);
        Latency {
            mean: if completed > 0.0 { 1e3 * self.sum / completed } else { 0.0 },
            p50: milli(0.5),
            p90: milli(0.9),
            p95: milli(0.95),
            p99: milli(0.99),
            p999: milli(0.999),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_of_exponential_waits_are_those_of_the_law() {
        let mut recorder = Recorder::default();
        recorder.stationary(1000.0, 0.0, Wait { probability: 1.0, rate: 2.0, shared: false });
        let histogram = recorder.histogram(&ServiceLaw::new(0.0));
        for share in [0.5_f64, 0.9, 0.99, 0.999] {
            let exact = -(1.0 - share).ln() / 2.0;
            assert!((histogram.quantile(share) / exact - 1.0).abs() < 0.045, "{share}");
        }
        assert!((histogram.latency(1000.0).mean - 500.0).abs() < 1e-9);
    }

    #[test]
    fn percentiles_without_waits_are_those_of_the_service_law() {
        let law = ServiceLaw::new(1.0);
        let mut recorder = Recorder::default();
        recorder.stationary(10.0, 0.2, Wait::NONE);
        let histogram = recorder.histogram(&law);
        for share in [0.5, 0.9, 0.99, 0.999] {
            let exact = histogram.quantile(share);
            assert!((law.cdf(exact / 0.2) - share).abs() < 0.012 * (1.0 - share).max(0.02), "{share} {exact}");
        }
    }

    #[test]
    fn waits_behind_a_growing_backlog_are_spread_evenly() {
        let mut recorder = Recorder::default();
        recorder.behind(100.0, 0.0, Wait { rate: 1e6, ..Wait::NONE }, 0.0, 10.0);
        let histogram = recorder.histogram(&ServiceLaw::new(0.0));
        for share in [0.25, 0.5, 0.9] {
            assert!((histogram.quantile(share) / (10.0 * share) - 1.0).abs() < 0.05, "{share}");
        }
    }

    #[test]
    fn merged_histograms_hold_the_requests_of_both() {
        let (mut fast, mut slow) = (Histogram::default(), Histogram::default());
        (0..99).for_each(|_| fast.add(0.01));
        slow.add(10.0);
        fast.merge(&slow);
        assert!((fast.quantile(0.5) / 0.01 - 1.0).abs() < 0.03);
        assert!((fast.quantile(0.999) / 10.0 - 1.0).abs() < 0.03);
    }
}
