//! Defaulting and validation on create.

use std::collections::BTreeSet;
use std::fmt::Write;

use hpatune::hpa::Flags;
use hpatune::hpa::api::{HorizontalPodAutoscaler, HorizontalPodAutoscalerSpec, Quantity};
use serde::Deserialize;
use serde_json::Value;

use super::record::FeatureGates;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Case {
    id: String,
    #[serde(default)]
    feature_gates: FeatureGates,
    hpa: HorizontalPodAutoscaler,
    expected: Verdict,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Verdict {
    valid: bool,
    #[serde(default)]
    errors: Vec<FieldError>,
    defaulted_spec: HorizontalPodAutoscalerSpec,
}

#[derive(Deserialize)]
struct FieldError {
    #[serde(rename = "type")]
    class: String,
    field: String,
    #[serde(default)]
    detail: String,
}

/// What differs, if anything.
pub(crate) fn check(case: &Case) -> Option<String> {
    let flags = Flags { scale_to_zero: case.feature_gates.scale_to_zero, ..Flags::default() };
    let errors = case.hpa.validate(&flags);
    let found: BTreeSet<_> = errors
        .iter()
        .map(|error| (error.class.as_str().to_owned(), error.field.clone(), error.detail.clone()))
        .collect();
    let wanted: BTreeSet<_> = case
        .expected
        .errors
        .iter()
        .map(|error| (error.class.clone(), error.field.clone(), error.detail.clone()))
        .collect();
    let keys = |set: &BTreeSet<(String, String, String)>| -> BTreeSet<(String, String)> {
        set.iter().map(|(class, field, _)| (class.clone(), field.clone())).collect()
    };
    let mut text = String::new();
    if keys(&found) != keys(&wanted) || errors.is_empty() != case.expected.valid {
        writeln!(text, "    expected {wanted:?}\n    found    {found:?}").unwrap();
    }
    let (wanted, found) = (stored(&case.expected.defaulted_spec), stored(&case.hpa.defaulted().spec));
    if wanted != found {
        writeln!(text, "    expected {wanted}\n    found    {found}").unwrap();
    }
    (!text.is_empty()).then(|| format!("{}\n{text}", case.id))
}

/// The spec as the API server stores it: quantities in their canonical form, and an empty list as an absent one.
fn stored(spec: &HorizontalPodAutoscalerSpec) -> Value {
    let mut value = serde_json::to_value(spec).unwrap();
    canonicalize(&mut value);
    value
}

fn canonicalize(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|_, member| member != &Value::Array(Vec::new()));
            for (key, member) in map.iter_mut() {
                match member {
                    Value::String(text) if matches!(key.as_str(), "value" | "averageValue" | "tolerance") => {
                        *text = Quantity::parse(text).unwrap().canonical().to_string();
                    }
                    _ => canonicalize(member),
                }
            }
        }
        Value::Array(list) => list.iter_mut().for_each(canonicalize),
        _ => {}
    }
}
