//! A training run from outside: what interrupts it, and how many threads it has, changes nothing.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use super::SMALL;

const CONFIG: &str = r#"linear_steps = 20_000
[env]
control_interval = "1m"
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
    fs::write(directory.path().join("train.toml"), format!("{SMALL}{CONFIG}")).unwrap();
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

/// The run of `seeds` seeds from 3 on, as in `train.toml`.
fn several(ground: &Path, seeds: &str) -> Command {
    let mut command = train(ground, "seeds", "2");
    command.args(["--seeds", seeds]);
    command
}

#[test]
fn seeds_side_by_side_give_what_each_gives_alone() {
    let ground = ground();
    let at = |output: &str| ground.path().join(output);
    // Interrupted once the second seed has saved something, then resumed.
    let mut run = several(ground.path(), "3").spawn().unwrap();
    while !at("seeds/seed-4/checkpoint.safetensors").exists() {
        assert!(run.try_wait().unwrap().is_none(), "it ended before the second seed's first checkpoint");
        sleep(Duration::from_millis(1));
    }
    run.kill().unwrap();
    assert!(!run.wait().unwrap().success() && !at("seeds/policy.safetensors").exists());
    let resumed = hpatune().current_dir(ground.path()).args(["train", "--resume", "seeds"]).output().unwrap();
    assert!(resumed.status.success(), "{}", String::from_utf8_lossy(&resumed.stderr));
    for seed in ["3", "4"] {
        let alone = format!("alone-{seed}");
        assert!(train(ground.path(), &alone, "1").args(["--seed", seed]).status().unwrap().success());
        assert!(results(&at(&alone)) == results(&at(&format!("seeds/seed-{seed}"))), "seed {seed} differs");
        let config = |directory: &str| fs::read(at(directory).join("config.toml")).unwrap();
        assert!(config(&alone) == config(&format!("seeds/seed-{seed}")));
    }
    let told: serde_json::Value = serde_json::from_slice(&fs::read(at("seeds/seeds.json")).unwrap()).unwrap();
    let runs = told["runs"].as_array().unwrap();
    let cost = |run: &serde_json::Value| run["cost_vs_reference"].as_f64().unwrap();
    let least = runs.iter().map(cost).fold(f64::INFINITY, f64::min);
    let best = runs.iter().find(|run| run["seed"] == told["summary"]["best"]).unwrap();
    assert_eq!((runs.len(), cost(best)), (3, least));
    let kept = format!("seeds/seed-{}/policy.safetensors", best["seed"]);
    assert_eq!(fs::read(at(&kept)).unwrap(), fs::read(at("seeds/policy.safetensors")).unwrap());
    let table = String::from_utf8(resumed.stdout).unwrap();
    assert_eq!(table.lines().filter(|line| line.trim_start().starts_with(['3', '4', '5'])).count(), 3, "{table}");
    let again = several(ground.path(), "3").stderr(Stdio::piped()).output().unwrap();
    assert_eq!(again.status.code(), Some(2), "runs that are there are not overwritten");
}

#[test]
fn a_disk_that_fills_up_costs_no_more_than_the_updates_since_the_last_checkpoint() {
    let ground = ground();
    let at = |name: &str| ground.path().join(name);
    // Without a forecaster a policy is small.
    fs::write(at("train.toml"), format!("{SMALL}{CONFIG}forecast = false\n")).unwrap();
    assert!(train(ground.path(), "whole", "2").status().unwrap().success());
    let whole = results(&at("whole"));
    // A checkpoint is the largest file of a run. With a limit below its size, the next one cannot be written.
    let mut run = train(ground.path(), "full", "2").spawn().unwrap();
    while !at("full/checkpoint.safetensors").exists() {
        assert!(run.try_wait().unwrap().is_none(), "it ended before its first checkpoint");
        sleep(Duration::from_millis(1));
    }
    run.kill().unwrap();
    run.wait().unwrap();
    let saved = fs::read(at("full/checkpoint.safetensors")).unwrap();
    assert!(saved.len() > 24 * 1024 && whole.0.len() < 16 * 1024, "{} and {}", saved.len(), whole.0.len());
    let program = assert_cmd::cargo::cargo_bin!("hpatune");
    // Blocks of 512 bytes, or of 1024 where sh is bash.
    let script = "trap '' XFSZ; ulimit -f $1; exec $2 train --resume full";
    let blocks = |shell: &Path| if shell.to_string_lossy().contains("bash") { "20" } else { "40" };
    let shell = fs::canonicalize("/bin/sh").unwrap();
    let limited = Command::new(&shell)
        .current_dir(ground.path())
        .args(["-c", script, "sh", blocks(&shell)])
        .arg(program)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&limited.stderr);
    assert_eq!(limited.status.code(), Some(2), "{told}");
    assert!(told.contains("go on with `hpatune train --resume full`") && told.contains("File too large"), "{told}");
    assert!(fs::read(at("full/checkpoint.safetensors")).unwrap() == saved, "the checkpoint was touched");
    let hidden = fs::read_dir(at("full")).unwrap().flatten();
    assert_eq!(hidden.filter(|entry| entry.file_name().to_string_lossy().starts_with('.')).count(), 0);
    let resumed = hpatune().current_dir(ground.path()).args(["train", "--resume", "full"]).output().unwrap();
    assert!(resumed.status.success(), "{}", String::from_utf8_lossy(&resumed.stderr));
    assert!(results(&at("full")) == whole, "it ended otherwise");
}

#[test]
fn learning_that_diverges_stops_before_the_bad_update_is_saved() {
    let ground = ground();
    let config = format!("{SMALL}{CONFIG}").replace("[train]", "[train]\nlearning_rate = 1e38");
    fs::write(ground.path().join("train.toml"), config).unwrap();
    let ended = train(ground.path(), "wild", "2").stderr(Stdio::piped()).output().unwrap();
    let told = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(2), "{told}");
    assert!(told.contains("learning diverged in update 1:") && told.contains("lower train.learning_rate"), "{told}");
    for name in ["policy.safetensors", "checkpoint.safetensors"] {
        let bytes = fs::read(ground.path().join("wild").join(name)).unwrap();
        let header = u64::from_le_bytes(*bytes.first_chunk().unwrap()) as usize;
        let (values, rest) = bytes[8 + header..].as_chunks::<4>();
        assert!(rest.is_empty() && values.iter().all(|value| f32::from_le_bytes(*value).is_finite()), "{name}");
    }
    let policy = ground.path().join("wild/policy.safetensors");
    assert!(hpatune().arg("inspect").arg(policy).output().unwrap().status.success());
}

#[test]
fn tensorboards_file_and_the_model_card_lie_beside_the_policy() {
    let ground = ground();
    let ended = train(ground.path(), "told", "2").args(["--tensorboard", "--steps", "2000"]).status().unwrap();
    assert!(ended.success());
    let directory = ground.path().join("told");
    let name = |entry: fs::DirEntry| entry.file_name().into_string().unwrap();
    let names: Vec<String> = fs::read_dir(&directory).unwrap().flatten().map(name).collect();
    let events = names.iter().find(|name| name.starts_with("events.out.tfevents.")).unwrap();
    let bytes = fs::read(directory.join(events)).unwrap();
    let has = |tag: &str| bytes.windows(tag.len()).any(|window| window == tag.as_bytes());
    assert!(
        has("brain.Event:2") && has("rollout/return") && has("train/entropy") && has("validation/cost_vs_reference")
    );
    let card = fs::read_to_string(directory.join("policy.md")).unwrap();
    let shown = hpatune().arg("inspect").arg(directory.join("policy.safetensors")).output().unwrap();
    assert_eq!(String::from_utf8(shown.stdout).unwrap(), card);
    assert!(
        card.contains("| trace / ") && card.contains("hpatune train -c config.toml --trace trace.parquet"),
        "{card}"
    );
}

const SWEEP: &str = "budget = 40_000\nmin_steps = 2_000\neta = 3\n[parameters]\n\
    train.learning_rate = { log = [1e-4, 1e-2] }\ntrain.hidden = { choices = [[8], [16]] }\n\
    env.episode = { choices = [\"30m\", \"1h\"] }\n";

fn sweep(ground: &Path, output: &str) -> Command {
    let mut command = train(ground, output, "2");
    command.args(["--sweep", "sweep.toml"]);
    command
}

#[test]
fn a_sweep_can_be_interrupted_and_its_winner_is_what_its_settings_train() {
    let ground = ground();
    fs::write(ground.path().join("sweep.toml"), SWEEP).unwrap();
    let read = |name: &str| fs::read(ground.path().join(name)).unwrap();
    let whole = sweep(ground.path(), "whole").stdout(Stdio::piped()).output().unwrap();
    assert!(whole.status.success());
    // 7 trials of 2,000 steps, 2 of 6,000, 1 of 18,000 and of 24,000 are 40,000 steps.
    assert_eq!(String::from_utf8(read("whole/trials.csv")).unwrap().lines().count(), 1 + 7 + 2 + 1 + 1);
    let table = String::from_utf8(whole.stdout).unwrap();
    assert!(table.contains("train.learning_rate") && table.contains("settings in whole/best.toml"), "{table}");
    let mut run = sweep(ground.path(), "cut").spawn().unwrap();
    while !ground.path().join("cut/trial-2/checkpoint.safetensors").exists() {
        assert!(run.try_wait().unwrap().is_none(), "it ended before the third trial's first checkpoint");
        sleep(Duration::from_millis(1));
    }
    run.kill().unwrap();
    run.wait().unwrap();
    let resumed = hpatune().current_dir(ground.path()).args(["train", "--resume", "cut"]).output().unwrap();
    assert!(resumed.status.success(), "{}", String::from_utf8_lossy(&resumed.stderr));
    for name in ["trials.csv", "best.toml", "policy.safetensors", "sweep.json"] {
        assert!(read(&format!("cut/{name}")) == read(&format!("whole/{name}")), "{name} differs");
    }
    let mut command = hpatune();
    command.current_dir(ground.path()).args([
        "train",
        "-c",
        "whole/best.toml",
        "--trace",
        "trace.parquet",
        "-o",
        "again",
    ]);
    assert!(command.output().unwrap().status.success());
    assert!(read("again/policy.safetensors") == read("whole/policy.safetensors"), "best.toml gives another policy");
}

#[test]
fn a_sweep_that_draws_what_there_is_not_is_refused_by_key() {
    let ground = ground();
    fs::write(ground.path().join("sweep.toml"), SWEEP.replace("hidden", "hiden")).unwrap();
    let ended = sweep(ground.path(), "none").stderr(Stdio::piped()).output().unwrap();
    let told = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(2), "{told}");
    assert!(told.contains("sweep.toml:6:") && told.contains("unknown field `hiden`"), "{told}");
    assert!(!ground.path().join("none/sweep.json").exists());
}

#[test]
fn a_safety_critic_stands_in_the_policys_file_with_its_errors() {
    let ground = ground();
    let safety = "[train.safety]\nenabled = true\nsteps = 4_000\nhorizon = 5\nepochs = 3\nhidden = 8\n\
                  [env.action]\nhead = \"discrete\"\ntarget_cpu = [50, 70]\n";
    fs::write(ground.path().join("train.toml"), format!("{SMALL}{CONFIG}{safety}")).unwrap();
    let args = ["--steps", "2000"];
    for (output, threads) in [("safe", "2"), ("again", "1")] {
        assert!(train(ground.path(), output, threads).args(args).status().unwrap().success());
    }
    let policy = ground.path().join("safe/policy.safetensors");
    let bytes = fs::read(&policy).unwrap();
    assert!(bytes == fs::read(ground.path().join("again/policy.safetensors")).unwrap(), "threads change it");
    let shown = hpatune().args(["inspect", "--json"]).arg(&policy).output().unwrap();
    let card: serde_json::Value = serde_json::from_slice(&shown.stdout).unwrap();
    let figures = &card["safety"]["figures"];
    assert!(card["format"] == 2 && figures["decisions"].as_u64().unwrap() >= 1000, "{figures}");
    let text = fs::read_to_string(ground.path().join("safe/policy.md")).unwrap();
    assert!(text.contains("## Safety critic") && text.contains("| false safe, of those held for safe |"), "{text}");
    let resumed = hpatune().current_dir(ground.path()).args(["train", "--resume", "safe"]).output().unwrap();
    assert!(resumed.status.success() && fs::read(&policy).unwrap() == bytes, "a finished run stays as it is");
}

#[test]
fn a_policy_that_shares_its_start_goes_on_elsewhere() {
    let ground = ground();
    let at = |name: &str| ground.path().join(name);
    let config = format!("{SMALL}{CONFIG}").replace("[train]", "[train]\nstart = \"shared\"");
    fs::write(at("train.toml"), config).unwrap();
    assert!(train(ground.path(), "first", "2").status().unwrap().success());
    let run = |arguments: &[&str]| {
        let output = hpatune().current_dir(ground.path()).args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let card = |policy: &str| -> serde_json::Value {
        serde_json::from_str(&run(&["inspect", "--json", &format!("{policy}/policy.safetensors")])).unwrap()
    };
    run(&["synth", "--profile", "weekly", "--seed", "5", "--duration", "1d", "-o", "other.parquet"]);
    let first = "first/policy.safetensors";
    let evaluate =
        ["evaluate", "-c", "train.toml", "--trace", "other.parquet", "--baseline", "stock-80", "--seeds", "1"];
    run(&[&evaluate[..], &["--level", "fluid", "--policy", first]].concat());
    run(&["train", "-c", "train.toml", "--trace", "other.parquet", "--from", first, "-o", "second", "--steps", "2000"]);
    let (one, two) = (card("first"), card("second"));
    assert!(one["shared"]["pods"].is_array() && one["shared"] == two["shared"], "the start is taken over");
    assert_eq!(two["from"]["path"], first);
    assert_ne!(one["starts"][0]["trace"], two["starts"][0]["trace"]);
}
