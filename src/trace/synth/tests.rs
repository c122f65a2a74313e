use super::*;
use crate::trace::stats;
use proptest::prelude::*;

fn days(profile: Profile, days: u64, seed: u64) -> Trace {
    synthesize(profile, seed, Duration::from_hours(24 * days), Duration::from_mins(1)).unwrap()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

#[test]
fn the_same_recipe_gives_the_same_trace_and_another_seed_another() {
    for profile in Profile::ALL {
        assert_eq!(days(profile, 1, 7).functions[0].requests, days(profile, 1, 7).functions[0].requests);
        assert_ne!(days(profile, 1, 7).functions[0].requests, days(profile, 1, 8).functions[0].requests, "{profile}");
    }
}

#[test]
fn every_profile_has_the_mean_rate_it_was_asked_for() {
    for profile in Profile::ALL {
        let runs: Vec<f64> =
            (0..20).map(|seed| mean(days(profile, 7, seed).functions[0].requests.as_ref().unwrap()) / 1800.0).collect();
        let found = mean(&runs);
        assert!((found - 1.0).abs() < 0.12, "{profile}: {found}");
    }
}

#[test]
fn a_constant_is_poisson() {
    let trace = days(Profile::Constant, 7, 1);
    let counts = trace.functions[0].requests.as_ref().unwrap();
    let centre = mean(counts);
    let variance = counts.iter().map(|count| (count - centre).powi(2)).sum::<f64>() / counts.len() as f64;
    assert!((centre - 1800.0).abs() < 2.0, "{centre}");
    assert!((variance / centre - 1.0).abs() < 0.05, "{}", variance / centre);
}

#[test]
fn days_and_weeks_are_predictable_and_bursts_and_walks_are_not() {
    let r2 = |profile| stats::of_trace(&days(profile, 14, 3))[0].hour_r2.unwrap();
    assert!(r2(Profile::Diurnal) > 0.8, "{}", r2(Profile::Diurnal));
    assert!((0.5..0.9).contains(&r2(Profile::Weekly)), "{}", r2(Profile::Weekly));
    assert!(r2(Profile::Bursty) < 0.2, "{}", r2(Profile::Bursty));
    assert!(r2(Profile::RandomWalk) < 0.3, "{}", r2(Profile::RandomWalk));
}

#[test]
fn a_flash_crowd_comes_once_a_day() {
    let trace = days(Profile::FlashCrowd, 5, 2);
    let counts = trace.functions[0].requests.as_ref().unwrap();
    for (day, slots) in counts.chunks(1440).enumerate() {
        let peak = slots.iter().copied().fold(0.0, f64::max);
        assert!((3.0..7.5).contains(&(peak / 1800.0)), "day {day}: {}", peak / 1800.0);
    }
}

#[test]
fn on_off_knows_silence() {
    let zeros = stats::of_trace(&days(Profile::OnOff, 7, 2))[0].zero_share.unwrap();
    assert!((0.3..0.6).contains(&zeros), "{zeros}");
}

#[test]
fn a_ramp_ends_at_its_peak() {
    let trace = days(Profile::Ramp, 1, 2);
    let counts = trace.functions[0].requests.as_ref().unwrap();
    assert!((mean(&counts[..60]) / 1800.0 - 0.2).abs() < 0.05);
    assert!((mean(&counts[1380..]) / 1800.0 - 1.8).abs() < 0.05);
}

#[test]
fn cpu_memory_and_durations_agree_with_the_requests() {
    let recipe = Recipe { memory_per_request: 1e9, ..Recipe::new(Profile::Weekly) };
    let trace = recipe.synthesize().unwrap();
    let series = &trace.functions[0];
    let column = |values: &Option<Vec<f64>>| values.clone().unwrap();
    let (requests, cpu) = (column(&series.requests), column(&series.cpu_millicores));
    let (memory, duration) = (column(&series.memory_bytes), column(&series.duration_ms));
    let cpu_ms = cpu.iter().sum::<f64>() * 60.0 / requests.iter().sum::<f64>();
    assert!((cpu_ms - 100.0).abs() < 0.5, "{cpu_ms} ms of CPU a request");
    for slot in 0..series.len() {
        // Rate × duration × computing share is the CPU; rate × duration is what is in flight.
        let computing = requests[slot] / 60.0 * duration[slot] * 0.8;
        assert!((computing - cpu[slot]).abs() < 1.0, "slot {slot}: {computing} and {}", cpu[slot]);
        let in_flight = (memory[slot] - f64::from(256 << 20)) / 1e9;
        assert!((in_flight - requests[slot] / 60.0 * duration[slot] / 1000.0).abs() < 0.01, "slot {slot}");
    }
}

#[test]
fn functions_differ_and_the_first_is_the_profile_itself() {
    let three = Recipe { functions: 3, ..Recipe::new(Profile::Diurnal) }.synthesize().unwrap();
    let names: Vec<_> = three.functions.iter().map(|series| series.function.as_str()).collect();
    assert_eq!(names, ["diurnal-0", "diurnal-1", "diurnal-2"]);
    let alone = Recipe::new(Profile::Diurnal).synthesize().unwrap();
    assert_eq!(three.functions[0].requests, alone.functions[0].requests);
    assert_ne!(three.functions[1].requests, three.functions[2].requests);
}

#[test]
fn numbers_out_of_range_are_refused_by_flag() {
    let sound = Recipe::new(Profile::Diurnal);
    for (recipe, flag) in [
        (Recipe { rate: 0.0, ..sound.clone() }, "--rate"),
        (Recipe { rate: 1e300, ..sound.clone() }, "--rate"),
        (Recipe { peak: Some(0.5), ..sound.clone() }, "--peak"),
        (Recipe { profile: Profile::Ramp, peak: Some(3.0), ..sound.clone() }, "--peak"),
        (Recipe { cpu_share: 1.5, ..sound.clone() }, "--cpu-share"),
        (Recipe { cv: f64::NAN, ..sound.clone() }, "--cv"),
        (Recipe { functions: 0, ..sound.clone() }, "--functions"),
        (Recipe { interval: Duration::ZERO, ..sound.clone() }, "--interval"),
        (Recipe { duration: Duration::from_secs(59), ..sound.clone() }, "--duration"),
        (Recipe { duration: Duration::MAX, ..sound.clone() }, "--duration"),
    ] {
        assert_eq!(recipe.synthesize().unwrap_err().field.as_deref(), Some(flag));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_recipe_in_range_gives_a_valid_trace(
        profile in proptest::sample::select(&Profile::ALL),
        seed in any::<u64>(),
        minutes in 1_u64..3000,
        interval_s in 1_u64..600,
        rate in 0.001..1000.0,
        cv in 0.01..5.0,
    ) {
        let duration = Duration::from_mins(minutes).max(Duration::from_secs(interval_s));
        let recipe = Recipe { seed, duration, interval: Duration::from_secs(interval_s), rate, cv, ..Recipe::new(profile) };
        prop_assert!(recipe.synthesize().is_ok());
    }
}
