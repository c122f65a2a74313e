//! Policies of every mode as their users meet them: trained, resumed, judged, and refused where they do not fit.

use std::fs;
use std::path::Path;
use std::process::Output;
use std::thread::sleep;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use super::{BRIEF, HPA, text};

const CONFIG: &str = r#"
[workload]
fit_pods = 6
[env]
KEYS
control_interval = "1m"
episode = "1h"
"#;

/// An experiment file with these keys of `[env]`.
fn experiment(keys: &str) -> String {
    CONFIG.replace("KEYS", keys) + BRIEF
}

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
    fs::write(folder.path().join("c.toml"), experiment(keys)).unwrap();
    done(&hpatune(
        folder.path(),
        &["synth", "--profile", "bursty", "--duration", "1d", "--seed", "2", "-o", "t.parquet"],
    ));
    folder
}

fn train(folder: &Path, output: &str, more: &[&str]) -> Output {
    hpatune(folder, &[&["train", "-c", "c.toml", "--trace", "t.parquet", "-o", output], more].concat())
}

/// The runs of the policy and of the stock HPA on a function that the policy has not learned on, where it flies whatever
/// it did on its own.
fn judged(folder: &Path, level: &str) -> [Value; 2] {
    let own = ["evaluate", "-c", "c.toml", "--trace", "other.parquet", "--policy", "run/policy.safetensors"];
    let judged =
        hpatune(folder, &[&own[..], &["--baseline", "stock-80", "--seeds", "1", "--level", level, "--json"]].concat());
    done(&judged);
    let document: Value = serde_json::from_slice(&judged.stdout).unwrap();
    let runs = document["runs"].as_array().unwrap();
    ["policy", "stock-80"].map(|policy| runs.iter().find(|run| run["policy"] == policy).unwrap().clone())
}

#[test]
fn a_policy_of_every_mode_is_trained_and_judged_at_both_levels() {
    // Little leans to what there is, so that a short training leaves policies that act. Where pods can grow, their number
    // is too small.
    let bold = "learning_rate = 0.01\ninitial_share = 0.15\ntarget_kl = 0.5\n";
    let few = "[hpa]\nmin_replicas = 3\nmax_replicas = 3\n";
    for (keys, grows) in [(DIRECT, false), (CLASSIC, true), (NUMBERS, true), (MASKED, false)] {
        let folder = ground(keys);
        let place = folder.path();
        let config = experiment(keys) + bold + if grows { few } else { "" };
        fs::write(place.join("c.toml"), config).unwrap();
        let synth = ["synth", "--profile", "diurnal", "--duration", "1d", "--seed", "5", "-o", "other.parquet"];
        done(&hpatune(place, &synth));
        done(&train(place, "run", &["--seeds", "3"]));
        for level in ["fluid", "requests"] {
            let [own, fixed] = judged(place, level);
            assert!(own["requests"]["completed"].as_f64().unwrap() > 0.0, "{keys} {level}");
            assert_ne!(own["objective"], fixed["objective"], "the policy does as the static HPA: {keys} {level}");
            let hours = |of: &str| own["cost"][of].as_f64().unwrap();
            let cores = hours("cpu_hours") / hours("replica_hours");
            assert_eq!((cores - 0.5).abs() > 1e-6, grows, "{cores} cores a pod: {keys} {level}");
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

/// What a policy makes of the live HPA in web.yaml, from two hours of web.csv.
fn recommend(folder: &Path, run: &str, more: &[&str]) -> Output {
    let row = |minute: i32| format!("2026-03-01T{:02}:{:02}:00Z,1.5,4\n", minute / 60, minute % 60);
    let rows = (0..120).map(row).fold("time,cpu,pods\n".to_owned(), |all, row| all + &row);
    fs::write(folder.join("web.csv"), rows).unwrap();
    let policy = format!("{run}/policy.safetensors");
    let own = ["recommend", "--policy", &policy, "--metrics", "web.csv", "--hpa", "web.yaml", "--map", "t=time"];
    hpatune(folder, &[&own[..], &["--map", "cpu=cpu:cores", "--map", "replicas=pods"], more].concat())
}

/// The HPA's own bounds, as a state has them.
fn own_bounds(folder: &Path) -> (i64, i64) {
    let state: Value = serde_json::from_slice(&fs::read(folder.join("state")).unwrap()).unwrap();
    let bound = |name: &str| state["memory"][name].as_i64().unwrap();
    (bound("min_replicas"), bound("max_replicas"))
}

#[test]
fn a_direct_policy_pins_both_bounds_of_a_live_hpa_and_remembers_its_own() {
    let folder = ground(&DIRECT.replace("action.cooldown = \"2m\"\n", ""));
    let place = folder.path();
    done(&train(place, "run", &["--steps", "480"]));
    fs::write(place.join("web.yaml"), HPA).unwrap();
    refused(&recommend(place, "run", &[]), &["--state"]);
    let told = recommend(place, "run", &["--state", "state", "--json"]);
    done(&told);
    let document: Value = serde_json::from_slice(&told.stdout).unwrap();
    let after = &document["after"];
    assert_eq!(after["min_replicas"], after["max_replicas"], "{document}");
    assert!((2..=6).contains(&after["min_replicas"].as_i64().unwrap()), "{document}");
    assert_eq!(own_bounds(place), (2, 9));
    let export = ["export", "--policy", "run/policy.safetensors", "--trace", "t.parquet", "--target", "deployment/web"];
    refused(&hpatune(place, &export), &["hpatune recommend"]);
}

#[test]
fn a_policy_that_takes_over_gets_the_hpas_own_bounds_and_not_those_that_another_has_set() {
    let folder = ground(DIRECT);
    let place = folder.path();
    done(&train(place, "first", &["--steps", "480"]));
    done(&train(place, "second", &["--steps", "480", "--seed", "4"]));
    fs::write(place.join("c.toml"), experiment("")).unwrap();
    done(&train(place, "fields", &["--steps", "480"]));
    fs::write(place.join("web.yaml"), HPA).unwrap();
    done(&recommend(place, "first", &["--state", "state"]));
    let pinned = HPA.replace("minReplicas: 2", "minReplicas: 3").replace("maxReplicas: 9", "maxReplicas: 3");
    fs::write(place.join("web.yaml"), pinned).unwrap();
    let second = recommend(place, "second", &["--state", "state"]);
    done(&second);
    assert!(text(&second.stderr).contains("written with another policy"), "{}", text(&second.stderr));
    assert_eq!(own_bounds(place), (2, 9));
    let fields = recommend(place, "fields", &["--state", "state"]);
    done(&fields);
    assert!(text(&fields.stdout).contains("\"maxReplicas\":9"), "{}", text(&fields.stdout));
    assert_eq!(own_bounds(place), (2, 9));
    let anew = recommend(place, "first", &["--state", "new"]);
    done(&anew);
    assert!(text(&anew.stderr).contains("taken for the HPA's own"), "{}", text(&anew.stderr));
}

#[test]
fn a_policy_that_looks_back_or_rests_needs_a_state() {
    let folder = ground("");
    let place = folder.path();
    fs::write(place.join("web.yaml"), HPA).unwrap();
    for (run, keys) in [("back", "observation.frames = 2\n"), ("rest", MASKED)] {
        fs::write(place.join("c.toml"), experiment(keys)).unwrap();
        done(&train(place, run, &["--steps", "480"]));
        refused(&recommend(place, run, &[]), &["--state"]);
        for _ in 0..2 {
            done(&recommend(place, run, &["--state", "state"]));
        }
        fs::remove_file(place.join("state")).unwrap();
    }
}

#[test]
fn only_free_choices_are_logged_and_learned_from_where_they_were_seen() {
    let folder = ground("action.mode = \"direct\"\n");
    let place = folder.path();
    let config = |keys: &str, train: &str| {
        fs::write(place.join("c.toml"), experiment(keys) + train).unwrap();
    };
    let collect = |more: &[&str]| {
        let own = ["collect", "-c", "c.toml", "--trace", "t.parquet", "--steps", "480", "-o", "log.safetensors"];
        hpatune(place, &[&own[..], more].concat())
    };
    done(&train(place, "masked", &["--steps", "480"]));
    refused(&collect(&["--policy", "masked/policy.safetensors"]), &["`--policy`", "every choice"]);
    config("action.mode = \"direct\"\naction.masks = false\n", "");
    done(&train(place, "free", &["--steps", "480"]));
    config("action.mode = \"direct\"\naction.masks = false\n", "forecast = false\n");
    refused(&collect(&["--policy", "masked/policy.safetensors"]), &["`--policy`"]);
    for (keys, field) in [
        ("action.mode = \"direct\"\naction.cooldown = \"2m\"\n", "env.action.cooldown"),
        ("action.mode = \"direct\"\naction.masks = true\n", "env.action.masks"),
        ("action.mode = \"infrastructure\"\naction.head = \"beta\"\n", "env.action.head"),
    ] {
        config(keys, "");
        refused(&collect(&[]), &[field]);
    }
    let offline = "algorithm = \"cql\"\noffline.log = \"log.safetensors\"\n";
    let direct = "action.mode = \"direct\"\naction.masks = false\n";
    config(direct, offline);
    done(&collect(&["--policy", "free/policy.safetensors"]));
    done(&train(place, "learned", &[]));
    config(direct, &format!("{offline}forecast = false\n"));
    refused(&train(place, "learned", &[]), &["train.offline.log", "forecaster"]);
    let config = experiment(direct).replace("start = \"hpa\"", "start = \"shared\"");
    fs::write(place.join("c.toml"), config.replace("\"1m\"", "\"2m\"")).unwrap();
    refused(&collect(&["--policy", "free/policy.safetensors"]), &["at other times"]);
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
