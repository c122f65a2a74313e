//! Runs as CSV, one a row, with the dotted keys of their JSON as the head.

use std::io::{self, Write};

use serde_json::Value;

use crate::eval::runner::Row;

/// Writes every run.
///
/// # Errors
/// What `out` returns.
pub fn csv(rows: &[Row], out: &mut dyn Write) -> io::Result<()> {
    let mut writer = csv::Writer::from_writer(out);
    for (at, row) in rows.iter().enumerate() {
        let mut cells = Vec::new();
        flatten("", &serde_json::to_value(row)?, &mut cells);
        if at == 0 {
            writer.write_record(cells.iter().map(|(key, _)| key))?;
        }
        writer.write_record(cells.iter().map(|(_, value)| value))?;
    }
    writer.flush()
}

fn flatten(prefix: &str, value: &Value, out: &mut Vec<(String, String)>) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                let key = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
                flatten(&key, value, out);
            }
        }
        Value::String(text) => out.push((prefix.to_owned(), text.clone())),
        Value::Null => out.push((prefix.to_owned(), String::new())),
        other => out.push((prefix.to_owned(), other.to_string())),
    }
}
