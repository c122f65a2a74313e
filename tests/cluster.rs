//! What happens to pods besides the HPA: containers crash, Deployments are updated, nodes are full, others want them too.
#![allow(clippy::unwrap_used, clippy::float_cmp, reason = "a test that panics or differs has failed")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use hpatune::autoscalers::HpaAutoscaler;
use hpatune::hpa;
use hpatune::sim::settings::IntOrPercent::{Count, Percent};
use hpatune::sim::settings::Throttling;
use hpatune::sim::{
    Autoscaler, Knobs, Level, Patch, Run, Settings, Tenant, Together, View, Workload, run, run_together,
};
use hpatune::trace::{Header, Series};
use hpatune::units::{Bytes, Millicores, Replicas, SimTime};

/// Asks for each of a list of replicas in turn, at a sync each; the last for ever.
struct Script(Vec<Replicas>, usize);

impl Autoscaler for Script {
    fn period(&self) -> Duration {
        Duration::from_secs(15)
    }

    fn sync(&mut self, _: SimTime, _: &View<'_>) -> Option<Replicas> {
        self.1 += 1;
        self.0.get(self.1 - 1).copied()
    }

    fn patch(&mut self, _: &Patch) {}

    fn knobs(&self) -> Option<Knobs> {
        None
    }
}

/// What a [`Watch`] saw each second: time, ready pods, `status.replicas`, and pods that have a place, terminating ones
/// included.
type Second = (f64, Replicas, Replicas, Replicas);
type Seen = Arc<Mutex<Vec<Second>>>;

/// Looks each second, and scales as a list of times says.
struct Watch(Seen, Vec<(f64, Replicas)>);

impl Autoscaler for Watch {
    fn period(&self) -> Duration {
        Duration::from_secs(1)
    }

    fn sync(&mut self, now: SimTime, view: &View<'_>) -> Option<Replicas> {
        let placed = view.inputs.pods.iter().filter(|pods| pods.start.is_some() || pods.deleted);
        let placed: u32 = placed.map(|pods| pods.count).sum();
        let seen = (now.secs(), view.telemetry.ready, view.inputs.status_replicas, placed.cast_signed());
        self.0.lock().unwrap().push(seen);
        self.1.iter().rfind(|it| it.0 <= now.secs()).map(|it| it.1)
    }

    fn patch(&mut self, _: &Patch) {}

    fn knobs(&self) -> Option<Knobs> {
        None
    }
}

/// Replays under a [`Watch`].
fn watch(workload: &Arc<Workload>, settings: &Settings, scale: Vec<(f64, Replicas)>) -> (Run, Vec<Second>) {
    let seen = Seen::default();
    let run = replay(workload, settings, Watch(Arc::clone(&seen), scale), 1);
    let seen = seen.lock().unwrap().clone();
    (run, seen)
}

const FIXED: Script = Script(Vec::new(), 0);
const LEVELS: [Level; 2] = [Level::Fluid, Level::Requests];

fn settings(replicas: Replicas, level: Level) -> Settings {
    let mut settings = Settings { level, ..Settings::default() };
    settings.pod.replicas = Some(replicas);
    settings.workload.memory_per_request = Bytes(0);
    settings.workload.cpu_per_request_ms = Some(100.0);
    settings
}

fn workload(function: &str, rates: &[f64], settings: &Settings) -> Arc<Workload> {
    let requests = Some(rates.iter().map(|rate| rate * 60.0).collect());
    let series = Series { function: function.into(), requests, ..Series::default() };
    let header =
        Header { interval_ms: 60_000, origin_ms: None, source: "test".into(), licence: None, tool: "t".into() };
    Arc::new(Workload::new(&series, &header, settings).unwrap())
}

fn replay(workload: &Arc<Workload>, settings: &Settings, autoscaler: impl Autoscaler + 'static, seed: u64) -> Run {
    let run = run(workload, settings, Box::new(autoscaler), None, seed, workload.window(), true);
    sound(&run);
    run
}

/// Conserved and finite.
fn sound(run: &Run) {
    let totals = run.totals();
    let found = totals.completed + totals.dropped + run.in_flight();
    assert!((found - totals.offered).abs() <= 1e-6 * totals.offered.max(1.0), "{found} of {}", totals.offered);
    assert!(run.books.is_none_or(|books| books.agree()), "{:?}", run.books);
    let text = serde_json::to_string(&run.outcome).unwrap();
    assert!(!text.contains("null"), "JSON writes what is not finite as null: {text}");
    assert!(totals.pod_seconds >= totals.ready_seconds - 1e-6 && totals.cpu_seconds >= 0.0);
}

#[test]
fn without_faults_nobody_speaks_of_them() {
    let settings = settings(4, Level::Fluid);
    let run = replay(&workload("f", &[10.0; 10], &settings), &settings, FIXED, 1);
    assert_eq!(run.outcome.faults, None);
    assert!(!serde_json::to_string(&run.outcome).unwrap().contains("faults"));
}

#[test]
fn crashes_come_at_the_configured_rate_of_containers_that_run() {
    for level in LEVELS {
        let mut settings = settings(20, level);
        settings.faults.crash_rate = 1.0;
        let day = workload("f", &[0.5; 1440], &settings);
        let crashes: f64 =
            (0..4).map(|seed| replay(&day, &settings, FIXED, seed).outcome.faults.unwrap().crashes).sum();
        // 20 pods for 4 days at one crash an hour of running. After most crashes a container is away for 10 s, after
        // one within ten minutes (one in seven) for 20 s and so on: 12 s in the mean of an hour, 0.3 %. Poisson's
        // standard deviation is 44.
        assert!((crashes - 1914.0).abs() < 132.0, "{crashes} at the {} level", level.name());
    }
}

#[test]
fn two_policies_meet_the_same_crashes() {
    let mut settings = settings(5, Level::Fluid);
    settings.faults.crash_rate = 0.5;
    let day = workload("f", &[5.0; 1440], &settings);
    let first = replay(&day, &settings, FIXED, 3);
    assert_eq!(first.outcome, replay(&day, &settings, FIXED, 3).outcome);
    // Twice as many replicas later on: the first five crash as before.
    let grown = replay(&day, &settings, Script(vec![5, 10], 0), 3);
    assert!(grown.outcome.faults.unwrap().crashes > first.outcome.faults.unwrap().crashes);
    assert_ne!(first.outcome.faults, replay(&day, &settings, FIXED, 4).outcome.faults);
}

#[test]
fn when_all_pods_crash_at_once_what_they_hold_is_lost_and_they_are_away_for_the_back_off() {
    for level in LEVELS {
        let mut settings = settings(4, level);
        settings.faults.crash_all_at = [600, 1200].map(Duration::from_secs).to_vec();
        settings.startup.fixed = Duration::ZERO;
        settings.startup.median = Duration::from_secs(5);
        settings.startup.p99 = Duration::from_secs(5);
        let workload = workload("f", &[8.0; 30], &settings);
        let run = replay(&workload, &settings, FIXED, 1);
        let (faults, totals) = (run.outcome.faults.unwrap(), run.totals());
        assert_eq!((faults.crashes, faults.oom_kills), (8.0, 0.0), "four pods, twice, at the {} level", level.name());
        // Away for 10 s and 5 s of start the first time; the second one comes within ten minutes of readiness: 20 s.
        let away = totals.pod_seconds - totals.ready_seconds;
        assert!((away - 4.0 * (15.0 + 25.0)).abs() < 1e-6, "{away} pod-seconds");
        // Requests are lost that were in service, about two; those that come meanwhile wait for a start.
        assert!((0.0..12.0).contains(&totals.dropped) && totals.dropped > 0.0, "{}", totals.dropped);
        assert!((totals.cold - 8.0 * 40.0).abs() < 60.0, "{}", totals.cold);
        let ready = |t: f64| run.timeline.iter().rfind(|row| row.t <= t).unwrap().ready;
        assert_eq!((ready(599.0), ready(660.0)), (4.0, 4.0));
    }
}

#[test]
fn a_deployment_that_always_crashes_serves_little_and_ends() {
    for level in LEVELS {
        let mut settings = settings(3, level);
        settings.faults.crash_rate = 3600.0;
        let run = replay(&workload("f", &[5.0; 60], &settings), &settings, FIXED, 1);
        let requests = run.outcome.requests;
        assert!(run.outcome.faults.unwrap().crashes > 30.0 && !run.outcome.slo.met);
        assert!(requests.dropped > 0.9 * requests.offered, "{requests:?}");
    }
}

#[test]
fn crashes_shorter_than_a_start_leave_no_pod_ready_and_lose_nothing_that_no_pod_holds() {
    let mut settings = settings(2, Level::Requests);
    settings.faults.crash_all_at = (1..60).map(|minute| Duration::from_secs(60 * minute)).collect();
    settings.startup.median = Duration::from_secs(90);
    settings.startup.p99 = Duration::from_secs(90);
    settings.slo.timeout = Duration::from_secs(7200);
    let run = replay(&workload("f", &[1.0; 60], &settings), &settings, FIXED, 1);
    // Ready for the first minute only; then a start takes longer than the next crash is away, but for long back-offs.
    assert!(run.totals().ready_seconds < 0.5 * run.totals().pod_seconds);
    assert!(run.outcome.requests.dropped <= 40.0, "{:?}", run.outcome.requests);
}

fn starting_for(seconds: u64, settings: &mut Settings) {
    settings.startup.fixed = Duration::ZERO;
    settings.startup.probe_period = Duration::ZERO;
    settings.startup.median = Duration::from_secs(seconds);
    settings.startup.p99 = Duration::from_secs(seconds);
}

#[test]
fn an_update_of_four_pods_at_25_percent_goes_as_worked_by_hand() {
    for level in LEVELS {
        let mut settings = settings(4, level);
        starting_for(20, &mut settings);
        settings.rollout.at = vec![Duration::from_secs(300)];
        let (run, seen) = watch(&workload("f", &[4.0; 20], &settings), &settings, Vec::new());
        let at = |t: f64| seen.iter().rfind(|it| it.0 <= t).map(|it| (it.1, it.2)).unwrap();
        // At once: one starts, an old one goes, another one starts. 20 s on both are ready, two old ones go and two
        // start; 20 s on those are ready, and the last old one goes.
        assert_eq!([299.0, 302.0, 318.0].map(at), [(4, 4), (3, 5), (3, 5)]);
        assert_eq!([322.0, 338.0, 342.0, 600.0].map(at), [(3, 5), (3, 5), (4, 4), (4, 4)]);
        assert_eq!(run.outcome.cold_starts.pods, 4.0);
        assert_eq!((run.outcome.scaling.actions, run.outcome.replicas.max), (0.0, 4.0), "spec.replicas stays");
        assert_eq!(run.outcome.requests.dropped, 0.0, "what an old pod holds it finishes");
    }
}

#[test]
fn a_surge_of_100_percent_doubles_the_pods_that_the_hpa_counts() {
    let mut settings = settings(6, Level::Fluid);
    starting_for(60, &mut settings);
    settings.rollout.at = vec![Duration::from_secs(300)];
    settings.rollout.max_surge = Percent(100);
    settings.rollout.max_unavailable = Count(0);
    let (run, seen) = watch(&workload("f", &[4.0; 20], &settings), &settings, Vec::new());
    assert!(seen.iter().all(|it| it.1 >= 6), "none lacks");
    let double = seen.iter().filter(|it| it.2 == 12).count();
    assert!((58..=61).contains(&double), "{double} seconds of twelve pods");
    // Twelve pods for a minute, and the old ones' termination.
    let more = run.totals().pod_seconds - 6.0 * 1200.0;
    assert!((360.0..372.0).contains(&more), "{more}");
}

#[test]
fn replicas_that_change_during_an_update_are_shared_out_and_it_ends_all_the_same() {
    for level in LEVELS {
        let mut settings = settings(10, level);
        starting_for(60, &mut settings);
        settings.rollout.every = Some(Duration::from_secs(900));
        settings.rollout.max_surge = Count(3);
        settings.rollout.max_unavailable = Count(2);
        let scale = vec![(0.0, 10), (930.0, 15), (1830.0, 3), (2000.0, 0), (2500.0, 5)];
        let (run, seen) = watch(&workload("f", &[4.0; 60], &settings), &settings, scale.clone());
        let spec = |t: f64| scale.iter().rfind(|it| it.0 <= t).unwrap().1;
        for &(t, ready, status, _) in &seen {
            let room = seen.iter().rfind(|it| it.0 < t - 1.5).map_or(10, |it| spec(it.0));
            assert!(status <= spec(t).max(room) + 3, "{status} of {} at {t}", spec(t));
            let settled = ![0.0, 930.0, 2500.0].iter().any(|from| (*from..from + 70.0).contains(&t));
            assert!(!settled || ready >= spec(t) - 2, "{ready} of {} at {t}", spec(t));
        }
        let last = seen.last().unwrap();
        assert_eq!((last.1, last.2), (5, 5));
        assert_eq!(run.outcome.scaling.actions, 4.0);
    }
}

#[test]
fn pods_that_never_start_stop_an_update() {
    let mut settings = settings(8, Level::Fluid);
    starting_for(100_000, &mut settings);
    settings.rollout.at = vec![Duration::from_secs(300)];
    let (_, seen) = watch(&workload("f", &[4.0; 60], &settings), &settings, Vec::new());
    let last = seen.last().unwrap();
    assert_eq!((last.1, last.2), (6, 10), "two may lack, two may be there beyond");
}

/// Nodes of four pods each, which take two minutes to come and ten to go.
fn on_nodes(nodes: u32, most: u32, settings: &mut Settings) {
    starting_for(20, settings);
    settings.startup.image_pull = Duration::from_secs(15);
    settings.cluster.nodes = Some(nodes);
    settings.cluster.max_nodes = Some(most);
    settings.cluster.node_cpu = Some(Millicores(2000));
    settings.cluster.node_memory = Some(Bytes(8 << 30));
    settings.cluster.provisioning = Duration::from_secs(120);
}

#[test]
fn the_cluster_autoscaler_adds_a_node_for_pending_pods_and_lets_an_empty_one_go() {
    for level in LEVELS {
        let mut settings = settings(4, level);
        on_nodes(1, 3, &mut settings);
        let scale = vec![(0.0, 4), (305.0, 8), (1000.0, 4)];
        let (run, seen) = watch(&workload("f", &[4.0; 60], &settings), &settings, scale);
        let cluster = run.outcome.cluster.unwrap();
        // Pods become pending at 305 s and a bit; the scan at 310 s asks for a node, which is there at 430 s; they pull
        // their image for 15 s and start for 20 s. At 1000 s the newest four go, all on the second node; ten minutes on,
        // the scan at 1610 s finds it empty for long enough.
        let at = |t: f64| seen.iter().rfind(|it| it.0 <= t).map(|it| (it.1, it.3)).unwrap();
        assert_eq!([429.0, 432.0, 464.0, 467.0].map(at), [(4, 4), (4, 8), (4, 8), (8, 8)]);
        assert!((cluster.node_hours.unwrap() - (3600.0 + 1300.0) / 3600.0).abs() < 1e-9, "{cluster:?}");
        assert_eq!(cluster.nodes_max, Some(2.0));
        let scaled = seen.iter().find(|it| it.0 >= 305.0).unwrap().0;
        assert!((cluster.pending_pod_seconds - 4.0 * (430.0 - scaled)).abs() < 1e-3, "{cluster:?}");
    }
}

#[test]
fn pods_spread_over_nodes_and_only_the_first_on_a_node_pulls_the_image() {
    let mut settings = settings(1, Level::Fluid);
    on_nodes(2, 2, &mut settings);
    let scale = vec![(0.0, 1), (100.0, 2), (200.0, 3), (300.0, 4)];
    let (_, seen) = watch(&workload("f", &[1.0; 10], &settings), &settings, scale);
    let ready = |pods: Replicas| seen.iter().find(|it| it.1 == pods).unwrap().0;
    // The second pod goes to the empty node: 15 s of pull and 20 s of start. The others find the image.
    for (pods, expected) in [(2, 135.0), (3, 220.0), (4, 320.0)] {
        assert!((0.0..2.5).contains(&(ready(pods) - expected)), "{pods} pods at {}", ready(pods));
    }
}

#[test]
fn a_new_version_of_the_pods_is_pulled_again() {
    let mut settings = settings(2, Level::Fluid);
    on_nodes(2, 2, &mut settings);
    settings.rollout.at = vec![Duration::from_secs(100)];
    settings.rollout.max_surge = Percent(100);
    settings.rollout.max_unavailable = Count(0);
    let (_, seen) = watch(&workload("f", &[1.0; 10], &settings), &settings, Vec::new());
    let double: Vec<f64> = seen.iter().filter(|it| it.2 == 4).map(|it| it.0).collect();
    assert!((34..=36).contains(&double.len()), "15 s of pull and 20 s of start: {}", double.len());
}

#[test]
fn nodes_that_are_never_enough_stay_at_their_most_and_pods_wait() {
    for level in LEVELS {
        let mut settings = settings(20, level);
        on_nodes(0, 3, &mut settings);
        settings.cluster.node_pods = 2;
        let run = replay(&workload("f", &[4.0; 60], &settings), &settings, FIXED, 1);
        let cluster = run.outcome.cluster.unwrap();
        // The first scan asks for all three, which hold two pods each from 120 s on.
        assert_eq!(cluster.nodes_max, Some(3.0));
        assert!((cluster.pending_pod_seconds - (14.0 * 3600.0 + 6.0 * cluster_wait(&run))).abs() < 1e-3, "{cluster:?}");
        assert!(cluster_wait(&run) >= 120.0 && cluster_wait(&run) <= 130.0 + 1e-6);
    }
}

/// How long the pods waited that found a place: from the start until there were nodes.
fn cluster_wait(run: &Run) -> f64 {
    3600.0 - run.totals().pod_seconds / 6.0
}

#[test]
fn nodes_too_small_for_a_single_pod_leave_all_pending_and_say_so() {
    for level in LEVELS {
        let mut settings = settings(3, level);
        on_nodes(2, 5, &mut settings);
        settings.cluster.node_cpu = Some(Millicores(400));
        let run = replay(&workload("f", &[4.0; 10], &settings), &settings, FIXED, 1);
        let (requests, cluster) = (run.outcome.requests, run.outcome.cluster.unwrap());
        assert_eq!((requests.completed, run.totals().pod_seconds), (0.0, 0.0));
        assert_eq!((cluster.nodes_max, cluster.pending_pod_seconds), (Some(2.0), 1800.0), "none is asked for in vain");
        let said = settings.cluster.too_small(&settings.pod).unwrap();
        assert!(said.contains("`cluster.node_cpu`") && said.contains("raise it"), "{said}");
    }
}

#[test]
fn crashes_and_updates_on_nodes_keep_their_books() {
    for level in LEVELS {
        let mut settings = settings(6, level);
        on_nodes(1, 4, &mut settings);
        settings.faults.crash_rate = 2.0;
        settings.rollout.every = Some(Duration::from_secs(1200));
        let scale = vec![(0.0, 6), (700.0, 14), (1500.0, 3), (2500.0, 9)];
        let (run, seen) = watch(&workload("f", &[6.0; 60], &settings), &settings, scale);
        assert!(seen.iter().all(|it| it.3 <= 16), "four nodes hold 16 pods");
        let cluster = run.outcome.cluster.unwrap();
        assert!(cluster.nodes_max.unwrap() <= 4.0 && cluster.node_hours.unwrap() >= 1.0, "{cluster:?}");
    }
}

fn tenant(workload: &Arc<Workload>, autoscaler: impl Autoscaler + 'static) -> Tenant {
    let window = workload.window();
    Tenant { workload: Arc::clone(workload), autoscaler: Box::new(autoscaler), tuner: None, window }
}

fn together(tenants: Vec<Tenant>, settings: &Settings) -> Together {
    let together = run_together(tenants, settings, 1, true);
    together.runs.iter().chain(&together.total).for_each(sound);
    together
}

#[test]
fn what_one_function_frees_another_gets_and_never_more_than_there_is() {
    for level in LEVELS {
        let mut settings = settings(2, level);
        starting_for(20, &mut settings);
        settings.cluster.cpu = Some(Millicores(5000));
        let (seen_a, seen_b) = (Seen::default(), Seen::default());
        let a = tenant(&workload("a", &[4.0; 30], &settings), Watch(Arc::clone(&seen_a), vec![(60.0, 8), (600.0, 2)]));
        let b = tenant(&workload("b", &[4.0; 30], &settings), Watch(Arc::clone(&seen_b), vec![(300.0, 8)]));
        let both = together(vec![a, b], &settings);
        let (a, b) = (seen_a.lock().unwrap().clone(), seen_b.lock().unwrap().clone());
        let at = |seen: &[Second], t: f64| seen.iter().rfind(|it| it.0 <= t).map(|it| it.3).unwrap();
        assert_eq!([299.0, 310.0, 590.0, 610.0].map(|t| (at(&a, t), at(&b, t))), [(8, 2), (8, 2), (8, 2), (2, 8)]);
        for (mine, others) in [(&a, &b), (&b, &a)] {
            for it in mine {
                // The other was seen up to a second before and after.
                let beside = others.iter().filter(|other| (other.0 - it.0).abs() <= 1.0).map(|other| other.3).min();
                assert!(it.3 + beside.unwrap_or(0) <= 10, "{} and {beside:?} at {}", it.3, it.0);
            }
        }
        let waited = both.total.unwrap().outcome.cluster.unwrap();
        assert!((waited.pending_pod_seconds - 6.0 * 300.0).abs() < 6.0 * 5.0, "{waited:?}");
        assert_eq!((waited.node_hours, both.runs[0].outcome.cluster.unwrap().pending_pod_seconds), (None, 0.0));
    }
}

fn stock(target: f64) -> HpaAutoscaler {
    let target_cpu = hpatune::units::Percent::try_from(target).ok();
    HpaAutoscaler::new(&hpa::Settings { target_cpu, max_replicas: 50, ..hpa::Settings::default() })
}

#[test]
fn with_ample_room_functions_do_together_exactly_what_they_do_alone() {
    for level in LEVELS {
        let mut settings = settings(2, level);
        settings.cluster.cpu = Some(Millicores(1_000_000));
        settings.faults.crash_rate = 1.0;
        settings.faults.crash_all_at = vec![Duration::from_secs(1000)];
        settings.startup.image_cached = 0.5;
        let wave = |phase: f64| (0..60).map(|it| 20.0 + 15.0 * (f64::from(it) / 5.0 + phase).sin()).collect::<Vec<_>>();
        let loads: Vec<Arc<Workload>> =
            (0..3).map(|it| workload(&format!("f{it}"), &wave(f64::from(it)), &settings)).collect();
        let both = together(loads.iter().map(|load| tenant(load, stock(60.0))).collect(), &settings);
        for (load, shared) in loads.iter().zip(&both.runs) {
            let alone = replay(load, &settings, stock(60.0), 1);
            // What is unknown is NaN, which equals nothing.
            assert_eq!(format!("{alone:?}"), format!("{shared:?}"));
        }
    }
}

#[test]
fn functions_that_share_nodes_make_them_come_and_go_together() {
    for level in LEVELS {
        let mut settings = settings(2, level);
        on_nodes(1, 4, &mut settings);
        let script = |scale: Vec<(f64, Replicas)>| Watch(Seen::default(), scale);
        let (a, b) = (workload("a", &[4.0; 60], &settings), workload("b", &[4.0; 60], &settings));
        let tenants = || {
            let grows = tenant(&a, script(vec![(300.0, 6), (1200.0, 2)]));
            vec![grows, tenant(&b, script(vec![(303.0, 6), (1200.0, 2)]))]
        };
        let both = together(tenants(), &settings);
        let cluster = both.total.as_ref().unwrap().outcome.cluster.unwrap();
        // Twelve pods need three nodes, two of them from the scan at 310 s on; a second pass of the cluster autoscaler
        // finds that those under way suffice.
        assert_eq!(cluster.nodes_max, Some(3.0));
        let waited = cluster.pending_pod_seconds;
        assert!((waited - 4.0 * (130.0 + 127.0)).abs() < 16.0, "until the nodes come at 430 s: {waited}");
        assert!(cluster.node_hours.unwrap() < 1.0 + 2.0, "they go again: {cluster:?}");
        assert_eq!(format!("{both:?}"), format!("{:?}", together(tenants(), &settings)), "the same twice");
    }
}

#[test]
fn pods_that_want_more_than_their_node_has_share_it() {
    for throttling in [Throttling::Even, Throttling::Cfs] {
        let mut settings = settings(4, Level::Requests);
        on_nodes(1, 1, &mut settings);
        settings.requests.throttling = throttling;
        settings.pod.cpu_limit = Some(Millicores(2000));
        settings.slo.timeout = Duration::from_secs(10);
        // 40 requests a second want four cores; four pods may use eight, and their node has two.
        let load = workload("f", &[40.0; 30], &settings);
        let crowded = replay(&load, &settings, FIXED, 1);
        let used = crowded.totals().cpu_seconds;
        // The first second of each swing is not held back yet.
        assert!((used / 3600.0 - 1.0).abs() < 0.02, "{used} CPU-seconds of two cores for half an hour");
        let held = crowded.outcome.cluster.unwrap().contended_pod_seconds.unwrap();
        assert!(held > 0.95 * 4.0 * 1800.0, "{held}");
        settings.cluster.node_cpu = Some(Millicores(8000));
        let alone = replay(&load, &settings, FIXED, 1);
        assert_eq!(alone.outcome.cluster.unwrap().contended_pod_seconds, Some(0.0));
        assert!((alone.totals().cpu_seconds / 7200.0 - 1.0).abs() < 0.02 && alone.outcome.slo.met);
    }
}

#[test]
fn a_neighbour_that_computes_slows_a_function_down_and_one_that_rests_does_not() {
    let mut settings = settings(2, Level::Requests);
    on_nodes(1, 1, &mut settings);
    settings.pod.cpu_limit = Some(Millicores(2000));
    let quiet = workload("quiet", &[8.0; 30], &settings);
    let p90 = |neighbour: f64| {
        let beside = workload("beside", &[neighbour; 30], &settings);
        together(vec![tenant(&quiet, FIXED), tenant(&beside, FIXED)], &settings).runs[0].outcome.latency_ms.p90
    };
    // Two pods each on two cores: a neighbour that wants all of it leaves one core to 0.8 cores' worth of requests.
    let (rests, computes) = (p90(0.1), p90(60.0));
    assert!(computes > 1.5 * rests, "{computes} ms beside one that computes, {rests} ms beside one that rests");
}

#[test]
fn pods_held_to_their_request_never_contend() {
    let mut settings = settings(4, Level::Requests);
    on_nodes(1, 1, &mut settings);
    let run = replay(&workload("f", &[40.0; 10], &settings), &settings, FIXED, 1);
    assert_eq!(run.outcome.cluster.unwrap().contended_pod_seconds, None);
}
