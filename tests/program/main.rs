//! The built program as its users meet it: files and pipes in and out, exit statuses, messages, signals, threads. One
//! binary for all of it, since each that is linked takes its time.
#![allow(clippy::unwrap_used, clippy::float_cmp, reason = "a test that panics or differs has failed")]

#[cfg(all(feature = "ingest", feature = "manifest", feature = "train"))]
mod algorithms;
#[cfg(feature = "ingest")]
mod calibration;
mod configs;
#[cfg(all(feature = "ingest", feature = "train"))]
mod deciding;
#[cfg(all(feature = "ingest", feature = "manifest"))]
mod explain;
#[cfg(all(feature = "ingest", feature = "train"))]
mod functions;
#[cfg(feature = "ingest")]
mod ingest;
#[cfg(feature = "ingest")]
mod judging;
#[cfg(all(feature = "ingest", feature = "manifest"))]
mod manifests;
#[cfg(all(feature = "ingest", feature = "manifest", feature = "train"))]
mod modes;
#[cfg(all(feature = "ingest", feature = "manifest", feature = "train"))]
mod recommend;
#[cfg(all(unix, feature = "ingest", feature = "train"))]
mod training;

use std::path::Path;

use assert_cmd::Command;

/// A run of the program in a folder.
fn hpatune<S: AsRef<std::ffi::OsStr>>(folder: &Path, arguments: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("hpatune"));
    command.current_dir(folder).args(arguments);
    command
}

/// The head of an experiment file: small loads, and a search that is over at once. What follows goes on in `[tune]`.
#[cfg(all(feature = "ingest", feature = "train"))]
const SMALL: &str = r#"
[workload]
fit_pods = 8
[tune]
targets = [50, 70]
min_replicas = [1]
demand_quantiles = []
stabilize_down = ["1m"]
scale_up = ["default"]
scale_down = ["default"]
"#;

/// Learning from the stock HPA that is over in seconds; keys that follow are `[train]`'s.
#[cfg(all(feature = "ingest", feature = "train"))]
const BRIEF: &str = r#"
[train]
steps = 9_600
n_envs = 8
minibatch = 120
epochs = 2
hidden = [16]
evaluate_every = 2
start = "hpa"
seed = 3
"#;

/// What the program said, as text.
#[cfg(feature = "ingest")]
fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("messages are text")
}

/// An HPA, in `autoscaling/v2`.
#[cfg(feature = "manifest")]
const HPA: &str = "\
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
  minReplicas: 2
  maxReplicas: 9
  metrics:
  - type: Resource
    resource: {name: cpu, target: {type: Utilization, averageUtilization: 60}}
";
