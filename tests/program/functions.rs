//! A policy on functions by themselves: networks of their own, and functions that it has never seen.

use std::fs;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

use crate::{SMALL, hpatune, text};

const CONFIG: &str = r#"linear_steps = 20_000
[env]
control_interval = "1m"
[env.action]
min_safety = [-1, 4]
[train]
steps = 48_000
n_envs = 8
minibatch = 120
hidden = [16]
start = "hpa"
forecast = false
learning_rate = 1e-2
evaluate_every = 2
seed = 3
"#;

fn run(folder: &Path, line: &str) -> String {
    let output = hpatune(folder, line.split_whitespace()).output().unwrap();
    assert!(output.status.success(), "{line}: {}", text(&output.stderr));
    text(&output.stdout)
}

/// Two functions, and a policy that was learned on both.
fn ground() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("two.toml"), format!("{SMALL}{CONFIG}")).unwrap();
    run(folder.path(), "synth --profile bursty --functions 2 --duration 1d --seed 4 -o two.parquet");
    run(folder.path(), "train -c two.toml --trace two.parquet -o shared");
    folder
}

fn card(folder: &Path, policy: &str) -> Value {
    serde_json::from_str(&run(folder, &format!("inspect {policy} --json"))).unwrap()
}

#[test]
fn every_function_gets_a_network_of_its_own_in_one_file() {
    let ground = ground();
    let folder = ground.path();
    let each = "train -c two.toml --trace two.parquet --from shared/policy.safetensors --each";
    run(folder, &format!("{each} --threads 2 -o each"));
    run(folder, &format!("{each} --threads 1 -o alone"));
    let bytes = |path: &str| fs::read(folder.join(path)).unwrap();
    assert!(bytes("each/policy.safetensors") == bytes("alone/policy.safetensors"), "threads change bytes");
    let shared = card(folder, "shared/policy.safetensors");
    let own = card(folder, "each/policy.safetensors");
    let flown = |card: &Value| -> Vec<bool> {
        card["starts"].as_array().unwrap().iter().map(|it| it["flies"] == true).collect()
    };
    let starts = own["starts"].as_array().unwrap();
    assert!(flown(&own).contains(&true), "no network beat its start, so nothing was tried");
    for (start, flies) in starts.iter().zip(flown(&own)) {
        assert_eq!(start["own"] == true, flies, "{start}");
    }
    let cost = |card: &Value| card["cost_vs_reference"].as_f64().unwrap();
    assert!(cost(&own) <= cost(&shared), "what is kept is no worse on validation time");

    // What was interrupted after the first function ends as what was not.
    for name in ["policy.safetensors", "policy.md"] {
        fs::remove_file(folder.join("each").join(name)).unwrap();
    }
    fs::remove_dir_all(folder.join("each/function-1")).unwrap();
    fs::remove_file(folder.join("shared/policy.safetensors")).unwrap();
    run(folder, "train --resume each");
    assert!(bytes("each/policy.safetensors") == bytes("alone/policy.safetensors"));

    // Functions fly with different networks, each as its own run's policy does.
    let cost = |policy: &str, function: &str| {
        let line = format!("replay two.parquet -c two.toml --policy {policy} --function {function} --json");
        let figures: Value = serde_json::from_str(&run(folder, &line)).unwrap();
        figures["total"]["objective"].as_f64().unwrap()
    };
    for (index, start) in starts.iter().enumerate() {
        let function = start["function"].as_str().unwrap();
        let one = format!("each/function-{index}/policy.safetensors");
        assert_eq!(cost("each/policy.safetensors", function).to_bits(), cost(&one, function).to_bits());
    }
}

#[test]
fn going_on_by_function_needs_a_policy_and_a_fresh_directory() {
    let ground = ground();
    let refused = |line: &str, words: &[&str]| {
        let output = hpatune(ground.path(), line.split_whitespace()).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{line}");
        for word in words {
            assert!(text(&output.stderr).contains(word), "{}", text(&output.stderr));
        }
    };
    refused("train -c two.toml --trace two.parquet --each -o each", &["--from"]);
    let each = "train -c two.toml --trace two.parquet --from shared/policy.safetensors --each --steps 2000 -o each";
    run(ground.path(), each);
    refused(each, &["there is a run already", "--resume each"]);
    fs::write(ground.path().join("each/each.json"), "{}").unwrap();
    refused("train --resume each", &["each.json:1:2", "not what `hpatune train --each` writes"]);
}

#[test]
fn an_unknown_function_is_left_to_its_tuned_hpa_where_its_past_says_so() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("two.toml"), format!("{SMALL}{CONFIG}")).unwrap();
    run(folder.path(), "synth --profile weekly --functions 2 --duration 2d --seed 9 -o other.parquet");
    let line = "evaluate -c two.toml --trace other.parquet --policy shipped --level fluid --seeds 1 --json";
    let output = hpatune(folder.path(), line.split_whitespace()).output().unwrap();
    let said = text(&output.stderr);
    assert!(output.status.success() && said.matches("on its own past").count() == 2, "{said}");
    let result: Value = serde_json::from_str(&text(&output.stdout)).unwrap();
    let runs = result["runs"].as_array().unwrap();
    let tuned = said.lines().filter(|line| line.contains("the tuned static HPA does best"));
    let functions: Vec<&str> = tuned.map(|line| line.split(['/', ':']).nth(1).unwrap().trim()).collect();
    assert!(!functions.is_empty(), "{said}");
    for function in functions {
        let of = |policy: &str| runs.iter().find(|it| it["policy"] == policy && it["function"] == function).unwrap();
        assert_eq!(of("shipped")["objective"], of("tuned")["objective"]);
    }
}
