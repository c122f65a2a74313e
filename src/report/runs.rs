//! Runs as CSV, one a row, with the dotted keys of their JSON as the head.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde_json::Value;

use crate::eval::runner::Row;

/// Writes every run. A key that only some runs have is an empty cell of the others.
///
/// # Errors
/// What `out` returns.
pub fn csv(rows: &[Row], out: &mut dyn Write) -> io::Result<()> {
    let mut writer = csv::Writer::from_writer(out);
    let (mut head, mut all): (Vec<String>, Vec<BTreeMap<String, String>>) = Default::default();
    for row in rows {
        let mut cells = Vec::new();
        flatten("", &serde_json::to_value(row)?, &mut cells);
        head.extend(
            cells.iter().filter(|(key, _)| !head.contains(key)).map(|(key, _)| key.clone()).collect::<Vec<_>>(),
        );
        all.push(cells.into_iter().collect());
    }
    if !head.is_empty() {
        writer.write_record(&head)?;
    }
    for cells in &all {
        writer.write_record(head.iter().map(|key| cells.get(key).map_or("", String::as_str)))?;
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
