//! The file that TensorBoard reads, one a start of the program.

use std::fs::File;
use std::io::{BufWriter, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde_json::Value;

use crate::error::InputError;
use crate::rl::tensorboard::Events;

/// An event file in the directory of a run.
pub(super) struct Log {
    path: PathBuf,
    events: Events<BufWriter<File>>,
}

impl Log {
    /// Begins a file whose scalars come after `step`. Its name sorts behind those of earlier starts, as readers expect.
    pub(super) fn open(directory: &Path, step: u64) -> Result<Self, InputError> {
        let mut second = wall_s() as u64;
        loop {
            let path = directory.join(format!("events.out.tfevents.{second:010}.hpatune"));
            let begun = match File::create_new(&path) {
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                    second += 1;
                    continue;
                }
                file => file.and_then(|file| Events::begin(BufWriter::new(file), wall_s(), step)),
            };
            let events = begun.map_err(|error| InputError::io(&path, "write", &error))?;
            return Ok(Self { path, events });
        }
    }

    /// Adds a line of metrics.jsonl.
    pub(super) fn note(&mut self, step: u64, line: &Value) -> Result<(), InputError> {
        let numbers = line.as_object().into_iter().flatten().filter(|(key, _)| *key != "step");
        let scalars: Vec<(String, f64)> =
            numbers.filter_map(|(key, value)| Some((tag(key), value.as_f64()?))).collect();
        let written = self.events.scalars(wall_s(), step, &scalars);
        written.map_err(|error| InputError::io(&self.path, "write", &error))
    }
}

/// The key of a metric in its group, as Stable-Baselines3 groups them.
fn tag(key: &str) -> String {
    if let Some(key) = key.strip_prefix("validation_") {
        return format!("validation/{key}");
    }
    let group = match key {
        "return" | "violation_rate" | "cost_vs_reference" | "violations_vs_reference" => "rollout",
        "steps_per_s" => "time",
        _ => "train",
    };
    format!("{group}/{key}")
}

/// TensorBoard shows the clock; nothing depends on it.
#[allow(clippy::disallowed_methods, reason = "a date for people")]
fn wall_s() -> f64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_stand_in_their_groups() {
        let tags = ["return", "validation_violation_rate", "steps_per_s", "approx_kl"].map(tag);
        assert_eq!(tags, ["rollout/return", "validation/violation_rate", "time/steps_per_s", "train/approx_kl"]);
    }

    #[test]
    fn each_start_has_a_file_of_its_own_that_sorts_behind_the_last() {
        let directory = tempfile::tempdir().unwrap();
        let names: Vec<PathBuf> = (0..3).map(|step| Log::open(directory.path(), step).unwrap().path).collect();
        assert!(names.is_sorted() && names[0] != names[1] && names[1] != names[2]);
    }
}
