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
    // Six baselines, and the policy that ships.
    assert_eq!(document["runs"].as_array().unwrap().len(), 7 * 2 * 2);
    assert_eq!(fs::read(place.path().join("out/evaluation.json")).unwrap(), bytes);
    let runs = fs::read_to_string(place.path().join("out/runs.csv")).unwrap();
    assert_eq!(runs.lines().count(), 1 + 7 * 2 * 2);
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

/// Every file of a directory by name.
fn files(directory: &Path) -> Vec<(String, Vec<u8>)> {
    let mut all: Vec<_> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), fs::read(&path).unwrap()))
        .collect();
    all.sort();
    all
}

#[test]
fn parts_that_are_put_together_are_the_whole_byte_for_byte() {
    let place = workplace();
    let evaluate = ["evaluate", "--trace", "trace.parquet", "-c", "c.toml", "--seeds", "2", "--level", "fluid"];
    let with = |more: &[&str], variables: &[(&str, &str)]| {
        let arguments = [&evaluate[..], &["--baseline", "stock-80", "--robustness"], more].concat();
        let output = hpatune(place.path(), arguments).envs(variables.iter().copied()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let told = with(&["-o", "whole"], &[]);
    assert_eq!(with(&["--shard", "0/2", "-o", "first"], &[]), "1 unit made, 0 were there, in first\n");
    let second = [("JOB_COMPLETION_INDEX", "1")];
    assert_eq!(with(&["--shard", "auto/2", "-o", "second"], &second), "1 unit made, 0 were there, in second\n");
    assert_eq!(with(&["--shard", "0/2", "-o", "first"], &[]), "0 units made, 1 were there, in first\n");
    let merge = |arguments: &[&str]| hpatune(place.path(), [&["merge"], arguments].concat()).output().unwrap();
    let merged = merge(&["second", "first", "-o", "merged"]);
    assert_eq!(String::from_utf8(merged.stdout).unwrap(), told);
    let (whole, merged) = (files(&place.path().join("whole")), files(&place.path().join("merged")));
    assert_eq!(whole.len(), merged.len());
    for (one, other) in whole.iter().zip(&merged) {
        assert!(one == other, "{} differs", one.0);
    }
    let gate = ["first", "second", "--require", "paired.p_holm[stock-80] > 2"];
    assert_eq!(merge(&gate).status.code(), Some(3), "a gate on what is put together");
    let part = merge(&["first", "-o", "part"]);
    assert_eq!(part.status.code(), Some(2));
    let told = String::from_utf8(part.stderr).unwrap();
    assert!(told.contains("1 of 2 units are missing, the first is 1: trace / diurnal-1"), "{told}");
    assert!(!place.path().join("part").exists());
}

#[test]
fn a_directory_of_units_keeps_to_its_own_comparison() {
    let place = workplace();
    let shard = |seeds: &str, directory: &str| {
        let arguments = ["evaluate", "--trace", "trace.parquet", "-c", "c.toml", "--level", "fluid", "--seeds", seeds];
        hpatune(place.path(), [&arguments[..], &["--shard", "0/1", "-o", directory]].concat()).output().unwrap()
    };
    assert_eq!(shard("1", "one").status.code(), Some(0));
    let other = shard("2", "one");
    assert_eq!(other.status.code(), Some(2));
    let told = String::from_utf8(other.stderr).unwrap();
    assert!(told.contains("one: the directory holds units of another comparison"), "{told}");
    assert_eq!(shard("2", "two").status.code(), Some(0));
    let mixed = hpatune(place.path(), ["merge", "one", "two"]).output().unwrap();
    assert_eq!(mixed.status.code(), Some(2));
    assert!(String::from_utf8(mixed.stderr).unwrap().contains("it is of another comparison than one"));
    fs::write(place.path().join("one/unit-000000.json"), "{\n").unwrap();
    let damaged = hpatune(place.path(), ["merge", "one"]).output().unwrap();
    assert_eq!(damaged.status.code(), Some(2));
    assert!(String::from_utf8(damaged.stderr).unwrap().contains("unit-000000.json:2:"));
    fs::remove_file(place.path().join("one/unit-000000.json")).unwrap();
    assert_eq!(shard("1", "one").status.code(), Some(0));
    let path = place.path().join("one/unit-000001.json");
    let mut unit: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    unit["statics"].as_array_mut().unwrap().pop();
    fs::write(&path, unit.to_string()).unwrap();
    let short = hpatune(place.path(), ["merge", "one"]).output().unwrap();
    assert_eq!(short.status.code(), Some(2));
    assert!(String::from_utf8(short.stderr).unwrap().contains("it is not unit 1 of this comparison"));
    assert_eq!(shard("1", "one").status.code(), Some(0), "a damaged unit is made again");
    assert_eq!(hpatune(place.path(), ["merge", "one"]).output().unwrap().status.code(), Some(0));
}

#[test]
fn the_policy_that_ships_is_judged_by_its_name() {
    let place = workplace();
    let evaluate = ["evaluate", "--trace", "trace.parquet", "-c", "c.toml", "--seeds", "1", "--level", "fluid"];
    let arguments = [&evaluate[..], &["--policy", "shipped", "--baseline", "stock-80", "-o", "out"]].concat();
    hpatune(place.path(), arguments).assert().success();
    let text = fs::read_to_string(place.path().join("out/report.html")).unwrap();
    assert!(text.contains("--policy shipped"));
}

#[test]
fn a_policy_that_saw_the_test_time_is_told_of_and_keeps_its_own_name() {
    let place = workplace();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    fs::copy(root.join("traces/bursty.parquet"), place.path().join("b.parquet")).unwrap();
    for name in ["current", "clairvoyant-x"] {
        let copy = place.path().join(format!("{name}.safetensors"));
        fs::copy(root.join("policies/default.safetensors"), copy).unwrap();
    }
    fs::write(place.path().join("early.toml"), format!("{CONFIG}[split]\ntrain = 0.3\nvalidation = 0.1\n")).unwrap();
    let judge = |config: &str| {
        let evaluate =
            ["evaluate", "--trace", "b.parquet", "--seeds", "1", "--level", "fluid", "--baseline", "stock-80"];
        let more =
            ["--policy", "current.safetensors", "--policy", "clairvoyant-x.safetensors", "-o", "out", "-c", config];
        let output = hpatune(place.path(), [&evaluate[..], &more].concat()).output().unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{told}");
        (told, fs::read_to_string(place.path().join("out/report.html")).unwrap())
    };
    let (told, page) = judge("early.toml");
    assert!(told.contains("current.safetensors has learned or chosen on part of b that is its test time"), "{told}");
    assert!(page.contains("learning saw part of it: current.safetensors on b, clairvoyant-x.safetensors on b."));
    let summary: Value = serde_json::from_slice(&fs::read(place.path().join("out/summary.json")).unwrap()).unwrap();
    for it in summary["summary"].as_array().unwrap() {
        let learned = it["policy"].as_str().unwrap().ends_with(".safetensors");
        assert_eq!((it["nature"]["static"] == true, it["nature"]["foresees"] == true), (!learned, false), "{it}");
    }
    let (told, page) = judge("c.toml");
    assert!(
        !told.contains("test time here") && page.contains("Neither search nor learning saw it, as far as"),
        "{told}"
    );
}

#[test]
fn a_report_needs_nothing_but_itself() {
    let place = workplace();
    let arguments =
        ["evaluate", "--trace", "trace.parquet", "-c", "c.toml", "--seeds", "2", "--level", "fluid", "-o", "out"];
    hpatune(place.path(), arguments).assert().success();
    let text = fs::read_to_string(place.path().join("out/report.html")).unwrap();
    for outside in ["<script", "src=", "href=\"http", "url(", "@import", "<link"] {
        assert!(!text.contains(outside), "{outside}");
    }
    let summary: Value = serde_json::from_slice(&fs::read(place.path().join("out/summary.json")).unwrap()).unwrap();
    assert!(summary.get("runs").is_none());
    let decision = summary["decision"].as_str().unwrap();
    assert!(text.contains(decision), "{decision}");
    assert!(text.contains(summary["traces"][0]["sha256"].as_str().unwrap()));
    assert!(text.contains("hpatune evaluate --trace trace.parquet --config c.toml --seeds 2 --level fluid"));
    let pictures = text.matches("<svg role=\"img\" aria-labelledby=\"picture-").count();
    assert_eq!(pictures, text.matches("<figcaption id=\"picture-").count());
    assert!(pictures >= 6, "{pictures}");
    assert_eq!(text.matches("<table").count(), text.matches("<caption>").count());
    assert!(fs::read(place.path().join("out/runs.parquet")).unwrap().starts_with(b"PAR1"));
    for summary in summary["summary"].as_array().unwrap() {
        let standing = &summary["standing"];
        assert!(standing["score"]["iqm"]["lower"].is_f64() && standing["paired"]["p_holm"].is_f64(), "{standing}");
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
    let without = |it: &Value| it.get("cost_at_equal_violations").is_none();
    assert!(document["summary"].as_array().unwrap().iter().all(without), "there is no front of static HPAs");
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
