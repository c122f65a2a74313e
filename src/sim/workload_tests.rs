use super::*;
use crate::sim::settings::Gaps;

fn header(interval_ms: i64) -> Header {
    Header { interval_ms, origin_ms: Some(6 * 3_600_000), source: "test".into(), licence: None, tool: "test".into() }
}

fn requests(counts: &[f64]) -> Series {
    Series { function: "f".into(), requests: Some(counts.to_vec()), ..Series::default() }
}

fn workload(series: &Series, settings: &Settings) -> Workload {
    Workload::new(series, &header(60_000), settings).unwrap()
}

#[test]
fn cpu_per_request_comes_from_the_trace_before_the_settings_before_durations() {
    let mut settings = Settings::default();
    let cpu_s = |series: &Series, settings: &Settings| workload(series, settings).slots()[0].cpu_s;
    let mut series = requests(&[600.0]);
    assert!((cpu_s(&series, &settings) - 0.1).abs() < 1e-12, "nothing known");
    series.duration_ms = Some(vec![400.0]);
    settings.workload.cpu_share = 0.5;
    assert!((cpu_s(&series, &settings) - 0.2).abs() < 1e-12, "half of the duration");
    settings.workload.cpu_per_request_ms = Some(70.0);
    assert!((cpu_s(&series, &settings) - 0.07).abs() < 1e-12, "as configured");
    series.cpu_millicores = Some(vec![500.0]);
    assert!((cpu_s(&series, &settings) - 0.05).abs() < 1e-12, "0.5 cores over 10 requests per second");
    let slot = workload(&series, &settings).slots()[0];
    assert!((slot.load - 1.0).abs() < 1e-12, "half a core is one pod of 500m");
    assert!((slot.service_s - (0.05 / 0.5 + 0.35)).abs() < 1e-12, "0.05 CPU-seconds at half speed, 0.35 s of waiting");
}

#[test]
fn requests_that_take_no_cpu_are_no_load_to_scale() {
    let mut settings = Settings::default();
    let series = Series { duration_ms: Some(vec![0.0; 4]), ..requests(&[5.0; 4]) };
    assert!(Workload::is_loaded(&series, &header(60_000), &settings));
    settings.workload.fit_pods = Some(5.0);
    assert!(!Workload::is_loaded(&series, &header(60_000), &settings));
    assert!(Workload::new(&series, &header(60_000), &settings).is_err());
}

#[test]
fn cpu_without_requests_is_work_in_pod_seconds() {
    let series = Series { function: "f".into(), cpu_millicores: Some(vec![2500.0]), ..Series::default() };
    let slot = workload(&series, &Settings::default()).slots()[0];
    assert!((slot.rate - 5.0).abs() < 1e-12 && (slot.load - 5.0).abs() < 1e-12, "{slot:?}");
    assert!((slot.cpu_s - 0.5).abs() < 1e-12 && (slot.busy_s - 0.2).abs() < 1e-12, "{slot:?}");
}

#[test]
fn the_requests_of_a_window_are_those_of_its_slots_and_parts_of_them() {
    let workload = workload(&requests(&[60.0, 120.0, 600.0]), &Settings::default());
    let seconds = |from: i64, to: i64| workload.tasks_in(&(SimTime(from * 1_000_000)..SimTime(to * 1_000_000)));
    for (from, to, requests) in [(0, 180, 780.0), (30, 90, 90.0), (60, 120, 120.0), (170, 900, 100.0), (90, 90, 0.0)] {
        assert!((seconds(from, to) - requests).abs() < 1e-9, "{from} to {to}: {}", seconds(from, to));
    }
}

#[test]
fn fit_pods_fills_that_many_pods_at_80_percent_at_the_peak() {
    let mut settings = Settings::default();
    settings.workload.fit_pods = Some(25.0);
    let counts: Vec<f64> = (0..1000).map(f64::from).collect();
    let fitted = workload(&requests(&counts), &settings);
    let above = fitted.slots().iter().filter(|slot| slot.load > 20.0).count();
    assert_eq!(above, 5, "0.5 % of the slots lie above the 99.5th percentile");
}

#[test]
fn demand_is_the_least_number_of_pods_within_the_objective() {
    let settings = Settings::default();
    let workload = workload(&requests(&[0.0, 1.0, 600.0, 6000.0, 60_000.0]), &settings);
    let late = |slot: &Slot, pods| workload.lateness().share(slot.service_s, workload.wait(slot, pods));
    for slot in &workload.slots()[1..] {
        assert!(late(slot, slot.demand) <= 0.01, "{slot:?}");
        assert!(slot.demand == 1 || late(slot, slot.demand - 1) > 0.01, "{slot:?}");
    }
    assert_eq!(workload.slots()[0].demand, 0, "no load needs no pod");
}

#[test]
fn load_is_the_mean_of_each_step_whatever_the_slots() {
    let settings = Settings::default();
    for interval_s in [1, 15, 20, 60, 7] {
        let counts: Vec<f64> = (0..40).map(|i| f64::from(i * interval_s)).collect();
        let workload = Workload::new(&requests(&counts), &header(i64::from(interval_s) * 1000), &settings).unwrap();
        let slots: f64 = workload.slots().iter().map(|slot| slot.load * f64::from(interval_s)).sum();
        let steps = workload.load();
        let whole = f64::from(40 * interval_s) - 15.0 * (steps.len() - 1) as f64;
        let length = |i| if i + 1 == steps.len() { whole } else { 15.0 };
        let sum: f64 = steps.iter().enumerate().map(|(i, &load)| f64::from(load) * length(i)).sum();
        assert!((sum / slots - 1.0).abs() < 1e-6, "{interval_s} s: {sum} {slots}");
        assert_eq!(workload.load_until(SimTime::from_secs(29)).len(), 1, "the second step is not over");
    }
}

#[test]
fn the_time_of_day_counts_from_the_origin() {
    let workload = workload(&requests(&[1.0; 1500]), &Settings::default());
    let at = |hours: i64| workload.second_of_day(SimTime::from_secs(hours * 3600)).unwrap();
    assert!((at(0) - 21_600.0).abs() < 1e-9 && (at(20) - 7200.0).abs() < 1e-9);
}

#[test]
fn impossible_loads_are_errors_that_name_the_function() {
    let mut settings = Settings::default();
    let error = |series: &Series, settings: &Settings| Workload::new(series, &header(60_000), settings).unwrap_err();
    let none = Series { function: "idle".into(), ..Series::default() };
    assert!(error(&none, &settings).to_string().contains("\"idle\" has no recorded load"));
    assert!(error(&requests(&[1e300]), &settings).to_string().contains("peak load is worth"));
    settings.workload.fit_pods = Some(10.0);
    assert!(error(&requests(&[0.0, 0.0]), &settings).to_string().contains("no load to scale"));
}

#[test]
fn weeks_without_load_and_slots_of_a_day_stay_finite() {
    let settings = Settings::default();
    let zero = Workload::new(&requests(&[0.0; 14]), &header(86_400_000), &settings).unwrap();
    assert!(zero.slots().iter().all(|slot| slot.demand == 0 && slot.load == 0.0));
    assert!(zero.request_pod_seconds().is_finite());
    let idle = Series { cpu_millicores: Some(vec![0.0, f64::NAN]), ..requests(&[5.0, 7.0]) };
    assert!(workload(&idle, &settings).slots().iter().all(|slot| slot.demand <= 1));
    let mut holding = settings;
    holding.workload.gaps = Gaps::Hold;
    assert!((workload(&requests(&[600.0, f64::NAN]), &holding).slots()[1].rate - 10.0).abs() < 1e-12);
}
