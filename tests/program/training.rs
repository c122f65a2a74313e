//! A training run from outside: what interrupts it, and how many threads it has, changes nothing.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

const CONFIG: &str = r#"
[workload]
fit_pods = 8
[tune]
targets = [50, 70]
min_replicas = [1]
demand_quantiles = []
stabilize_down = ["1m"]
scale_up = ["default"]
scale_down = ["default"]
linear_steps = 20_000
[env]
episode = "1h"
[train]
steps = 24_000
n_envs = 8
minibatch = 120
epochs = 2
hidden = [16]
evaluate_every = 2
seed = 3
"#;

fn hpatune() -> Command {
    Command::new(assert_cmd::cargo::cargo_bin!("hpatune"))
}

/// A directory with a trace and an experiment file.
fn ground() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("train.toml"), CONFIG).unwrap();
    let made = hpatune()
        .args(["synth", "--profile", "bursty", "--duration", "1d", "-o"])
        .arg(directory.path().join("trace.parquet"))
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    directory
}

fn train(ground: &Path, output: &str, threads: &str) -> Command {
    let mut command = hpatune();
    command.current_dir(ground).args(["train", "-c", "train.toml", "--trace", "trace.parquet", "--threads", threads]);
    command.args(["-o", output]).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// Everything a run leaves behind, less the clock.
fn results(directory: &Path) -> (Vec<u8>, Vec<u8>, Vec<serde_json::Value>) {
    let read = |name: &str| fs::read(directory.join(name)).unwrap();
    let line = |line: &str| {
        let mut value: serde_json::Value = serde_json::from_str(line).unwrap();
        value.as_object_mut().unwrap().remove("steps_per_s").unwrap();
        value
    };
    let metrics = String::from_utf8(read("metrics.jsonl")).unwrap().lines().map(line).collect();
    (read("policy.safetensors"), read("checkpoint.safetensors"), metrics)
}

/// Starts a run, sends it `signal` once it has saved a checkpoint, and goes on with it.
fn interrupt(ground: &Path, output: &str, signal: &str) {
    let mut run = train(ground, output, "2").spawn().unwrap();
    while !ground.join(output).join("checkpoint.safetensors").exists() {
        assert!(run.try_wait().unwrap().is_none(), "it ended before its first checkpoint");
        sleep(Duration::from_millis(1));
    }
    let sent = Command::new("kill").args([signal, &run.id().to_string()]).status().unwrap();
    let status = run.wait().unwrap();
    assert!(sent.success() && !status.success(), "it finished before it was interrupted");
    let resumed = hpatune().current_dir(ground).args(["train", "--resume", output]).output().unwrap();
    assert!(resumed.status.success(), "{}", String::from_utf8_lossy(&resumed.stderr));
}

#[test]
fn interruptions_and_threads_change_no_byte_of_a_training_run() {
    let ground = ground();
    let at = |output: &str| ground.path().join(output);
    assert!(train(ground.path(), "whole", "2").status().unwrap().success());
    let whole = results(&at("whole"));
    assert_eq!(whole.2.len(), 50);
    assert!(train(ground.path(), "alone", "1").status().unwrap().success());
    assert!(results(&at("alone")) == whole, "one thread gives other results than two");
    for (output, signal) in [("ctrl-c", "-INT"), ("killed", "-KILL")] {
        interrupt(ground.path(), output, signal);
        assert!(results(&at(output)) == whole, "a run that {signal} interrupted ended otherwise");
    }
}
