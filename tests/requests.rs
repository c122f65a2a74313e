//! The request level in worlds that make no sense: whatever happens, requests are conserved, figures are finite and the
//! run ends.
#![allow(clippy::unwrap_used, clippy::float_cmp, reason = "a test that panics or differs has failed")]

use std::sync::Arc;
use std::time::Duration;

use hpatune::autoscalers::HpaAutoscaler;
use hpatune::hpa;
use hpatune::sim::settings::{Arrivals, Balancing, Cluster, Family, IntOrPercent, Queue, Throttling};
use hpatune::sim::{
    Autoscaler, Knobs, Level, Patch, Run, Settings, Tenant, TimelineRow, View, Workload, run, run_together,
};
use hpatune::trace::{Header, Series};
use hpatune::units::{Bytes, Millicores, Percent, Replicas, SimTime};
use proptest::prelude::*;

/// Asks for each of a list of replicas in turn, then again.
struct Script(Vec<Replicas>, usize);

impl Autoscaler for Script {
    fn period(&self) -> Duration {
        Duration::from_secs(15)
    }

    fn sync(&mut self, _: SimTime, _: &View<'_>) -> Option<Replicas> {
        self.1 += 1;
        self.0.get((self.1 - 1) % self.0.len().max(1)).copied()
    }

    fn patch(&mut self, _: &Patch) {}

    fn knobs(&self) -> Option<Knobs> {
        None
    }
}

fn settings() -> Settings {
    Settings { level: Level::Requests, ..Settings::default() }
}

fn workload(counts: &[f64], duration_ms: Option<f64>, settings: &Settings) -> Arc<Workload> {
    let series = Series {
        function: "f".into(),
        requests: Some(counts.to_vec()),
        duration_ms: duration_ms.map(|duration| vec![duration; counts.len()]),
        ..Series::default()
    };
    let header =
        Header { interval_ms: 60_000, origin_ms: None, source: "test".into(), licence: None, tool: "t".into() };
    Arc::new(Workload::new(&series, &header, settings).unwrap())
}

fn replay(workload: &Arc<Workload>, settings: &Settings, autoscaler: impl Autoscaler + 'static) -> Run {
    let run = run(workload, settings, Box::new(autoscaler), None, 7, workload.window(), true);
    sound(&run);
    run
}

/// Conserved and finite.
fn sound(run: &Run) {
    let books = run.books.unwrap();
    assert!(books.agree(), "{books:?}");
    let outcome = &run.outcome;
    let kept = outcome.requests.completed + outcome.requests.dropped + run.in_flight();
    assert!((kept - outcome.requests.offered).abs() <= 1e-9 * outcome.requests.offered.max(1.0));
    assert!(outcome.requests.late <= outcome.requests.completed);
    let times = outcome.time_ms.unwrap();
    assert!(
        (times.queue + times.service + times.retry - outcome.latency_ms.mean).abs()
            <= 1e-6 * outcome.latency_ms.mean.max(1.0)
    );
    let balance = outcome.balance.unwrap();
    assert!(balance.jain > 0.0 && balance.jain <= 1.0 + 1e-9, "{balance:?}");
    let known = |row: &TimelineRow| row.p95_ms <= row.p99_ms || (row.p95_ms.is_nan() && row.p99_ms.is_nan());
    assert!(run.timeline.iter().all(known));
    let text = serde_json::to_string(outcome).unwrap();
    assert!(!text.contains("null"), "JSON writes what is not finite as null: {text}");
    assert!(run.timeline.iter().all(|row| row.latency_ms.is_finite() && row.backlog_s.is_finite()));
    // Pods never use more than they have, starting and terminating ones included.
    let totals = run.totals();
    assert!(totals.pod_seconds >= totals.ready_seconds - 1e-6 && totals.cpu_seconds >= 0.0);
}

#[test]
fn requests_without_cpu_are_answered_at_once() {
    let mut settings = settings();
    settings.pod.replicas = Some(1);
    let series = Series {
        function: "f".into(),
        requests: Some(vec![600.0; 10]),
        cpu_millicores: Some(vec![0.0; 10]),
        ..Series::default()
    };
    let header =
        Header { interval_ms: 60_000, origin_ms: None, source: "test".into(), licence: None, tool: "t".into() };
    let workload = Arc::new(Workload::new(&series, &header, &settings).unwrap());
    let run = replay(&workload, &settings, Script(vec![1], 0));
    assert_eq!((run.outcome.requests.completed, run.outcome.requests.late), (6000.0, 0.0));
    assert!(run.outcome.latency_ms.p999 < 0.01 && run.totals().cpu_seconds == 0.0);
}

#[test]
fn requests_of_hours_stay_in_flight_or_end_with_their_pod() {
    let mut settings = settings();
    settings.pod.replicas = Some(4);
    settings.pod.cpu_request = Millicores(8000);
    settings.workload.service_cv = 0.0;
    let hours = Some(3.0 * 3600e3);
    let run = replay(&workload(&[2.0; 240], hours, &settings), &settings, Script(vec![4], 0));
    let requests = run.outcome.requests;
    assert_eq!(requests.offered, 480.0);
    assert!(run.in_flight() > 300.0, "{} in flight", run.in_flight());
    // Told to stop, pods give up after the grace period what they have not finished.
    let run = replay(&workload(&[2.0; 240], hours, &settings), &settings, Script(vec![4, 4, 0, 0], 0));
    assert!(
        run.outcome.requests.dropped > 400.0 && run.outcome.requests.completed == 0.0,
        "{:?}",
        run.outcome.requests
    );
}

#[test]
fn ten_million_requests_in_a_slot_are_dropped_or_served() {
    let mut settings = settings();
    settings.pod.replicas = Some(10);
    settings.workload.cpu_per_request_ms = Some(1.0);
    let run = replay(&workload(&[0.0, 1e7, 0.0, 0.0], None, &settings), &settings, Script(vec![10], 0));
    let requests = run.outcome.requests;
    assert_eq!(requests.offered, 1e7);
    // 5 cores serve 300,000 requests of 1 ms while the first wait less than the time-out. Later ones are taken just
    // before it, share their pod, and finish for clients that have gone.
    assert!((300_000.0..330_000.0).contains(&requests.completed), "{requests:?}");
    assert_eq!(run.in_flight(), 0.0);
    assert!(!run.outcome.slo.met);
}

#[test]
fn a_week_without_requests_costs_its_pods_and_has_no_latency() {
    let settings = settings();
    let run = replay(
        &workload(&vec![0.0; 7 * 1440], None, &settings),
        &settings,
        HpaAutoscaler::new(&hpa::Settings::default()),
    );
    assert_eq!(run.outcome.requests.offered, 0.0);
    assert!(run.outcome.slo.met && run.outcome.latency_ms.p99 == 0.0);
    assert!((run.outcome.cost.replica_hours - 168.0).abs() < 1e-6);
}

#[test]
fn pods_that_outgrow_their_memory_die_back_off_and_come_again() {
    let mut settings = settings();
    settings.pod.replicas = Some(2);
    settings.pod.memory_request = Bytes(256 << 20);
    settings.workload.memory_per_request = Bytes(16 << 20);
    settings.slo.timeout = Duration::from_secs(5);
    // Eight requests fit a pod; load is five times what two pods serve.
    let run = replay(&workload(&[3000.0; 60], None, &settings), &settings, Script(vec![2], 0));
    let requests = run.outcome.requests;
    assert!(requests.dropped > 0.8 * requests.offered && requests.completed > 0.0, "{requests:?}");
    assert!(run.totals().ready_seconds < 0.5 * run.totals().pod_seconds, "pods spend most of their time backing off");
    assert!((run.totals().pod_seconds - 7200.0).abs() < 1e-6, "and are paid all the same");
}

#[test]
fn pods_too_small_for_their_own_base_never_serve() {
    let mut settings = settings();
    settings.pod.replicas = Some(3);
    settings.workload.memory_base = Bytes(1 << 30);
    let run = replay(&workload(&[60.0; 60], None, &settings), &settings, Script(vec![3], 0));
    assert_eq!(run.outcome.requests.completed, 0.0);
    assert_eq!(run.outcome.slo.violation_rate, run.outcome.requests.dropped / 3600.0);
}

#[test]
fn without_room_for_a_single_pod_every_request_times_out() {
    let mut settings = settings();
    settings.pod.replicas = Some(1);
    settings.cluster.cpu = Some(Millicores(400));
    let run = replay(&workload(&[60.0; 30], None, &settings), &settings, Script(vec![1, 5], 0));
    assert_eq!(run.outcome.requests.completed, 0.0);
    assert_eq!(run.outcome.cost.replica_hours, 0.0);
    assert!(run.outcome.requests.dropped >= 28.0 * 60.0 && run.outcome.cold_starts.request_rate == 1.0);
}

#[test]
fn scaling_to_zero_and_back_keeps_requests_at_the_gateway() {
    let mut settings = settings();
    settings.pod.replicas = Some(0);
    settings.workload.cpu_per_request_ms = Some(10.0);
    settings.slo.timeout = Duration::from_secs(300);
    let script = Script(vec![0, 0, 0, 0, 3, 3, 3, 3, 3, 3, 3, 3, 0], 0);
    let run = replay(&workload(&[30.0; 60], None, &settings), &settings, script);
    assert!(run.outcome.cold_starts.request_rate > 0.1);
    let (arrived, waited) = (run.outcome.cold_starts.request_rate, run.outcome.cold_starts.waited_rate.unwrap());
    // Each start takes in all that had come by then; the few that come after the last pod has gone still wait at the end.
    assert!((waited - arrived).abs() < 0.02, "{waited} taken of {arrived} that came");
    assert!(run.outcome.requests.dropped < 5.0, "{:?}", run.outcome.requests);
    assert!(run.outcome.latency_ms.p99 > 10e3, "some wait for a start");
}

#[test]
fn a_seed_and_a_trace_fix_every_figure_and_another_seed_changes_them() {
    let settings = settings();
    let workload = workload(&[600.0; 60], None, &settings);
    let of = |seed| {
        let autoscaler = Box::new(HpaAutoscaler::new(&hpa::Settings::default()));
        run(&workload, &settings, autoscaler, None, seed, workload.window(), true)
    };
    let (first, again, other) = (of(1), of(1), of(2));
    assert_eq!(first, again);
    assert_ne!(first.outcome, other.outcome);
    assert_eq!(first.outcome.requests.offered, other.outcome.requests.offered, "counts are the trace's");
}

#[test]
fn a_client_that_may_try_again_gives_up_only_after_its_last_attempt() {
    let mut settings = settings();
    settings.pod.replicas = Some(1);
    settings.cluster.cpu = Some(Millicores(400));
    settings.requests.retries = 2;
    let counts = [vec![60.0; 10], vec![0.0; 10]].concat();
    let run = replay(&workload(&counts, None, &settings), &settings, Script(vec![1], 0));
    let requests = run.outcome.requests;
    assert_eq!((requests.offered, requests.retried, requests.dropped), (600.0, Some(1200.0), 600.0));
    assert_eq!((run.in_flight(), run.outcome.slo.violation_rate), (0.0, 1.0));
    // Three time-outs each, and no time in flight between them; lines are looked through at scrapes and syncs only.
    let seconds = run.totals().in_flight_seconds;
    assert!((1800.0 * 60.0..1800.0 * 75.0).contains(&seconds), "{seconds}");
}

#[test]
fn what_a_pod_takes_to_its_end_is_sent_again_and_served_by_another() {
    let mut settings = settings();
    settings.pod.replicas = Some(6);
    settings.pod.termination_grace = Duration::ZERO;
    let counts = [vec![300.0; 30], vec![0.0; 2]].concat();
    let script = || Script(vec![6, 6, 4, 5, 6, 4, 3, 6], 0);
    let workload = workload(&counts, None, &settings);
    let once = replay(&workload, &settings, script()).outcome.requests;
    settings.requests.retries = 3;
    let again = replay(&workload, &settings, script());
    let requests = again.outcome.requests;
    assert!(once.dropped > 10.0 && once.retried == Some(0.0), "{once:?}");
    assert_eq!((requests.dropped, requests.completed), (0.0, requests.offered));
    assert!(requests.retried.unwrap() >= 0.5 * once.dropped && again.outcome.time_ms.unwrap().retry > 0.0);
}

#[test]
fn a_late_answer_counts_from_the_first_attempt() {
    let mut settings = settings();
    settings.pod.replicas = Some(1);
    settings.pod.concurrency = 1;
    settings.requests.queue_limit = Some(0);
    settings.requests.retries = 10;
    settings.requests.retry_backoff = Duration::from_secs(20);
    let run = replay(&workload(&[120.0; 60], None, &settings), &settings, Script(vec![1], 0));
    let (requests, time) = (run.outcome.requests, run.outcome.time_ms.unwrap());
    assert_eq!(requests.dropped, 0.0);
    assert!(time.queue == 0.0 && time.retry > 1000.0, "{time:?}");
    // Without a line none that is served at once is late; of those that come again nearly all are.
    assert!(requests.late > 0.25 * requests.offered && requests.late < requests.retried.unwrap(), "{requests:?}");
}

#[test]
fn clients_that_turn_away_leave_their_work_behind() {
    // A pod at 1.5 times its capacity, shared by all: without retries the work of those that have gone is what keeps the
    // others late; each retry adds to it.
    let mut settings = settings();
    settings.pod.replicas = Some(1);
    settings.slo.timeout = Duration::from_secs(5);
    let workload = workload(&[450.0; 60], None, &settings);
    let completed = |retries| {
        let mut settings = settings.clone();
        settings.requests.retries = retries;
        let run = replay(&workload, &settings, Script(vec![1], 0));
        assert!(run.totals().cpu_seconds > 0.49 * 3600.0, "the pod is busy all the time");
        run.outcome.requests.completed
    };
    let (never, thrice) = (completed(0), completed(3));
    assert!(thrice < 0.9 * never, "{thrice} after {never}");
}

fn balancing() -> impl Strategy<Value = Balancing> {
    use Balancing::{LeastOutstanding, PowerOfTwo, Random, RoundRobin, WeightedRoundRobin};
    prop::sample::select(vec![LeastOutstanding, PowerOfTwo, Random, RoundRobin, WeightedRoundRobin])
}

/// How requests lie, with a variation that fits.
fn arrivals() -> impl Strategy<Value = (Option<Arrivals>, f64)> {
    use Arrivals::{Even, Gamma, H2, Mmpp, Poisson};
    let given = [(Even, 1.0), (Poisson, 1.0), (Gamma, 0.7), (H2, 4.0), (Mmpp, 1.0)].map(|(law, cv)| (Some(law), cv));
    let all: Vec<_> = given.into_iter().chain([0.0, 0.5, 1.0, 4.0].map(|cv| (None, cv))).collect();
    prop::sample::select(all)
}

prop_compose! {
    fn worlds()(
        balancing in balancing(),
        queue in prop::sample::select(vec![Queue::Gateway, Queue::Pod]),
        throttling in prop::sample::select(vec![Throttling::Even, Throttling::Cfs]),
        queue_limit in prop::option::of(0_u32..50),
        (concurrency, limit, cpu_ms) in (1_u32..200, 50_u32..4000, 0.1_f64..3000.0),
        (cv, (arrivals, arrival_cv)) in (0.0_f64..3.0, arrivals()),
        (retries, backoff_ms) in (prop::sample::select(vec![0_u32, 0, 1, 5]), 1_u64..60_000),
        speed_cv in prop::sample::select(vec![0.0, 0.5, 3.0]),
        family in prop::sample::select(vec![Family::Gamma, Family::LogNormal]),
        (timeout, grace) in (1_u64..90, 0_u64..60),
        memory_per_request in 0_u64..(8 << 20),
        (start, cluster) in (0_u64..60, prop::option::of(100_u32..20_000)),
        crash_rate in prop::sample::select(vec![0.0, 1.0, 30.0, 600.0]),
        crash_all_at in prop::collection::vec(0_u64..1500, 0..4),
        rollouts in prop::collection::vec(0_u64..1500, 0..4),
        (surge, unavailable) in (0_u32..150, 0_u32..=100),
        nodes in prop::option::of((0_u32..4, 0_u32..4, 0_u32..6, 1_u32..5, 0_u64..300)),
        more_limit in prop::bool::ANY,
    ) -> Settings {
        let mut it = settings();
        it.requests.balancing = balancing;
        it.requests.queue = queue;
        it.requests.throttling = throttling;
        it.requests.queue_limit = queue_limit;
        (it.requests.arrivals, it.requests.arrival_cv) = (arrivals, arrival_cv);
        (it.requests.retries, it.requests.retry_backoff) = (retries, Duration::from_millis(backoff_ms));
        it.pod.speed_cv = speed_cv;
        it.pod.concurrency = concurrency;
        it.pod.cpu_request = Millicores(limit);
        it.pod.termination_grace = Duration::from_secs(grace);
        it.workload.cpu_per_request_ms = Some(cpu_ms);
        it.workload.service_cv = cv;
        it.workload.service_law = family;
        it.workload.memory_per_request = Bytes(memory_per_request);
        it.slo.timeout = Duration::from_secs(timeout);
        it.slo.target = Percent::try_from(95.0).unwrap();
        it.startup.median = Duration::from_secs(start);
        it.startup.p99 = Duration::from_secs(2 * start);
        it.cluster.cpu = cluster.map(Millicores);
        it.pod.cpu_limit = more_limit.then_some(Millicores(3 * limit));
        if let Some((nodes, more, pods, most_pods, provisioning)) = nodes {
            it.cluster = Cluster { nodes: Some(nodes), max_nodes: Some(nodes + more), ..Cluster::default() };
            it.cluster.min_nodes = Some(nodes / 2);
            it.cluster.node_cpu = Some(Millicores(pods * limit + limit / 2));
            it.cluster.node_memory = Some(Bytes(4 << 30));
            it.cluster.node_pods = most_pods;
            it.cluster.provisioning = Duration::from_secs(provisioning);
            it.cluster.scale_down_after = Duration::from_secs(provisioning);
        }
        it.rollout.at = rollouts.into_iter().map(Duration::from_secs).collect();
        it.rollout.max_surge = IntOrPercent::Percent(surge);
        it.rollout.max_unavailable = IntOrPercent::Percent(unavailable);
        it.faults.crash_rate = crash_rate;
        it.faults.crash_all_at = crash_all_at.into_iter().map(Duration::from_secs).collect();
        it
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn any_world_is_conserved_finite_and_the_same_twice(
        settings in worlds(),
        counts in prop::collection::vec(0.0_f64..1500.0, 4..20),
        script in prop::collection::vec(0_i32..40, 1..30),
        duration in prop::option::of(1.0_f64..5000.0),
    ) {
        let workload = workload(&counts, duration, &settings);
        let first = replay(&workload, &settings, Script(script.clone(), 0));
        let again = replay(&workload, &settings, Script(script, 0));
        // Unknown figures of a timeline are NaN, which equals nothing.
        prop_assert_eq!(format!("{first:?}"), format!("{again:?}"));
    }

    #[test]
    fn any_functions_that_share_a_cluster_are_conserved_and_the_same_twice(
        settings in worlds(),
        counts in prop::collection::vec(prop::collection::vec(0.0_f64..900.0, 4..15), 1..4),
        script in prop::collection::vec(0_i32..20, 1..30),
    ) {
        let tenants = || -> Vec<Tenant> {
            let loads = counts.iter().map(|counts| workload(counts, None, &settings));
            let tenant = |workload: Arc<Workload>| {
                let window = workload.window();
                Tenant { workload, autoscaler: Box::new(Script(script.clone(), 0)), tuner: None, window }
            };
            loads.map(tenant).collect()
        };
        let first = run_together(tenants(), &settings, 7, true);
        first.runs.iter().for_each(sound);
        prop_assert_eq!(first.runs.len(), counts.len());
        prop_assert_eq!(format!("{first:?}"), format!("{:?}", run_together(tenants(), &settings, 7, true)));
    }

    #[test]
    fn two_policies_on_one_seed_meet_the_same_requests(
        settings in worlds(),
        counts in prop::collection::vec(0.0_f64..600.0, 4..10),
    ) {
        let workload = workload(&counts, None, &settings);
        let few = replay(&workload, &settings, Script(vec![1], 0));
        let many = replay(&workload, &settings, Script(vec![30], 0));
        prop_assert_eq!(few.outcome.requests.offered, many.outcome.requests.offered);
    }
}
