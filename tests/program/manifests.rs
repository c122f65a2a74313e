//! Manifests on the built program: every form that `kubectl` prints, what they change, and how wrong ones are refused.

use std::path::Path;

use serde_json::Value;

use super::{HPA, hpatune, text};

/// The same HPA in `autoscaling/v1`.
fn v1() -> String {
    let kept = HPA.split("  metrics").next().unwrap().replace("autoscaling/v2", "autoscaling/v1");
    format!("{kept}  targetCPUUtilizationPercentage: 60\n")
}

fn deployment(name: &str, cpu: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}}}\nspec:\n  replicas: 3\n  \
         selector: {{matchLabels: {{app: {name}}}}}\n  template:\n    metadata: {{labels: {{app: {name}}}}}\n    spec:\n      \
         terminationGracePeriodSeconds: 7\n      containers:\n      - name: app\n        image: app\n        \
         readinessProbe: {{httpGet: {{path: /, port: 80}}, initialDelaySeconds: 40, periodSeconds: 20}}\n        \
         resources: {{requests: {{cpu: {cpu}, memory: 256Mi}}, limits: {{cpu: 400m, memory: 512Mi}}}}\n"
    )
}

/// The documents as the items of a `List`, as `kubectl get -o yaml` prints several objects.
fn list(documents: &[&str]) -> String {
    let item = |text: &&str| {
        let mut lines = text.lines();
        let first = format!("- {}\n", lines.next().unwrap());
        first + &lines.map(|line| format!("  {line}\n")).collect::<String>()
    };
    let items: String = documents.iter().map(item).collect();
    format!("apiVersion: v1\nkind: List\nmetadata: {{resourceVersion: ''}}\nitems:\n{items}")
}

struct Ground(tempfile::TempDir);

impl Ground {
    /// A directory with a trace and these files.
    fn new(files: &[(&str, &str)]) -> Self {
        let ground = Self(tempfile::tempdir().unwrap());
        for (name, text) in files {
            std::fs::write(ground.path().join(name), text).unwrap();
        }
        std::fs::write(ground.path().join("c.toml"), "[workload]\nfit_pods = 6.0\n").unwrap();
        ground.succeed("synth --profile diurnal --duration 3h -o t.parquet", "");
        ground
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn command(&self, line: &str, stdin: &str) -> assert_cmd::assert::Assert {
        hpatune(self.path(), line.split_whitespace()).write_stdin(stdin).assert()
    }

    fn succeed(&self, line: &str, stdin: &str) -> String {
        let assert = self.command(line, stdin).success();
        text(&assert.get_output().stdout)
    }

    /// What is said about wrong input: exit status 2, and nothing on standard output.
    fn refuse(&self, line: &str, stdin: &str) -> String {
        let assert = self.command(line, stdin).code(2);
        assert!(assert.get_output().stdout.is_empty(), "{line}");
        text(&assert.get_output().stderr)
    }
}

#[test]
fn every_form_of_the_same_hpa_replays_alike() {
    let deployed = deployment("web", "200m");
    let all = format!("{HPA}---\n{deployed}");
    let listed = list(&[HPA, &deployed, "apiVersion: v1\nkind: Service\nmetadata: {name: web}"]);
    let ground = Ground::new(&[
        ("v2.yaml", HPA),
        ("v1.yaml", &v1()),
        ("all.yaml", &all),
        ("list.yaml", &listed),
        ("d.yaml", &deployed),
    ]);
    let replay = |rest: &str, stdin: &str| ground.succeed(&format!("replay t.parquet -c c.toml --json {rest}"), stdin);
    let expected = replay("--hpa v2.yaml --deployment d.yaml", "");
    for (rest, stdin) in [
        ("--hpa v1.yaml --deployment d.yaml", ""),
        ("--hpa all.yaml --deployment all.yaml", ""),
        ("--hpa list.yaml --deployment list.yaml", ""),
        ("--hpa - --deployment d.yaml", HPA),
        ("--hpa - --deployment -", &listed),
        ("--hpa - --deployment - --target deployment/web", &all),
    ] {
        assert_eq!(replay(rest, stdin), expected, "{rest}");
    }
    assert_ne!(replay("--hpa v2.yaml", ""), expected, "the Deployment's requests count");
}

#[test]
fn what_the_deployment_says_is_what_is_simulated() {
    let ground = Ground::new(&[("hpa.yaml", HPA), ("d.yaml", &deployment("web", "200m"))]);
    let explain = |rest: &str| -> Vec<Value> {
        let text = ground.succeed(&format!("explain t.parquet --json --all --hpa hpa.yaml {rest}"), "");
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let (plain, deployed) = (explain(""), explain("--deployment d.yaml"));
    assert_eq!(deployed[0]["current"], 3, "spec.replicas");
    // Pods of 200m that a limit holds to 400m are at most at 200 %.
    let most =
        |lines: &[Value]| lines.iter().filter_map(|line| line["metrics"][0]["value"].as_f64()).fold(0.0, f64::max);
    assert!(most(&deployed) <= 200.0 && most(&plain) <= 100.0, "{} {}", most(&deployed), most(&plain));
    assert!(most(&deployed) > 100.0, "the same load on smaller requests");
    let first_wait = |lines: &[Value]| {
        let up =
            lines.iter().position(|line| line["scaled"] == true && line["desired"].as_i64() > line["current"].as_i64());
        let up = up.unwrap();
        let (at, size) = (lines[up]["t"].as_f64().unwrap(), lines[up]["desired"].as_i64());
        let ready = lines[up..].iter().find(|line| line["metrics"][0]["pods"]["ready"].as_i64() == size).unwrap();
        ready["t"].as_f64().unwrap() - at
    };
    assert!(first_wait(&deployed) >= 60.0, "40 s to the first probe, every 20 s, then a whole window of metrics");
}

#[test]
fn tune_evaluate_and_diff_take_manifests_too() {
    let ground = Ground::new(&[("hpa.yaml", HPA), ("d.yaml", &deployment("web", "200m"))]);
    // A small search, so that the test is quick.
    let search = "[workload]\nfit_pods = 6.0\n[tune]\ntargets = [50, 70]\nmin_replicas = [2]\ndemand_quantiles = []\n\
                  stabilize_down = [\"5m\"]\nscale_up = [\"default\"]\nscale_down = [\"default\"]\n";
    std::fs::write(ground.path().join("c.toml"), search).unwrap();
    let tuned = ground.succeed("tune t.parquet -c c.toml --hpa - --deployment d.yaml --json", HPA);
    let tuned: Value = serde_json::from_str(&tuned).unwrap();
    assert!(
        tuned["functions"][0]["current"]["cost"]["usd"].as_f64() > Some(0.0),
        "the manifest stands beside the best"
    );
    let line =
        "evaluate --trace t.parquet -c c.toml --hpa hpa.yaml --deployment d.yaml --seeds 1 --baseline stock-70 --json";
    let judged: Value = serde_json::from_str(&ground.succeed(line, "")).unwrap();
    let names: Vec<&str> =
        judged["summary"].as_array().unwrap().iter().filter_map(|row| row["policy"].as_str()).collect();
    assert!(names.contains(&"current"), "{names:?}");
    let diff = ground.succeed("diff hpa.yaml - --trace t.parquet --deployment d.yaml --json", &HPA.replace("60", "40"));
    let diff: Value = serde_json::from_str(&diff).unwrap();
    assert_eq!(diff["fields"][0]["new"], 40);
}

#[test]
fn among_several_the_target_is_named_or_follows_from_the_hpa() {
    let (web, api) = (deployment("web", "200m"), deployment("api", "100m"));
    let many = list(&[HPA, &HPA.replace("web", "api").replace("60", "50"), &web, &api]);
    let one = format!("{HPA}---\n{}", list(&[&api, &web]));
    let ground = Ground::new(&[("many.yaml", &many), ("one.yaml", &one), ("hpa.yaml", HPA), ("d.yaml", &web)]);
    let error = ground.refuse("replay t.parquet --hpa many.yaml", "");
    assert!(error.contains("2 objects fit: HorizontalPodAutoscaler/web (for Deployment/web), "), "{error}");
    assert!(error.contains("--target KIND/NAME"), "{error}");
    let replay = |rest: &str| ground.succeed(&format!("replay t.parquet --json {rest}"), "");
    let expected = replay("--hpa hpa.yaml --deployment d.yaml");
    assert_eq!(replay("--hpa many.yaml --deployment many.yaml --target web"), expected);
    assert_eq!(replay("--hpa one.yaml --deployment one.yaml"), expected, "the Deployment that the HPA scales");
}

#[test]
fn wrong_manifests_are_refused_as_the_api_server_does_and_write_nothing() {
    let ground = Ground::new(&[]);
    let refuse = |text: &str| ground.refuse("replay t.parquet --hpa - --timeline out.csv", text);
    let metric = "    resource: {name: cpu, target: {type: Utilization, averageUtilization: 60}}";
    for (text, expected) in [
        (
            HPA.replace("maxReplicas: 9", "maxReplicas: 1"),
            "<stdin>:7:3: `spec.maxReplicas`: Invalid value: 1: must be greater than or equal to `minReplicas`",
        ),
        (
            HPA.replace("averageUtilization: 60", "averageUtilization: 0"),
            "`spec.metrics[0].resource.target.averageUtilization`: Invalid value: 0: must be greater than 0",
        ),
        (HPA.replace("type: Resource", "type: Resources"), "`spec.metrics[0].type`: Unsupported value: \"Resources\""),
        (HPA.replace(metric, ""), "`spec.metrics[0].resource`: Required value"),
        (HPA.replace("minReplicas: 2", "minReplica: 2"), "<stdin>:6:3: `spec.minReplica`: unknown field"),
        (HPA.replace("maxReplicas: 9", "maxReplicas: nine"), "<stdin>:7:16: `spec.maxReplicas`: invalid type"),
        (HPA.replace("minReplicas: 2", "minReplicas: 0"), "`spec.minReplicas`: Invalid value: 0"),
        (HPA.replace("name: cpu", "name: gpu"), "`spec.metrics[0].resource.name`: the metrics API has cpu and memory"),
        (
            format!("{HPA}  behavior:\n    scaleUp: {{policies: [{{type: Pods, value: 0, periodSeconds: 60}}]}}\n"),
            "`spec.behavior.scaleUp.policies[0].value`: Invalid value: 0: must be greater than zero",
        ),
        ("a: [".to_owned(), "<stdin>:"),
        (String::new(), "no HorizontalPodAutoscaler; found nothing"),
    ] {
        let error = refuse(&text);
        assert!(error.starts_with("error: ") && error.contains(expected), "{expected}\n{error}");
        assert!(error.contains("\n  help: "), "{error}");
    }
    assert!(!ground.path().join("out.csv").exists(), "nothing is half-written");
}

#[test]
fn a_metric_that_nothing_measures_is_refused_until_the_experiment_says_what_it_is() {
    let external = "  - type: External\n    external:\n      metric: {name: http_requests}\n      \
                    target: {type: AverageValue, averageValue: '10'}\n";
    let ground = Ground::new(&[("hpa.yaml", &format!("{HPA}{external}"))]);
    let error = ground.refuse("explain t.parquet --hpa hpa.yaml", "");
    assert!(
        error.contains("hpa.yaml:13:16: `spec.metrics[1].external.metric.name`: nothing in the simulation"),
        "{error}"
    );
    assert!(error.contains("names = { \"http_requests\" = \"requests_per_second\" }"), "{error}");
    for (signal, fails) in [("requests_per_second", false), ("nothing", true)] {
        let named = format!("[metrics]\nnames = {{ \"http_requests\" = \"{signal}\" }}\n");
        std::fs::write(ground.path().join("named.toml"), named).unwrap();
        let out = ground.succeed("explain t.parquet --hpa hpa.yaml -c named.toml --json", "");
        let first: Value = serde_json::from_str(out.lines().next().unwrap()).unwrap();
        assert_eq!(first["metrics"][1]["error"].is_string(), fails, "{first}");
    }
    let container = HPA
        .replace("type: Resource", "type: ContainerResource")
        .replace("resource: {name: cpu,", "containerResource: {name: cpu, container: web,");
    let error = ground.refuse("replay t.parquet --hpa -", &container);
    assert!(error.contains("`spec.metrics[0].containerResource.container`"), "{error}");
    let named = deployment("web", "200m").replace("- name: app", "- name: web");
    std::fs::write(ground.path().join("d.yaml"), named).unwrap();
    ground.succeed("replay t.parquet --hpa - --deployment d.yaml", &container);
}

#[test]
fn standard_input_is_read_once() {
    let ground = Ground::new(&[("hpa.yaml", HPA)]);
    let error = ground.refuse("replay - --hpa -", HPA);
    assert!(error.contains("TRACE and --hpa both ask for standard input"), "{error}");
    let error = ground.refuse("diff - - --trace t.parquet", HPA);
    assert!(error.contains("OLD and NEW both ask for standard input"), "{error}");
}
