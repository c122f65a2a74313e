//! The simulator against independent computations: conservation, a brute-force integrator, the HPA's known limits.
#![allow(clippy::unwrap_used, clippy::float_cmp, reason = "a test that panics or differs has failed")]

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use hpatune::autoscalers::HpaAutoscaler;
use hpatune::hpa;
use hpatune::random::{Purpose, stream};
use hpatune::sim::{Autoscaler, Knobs, Patch, Run, Settings, Simulation, View, Workload, run};
use hpatune::trace::{Header, Series};
use hpatune::units::{Bytes, Percent, Replicas, SimTime};
use proptest::prelude::*;
use rand_distr::{Distribution as _, LogNormal};

/// Asks for the same number of pods for ever, or for `then` from a time on.
#[derive(Clone, Copy)]
struct Script {
    then: Option<(SimTime, Replicas)>,
}

impl Autoscaler for Script {
    fn period(&self) -> Duration {
        Duration::from_secs(15)
    }

    fn sync(&mut self, now: SimTime, _: &View<'_>) -> Option<Replicas> {
        self.then.and_then(|(at, replicas)| (now >= at).then_some(replicas))
    }

    fn patch(&mut self, _: &Patch) {}

    fn knobs(&self) -> Option<Knobs> {
        None
    }
}

const FIXED: Script = Script { then: None };

fn header(interval_s: i64) -> Header {
    Header { interval_ms: interval_s * 1000, origin_ms: None, source: "test".into(), licence: None, tool: "t".into() }
}

fn workload(rates: &[f64], interval_s: i64, settings: &Settings) -> Arc<Workload> {
    let requests = Some(rates.iter().map(|rate| rate * interval_s as f64).collect());
    let series = Series { function: "f".into(), requests, ..Series::default() };
    Arc::new(Workload::new(&series, &header(interval_s), settings).unwrap())
}

fn settings(replicas: Replicas) -> Settings {
    let mut settings = Settings::default();
    settings.pod.replicas = Some(replicas);
    // Out of memory has its own test; the swing of measured CPU is compared with single requests.
    settings.workload.memory_per_request = Bytes(0);
    settings.metrics.swing = false;
    settings
}

fn replay(workload: &Arc<Workload>, settings: &Settings, autoscaler: impl Autoscaler + 'static, seed: u64) -> Run {
    run(workload, settings, Box::new(autoscaler), None, seed, workload.window(), true)
}

fn conserved(run: &Run) {
    let totals = run.totals();
    let found = totals.completed + totals.dropped + run.in_flight();
    assert!((found - totals.offered).abs() <= 1e-6 * totals.offered.max(1.0), "{found} of {}", totals.offered);
}

#[test]
fn a_sufficient_fixed_deployment_serves_everything_at_the_cost_of_its_pods() {
    let mut settings = settings(4);
    settings.pod.concurrency = 1;
    let workload = workload(&[12.0; 60], 60, &settings);
    let run = replay(&workload, &settings, FIXED, 1);
    let (outcome, totals) = (&run.outcome, run.totals());
    conserved(&run);
    assert!((outcome.requests.offered - 43_200.0).abs() < 1e-6);
    assert!((outcome.cost.replica_hours - 4.0).abs() < 1e-9);
    assert!((totals.cpu_seconds - 4320.0).abs() < 1e-6, "12 requests/s at 100 ms for an hour");
    assert!((outcome.cost.usd - 4.0 * (0.5 * 0.040_48 + 0.5 * 0.004_445)).abs() < 1e-9);
    // M/M/4 at λ = 12/s and μ = 5/s: Erlang's C is 0.2870 and Wq 35.9 ms (mpmath).
    assert!((outcome.latency_ms.mean - 235.87).abs() < 0.1, "{}", outcome.latency_ms.mean);
    let late = 0.287_0 * (-8.0_f64 * 0.5).exp();
    assert!((outcome.slo.violation_rate - late).abs() < 1e-4, "{}", outcome.slo.violation_rate);
    assert!((outcome.replicas.mean - 4.0).abs() < 1e-9 && outcome.cold_starts.pods == 0.0);
}

#[test]
fn memory_is_wasted_by_pods_while_they_compute_nothing() {
    let settings = settings(5);
    // 10 requests/s of 100 ms on pods of half a core keep 2 of 5 pods busy.
    let workload = workload(&[10.0; 60], 60, &settings);
    let waste = replay(&workload, &settings, FIXED, 1).outcome.waste;
    assert!((waste.idle_gb_hours - 3.0 * 0.5).abs() < 1e-6, "3 pods of half a GiB for an hour: {waste:?}");
    assert!((waste.normalised_memory - 2.5).abs() < 1e-6, "{waste:?}");
    let idle = workload_of_nothing(&settings);
    let waste = replay(&idle, &settings, FIXED, 1).outcome;
    assert!(waste.waste.normalised_memory == 0.0, "nothing was computed");
    assert!((waste.elasticity.idle_pod_seconds - 5.0 * 3600.0).abs() < 1e-6, "5 pods that nobody asked for");
}

fn workload_of_nothing(settings: &Settings) -> Arc<Workload> {
    workload(&[0.0; 60], 60, settings)
}

/// First come, first served, parcel by parcel in ticks of a millisecond.
fn brute_force(workload: &Workload, pods: f64, timeout: f64) -> [f64; 4] {
    const TICK: f64 = 1e-3;
    let interval = workload.interval_us() as f64 / 1e6;
    let capacity = pods * workload.pod().limit;
    let mut line: std::collections::VecDeque<(f64, f64, usize)> = std::collections::VecDeque::new();
    let (mut completed, mut late, mut dropped, mut cpu) = (0.0, 0.0, 0.0, 0.0);
    let ticks = (interval * workload.slots().len() as f64 / TICK).round() as usize;
    for tick in 0..ticks {
        let now = (tick as f64 + 0.5) * TICK;
        let index = ((now / interval) as usize).min(workload.slots().len() - 1);
        let slot = &workload.slots()[index];
        let wait = workload.wait(slot, pods as u32);
        if line.is_empty() && slot.rate * slot.cpu_s <= capacity {
            completed += slot.rate * TICK;
            cpu += slot.rate * slot.cpu_s * TICK;
            late += slot.rate * TICK * workload.lateness().share(slot.service_s, wait);
            continue;
        }
        line.push_back((now, slot.rate * TICK, index));
        let mut budget = capacity * TICK;
        while let Some(front) = line.front_mut() {
            let (age, head) = (now - front.0, &workload.slots()[front.2]);
            if age > timeout {
                dropped += front.1;
                line.pop_front();
                continue;
            }
            let served = front.1.min(budget / head.cpu_s);
            completed += served;
            cpu += served * head.cpu_s;
            late += served * workload.lateness().share_behind(head.service_s, wait, age, age);
            budget -= served * head.cpu_s;
            front.1 -= served;
            if front.1 > 1e-15 {
                break;
            }
            line.pop_front();
        }
    }
    [completed, late, dropped, cpu]
}

#[test]
fn backlog_lateness_and_time_outs_agree_with_a_brute_force_integrator() {
    let mut settings = settings(3);
    settings.slo.timeout = Duration::from_secs(20);
    settings.slo.slowdown = 3.0;
    let rates = [5.0, 30.0, 12.0, 0.0, 18.0, 2.0, 60.0, 60.0, 0.0, 3.0, 14.0, 16.0, 9.0];
    for cpu in
        [None, Some([300.0, 4000.0, 900.0, 0.0, 2400.0, 100.0, 3000.0, 9000.0, 0.0, 900.0, 1400.0, 1600.0, 500.0])]
    {
        let requests = Some(rates.iter().map(|rate| rate * 20.0).collect());
        let cpu_millicores = cpu.map(|cpu| cpu.to_vec());
        let series = Series { function: "f".into(), requests, cpu_millicores, ..Series::default() };
        let workload = Arc::new(Workload::new(&series, &header(20), &settings).unwrap());
        let run = replay(&workload, &settings, FIXED, 1);
        conserved(&run);
        let totals = run.totals();
        let exact = [totals.completed, totals.late, totals.dropped, totals.cpu_seconds];
        let ticked = brute_force(&workload, 3.0, 20.0);
        for (exact, ticked) in exact.into_iter().zip(ticked) {
            assert!((exact - ticked).abs() < 2e-3 * ticked + 0.5, "{exact} for {ticked} in {cpu:?}");
        }
        assert!(totals.dropped > 10.0 && totals.late > 10.0, "the case has both");
    }
}

/// Request by request: Poisson arrivals in slots, log-normal service, `servers` servers and one line. Returns the share
/// that waited longer than `slack`, or was dropped at `timeout`.
fn one_by_one(rates: &[f64], slot_s: f64, servers: usize, service_s: f64, slack: f64, timeout: f64) -> f64 {
    let mut rng = stream(11, Purpose::Arrivals, 0);
    let sigma = 2.0_f64.ln().sqrt();
    let service = LogNormal::new(service_s.ln() - sigma * sigma / 2.0, sigma).unwrap();
    let mut free = vec![0.0_f64; servers];
    let (mut late, mut all) = (0.0, 0.0);
    for (index, &rate) in rates.iter().enumerate() {
        let (mut now, end) = (index as f64 * slot_s, (index + 1) as f64 * slot_s);
        loop {
            now += -(1.0 - rng.random::<f64>()).ln() / rate;
            if now >= end {
                break;
            }
            let first = (0..servers).min_by(|&a, &b| free[a].total_cmp(&free[b])).unwrap();
            let start = free[first].max(now);
            all += 1.0;
            late += f64::from(u8::from(start - now > slack));
            if start - now <= timeout {
                free[first] = start + service.sample(&mut rng);
            }
        }
    }
    late / all
}

#[test]
fn late_shares_agree_with_requests_simulated_one_by_one() {
    for (pods, mean) in [(2, 0.75), (5, 0.75), (5, 0.9), (10, 0.9), (25, 0.9), (10, 1.0)] {
        let settings = settings(pods);
        let capacity = f64::from(pods) * 5.0;
        let rates: Vec<f64> =
            (0..240).map(|i| capacity * mean * (1.0 + 0.2 * f64::from(i * 37 % 17 - 8) / 8.0)).collect();
        let run = replay(&workload(&rates, 60, &settings), &settings, FIXED, 1);
        let exact = one_by_one(&rates, 60.0, pods as usize, 0.2, 0.5, 60.0);
        let found = run.outcome.slo.violation_rate;
        assert!((found - exact).abs() < 0.06, "{pods} pods at {mean}: {found} for {exact}");
    }
}

fn hpa(target: f64, max: Replicas) -> hpa::Settings {
    hpa::Settings { target_cpu: Percent::try_from(target).ok(), max_replicas: max, ..hpa::Settings::default() }
}

#[test]
fn the_hpa_holds_utilization_near_its_target() {
    let settings = settings(1);
    let workload = workload(&[40.0; 180], 60, &settings);
    let run = replay(&workload, &settings, HpaAutoscaler::new(&hpa(50.0, 100)), 3);
    let last = run.timeline.last().unwrap();
    // 40 requests/s at 100 ms are 4 cores; at half of 500m each that is 16 pods, and 10 % more or less is tolerated.
    assert!((15.0..=18.0).contains(&last.replicas), "{last:?}");
    assert!((last.utilization - 100.0 * 8.0 / last.ready).abs() < 1.0, "{last:?}");
    conserved(&run);
}

#[test]
fn saturation_at_the_limit_caps_growth_at_limit_over_target() {
    // At limit = request utilisation never exceeds 100 %, so a target of 80 % grows by at most 1.25 at a time.
    let settings = settings(10);
    let workload = workload(&[2000.0; 30], 60, &settings);
    let run = replay(&workload, &settings, HpaAutoscaler::new(&hpa(80.0, 1000)), 3);
    for pair in run.timeline.windows(2) {
        assert!(pair[1].replicas <= (pair[0].replicas * 1.25).ceil(), "{} to {}", pair[0].replicas, pair[1].replicas);
    }
    assert!(run.timeline.iter().all(|row| row.utilization.is_nan() || row.utilization <= 100.5));
    assert!(run.timeline.last().unwrap().replicas > 50.0);
}

#[test]
fn a_step_in_load_shows_only_after_the_metrics_path() {
    let seen = |lag_s: u64| {
        let mut settings = settings(10);
        settings.metrics.lag = Duration::from_secs(lag_s);
        let rates: Vec<f64> = (0..40).map(|slot| if slot < 20 { 10.0 } else { 45.0 }).collect();
        let workload = workload(&rates, 60, &settings);
        let run = replay(&workload, &settings, FIXED, 5);
        let first = run.timeline.iter().find(|row| row.utilization > 30.0).unwrap();
        first.t - 1200.0
    };
    let (prompt, late) = (seen(0), seen(60));
    assert!((0.0..=45.0).contains(&prompt), "scrape window, scrape phase and sync phase: {prompt}");
    assert!((60.0..=105.0).contains(&late) && late > prompt + 30.0, "{late}");
}

#[test]
fn pods_start_after_their_start_up_and_requests_wait_for_the_first() {
    let settings = settings(0);
    let workload = workload(&[5.0; 20], 60, &settings);
    let run = replay(&workload, &settings, Script { then: Some((SimTime::from_secs(300), 2)) }, 9);
    let first = run.timeline.iter().find(|row| row.ready > 0.0).unwrap();
    assert!((305.0..=360.0).contains(&first.t), "{first:?}");
    assert!(run.outcome.cold_starts.request_rate > 0.2 && run.outcome.cold_starts.pods == 2.0);
    assert!(run.outcome.requests.dropped > 1000.0, "without pods requests time out after a minute");
    conserved(&run);
}

#[test]
fn a_full_cluster_keeps_pods_pending() {
    let mut settings = settings(2);
    settings.cluster.cpu = Some(hpatune::units::Millicores(3000));
    let workload = workload(&[1.0; 20], 60, &settings);
    let run = replay(&workload, &settings, Script { then: Some((SimTime::from_secs(60), 50)) }, 9);
    let last = run.timeline.last().unwrap();
    assert!((last.replicas - 50.0).abs() < 1e-9 && (last.ready - 6.0).abs() < 1e-9, "{last:?}");
    assert!(run.outcome.cost.replica_hours < 6.0 / 3.0 + 1e-9, "only placed pods are paid");
}

#[test]
fn pods_above_their_memory_limit_are_killed_and_come_back() {
    let mut settings = settings(4);
    settings.workload.memory_per_request = Bytes(8 << 20);
    settings.pod.concurrency = 1000;
    let rates: Vec<f64> = (0..60).map(|slot| if slot == 20 { 80.0 } else { 5.0 }).collect();
    let workload = workload(&rates, 60, &settings);
    let run = replay(&workload, &settings, FIXED, 2);
    let fewest = run.timeline.iter().map(|row| row.ready).fold(f64::MAX, f64::min);
    assert!(fewest < 4.0, "an overload of 60 requests/s outgrows 384 MiB");
    assert!((run.timeline.last().unwrap().ready - 4.0).abs() < 1e-9, "all are back at the end");
    assert!(run.outcome.requests.dropped > 0.0);
    conserved(&run);
}

#[test]
fn draining_pods_are_paid_until_they_end() {
    let settings = settings(10);
    let workload = workload(&[0.0; 10], 60, &settings);
    let run = replay(&workload, &settings, Script { then: Some((SimTime::ZERO, 1)) }, 2);
    assert!(run.outcome.scaling.churn == 9.0 && run.outcome.scaling.actions == 1.0);
    assert!((run.timeline[0].ready - 1.0).abs() < 1e-9);
}

#[test]
fn missing_samples_leave_the_hpa_with_the_rest() {
    let mut settings = settings(10);
    settings.metrics.missing = 0.3;
    let workload = workload(&[40.0; 120], 60, &settings);
    let run = replay(&workload, &settings, HpaAutoscaler::new(&hpa(80.0, 40)), 4);
    assert!(run.timeline.iter().all(|row| (row.utilization - 800.0 / row.ready).abs() < 10.0 || row.ready != 10.0));
    assert!(run.timeline.last().unwrap().replicas >= 10.0, "missing pods count as full when scaling down");
}

#[test]
fn a_patch_changes_the_next_sync() {
    let settings = settings(10);
    let workload = workload(&[40.0; 30], 60, &settings);
    let autoscaler = Box::new(HpaAutoscaler::new(&hpa(80.0, 100)));
    let mut simulation = Simulation::new(Arc::clone(&workload), &settings, autoscaler, 1, workload.window());
    simulation.advance(SimTime::from_secs(60));
    assert_eq!(simulation.telemetry().spec_replicas, 10);
    simulation.patch(&Patch { min_replicas: Some(25), ..Patch::default() });
    simulation.advance(SimTime::from_secs(90));
    let telemetry = simulation.telemetry();
    assert_eq!((telemetry.spec_replicas, telemetry.knobs.unwrap().min_replicas), (25, 25));
    assert_eq!(telemetry.load.len(), 6);
}

#[test]
fn two_halves_add_up_to_merged_figures() {
    let settings = settings(3);
    let workload = workload(&[10.0, 20.0, 5.0, 25.0], 60, &settings);
    let part = |window: Range<SimTime>| run(&workload, &settings, Box::new(FIXED), None, 1, window, false);
    let halves = [part(SimTime::ZERO..SimTime::from_secs(120)), part(SimTime::from_secs(120)..SimTime::from_secs(240))];
    let both = Run::merge(&halves).unwrap();
    assert!((both.outcome.requests.offered - 3600.0).abs() < 1e-6);
    assert!((both.outcome.sim.simulated_s - 240.0).abs() < 1e-9);
    let objective: f64 = halves.iter().map(|run| run.outcome.objective).sum();
    assert!((both.outcome.objective - objective).abs() < 1e-12);
    let max = halves.iter().map(|run| run.outcome.latency_ms.p999).fold(0.0, f64::max);
    assert!(both.outcome.latency_ms.p999 <= max * 1.0001);
}

#[test]
fn windows_beyond_the_trace_are_cut() {
    let settings = settings(1);
    let workload = workload(&[1.0; 5], 60, &settings);
    let window = SimTime::from_secs(240)..SimTime::from_secs(9000);
    let cut = run(&workload, &settings, Box::new(FIXED), None, 1, window, false);
    assert!((cut.outcome.sim.simulated_s - 60.0).abs() < 1e-9);
    let empty = run(&workload, &settings, Box::new(FIXED), None, 1, SimTime::from_secs(900)..SimTime::ZERO, false);
    assert!(empty.outcome.sim.simulated_s == 0.0 && empty.outcome.slo.violation_rate == 0.0);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_load_is_conserved_within_bounds_and_repeatable(
        rates in prop::collection::vec(prop_oneof![Just(0.0), 0.0..5.0_f64, 0.0..400.0_f64], 1..40),
        interval in 5_i64..400, seed in 0_u64..1000, min in 1_i32..5, spread in 0_i32..40,
        memory in prop_oneof![Just(0_u64), Just(1 << 20), Just(20 << 20)], lag in 0_u64..90, missing in 0.0..0.5_f64,
    ) {
        let mut settings = Settings::default();
        settings.workload.memory_per_request = Bytes(memory);
        settings.metrics.lag = Duration::from_secs(lag);
        settings.metrics.missing = missing;
        settings.startup.cpu_share = 0.5;
        let workload = workload(&rates, interval, &settings);
        let spec = hpa::Settings { min_replicas: min, max_replicas: min + spread, ..hpa::Settings::default() };
        let first = replay(&workload, &settings, HpaAutoscaler::new(&spec), seed);
        conserved(&first);
        let totals = first.totals();
        prop_assert!(totals.late <= totals.completed * 1.000_001 + 1e-6 && totals.dropped >= 0.0);
        prop_assert!(totals.ready_seconds <= totals.pod_seconds + 1e-6);
        for row in &first.timeline {
            let replicas = row.replicas as i32;
            prop_assert!((min..=min + spread).contains(&replicas), "{}", row.replicas);
            prop_assert!(row.ready <= f64::from(min + spread) + 1e-9);
        }
        let json = |run: &Run| serde_json::to_string(&run.outcome).unwrap();
        let again = replay(&workload, &settings, HpaAutoscaler::new(&spec), seed);
        prop_assert_eq!(json(&first), json(&again));
    }

    #[test]
    fn more_load_on_the_same_pods_never_makes_fewer_violations(
        rates in prop::collection::vec(0.0..60.0_f64, 1..20), pods in 1_i32..8, factor in 1.0..3.0_f64,
    ) {
        let settings = settings(pods);
        let violations = |factor: f64| {
            let rates: Vec<f64> = rates.iter().map(|rate| rate * factor).collect();
            let run = replay(&workload(&rates, 60, &settings), &settings, FIXED, 1);
            run.totals().violations() + run.in_flight()
        };
        prop_assert!(violations(factor) >= violations(1.0) * (1.0 - 1e-6) - 1e-6);
    }
}
