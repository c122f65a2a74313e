//! Decisions worked by hand from Knative's rules. The target is 10 requests in flight per pod throughout.

use super::*;

/// Ten in flight per pod.
fn kpa(least: Replicas) -> Kpa {
    Kpa::new(10.0 / UTILIZATION, (least, 1000))
}

/// Notes the same concurrency for the seconds of a range.
fn hold(kpa: &mut Kpa, seconds: std::ops::Range<i64>, in_flight: f64) {
    seconds.for_each(|second| kpa.note(second, in_flight));
}

#[test]
fn a_steady_load_gets_its_pods_from_the_stable_window() {
    let mut kpa = kpa(1);
    hold(&mut kpa, 0..60, 45.0);
    assert_eq!(kpa.decide(59, 4, 4), 5, "45 in flight at 10 a pod");
    assert!(kpa.panicking.is_none());
}

#[test]
fn a_burst_is_averaged_over_the_stable_window_unless_it_doubles_the_pods() {
    let mut kpa = kpa(1);
    hold(&mut kpa, 0..54, 40.0);
    hold(&mut kpa, 54..60, 70.0);
    // Panic window: 70 → 7 pods, 1.75 times the 4 that are ready. Stable window: (54 × 40 + 6 × 70)/60 = 43 → 5.
    assert_eq!(kpa.decide(59, 4, 4), 5);
    let mut kpa = self::kpa(1);
    hold(&mut kpa, 0..54, 40.0);
    hold(&mut kpa, 54..60, 80.0);
    // 8 pods are twice the 4: panic, and the panic window decides.
    assert_eq!(kpa.decide(59, 4, 4), 8);
    assert_eq!(kpa.panicking, Some((59, 8)));
}

#[test]
fn in_panic_pods_only_grow_and_it_ends_a_stable_window_after_the_last_excess() {
    let mut kpa = kpa(1);
    hold(&mut kpa, 0..60, 80.0);
    assert_eq!(kpa.decide(59, 4, 4), 8);
    hold(&mut kpa, 60..180, 10.0);
    assert_eq!(kpa.decide(100, 8, 8), 8, "41 s after the excess");
    assert_eq!(kpa.decide(119, 8, 8), 8, "60 s after: not yet more than the window");
    assert_eq!(kpa.decide(121, 8, 8), 4, "then no more than half of them go at once");
    assert_eq!(kpa.decide(123, 4, 4), 2);
    assert_eq!(kpa.decide(125, 2, 2), 1);
}

#[test]
fn another_excess_extends_panic() {
    let mut kpa = kpa(1);
    hold(&mut kpa, 0..60, 80.0);
    kpa.decide(59, 4, 4);
    hold(&mut kpa, 60..90, 200.0);
    assert_eq!(kpa.decide(89, 8, 8), 20, "200 in flight are 20 pods, 2.5 times the 8");
    assert_eq!(kpa.panicking, Some((89, 20)));
}

#[test]
fn it_starts_in_panic_with_the_pods_that_are_there() {
    let mut kpa = kpa(1);
    kpa.panicking = Some((0, 6));
    hold(&mut kpa, 0..40, 5.0);
    assert_eq!(kpa.decide(40, 6, 6), 6, "a restarted controller does not take pods away");
    hold(&mut kpa, 40..62, 5.0);
    assert_eq!(kpa.decide(61, 6, 6), 3);
}

#[test]
fn the_last_pod_goes_a_grace_period_after_the_stable_window_is_empty() {
    let mut kpa = kpa(0);
    kpa.active = 0;
    hold(&mut kpa, 0..10, 5.0);
    hold(&mut kpa, 10..69, 0.0);
    assert_eq!(kpa.decide(68, 1, 1), 1, "the window still holds a second with requests");
    hold(&mut kpa, 69..120, 0.0);
    assert_eq!(kpa.decide(70, 1, 1), 1, "empty: inactive from here");
    assert_eq!(kpa.decide(98, 1, 1), 1, "28 s of grace");
    assert_eq!(kpa.decide(100, 1, 1), 0);
    kpa.note(120, 3.0);
    assert_eq!(kpa.decide(120, 0, 0), 1, "a request brings it back");
    assert!(kpa.inactive.is_none() && kpa.active == 120);
}

#[test]
fn with_a_lower_bound_of_one_the_last_pod_stays() {
    let mut kpa = kpa(1);
    hold(&mut kpa, 0..600, 0.0);
    assert_eq!(kpa.decide(599, 1, 1), 1);
}
