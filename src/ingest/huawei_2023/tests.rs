use proptest::prelude::*;

use crate::ingest::Options;
use crate::ingest::testing::{Files, damage, known};

const REQUESTS: &[u8] = b"day,time,4,28,7\n0,0,6.0,58028,\n0,60,,56111,\n0,120,3,5,\n";

#[test]
fn a_column_is_a_function_and_an_empty_cell_is_no_data() {
    let files = Files::new(&[("private_dataset/requests_minute/day_000.csv", REQUESTS)]);
    let (trace, report) = files.ingest(&Options::default()).unwrap();
    assert_eq!((trace.header.interval_ms, trace.header.origin_ms), (60_000, None));
    assert_eq!(trace.functions.iter().map(|series| series.function.as_str()).collect::<Vec<_>>(), ["28", "4"]);
    assert_eq!(known(trace.functions[1].requests.as_ref()), [Some(6.0), None, Some(3.0)]);
    assert_eq!(report.dropped.get("functions without any value"), Some(&1), "function 7 never ran");
}

#[test]
fn days_follow_each_other_and_a_missing_day_is_a_gap() {
    let files = Files::new(&[
        ("requests_minute/day_002.csv", b"day,time,4\n2,172800,5\n2,172860,6\n"),
        ("requests_minute/day_000.csv", b"day,time,9,4\n0,0,1,1\n0,60,1,2\n"),
    ]);
    let (trace, report) = files.ingest(&Options::default()).unwrap();
    let counts = known(trace.functions[0].requests.as_ref());
    assert_eq!((counts.len(), counts[1], counts[2], counts[2881]), (2882, Some(2.0), None, Some(6.0)));
    assert_eq!(trace.functions[1].len(), 2, "function 9 ends with its day");
    assert_eq!(report.filled.values().copied().collect::<Vec<_>>(), [2878]);
}

#[test]
fn metrics_are_joined_by_their_folder() {
    let files = Files::new(&[
        ("private_dataset/cpu_usage_minute/day_000.csv", b"day,time,4\n0,0,0.05\n0,60,0.1\n"),
        ("private_dataset/requests_minute/day_000.csv", b"day,time,4\n0,0,10\n0,60,20\n"),
        ("private_dataset/instances_minute/day_000.csv", b"day,time,4\n0,0,2\n0,60,3\n"),
        ("private_dataset/function_delay_minute/day_000.csv", b"day,time,4\n0,0,0.25\n0,60,\n"),
        ("private_dataset/memory_usage_minute/day_000.csv", b"day,time,4\n0,0,0.5\n0,60,0.5\n"),
        ("private_dataset/memory_limit_minute/day_000.csv", b"day,time,4\n0,0,512\n0,60,1024\n"),
        ("private_dataset/platform_delay_minute/day_000.csv", b"day,time,4\n0,0,1\n0,60,1\n"),
    ]);
    let (trace, report) = files.ingest(&Options::default()).unwrap();
    let series = &trace.functions[0];
    assert_eq!(series.requests, Some(vec![10.0, 20.0]));
    assert_eq!(series.replicas, Some(vec![2.0, 3.0]));
    let cpu = series.cpu_millicores.as_ref().unwrap();
    assert!((cpu[0] - 100.0).abs() < 1e-9 && (cpu[1] - 300.0).abs() < 1e-9, "cores a pod times pods: {cpu:?}");
    assert_eq!(known(series.duration_ms.as_ref()), [Some(250.0), None]);
    assert_eq!(series.memory_bytes, Some(vec![256e6, 512e6]));
    assert_eq!(report.columns, ["requests", "cpu_millicores", "memory_bytes", "duration_ms", "replicas"]);
    assert_eq!(report.assumed.len(), 3);
}

#[test]
fn private_and_public_functions_of_one_id_are_two() {
    let files = Files::new(&[
        ("private_dataset/requests_minute/day_000.csv", b"day,time,4\n0,0,1\n0,60,1\n"),
        ("public_dataset/requests_minute/day_00.csv", b"day,time,4\n0,0,2\n0,60,2\n"),
    ]);
    let (trace, _) = files.ingest(&Options::default()).unwrap();
    let names: Vec<_> = trace.functions.iter().map(|series| series.function.as_str()).collect();
    assert_eq!(names, ["private-4", "public-4"]);
}

#[test]
fn what_is_wrong_is_named() {
    let day = |text: &'static str| ("requests_minute/d.csv", text.as_bytes());
    for (files, expected) in [
        (vec![("d.csv", REQUESTS)], "d.csv: neither the folder nor the file is named after a metric"),
        (vec![day("day,time,4\n0,0,-1\n")], "requests_minute/d.csv:2: `4`: `-1` is below 0"),
        (vec![day("day,time,4\n0,0,1\n0,60,many\n")], "requests_minute/d.csv:3: `4`: `many` is not a number"),
        (vec![day("day,time,4\n0,,1\n")], "requests_minute/d.csv:2: `time`: `` is not a time in seconds"),
        (vec![day("day,time,4\n0,0,1\n0,0,1\n")], "requests_minute/d.csv: two rows of function 4 have time 0 s"),
        (vec![day("day,time,4\n0,0,1\n0,60,1\n0,90,1\n0,150,1\n")], "requests_minute/d.csv: time 90 s of function 4"),
        (vec![day("day,time,4,4\n0,0,1,1\n")], "requests_minute/d.csv:1: `4`: two columns are of this function"),
        (vec![("cpu_usage_minute/d.csv", b"day,time,4\n0,0,1\n")], "the files have neither requests nor CPU"),
        (vec![day("day,time,4\n0,0,\n")], "requests_minute/d.csv: there is no function in the input"),
    ] {
        let found = Files::new(&files).refusal(&Options::default());
        assert!(found.starts_with(expected), "{found}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn no_damage_makes_the_reader_panic(
        hits in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>(), any::<u8>()), 1..5),
    ) {
        let file = damage(REQUESTS, &hits);
        if let Err(error) = Files::new(&[("requests_minute/d.csv", &file)]).ingest(&Options::default()) {
            prop_assert!(!error.help.is_empty());
        }
    }
}
