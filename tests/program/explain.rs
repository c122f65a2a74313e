//! `explain` and `diff` on the built program.

use std::path::Path;

use serde_json::Value;

fn hpatune(directory: &Path, line: &str) -> Vec<u8> {
    super::hpatune(directory, line.split(' ')).assert().success().get_output().stdout.clone()
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

/// 20 requests a second for ten minutes, then 2, at 100 ms of CPU each: 2000m, then 200m. Four pods of 500m at first, which
/// may use a core and take 10.3 s to start, so 15 s with the probe's period.
fn two_steps() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let row = |minute: usize| format!("{},{}\n", 60 * minute, if minute < 10 { 1200 } else { 120 });
    let rows: String = (0..20).map(row).collect();
    let world = "[metrics]\nswing = false\n[workload]\ncpu_per_request_ms = 100\n[pod]\ncpu_request = \"500m\"\ncpu_limit = \"1\"\nreplicas = 4\n\
                 [startup]\nmedian = \"10s\"\np99 = \"10s\"\n";
    let behavior = "policies: [{type: Pods, value: 3, periodSeconds: 60}]}\n    scaleDown: {stabilizationWindowSeconds: 120, \
                    policies: [{type: Percent, value: 50, periodSeconds: 60}]}\n";
    let hpa = |target| {
        let text = manifest(target);
        format!("{}{behavior}", text.split("policies").next().unwrap())
    };
    for (name, text) in [
        ("t.csv", format!("t,requests\n{rows}")),
        ("c.toml", world.to_owned()),
        ("old.yaml", hpa(50)),
        ("new.yaml", hpa(80)),
    ] {
        std::fs::write(directory.path().join(name), text).unwrap();
    }
    hpatune(directory.path(), "ingest t.csv --map t=t --map requests=requests -o t.parquet");
    directory
}

/// The figures of a pencil. Where a window of metrics lies across a change of size or load (80, 29 and 6 %) the seed's
/// phases of scrape and sync decide; all else follows from 2000m and 200m.
#[test]
fn explain_prints_what_a_pencil_finds() {
    let directory = two_steps();
    let out = hpatune(directory.path(), "explain t.parquet --hpa old.yaml -c c.toml");
    let lines: Vec<String> = String::from_utf8(out)
        .unwrap()
        .lines()
        .skip(2)
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    let above = "cpu resource utilization (percentage of request) above target";
    let (below, up, down) = ("All metrics below target", "ScaleUpLimit: 3 pods per 1m", "ScaleDownLimit: 50% per 1m");
    let expected = [
        // 2000m / 4 = 500m of 500m; 100 / 50 × 4 = 8; 4 + 3.
        format!("00:00:14 4->7 4/0/0/0 cpu 100% of 50% = 2.00 -> 8 8 8 7 ({up}) {above}"),
        // Three pods just became ready: 4 × 80 / 7 = 45; 45 / 50 is on the other side of 1.
        "00:00:44 7 4/3/0/0 cpu 80% of 50% = 1.60 (0.90 filled in) -> 7 7 7 7 steady".to_owned(),
        // 2000m / 7 = 285m of 500m = 57 %; 1.14 × 7 = 7.98; the rescale 45 s ago used all 3.
        format!("00:00:59 7 7/0/0/0 cpu 57% of 50% = 1.14 -> 8 8 8 7 ({up}) ScaleUpLimit"),
        // It is 60 s old and counts no more.
        format!("00:01:14 7->8 7/0/0/0 cpu 57% of 50% = 1.14 -> 8 8 8 8 {above}"),
        // 0.58 × 8 = 4.64.
        "00:10:14 8 8/0/0/0 cpu 29% of 50% = 0.58 -> 5 5 8 (8 asked 15 s before) 8 ScaleDownStabilized".to_owned(),
        // 200m / 8 = 25m = 5 %; the last 8, of 00:09:59, is 120 s old and has left the window; 50 % of 8 would allow 4.
        format!("00:11:59 8->5 8/0/0/0 cpu 5% of 50% = 0.10 -> 1 1 5 (5 asked 105 s before) 5 {below}"),
        // 8 a minute ago; half of it.
        format!("00:12:14 5->4 5/0/0/0 cpu 6% of 50% = 0.12 -> 1 1 1 4 ({down}) {below}"),
        // 200m / 4 = 50m = 10 %; 5 a minute ago, since the rescale of 00:11:59 is 60 s old; half of it is 2.5.
        format!("00:12:59 4->2 4/0/0/0 cpu 10% of 50% = 0.20 -> 1 1 1 2 ({down}) {below}"),
        // 200m / 2 = 100m = 20 %; half of 2.
        format!("00:13:59 2->1 2/0/0/0 cpu 20% of 50% = 0.40 -> 1 1 1 1 {below}"),
    ];
    assert_eq!(lines, expected);
}

#[test]
fn diff_prints_what_a_pencil_finds() {
    let directory = two_steps();
    let out = hpatune(directory.path(), "diff old.yaml new.yaml --trace t.parquet -c c.toml");
    let text = String::from_utf8(out).unwrap();
    // 100 / 80 × 4 = 5; 2000m / 5 = 80 % stays there.
    for expected in [
        "spec.metrics[0].resource.target.averageUtilization: 50 -> 80",
        "of 80 syncs",
        "first at 00:00:14: 7 -> 5",
        "largest at 00:01:14: 8 -> 5",
    ] {
        assert!(text.contains(expected), "{expected}\n{text}");
    }
    // Old: 4 for 14.3 s, 7 for 60 s, 8 for 645 s, 5 for 15 s, 4 for 45 s, 2 for 60 s, 1 for the rest: 1.77 pod-hours.
    let hours = text.lines().find(|line| line.starts_with("replica hours")).unwrap();
    assert_eq!(hours.split_whitespace().nth(2).unwrap().parse::<f64>().unwrap().to_string(), "1.771", "{hours}");
}
