//! Decisions worked by hand from the controller's rules.

use super::*;
use crate::hpa::inputs::{ContainerUsage, PodGroup, ResourceSample, Selector};

fn seconds(seconds: i64) -> SimTime {
    SimTime::from_secs(seconds)
}

/// Watermarks of 200m and 400m, tolerance 1 %, up 30 s and 50 %, down 60 s and 30 %: the project's example.
fn settings() -> Settings {
    Settings { bounds: (1, 100), ..Candidate { high: 40.0, low: 0.5, example: true }.settings(1.0, (1, 100)) }
}

/// One reconcile of `pods` ready pods that use `milli` thousandths of a core each.
fn reconcile(wpa: &mut Wpa, at: i64, pods: Replicas, milli: i64) -> Option<Replicas> {
    let ready = i64::from(pods);
    wpa.reconcile(seconds(at), Usage { ready, sum: ready * milli }, pods)
}

/// As after a first reconcile long ago.
fn seasoned(settings: Settings) -> Wpa {
    Wpa { last_scale: Some(seconds(-10_000)), ..Wpa::new(settings) }
}

#[test]
fn a_candidate_is_watermarks_in_thousandths_of_a_core() {
    let made = Candidate { high: 80.0, low: 0.7, example: false }.settings(0.5, (2, 9));
    assert_eq!((made.high, made.low, made.tolerance, made.bounds), (400, 280, 100, (2, 9)));
    assert_eq!((made.up_forbidden, made.down_forbidden), (Duration::from_secs(60), Duration::from_secs(300)));
    assert_eq!((settings().high, settings().low, settings().tolerance), (400, 200, 10));
}

#[test]
fn between_the_watermarks_and_their_tolerance_nothing_happens() {
    let mut wpa = seasoned(settings());
    for milli in [198, 200, 300, 400, 404] {
        assert_eq!(reconcile(&mut wpa, 0, 10, milli), None, "{milli}m");
    }
    assert_eq!(reconcile(&mut wpa, 0, 10, 405), Some(11), "10 × 405/400 = 10.1, rounded up");
    assert_eq!(reconcile(&mut seasoned(settings()), 0, 10, 197), Some(9), "10 × 197/200 = 9.85, rounded down");
}

#[test]
fn the_average_algorithm_divides_by_ready_pods_and_the_absolute_one_does_not() {
    let usage = Usage { ready: 4, sum: 2000 };
    assert_eq!(seasoned(settings()).proposal(seconds(0), usage, 4), 5, "2000m at 400m");
    let absolute = Settings { algorithm: Algorithm::Absolute, ..settings() };
    assert_eq!(seasoned(absolute).proposal(seconds(0), Usage { ready: 4, sum: 500 }, 4), 5, "4 × 500/400");
}

#[test]
fn a_step_up_is_at_most_half_of_the_pods_and_at_least_one() {
    assert_eq!(reconcile(&mut seasoned(settings()), 0, 10, 4000), Some(15), "100 are proposed");
    assert_eq!(reconcile(&mut seasoned(settings()), 0, 1, 4000), Some(2));
    assert_eq!(reconcile(&mut seasoned(settings()), 0, 3, 4000), Some(4), "1.5 is cut to 1");
    let frozen = Settings { up_limit: 0.0, ..settings() };
    assert_eq!(reconcile(&mut seasoned(frozen), 0, 10, 4000), None);
}

#[test]
fn a_step_down_is_at_most_three_tenths_of_the_pods_and_at_least_one() {
    assert_eq!(reconcile(&mut seasoned(settings()), 0, 10, 10), Some(7), "1 is proposed");
    assert_eq!(reconcile(&mut seasoned(settings()), 0, 2, 10), Some(1));
    assert_eq!(reconcile(&mut seasoned(settings()), 0, 1, 10), None, "the last pod stays");
    let frozen = Settings { down_limit: 0.0, ..settings() };
    assert_eq!(reconcile(&mut seasoned(frozen), 0, 10, 10), None);
}

#[test]
fn unready_pods_hold_back_a_step_down_that_would_leave_more_than_are_ready() {
    let few = Usage { ready: 5, sum: 50 };
    assert_eq!(seasoned(settings()).reconcile(seconds(0), few, 10), None, "7 would be left, 5 are ready");
    let most = Usage { ready: 7, sum: 70 };
    assert_eq!(seasoned(settings()).reconcile(seconds(0), most, 10), Some(7));
}

#[test]
fn unready_pods_do_not_let_a_high_value_scale_down() {
    // 3 ready pods at 500m ask for 3.75, so 4; ten are there.
    assert_eq!(seasoned(settings()).reconcile(seconds(0), Usage { ready: 3, sum: 1500 }, 10), None);
}

#[test]
fn after_a_step_both_directions_are_forbidden_for_their_windows() {
    let mut wpa = seasoned(settings());
    assert_eq!(reconcile(&mut wpa, 0, 10, 800), Some(15));
    assert_eq!(reconcile(&mut wpa, 29, 15, 800), None, "29 of 30 s");
    assert_eq!(reconcile(&mut wpa, 30, 15, 800), Some(22));
    assert_eq!(reconcile(&mut wpa, 89, 22, 10), None, "59 of 60 s since the last step, whichever way it went");
    assert_eq!(reconcile(&mut wpa, 90, 22, 10), Some(16));
    assert_eq!(reconcile(&mut wpa, 119, 16, 800), None);
}

#[test]
fn the_first_reconcile_counts_as_a_step() {
    let mut wpa = Wpa::new(settings());
    assert_eq!(reconcile(&mut wpa, 0, 10, 300), Some(10), "nothing changes, and yet it is noted");
    assert_eq!(reconcile(&mut wpa, 15, 10, 800), None);
    assert_eq!(reconcile(&mut wpa, 30, 10, 800), Some(15));
}

#[test]
fn a_delay_asks_that_the_value_stays_beyond_the_watermark() {
    let delayed = Settings { up_delay: Duration::from_secs(45), down_delay: Duration::from_secs(30), ..settings() };
    let mut wpa = seasoned(delayed);
    let found: Vec<_> = [0, 15, 30, 45].map(|at| reconcile(&mut wpa, at, 10, 800)).into();
    assert_eq!(found, [None, None, None, Some(15)]);
    let mut wpa = seasoned(delayed);
    reconcile(&mut wpa, 0, 10, 800);
    reconcile(&mut wpa, 30, 10, 300);
    assert_eq!(reconcile(&mut wpa, 45, 10, 800), None, "between the watermarks at 30 s: it begins anew");
    let mut wpa = seasoned(delayed);
    let found: Vec<_> = [0, 15, 30].map(|at| reconcile(&mut wpa, at, 10, 150)).into();
    assert_eq!(found, [None, None, Some(7)]);
}

#[test]
fn bounds_hold_whatever_the_windows_say() {
    let bounded = Settings { bounds: (4, 12), ..settings() };
    let mut wpa = seasoned(bounded);
    assert_eq!(reconcile(&mut wpa, 0, 10, 4000), Some(12));
    assert_eq!(reconcile(&mut wpa, 1, 2, 300), Some(4), "below minReplicas at once");
    assert_eq!(reconcile(&mut wpa, 2, 40, 4000), Some(12), "above maxReplicas at once");
    assert_eq!(reconcile(&mut wpa, 1000, 5, 10), Some(4), "1 is proposed, and 4 allowed by the step");
}

#[test]
fn only_ready_pods_with_a_sample_count() {
    let group = |count, ready| PodGroup {
        count,
        phase: crate::hpa::inputs::Phase::Running,
        start: None,
        ready: Some((ready, seconds(0))),
        deleted: false,
        containers: &[],
        sidecars: &[],
        pod_requests: None,
    };
    let pods = [group(3, Status::True), group(2, Status::False), group(4, Status::True)];
    let used = |cpu| [ContainerUsage { name: "app", cpu: Some(cpu), memory: None }];
    let (ready, starting) = (used(250), used(900));
    let sample = |group, count, containers| ResourceSample {
        group: Some(group),
        count,
        timestamp: seconds(0),
        window: Duration::from_secs(15),
        containers,
    };
    let samples = [sample(0, 3, &ready), sample(1, 2, &starting)];
    let inputs = Inputs {
        spec_replicas: 9,
        status_replicas: 9,
        selector: Selector::Matches,
        pods: &pods,
        resource_metrics: Some(&samples),
        pods_metrics: &[],
        object_metrics: &[],
        external_metrics: &[],
        scale_update_error: false,
    };
    assert_eq!(Usage::of(&inputs), Some(Usage { ready: 3, sum: 750 }));
    assert_eq!(Usage::of(&Inputs { resource_metrics: Some(&samples[1..]), ..inputs }), None);
    assert_eq!(Usage::of(&Inputs { resource_metrics: None, ..inputs }), None);
}
