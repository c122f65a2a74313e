//! Policies of every mode as their users meet them: trained, resumed, judged, and refused where they do not fit.

use std::fs;
use std::path::Path;
use std::process::Output;
use std::thread::sleep;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use super::{HPA, text};

const CONFIG: &str = r#"
[workload]
fit_pods = 6
[env]
KEYS
control_interval = "1m"
episode = "1h"
[train]
steps = 9_600
n_envs = 8
minibatch = 120
epochs = 2
hidden = [16]
evaluate_every = 2
start = "hpa"
seed = 3
"#;

const DIRECT: &str = "action.mode = \"direct\"\naction.cooldown = \"2m\"\nobservation.frames = 3\n";
const CLASSIC: &str =
    "action.mode = \"infrastructure\"\naction.head = \"discrete\"\nobservation.profile = \"classic\"\n";
const NUMBERS: &str =
    "action.mode = \"infrastructure\"\naction.head = \"beta\"\nobservation.performance = [\"p99\", \"queue\"]\n";
const MASKED: &str =
    "action.masks = true\naction.cooldown = \"3m\"\naction.head = \"discrete\"\naction.target_cpu = [50, 70]\n";

fn hpatune(folder: &Path, arguments: &[&str]) -> Output {
    super::hpatune(folder, arguments).output().expect("the program starts")
}

fn done(output: &Output) {
    assert!(output.status.success(), "{}", text(&output.stderr));
}

fn refused(output: &Output, words: &[&str]) {
    let told = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(words.iter().all(|word| told.contains(word)), "{told}");
}

/// A directory with a trace and an experiment file of these keys.
fn ground(keys: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("c.toml"), CONFIG.replace("KEYS", keys)).unwrap();
    done(&hpatune(
        folder.path(),
        &["synth", "--profile", "bursty", "--duration", "1d", "--seed", "2", "-o", "t.parquet"],
    ));
    folder
}

fn train(folder: &Path, output: &str, more: &[&str]) -> Output {
    hpatune(folder, &[&["train", "-c", "c.toml", "--trace", "t.parquet", "-o", output], more].concat())
}

#[test]
fn a_policy_of_every_mode_is_trained_and_judged_at_both_levels() {
    for keys in [DIRECT, CLASSIC, NUMBERS, MASKED] {
        let folder = ground(keys);
        done(&train(folder.path(), "run", &[]));
        for level in ["fluid", "requests"] {
            let judged = hpatune(
                folder.path(),
                &[
                    "evaluate",
                    "-c",
                    "c.toml",
                    "--trace",
                    "t.parquet",
                    "--policy",
                    "run/policy.safetensors",
                    "--baseline",
                    "stock-80",
                    "--seeds",
                    "1",
                    "--level",
                    level,
                    "--json",
                ],
            );
            done(&judged);
            let document: Value = serde_json::from_slice(&judged.stdout).unwrap();
            let runs = document["runs"].as_array().unwrap();
            let own = runs.iter().find(|run| run["policy"] == "policy").unwrap();
            assert!(own["requests"]["completed"].as_f64().unwrap() > 0.0, "{keys} {level}");
        }
    }
}

#[test]
fn a_run_that_is_killed_ends_as_one_that_is_not_in_every_mode() {
    for keys in [DIRECT, CLASSIC] {
        let folder = ground(keys);
        let at = |output: &str| folder.path().join(output);
        done(&train(folder.path(), "whole", &[]));
        let mut run = std::process::Command::new(assert_cmd::cargo::cargo_bin!("hpatune"))
            .current_dir(folder.path())
            .args(["train", "-c", "c.toml", "--trace", "t.parquet", "-o", "cut"])
            .stderr(std::process::Stdio::null())
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        while !at("cut/checkpoint.safetensors").exists() {
            assert!(run.try_wait().unwrap().is_none(), "it ended before its first checkpoint");
            sleep(Duration::from_millis(1));
        }
        run.kill().unwrap();
        run.wait().unwrap();
        done(&hpatune(folder.path(), &["train", "--resume", "cut"]));
        for name in ["policy.safetensors", "checkpoint.safetensors"] {
            let read = |output: &str| fs::read(at(output).join(name)).unwrap();
            assert!(read("whole") == read("cut"), "{name} differs: {keys}");
        }
    }
}

#[test]
fn what_an_hpa_cannot_say_is_refused_with_a_remedy() {
    let folder = ground(CLASSIC);
    done(&train(folder.path(), "run", &["--steps", "480"]));
    let policy = "run/policy.safetensors";
    let export = ["export", "--policy", policy, "--trace", "t.parquet", "--target", "deployment/web"];
    refused(&hpatune(folder.path(), &export), &["an HPA has no field for that", "env.action.mode = \"hpa\""]);
    let recommend = ["recommend", "--policy", policy, "--metrics", "t.parquet", "--replicas", "3"];
    refused(&hpatune(folder.path(), &recommend), &["an HPA has no field for that"]);
    fs::write(folder.path().join("nodes.toml"), "[cluster]\ncpu = \"20\"\n").unwrap();
    let judged = ["evaluate", "-c", "nodes.toml", "--trace", "t.parquet", "--policy", policy];
    refused(&hpatune(folder.path(), &judged), &["takes room", "[cluster]"]);
    fs::write(folder.path().join("big.toml"), "[pod]\ncpu_request = \"16\"\n").unwrap();
    let judged = ["evaluate", "-c", "big.toml", "--trace", "t.parquet", "--policy", policy];
    refused(&hpatune(folder.path(), &judged), &["pods start with a cpu limit of 16", "pod.cpu_limit"]);
    let direct = "[env.action]\nmode = \"direct\"\nhead = \"discrete\"\n[train]\nstart = \"hpa\"\nsteps = 480\nalgorithm = \"q-learning\"\n";
    fs::write(folder.path().join("other.toml"), direct).unwrap();
    let taught = ["train", "-c", "other.toml", "--trace", "t.parquet", "--from", policy, "-o", "taught"];
    refused(&hpatune(folder.path(), &taught), &["utilization"]);
}

#[test]
fn a_direct_policy_pins_both_bounds_of_a_live_hpa_and_remembers_its_own() {
    let folder = ground(&DIRECT.replace("action.cooldown = \"2m\"\n", ""));
    done(&train(folder.path(), "run", &["--steps", "480"]));
    fs::write(folder.path().join("web.yaml"), HPA).unwrap();
    // A function that it has not learned on, so that it flies whatever it did on the other.
    let row = |minute: i32| format!("2026-03-01T{:02}:{:02}:00Z,1.5,4\n", minute / 60, minute % 60);
    fs::write(
        folder.path().join("web.csv"),
        (0..120).map(row).fold("time,cpu,pods\n".to_owned(), |all, row| all + &row),
    )
    .unwrap();
    let own = ["--policy", "run/policy.safetensors", "--metrics", "web.csv", "--hpa", "web.yaml", "--map", "t=time"];
    let own = [&own[..], &["--map", "cpu=cpu:cores", "--map", "replicas=pods"]].concat();
    let recommend = |more: &[&str]| hpatune(folder.path(), &[&["recommend"], &own[..], more].concat());
    refused(&recommend(&[]), &["--state"]);
    let told = recommend(&["--state", "state", "--json"]);
    done(&told);
    let document: Value = serde_json::from_slice(&told.stdout).unwrap();
    let after = &document["after"];
    assert_eq!(after["min_replicas"], after["max_replicas"], "{document}");
    assert!((2..=6).contains(&after["min_replicas"].as_i64().unwrap()), "{document}");
    let state: Value = serde_json::from_slice(&fs::read(folder.path().join("state")).unwrap()).unwrap();
    assert_eq!((&state["memory"]["min_replicas"], &state["memory"]["max_replicas"]), (&2.into(), &9.into()), "{state}");
    let export = ["export", "--policy", "run/policy.safetensors", "--trace", "t.parquet", "--target", "deployment/web"];
    refused(&hpatune(folder.path(), &export), &["hpatune recommend"]);
}

#[test]
fn absurd_environments_are_refused_by_field() {
    let folder = tempfile::tempdir().unwrap();
    for (keys, field) in [
        ("[env.action]\nmode = \"diagonal\"", "diagonal"),
        ("[env.action]\nmode = \"direct\"\n[hpa]\nsync_period = \"5m\"", "hpa.sync_period"),
        ("[env.action]\nmode = \"infrastructure\"\n[cluster]\ncpu = \"4\"", "env.action.mode"),
        ("[env.action]\nmode = \"infrastructure\"\n[pod]\ncpu_request = \"16\"", "env.action.infrastructure.cpu"),
        (
            "[env.action]\nmode = \"direct\"\nhead = \"discrete\"\nmasks = true\n[train]\nalgorithm = \"q-learning\"",
            "env.action.masks",
        ),
        ("[env.action]\nhead = \"discrete\"\nmasks = true\n[train.safety]\nenabled = true", "train.safety.enabled"),
        (
            "[env.observation]\nprofile = \"classic\"\n[env.action]\nhead = \"discrete\"\n[train]\nalgorithm = \"q-learning\"",
            "train.q_learning.features",
        ),
        ("[env.observation]\nframes = 0", "env.observation.frames"),
        ("[env.observation.classic]\ncpu = [5, 5]", "env.observation.classic.cpu"),
    ] {
        fs::write(folder.path().join("c.toml"), keys).unwrap();
        refused(&hpatune(folder.path(), &["config", "check", "c.toml"]), &[field]);
    }
}
