//! `explain` and `diff` on the built program.

#![cfg(all(feature = "ingest", feature = "manifest"))]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::path::Path;

use assert_cmd::Command;
use serde_json::Value;

fn hpatune(directory: &Path, line: &str) -> Vec<u8> {
    let mut command = Command::cargo_bin("hpatune").unwrap();
    command.current_dir(directory).args(line.split(' ')).assert().success().get_output().stdout.clone()
}

fn manifest(target: i32) -> String {
    format!(
        "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {{name: web}}\nspec:\n  \
         scaleTargetRef: {{apiVersion: apps/v1, kind: Deployment, name: web}}\n  maxReplicas: 20\n  metrics:\n  \
         - type: Resource\n    resource: {{name: cpu, target: {{type: Utilization, averageUtilization: {target}}}}}\n  \
         behavior:\n    scaleUp: {{policies: [{{type: Pods, value: 1, periodSeconds: 60}}]}}\n"
    )
}

/// A directory with a trace, two manifests and an experiment file.
fn prepared() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("old.yaml"), manifest(70)).unwrap();
    std::fs::write(directory.path().join("new.yaml"), manifest(50)).unwrap();
    std::fs::write(directory.path().join("c.toml"), "[workload]\nfit_pods = 12.0\n").unwrap();
    hpatune(directory.path(), "synth --profile diurnal --duration 6h -o t.parquet");
    directory
}

#[test]
fn explain_names_the_policy_and_the_recommendation_that_bound_a_decision() {
    let directory = prepared();
    let out = hpatune(directory.path(), "explain t.parquet --hpa old.yaml -c c.toml --json");
    let lines: Vec<Value> = out.split(|b| *b == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect();
    let bound = lines.iter().find(|line| line["limit"] == "ScaleUpLimit").unwrap();
    assert_eq!(bound["policy"], "1 pod per 1m");
    assert!(bound["recommendation"].as_i64() > bound["limited"].as_i64(), "{bound}");
    let held = lines.iter().find(|line| line["held_by"].is_object()).unwrap();
    assert!(held["held_by"]["replicas"].as_i64() >= held["stabilized"].as_i64(), "{held}");
    assert!(held["held_by"]["t"].as_f64() < held["t"].as_f64(), "{held}");
    for pair in lines.windows(2).filter(|pair| pair[1]["scaled"] == false) {
        assert_ne!(pair[0]["conditions"], pair[1]["conditions"], "a line stands where something changes");
    }
}

#[test]
fn diff_names_the_fields_and_counts_the_decisions_that_differ() {
    let directory = prepared();
    let out = hpatune(directory.path(), "diff old.yaml new.yaml --trace t.parquet -c c.toml --json");
    let document: Value = serde_json::from_slice(&out).unwrap();
    assert_eq!(document["fields"].as_array().unwrap().len(), 1);
    assert_eq!(document["fields"][0]["field"], "spec.metrics[0].resource.target.averageUtilization");
    let function = &document["functions"][0];
    assert!(function["decisions"]["differ"].as_u64() > Some(0));
    let hours = |which: &str| function[which]["cost"]["replica_hours"].as_f64().unwrap();
    assert!(hours("new") > hours("old"), "a lower target takes more pods");
    let same = hpatune(directory.path(), "diff old.yaml old.yaml --trace t.parquet -c c.toml --json");
    let same: Value = serde_json::from_slice(&same).unwrap();
    assert_eq!(same["functions"][0]["decisions"]["differ"], 0);
    assert_eq!(same["fields"], Value::Array(Vec::new()));
}
