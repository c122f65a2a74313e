//! The request level against queueing theory: means lie within the 99 % confidence interval of seeded replications, and
//! the books agree in every run.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that panics has failed; these tests print a table"
)]

use std::sync::Arc;
use std::time::Duration;

use hpatune::random::{Purpose, stream};
use hpatune::sim::law::ServiceLaw;
use hpatune::sim::settings::{Balancing, Family, Queue};
use hpatune::sim::{Autoscaler, Knobs, Level, Patch, Run, Settings, View, Workload, run};
use hpatune::trace::{Header, Series};
use hpatune::units::{Bytes, Millicores, Replicas, SimTime};
use rand_distr::{Distribution as _, Poisson};

const REPLICATIONS: u64 = 12;
/// The 99.5th percentile of Student's t with 11 degrees of freedom.
const T: f64 = 3.1058;

/// Leaves the pods as they are.
struct Fixed;

impl Autoscaler for Fixed {
    fn period(&self) -> Duration {
        Duration::from_secs(60)
    }

    fn sync(&mut self, _: SimTime, _: &View<'_>) -> Option<Replicas> {
        None
    }

    fn patch(&mut self, _: &Patch) {}

    fn knobs(&self) -> Option<Knobs> {
        None
    }
}

/// A system of `pods` pods of one core, each request needing `1/mu` seconds of it in the mean.
#[derive(Clone)]
struct System {
    lambda: f64,
    hours: usize,
    /// Mean duration of a request; what is not CPU time is waiting for others.
    duration_ms: Option<f64>,
    settings: Settings,
}

impl System {
    fn new(lambda: f64, mu: f64, pods: i32) -> Self {
        let mut settings = Settings { level: Level::Requests, ..Settings::default() };
        settings.pod.replicas = Some(pods);
        settings.pod.cpu_request = Millicores(1000);
        settings.pod.concurrency = 1;
        settings.workload.cpu_per_request_ms = Some(1000.0 / mu);
        settings.workload.service_law = Family::Gamma;
        settings.slo.timeout = Duration::from_secs(1_000_000);
        Self { lambda, hours: 6, duration_ms: None, settings }
    }

    fn cv(mut self, cv: f64, family: Family) -> Self {
        (self.settings.workload.service_cv, self.settings.workload.service_law) = (cv, family);
        self
    }

    /// Any number of requests in a pod share its core.
    fn shared(mut self) -> Self {
        self.settings.pod.concurrency = u32::MAX;
        self.settings.workload.memory_per_request = Bytes(0);
        self
    }

    fn hours(mut self, hours: usize) -> Self {
        self.hours = hours;
        self
    }

    /// Runs with the counts of a Poisson process, drawn anew for each replication.
    fn replicate(&self) -> Vec<Run> {
        let minute = Poisson::new(60.0 * self.lambda).unwrap();
        let replication = |seed| {
            let mut rng = stream(seed, Purpose::Synth, 99);
            let slots = 60 * self.hours;
            let requests = Some((0..slots).map(|_| minute.sample(&mut rng)).collect());
            let duration_ms = self.duration_ms.map(|duration| vec![duration; slots]);
            let series = Series { function: "f".into(), requests, duration_ms, ..Series::default() };
            let (origin_ms, source) = (None, "test".into());
            let header = Header { interval_ms: 60_000, origin_ms, source, licence: None, tool: "t".into() };
            let workload = Arc::new(Workload::new(&series, &header, &self.settings).unwrap());
            let run = run(&workload, &self.settings, Box::new(Fixed), None, seed, workload.window(), false);
            assert!(run.books.unwrap().agree(), "{:?}", run.books);
            run
        };
        (0..REPLICATIONS).map(replication).collect()
    }

    fn servers(&self) -> f64 {
        f64::from(self.settings.pod.replicas.unwrap())
    }
}

/// Mean over replications, and half the width of its 99 % confidence interval.
fn interval(runs: &[Run], figure: impl Fn(&Run) -> f64) -> (f64, f64) {
    let values: Vec<f64> = runs.iter().map(figure).collect();
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0);
    (mean, T * (variance / n).sqrt())
}

/// The exact value lies in the interval, and the interval is narrow enough to say something.
fn agrees(runs: &[Run], what: &str, exact: f64, figure: impl Fn(&Run) -> f64) {
    let (mean, half) = interval(runs, figure);
    println!("{what}: {mean:.6} ± {half:.6} for {exact:.6}");
    assert!((mean - exact).abs() <= half, "{what}: {mean} ± {half} for {exact}");
    assert!(half < 0.06 * exact, "{what}: an interval of ± {half} says little about {exact}");
}

fn response_s(run: &Run) -> f64 {
    run.outcome.latency_ms.mean / 1e3
}

/// `(λ, μ, c, W, p95, p99, Erlang B)`, computed once with mpmath.
const MMC: [(f64, f64, i32, f64, f64, f64, f64); 4] = [
    (8.0, 10.0, 1, 0.5, 1.49787, std::f64::consts::LN_10, 0.444_444),
    (8.0, 1.0, 10, 1.204_590, 3.32827, 4.94611, 0.121_661),
    (45.0, 10.0, 5, 0.252_499, 0.681_25, 1.004_98, 0.243_021),
    (90.0, 10.0, 10, 0.166_873, 0.436_09, 0.624_99, 0.167_963),
];

#[test]
fn one_line_for_all_pods_is_m_m_c() {
    for (lambda, mu, pods, mean, p95, p99, _) in MMC {
        let runs = System::new(lambda, mu, pods).replicate();
        let name = |figure| format!("M/M/{pods} at {lambda}/s: {figure}");
        agrees(&runs, &name("W"), mean, response_s);
        agrees(&runs, &name("p95"), p95, |run| run.outcome.latency_ms.p95 / 1e3);
        agrees(&runs, &name("p99"), p99, |run| run.outcome.latency_ms.p99 / 1e3);
        let times = |run: &Run| run.outcome.time_ms.unwrap();
        agrees(&runs, &name("time in queue"), mean - 1.0 / mu, |run| times(run).queue / 1e3);
        agrees(&runs, &name("time in service"), 1.0 / mu, |run| times(run).service / 1e3);
        let used = |run: &Run| run.totals().cpu_seconds / run.totals().ready_seconds;
        agrees(&runs, &name("utilisation"), lambda / mu / f64::from(pods), used);
    }
}

#[test]
fn a_pod_that_shares_its_core_is_insensitive_to_the_law_of_service() {
    for (cv, family) in [(0.0, Family::LogNormal), (1.0, Family::LogNormal), (1.0, Family::Gamma), (2.0, Family::Gamma)]
    {
        let runs = System::new(7.0, 10.0, 1).shared().cv(cv, family).replicate();
        // M/G/1-PS: E[T] = E[S]/(1 − ρ).
        agrees(&runs, &format!("M/G/1-PS, {family:?} {cv}"), 0.1 / 0.3, response_s);
        // E[T | x] = x/(1 − ρ), so slowdowns have the mean 1/(1 − ρ) under any law; nothing waits in a line.
        agrees(&runs, "its slowdown", 1.0 / 0.3, |run| run.outcome.slowdown.unwrap().mean);
        assert!(runs.iter().all(|run| run.outcome.time_ms.unwrap().queue.abs() < 1e-9));
        assert!(runs.iter().all(|run| (run.outcome.balance.unwrap().jain - 1.0).abs() < 1e-9), "one pod is even");
    }
}

#[test]
fn random_balancing_makes_each_pod_a_queue_of_its_own() {
    let mut system = System::new(28.0, 10.0, 4).shared().cv(1.0, Family::LogNormal);
    system.settings.requests.balancing = Balancing::Random;
    agrees(&system.replicate(), "4 × M/G/1-PS", 0.1 / 0.3, response_s);
    // With a line in front of each pod, and one request at a time, each is M/M/1.
    let mut system = System::new(28.0, 10.0, 4);
    (system.settings.requests.balancing, system.settings.requests.queue) = (Balancing::Random, Queue::Pod);
    agrees(&system.replicate(), "4 × M/M/1", 0.1 / 0.3, response_s);
}

#[test]
fn better_balancing_never_waits_longer() {
    let mean = |balancing| {
        let mut system = System::new(32.0, 10.0, 4).hours(3);
        (system.settings.requests.balancing, system.settings.requests.queue) = (balancing, Queue::Pod);
        interval(&system.replicate(), response_s).0
    };
    let order = [Balancing::LeastOutstanding, Balancing::PowerOfTwo, Balancing::RoundRobin, Balancing::Random];
    let means = order.map(mean);
    assert!(means.windows(2).all(|pair| pair[0] < pair[1]), "{means:?}");
}

#[test]
fn one_server_waits_as_pollaczek_and_khinchine_say() {
    for (cv, family) in [(0.0, Family::LogNormal), (0.5, Family::Gamma), (1.5, Family::LogNormal)] {
        let system = System::new(6.0, 10.0, 1).cv(cv, family);
        // Wq = (1 + CV²)/2 · ρ/(μ − λ).
        let exact = 0.1 + f64::midpoint(1.0, cv * cv) * 0.6 / 4.0;
        agrees(&system.replicate(), &format!("M/G/1 FCFS, {family:?} {cv}"), exact, response_s);
    }
}

#[test]
fn several_servers_wait_nearly_as_lee_and_longton_say() {
    for (cv, family) in [(0.0, Family::LogNormal), (2.0, Family::Gamma)] {
        let system = System::new(45.0, 10.0, 5).cv(cv, family);
        let (mean, half) = interval(&system.replicate(), |run| response_s(run) - 0.1);
        let formula = f64::midpoint(1.0, cv * cv) * 0.152_499;
        println!("M/G/5, {family:?} {cv}: {mean:.6} ± {half:.6}, Lee and Longton {formula:.6}");
        // The formula is known to be some percent off, less so under heavy load.
        assert!((mean / formula - 1.0).abs() < 0.06 + half / formula, "{mean} for {formula}");
    }
}

#[test]
fn without_a_line_requests_are_lost_as_erlang_says_whatever_the_law() {
    for (lambda, mu, pods, .., erlang_b) in MMC {
        for (cv, family) in [(1.0, Family::Gamma), (2.0, Family::LogNormal), (0.0, Family::LogNormal)] {
            let mut system = System::new(lambda, mu, pods).cv(cv, family);
            system.settings.requests.queue_limit = Some(0);
            let lost = |run: &Run| run.outcome.requests.dropped / run.outcome.requests.offered;
            agrees(&system.replicate(), &format!("Erlang B of {} at {lambda}/s", system.servers()), erlang_b, lost);
        }
    }
}

#[test]
fn clients_that_try_again_much_later_meet_a_fresh_stream() {
    // As the distance to the next attempt grows, attempts become Poisson at rate λ(1 + B + … + Bʳ), with B what Erlang's
    // formula gives at that rate (Cohen, Philips Telecommunication Review 18, 1957).
    for (lambda, mu, pods, retries, backoff_s) in [(8.0, 1.0, 10, 1, 60), (45.0, 10.0, 5, 2, 10)] {
        let mut system = System::new(lambda, mu, pods);
        system.settings.requests.queue_limit = Some(0);
        system.settings.requests.retries = retries;
        system.settings.requests.retry_backoff = Duration::from_secs(backoff_s);
        let mut blocked = 0.0;
        for _ in 0..200 {
            let attempts: f64 = (0..=retries).map(|n| f64::powi(blocked, n.cast_signed())).sum();
            let load = lambda / mu * attempts;
            blocked = (1..=pods).fold(1.0, |b, k| load * b / (f64::from(k) + load * b));
        }
        let runs = system.replicate();
        let name = |what| format!("{retries} retries at {lambda}/s: {what}");
        let exact = f64::powi(blocked, retries.cast_signed() + 1);
        agrees(&runs, &name("lost"), exact, |run| run.outcome.requests.dropped / run.outcome.requests.offered);
        let again: f64 = (1..=retries).map(|n| f64::powi(blocked, n.cast_signed())).sum();
        let retried = |run: &Run| run.outcome.requests.retried.unwrap() / run.outcome.requests.offered;
        agrees(&runs, &name("sent again"), again, retried);
    }
}

#[test]
fn pods_of_unequal_speed_are_queues_of_unequal_speed() {
    // Under random balancing each is M/G/1-PS by itself, of its own speed; a slow one would be unstable at too much load.
    let mut system = System::new(12.0, 10.0, 4).shared().cv(1.0, Family::LogNormal);
    system.settings.requests.balancing = Balancing::Random;
    system.settings.pod.speed_cv = 0.3;
    let of = |(seed, run): (usize, Run)| {
        let speeds = (0..4).map(|nth| {
            let mut rng = stream(seed as u64, Purpose::PodSpeed, u64::from(u32::MAX - nth));
            ServiceLaw::new(0.3).sample(&mut rng)
        });
        let exact = speeds.map(|speed| 0.25 / (10.0 * speed - 3.0)).sum::<f64>();
        assert!(run.outcome.balance.unwrap().jain < 0.999, "slow pods are busier");
        response_s(&run) / exact
    };
    let ratios: Vec<f64> = system.replicate().into_iter().enumerate().map(of).collect();
    let n = ratios.len() as f64;
    let mean = ratios.iter().sum::<f64>() / n;
    let half = T * (ratios.iter().map(|ratio| (ratio - mean).powi(2)).sum::<f64>() / (n - 1.0) / n).sqrt();
    println!("pods of unequal speed: {mean:.5} ± {half:.5} of the closed form");
    assert!((mean - 1.0).abs() <= half && half < 0.02, "{mean} ± {half}");
}

#[test]
fn time_spent_waiting_for_others_takes_no_cpu_and_no_queue() {
    // Requests take 100 ms of CPU and 200 ms of waiting for others: pods share their CPU among any number of them.
    let mut system = System::new(7.0, 10.0, 1).shared().cv(1.0, Family::LogNormal);
    system.duration_ms = Some(300.0);
    let runs = system.replicate();
    agrees(&runs, "PS and a delay", 0.1 / 0.3 + 0.2, response_s);
    agrees(&runs, "CPU of a PS and a delay", 0.7, |run| run.totals().cpu_seconds / run.totals().ready_seconds);
}
