//! What every format gives: a survey of its functions, then the series of those that were chosen.
//!
//! Two passes keep memory bounded: the survey holds a name and two numbers a function; a read holds as many functions
//! as fit, and the next ones are read in another pass.

use crate::error::InputError;
use crate::ingest::report::Report;
use crate::trace::{Header, Name, Series};

/// A function as the survey saw it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Surveyed {
    /// Its name, unique.
    pub name: String,
    /// Its total load, for `--top`: requests where there are any, else CPU.
    pub load: f64,
    /// Memory that reading it takes, in bytes.
    pub bytes: usize,
}

/// An opened and surveyed input.
pub(super) trait Source {
    /// What the trace will say about itself, at the source's own interval.
    fn header(&self) -> Header;

    /// Columns that any series may have.
    fn columns(&self) -> Vec<Name>;

    /// The functions, in the order by which `read` is asked for them.
    fn functions(&self) -> &[Surveyed];

    /// Reads the series of `chosen` (places among the functions), in this order.
    ///
    /// # Errors
    /// What the input has wrong, or what `emit` says.
    fn read(
        &self,
        chosen: &[usize],
        report: &mut Report,
        emit: &mut dyn FnMut(Series) -> Result<(), InputError>,
    ) -> Result<(), InputError>;
}
