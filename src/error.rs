//! What a user is told when their input is wrong: where, which field, what was found, and the remedy.
//!
//! Every error of this kind ends the program with exit status 2 and leaves no output behind.

use std::fmt;
use std::path::{Path, PathBuf};

/// A value outside the range of its unit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{found} is not {wanted}; {remedy}")]
pub struct UnitError {
    found: String,
    wanted: &'static str,
    remedy: &'static str,
}

impl UnitError {
    /// `found` is what stands there, `wanted` what should (with its article), `remedy` an imperative.
    #[must_use]
    pub fn new(found: &str, wanted: &'static str, remedy: &'static str) -> Self {
        let found = if found.is_empty() { "\"\"".to_owned() } else { found.to_owned() };
        Self { found, wanted, remedy }
    }
}

/// Where in a user's input something stands. Lines and columns count from 1.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// The file as the user named it; `None` for the command line.
    pub file: Option<PathBuf>,
    /// Line, when known.
    pub line: Option<usize>,
    /// Column, when known.
    pub column: Option<usize>,
}

impl Place {
    /// A whole file.
    #[must_use]
    pub fn file(path: &Path) -> Self {
        Self { file: Some(path.to_owned()), ..Self::default() }
    }

    /// A line of a file.
    #[must_use]
    pub fn line(path: &Path, line: usize) -> Self {
        Self { file: Some(path.to_owned()), line: Some(line), column: None }
    }

    /// A column of a line of a file.
    #[must_use]
    pub fn column(path: &Path, line: usize, column: usize) -> Self {
        Self { file: Some(path.to_owned()), line: Some(line), column: Some(column) }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(file) = &self.file else { return Ok(()) };
        let name = if file.as_os_str() == "-" { "<stdin>".into() } else { file.to_string_lossy() };
        write!(f, "{name}")?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
            if let Some(column) = self.column {
                write!(f, ":{column}")?;
            }
        }
        write!(f, ": ")
    }
}

/// Wrong input, with its remedy. Printed as
///
/// ```text
/// error: configs/burst.toml:3:16: `hpa.max_replicas`: 3 is below min_replicas = 5
///   help: write 5 or more, or lower hpa.min_replicas
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}{}{problem}", field_prefix(field.as_deref()))]
pub struct InputError {
    /// Where it stands.
    pub place: Place,
    /// The field, column, flag or key, as the user spells it.
    pub field: Option<String>,
    /// What was found, and why it is wrong. Lower case, no full stop.
    pub problem: String,
    /// What to do about it. An imperative, lower case, no full stop.
    pub help: String,
}

fn field_prefix(field: Option<&str>) -> String {
    field.map(|field| format!("`{field}`: ")).unwrap_or_default()
}

impl InputError {
    /// An error without a place yet, as the command line's are.
    #[must_use]
    pub fn new(problem: impl Into<String>, help: impl Into<String>) -> Self {
        Self { place: Place::default(), field: None, problem: problem.into(), help: help.into() }
    }

    /// The same error, standing at `place`.
    #[must_use]
    pub fn at(mut self, place: Place) -> Self {
        self.place = place;
        self
    }

    /// The same error, about `field`.
    #[must_use]
    pub fn field(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }

    /// A file that could not be read or written.
    #[must_use]
    pub fn io(path: &Path, doing: &str, error: &std::io::Error) -> Self {
        let help = match error.kind() {
            std::io::ErrorKind::NotFound => "check the path; it is taken relative to the current directory",
            std::io::ErrorKind::InvalidData => "this is not a text file; check that it is the one you mean",
            std::io::ErrorKind::PermissionDenied => "check the permissions of the file and its directory",
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded | std::io::ErrorKind::FileTooLarge => {
                "free some space, or raise the limit, and run it again"
            }
            _ => "check the path and the disk",
        };
        Self::new(format!("cannot {doing}: {error}"), help).at(Place::file(path))
    }
}

/// Checks `value >= least`, and that it is finite.
///
/// # Errors
/// Names `field`, the value and the range.
pub fn at_least(field: &str, value: f64, least: f64) -> Result<(), InputError> {
    within(field, value, least, f64::MAX)
}

/// Checks `value > 0`, and that it is finite.
///
/// # Errors
/// Names `field`, the value and the range.
pub fn above_zero(field: &str, value: f64) -> Result<(), InputError> {
    if value > 0.0 && value.is_finite() {
        return Ok(());
    }
    Err(InputError::new(format!("{value} is not above 0"), "write a number above 0").field(field))
}

/// Checks `least <= value <= most`.
///
/// # Errors
/// Names `field`, the value and the range.
pub fn within(field: &str, value: f64, least: f64, most: f64) -> Result<(), InputError> {
    if value >= least && value <= most {
        return Ok(());
    }
    let (problem, help) = if most >= f64::MAX {
        (format!("{value} is below {least}"), format!("write {least} or more"))
    } else {
        (format!("{value} is outside {least} to {most}"), format!("write a number from {least} to {most}"))
    };
    Err(InputError::new(problem, help).field(field))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_place_field_problem() {
        let error = InputError::new("3 is below min_replicas = 5", "write 5 or more")
            .at(Place::column(Path::new("configs/burst.toml"), 3, 16))
            .field("hpa.max_replicas");
        assert_eq!(error.to_string(), "configs/burst.toml:3:16: `hpa.max_replicas`: 3 is below min_replicas = 5");
        assert_eq!(InputError::new("no trace given", "name one").to_string(), "no trace given");
    }
}
