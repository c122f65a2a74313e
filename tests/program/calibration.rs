//! `calibrate` on recorded runs of real HPAs, which lie outside of the repository: their licence lets nobody pass them on.
//!
//! Without them these tests say so and pass. `HPATUNE_TRACES` names the folder that holds them, else `../shared/traces`.

#![allow(clippy::print_stdout, reason = "a test that skips says so")]

use std::path::{Path, PathBuf};

use serde_json::Value;

/// The folder of a recording, or `None` with a word about it.
fn recording(name: &str) -> Option<PathBuf> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/traces");
    let root = std::env::var_os("HPATUNE_TRACES").map_or(own, PathBuf::from).join("k8s_hpa_runs");
    let folders = ["licensed", "no_licence_stated"].map(|licence| root.join(licence).join(name));
    let found = folders.into_iter().find(|folder| folder.is_dir());
    if found.is_none() {
        println!("not checked: the recording {name} is not at hand under {}", root.display());
    }
    found
}

fn hpatune(directory: &Path, arguments: &[&str]) -> Vec<u8> {
    super::hpatune(directory, arguments).assert().success().get_output().stdout.clone()
}

/// Of each run: its name, the error of the simulated HPA and that of the naive rule, in pods, on the second half.
fn errors(files: &[PathBuf], map: &[&str], hpa: &str) -> Vec<(String, f64, f64)> {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("hpa.toml"), hpa).unwrap();
    let mut ingest = vec!["ingest", "-o", "runs.parquet"];
    ingest.extend(files.iter().map(|file| file.to_str().unwrap()));
    ingest.extend_from_slice(map);
    hpatune(directory.path(), &ingest);
    let out = hpatune(directory.path(), &["calibrate", "runs.parquet", "-c", "hpa.toml", "--json"]);
    let document: Value = serde_json::from_slice(&out).unwrap();
    let error = |fit: &Value, of: &str| fit[of]["mean_absolute_error"].as_f64().unwrap();
    let fits = document["fits"].as_array().unwrap();
    let name = |fit: &Value| fit["function"].as_str().unwrap().to_owned();
    fits.iter().map(|fit| (name(fit), error(fit, "held_out"), error(fit, "naive"))).collect()
}

#[test]
fn six_services_under_an_hpa_of_80_percent_are_followed_to_a_quarter_of_a_pod() {
    let Some(folder) = recording("hpa80_12h_1min") else { return };
    let services = [
        "daytrader",
        "ob_cartservice",
        "ob_checkoutservice",
        "ob_frontend",
        "ob_recommendationservice",
        "travels_travels",
    ];
    let map = ["--interval", "60s", "--map", "t=Time", "--map", "cpu=cpu:cores", "--map", "replicas=pods"];
    for service in services {
        let rows = errors(&[folder.join(service).join("train.csv")], &map, "[hpa]\nmax_replicas = 10\n");
        let [(_, error, naive)] = rows.as_slice() else { panic!("{rows:?}") };
        println!("{service:24} {error:.3} pods, naive rule {naive:.3} pods");
        assert!(error < naive, "{service}: {error} is no better than the naive rule's {naive}");
        // daytrader, on a JVM, is followed less closely: half a pod.
        let bound = if service == "daytrader" { 0.6 } else { 0.25 };
        assert!(*error <= bound, "{service}: {error}");
    }
}

#[test]
fn two_runs_polled_by_kubectl_are_followed_though_only_their_utilisation_was_kept() {
    let Some(folder) = recording("fastapi_cpu30_gpl3") else { return };
    let files = ["hpa_data_exp01_1000s.csv", "hpa_data_exp02_1200s.csv"].map(|name| folder.join(name));
    let cpu = "cpu=consumo atual:percent-of-0.1-per-replica";
    let map = ["--interval", "15s", "--map", "t=Time", "--map", cpu, "--map", "replicas=Instâncias atuais"];
    // The object's status changes once a minute.
    let hpa = "[hpa]\ntarget_cpu = 30\nmax_replicas = 12\nsync_period = \"60s\"\n";
    let rows = errors(&files, &map, hpa);
    assert_eq!(rows.len(), 2);
    for (run, error, naive) in rows {
        println!("{run:24} {error:.3} pods, naive rule {naive:.3} pods");
        assert!(error < naive / 2.0, "{run}: {error}, naive {naive}");
    }
}
