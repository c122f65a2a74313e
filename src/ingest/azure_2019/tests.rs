use std::fmt::Write;

use proptest::prelude::*;

use crate::ingest::testing::{Files, damage, gzip, ingest, known};
use crate::ingest::{Duplicates, Options};

const CALLS: &str = "HashOwner,HashApp,HashFunction,Trigger,480,481,482
o1,a1,f1,http,12,0,3
o1,a1,f2,timer,1,1,1
o2,a2,f3,queue,0,0,0
";
const DURATIONS: &str = "HashOwner,HashApp,HashFunction,Average,Count,Minimum,Maximum
o1,a1,f1,500,15,0,900
o2,a2,f3,-1,0,0,0
o9,a9,f9,7,1,7,7
";
/// The order of columns of a sample that is in use.
const MEMORY: &str = "HashFunction,HashOwner,HashApp,SampleCount,AverageAllocatedMb
f1,o1,a1,10,100
f2,o1,a1,10,100
";

fn tables() -> Files {
    Files::new(&[
        ("memory.csv", MEMORY.as_bytes()),
        ("calls.csv.gz", &gzip(CALLS.as_bytes())),
        ("durations.csv", DURATIONS.as_bytes()),
    ])
}

#[test]
fn the_three_tables_are_joined_whatever_their_order() {
    let (trace, report) = tables().ingest(&Options::default()).unwrap();
    let names: Vec<_> = trace.functions.iter().map(|series| series.function.as_str()).collect();
    assert_eq!(names, ["f1", "f2", "f3"]);
    assert_eq!(trace.header.origin_ms, Some(1_563_148_800_000 + 479 * 60_000), "column 1 is the first minute");
    let first = &trace.functions[0];
    assert_eq!((first.start_ms, first.requests.clone()), (0, Some(vec![12.0, 0.0, 3.0])));
    // 12 calls of 500 ms in 60 s keep a tenth of a core busy.
    assert_eq!(first.cpu_millicores, Some(vec![100.0, 0.0, 25.0]));
    assert_eq!(first.duration_ms, Some(vec![500.0; 3]));
    assert_eq!(first.memory_bytes, Some(vec![1e8; 3]));
    let second = &trace.functions[1];
    assert_eq!((&second.cpu_millicores, &second.memory_bytes), (&None, &Some(vec![1e8; 3])));
    assert_eq!((report.files, report.rows, report.functions, report.slots), (3, 8, 3, 9));
    assert_eq!(report.requests, Some(18.0));
    let dropped: Vec<_> = report.dropped.iter().map(|(what, count)| (what.as_str(), *count)).collect();
    let expected = [
        ("durations that were not recorded (empty or below 0)", 1),
        ("durations whose function has no invocations", 1),
    ];
    assert_eq!(dropped, expected);
}

#[test]
fn the_computing_share_scales_cpu_only() {
    let (trace, _) = tables().ingest(&Options { cpu_share: 0.5, ..Options::default() }).unwrap();
    assert_eq!(trace.functions[0].cpu_millicores, Some(vec![50.0, 0.0, 12.5]));
    assert_eq!(trace.functions[0].duration_ms, Some(vec![500.0; 3]));
}

#[test]
fn a_function_that_is_not_in_a_days_file_was_not_called_and_a_missing_day_is_unknown() {
    let files = Files::new(&[
        ("invocations.d03.csv", b"HashOwner,HashApp,HashFunction,Trigger,1,2\n,,f2,,7,8\n"),
        ("invocations.d01.csv", b"HashOwner,HashApp,HashFunction,Trigger,1439,1440\n,,f1,,5,6\n"),
    ]);
    let (trace, report) = files.ingest(&Options::default()).unwrap();
    assert_eq!(trace.functions[0].len(), 2 + 1440 + 2);
    let counts = known(trace.functions[0].requests.as_ref());
    assert_eq!((counts[0], counts[1], counts[2], counts[1441]), (Some(5.0), Some(6.0), None, None));
    assert_eq!((counts[1442], counts[1443]), (Some(0.0), Some(0.0)));
    assert_eq!(known(trace.functions[1].requests.as_ref())[1442..], [Some(7.0), Some(8.0)]);
    assert_eq!(report.filled.values().copied().collect::<Vec<_>>(), [1440]);
}

#[test]
fn a_function_that_stands_twice_is_refused_unless_the_user_says_how() {
    let twice = "HashOwner,HashApp,HashFunction,1,2\no,a,f,1,2\no,b,f,5,5\no,a,f,10,20\n";
    let files = Files::new(&[("calls.csv", twice.as_bytes())]);
    assert_eq!(
        files.refusal(&Options::default()),
        "calls.csv:4: `HashFunction`: function f has a row for these minutes in calls.csv:2"
    );
    for (duplicates, expected) in
        [(Duplicates::Sum, [11.0, 22.0]), (Duplicates::First, [1.0, 2.0]), (Duplicates::Last, [10.0, 20.0])]
    {
        let (trace, report) = files.ingest(&Options { duplicates, ..Options::default() }).unwrap();
        let names: Vec<_> = trace.functions.iter().map(|series| series.function.as_str()).collect();
        assert_eq!(names, ["f.a.o", "f.b.o"], "one hash in two apps is two functions");
        assert_eq!(trace.functions[0].requests, Some(expected.to_vec()));
        assert_eq!(report.filled.values().copied().collect::<Vec<_>>(), [1]);
    }
}

#[test]
fn selection_and_top_take_functions_before_they_are_read() {
    let names = |options: &Options| {
        let (trace, _) = tables().ingest(options).unwrap();
        trace.functions.iter().map(|series| series.function.clone()).collect::<Vec<_>>()
    };
    assert_eq!(names(&Options { top: Some(1), ..Options::default() }), ["f1"]);
    assert_eq!(names(&Options { select: vec!["?3".into(), "f2".into()], ..Options::default() }), ["f2", "f3"]);
    let none = Options { select: vec!["g*".into()], ..Options::default() };
    assert_eq!(tables().refusal(&none), "`--select`: no function is named g*");
}

#[test]
fn reading_in_many_passes_gives_the_same_trace() {
    let (whole, report) = tables().ingest(&Options::default()).unwrap();
    let (parts, same) = tables().ingest(&Options { memory: 1, ..Options::default() }).unwrap();
    assert_eq!((parts, same), (whole, report));
}

#[test]
fn wide_rows_of_every_line_ending_are_read() {
    for text in [CALLS.replace('\n', "\r\n"), format!("\u{feff}{CALLS}"), CALLS.trim_end().to_owned()] {
        let (trace, _) = ingest("calls.csv", &text).unwrap();
        assert_eq!(trace.functions[0].requests, Some(vec![12.0, 0.0, 3.0]), "{text:?}");
    }
}

#[test]
fn what_is_wrong_is_named_by_file_line_and_column() {
    let header = "HashOwner,HashApp,HashFunction,Trigger,1,2\n";
    for (text, expected) in [
        (format!("{header}o,a,f,http,1,2\no,a,g,http,x,2\n"), "x.csv:3: `1`: `x` is not a number"),
        (format!("{header}o,a,f,http,1,-2\n"), "x.csv:2: `2`: `-2` is below 0"),
        (format!("{header}o,a,f,http,1,inf\n"), "x.csv:2: `2`: `inf` is not a finite number"),
        (format!("{header}o,a,f,http,1,NaN\n"), "x.csv:2: `2`: `NaN` is not a number of calls"),
        (format!("{header}o,a,f,http,,2\n"), "x.csv:2: `1`: `` is empty where a number of calls should stand"),
        (format!("{header}o,a,f,http,1\n"), "x.csv:2: 5 cells where the first row has 6"),
        (format!("{header}o,a,,http,1,2\n"), "x.csv:2: `HashFunction`: a row has no function"),
        (header.to_owned(), "x.csv: there is no function in the input"),
        (header.replace(",2", ",1"), "x.csv: `1`: two columns are this minute"),
        (header.replace(",2", ",noon"), "x.csv:1: `noon`: this is neither a hash, nor Trigger"),
        ("HashOwner,HashApp,1\no,a,1\n".into(), "x.csv: `HashFunction`: the column is missing"),
        ("HashFunction,Trigger\nf,http\n".into(), "x.csv: there is no column of a minute"),
        (DURATIONS.to_owned(), "there are no invocations among the tables"),
    ] {
        let found = Files::new(&[("x.csv", text.as_bytes())]).refusal(&Options::default());
        assert!(found.starts_with(expected), "{found}");
    }
}

#[test]
fn a_wrong_cell_far_down_a_wide_table_is_found() {
    let header: String = (1..=1440).map(|minute| format!(",{minute}")).collect();
    let mut text = format!("HashOwner,HashApp,HashFunction,Trigger{header}\n");
    for row in 0..500 {
        let cells: String = (1..=1440).map(|minute| if (row, minute) == (400, 777) { ",1o" } else { ",10" }).collect();
        writeln!(text, "o,a,f{row},http{cells}").unwrap();
    }
    let found = Files::new(&[("calls.d01.csv", text.as_bytes())]).refusal(&Options::default());
    assert_eq!(found, "calls.d01.csv:402: `777`: `1o` is not a number");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn no_damage_makes_the_reader_panic(
        which in 0_usize..3,
        hits in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>(), any::<u8>()), 1..5),
    ) {
        let mut texts = [CALLS.as_bytes().to_vec(), DURATIONS.as_bytes().to_vec(), MEMORY.as_bytes().to_vec()];
        texts[which] = damage(&texts[which], &hits);
        let names = ["calls.csv", "durations.csv", "memory.csv"];
        let files: Vec<_> = names.into_iter().zip(texts.iter().map(Vec::as_slice)).collect();
        if let Err(error) = Files::new(&files).ingest(&Options::default()) {
            prop_assert!(!error.help.is_empty());
        }
    }
}
