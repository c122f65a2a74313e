//! What happens to pods besides the HPA: containers crash, Deployments are updated.
#![allow(clippy::unwrap_used, clippy::float_cmp, reason = "a test that panics or differs has failed")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use hpatune::sim::settings::IntOrPercent::{Count, Percent};
use hpatune::sim::{Autoscaler, Knobs, Level, Patch, Run, Settings, View, Workload, run};
use hpatune::trace::{Header, Series};
use hpatune::units::{Bytes, Replicas, SimTime};

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

/// What a [`Watch`] saw each second: time, ready pods, and `status.replicas`.
type Seen = Arc<Mutex<Vec<(f64, Replicas, Replicas)>>>;

/// Looks each second, and scales as a list of times says.
struct Watch(Seen, Vec<(f64, Replicas)>);

impl Autoscaler for Watch {
    fn period(&self) -> Duration {
        Duration::from_secs(1)
    }

    fn sync(&mut self, now: SimTime, view: &View<'_>) -> Option<Replicas> {
        self.0.lock().unwrap().push((now.secs(), view.telemetry.ready, view.inputs.status_replicas));
        self.1.iter().rfind(|it| it.0 <= now.secs()).map(|it| it.1)
    }

    fn patch(&mut self, _: &Patch) {}

    fn knobs(&self) -> Option<Knobs> {
        None
    }
}

/// Replays under a [`Watch`].
fn watch(
    workload: &Arc<Workload>,
    settings: &Settings,
    scale: Vec<(f64, Replicas)>,
) -> (Run, Vec<(f64, Replicas, Replicas)>) {
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
        for &(t, ready, status) in &seen {
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
