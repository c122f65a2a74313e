//! From a [`Node`] to a typed Kubernetes object, strictly: a wrong type or an unknown field is an error with its path and
//! place, as kubectl's `--validate=strict` makes it.

use std::cell::RefCell;
use std::fmt;
use std::path::Path;

use serde::de::{self, DeserializeOwned, DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;

use super::node::{At, Entry, Kind, Node};
use crate::error::InputError;

/// Decodes `node`. `path` is for messages.
pub(super) fn decode<T: DeserializeOwned>(node: &Node, path: &Path) -> Result<T, InputError> {
    let unknown = RefCell::new(None);
    let decoder = Decoder { node, at: node.at, field: String::new(), unknown: &unknown };
    let value = T::deserialize(decoder).map_err(|error| error.within(node, "").into_input(path))?;
    match unknown.into_inner() {
        None => Ok(value),
        Some((field, at)) => {
            let error = InputError::new("unknown field", "correct its name or its indentation, or take it out");
            Err(error.field(field).at(at.place(path)))
        }
    }
}

/// A type error, with the innermost field it arose in.
#[derive(Debug)]
struct Mistake {
    message: String,
    inside: Option<(String, At)>,
}

impl Mistake {
    fn within(mut self, node: &Node, field: &str) -> Self {
        self.inside.get_or_insert_with(|| (field.to_owned(), node.at));
        self
    }

    fn into_input(self, path: &Path) -> InputError {
        let (field, at) = self.inside.expect("the outermost value was given");
        let error = InputError::new(self.message, "see `kubectl explain` for the field's type").at(at.place(path));
        if field.is_empty() { error } else { error.field(field) }
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Mistake {}

impl de::Error for Mistake {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self { message: message.to_string(), inside: None }
    }
}

/// The first field that nobody asked for.
type Unknown = RefCell<Option<(String, At)>>;

struct Decoder<'a> {
    node: &'a Node,
    /// Where the value's key stands.
    at: At,
    field: String,
    unknown: &'a Unknown,
}

impl<'de> de::Deserializer<'de> for Decoder<'_> {
    type Error = Mistake;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        match &self.node.kind {
            Kind::Null => visitor.visit_unit(),
            Kind::Bool(flag) => visitor.visit_bool(*flag),
            Kind::Text(text) => visitor.visit_str(text),
            Kind::Number(number) => match (number.as_i64(), number.as_u64()) {
                (Some(value), _) => visitor.visit_i64(value),
                (None, Some(value)) => visitor.visit_u64(value),
                (None, None) => visitor.visit_f64(number.as_f64().unwrap_or(f64::NAN)),
            },
            Kind::List(items) => {
                visitor.visit_seq(Items { rest: items.iter().enumerate(), field: &self.field, unknown: self.unknown })
            }
            Kind::Map(entries) => visitor.visit_map(Entries {
                rest: entries.iter(),
                current: None,
                field: &self.field,
                unknown: self.unknown,
            }),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        if self.node.kind == Kind::Null { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Mistake> {
        visitor.visit_newtype_struct(self)
    }

    /// A type that ignores a field does not know it.
    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        self.unknown.borrow_mut().get_or_insert((self.field, self.at));
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct enum identifier
    }
}

struct Items<'a> {
    rest: std::iter::Enumerate<std::slice::Iter<'a, Node>>,
    field: &'a str,
    unknown: &'a Unknown,
}

impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = Mistake;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Mistake> {
        let Some((index, node)) = self.rest.next() else { return Ok(None) };
        let field = format!("{}[{index}]", self.field);
        let decoder = Decoder { node, at: node.at, field: field.clone(), unknown: self.unknown };
        seed.deserialize(decoder).map(Some).map_err(|error| error.within(node, &field))
    }
}

struct Entries<'a> {
    rest: std::slice::Iter<'a, Entry>,
    current: Option<&'a Entry>,
    field: &'a str,
    unknown: &'a Unknown,
}

impl Entries<'_> {
    fn child(&self, key: &str) -> String {
        match (self.field.is_empty(), key.contains('.')) {
            (true, _) => key.to_owned(),
            (false, false) => format!("{}.{key}", self.field),
            (false, true) => format!("{}[{key}]", self.field),
        }
    }
}

impl<'de> MapAccess<'de> for Entries<'_> {
    type Error = Mistake;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Mistake> {
        self.current = self.rest.next();
        let Some(entry) = self.current else { return Ok(None) };
        seed.deserialize(de::value::StrDeserializer::new(&entry.key)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Mistake> {
        let entry = self.current.expect("a key was read before its value");
        let field = self.child(&entry.key);
        let decoder = Decoder { node: &entry.value, at: entry.at, field: field.clone(), unknown: self.unknown };
        seed.deserialize(decoder).map_err(|error| error.within(&entry.value, &field))
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;

    use super::*;
    use crate::manifest::node;

    fn refusal(spec: &str) -> String {
        let text = format!("apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nspec:\n{spec}");
        let nodes = node::parse(text.as_bytes(), Path::new("hpa.yaml")).unwrap();
        decode::<HorizontalPodAutoscaler>(&nodes[0], Path::new("hpa.yaml")).unwrap_err().to_string()
    }

    #[test]
    fn an_unknown_field_is_refused_with_its_path_and_place() {
        assert_eq!(refusal("  minReplica: 2\n"), "hpa.yaml:4:3: `spec.minReplica`: unknown field");
        let nested = refusal("  metrics:\n  - type: Resource\n    resource:\n      name: cpu\n      targt:\n");
        assert_eq!(nested, "hpa.yaml:8:7: `spec.metrics[0].resource.targt`: unknown field");
    }

    #[test]
    fn a_wrong_type_is_refused_with_its_path_and_place() {
        let error = refusal("  maxReplicas: many\n");
        assert_eq!(error, "hpa.yaml:4:16: `spec.maxReplicas`: invalid type: string \"many\", expected i32");
        let error = refusal("  scaleTargetRef:\n    name: no\n");
        assert_eq!(
            error,
            "hpa.yaml:5:11: `spec.scaleTargetRef.name`: invalid type: boolean `false`, expected a string"
        );
        assert!(refusal("  metrics: 3\n").contains("4:12: `spec.metrics`"));
    }
}
