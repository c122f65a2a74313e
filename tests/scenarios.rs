//! What users of the HPA report as bugs or surprises: what the controller does, why, and which knob cures it.
//!
//! Each scenario is the real decision procedure on a few hand-made pods, so every number can be checked by hand. Where
//! a thread is known it is named. `cargo test --release --test scenarios -- --nocapture --test-threads 1` prints what is
//! seen and decided, as the README's chapter has it.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test may panic and print")]

use std::ops::Deref;
use std::time::Duration;

use hpatune::hpa::conditions::{ConditionType, Reason};
use hpatune::hpa::decision::HpaStatus;
use hpatune::hpa::explain::Explanation;
use hpatune::hpa::inputs::{
    ContainerRequest, ContainerUsage, Inputs, Phase, PodGroup, ResourceSample, Selector, Status,
};
use hpatune::hpa::settings::Direction;
use hpatune::hpa::spec::{Metric, Target};
use hpatune::hpa::{Decision, Flags, Hpa, Memory, Settings, Spec};
use hpatune::report::{Align, Table};
use hpatune::units::{Percent, Replicas, SimTime};

/// Each pod requests one core, so millicores over ten are percent.
const REQUEST: [ContainerRequest<'static>; 1] =
    [ContainerRequest { name: "app", cpu: Some(1000), memory: Some(1 << 30) }];

/// Pods that are alike. `percent` is what they use of their request; `None` is no sample.
#[derive(Clone, Copy)]
struct Pods {
    count: u32,
    phase: Phase,
    ready: Status,
    /// Seconds at which they started and turned ready.
    since: i64,
    percent: Option<i64>,
}

/// Pods that have run for an hour.
fn old(count: u32, percent: i64) -> Pods {
    Pods { count, phase: Phase::Running, ready: Status::True, since: -3600, percent: Some(percent) }
}

fn pending(count: u32) -> Pods {
    Pods { count, phase: Phase::Pending, ready: Status::False, since: 0, percent: None }
}

fn spec(target: f64, max_replicas: Replicas) -> Spec {
    Settings { target_cpu: Percent::try_from(target).ok(), max_replicas, ..Settings::default() }.spec()
}

/// A controller without downscale stabilisation, and past its first sync, so that scale-downs show at once.
fn hasty(spec: Spec) -> Hpa {
    let flags = Flags { downscale_stabilization: Duration::ZERO, ..Flags::default() };
    Hpa::restore(spec, flags, Memory { history: Some(Vec::new()), ..Memory::default() }, HpaStatus::default())
}

/// A decision, and what there is to say of it.
struct Sync {
    decision: Decision,
    explanation: Explanation,
}

impl Deref for Sync {
    type Target = Decision;

    fn deref(&self) -> &Decision {
        &self.decision
    }
}

/// Prints cases of a scenario, one a line.
fn show(scenario: &str, cases: &[(&str, &Sync)]) {
    let (left, right) = (Align::Left, Align::Right);
    let head = [(scenario, left), ("replicas", right), ("r/u/m/i", right), ("metrics", left), ("bound by", left)];
    let mut table = Table::new(&head);
    for (case, sync) in cases {
        let line = &sync.explanation;
        let pods = line.pods().unwrap_or_default();
        let metrics: Vec<String> = line.metrics.iter().map(ToString::to_string).collect();
        let holding = line.held_by.map(|entry| entry.at(line.t));
        let inactive = sync.status.conditions.get(ConditionType::ScalingActive);
        let inactive = inactive.filter(|condition| condition.status == Status::False);
        let bounds = [holding, line.limit.clone(), inactive.map(|condition| condition.reason.to_string())];
        let size = if line.scaled { format!("{} -> {}", line.current, line.desired) } else { line.current.to_string() };
        table.row([
            (*case).to_owned(),
            size,
            format!("{}/{}/{}/{}", pods.ready, pods.unready, pods.missing, pods.ignored),
            metrics.join("; "),
            bounds.into_iter().flatten().collect::<Vec<_>>().join("; "),
        ]);
    }
    println!("\n{table}");
}

fn sync(hpa: &mut Hpa, at: i64, replicas: Replicas, pods: &[Pods], external: &[(&str, &[i64])]) -> Sync {
    let usage = |pods: &Pods| {
        let cpu = pods.percent.map(|percent| 10 * percent);
        [ContainerUsage { name: "app", cpu, memory: Some(1 << 29) }]
    };
    let usages: Vec<_> = pods.iter().map(usage).collect();
    let measured = pods.iter().zip(&usages).enumerate().filter(|(_, (pods, _))| pods.percent.is_some());
    let samples: Vec<ResourceSample<'_>> = measured
        .map(|(group, (pods, containers))| ResourceSample {
            group: Some(group),
            count: pods.count,
            timestamp: SimTime::from_secs(at),
            window: Duration::from_secs(15),
            containers,
        })
        .collect();
    let group = |pods: &Pods| PodGroup {
        count: pods.count,
        phase: pods.phase,
        start: Some(SimTime::from_secs(pods.since)),
        ready: Some((pods.ready, SimTime::from_secs(pods.since))),
        deleted: false,
        containers: &REQUEST,
        sidecars: &[],
        pod_requests: None,
    };
    let groups: Vec<_> = pods.iter().map(group).collect();
    let inputs = Inputs {
        spec_replicas: replicas,
        status_replicas: replicas,
        selector: Selector::Matches,
        pods: &groups,
        resource_metrics: Some(&samples),
        pods_metrics: &[],
        object_metrics: &[],
        external_metrics: external,
        scale_update_error: false,
    };
    let decision = hpa.sync(SimTime::from_secs(at), &inputs).clone();
    let explanation = Explanation::of(&decision, hpa.spec());
    Sync { decision, explanation }
}

fn desired(decision: &Decision) -> Replicas {
    decision.status.desired_replicas
}

/// kubernetes/kubernetes#29989, #59975: a readiness probe that passes while the application still warms up.
#[test]
fn start_up_cpu_makes_the_hpa_overshoot_unless_the_probe_waits_for_it() {
    let warming = Pods { since: 0, percent: Some(190), ..old(2, 0) };
    let early = sync(&mut hasty(spec(50.0, 40)), 60, 4, &[old(2, 50), warming], &[]);
    assert_eq!(desired(&early), 8, "(50 + 50 + 190 + 190) / 4 = 120 %, cut at twice the size");
    let unready = Pods { ready: Status::False, ..warming };
    let late = sync(&mut hasty(spec(50.0, 40)), 60, 4, &[old(2, 50), unready], &[]);
    assert_eq!(desired(&late), 4, "pods that are not ready do not count for CPU");
    let mut slow = spec(50.0, 40);
    let wait = Direction { stabilization: Some(Duration::from_secs(120)), ..Direction::default() };
    slow.behavior = Settings { scale_up: Some(wait), ..Settings::default() }.spec().behavior;
    let mut hpa = hasty(slow);
    sync(&mut hpa, 0, 4, &[old(4, 50)], &[]);
    let held = sync(&mut hpa, 60, 4, &[old(2, 50), warming], &[]);
    assert_eq!(desired(&held), 4, "a scale-up window outlasts the warm-up");
    assert_eq!(held.status.conditions.get(ConditionType::AbleToScale).unwrap().reason, Reason::ScaleUpStabilized);
    let cases = [("ready while warming up", &early), ("probe waits", &late), ("scaleUp window 120 s", &held)];
    show("start-up CPU", &cases);
}

/// kubernetes/kubernetes#82285, #76187: the cluster is full, and the HPA keeps asking for what does not fit.
#[test]
fn pending_pods_block_scale_down_until_the_maximum_fits_the_cluster() {
    for percent in [56, 70, 90] {
        let stuck = sync(&mut hasty(spec(50.0, 10)), 15, 10, &[old(6, percent), pending(4)], &[]);
        assert_eq!(desired(&stuck), 10, "6 pods at {percent} % need fewer than 10, but pending pods turn the ratio");
    }
    let freed = sync(&mut hasty(spec(50.0, 10)), 15, 10, &[old(6, 30), pending(4)], &[]);
    assert_eq!(desired(&freed), 4, "only below the target are pending pods left out: 0.6 of 6 pods");
    let fitting = sync(&mut hasty(spec(50.0, 6)), 15, 10, &[old(6, 70), pending(4)], &[]);
    assert_eq!(desired(&fitting), 6, "maxReplicas at what the cluster holds acts at once, metrics or not");
    let stuck = sync(&mut hasty(spec(50.0, 10)), 15, 10, &[old(6, 56), pending(4)], &[]);
    show("pending pods", &[("6 run, 4 pend", &stuck), ("below target", &freed), ("maxReplicas 6", &fitting)]);
}

/// Sizes up to that which carries a load of so many pods' requests; pods are ready at once, and limited to their request.
fn sizes_to_carry(load: i64, target: f64) -> Vec<Replicas> {
    let mut hpa = hasty(spec(target, 100));
    let mut sizes = vec![2];
    for at in 1..1000 {
        let replicas = *sizes.last().unwrap();
        if i64::from(replicas) > load {
            break;
        }
        let percent = (100 * load / i64::from(replicas)).min(100);
        sizes.push(desired(&sync(&mut hpa, 15 * at, replicas, &[old(replicas as u32, percent)], &[])));
    }
    sizes
}

/// Usage saturates at the limit, so the ratio does too.
#[test]
fn cpu_that_saturates_at_the_limit_slows_scale_up_and_a_lower_target_speeds_it() {
    let one = sync(&mut hasty(spec(80.0, 100)), 15, 8, &[old(8, 100)], &[]);
    assert_eq!(desired(&one), 10, "however large the load, 100 % of 80 % is 1.25");
    let (at_80, at_50) = (sizes_to_carry(40, 80.0), sizes_to_carry(40, 50.0));
    assert_eq!(at_80, [2, 3, 4, 5, 7, 9, 12, 15, 19, 24, 30, 38, 48], "12 syncs, 3 minutes");
    assert_eq!(at_50, [2, 4, 8, 16, 32, 64], "5 syncs, 75 s");
    show("saturation at the limit", &[("8 pods, any load", &one)]);
    println!("40 pods' load, target 80 %: {at_80:?}\n40 pods' load, target 50 %: {at_50:?}");
}

/// An adapter that does not answer keeps idle pods running.
#[test]
fn one_failed_metric_blocks_scale_down_but_not_scale_up() {
    let mut both = spec(50.0, 40);
    both.metrics.push(Metric::External { name: "queue".into(), target: Target::AverageValue(10_000) });
    let down = sync(&mut hasty(both.clone()), 15, 8, &[old(8, 10)], &[]);
    assert_eq!((down.scale_to, down.recommendation), (None, None), "8 idle pods stay");
    let active = down.status.conditions.get(ConditionType::ScalingActive).unwrap();
    assert_eq!((active.status, active.reason), (Status::False, Reason::FailedGetExternalMetric));
    let up = sync(&mut hasty(both.clone()), 15, 8, &[old(8, 90)], &[]);
    assert_eq!(desired(&up), 15, "a scale-up goes on, with an error");
    assert!(up.error.is_some());
    let served = sync(&mut hasty(both), 15, 8, &[old(8, 10)], &[("queue", &[5_000])]);
    assert_eq!(desired(&served), 2, "once the metric is served again");
    let alone = sync(&mut hasty(spec(50.0, 40)), 15, 8, &[old(8, 10)], &[]);
    assert_eq!(desired(&alone), 2, "or without the metric");
    let cases = [("scale-down", &down), ("scale-up", &up), ("metric served", &served), ("metric left out", &alone)];
    show("one failed metric", &cases);
}

/// Scale events over ten minutes of a load that swings between 2 and 8 pods' worth every 30 s.
fn events_of_a_swinging_load(window: Duration) -> usize {
    let down = Direction { stabilization: Some(window), ..Direction::default() };
    let swinging = Settings { target_cpu: Percent::try_from(50.0).ok(), scale_down: Some(down), ..Settings::default() };
    let mut hpa = Hpa::new(swinging.spec(), Flags::default());
    let mut replicas = 4;
    let scaled = (0..40).filter(|at| {
        let load = if at / 2 % 2 == 0 { 400 } else { 100 };
        let pods = old(replicas as u32, load / i64::from(replicas));
        let decision = sync(&mut hpa, 15 * at, replicas, &[pods], &[]);
        replicas = desired(&decision);
        decision.scale_to.is_some()
    });
    scaled.count()
}

/// kubernetes/kubernetes#101371: `stabilizationWindowSeconds: 0` on the way down.
#[test]
fn a_swinging_load_flaps_without_stabilisation() {
    let (without, with) =
        (events_of_a_swinging_load(Duration::ZERO), events_of_a_swinging_load(Duration::from_secs(300)));
    assert_eq!(without, 29, "2 on each way up, at 4 pods per 15 s, and 1 down");
    assert_eq!(with, 1, "up once, and held");
    println!("\nflapping: {without} rescales in 10 minutes without scaleDown window, {with} with 300 s");
}

/// An External metric that is refreshed every 60 s, read every 15 s; pods are ready at once.
fn after_four_syncs_on_one_sample(target: Target) -> Replicas {
    let mut lagging = spec(50.0, 100);
    lagging.metrics = vec![Metric::External { name: "rps".into(), target }];
    let mut hpa = hasty(lagging);
    (1..=4).fold(2, |replicas, at| {
        let pods = [old(replicas as u32, 50)];
        desired(&sync(&mut hpa, 15 * at, replicas, &pods, &[("rps", &[200_000])]))
    })
}

/// A metric that is older than the sync period is acted on again and again.
#[test]
fn a_minute_old_metric_counts_once_per_sync_unless_its_target_is_per_pod() {
    let (whole, per_pod) = (
        after_four_syncs_on_one_sample(Target::Value(100_000)),
        after_four_syncs_on_one_sample(Target::AverageValue(50_000)),
    );
    assert_eq!(whole, 32, "2 4 8 16 32: twice at each sync");
    assert_eq!(per_pod, 4, "200 / 50, whatever the size");
    let fresh = Pods { percent: None, since: 15, ..old(2, 0) };
    let cpu = sync(&mut hasty(spec(50.0, 100)), 30, 4, &[old(2, 100), fresh], &[]);
    assert_eq!(desired(&cpu), 4, "for CPU the new pods have no sample and count as idle, which damps");
    println!("\nmetrics lag: 4 syncs on one sample take 2 pods to {whole} with Value, to {per_pod} with AverageValue");
    show("metrics lag", &[("CPU, 2 of 4 pods new", &cpu)]);
}

/// kubernetes/kubernetes#72775, #84142: 383 pods grow to 664 over a few rolling updates.
#[test]
fn a_rolling_update_multiplies_replicas_by_the_surge_unless_tolerance_covers_its_cpu() {
    let rolling = |surge: u32| [old(4, 60), Pods { since: -600, ..old(surge, 60) }];
    let tight = |surge| sync(&mut hasty(spec(50.0, 100)), 15, 4, &rolling(surge), &[]);
    assert_eq!(desired(&tight(0)), 5, "1.2 of 4 pods");
    assert_eq!(tight(4).recommendation, Some(10), "1.2 of the 8 pods that are there, not of the 4 asked for");
    assert_eq!(desired(&tight(1)), 6, "a small maxSurge bounds it");
    let mut tolerant = spec(50.0, 100);
    let up = Direction { tolerance: Some(0.25), ..Direction::default() };
    tolerant.behavior = Settings { scale_up: Some(up), ..Settings::default() }.spec().behavior;
    let covered = sync(&mut hasty(tolerant), 15, 4, &rolling(4), &[]);
    assert_eq!(desired(&covered), 4, "a scale-up tolerance absorbs it");
    let (none, one, four) = (tight(0), tight(1), tight(4));
    let cases = [("no surge", &none), ("maxSurge 1", &one), ("maxSurge 100 %", &four), ("tolerance 0.25", &covered)];
    show("rolling update", &cases);
}
