//! Runs of a comparison as Parquet, a row a run.

use std::io::{self, Write};

use polars::prelude::*;

use crate::eval::flat::Cells;

/// Writes columns of equal length. The same columns give the same bytes.
///
/// # Errors
/// What the writer beneath says.
pub fn write(columns: &[(String, Cells)], out: &mut dyn Write) -> io::Result<()> {
    let column = |(name, cells): &(String, Cells)| match cells {
        Cells::Text(cells) => Column::new(name.as_str().into(), cells.as_slice()),
        Cells::Number(cells) => Column::new(name.as_str().into(), cells.as_slice()),
    };
    let height = columns.first().map_or(0, |(_, cells)| match cells {
        Cells::Text(cells) => cells.len(),
        Cells::Number(cells) => cells.len(),
    });
    let mut frame = DataFrame::new(height, columns.iter().map(column).collect()).map_err(io::Error::other)?;
    // Through memory: the encoder takes no borrowed writer, and a comparison's runs are few.
    let mut bytes = Vec::new();
    let writer = ParquetWriter::new(&mut bytes).with_compression(ParquetCompression::Zstd(None)).set_parallel(false);
    writer.finish(&mut frame).map_err(io::Error::other)?;
    out.write_all(&bytes)
}
