//! A text table before Polars reads it: unpacked, and checked to have one shape.
//!
//! Polars fills rows that are too short with nulls and reads a truncated gzip stream up to its end, so every byte passes
//! here once: gzip and standard input go to a temporary file on the way, and the first row with a missing or an extra
//! cell, a stray quote or bytes that are no text is named with its line.

use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;
use tempfile::{NamedTempFile, TempPath};

use crate::error::{InputError, Place};
use crate::ingest::shape::{Fault, Shape};

/// A checked text table.
#[derive(Debug)]
pub(super) struct Text {
    /// The file as the user named it.
    pub path: PathBuf,
    /// Cells of the first row: the header where there is one.
    pub first: Vec<String>,
    /// What separates cells.
    pub separator: u8,
    /// Rows, the header included.
    pub rows: usize,
    /// Lines that the first row takes; a quoted name may span several.
    pub first_lines: usize,
    plain: Plain,
}

/// Where the plain bytes lie.
#[derive(Debug)]
enum Plain {
    Here(PathBuf),
    Unpacked(TempPath),
}

/// Leading bytes of a gzip stream.
const GZIP: [u8; 2] = [0x1f, 0x8b];
const BLOCK: usize = 1 << 20;

impl Text {
    /// Opens a table; `-` is standard input.
    pub(super) fn open(path: &Path) -> Result<Self, InputError> {
        let io = |error: io::Error| InputError::io(path, "read", &error);
        if path.as_os_str() == "-" {
            return Self::check(path, io::stdin().lock(), true);
        }
        let file = File::open(path).map_err(io)?;
        if file.metadata().map_err(io)?.is_dir() {
            return Err(InputError::new("this is a directory", "name its files").at(Place::file(path)));
        }
        Self::check(path, file, false)
    }

    fn check(path: &Path, mut source: impl Read, spool: bool) -> Result<Self, InputError> {
        let io = |error: io::Error| InputError::io(path, "read", &error);
        let mut head = Vec::new();
        source.by_ref().take(GZIP.len() as u64).read_to_end(&mut head).map_err(io)?;
        let whole = head.as_slice().chain(source);
        let (shape, spool) = if head == GZIP {
            let unpacked = Spool::new(MultiGzDecoder::new(BufReader::new(whole)), path)?;
            unpacked.scan(path)?
        } else if spool {
            Spool::new(whole, path)?.scan(path)?
        } else {
            (scan(whole, path)?, None)
        };
        let plain = spool.map_or_else(|| Plain::Here(path.to_owned()), Plain::Unpacked);
        Ok(Self {
            path: path.to_owned(),
            first: shape.first,
            separator: shape.separator,
            rows: shape.rows,
            first_lines: shape.first_lines,
            plain,
        })
    }

    /// The plain file.
    pub(super) fn plain(&self) -> &Path {
        match &self.plain {
            Plain::Here(path) => path,
            Plain::Unpacked(path) => path,
        }
    }

    /// An error about this file.
    pub(super) fn wrong(&self, problem: impl Into<String>, help: impl Into<String>) -> InputError {
        InputError::new(problem, help).at(Place::file(&self.path))
    }

    /// Where the cell of a row stands, and its text; `row` counts from 0 and includes the header.
    pub(super) fn cell(&self, row: usize, column: usize) -> (Place, String) {
        let mut found = (Place::file(&self.path), String::new());
        self.search(|at, record, place| {
            if at == row {
                found = (place, record.get(column).map(lossy).unwrap_or_default());
            }
            at == row
        });
        found
    }

    /// The first cell among `columns` in rows from `skip` on of which `wrong` is true: where, which column, its text.
    pub(super) fn first_wrong(
        &self,
        skip: usize,
        columns: &[usize],
        wrong: impl Fn(usize, &str) -> bool,
    ) -> Option<(Place, usize, String)> {
        let mut found = None;
        self.search(|at, record, place| {
            let cells = columns.iter().filter_map(|&column| Some((column, lossy(record.get(column)?))));
            let bad = cells.into_iter().find(|(column, text)| at >= skip && wrong(*column, text));
            found = bad.map(|(column, text)| (place, column, text));
            found.is_some()
        });
        found
    }

    /// Goes through the rows until `stop`.
    fn search(&self, mut stop: impl FnMut(usize, &csv::ByteRecord, Place) -> bool) {
        let mut builder = csv::ReaderBuilder::new();
        builder.has_headers(false).flexible(true).delimiter(self.separator);
        let Ok(mut reader) = builder.from_path(self.plain()) else { return };
        let mut record = csv::ByteRecord::new();
        for at in 0..self.rows {
            if !matches!(reader.read_byte_record(&mut record), Ok(true)) {
                return;
            }
            let line = record.position().map_or(0, |position| usize::try_from(position.line()).unwrap_or(0));
            if stop(at, &record, Place::line(&self.path, line)) {
                return;
            }
        }
    }
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Bytes on their way through a temporary file.
struct Spool<R> {
    source: R,
    file: NamedTempFile,
}

impl<R: Read> Spool<R> {
    fn new(source: R, path: &Path) -> Result<Self, InputError> {
        let file = tempfile::Builder::new().prefix("hpatune-").tempfile();
        let file = file.map_err(|error| InputError::io(path, "unpack into a temporary file", &error))?;
        Ok(Self { source, file })
    }

    fn scan(mut self, path: &Path) -> Result<(Shape, Option<TempPath>), InputError> {
        let shape = scan(&mut self, path)?;
        Ok((shape, Some(self.file.into_temp_path())))
    }
}

impl<R: Read> Read for &mut Spool<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read(buffer)?;
        self.file.write_all(&buffer[..count])?;
        Ok(count)
    }
}

/// Passes all bytes through the check.
fn scan(mut source: impl Read, path: &Path) -> Result<Shape, InputError> {
    let mut shape = Shape::default();
    let mut block = vec![0; BLOCK];
    loop {
        let count = match source.read(&mut block) {
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(unreadable(path, &error)),
        };
        if count == 0 {
            shape.end().map_err(|fault| refuse(path, fault))?;
            return Ok(shape);
        }
        shape.block(&block[..count]).map_err(|fault| refuse(path, fault))?;
    }
}

fn unreadable(path: &Path, error: &io::Error) -> InputError {
    match error.kind() {
        io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => {
            let problem = format!("the gzip stream is truncated or damaged: {error}");
            InputError::new(problem, "fetch the file again").at(Place::file(path))
        }
        _ => InputError::io(path, "read", error),
    }
}

fn refuse(path: &Path, fault: Fault) -> InputError {
    let place = fault.line.map_or_else(|| Place::file(path), |line| Place::line(path, line));
    InputError::new(fault.problem, fault.help).at(place)
}

#[cfg(test)]
mod tests;
