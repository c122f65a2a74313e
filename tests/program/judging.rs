//! `tune` and `evaluate` as a user meets them: files in and out, exit statuses, threads.

use std::fs;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

use super::hpatune;

/// A small search, so that tests are quick.
const CONFIG: &str = "
[workload]
fit_pods = 8.0
[tune]
targets = [50, 70, 90]
min_replicas = [1, 3]
demand_quantiles = []
stabilize_down = [\"0s\", \"5m\"]
scale_up = [\"default\"]
scale_down = [\"default\"]
";

/// A directory with a trace of two functions and an experiment file.
fn workplace() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let synth = ["synth", "--profile", "diurnal", "--functions", "2", "--seed", "4", "-o", "trace.parquet"];
    hpatune(directory.path(), synth).assert().success();
    fs::write(directory.path().join("c.toml"), CONFIG).unwrap();
    directory
}

fn json(directory: &Path, threads: &str, arguments: &[&str]) -> (Vec<u8>, Value) {
    let output = hpatune(directory, arguments).env("RAYON_NUM_THREADS", threads).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let value = serde_json::from_slice(&output.stdout).unwrap();
    (output.stdout, value)
}

#[test]
fn one_thread_and_four_write_the_same_bytes() {
    let place = workplace();
    let evaluate = ["evaluate", "--trace", "trace.parquet", "-c", "c.toml", "--seeds", "2", "--json"];
    let tune = ["tune", "trace.parquet", "-c", "c.toml", "--json"];
    for arguments in [evaluate.as_slice(), tune.as_slice()] {
        let [one, four] = ["1", "4"].map(|threads| json(place.path(), threads, arguments).0);
        assert_eq!(one, four);
    }
}

#[test]
fn an_evaluation_has_a_run_for_every_policy_function_and_seed() {
    let place = workplace();
    let arguments = ["evaluate", "--trace", "trace.parquet", "-c", "c.toml", "--seeds", "2", "--json", "-o", "out"];
    let (bytes, document) = json(place.path(), "2", &arguments);
    assert_eq!(document["runs"].as_array().unwrap().len(), 6 * 2 * 2);
    assert_eq!(fs::read(place.path().join("out/evaluation.json")).unwrap(), bytes);
    let runs = fs::read_to_string(place.path().join("out/runs.csv")).unwrap();
    assert_eq!(runs.lines().count(), 1 + 6 * 2 * 2);
    for summary in document["summary"].as_array().unwrap() {
        let usd = document["runs"].as_array().unwrap().iter().filter(|run| run["policy"] == summary["policy"]);
        let usd: Vec<f64> = usd.map(|run| run["cost"]["usd"].as_f64().unwrap()).collect();
        let mean = usd.iter().sum::<f64>() / usd.len() as f64;
        assert!((summary["mean"]["cost"]["usd"].as_f64().unwrap() - mean).abs() < 1e-9 * mean);
        for key in ["lower", "upper"] {
            assert!(summary["cost_vs_tuned"][key].is_f64() && summary["gap_closed"][key].is_f64());
            assert!(summary["interval"]["slo"]["violation_rate"][key].is_f64());
        }
    }
}

#[test]
fn the_best_is_an_experiment_file_that_evaluate_takes() {
    let place = workplace();
    let tune = ["tune", "trace.parquet", "-c", "c.toml", "--function", "diurnal-1", "-o", "best.toml"];
    hpatune(place.path(), tune).assert().success();
    let best = fs::read_to_string(place.path().join("best.toml")).unwrap();
    assert!(best.starts_with("# The best static HPA for trace / diurnal-1, by hpatune "), "{best}");
    hpatune(place.path(), ["config", "check", "best.toml"]).assert().success();
    let fixed =
        ["evaluate", "--trace", "trace.parquet", "-c", "c.toml", "--tuned", "best.toml", "--seeds", "1", "--json"];
    let (_, document) = json(place.path(), "2", &fixed);
    assert_eq!(document["tuned"], Value::Array(Vec::new()), "nothing was searched for");
}

#[test]
fn a_gate_that_is_not_met_ends_with_three_and_one_that_is_wrong_with_two() {
    let place = workplace();
    let gate = |expression: &str| {
        let arguments = [
            "evaluate",
            "--trace",
            "trace.parquet",
            "-c",
            "c.toml",
            "--seeds",
            "1",
            "--baseline",
            "stock-80",
            "--require",
        ];
        hpatune(place.path(), arguments).arg(expression).output().unwrap()
    };
    assert_eq!(gate("cost.usd[tuned]/cost.usd[tuned] <= 1").status.code(), Some(0));
    let missed = gate("cost.usd[tuned]/cost.usd[tuned] <= 0.95");
    assert_eq!(missed.status.code(), Some(3));
    let told = String::from_utf8(missed.stderr).unwrap();
    assert!(told.contains("gate not met: cost.usd[tuned]/cost.usd[tuned] <= 0.95: 1.000 against 0.9500"), "{told}");
    for wrong in ["cost.usd[tuned] <=", "cost.eur[tuned] <= 1", "cost.usd[nobody] <= 1"] {
        assert_eq!(gate(wrong).status.code(), Some(2), "{wrong}");
    }
}

#[test]
fn wrong_input_leaves_nothing_behind() {
    let place = workplace();
    for arguments in [
        &["evaluate", "--trace", "none.parquet", "-o", "out"][..],
        &["evaluate", "--trace", "trace.parquet", "--function", "none", "-o", "out"],
        &["evaluate", "--trace", "trace.parquet", "--baseline", "none", "-o", "out"],
        &["evaluate", "--trace", "trace.parquet", "--trace", "trace.parquet", "-o", "out"],
        &["tune", "trace.parquet", "-o", "out"],
        &["tune", "c.toml", "-o", "out"],
    ] {
        hpatune(place.path(), arguments).assert().code(2);
        assert!(!place.path().join("out").exists(), "{arguments:?}");
    }
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let place = workplace();
    let program = assert_cmd::cargo::cargo_bin("hpatune");
    for arguments in [
        &["tune", "trace.parquet", "-c", "c.toml", "--json"][..],
        &["replay", "trace.parquet", "--json"],
        &["replay", "trace.parquet", "--timeline", "-"],
        &["explain", "trace.parquet"],
        &["synth", "--profile", "diurnal", "-o", "-"],
    ] {
        let mut child = std::process::Command::new(&program)
            .current_dir(place.path())
            .args(arguments)
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        assert!(child.wait().unwrap().success(), "{arguments:?}");
    }
}
