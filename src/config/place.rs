//! From a field's dotted name, or a parser's byte offset, to the line and column a user can go to.

use std::path::Path;

use toml::de::{DeTable, DeValue};

use crate::error::{InputError, Place};

/// The place of a byte offset.
pub(super) fn offset(offset: usize, text: &str, path: &Path) -> Place {
    let before = &text.as_bytes()[..offset.min(text.len())];
    let line = before.iter().filter(|&&byte| byte == b'\n').count() + 1;
    let start = before.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
    let column = String::from_utf8_lossy(&before[start..]).chars().count() + 1;
    Place::column(path, line, column)
}

/// The place of a dotted field, or of the innermost table of it that is there; else the file.
pub(super) fn of(field: &str, text: &str, path: &Path) -> Place {
    let Ok(document) = DeTable::parse(text) else { return Place::file(path) };
    let mut table = document.get_ref();
    let mut found = None;
    for key in field.split('.') {
        let Some((_, value)) = table.get_key_value(key) else { break };
        found = Some(value.span().start);
        match value.get_ref() {
            DeValue::Table(inner) => table = inner,
            _ => break,
        }
    }
    found.map_or_else(|| Place::file(path), |at| offset(at, text, path))
}

/// What the TOML reader says, in our words.
pub(super) fn syntax(error: &toml::de::Error, text: &str, path: &Path) -> InputError {
    let place = error.span().map_or_else(|| Place::file(path), |span| offset(span.start, text, path));
    let message = error.message().trim_end_matches('.').to_owned();
    let help = if message.starts_with("unknown field") {
        "correct the key, or run `hpatune config default` to see every key"
    } else {
        "`hpatune config default` prints a file that is right"
    };
    InputError::new(message, help).at(place)
}
