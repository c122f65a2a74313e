//! `ingest`, `synth` and `inspect` from outside: exit statuses, pipes, and files that are whole or absent.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use super::text;

fn hpatune(folder: &Path, arguments: &[&str]) -> Output {
    super::hpatune(folder, arguments).output().expect("the program starts")
}

#[test]
fn the_same_seed_makes_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let make = |file: &str, seed: &str| {
        let made =
            hpatune(folder.path(), &["synth", "--profile", "weekly", "--functions", "2", "--seed", seed, "-o", file]);
        assert!(made.status.success(), "{}", text(&made.stderr));
        fs::read(folder.path().join(file)).unwrap()
    };
    assert_eq!(make("a.parquet", "7"), make("b.parquet", "7"));
    assert_ne!(make("a.parquet", "7"), make("c.parquet", "8"));
}

#[test]
fn the_shipped_traces_are_what_the_script_makes() {
    let folder = tempfile::tempdir().unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let script = fs::read_to_string(root.join("scripts/make-traces.sh")).unwrap();
    let mut count = 0;
    for line in script.lines().filter_map(|line| line.strip_prefix("synth ")) {
        let (name, options) = line.split_once(' ').unwrap();
        let arguments: Vec<&str> = ["synth", "-o", "made"].into_iter().chain(options.split(' ')).collect();
        assert!(hpatune(folder.path(), &arguments).status.success(), "{line}");
        let shipped = fs::read(root.join(format!("traces/{name}.parquet"))).unwrap();
        assert!(fs::read(folder.path().join("made")).unwrap() == shipped, "{name} is not what the script makes");
        assert!(shipped.len() < 1_000_000, "{name} is larger than a megabyte");
        count += 1;
    }
    assert_eq!(
        count,
        fs::read_dir(root.join("traces")).unwrap().count() - 1,
        "all but SOURCES.md come from the script"
    );
}

#[test]
fn a_part_of_the_time_keeps_its_place() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("calls.csv"), "t,n\n0,1\n60,2\n120,3\n180,4\n240,5\n").unwrap();
    let part = |rest: &[&str]| {
        let own = ["ingest", "calls.csv", "--map", "t=t", "--map", "requests=n", "-o", "part.parquet", "--json"];
        hpatune(folder.path(), &[own.as_slice(), rest].concat())
    };
    let requests = |rest: &[&str]| -> serde_json::Value {
        serde_json::from_slice::<serde_json::Value>(&part(rest).stdout).unwrap()["requests"].clone()
    };
    assert_eq!(requests(&[]), 15.0);
    assert_eq!(requests(&["--skip", "2m"]), 12.0);
    assert_eq!(requests(&["--keep", "2m"]), 3.0);
    assert_eq!(requests(&["--skip", "1m", "--keep", "2m"]), 5.0);
    let trace = hpatune(folder.path(), &["inspect", "part.parquet", "--json"]);
    assert_eq!(serde_json::from_slice::<serde_json::Value>(&trace.stdout).unwrap()["start_ms"], 60_000);
    let nothing = part(&["--skip", "1d"]);
    assert_eq!(nothing.status.code(), Some(2));
    assert!(text(&nothing.stderr).contains("no function has any value"), "{}", text(&nothing.stderr));
}

#[test]
fn a_trace_goes_through_pipes() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("calls.csv"), "t,n\n0,3\n60,4\n").unwrap();
    let maps = ["--map", "t=t", "--map", "requests=n"];
    let trace = hpatune(folder.path(), &[&["ingest", "calls.csv", "-o", "-"], maps.as_slice()].concat());
    assert!(trace.status.success(), "{}", text(&trace.stderr));
    assert!(text(&trace.stderr).contains("total    7 requests"));
    fs::write(folder.path().join("trace.parquet"), &trace.stdout).unwrap();
    let mut inspect = Command::new(env!("CARGO_BIN_EXE_hpatune"));
    let file = fs::File::open(folder.path().join("trace.parquet")).unwrap();
    let shown = inspect.args(["inspect", "-", "--json"]).stdin(Stdio::from(file)).output().unwrap();
    let document: serde_json::Value = serde_json::from_slice(&shown.stdout).unwrap();
    assert_eq!(document["functions"][0]["mean"], 3.5);
    assert_eq!(document["header"]["interval_ms"], 60_000);
    let csv = fs::File::open(folder.path().join("calls.csv")).unwrap();
    let mut ingest = Command::new(env!("CARGO_BIN_EXE_hpatune"));
    let ingest = ingest.current_dir(folder.path()).args(["ingest", "-", "-o", "piped.parquet", "--json"]).args(maps);
    let report = ingest.stdin(Stdio::from(csv)).output().unwrap();
    let report: serde_json::Value = serde_json::from_slice(&report.stdout).unwrap();
    assert_eq!((&report["rows"], &report["requests"]), (&2.into(), &7.0.into()));
}

#[test]
fn wrong_input_ends_with_2_says_where_and_leaves_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).unwrap();
    put("word.csv", b"t,n\n0,1\n60,one\n");
    put("junk", &[0x7f, b'E', b'L', b'F', 0, 1, 2, 3]);
    put("empty.csv", b"");
    put("cut.parquet", b"PAR1 and no more");
    let cases: [(&[&str], &str); 9] = [
        (&["ingest", "word.csv", "--map", "t=t", "--map", "requests=n"], "word.csv:3: `n`: `one` is not a number"),
        (&["ingest", "word.csv"], "word.csv: no known format begins with `t`, `n`"),
        (&["ingest", "junk"], "junk:1: bytes that are not UTF-8 text"),
        (&["ingest", "empty.csv"], "empty.csv: the file is empty"),
        (&["ingest", "absent.csv"], "absent.csv: cannot read"),
        (&["ingest", "."], ".: this is a directory"),
        (&["inspect", "cut.parquet"], "cut.parquet: this is not a whole Parquet file"),
        (&["inspect", "word.csv"], "word.csv: this is not a whole Parquet file"),
        (&["synth", "--profile", "ramp", "--peak", "9"], "`--peak`: 9 is outside 1 to 2 for the profile ramp"),
    ];
    for (arguments, expected) in cases {
        let refused = hpatune(folder.path(), arguments);
        let said = text(&refused.stderr);
        assert_eq!(refused.status.code(), Some(2), "{arguments:?}: {said}");
        assert!(said.contains(expected), "{said}");
        assert!(said.contains("  help: "), "{said}");
    }
    let left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 4, "only the inputs are there: {left:?}");
}
