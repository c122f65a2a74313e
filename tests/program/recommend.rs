//! `recommend` as a loop beside a cluster meets it: recent metrics in, a patch out, a state between two runs.

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::Output;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{HPA, text};

/// An agent whose safety is a number from 1 to 1, so that it always proposes the same bound.
const CONFIG: &str = "
[env]
episode = \"1h\"
[env.action]
head = \"gaussian\"
target_cpu = []
min_base = [\"peak\"]
min_safety = [1.0]
stabilize_down = []
[train]
start = \"hpa\"
forecast = false
steps = 128
";

/// The live HPA.
fn hpa() -> String {
    HPA.replace("maxReplicas: 9", "maxReplicas: 30").replace("averageUtilization: 60", "averageUtilization: 70")
}

fn hpatune(folder: &Path, arguments: &[&str]) -> Output {
    super::hpatune(folder, arguments).output().expect("the program starts")
}

/// Two hours of metrics a minute apart: 1 core on 4 pods, the last `busy` minutes `cores`.
fn metrics(minutes: i64, busy: i64, cores: f64) -> String {
    let mut rows = "time,cpu,pods\n".to_owned();
    for minute in 0..minutes {
        let cpu = if minute >= minutes - busy { cores } else { 1.0 };
        let (hour, minute) = (minute / 60, minute % 60);
        writeln!(rows, "2026-03-01T{hour:02}:{minute:02}:00Z,{cpu},4").unwrap();
    }
    rows
}

/// A directory with a policy, a live HPA and metrics that need 6 pods now.
fn workplace() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("c.toml"), CONFIG).unwrap();
    fs::write(folder.path().join("web.yaml"), hpa()).unwrap();
    fs::write(folder.path().join("web.csv"), metrics(120, 5, 3.0)).unwrap();
    let synth = hpatune(folder.path(), &["synth", "--profile", "diurnal", "--duration", "1d", "-o", "t.parquet"]);
    assert!(synth.status.success(), "{}", text(&synth.stderr));
    let train = hpatune(folder.path(), &["train", "-c", "c.toml", "--trace", "t.parquet", "-o", "run"]);
    assert!(train.status.success(), "{}", text(&train.stderr));
    folder
}

fn recommend(folder: &Path, arguments: &[&str]) -> Output {
    let own = ["recommend", "--policy", "run/policy.safetensors", "--metrics", "web.csv", "--hpa", "web.yaml"];
    let maps = ["--map", "t=time", "--map", "cpu=cpu:cores", "--map", "replicas=pods"];
    hpatune(folder, &[own.as_slice(), &maps, arguments].concat())
}

#[test]
fn a_patch_has_what_differs_and_an_hpa_that_has_it_needs_none() {
    let place = workplace();
    // 3 cores in pods of 500m are 6 pods; the root of 6 is 2.45, so the bound is 9.
    let output = recommend(place.path(), &[]);
    assert_eq!(text(&output.stdout), "{\"spec\":{\"minReplicas\":9}}\n", "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("web"), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("minReplicas 2 -> 9"), "{}", text(&output.stderr));
    let live = hpa().replace("minReplicas: 2", "minReplicas: 9");
    fs::write(place.path().join("web.yaml"), live).unwrap();
    assert_eq!(text(&recommend(place.path(), &[]).stdout), "{\"spec\":{}}\n");
}

#[test]
fn the_state_remembers_the_hpas_own_bound() {
    let place = workplace();
    assert!(recommend(place.path(), &["--state", "web.state"]).status.success());
    // The load falls to 1 core, 2 pods, whose bound is 4; the live HPA has 9 from the patch, its own was 2.
    fs::write(place.path().join("web.yaml"), hpa().replace("minReplicas: 2", "minReplicas: 9")).unwrap();
    fs::write(place.path().join("web.csv"), metrics(180, 0, 1.0)).unwrap();
    let patch = |state: &[&str]| text(&recommend(place.path(), state).stdout);
    assert_eq!(patch(&[]), "{\"spec\":{}}\n", "without a state 9 is taken for its own");
    assert_eq!(patch(&["--state", "web.state"]), "{\"spec\":{\"minReplicas\":4}}\n");
    fs::write(place.path().join("web.csv"), metrics(120, 0, 1.0)).unwrap();
    let late = recommend(place.path(), &["--state", "web.state"]);
    assert_eq!(late.status.code(), Some(2));
    assert!(text(&late.stderr).contains("the last decision is later than the end of the metrics"));
}

#[test]
fn one_document_says_what_was_seen() {
    let place = workplace();
    let document: Value = serde_json::from_slice(&recommend(place.path(), &["--json"]).stdout).unwrap();
    assert_eq!(document["seen"]["at"], "2026-03-01T02:00:00Z");
    assert_eq!(document["seen"]["replicas"], 4);
    // 3 cores on 4 pods of 500m.
    assert_eq!(document["seen"]["utilization"], 1.5);
    assert_eq!(document["before"]["min_replicas"], 2);
    assert_eq!(document["after"]["min_replicas"], 9);
    assert_eq!(document["patch"]["spec"]["minReplicas"], 9);
}

#[test]
fn what_cannot_be_decided_is_refused() {
    let place = workplace();
    fs::write(place.path().join("broken.state"), "{}").unwrap();
    fs::write(place.path().join("pods.csv"), "time,cpu\n2026-03-01T00:00:00Z,1\n2026-03-01T00:01:00Z,1\n").unwrap();
    let policy = ["recommend", "--policy", "run/policy.safetensors", "--metrics", "pods.csv", "--map", "t=time"];
    let unknown = hpatune(place.path(), &[policy.as_slice(), &["--map", "cpu=cpu:cores"]].concat());
    assert!(text(&unknown.stderr).contains("do not say how many replicas"), "{}", text(&unknown.stderr));
    for output in [
        unknown,
        recommend(place.path(), &["--state", "broken.state"]),
        recommend(place.path(), &["--violations", "2"]),
        recommend(place.path(), &["--replicas", "-1"]),
        recommend(place.path(), &["--function", "other"]),
    ] {
        assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
        assert_eq!(text(&output.stdout), "");
    }
}

#[test]
fn a_state_that_cannot_be_kept_leaves_no_patch() {
    let place = workplace();
    fs::create_dir(place.path().join("folder")).unwrap();
    for (arguments, words) in [
        (vec!["--state", "absent/web.state"], "absent/web.state"),
        (vec!["--state", "folder"], "it is a directory"),
        (vec!["--state", "-"], "this is no file"),
        (vec!["--state", "web.out", "-o", "./web.out"], "the patch goes to the same file"),
        (vec!["--state", "web.state", "-o", "absent/patch"], "absent/patch"),
    ] {
        let output = recommend(place.path(), &arguments);
        assert!(text(&output.stderr).contains(words), "{arguments:?}: {}", text(&output.stderr));
        assert_eq!((output.status.code(), text(&output.stdout).as_str()), (Some(2), ""), "{arguments:?}");
    }
    assert!(!place.path().join("web.state").exists());
}

#[test]
fn a_state_that_no_decision_can_have_left_is_refused_by_file_and_field() {
    let place = workplace();
    assert!(recommend(place.path(), &["--state", "web.state"]).status.success());
    let whole: Value = serde_json::from_slice(&fs::read(place.path().join("web.state")).unwrap()).unwrap();
    for (field, value) in [
        ("min_replicas", json!(-5)),
        ("max_replicas", json!(1)),
        ("target_cpu", json!(-7)),
        ("violation_rates", json!([0, 2])),
        ("frames", json!([1, 2])),
        ("last", json!([[0, 0, 0, 0], null])),
    ] {
        let mut state = whole.clone();
        state["memory"][field] = value;
        fs::write(place.path().join("web.state"), state.to_string()).unwrap();
        let told = text(&recommend(place.path(), &["--state", "web.state"]).stderr);
        assert!(told.contains(&format!("web.state: `memory.{field}`")), "{told}");
    }
}
