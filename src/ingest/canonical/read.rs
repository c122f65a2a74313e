//! The reader of canonical files, one row group at a time.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Cursor, Read};
use std::path::Path;

use polars::io::mmap::MmapBytesReader;
use polars::prelude::*;

use super::from_pairs;
use crate::error::{InputError, Place};
use crate::ingest::slots::{Irregular, Rows};
use crate::ingest::{guard, pages};
use crate::trace::{COLUMNS, Header, Name, Series, Trace};

const AGAIN: &str = "give a trace that `hpatune ingest` or `hpatune synth` wrote";
const DAMAGED: &str = "the file is truncated or damaged; make it again with `hpatune ingest` or `hpatune synth`";

/// Reads a trace; `-` is standard input.
///
/// # Errors
/// A file that cannot be read, is not Parquet, is damaged, is not a trace, or holds values that no trace has.
pub fn read(path: &Path) -> Result<Trace, InputError> {
    let io = |error: std::io::Error| InputError::io(path, "read", &error);
    if path.as_os_str() == "-" {
        let mut bytes = Vec::new();
        std::io::stdin().lock().read_to_end(&mut bytes).map_err(io)?;
        return read_bytes(&bytes, path);
    }
    let file = File::open(path).map_err(io)?;
    if file.metadata().map_err(io)?.is_dir() {
        return Err(InputError::new("this is a directory", "name a file").at(Place::file(path)));
    }
    // Memory-mapped by Polars: what is not needed is not read.
    assemble(|| file.try_clone().map(Box::new).map_err(io), path)
}

/// Reads a trace from the bytes of a file; `path` is for messages.
///
/// # Errors
/// As [`read`].
pub fn read_bytes(bytes: &[u8], path: &Path) -> Result<Trace, InputError> {
    assemble(|| Ok(Box::new(Cursor::new(bytes))), path)
}

fn assemble<R: MmapBytesReader>(
    open: impl Fn() -> Result<Box<R>, InputError>,
    path: &Path,
) -> Result<Trace, InputError> {
    let at = |error: InputError| if error.place.file.is_none() { error.at(Place::file(path)) } else { error };
    pages::footer(&mut *open()?).map_err(|problem| at(no_parquet(&problem)))?;
    let mut first = ParquetReader::new(open()?);
    let metadata = guard::decode(|| first.get_metadata().cloned()).map_err(|problem| at(no_parquet(&problem)))?;
    pages::pages(&mut *open()?, &metadata).map_err(|problem| at(damaged(&problem)))?;
    let header = header(&metadata).map_err(at)?;
    let schema = guard::decode(|| first.schema()).map_err(|problem| at(damaged(&problem)))?;
    let columns = columns(&schema).map_err(at)?;
    let mut functions = BTreeMap::new();
    let mut start = 0;
    for group in &metadata.row_groups {
        let rows = group.num_rows();
        let file = open()?;
        let names = wanted(&columns);
        let frame = guard::decode(|| {
            let mut reader = ParquetReader::new(file).with_slice(Some((start, rows))).with_columns(Some(names));
            reader.set_metadata(metadata.clone());
            reader.finish()
        });
        collect(&frame.map_err(|problem| at(damaged(&problem)))?, &columns, header.interval_ms, &mut functions)
            .map_err(at)?;
        start += rows;
    }
    let interval = header.interval_ms;
    let series: Result<Vec<_>, _> =
        functions.into_iter().map(|(name, rows)| series(name, rows, &columns, interval)).collect();
    Trace::new(header, series.map_err(at)?).map_err(at)
}

fn no_parquet(problem: &str) -> InputError {
    InputError::new(format!("this is not a whole Parquet file: {problem}"), AGAIN)
}

fn damaged(problem: &str) -> InputError {
    InputError::new(format!("cannot decode: {problem}"), DAMAGED)
}

fn header(metadata: &FileMetadata) -> Result<Header, InputError> {
    let pairs = metadata.key_value_metadata().as_deref().unwrap_or_default();
    let value = |key: &str| pairs.iter().find(|pair| pair.key == key).and_then(|pair| pair.value.clone());
    from_pairs(value).map_err(|what| {
        let help = "convert it with `hpatune ingest --map FIELD=COLUMN`, or name a file that hpatune wrote";
        InputError::new(format!("this Parquet file is not a trace: {what} in its metadata"), help)
    })
}

/// The columns of a trace that the file has.
fn columns(schema: &ArrowSchema) -> Result<Vec<Name>, InputError> {
    for required in ["function", "t"] {
        if !schema.contains(required) {
            return Err(InputError::new("the column is missing", AGAIN).field(required));
        }
    }
    Ok(COLUMNS.into_iter().filter(|name| schema.contains(name.as_str())).collect())
}

fn wanted(columns: &[Name]) -> Vec<String> {
    ["function", "t"].into_iter().chain(columns.iter().map(|name| name.as_str())).map(str::to_owned).collect()
}

/// Adds a frame's rows to their functions.
fn collect(
    frame: &DataFrame,
    columns: &[Name],
    interval: i64,
    functions: &mut BTreeMap<String, Rows>,
) -> Result<(), InputError> {
    let cast = |name: &str, dtype: &DataType| {
        let found = frame.column(name).map_err(|error| damaged(&error.to_string()))?;
        guard::decode(|| found.strict_cast(dtype)).map_err(|_| {
            let problem = format!("the column holds {}, not {dtype}", found.dtype());
            InputError::new(problem, AGAIN).field(name)
        })
    };
    let (names, times) = (cast("function", &DataType::String)?, cast("t", &DataType::Int64)?);
    let numbers: Vec<_> =
        columns.iter().map(|name| cast(name.as_str(), &DataType::Float64)).collect::<Result<_, _>>()?;
    let wrong = |error: PolarsError| damaged(&error.to_string());
    let (names, times) = (names.str().map_err(wrong)?, times.i64().map_err(wrong)?);
    let numbers: Vec<_> = numbers.iter().map(|column| column.f64()).collect::<Result<_, _>>().map_err(wrong)?;
    let mut numbers: Vec<_> = numbers.into_iter().map(ChunkedArray::iter).collect();
    let mut current: Option<(&str, &mut Rows)> = None;
    for (name, time) in names.iter().zip(times.iter()) {
        let name = name.ok_or_else(|| InputError::new("a row has no function", AGAIN).field("function"))?;
        let time = time.ok_or_else(|| InputError::new("a row has no time", AGAIN).field("t"))?;
        if current.as_ref().is_none_or(|(before, _)| *before != name) {
            if !functions.contains_key(name) {
                functions.insert(name.to_owned(), Rows::new(columns.len()));
            }
            current = functions.get_mut(name).map(|rows| (name, rows));
        }
        let Some((_, rows)) = &mut current else { continue };
        let values = numbers.iter_mut().map(|values| values.next().flatten().unwrap_or(f64::NAN));
        rows.push(time, interval, values);
    }
    Ok(())
}

fn series(function: String, rows: Rows, columns: &[Name], interval: i64) -> Result<Series, InputError> {
    let (start_ms, values) = rows.into_columns(interval).map_err(|irregular| {
        let problem = match irregular {
            Irregular::Twice(time) => format!("two rows have t = {time}"),
            Irregular::Between(time) => format!("t = {time} lies between two slots of {interval} ms"),
            Irregular::TooLong(first, end) => format!("{first} to {end} ms are too many slots of {interval} ms"),
        };
        InputError::new(problem, AGAIN).field(function.clone())
    })?;
    let mut series = Series { function, start_ms, ..Series::default() };
    for (name, values) in columns.iter().zip(values) {
        // A file has one set of columns; a function that has nothing in one of them does not have that column.
        *series.column_mut(*name) = values.iter().any(|value| !value.is_nan()).then_some(values);
    }
    Ok(series)
}
