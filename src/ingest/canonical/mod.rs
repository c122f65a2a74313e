//! The canonical file: Parquet, one row per function and slot.
//!
//! Columns: `function` (string), `t` (64-bit integer, ms from the origin), and those of [`trace::COLUMNS`] that the
//! source had, as 64-bit floats; a null is a slot in which nothing was recorded. The writer puts functions in order of
//! name and their slots in order of time. The file's metadata says what [`Header`] says, under the keys below. The same
//! trace gives the same bytes.

mod read;
mod write;

pub use read::{read, read_bytes};
pub use write::{Writer, write};

use crate::trace::Header;

/// Key under which the length of a slot stands.
const INTERVAL: &str = "hpatune.interval_ms";
const ORIGIN: &str = "hpatune.origin_ms";
const SOURCE: &str = "hpatune.source";
const LICENCE: &str = "hpatune.licence";
const TOOL: &str = "hpatune.version";

/// A header as key-value pairs.
fn to_pairs(header: &Header) -> Vec<(String, String)> {
    let pair = |key: &str, value: String| Some((key.to_owned(), value));
    let pairs = [
        pair(INTERVAL, header.interval_ms.to_string()),
        header.origin_ms.and_then(|origin| pair(ORIGIN, origin.to_string())),
        pair(SOURCE, header.source.clone()),
        header.licence.clone().and_then(|licence| pair(LICENCE, licence)),
        pair(TOOL, header.tool.clone()),
    ];
    pairs.into_iter().flatten().collect()
}

/// A header from key-value pairs, or which key is missing or wrong.
fn from_pairs(value: impl Fn(&str) -> Option<String>) -> Result<Header, String> {
    let number = |key: &str, text: String| text.parse::<i64>().map_err(|_| format!("{key} = `{text}`"));
    let interval = value(INTERVAL).ok_or_else(|| format!("no {INTERVAL}"))?;
    let interval_ms = number(INTERVAL, interval.clone())?;
    if interval_ms <= 0 {
        return Err(format!("{INTERVAL} = `{interval}`"));
    }
    Ok(Header {
        interval_ms,
        origin_ms: value(ORIGIN).map(|text| number(ORIGIN, text)).transpose()?,
        source: value(SOURCE).unwrap_or_else(|| "unknown".to_owned()),
        licence: value(LICENCE),
        tool: value(TOOL).unwrap_or_else(|| "unknown".to_owned()),
    })
}

#[cfg(test)]
mod tests;
