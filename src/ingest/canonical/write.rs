//! The writer of canonical files, one function at a time, so that a trace larger than memory can be written.

use std::cell::Cell;
use std::io::{self, Write};
use std::rc::Rc;

use polars::io::parquet::write::BatchedWriter;
use polars::prelude::*;

use super::to_pairs;
use crate::trace::{COLUMNS, Header, Name, Series, Trace};

/// Rows after which a row group is closed. Functions are not cut.
const GROUP_ROWS: usize = 1 << 18;

/// Writes a trace.
///
/// # Errors
/// What the writer beneath says.
pub fn write(trace: &Trace, out: &mut dyn Write) -> io::Result<()> {
    let there = |name: &Name| trace.functions.iter().any(|series| series.column(*name).is_some());
    let columns: Vec<Name> = COLUMNS.into_iter().filter(there).collect();
    let mut writer = Writer::new(&trace.header, &columns, out)?;
    for series in &trace.functions {
        writer.push(series)?;
    }
    writer.finish()
}

/// A canonical file in the making. Series come in order of name; values past [`Writer::finish`] are not there.
pub struct Writer<'a> {
    file: BatchedWriter<Watched<'a>>,
    failed: Failed,
    columns: Vec<Name>,
    interval_ms: i64,
    rows: Rows,
}

/// The rows of the row group in the making.
#[derive(Default)]
struct Rows {
    functions: Vec<(String, usize)>,
    t: Vec<i64>,
    values: Vec<Vec<Option<f64>>>,
}

impl std::fmt::Debug for Writer<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer")
            .field("columns", &self.columns)
            .field("rows", &self.rows.t.len())
            .finish_non_exhaustive()
    }
}

impl<'a> Writer<'a> {
    /// Begins a file that has `columns`.
    ///
    /// # Errors
    /// What the writer beneath says.
    pub fn new(header: &Header, columns: &[Name], out: &'a mut dyn Write) -> io::Result<Self> {
        let numbers = columns.iter().map(|name| Field::new(name.as_str().into(), DataType::Float64));
        let fields = [Field::new("function".into(), DataType::String), Field::new("t".into(), DataType::Int64)];
        let schema: Schema = fields.into_iter().chain(numbers).collect();
        let failed = Failed::default();
        let file = ParquetWriter::new(Watched { out, failed: Rc::clone(&failed) })
            .with_compression(ParquetCompression::Zstd(None))
            .with_key_value_metadata(Some(KeyValueMetadata::from_static(to_pairs(header))))
            // Columns in one order on one thread: the same trace, the same bytes.
            .set_parallel(false)
            .batched(&schema)
            .map_err(|error| other(error, &failed))?;
        let rows = Rows { values: vec![Vec::new(); columns.len()], ..Rows::default() };
        Ok(Self { file, failed, columns: columns.to_vec(), interval_ms: header.interval_ms, rows })
    }

    /// Adds the rows of a series.
    ///
    /// # Errors
    /// What the writer beneath says.
    pub fn push(&mut self, series: &Series) -> io::Result<()> {
        let slots = series.len();
        self.rows.functions.push((series.function.clone(), slots));
        self.rows.t.extend((0..slots).map(|slot| series.start_ms + self.interval_ms * slot as i64));
        for (name, values) in self.columns.iter().zip(&mut self.rows.values) {
            match series.column(*name) {
                Some(column) => values.extend(column.iter().map(|value| (!value.is_nan()).then_some(*value))),
                None => values.extend(std::iter::repeat_n(None, slots)),
            }
        }
        if self.rows.t.len() >= GROUP_ROWS { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        let height = self.rows.t.len();
        let names = self.rows.functions.iter().flat_map(|(name, slots)| std::iter::repeat_n(name.as_str(), *slots));
        let function = StringChunked::from_iter_values("function".into(), names).into_column();
        let mut columns = vec![function, Column::new("t".into(), &self.rows.t)];
        for (name, values) in self.columns.iter().zip(&mut self.rows.values) {
            columns.push(Column::new(name.as_str().into(), values.as_slice()));
            values.clear();
        }
        self.rows.functions.clear();
        self.rows.t.clear();
        let frame = DataFrame::new(height, columns);
        let written = frame.and_then(|frame| self.file.write_batch(&frame));
        written.map_err(|error| other(error, &self.failed))
    }

    /// Ends the file.
    ///
    /// # Errors
    /// What the writer beneath says.
    pub fn finish(mut self) -> io::Result<()> {
        if !self.rows.t.is_empty() {
            self.flush()?;
        }
        self.file.finish().map(drop).map_err(|error| other(error, &self.failed))
    }
}

/// What writing failed with last. Polars keeps an error's words only, and a closed pipe is to be told from a full disk.
type Failed = Rc<Cell<Option<io::ErrorKind>>>;

/// A writer that remembers what it failed with.
struct Watched<'a> {
    out: &'a mut dyn Write,
    failed: Failed,
}

impl Watched<'_> {
    fn watch<T>(&self, result: io::Result<T>) -> io::Result<T> {
        result.inspect_err(|error| self.failed.set(Some(error.kind())))
    }
}

impl Write for Watched<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes);
        self.watch(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        let flushed = self.out.flush();
        self.watch(flushed)
    }
}

fn other(error: PolarsError, failed: &Failed) -> io::Error {
    io::Error::new(failed.get().unwrap_or(io::ErrorKind::Other), error)
}
