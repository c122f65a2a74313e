//! Names, references and path segments.

use super::Errors;
use crate::hpa::api::CrossVersionObjectReference;

const SUBDOMAIN: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or \
    '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is \
    '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const LABEL: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must \
    start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is \
    '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";

/// A DNS-1123 subdomain of up to 253 characters.
pub(super) fn object_name(errors: &mut Errors, field: &str, name: &str) {
    if name.is_empty() {
        errors.required(field, "name or generateName is required");
        return;
    }
    if name.len() > 253 {
        errors.invalid(field, quoted(name), "must be no more than 253 characters");
    }
    if !name.split('.').all(is_label) {
        errors.invalid(field, quoted(name), SUBDOMAIN);
    }
}

/// A DNS-1123 label of up to 63 characters.
pub(super) fn label(errors: &mut Errors, field: String, name: &str) {
    if name.len() > 63 {
        errors.invalid(field.clone(), quoted(name), "must be no more than 63 characters");
    }
    if !is_label(name) {
        errors.invalid(field, quoted(name), LABEL);
    }
}

fn is_label(text: &str) -> bool {
    let alphanumeric = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let ends = |end: Option<u8>| end.is_some_and(alphanumeric);
    ends(text.bytes().next()) && ends(text.bytes().last()) && text.bytes().all(|b| alphanumeric(b) || b == b'-')
}

/// Kind and name of a reference, and an `apiVersion` that parses.
pub(super) fn reference(errors: &mut Errors, path: &str, object: &CrossVersionObjectReference) {
    for (field, text) in [("kind", &object.kind), ("name", &object.name)] {
        let field = format!("{path}.{field}");
        if text.is_empty() {
            errors.required(field, "");
        } else {
            path_segment(errors, &field, text);
        }
    }
    let version = object.api_version.as_deref().unwrap_or_default();
    if version.matches('/').count() > 1 {
        let detail = format!("unexpected GroupVersion string: {version}");
        errors.invalid(format!("{path}.apiVersion"), quoted(version), &detail);
    }
}

/// One error for each thing that keeps the text from being a segment of a URL's path.
pub(super) fn path_segment(errors: &mut Errors, field: &str, text: &str) {
    if matches!(text, "." | "..") {
        errors.invalid(field, quoted(text), &format!("may not be '{text}'"));
        return;
    }
    for character in ['/', '%'] {
        if text.contains(character) {
            errors.invalid(field, quoted(text), &format!("may not contain '{character}'"));
        }
    }
}

pub(super) fn quoted(text: &str) -> String {
    format!("{text:?}")
}
