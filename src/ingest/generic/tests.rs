use std::time::Duration;

use polars::prelude::{Column, DataFrame, DataType, ParquetWriter, TimeUnit as Unit};
use proptest::prelude::*;

use crate::ingest::testing::{Files, damage, gzip, known};
use crate::ingest::{Duplicates, Missing, Options, Report};
use crate::trace::Trace;

fn options(maps: &[&str]) -> Options {
    Options { map: maps.iter().map(|map| map.parse().unwrap()).collect(), ..Options::default() }
}

fn read(text: &str, options: &Options) -> (Trace, Report) {
    Files::new(&[("table.csv", text.as_bytes())]).ingest(options).unwrap()
}

fn refusal(text: &str, options: &Options) -> String {
    Files::new(&[("table.csv", text.as_bytes())]).refusal(options)
}

const COUNTS: &str = "minute,count\n1995-07-01 00:00:00,42\n1995-07-01 00:01:00,61\n1995-07-01 00:03:00,57\n";

#[test]
fn a_file_without_functions_is_one_and_an_absent_minute_is_what_the_user_says() {
    let counts = options(&["t=minute", "requests=count"]);
    let (trace, report) = read(COUNTS, &counts);
    assert_eq!(trace.functions[0].function, "table");
    // date -u -d '1995-07-01' +%s gives 804556800.
    assert_eq!((trace.header.interval_ms, trace.header.origin_ms), (60_000, Some(804_556_800_000)));
    assert_eq!(known(trace.functions[0].requests.as_ref()), [Some(42.0), Some(61.0), None, Some(57.0)]);
    assert_eq!(report.filled.values().copied().collect::<Vec<_>>(), [1]);
    let (trace, _) = read(COUNTS, &Options { missing: Missing::Zero, ..counts });
    assert_eq!(trace.functions[0].requests, Some(vec![42.0, 61.0, 0.0, 57.0]));
}

#[test]
fn rows_that_are_requests_are_counted_slot_by_slot() {
    // As Azure's log of 2021 has it: a row an invocation, ordered by its start and not by its end.
    let log = "app,func,end_timestamp,duration\na,f,0.5,0.25\na,f,125.25,3\na,g,61,1\na,f,0.5,0.5\na,f,59.9,0.75\n";
    let maps = ["t=end_timestamp", "function=func", "requests=*", "duration=duration:s"];
    let options = Options { interval: Some(Duration::from_secs(60)), ..options(&maps) };
    let (trace, report) = read(log, &options);
    let f = &trace.functions[0];
    assert_eq!((f.function.as_str(), f.start_ms, report.rows), ("f", 0, 5));
    assert_eq!(f.requests, Some(vec![3.0, 0.0, 1.0]), "a minute without a row is one without a request");
    assert_eq!(known(f.duration_ms.as_ref()), [Some(500.0), None, Some(3000.0)]);
    let unsaid = refusal(log, &Options { interval: None, ..options });
    assert!(unsaid.contains("each row is a request") && unsaid.contains("--interval"), "{unsaid}");
}

#[test]
fn a_table_without_header_is_read_by_number_and_units_are_converted() {
    let text = "c4,2024-07-31 23:09:30,,35.5,2\nc4,2024-07-31 23:10:00,x,0.25,3\n";
    let maps = ["function=1", "t=2", "cpu=4:cores", "memory=5:GiB"];
    let (trace, report) = read(text, &Options { header: false, ..options(&maps) });
    let pool = &trace.functions[0];
    assert_eq!((pool.function.as_str(), trace.header.interval_ms, report.rows), ("c4", 30_000, 2));
    assert_eq!(pool.cpu_millicores, Some(vec![35_500.0, 250.0]));
    assert_eq!(pool.memory_bytes, Some(vec![2.0 * 1_073_741_824.0, 3.0 * 1_073_741_824.0]));
}

#[test]
fn a_utilisation_with_percent_signs_becomes_the_cpu_of_all_replicas() {
    // As a poll of `kubectl get hpa` has it: percent of a request of 100m, a mean per replica.
    let text = "t,used,pods\n0,3%,1\n60,115%,2\n120,,4\n180,17,4\n";
    let maps = ["t=t", "cpu=used:percent-of-0.1-per-replica", "replicas=pods"];
    let (trace, _) = read(text, &options(&maps));
    let series = &trace.functions[0];
    assert_eq!(known(series.cpu_millicores.as_ref()), [Some(3.0), Some(230.0), None, Some(68.0)]);
    assert_eq!(series.replicas, Some(vec![1.0, 2.0, 4.0, 4.0]));
    let alone = refusal(text, &options(&maps[..2]));
    assert!(alone.contains("no column is mapped to replicas"), "{alone}");
    let word = refusal(&text.replace("17,", "17 %%,"), &options(&maps));
    assert!(word.contains(":5:") && word.contains("`17 %%` is not a number"), "{word}");
    let sign = refusal(&text.replace(",4\n", ",4%\n"), &options(&maps));
    assert!(sign.contains("`4%` is not a number"), "a sign has no place in a count: {sign}");
}

#[test]
fn numbers_alone_follow_each_other_by_the_interval() {
    let options = Options { header: false, interval: Some(Duration::from_secs(1)), ..options(&["requests=1"]) };
    let (trace, _) = read("157\n158\n159\n", &options);
    assert_eq!((trace.header.interval_ms, trace.header.origin_ms), (1000, None));
    assert_eq!(trace.functions[0].requests, Some(vec![157.0, 158.0, 159.0]));
}

#[test]
fn rates_become_counts_of_a_slot() {
    let text = "t,tp,rpm\n0,2.5,60\n30,4,30\n";
    let (trace, _) = read(text, &options(&["t=t", "requests=tp:rps"]));
    assert_eq!(trace.functions[0].requests, Some(vec![75.0, 120.0]));
    let (trace, _) = read(text, &options(&["t=t", "requests=rpm:per_minute"]));
    assert_eq!(trace.functions[0].requests, Some(vec![30.0, 15.0]));
}

#[test]
fn irregular_times_need_an_interval_and_then_fall_into_slots() {
    let text = "time,calls,util,tp\n3,1,10,2\n15,2,20,4\n27,4,30,6\n61,8,80,8\n185,1,10,1\n";
    let maps = ["t=time", "requests=calls", "cpu=util:percent"];
    assert_eq!(refusal(text, &options(&maps)), "table.csv:5: this row is 34s after the one before it, most are 12s");
    let minutes = |maps: &[&str]| Options { interval: Some(Duration::from_mins(1)), ..options(maps) };
    let (trace, report) = read(text, &minutes(&maps));
    let series = &trace.functions[0];
    assert_eq!(known(series.requests.as_ref()), [Some(7.0), Some(8.0), None, Some(1.0)]);
    assert_eq!(known(series.cpu_millicores.as_ref())[0], Some(200.0));
    assert_eq!(report.filled.values().copied().collect::<Vec<_>>(), [1]);
    let (trace, _) = read(text, &minutes(&["t=time", "requests=tp:rps"]));
    assert_eq!(known(trace.functions[0].requests.as_ref())[0], Some(4.0 * 60.0), "the mean rate, for a minute");
}

#[test]
fn regular_rows_are_joined_or_cut_to_the_interval() {
    let text = "t,n\n0,1\n60,2\n120,3\n180,4\n";
    let with = |interval| Options { interval: Some(interval), ..options(&["t=t", "requests=n"]) };
    assert_eq!(read(text, &with(Duration::from_mins(2))).0.functions[0].requests, Some(vec![3.0, 7.0]));
    assert_eq!(
        read(text, &with(Duration::from_secs(30))).0.functions[0].requests.as_ref().unwrap()[..3],
        [0.5, 0.5, 1.0]
    );
}

#[test]
fn rows_in_any_order_of_many_functions_are_sorted() {
    let text = "f,t,n\nb,60,1\na,120,9\na,0,7\nb,0,2\na,60,8\n";
    let (trace, _) = read(text, &options(&["function=f", "t=t", "requests=n"]));
    assert_eq!(trace.functions[0].requests, Some(vec![7.0, 8.0, 9.0]));
    assert_eq!(trace.functions[1].requests, Some(vec![2.0, 1.0]));
}

#[test]
fn two_rows_of_one_time_are_refused_unless_the_user_says_how() {
    let text = "t,n,mem\n0,1,10\n60,2,20\n60,5,40\n120,1,10\n";
    let maps = ["t=t", "requests=n", "memory=mem:bytes"];
    assert_eq!(refusal(text, &options(&maps)), "table.csv:4: function table has an earlier row of this time");
    for (duplicates, requests, memory) in
        [(Duplicates::Sum, 7.0, 30.0), (Duplicates::First, 2.0, 20.0), (Duplicates::Last, 5.0, 40.0)]
    {
        let (trace, report) = read(text, &Options { duplicates, ..options(&maps) });
        let series = &trace.functions[0];
        assert_eq!(series.requests.as_ref().unwrap().get(1), Some(&requests));
        assert_eq!(series.memory_bytes.as_ref().unwrap().get(1), Some(&memory));
        assert_eq!(report.filled.values().copied().collect::<Vec<_>>(), [1]);
    }
}

#[test]
fn every_spelling_of_nothing_is_a_gap_and_zero_is_zero() {
    let text = "t\tn\n0\t1\n1\tNaN\n2\t\n3\tN/A\n4\tnull\n5\t-\n6\t0\n7\t<unknown>\n8\t2e3\n";
    let (trace, _) = read(text, &options(&["t=t", "requests=n"]));
    let expected = [Some(1.0), None, None, None, None, None, Some(0.0), None, Some(2000.0)];
    assert_eq!(known(trace.functions[0].requests.as_ref()), expected);
}

#[test]
fn quotes_marks_carriage_returns_and_gzip_do_not_matter() {
    let text = "\u{feff}\"t\",\"the, count\"\r\n\"0\",\"5\"\r\n60, 6\r\n";
    let wanted = options(&["t=t", "requests=the, count"]);
    assert_eq!(read(text, &wanted).0.functions[0].requests, Some(vec![5.0, 6.0]));
    let packed = gzip(text.as_bytes());
    let (trace, _) = Files::new(&[("table.csv.gz", &packed)]).ingest(&wanted).unwrap();
    assert_eq!((trace.functions[0].function.as_str(), trace.functions[0].len()), ("table", 2));
    let half = Files::new(&[("table.csv.gz", &packed[..packed.len() / 2])]).refusal(&wanted);
    assert!(half.starts_with("table.csv.gz: the gzip stream is truncated or damaged"), "{half}");
}

fn parquet(columns: Vec<Column>) -> Vec<u8> {
    let mut frame = DataFrame::new(columns[0].len(), columns).unwrap();
    let mut bytes = Vec::new();
    ParquetWriter::new(&mut bytes).finish(&mut frame).unwrap();
    bytes
}

#[test]
fn parquet_files_of_others_are_read() {
    let seconds = Column::new("ts".into(), [1_751_000_000_i64, 1_751_000_060].as_slice());
    let calls = Column::new("n".into(), [3_i32, 4].as_slice());
    let wanted = options(&["t=ts", "requests=n"]);
    let file = parquet(vec![seconds.clone(), calls.clone()]);
    let (trace, _) = Files::new(&[("x.parquet", &file)]).ingest(&wanted).unwrap();
    assert_eq!((trace.header.origin_ms, trace.header.interval_ms), (Some(1_751_000_000_000), 60_000));
    assert_eq!(trace.functions[0].requests, Some(vec![3.0, 4.0]));
    let micros = Column::new("ts".into(), [1_751_000_000_000_000_i64, 1_751_000_060_000_000].as_slice());
    let dates = micros.cast(&DataType::Datetime(Unit::Microseconds, None)).unwrap();
    let (other, _) = Files::new(&[("x.parquet", &parquet(vec![dates, calls]))]).ingest(&wanted).unwrap();
    assert_eq!(other, trace);
    let words = Column::new("n".into(), ["3", "many"].as_slice());
    let found = Files::new(&[("x.parquet", &parquet(vec![seconds, words]))]).refusal(&wanted);
    assert!(found.starts_with("x.parquet: cannot read the columns"), "{found}");
}

#[test]
fn what_is_wrong_is_named_by_file_line_and_column() {
    let wanted = ["t=t", "requests=n"];
    for (text, maps, expected) in [
        ("t,n\n0,1\n60,one\n", &wanted[..], "table.csv:3: `n`: `one` is not a number"),
        ("t,n\n0,1\n60,-5\n", &wanted, "table.csv:3: `n`: `-5` is below 0"),
        ("t,n\n0,1\n60,inf\n", &wanted, "table.csv:3: `n`: `inf` is not a finite number"),
        ("t,n\n0,1\nlater,5\n", &wanted, "table.csv:3: `t`: `later` is not a time"),
        ("t,n\n0,1\n,5\n", &wanted, "table.csv:3: `t`: `` is not a time"),
        ("t,n\n0,1\n60,5,7\n", &wanted, "table.csv:3: 3 cells where the first row has 2"),
        ("t,n\n0,1\n", &wanted, "no function has two rows, so their interval is unknown"),
        ("t,n\n", &wanted, "table.csv: there is no function in the input"),
        ("t,n\n0,\n60,\n", &wanted, "no function has any value"),
        ("time,n\n0,1\n", &wanted, "table.csv: `--map t=t`: there is no column `t`"),
        ("t,n\n0,1\n", &["requests=n"], "`--map`: no column is mapped to the time"),
        ("t,n\n0,1\n", &["t=t"], "`--map`: neither requests nor CPU is mapped"),
        ("t,n\n0,1\n", &["t=t", "requests=n", "requests=t"], "`--map`: two columns are mapped to requests"),
        ("t,n\n0,1\n", &[], "table.csv: no known format begins with `t`, `n`"),
        ("f,t,n\na,0,1\n,60,1\n", &["function=f", "t=t", "requests=n"], "table.csv:3: `f`: `` is no name"),
        ("t,n\n0,1\n60,1\n90000000000000,1\n", &wanted, "the rows of table make no regular series"),
    ] {
        let found = refusal(text, &options(maps));
        assert!(found.starts_with(expected), "{found}");
    }
}

#[test]
fn reading_in_many_passes_gives_the_same_trace() {
    let text = "f,t,n\nb,60,1\na,120,9\na,0,7\nb,0,2\na,60,8\nc,0,1\n";
    let whole = options(&["function=f", "t=t", "requests=n"]);
    let parts = Options { memory: 1, ..whole.clone() };
    assert_eq!(read(text, &parts).0, read(text, &whole).0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]
    #[test]
    fn no_damage_makes_the_reader_panic(
        hits in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>(), any::<u8>()), 1..5),
        interval in proptest::option::of(1_u64..100_000),
    ) {
        let wanted = Options { interval: interval.map(Duration::from_secs), ..options(&["t=1", "requests=2"]) };
        let file = damage(COUNTS.as_bytes(), &hits);
        if let Err(error) = Files::new(&[("table.csv", &file)]).ingest(&wanted) {
            prop_assert!(!error.help.is_empty());
        }
    }

    #[test]
    fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), text in "[0-9,\\-.\n\r\" e;]{0,80}") {
        let wanted = Options { header: false, ..options(&["t=1", "requests=1"]) };
        for file in [bytes.as_slice(), text.as_bytes(), &[b"PAR1", bytes.as_slice(), b"PAR1"].concat()] {
            if let Err(error) = Files::new(&[("table.csv", file)]).ingest(&wanted) {
                prop_assert!(!error.help.is_empty());
            }
        }
    }

    #[test]
    fn no_damage_makes_the_parquet_reader_panic(
        hits in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>(), any::<u8>()), 1..4),
    ) {
        let times = Column::new("t".into(), [0_i64, 60, 120, 180].as_slice());
        let calls = Column::new("n".into(), [3.0, 4.0, 5.0, 6.0].as_slice());
        let file = damage(&parquet(vec![times, calls]), &hits);
        if let Err(error) = Files::new(&[("x.parquet", &file)]).ingest(&options(&["t=t", "requests=n"])) {
            prop_assert!(!error.help.is_empty());
        }
    }
}
