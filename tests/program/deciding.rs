//! How learned policies decide, as `evaluate` reports it.

use std::fs;
use std::path::Path;
use std::process::Output;

use serde_json::Value;
use tempfile::TempDir;

use crate::{BRIEF, SMALL, hpatune, text};

/// The policy learns a little, leans to the HPA as it stands by little, and so does something.
const CONFIG: &str = r#"[env]
control_interval = "1m"
episode = "1h"
[env.action]
masks = true
cooldown = "3m"
head = "discrete"
min_base = ["start", "peak"]
min_safety = [0, 1, 3]
[hpa]
max_replicas = 6
"#;

const LEARNING: &str = "initial_share = 0.15\nlearning_rate = 1e-2\ntarget_kl = 0.5\n";

fn run(folder: &Path, line: &str) -> Output {
    let output = hpatune(folder, line.split_whitespace()).output().unwrap();
    assert!(output.status.success(), "{line}: {}", text(&output.stderr));
    output
}

/// A policy, and two functions that it has not learned on.
fn ground() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("c.toml"), format!("{SMALL}{CONFIG}{BRIEF}{LEARNING}")).unwrap();
    run(folder.path(), "synth --profile bursty --duration 1d --seed 2 -o t.parquet");
    run(folder.path(), "synth --profile diurnal --functions 2 --duration 1d --seed 5 -o other.parquet");
    run(folder.path(), "train -c c.toml --trace t.parquet -o run");
    folder
}

const EVALUATE: &str = "evaluate -c c.toml --trace other.parquet --trace t.parquet --policy run/policy.safetensors \
                        --baseline stock-80 --seeds 2 --level fluid";

fn bytes(folder: &Path, path: &str) -> Vec<u8> {
    fs::read(folder.join(path)).unwrap()
}

#[test]
fn how_a_policy_decides_is_told_of_learned_policies_alone_whoever_makes_the_runs() {
    let ground = ground();
    let folder = ground.path();
    let said = text(&run(folder, &format!("{EVALUATE} -o whole --threads 2")).stderr);
    assert_eq!(said.matches("one decision of policy takes ").count(), 1, "{said}");
    run(folder, &format!("{EVALUATE} -o alone --threads 1"));
    for part in ["0/2", "1/2"] {
        run(folder, &format!("{EVALUATE} -o parts --shard {part}"));
    }
    run(folder, "merge parts -o merged");
    for name in ["evaluation.json", "summary.json", "runs.csv", "runs.parquet", "report.html"] {
        let whole = bytes(folder, &format!("whole/{name}"));
        assert!(whole == bytes(folder, &format!("alone/{name}")), "threads change {name}");
        assert!(whole == bytes(folder, &format!("merged/{name}")), "parts change {name}");
        assert!(!text_or_nothing(&whole).contains("µs"), "{name} keeps a time");
    }
    let document: Value = serde_json::from_slice(&bytes(folder, "whole/evaluation.json")).unwrap();
    plausible(&document);
    let page = text(&bytes(folder, "whole/report.html"));
    assert!(page.contains("How policies decide"));
    let head = text(&bytes(folder, "whole/runs.csv"));
    assert!(
        head.lines().next().unwrap().contains("control.entropy,control.masked_pct,control.overridden_pct,control.kl")
    );
}

fn text_or_nothing(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap_or_default()
}

/// Runs of the policy that fly say how it decides; others say nothing; the summary has the means of those that do.
fn plausible(document: &Value) {
    let mut entropies = Vec::new();
    for row in document["runs"].as_array().unwrap() {
        let Some(control) = row.get("control") else { continue };
        assert_eq!(row["policy"], "policy", "{row}");
        let figure = |key: &str| control[key].as_f64().unwrap();
        let within = |key: &str, least: f64, most: f64| assert!((least..=most).contains(&figure(key)), "{control}");
        // Of two and of three choices.
        within("entropy", 0.0, 6.0_f64.ln());
        within("kl", 0.0, 10.0);
        within("masked_pct", 1.0, 60.0);
        within("overridden_pct", 0.0, 100.0);
        entropies.push(figure("entropy"));
    }
    assert!(entropies.len() >= 2, "the policy flies nowhere, so nothing was tried");
    let summary = document["summary"].as_array().unwrap();
    let of = |policy: &str| summary.iter().find(|it| it["policy"] == policy).unwrap();
    let mean = entropies.iter().sum::<f64>() / entropies.len() as f64;
    assert!((of("policy")["mean"]["control"]["entropy"].as_f64().unwrap() - mean).abs() < 1e-9);
    assert!(of("tuned")["mean"].get("control").is_none() && of("stock-80")["interval"].get("control").is_none());
}

#[test]
fn gates_take_how_a_policy_decides_and_quiet_runs_say_no_time() {
    let ground = ground();
    let gated = |gate: &str| {
        hpatune(ground.path(), EVALUATE.split_whitespace()).args(["-q", "--require", gate]).output().unwrap()
    };
    let met = gated("control.entropy[policy] <= 1.8");
    assert_eq!((met.status.code(), text(&met.stderr).as_str()), (Some(0), ""));
    assert_eq!(gated("control.masked_pct[policy] > 99").status.code(), Some(3));
    assert_eq!(gated("control.kl[stock-80] <= 9").status.code(), Some(2), "no learned policy");
}
