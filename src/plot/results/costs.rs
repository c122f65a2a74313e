//! Sweeps of a benchmark: CSV with the columns `sweep`, `x` and `us`, as `scripts/bench-requests.sh` writes it.

use std::path::Path;

use serde::Deserialize;

use super::Picture;
use crate::error::{InputError, Place};
use crate::plot::{Sweep, costs};

/// The first line of such a file.
pub(super) const HEAD: &str = "sweep,x,us";

/// Most sweeps that one picture shows.
const MOST: usize = 6;

#[derive(Debug, Deserialize)]
struct Row {
    sweep: String,
    x: f64,
    us: f64,
}

/// One picture of all sweeps, in the order they come.
pub(super) fn picture(stem: &str, text: &str, path: &Path) -> Result<Picture, InputError> {
    let mut sweeps: Vec<Sweep> = Vec::new();
    for (index, row) in csv::Reader::from_reader(text.as_bytes()).into_deserialize::<Row>().enumerate() {
        let wrong = |problem: String| {
            InputError::new(problem, "give what scripts/bench-requests.sh writes").at(Place::line(path, index + 2))
        };
        let row = row.map_err(|error| match error.kind() {
            csv::ErrorKind::Deserialize { err, .. } => wrong(err.kind().to_string()),
            _ => wrong(error.to_string()),
        })?;
        if !(row.x > 0.0 && row.us > 0.0 && row.x.is_finite() && row.us.is_finite()) {
            return Err(wrong(format!("{} at {} is not above 0", row.us, row.x)));
        }
        let full = sweeps.len() == MOST;
        match sweeps.iter_mut().find(|sweep| sweep.name == row.sweep) {
            Some(sweep) => sweep.points.push((row.x, row.us)),
            None if full => return Err(wrong(format!("there are more than {MOST} sweeps"))),
            None => sweeps.push(Sweep { name: row.sweep, points: vec![(row.x, row.us)] }),
        }
    }
    Ok(Picture::new(stem, costs(&format!("Cost of {stem}"), &sweeps)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sweeps_are_drawn_in_one_picture_and_a_wrong_cell_names_its_line() {
        let read = |text: &str| picture("requests", text, Path::new("requests.csv"));
        let drawn = read("sweep,x,us\npods,1,0.08\npods,1000,0.3\nload,0.5,0.2\n").unwrap();
        assert_eq!(drawn.name, "requests");
        let empty = read("sweep,x,us\n").unwrap();
        assert_ne!(drawn.scene, empty.scene);
        for wrong in ["sweep,x,us\npods,1,0.08\npods,ten,0.1\n", "sweep,x,us\npods,1,0.08\npods,10,-1\n"] {
            let error = read(wrong).unwrap_err();
            assert!(error.to_string().starts_with("requests.csv:3: "), "{error}");
        }
    }
}
