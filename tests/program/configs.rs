//! The experiment files that are shipped.

use std::fs;
use std::path::Path;
use std::process::Output;

use super::hpatune;

fn config(arguments: &[&str]) -> Output {
    hpatune(Path::new("."), [&["config"], arguments].concat()).output().expect("the program starts")
}

#[test]
fn the_shipped_files_are_right() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs");
    let mut count = 0;
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.ends_with("sweep.toml") {
            continue; // not an experiment; src/rl/sweep.rs reads it
        }
        let output = config(&["check", path.to_str().unwrap()]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        count += 1;
    }
    assert!(count >= 4, "only {count} files");
}

#[test]
fn the_default_file_is_what_the_program_prints() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs/default.toml");
    let printed = String::from_utf8(config(&["default"]).stdout).unwrap();
    let shipped = fs::read_to_string(file).unwrap();
    assert!(printed == shipped, "write it anew: hpatune config default > configs/default.toml");
}

#[test]
#[cfg(all(feature = "ingest", feature = "train"))]
fn the_modes_that_are_shipped_learn_on_a_trace_that_is_shipped() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = tempfile::tempdir().unwrap();
    for name in ["classic", "direct"] {
        let (file, out) = (format!("configs/{name}.toml"), folder.path().join(name));
        let output =
            hpatune(root, ["train", "-c", &file, "--steps", "15360", "-o", out.to_str().unwrap()]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(out.join("policy.safetensors").exists());
    }
}
