use std::path::Path;
use std::time::Duration;

use polars::prelude::*;
use proptest::prelude::*;

use super::*;
use crate::error::InputError;
use crate::trace::synth::{Profile, Recipe};
use crate::trace::{Series, Trace};

fn bytes(trace: &Trace) -> Vec<u8> {
    let mut bytes = Vec::new();
    write(trace, &mut bytes).unwrap();
    bytes
}

fn back(bytes: &[u8]) -> Result<Trace, InputError> {
    read_bytes(bytes, Path::new("trace.parquet"))
}

fn small() -> Trace {
    let recipe = Recipe { functions: 3, duration: Duration::from_hours(2), ..Recipe::new(Profile::Weekly) };
    recipe.synthesize().unwrap()
}

#[test]
fn a_trace_survives_the_file_and_the_same_trace_is_the_same_bytes() {
    let trace = small();
    assert_eq!(back(&bytes(&trace)).unwrap(), trace);
    assert_eq!(bytes(&trace), bytes(&trace.clone()));
}

#[test]
fn gaps_late_starts_and_different_columns_survive() {
    let header = Header { interval_ms: 30_000, origin_ms: None, source: "x".into(), licence: None, tool: "1".into() };
    let calls = Series {
        function: "calls".into(),
        start_ms: -60_000,
        requests: Some(vec![1.0, f64::NAN, 3.5]),
        ..Series::default()
    };
    let pool = Series {
        function: "pool".into(),
        cpu_millicores: Some(vec![5.0]),
        replicas: Some(vec![2.0]),
        ..Series::default()
    };
    let trace = Trace::new(header, vec![calls, pool.clone()]).unwrap();
    let found = back(&bytes(&trace)).unwrap();
    assert_eq!(found.header, trace.header);
    assert_eq!(found.functions[1], pool);
    assert_eq!(found.functions[0].start_ms, -60_000);
    assert_eq!(format!("{:?}", found.functions[0].requests), "Some([1.0, NaN, 3.5])");
    assert_eq!(found.functions[0].cpu_millicores, None);
}

#[test]
fn many_row_groups_are_one_trace() {
    let recipe = Recipe {
        functions: 5,
        duration: Duration::from_hours(24),
        interval: Duration::from_secs(1),
        ..Recipe::new(Profile::Diurnal)
    };
    let trace = recipe.synthesize().unwrap();
    let found = back(&bytes(&trace)).unwrap();
    assert_eq!(found.functions.len(), 5);
    for (found, expected) in found.functions.iter().zip(&trace.functions) {
        assert_eq!(found.requests, expected.requests);
    }
}

/// A Parquet file as another tool would write it.
fn foreign(columns: Vec<Column>, interval: Option<&str>) -> Vec<u8> {
    let mut frame = DataFrame::new(columns[0].len(), columns).unwrap();
    let mut bytes = Vec::new();
    let pairs = interval.map(|text| KeyValueMetadata::from_static(vec![(INTERVAL.into(), text.into())]));
    ParquetWriter::new(&mut bytes).with_key_value_metadata(pairs).finish(&mut frame).unwrap();
    bytes
}

macro_rules! column {
    ($name:literal, $values:expr) => {
        Column::new($name.into(), $values.as_slice())
    };
}

#[test]
fn rows_in_any_order_and_integers_are_taken() {
    let file = foreign(
        vec![
            column!("t", [60_000_i32, 0, 0]),
            column!("requests", [3_i64, 2, 1]),
            column!("function", ["a", "a", "b"]),
            column!("note", ["x", "y", "z"]),
        ],
        Some("60000"),
    );
    let trace = back(&file).unwrap();
    assert_eq!(trace.functions[0].requests, Some(vec![2.0, 3.0]));
    assert_eq!(trace.functions[1].requests, Some(vec![1.0]));
    assert_eq!(trace.header.source, "unknown");
}

#[test]
fn a_file_that_is_no_trace_is_refused_with_its_name_and_a_remedy() {
    let names = || column!("function", ["a", "a"]);
    let times = || column!("t", [0_i64, 60_000]);
    let requests = || column!("requests", [1.0, 2.0]);
    let twice = || column!("t", [0_i64, 0]);
    for (file, expected) in [
        (b"".to_vec(), "this is not a whole Parquet file"),
        (b"function,t\n".to_vec(), "this is not a whole Parquet file"),
        (foreign(vec![names(), times(), requests()], None), "this Parquet file is not a trace: no hpatune.interval_ms"),
        (foreign(vec![names(), times(), requests()], Some("0")), "hpatune.interval_ms = `0`"),
        (foreign(vec![names(), times(), requests()], Some("soon")), "hpatune.interval_ms = `soon`"),
        (foreign(vec![names(), requests()], Some("60000")), "`t`: the column is missing"),
        (foreign(vec![names(), times()], Some("60000")), "neither requests nor CPU"),
        (foreign(vec![names(), twice(), requests()], Some("60000")), "`a`: two rows have t = 0"),
        (foreign(vec![names(), times(), requests()], Some("45000")), "t = 60000 lies between two slots of 45000 ms"),
        (foreign(vec![names(), times(), column!("requests", ["1", "many"])], Some("60000")), "holds str, not f64"),
        (foreign(vec![names(), times(), column!("requests", [1.0, -2.0])], Some("60000")), "-2 is below 0"),
    ] {
        let error = back(&file).unwrap_err();
        assert!(error.to_string().starts_with("trace.parquet: "), "{error}");
        assert!(error.to_string().contains(expected), "{error}");
        assert!(!error.help.is_empty());
    }
}

#[test]
fn a_truncated_file_is_refused_wherever_it_ends() {
    let whole = bytes(&small());
    for length in (0..whole.len()).step_by(whole.len() / 40) {
        assert!(back(&whole[..length]).is_err(), "{length} of {} bytes", whole.len());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]
    #[test]
    fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(back(&bytes).is_err());
        let framed = [b"PAR1".as_slice(), &bytes, b"PAR1"].concat();
        prop_assert!(back(&framed).is_err());
    }

    #[test]
    fn no_damage_makes_the_reader_panic(
        hits in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut file = bytes(&small());
        let length = file.len();
        for (at, byte) in hits {
            file[at.index(length)] = byte;
        }
        if let Ok(trace) = back(&file) {
            prop_assert!(!trace.functions.is_empty());
        }
    }
}
