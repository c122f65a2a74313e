//! Waiting in steady state, and the share of requests that wait too long.
//!
//! Pods that take one request at a time are the servers of one M/G/c queue: waits follow M/M/c stretched by the
//! variability of service (Allen and Cunneen). Pods that take more share their CPU among what they hold, so a request
//! waits in proportion to its size (see [`Wait::sharing`]). Near saturation a steady state would take hours to settle,
//! so waits are held to what can build up within [`SETTLING`].

use super::law::{Point, ServiceLaw, normal_cdf, normal_density};
use super::settings::Slo;
use super::workload::PodShape;

/// How long a load is taken to last, in seconds, when a queue near saturation has not settled. Late shares are then
/// within 0.06 (mostly 0.02, and rather too high) of a request-by-request simulation of M/G/c with log-normal service, for
/// loads that change each minute or every five, means of 0.75 to 1 of capacity, 2 to 100 servers and services of 20 ms to
/// 1 s (with services of 1 s and more, where queues settle slowly, up to 0.05 too low).
const SETTLING: f64 = 30.0;

/// Above this many servers Erlang's C is Halfin and Whitt's limit; it is exact enough there and costs nothing.
const MANY_SERVERS: f64 = 2048.0;

/// Erlang's C: the probability that a request waits, for `servers >= 1` and `offered` servers' worth of load.
///
/// ```text
/// 1/B_0 = 1;  1/B_k = 1 + (k/a) / B_{k-1};  C = 1 / (ρ + (1 − ρ) / B_c)
/// ```
#[must_use]
pub fn erlang_c(servers: f64, offered: f64) -> f64 {
    if offered >= servers {
        return 1.0;
    }
    if offered <= 0.0 {
        return 0.0;
    }
    let load = offered / servers;
    if servers > MANY_SERVERS {
        let beta = (1.0 - load) * servers.sqrt();
        return 1.0 / (1.0 + beta * normal_cdf(beta) / normal_density(beta).max(f64::MIN_POSITIVE));
    }
    let step = 1.0 / offered;
    let mut inverse = 1.0;
    let mut factor = step;
    for _ in 0..servers as u32 {
        inverse = 1.0 + inverse * factor;
        factor += step;
    }
    1.0 / (load + (1.0 - load) * inverse)
}

/// How much longer a request that shares a pod stays there than it would if any pod that falls idle took it over, in
/// services; see [`Wait::sharing`].
const STUCK: f64 = 0.42;

/// How fast the probability of having to share grows with the size of a request; see [`Wait::of_size`].
const MEETING: f64 = 0.7;

/// The law of a wait: 0 with probability `1 − probability`, else exponential. `P(W > t) = probability · exp(−rate · t)`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Wait {
    /// Probability of waiting at all; under sharing that of a request of size 0.
    pub probability: f64,
    /// One over the mean wait of those that wait, per second.
    pub rate: f64,
    /// Whether requests share pods, so that the wait is that of a request of mean size, and others wait in proportion.
    pub shared: bool,
}

impl Wait {
    /// No wait. Its rate is finite, because rates meet ages of zero.
    pub const NONE: Self = Self { probability: 0.0, rate: 1e12, shared: false };

    /// The wait at `pods` pods of a shape, in which a request of mean size computes for `busy_s` seconds, at `load` of
    /// their capacity.
    #[must_use]
    pub fn at(pods: f64, pod: PodShape, load: f64, busy_s: f64, variability: f64) -> Self {
        let servers = pods * pod.servers;
        if pod.shares() {
            Self::sharing(servers, load, busy_s)
        } else {
            Self::stationary(servers, load, busy_s, variability)
        }
    }

    /// The wait at `servers` servers, each holding a request for `busy_s` seconds, at `load` of their capacity (1 or
    /// more is saturation). `variability` is that of the service law.
    #[must_use]
    pub fn stationary(servers: f64, load: f64, busy_s: f64, variability: f64) -> Self {
        if servers < 1.0 || load <= 0.0 || busy_s <= 0.0 {
            return Self::NONE;
        }
        let capacity = servers / busy_s;
        let steady = (1.0 - load) * capacity / variability;
        // A queue is a random walk with variance 2·variability/capacity per second: this far it spreads while settling.
        let settling = (capacity / (2.0 * variability * SETTLING)).sqrt();
        Self { probability: erlang_c(servers, load * servers), rate: steady.max(settling), shared: false }
    }

    /// The wait where each request goes to the pod that holds fewest and shares its CPU with what is there.
    ///
    /// ```text
    /// E[W | size f] = f · C · (1 / ((1 − ρ)·c·μ) + 0.42·(1 − 1/c)/μ)
    /// ```
    /// The first term is M/M/c's, whatever the law of service (with one server M/G/1-PS, exact; sharing is insensitive).
    /// The second is what is lost because no request moves to a pod that falls idle. It was fitted to request-by-request
    /// simulations of 1 to 40 pods at loads of 0.4 to 0.95, with log-normal service of coefficients of variation from 0.3
    /// to 2; with the law of [`of_size`](Self::of_size), shares of requests that wait longer than half a mean service,
    /// two and a half, and ten are then mostly within a fifth, at any load and number of pods.
    #[must_use]
    pub fn sharing(servers: f64, load: f64, busy_s: f64) -> Self {
        let central = Self::stationary(servers, load, busy_s, 1.0);
        let wait = 1.0 / central.rate + STUCK * busy_s * (1.0 - 1.0 / servers.max(1.0));
        Self { rate: 1.0 / wait, shared: true, ..central }
    }

    /// The wait of a request whose service takes `factor` times the mean.
    ///
    /// Under sharing the mean wait is in proportion, and the longer a request stays the likelier another joins it:
    /// ```text
    /// q(f) = 1 − (1 − C)·exp(−0.7·C·f)
    /// ```
    #[must_use]
    pub fn of_size(self, factor: f64) -> Self {
        if !self.shared || self.probability <= 0.0 || factor <= 0.0 {
            return self;
        }
        let probability = 1.0 - (1.0 - self.probability) * (-MEETING * self.probability * factor).exp();
        Self { probability, rate: self.rate * probability / (self.probability * factor), shared: true }
    }

    /// The mean wait in seconds.
    #[must_use]
    pub fn mean(self) -> f64 {
        self.probability / self.rate
    }

    /// `P(W > t)`; 1 for `t < 0`.
    #[must_use]
    pub fn beyond(self, t: f64) -> f64 {
        if t < 0.0 { 1.0 } else { self.probability * (-self.rate * t).exp() }
    }
}

/// Which requests are late, as a function of their own service time.
#[derive(Debug, Clone, PartialEq)]
pub struct Lateness {
    latency: Option<f64>,
    slowdown: f64,
    slack: f64,
    /// The service time that counts, as a ratio to the service time.
    pace: f64,
    points: Vec<Point>,
    /// Classes of size, for waits in proportion to it.
    sizes: Vec<Point>,
}

impl Lateness {
    /// The rule of `[slo]` under a law of service times.
    #[must_use]
    pub fn new(slo: &Slo, law: &ServiceLaw) -> Self {
        // Without a slowdown every request may wait as long, and the law does not matter.
        let same = slo.latency.is_none() && slo.slowdown <= 1.0;
        let points = if same { vec![Point { share: 1.0, factor: 1.0 }] } else { law.points().to_vec() };
        Self {
            latency: slo.latency.map(|span| span.as_secs_f64()),
            slowdown: slo.slowdown,
            slack: slo.slack.as_secs_f64(),
            pace: 1.0,
            points,
            sizes: law.sizes().to_vec(),
        }
    }

    /// The same rule where requests take longer by `1 / pace` than the service times that count.
    pub(super) fn paced(&self, pace: f64, law: &ServiceLaw) -> Self {
        if (pace - 1.0).abs() < f64::EPSILON {
            return self.clone();
        }
        Self { pace: pace * self.pace, points: law.points().to_vec(), ..self.clone() }
    }

    /// How long a request with a service time of `service_s` may wait; negative when it is late whatever happens.
    pub(super) fn allowance(&self, service_s: f64) -> f64 {
        match self.latency {
            Some(latency) => latency - service_s,
            None => (self.slowdown * self.pace - 1.0) * service_s + self.slack,
        }
    }

    /// The share of requests of mean service time `service_s` that is late under a wait.
    #[must_use]
    pub fn share(&self, service_s: f64, wait: Wait) -> f64 {
        let late = |it: &Point| wait.of_size(it.factor).beyond(self.allowance(service_s * it.factor));
        self.classes(wait).iter().map(|it| it.share * late(it)).sum()
    }

    fn classes(&self, wait: Wait) -> &[Point] {
        if wait.shared { &self.sizes } else { &self.points }
    }

    /// The share of requests that is late however many pods there are.
    #[must_use]
    pub fn unavoidable(&self, service_s: f64) -> f64 {
        self.share(service_s, Wait::NONE)
    }

    /// The share that is late of requests behind a backlog whose age runs linearly from `from` to `to` seconds. A queue
    /// with a backlog also swings at random; the rate of `wait` says how far. Where requests share pods, one of size f
    /// waits f times as long.
    /// ```text
    /// mean over w in [from, to] of P(w + X > a),  P(X > t) = exp(−rate · t)
    /// ```
    #[must_use]
    pub fn share_behind(&self, service_s: f64, wait: Wait, from: f64, to: f64) -> f64 {
        let (low, high) = if from <= to { (from, to) } else { (to, from) };
        let one = |it: &Point| {
            let stretch = if wait.shared { it.factor.max(1e-9) } else { 1.0 };
            it.share * late_behind(self.allowance(service_s * it.factor) / stretch, wait.rate, low, high)
        };
        self.classes(wait).iter().map(one).sum()
    }
}

fn late_behind(allowed: f64, rate: f64, low: f64, high: f64) -> f64 {
    // Beyond 40 means of the swing nothing is late that would change a sum.
    const FAR: f64 = 40.0;
    if low >= allowed {
        return 1.0;
    }
    if rate * (allowed - high) > FAR {
        return 0.0;
    }
    if high - low < 1e-12 {
        return (-rate * (allowed - low)).exp();
    }
    let turn = high.min(allowed);
    let swing = ((-rate * (allowed - turn)).exp() - (-rate * (allowed - low)).exp()) / rate;
    (high - turn + swing) / (high - low)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// Values of the M/M/c formulas computed once with mpmath; `(λ, μ, c, ErlangC, Wq)`.
    const TABLE: [(f64, f64, f64, f64, f64); 4] = [
        (8.0, 10.0, 1.0, 0.8, 0.4),
        (8.0, 1.0, 10.0, 0.409_180, 0.204_590),
        (45.0, 10.0, 5.0, 0.762_493, 0.152_499),
        (90.0, 10.0, 10.0, 0.668_732, 0.066_873),
    ];

    #[test]
    fn waits_agree_with_the_closed_forms_of_mmc() {
        for (arrivals, service, servers, probability, mean) in TABLE {
            let wait = Wait::stationary(servers, arrivals / (service * servers), 1.0 / service, 1.0);
            assert!((wait.probability - probability).abs() < 1e-6, "C: {wait:?}");
            assert!((wait.mean() - mean).abs() < 1e-6, "Wq: {} for {mean}", wait.mean());
        }
    }

    #[test]
    fn erlang_c_of_many_servers_joins_its_limit() {
        for load in [0.9, 0.97, 0.99] {
            let exact = {
                let (servers, step) = (MANY_SERVERS, 1.0 / (MANY_SERVERS * load));
                let inverse = (1..=servers as u32).fold(1.0, |inverse, k| 1.0 + inverse * f64::from(k) * step);
                1.0 / (load + (1.0 - load) * inverse)
            };
            let limit = erlang_c(MANY_SERVERS + 1.0, (MANY_SERVERS + 1.0) * load);
            assert!((exact - limit).abs() < 0.01, "{load}: {exact} {limit}");
        }
        assert!(erlang_c(100_000.0, 50_000.0) < 1e-9);
    }

    #[test]
    fn a_queue_at_saturation_stays_within_what_half_a_minute_can_build_up() {
        let wait = Wait::stationary(5.0, 1.2, 0.1, 1.0);
        assert!((wait.probability - 1.0).abs() < 1e-12);
        assert!(wait.mean() > 0.5 && wait.mean() < 2.0, "{}", wait.mean());
    }

    #[test]
    fn one_shared_server_makes_requests_wait_in_proportion_to_their_size() {
        for load in [0.3, 0.7, 0.9] {
            let wait = Wait::sharing(1.0, load, 0.2);
            // M/G/1-PS: E[T | x] = x / (1 − ρ).
            assert!((wait.mean() - 0.2 * load / (1.0 - load)).abs() < 1e-9, "{load}: {}", wait.mean());
            for factor in [0.1, 1.0, 8.0] {
                let one = wait.of_size(factor);
                assert!((one.mean() / wait.mean() - factor).abs() < 1e-9 && one.probability < 1.0, "{factor}: {one:?}");
            }
        }
    }

    /// `(pods, load, mean wait, P(W > ½), P(W > 2½))` in mean services of one second: requests one by one, each given to
    /// the pod of one core that holds fewest and sharing it; 400,000 log-normal ones with a coefficient of variation of 1.
    const SHARED: [(f64, f64, f64, f64, f64); 6] = [
        (1.0, 0.7, 2.343, 0.6457, 0.2706),
        (3.0, 0.8, 1.307, 0.5194, 0.1488),
        (5.0, 0.7, 0.398, 0.2431, 0.0286),
        (12.0, 0.8, 0.304, 0.1959, 0.0181),
        (12.0, 0.9, 0.786, 0.4086, 0.0753),
        (40.0, 0.95, 0.576, 0.3322, 0.0464),
    ];

    #[test]
    fn shared_pods_make_requests_wait_as_a_simulation_of_them_does() {
        for (pods, load, mean, half, long) in SHARED {
            let wait = Wait::sharing(pods, load, 1.0);
            assert!((wait.mean() / mean - 1.0).abs() < 0.08, "{pods} {load}: {} for {mean}", wait.mean());
            for (slack, expected) in [(0.5, half), (2.5, long)] {
                let slo = Slo { slack: Duration::from_secs_f64(slack), ..Slo::default() };
                let late = Lateness::new(&slo, &ServiceLaw::new(1.0)).share(1.0, wait);
                assert!((late / expected - 1.0).abs() < 0.2, "{pods} {load} {slack}: {late} for {expected}");
            }
        }
    }

    #[test]
    fn the_late_share_behind_a_moving_backlog_is_the_mean_of_its_parts() {
        let slo = Slo { latency: Some(Duration::from_millis(700)), ..Slo::default() };
        let lateness = Lateness::new(&slo, &ServiceLaw::new(1.0));
        let (steps, swing) = (20_000, Wait { probability: 1.0, rate: 3.0, shared: false });
        for (from, to) in [(0.0, 2.0), (1.5, 0.1), (0.3, 0.3), (0.0, 0.2)] {
            let at = |i: i32| from + (to - from) * (f64::from(i) + 0.5) / f64::from(steps);
            let mean =
                (0..steps).map(|i| lateness.share_behind(0.1, swing, at(i), at(i))).sum::<f64>() / f64::from(steps);
            assert!((lateness.share_behind(0.1, swing, from, to) - mean).abs() < 1e-6, "{from} {to}");
        }
    }

    #[test]
    fn a_service_time_beyond_the_latency_is_late_without_any_wait() {
        let slo = Slo { latency: Some(Duration::from_millis(100)), ..Slo::default() };
        let lateness = Lateness::new(&slo, &ServiceLaw::new(0.0));
        assert!((lateness.unavoidable(0.2) - 1.0).abs() < 1e-12);
        assert!(lateness.unavoidable(0.05).abs() < 1e-12);
    }

    #[test]
    fn a_backlog_that_drains_while_nothing_arrives_has_a_share_of_late_requests() {
        let lateness = Lateness::new(&Slo::default(), &ServiceLaw::new(1.0));
        let none = Wait::NONE;
        // Half of the ages from 0 to 1 s are over the slack of 0.5 s.
        assert!((lateness.share_behind(0.1, none, 1.0, 0.0) - 0.5).abs() < 1e-9);
        assert!((lateness.share_behind(0.1, none, 2.0, 1.0) - 1.0).abs() < 1e-9);
        assert!(Wait::NONE.beyond(0.0).abs() < f64::EPSILON && Wait::NONE.mean().abs() < 1e-9);
    }
}
