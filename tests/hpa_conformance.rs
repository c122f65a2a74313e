//! The HPA against recorded decisions of kube-controller-manager.
//!
//! The vectors lie in the directory that `HPA_CONFORMANCE_DIR` names, else in `../shared/hpa-conformance`, else in the
//! copy of a part of them in this repository: `*.jsonl` and `*.jsonl.gz`, flat or in folders. Every field that the
//! vectors pin down is compared, and nothing may differ.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test panics and prints")]
#![allow(clippy::struct_field_names, reason = "fields are named as in the vectors")]

#[path = "hpa_conformance/functions.rs"]
mod functions;
#[path = "hpa_conformance/record.rs"]
mod record;
#[path = "hpa_conformance/replay.rs"]
mod replay;
#[path = "hpa_conformance/selector.rs"]
mod selector;
#[path = "hpa_conformance/validation.rs"]
mod validation;

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;
use rayon::prelude::*;
use serde::Deserialize;

use replay::Grouping;

/// How many lines are read ahead and replayed together.
const BATCH: usize = 256;

#[derive(Debug, Default)]
struct Tally {
    records: usize,
    reconciles: usize,
    differences: Vec<String>,
}

impl Tally {
    fn merge(mut self, other: Self) -> Self {
        self.records += other.records;
        self.reconciles += other.reconciles;
        self.differences.extend(other.differences);
        self
    }

    fn report(&self, what: &str) {
        println!("{what}: {} records, {} reconciles", self.records, self.reconciles);
        for difference in self.differences.iter().take(10) {
            println!("  {difference}");
        }
        assert!(self.records > 0, "no records were found");
        assert_eq!(self.differences.len(), 0, "records or reconciles differ");
    }
}

#[test]
fn every_recorded_decision_is_reproduced() {
    run(Grouping::Single).report("compared");
}

#[test]
fn pods_that_stand_together_count_as_if_they_stood_alone() {
    run(Grouping::Merged).report("compared with merged pods");
}

fn run(grouping: Grouping) -> Tally {
    let directory = directory();
    println!("vectors: {}", directory.display());
    files(&directory).iter().map(|file| run_file(file, grouping)).fold(Tally::default(), Tally::merge)
}

fn directory() -> PathBuf {
    if let Some(directory) = std::env::var_os("HPA_CONFORMANCE_DIR") {
        return directory.into();
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let shared = root.join("../shared/hpa-conformance");
    if shared.is_dir() { shared } else { root.join("tests/data/hpa-conformance") }
}

/// All files of vectors below a directory, in order of their paths.
fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.unwrap().path())
        .flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] })
        .filter(|path| path.to_string_lossy().ends_with(".jsonl") || path.to_string_lossy().ends_with(".jsonl.gz"))
        .collect();
    files.sort();
    files
}

fn run_file(path: &Path, grouping: Grouping) -> Tally {
    let file = File::open(path).unwrap();
    let reader: Box<dyn Read> = if path.extension().is_some_and(|it| it == "gz") {
        Box::new(MultiGzDecoder::new(file))
    } else {
        Box::new(file)
    };
    let mut lines = BufReader::new(reader).lines();
    let mut tally = Tally::default();
    loop {
        let batch: Vec<String> = lines.by_ref().take(BATCH).map(Result::unwrap).collect();
        if batch.is_empty() {
            return tally;
        }
        let of_batch: Vec<Tally> = batch.par_iter().map(|line| run_line(line, grouping)).collect();
        tally = of_batch.into_iter().fold(tally, Tally::merge);
    }
}

/// What kind of record a line holds.
#[derive(Deserialize)]
struct Kind {
    function: Option<String>,
    steps: Option<serde::de::IgnoredAny>,
}

fn run_line(line: &str, grouping: Grouping) -> Tally {
    if line.trim().is_empty() {
        return Tally::default();
    }
    let kind: Kind = parse(line);
    if kind.steps.is_some() {
        let (reconciles, differences) = replay::replay(&parse(line), grouping);
        return Tally { records: 1, reconciles, differences };
    }
    let difference =
        if kind.function.is_some() { functions::check(&parse(line)) } else { validation::check(&parse(line)) };
    Tally { records: 1, reconciles: 0, differences: difference.into_iter().collect() }
}

fn parse<'a, T: Deserialize<'a>>(line: &'a str) -> T {
    serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in {}", &line[..line.len().min(300)]))
}
