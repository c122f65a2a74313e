//! Decisions worked by hand from Knative's rules. The target is 10 requests in flight per pod throughout.

use super::*;

/// Ten in flight per pod.
fn settings(least: Replicas) -> Settings {
    Settings { concurrency: 10.0 / UTILIZATION, bounds: (least, 1000), ..Settings::default() }
}

fn kpa(least: Replicas) -> Kpa {
    Kpa::new(settings(least))
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

#[test]
fn while_any_pod_is_wanted_the_activation_scale_is_the_least() {
    let mut kpa = Kpa::new(Settings { activation: 5, ..settings(0) });
    kpa.active = 0;
    hold(&mut kpa, 0..60, 12.0);
    assert_eq!(kpa.decide(59, 2, 2), 5, "2 are wanted");
    hold(&mut kpa, 60..120, 70.0);
    assert_eq!(kpa.decide(119, 5, 5), 7, "more than that is as ever");
    hold(&mut kpa, 120..240, 0.0);
    assert_eq!(kpa.decide(240, 1, 1), 1, "nothing is wanted: the last pod is inactive from here");
    assert_eq!(kpa.decide(270, 1, 1), 0, "and the activation scale does not hold it");
}

#[test]
fn the_initial_scale_holds_until_it_was_ready_once() {
    let mut kpa = Kpa::new(Settings { initial: 6, ..settings(1) });
    hold(&mut kpa, 0..60, 5.0);
    assert_eq!(kpa.decide(59, 1, 1), 6);
    assert_eq!(kpa.decide(61, 6, 4), 6, "4 of 6 are ready");
    assert_eq!(kpa.decide(63, 6, 6), 3, "then it goes down, by half at most");
    assert_eq!(kpa.decide(65, 3, 3), 1);
}

#[test]
fn a_delay_of_scale_down_holds_the_highest_decision_of_its_ticks() {
    let mut kpa = Kpa::new(Settings { down_delay: Duration::from_secs(10), ..settings(1) });
    hold(&mut kpa, 0..60, 40.0);
    assert_eq!(kpa.decide(60, 4, 4), 4);
    hold(&mut kpa, 60..200, 15.0);
    // The windows have forgotten the 40 by 130 s, and ask for 2.
    assert_eq!(kpa.decide(130, 4, 4), 2, "what was decided at 60 s is out of the delay");
    assert_eq!(kpa.delayed(132, 7), 7);
    assert_eq!(kpa.delayed(140, 2), 7, "8 s later: the fifth tick of 2 s");
    assert_eq!(kpa.delayed(142, 2), 2, "10 s later it has left");
}

#[test]
fn retention_keeps_the_last_pod_longer_than_the_grace_period() {
    let mut kpa = Kpa::new(Settings { retention: Duration::from_secs(100), ..settings(0) });
    kpa.active = 0;
    hold(&mut kpa, 0..120, 0.0);
    assert_eq!(kpa.decide(70, 1, 1), 1, "inactive from here");
    assert_eq!(kpa.decide(168, 1, 1), 1);
    assert_eq!(kpa.decide(170, 1, 1), 0);
}

#[test]
fn exponential_weights_see_a_rise_sooner() {
    let decided = |aggregation| {
        let mut kpa = Kpa::new(Settings { aggregation, ..settings(1) });
        hold(&mut kpa, 0..55, 40.0);
        hold(&mut kpa, 55..60, 70.0);
        kpa.decide(59, 4, 4)
    };
    // Linear: (55 × 40 + 5 × 70)/60 = 42.5. Weighted: 70 − 30 × 0.8^5 = 60.17, of all but 0.8^60.
    assert_eq!((decided(Aggregation::Linear), decided(Aggregation::WeightedExponential)), (5, 7));
}
