//! From what other commands wrote to pictures: timelines, learning curves, evaluations, searches.

mod costs;
mod evaluation;
mod metrics;
mod timeline;

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::learning::{Learning, learning};
use super::scene::Scene;
use crate::error::{InputError, Place};

/// A picture and the name of its file, without ending.
#[derive(Debug, Clone, PartialEq)]
pub struct Picture {
    /// Letters, digits, `-`, `_` and `.` only.
    pub name: String,
    /// What is drawn.
    pub scene: Scene,
}

impl Picture {
    /// A picture whose name is made fit for a file's.
    pub(super) fn new(name: &str, scene: Scene) -> Self {
        let fit = |letter: char| {
            let plain = letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.');
            if plain { letter } else { '_' }
        };
        let name: String = name.chars().map(fit).take(120).collect();
        let name = name.trim_matches('.').to_owned();
        Self { name: if name.is_empty() { "plot".to_owned() } else { name }, scene }
    }
}

/// The pictures of results: timelines (`replay --timeline`, CSV), `metrics.jsonl` of training runs, evaluations and
/// searches (`--json`), sweeps of a benchmark (`scripts/bench-requests.sh`), or directories that hold them. Training runs
/// are drawn together; runs whose directories differ by a number are seeds of one another, as are those in a directory of
/// `train --seeds`.
///
/// # Errors
/// A file that cannot be read, or is none of these.
pub fn pictures(paths: &[PathBuf]) -> Result<Vec<Picture>, InputError> {
    let (mut pictures, mut runs) = (Vec::new(), Vec::new());
    for path in paths {
        for file in files(path)? {
            one(&file, &mut pictures, &mut runs)?;
        }
    }
    if !runs.is_empty() {
        let names: Vec<&str> = runs.iter().map(|run: &Learning| run.name.as_str()).collect();
        let title = if names.iter().all(|name| *name == names[0]) { names[0] } else { "Training runs" };
        pictures.push(Picture::new("learning", learning(&format!("Learning: {title}"), &runs)));
    }
    tell_apart(&mut pictures);
    Ok(pictures)
}

/// The result files of a path: itself, or those of a directory.
fn files(path: &Path) -> Result<Vec<PathBuf>, InputError> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let known = ["metrics.jsonl", "evaluation.json", "tune.json", "timeline.csv"];
    let found: Vec<PathBuf> = known.iter().map(|name| path.join(name)).filter(|file| file.is_file()).collect();
    let found = if found.is_empty() { seeds(path) } else { found };
    if found.is_empty() {
        let problem = format!("the directory holds none of {}", known.join(", "));
        return Err(InputError::new(problem, "name a result's file or directory").at(Place::file(path)));
    }
    Ok(found)
}

/// The runs of a directory of `train --seeds`, in the order of their seeds.
fn seeds(path: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    let seed = |name: &std::ffi::OsStr| name.to_str()?.strip_prefix("seed-")?.parse::<u64>().ok();
    let file = |entry: fs::DirEntry| Some((seed(&entry.file_name())?, entry.path().join("metrics.jsonl")));
    let mut all: Vec<(u64, PathBuf)> = entries.filter_map(file).filter(|(_, file)| file.is_file()).collect();
    all.sort();
    all.into_iter().map(|(_, file)| file).collect()
}

fn one(path: &Path, pictures: &mut Vec<Picture>, runs: &mut Vec<Learning>) -> Result<(), InputError> {
    let text = text(path)?;
    let stem = path.file_stem().map_or_else(|| "result".to_owned(), |stem| stem.to_string_lossy().into_owned());
    let stem = if stem == "-" { "result".to_owned() } else { stem };
    if text.lines().next() == Some(costs::HEAD) {
        pictures.push(costs::picture(&stem, &text, path)?);
    } else if text.starts_with("t,")
        || text.lines().next().is_some_and(|head| head.contains(",t,") || head.ends_with(",t"))
    {
        pictures.extend(timeline::pictures(&stem, &text, path)?);
    } else if let Some(document) = evaluation::document(&text) {
        pictures.extend(evaluation::pictures(&stem, &document, path)?);
    } else if text.trim_start().starts_with('{') {
        runs.push(metrics::learning(&run_name(path), &text, path)?);
    } else {
        return Err(no_result(path));
    }
    Ok(())
}

fn text(path: &Path) -> Result<String, InputError> {
    let mut bytes = Vec::new();
    let read = if path.as_os_str() == "-" {
        std::io::stdin().lock().read_to_end(&mut bytes)
    } else {
        fs::File::open(path).and_then(|mut file| file.read_to_end(&mut bytes))
    };
    read.map_err(|error| InputError::io(path, "read", &error))?;
    String::from_utf8(bytes).map_err(|_| no_result(path))
}

fn no_result(path: &Path) -> InputError {
    let help = "give a timeline (CSV), metrics.jsonl, or what evaluate or tune print with --json; \
                `hpatune inspect --plot` draws a trace";
    InputError::new("not a result that can be drawn", help).at(Place::file(path))
}

/// What a training run is called: its directory, without a number at the end. A directory that is called after its seed
/// alone has the name of the one it lies in.
fn run_name(path: &Path) -> String {
    let name_of = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned());
    let directory = path.parent();
    let name = directory.and_then(name_of).filter(|name| !name.is_empty()).unwrap_or_else(|| "training".to_owned());
    if name.strip_prefix("seed-").is_some_and(|seed| seed.parse::<u64>().is_ok()) {
        return directory.and_then(Path::parent).and_then(name_of).unwrap_or_else(|| "seeds".to_owned());
    }
    let plain = name.trim_end_matches(|letter: char| letter.is_ascii_digit()).trim_end_matches(['-', '_', '.']);
    let plain = plain.strip_suffix("seed").unwrap_or(plain).trim_end_matches(['-', '_', '.']);
    if plain.is_empty() { name } else { plain.to_owned() }
}

/// Numbers pictures of one name.
fn tell_apart(pictures: &mut [Picture]) {
    for at in 1..pictures.len() {
        let plain = pictures[at].name.clone();
        let mut number = 2;
        while pictures[..at].iter().any(|other| other.name == pictures[at].name) {
            pictures[at].name = format!("{plain}-{number}");
            number += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_that_differ_by_a_number_are_seeds() {
        for (path, name) in
            [("out/ppo-1/metrics.jsonl", "ppo"), ("out/ppo_seed12/metrics.jsonl", "ppo"), ("7/metrics.jsonl", "7")]
        {
            assert_eq!(run_name(Path::new(path)), name);
        }
        assert_eq!(run_name(Path::new("metrics.jsonl")), "training");
        assert_eq!(run_name(Path::new("out/policy/seed-3/metrics.jsonl")), "policy");
        assert_eq!(run_name(Path::new("seed-3/metrics.jsonl")), "seeds");
    }

    fn drawn(name: &str, text: &[u8]) -> Result<Vec<Picture>, InputError> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(name);
        fs::write(&path, text).unwrap();
        pictures(&[path])
    }

    #[test]
    fn equal_results_give_equal_bytes() {
        let text = b"function,t,replicas,demand,violation_rate\na,0,1,2,0\na,15,3,2,0.5\na,30,NaN,2,1\n";
        for format in [crate::plot::Format::Svg, crate::plot::Format::Png] {
            let bytes = || drawn("run.csv", text).unwrap()[0].scene.render(format).unwrap();
            assert!(bytes() == bytes());
        }
    }

    #[test]
    fn empty_and_odd_numbers_draw_an_empty_panel() {
        for text in [
            "t,replicas\n",
            "t,replicas\n0,0\n",
            "t,replicas,target\nNaN,inf,-inf\n1e308,1e308,1\n-1e308,-1e308,1\n",
            "t,replicas\n5,1\n5,1\n4,1\n",
        ] {
            for picture in drawn("run.csv", text.as_bytes()).unwrap() {
                let svg = String::from_utf8(picture.scene.render(crate::plot::Format::Svg).unwrap()).unwrap();
                assert!(svg.starts_with("<svg width=\"1200\"") && svg.trim_end().ends_with("</svg>"));
                assert!(!svg.contains("NaN") || text.contains("NaN"), "{text}");
            }
        }
        let run = br#"{"step":0,"return":null}"#;
        drawn("metrics.jsonl", run).unwrap()[0].scene.render(crate::plot::Format::Png).unwrap();
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_break_the_reader(text in proptest::collection::vec(proptest::num::u8::ANY, 0..200), kind in 0..3_usize) {
            let head: &[u8] = [&b"t,replicas\n"[..], b"{\"summary\":[", b"{\"step\":1}\n"][kind];
            let _ = drawn("any", &[head, &text].concat());
        }
    }

    #[test]
    fn names_are_fit_for_files_and_differ() {
        let picture = |name: &str| Picture::new(name, Scene::new(1, 1));
        let mut all = [picture("../a/b"), picture("../a/b"), picture("")];
        tell_apart(&mut all);
        let names: Vec<&str> = all.iter().map(|picture| picture.name.as_str()).collect();
        assert_eq!(names, ["_a_b", "_a_b-2", "plot"]);
    }
}
