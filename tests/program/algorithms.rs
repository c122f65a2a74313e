//! Policies of every kind, from their training to the commands that take a policy.

use std::fs;
use std::path::Path;

use super::{SMALL, hpatune};

const WORLD: &str = r#"[env]
episode = "1h"
[env.action]
head = "discrete"
target_cpu = [50, 70]
min_base = ["start", "peak"]
min_safety = [0, 1]
stabilize_down = ["1m"]
[train]
start = "tuned"
steps = 4_800
n_envs = 8
minibatch = 120
epochs = 2
hidden = [8]
evaluate_every = 2
"#;

fn run(ground: &Path, arguments: &[&str]) -> String {
    let output = hpatune(ground, arguments.iter().copied()).output().expect("the program starts");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// A directory with a trace, and an experiment file for each algorithm.
fn ground(algorithms: &[&str]) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    run(directory.path(), &["synth", "--profile", "bursty", "--duration", "1d", "-o", "trace.parquet"]);
    for algorithm in algorithms {
        let group = if *algorithm == "grpo" { 4 } else { 1 };
        let own = format!("algorithm = {algorithm:?}\ngroup = {group}\n[train.offline]\nlog = \"log.safetensors\"\n");
        fs::write(directory.path().join(format!("{algorithm}.toml")), format!("{SMALL}{WORLD}{own}")).unwrap();
    }
    directory
}

#[test]
fn a_policy_of_any_algorithm_is_taken_by_every_command() {
    let algorithms = ["reinforce", "actor-critic", "grpo", "ppo-lagrangian", "q-learning", "cql", "bcq"];
    let ground = ground(&algorithms);
    let run = |arguments: &[&str]| run(ground.path(), arguments);
    run(&["collect", "-c", "cql.toml", "--trace", "trace.parquet", "--steps", "2000", "-o", "log.safetensors"]);
    for algorithm in algorithms {
        let config = format!("{algorithm}.toml");
        let policy = format!("{algorithm}/policy.safetensors");
        let said = run(&["train", "-c", &config, "--trace", "trace.parquet", "-o", algorithm]);
        assert!(said.contains("of the static HPA's"), "{said}");
        let card: serde_json::Value = serde_json::from_str(&run(&["inspect", &policy, "--json"])).unwrap();
        assert_eq!(card["algorithm"], algorithm);
        run(&["replay", "trace.parquet", "-c", &config, "--policy", &policy]);
        let target = ["--mode", "recommended", "--target", "deployment/web", "-o", "hpa.yaml"];
        run(&[&["export", "--policy", &policy, "--trace", "trace.parquet"][..], &target].concat());
    }
    let policies = ["--policy", "q-learning/policy.safetensors", "--policy", "bcq/policy.safetensors"];
    let judged = ["evaluate", "--trace", "trace.parquet", "-c", "bcq.toml", "--seeds", "1", "--baseline", "stock-80"];
    run(&[&judged[..], &policies].concat());
}

#[test]
fn learning_from_a_log_needs_one_of_the_same_environment() {
    let ground = ground(&["cql"]);
    let refused = |arguments: &[&str]| {
        let output = hpatune(ground.path(), arguments.iter().copied()).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        String::from_utf8(output.stderr).unwrap()
    };
    let train = ["train", "-c", "cql.toml", "--trace", "trace.parquet", "-o", "out"];
    assert!(refused(&train).contains("log.safetensors"), "the log is absent");
    run(
        ground.path(),
        &["collect", "-c", "cql.toml", "--trace", "trace.parquet", "--steps", "500", "-o", "log.safetensors"],
    );
    let path = ground.path().join("cql.toml");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("episode = \"1h\"", "episode = \"2h\"")).unwrap();
    assert!(refused(&train).contains("`train.offline.log`: the log was collected under another [env]"));
    fs::write(&path, text.replace("[train.offline]\nlog = \"log.safetensors\"\n", "")).unwrap();
    assert!(refused(&train).contains("`train.offline.log`: cql learns from a log, and there is none"));
}

#[test]
fn what_a_policy_was_learned_with_is_taken_over_by_what_goes_on_from_it() {
    let ground = ground(&[]);
    let write = |name: &str, own: &str| fs::write(ground.path().join(name), format!("{SMALL}{WORLD}{own}")).unwrap();
    write("plain.toml", "normalize_observations = false\nnormalize_rewards = false\nforecast = false\n");
    write("default.toml", "");
    let train = ["train", "--trace", "trace.parquet", "--steps", "1920"];
    run(ground.path(), &[&train[..], &["-c", "plain.toml", "-o", "plain"]].concat());
    let from = ["-c", "default.toml", "-o", "next", "--from", "plain/policy.safetensors"];
    run(ground.path(), &[&train[..], &from].concat());
    for name in ["plain", "next"] {
        let policy = format!("{name}/policy.safetensors");
        let card: serde_json::Value =
            serde_json::from_str(&run(ground.path(), &["inspect", &policy, "--json"])).unwrap();
        assert_eq!(card["normalize_observations"], false, "{name}");
        assert!(card["forecaster"].is_null(), "{name}");
        let judged = &card["starts"][0]["validation"];
        assert!(judged["cost"].is_f64() && judged["far"].is_null(), "{name}: {judged}");
        let text = fs::read_to_string(ground.path().join(format!("{name}/policy.md"))).unwrap();
        assert!(text.contains("it does not know, because it does not normalise them"), "{text}");
    }
    write("odd.toml", "memory = \"gru\"\ngru.sequence = 50\n");
    let odd = [&train[..], &["-c", "odd.toml", "-o", "odd"]].concat();
    let told = hpatune(ground.path(), odd).output().unwrap();
    let text = String::from_utf8(told.stderr).unwrap();
    assert_eq!(told.status.code(), Some(2), "{text}");
    assert!(
        text.contains("`train.gru.sequence`: 50 does not divide the 240 steps") && text.contains("write 48"),
        "{text}"
    );
}
