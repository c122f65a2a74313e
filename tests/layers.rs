//! The layers of `src/lib.rs` hold: a module imports only from lower layers, and each heavy crate has one home.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Modules by layer, lowest first.
const LAYERS: [&[&str]; 7] = [
    &["units", "error", "random"],
    &["trace", "hpa", "forecast"],
    &["sim"],
    &["autoscalers", "env"],
    &["rl", "eval"],
    &["ingest", "manifest", "plot", "report", "config"],
    &["cli"],
];

/// Imports inside a layer, `(from, to)`, each with its reason.
const WITHIN_A_LAYER: [(&str, &str); 2] = [
    ("units", "error"),     // a value out of range is an error
    ("env", "autoscalers"), // the environment drives the HPA
];

/// Crates that stay in one folder.
const HOMES: [(&str, &str); 10] = [
    ("polars", "ingest"),
    ("candle_core", "rl"),
    ("candle_nn", "rl"),
    ("pulp", "rl"),
    ("safetensors", "rl"),
    ("plotters", "plot"),
    ("k8s_openapi", "manifest"),
    ("serde_saphyr", "manifest"),
    ("clap", "cli"),
    ("indicatif", "cli"),
];

fn rust_files(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).expect("src is there") {
        let path = entry.expect("src is readable").path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// `(module, path, text without comments)` of every file under `src` that belongs to a module.
fn modules() -> Vec<(String, PathBuf, String)> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    rust_files(&src, &mut files);
    files.sort();
    let module = |path: &Path| {
        let first = path.strip_prefix(&src).expect("it lies in src").components().next().expect("it has a name");
        first.as_os_str().to_string_lossy().trim_end_matches(".rs").to_owned()
    };
    let code = |path: &Path| {
        let text = fs::read_to_string(path).expect("src is readable");
        text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
    };
    let all = files.into_iter().map(|path| (module(&path), path.clone(), code(&path)));
    all.filter(|(module, ..)| module != "lib" && module != "main").collect()
}

/// The top-level modules that a text names: `crate::NAME` and `use crate::{NAME, NAME::…}`.
fn named(text: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for rest in text.split("crate::").skip(1) {
        let word = |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
        match rest.strip_prefix('{') {
            None => drop(names.insert(word(rest))),
            Some(group) => {
                let (mut depth, mut start) = (0, true);
                for (at, c) in group.char_indices() {
                    if start && depth == 0 && (c.is_alphabetic() || c == '_') {
                        names.insert(word(&group[at..]));
                        start = false;
                    }
                    match c {
                        '{' => depth += 1,
                        '}' if depth == 0 => break,
                        '}' => depth -= 1,
                        ',' if depth == 0 => start = true,
                        _ => {}
                    }
                }
            }
        }
    }
    names
}

fn layer(module: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&module))
}

#[test]
fn a_module_imports_only_from_lower_layers() {
    let mut wrong = Vec::new();
    for (module, path, text) in modules() {
        let own = layer(&module).unwrap_or_else(|| panic!("{} belongs to no layer; add it to LAYERS", path.display()));
        for other in named(&text) {
            let Some(theirs) = layer(&other).filter(|_| other != module) else { continue };
            let excepted = WITHIN_A_LAYER.contains(&(module.as_str(), other.as_str()));
            if theirs > own || (theirs == own && !excepted) {
                wrong.push(format!("{}: `{module}` (layer {own}) names `{other}` (layer {theirs})", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn each_heavy_crate_has_one_home() {
    let mut wrong = Vec::new();
    for (module, path, text) in modules() {
        for (dependency, home) in HOMES {
            if module != home && text.contains(&format!("{dependency}::")) {
                wrong.push(format!("{}: `{dependency}` belongs in src/{home}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_reader_of_imports_sees_groups_and_paths() {
    let seen = named("use crate::{env, hpa::{self, Spec}, sim};\nlet x = crate::units::friendly(y);\nuse crate::cli;");
    let expected = ["cli", "env", "hpa", "sim", "units"].map(String::from);
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), expected);
}
