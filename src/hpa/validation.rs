//! Validation on create, as the API server's `ValidateHorizontalPodAutoscaler` does it, on the defaulted object.
//!
//! The type of a target is not checked against the field that is set: upstream does not either.

mod behavior;
mod metrics;
mod names;

use std::fmt;

use super::api::{CrossVersionObjectReference, HorizontalPodAutoscaler};
use super::spec::Flags;

/// The class of a validation error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ErrorClass {
    /// A field that must be there is not.
    Required,
    /// A value is malformed or out of range.
    Invalid,
    /// A value is none of those allowed.
    NotSupported,
    /// A field must not be there.
    Forbidden,
}

impl ErrorClass {
    /// `field.ErrorType` of apimachinery.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Required => "FieldValueRequired",
            Self::Invalid => "FieldValueInvalid",
            Self::NotSupported => "FieldValueNotSupported",
            Self::Forbidden => "FieldValueForbidden",
        }
    }
}

impl fmt::Display for ErrorClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Required => "Required value",
            Self::Invalid => "Invalid value",
            Self::NotSupported => "Unsupported value",
            Self::Forbidden => "Forbidden",
        })
    }
}

/// One thing the API server refuses, printed in its words:
///
/// ```text
/// spec.maxReplicas: Invalid value: 0: must be greater than 0
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct FieldError {
    /// Its class.
    pub class: ErrorClass,
    /// Path of the field, such as `spec.metrics[0].resource.name`.
    pub field: String,
    /// What was found, for classes that say so.
    pub value: Option<String>,
    /// What is wrong with it. May be empty.
    pub detail: String,
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.class)?;
        if let Some(value) = &self.value {
            write!(f, ": {value}")?;
        }
        if self.detail.is_empty() { Ok(()) } else { write!(f, ": {}", self.detail) }
    }
}

/// Collects errors.
#[derive(Debug, Default)]
struct Errors(Vec<FieldError>);

impl Errors {
    fn required(&mut self, field: impl Into<String>, detail: &str) {
        self.push(ErrorClass::Required, field.into(), None, detail);
    }

    fn forbidden(&mut self, field: impl Into<String>, detail: &str) {
        self.push(ErrorClass::Forbidden, field.into(), None, detail);
    }

    /// Strings are quoted in messages, numbers are not: `value` comes ready made.
    fn invalid(&mut self, field: impl Into<String>, value: String, detail: &str) {
        self.push(ErrorClass::Invalid, field.into(), Some(value), detail);
    }

    fn not_supported(&mut self, field: impl Into<String>, value: &str, supported: &[&str]) {
        let list: Vec<String> = supported.iter().map(|word| format!("\"{word}\"")).collect();
        let detail = format!("supported values: {}", list.join(", "));
        self.push(ErrorClass::NotSupported, field.into(), Some(format!("\"{value}\"")), &detail);
    }

    fn push(&mut self, class: ErrorClass, field: String, value: Option<String>, detail: &str) {
        self.0.push(FieldError { class, field, value, detail: detail.into() });
    }
}

impl HorizontalPodAutoscaler {
    /// Everything the API server refuses on create, after defaulting; empty when the object is valid. Of the flags it
    /// takes the feature gate `HPAScaleToZero`.
    #[must_use]
    pub fn validate(&self, flags: &Flags) -> Vec<FieldError> {
        let mut errors = Errors::default();
        let full = self.spec.defaulted();
        names::object_name(&mut errors, "metadata.name", &self.metadata.name);
        target_reference(&mut errors, &full.scale_target_ref);
        bounds(&mut errors, full.min_replicas.unwrap_or(1), full.max_replicas, flags);
        let metrics = full.metrics.unwrap_or_default();
        for (index, metric) in metrics.iter().enumerate() {
            metrics::metric(&mut errors, &format!("spec.metrics[{index}]"), metric);
        }
        let can_leave_zero = metrics.iter().any(|metric| matches!(metric.kind.as_str(), "Object" | "External"));
        if full.min_replicas == Some(0) && !can_leave_zero {
            let detail = "must specify at least one Object or External metric to support scaling to zero replicas";
            errors.forbidden("spec.metrics", detail);
        }
        if let Some(behavior) = &full.behavior {
            behavior::behavior(&mut errors, behavior);
        }
        errors.0
    }
}

fn bounds(errors: &mut Errors, min: i32, max: i32, flags: &Flags) {
    let least = i32::from(!flags.scale_to_zero);
    if min < least {
        let detail = format!("must be greater than or equal to {least}");
        errors.invalid("spec.minReplicas", min.to_string(), &detail);
    }
    if max < 1 {
        errors.invalid("spec.maxReplicas", max.to_string(), "must be greater than 0");
    }
    if max < min {
        errors.invalid("spec.maxReplicas", max.to_string(), "must be greater than or equal to `minReplicas`");
    }
}

/// The target's API must have a group, except that of the old `ReplicationController`.
fn target_reference(errors: &mut Errors, target: &CrossVersionObjectReference) {
    let path = "spec.scaleTargetRef";
    names::reference(errors, path, target);
    let version = target.api_version.as_deref().unwrap_or_default();
    let group = version.split_once('/').map_or("", |(group, _)| group);
    if group.is_empty() && target.kind != "ReplicationController" {
        errors.invalid(format!("{path}.apiVersion"), format!("\"{version}\""), "apiVersion must specify API group");
    }
}
