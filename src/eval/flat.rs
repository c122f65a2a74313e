//! Runs as columns: one for every key of a run's JSON, by its dotted name.

use serde_json::Value;

use super::runner::Row;

/// The cells of a column, one a run.
#[derive(Debug, Clone, PartialEq)]
pub enum Cells {
    /// Words.
    Text(Vec<Option<String>>),
    /// Numbers; a truth value counts 1.
    Number(Vec<Option<f64>>),
}

/// The columns of runs, in the order in which their keys first come. A key that only some runs have is empty in the others.
#[must_use]
pub fn columns(rows: &[Row]) -> Vec<(String, Cells)> {
    let mut columns: Vec<(String, Cells)> = Vec::new();
    for (index, row) in rows.iter().enumerate() {
        flatten("", &serde_json::to_value(row).unwrap_or_default(), &mut |key, value| {
            let at = columns.iter().position(|(name, _)| *name == key).unwrap_or_else(|| {
                let empty = match value {
                    Value::String(_) => Cells::Text(vec![None; rows.len()]),
                    _ => Cells::Number(vec![None; rows.len()]),
                };
                columns.push((key, empty));
                columns.len() - 1
            });
            match &mut columns[at].1 {
                Cells::Text(cells) => cells[index] = value.as_str().map(str::to_owned),
                Cells::Number(cells) => {
                    cells[index] = value.as_f64().or_else(|| value.as_bool().map(|truth| f64::from(u8::from(truth))));
                }
            }
        });
    }
    columns
}

fn flatten(prefix: &str, value: &Value, out: &mut dyn FnMut(String, &Value)) {
    let Value::Object(fields) = value else { return out(prefix.to_owned(), value) };
    for (key, value) in fields {
        let key = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
        flatten(&key, value, out);
    }
}
