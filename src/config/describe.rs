//! The file as documentation: its JSON schema, and a commented file of defaults made from it.

use std::fmt::Write as _;

use schemars::Schema;
use serde_json::Value;

use super::Experiment;

/// The JSON schema of the file, pretty-printed.
#[must_use]
pub fn schema() -> String {
    let schema = schemars::schema_for!(Experiment);
    serde_json::to_string_pretty(&schema).expect("a schema is JSON") + "\n"
}

/// A file with every table and default, each key under its description. Keys without a default stand as comments.
#[must_use]
pub fn default_toml() -> String {
    let schema = schemars::schema_for!(Experiment);
    let defaults = toml::Table::try_from(Experiment::default()).expect("an experiment is plain tables");
    let mut out = String::from("# Every key of an experiment file, with its default. All are optional.\n");
    write_table(&mut out, &schema, schema.as_value(), &defaults, "");
    out
}

fn resolve<'a>(root: &'a Schema, mut node: &'a Value) -> &'a Value {
    loop {
        let reference = node.get("$ref").or_else(|| node.get("allOf").and_then(|all| all.get(0)?.get("$ref")));
        let option = node.get("anyOf").and_then(|any| any.as_array()?.iter().find(|one| one.get("$ref").is_some()));
        if let Some(name) = reference.and_then(Value::as_str).and_then(|path| path.strip_prefix("#/$defs/")) {
            node = &root.as_value()["$defs"][name];
        } else if let Some(inner) = option {
            node = inner;
        } else {
            return node;
        }
    }
}

fn write_table(out: &mut String, root: &Schema, node: &Value, defaults: &toml::Table, path: &str) {
    let Some(properties) = resolve(root, node).get("properties").and_then(Value::as_object) else { return };
    let mut tables = Vec::new();
    for (key, property) in properties {
        let is_table = resolve(root, property).get("properties").is_some();
        if is_table {
            tables.push((key, property));
            continue;
        }
        write_comment(out, property);
        match defaults.get(key) {
            Some(value) => writeln!(out, "{key} = {value}"),
            None => writeln!(out, "# {key} ="),
        }
        .expect("a string takes everything");
    }
    for (key, property) in tables {
        let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        let empty = toml::Table::new();
        let inner = defaults.get(key).and_then(toml::Value::as_table);
        out.push('\n');
        write_comment(out, property);
        let mark = if inner.is_some() { "" } else { "# " };
        writeln!(out, "{mark}[{path}]").expect("a string takes everything");
        write_table(out, root, property, inner.unwrap_or(&empty), &path);
    }
}

fn write_comment(out: &mut String, property: &Value) {
    let Some(text) = property.get("description").and_then(Value::as_str) else { return };
    for line in text.lines() {
        out.push_str(if line.is_empty() { "#" } else { "# " });
        out.push_str(line);
        out.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_commented_defaults_are_the_defaults() {
        let parsed = Experiment::parse(&default_toml(), Path::new("default.toml")).unwrap();
        assert_eq!(parsed, Experiment::default());
    }
}
