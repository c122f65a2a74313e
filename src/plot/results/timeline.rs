//! Timelines: CSV of [`TimelineRow`] with a column `function` (and any others, which are passed over).

use std::path::Path;

use serde::Deserialize;

use super::Picture;
use crate::error::{InputError, Place};
use crate::plot::timeline::timeline;
use crate::sim::TimelineRow;

/// A row as it is written: a cell without a value is empty.
#[derive(Debug, Deserialize)]
struct Row {
    #[serde(default)]
    function: String,
    t: f64,
    requests_per_s: Option<f64>,
    demand: Option<f64>,
    replicas: Option<f64>,
    ready: Option<f64>,
    utilization: Option<f64>,
    target: Option<f64>,
    min_replicas: Option<f64>,
    violation_rate: Option<f64>,
    latency_ms: Option<f64>,
    backlog_s: Option<f64>,
    p95_ms: Option<f64>,
    p99_ms: Option<f64>,
}

impl Row {
    fn row(&self) -> TimelineRow {
        let known = |value: Option<f64>| value.unwrap_or(f64::NAN);
        TimelineRow {
            t: self.t,
            requests_per_s: known(self.requests_per_s),
            demand: known(self.demand),
            replicas: known(self.replicas),
            ready: known(self.ready),
            utilization: known(self.utilization),
            target: known(self.target),
            min_replicas: known(self.min_replicas),
            violation_rate: known(self.violation_rate),
            latency_ms: known(self.latency_ms),
            backlog_s: known(self.backlog_s),
            p95_ms: known(self.p95_ms),
            p99_ms: known(self.p99_ms),
        }
    }
}

/// A picture per function, in the order they come.
pub(super) fn pictures(stem: &str, text: &str, path: &Path) -> Result<Vec<Picture>, InputError> {
    let mut functions: Vec<(String, Vec<TimelineRow>)> = Vec::new();
    for row in csv::Reader::from_reader(text.as_bytes()).into_deserialize::<Row>() {
        let row = row.map_err(|error| wrong(&error, path))?;
        let at = functions.iter().rposition(|(name, _)| *name == row.function).unwrap_or_else(|| {
            functions.push((row.function.clone(), Vec::new()));
            functions.len() - 1
        });
        functions[at].1.push(row.row());
    }
    let picture = |(name, rows): &(String, Vec<TimelineRow>)| {
        let file = if name.is_empty() { stem.to_owned() } else { format!("{stem}-{name}") };
        Picture::new(&file, timeline(if name.is_empty() { stem } else { name }, rows, None))
    };
    Ok(functions.iter().map(picture).collect())
}

fn wrong(error: &csv::Error, path: &Path) -> InputError {
    let place = error.position().map_or_else(|| Place::file(path), |at| Place::line(path, at.line() as usize));
    let problem = match error.kind() {
        csv::ErrorKind::Deserialize { err, .. } => err.kind().to_string(),
        _ => error.to_string(),
    };
    InputError::new(problem, "give what `hpatune replay --timeline` writes").at(place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeline_is_a_picture_per_function() {
        let text = "function,t,replicas,utilization\na,0,1,\nb,0,2,NaN\na,15,1,50.5\n";
        let names: Vec<String> =
            pictures("run", text, Path::new("run.csv")).unwrap().into_iter().map(|picture| picture.name).collect();
        assert_eq!(names, ["run-a", "run-b"]);
    }

    #[test]
    fn a_wrong_cell_names_its_line() {
        let error = pictures("run", "t,replicas\n0,1\n15,many\n", Path::new("run.csv")).unwrap_err();
        assert!(error.to_string().starts_with("run.csv:3: "), "{error}");
    }
}
