//! A YAML document as a tree in which every key and value knows its line and column.
//!
//! Kubernetes' errors name a field path; with this tree they can name the place too. YAML 1.1's booleans (`no`, `on`)
//! are booleans here, as they are to kubectl. Duplicate keys, cyclic or deep documents are refused.

use std::fmt;
use std::path::Path;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Number;
#[cfg(test)]
use serde_json::Value;
use serde_saphyr::{Location, Spanned};

use crate::error::{InputError, Place};

/// Nesting beyond which a document is refused; an HPA has 7 levels, a Deployment about 15.
const MAX_DEPTH: usize = 100;

/// Line and column, from 1; 0 when the reader does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct At {
    line: usize,
    column: usize,
}

impl At {
    /// The same spot in `path`.
    pub(super) fn place(self, path: &Path) -> Place {
        if self.line == 0 { Place::file(path) } else { Place::column(path, self.line, self.column) }
    }
}

impl From<Location> for At {
    fn from(location: Location) -> Self {
        Self { line: location.line() as usize, column: location.column() as usize }
    }
}

/// A value and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node {
    pub(super) at: At,
    pub(super) kind: Kind,
}

/// What a value is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// A key, where it stands, and its value.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    pub(super) at: At,
    pub(super) key: String,
    pub(super) value: Node,
}

/// Reads every document of `text`, empty ones left out. `path` is for messages.
pub(super) fn parse(text: &[u8], path: &Path) -> Result<Vec<Node>, InputError> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! { max_depth: MAX_DEPTH },
        with_snippet: false,
    };
    let nodes: Vec<Node> =
        serde_saphyr::from_slice_multiple_with_options(text, options).map_err(|error| syntax(&error, path))?;
    Ok(nodes.into_iter().filter(|node| node.kind != Kind::Null).collect())
}

fn syntax(error: &serde_saphyr::Error, path: &Path) -> InputError {
    let formatter = serde_saphyr::UserMessageFormatter;
    let options = serde_saphyr::render_options! { formatter: &formatter, snippets: serde_saphyr::SnippetMode::Off };
    let message = error.render_with_options(options);
    let place = error.location().map_or_else(|| Place::file(path), |location| At::from(location).place(path));
    let message = message.lines().next().unwrap_or_default().trim_end_matches('.').to_owned();
    InputError::new(format!("not a YAML document: {message}"), "correct the YAML; JSON is accepted too").at(place)
}

impl Node {
    /// The value of `key`, when this is a map that has it.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        let Kind::Map(entries) = &self.kind else { return None };
        entries.iter().find(|entry| entry.key == key).map(|entry| &entry.value)
    }

    /// The string at a dotted path of keys.
    pub(super) fn text(&self, path: &str) -> Option<&str> {
        let node = path.split('.').try_fold(self, Self::get)?;
        if let Kind::Text(text) = &node.kind { Some(text) } else { None }
    }

    /// Where the field at a Kubernetes field path such as `spec.metrics[0].resource` stands, or the innermost part of
    /// it that is there.
    pub(super) fn locate(&self, path: &str) -> At {
        let (mut node, mut at) = (self, self.at);
        for step in steps(path) {
            let next = match (&node.kind, step.parse::<usize>()) {
                (Kind::List(items), Ok(index)) => items.get(index).map(|item| (item, item.at)),
                (Kind::Map(entries), _) => {
                    entries.iter().find(|entry| entry.key == step).map(|entry| (&entry.value, entry.at))
                }
                _ => None,
            };
            let Some(found) = next else { break };
            (node, at) = found;
        }
        at
    }

    /// The same value without places.
    #[cfg(test)]
    pub(super) fn json(&self) -> Value {
        match &self.kind {
            Kind::Null => Value::Null,
            Kind::Bool(flag) => Value::Bool(*flag),
            Kind::Number(number) => Value::Number(number.clone()),
            Kind::Text(text) => Value::String(text.clone()),
            Kind::List(items) => Value::Array(items.iter().map(Self::json).collect()),
            Kind::Map(entries) => {
                Value::Object(entries.iter().map(|entry| (entry.key.clone(), entry.value.json())).collect())
            }
        }
    }
}

/// The keys and indices of a field path; a key in brackets may contain dots.
fn steps(path: &str) -> Vec<&str> {
    let mut steps = Vec::new();
    let mut rest = path;
    while !rest.is_empty() {
        rest = rest.strip_prefix('.').unwrap_or(rest);
        let (step, after) = match rest.strip_prefix('[').and_then(|inner| inner.split_once(']')) {
            Some(parts) => parts,
            None => rest.split_at(rest.find(['.', '[']).filter(|&end| end > 0).unwrap_or(rest.len())),
        };
        steps.push(step);
        rest = after;
    }
    steps
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<Kind>::deserialize(deserializer)?;
        Ok(Self { at: spanned.referenced.into(), kind: spanned.value })
    }
}

impl<'de> Deserialize<'de> for Kind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(KindVisitor)
    }
}

struct KindVisitor;

impl<'de> Visitor<'de> for KindVisitor {
    type Value = Kind;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_unit<E>(self) -> Result<Kind, E> {
        Ok(Kind::Null)
    }

    fn visit_none<E>(self) -> Result<Kind, E> {
        Ok(Kind::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Kind, E> {
        Ok(Kind::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Kind, E> {
        Ok(Kind::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Kind, E> {
        Ok(Kind::Number(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Kind, E> {
        Number::from_f64(value).map(Kind::Number).ok_or_else(|| E::custom("a number that is not finite"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Kind, E> {
        Ok(Kind::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Kind, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Kind::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Kind, A::Error> {
        let mut map = Vec::new();
        while let Some(key) = entries.next_key::<Spanned<String>>()? {
            map.push(Entry { at: key.referenced.into(), key: key.value, value: entries.next_value()? });
        }
        Ok(Kind::Map(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Node {
        parse(text.as_bytes(), Path::new("a.yaml")).unwrap().remove(0)
    }

    #[test]
    fn every_value_knows_its_line_and_column() {
        let node = one("spec:\n  metrics:\n  - type: Resource\n    resource: {name: cpu}\n");
        let place = |path: &str| node.locate(path).place(Path::new("a.yaml")).to_string();
        assert_eq!(place("spec.metrics[0].resource.name"), "a.yaml:4:16: ");
        assert_eq!(place("spec.metrics[0].type"), "a.yaml:3:5: ");
        assert_eq!(place("spec.metrics[3].type"), "a.yaml:2:3: ", "the innermost part that is there");
        assert_eq!(place("spec.behavior"), "a.yaml:1:1: ");
        let labels = one("metadata:\n  annotations:\n    a.b/c: x\n");
        assert_eq!(labels.locate("metadata.annotations[a.b/c]").place(Path::new("a")).line, Some(3));
    }

    #[test]
    fn json_and_several_documents_are_yaml() {
        let nodes = parse(b"---\n{\"a\": [1, 2.5, true, null, \"x\"]}\n---\n---\nb: no\n", Path::new("-")).unwrap();
        assert_eq!(nodes[0].json(), serde_json::json!({"a": [1, 2.5, true, null, "x"]}));
        assert_eq!(nodes[1].json(), serde_json::json!({"b": false}), "as kubectl reads it");
        assert_eq!(nodes.len(), 2, "an empty document is none");
    }

    #[test]
    fn broken_yaml_names_the_place() {
        for text in ["a: [1, 2\nb: 3\n", "a: 1\na: 2\n", "a: *nowhere\n", "a: .nan\n", "a: \"\\xff"] {
            let error = parse(text.as_bytes(), Path::new("a.yaml")).unwrap_err();
            assert!(error.place.line.is_some(), "{text:?}: {error}");
            assert!(!error.to_string().contains('\n'), "{error}");
        }
        let deep = "[".repeat(100_000);
        assert!(parse(deep.as_bytes(), Path::new("a.yaml")).is_err());
        assert!(parse(&[0xff, 0xfe, 0x00], Path::new("a.yaml")).is_err());
    }
}
