//! `spec.metrics`.

use super::Errors;
use super::names::{label, path_segment, quoted, reference};
use crate::hpa::api::{
    ContainerResourceSource, MetricIdentifier, MetricSpec, MetricTarget, NamedSource, ObjectSource, Quantity,
    ResourceSource,
};

const TYPES: [&str; 5] = ["ContainerResource", "External", "Object", "Pods", "Resource"];

/// A type, the member that belongs to it, and no other member.
pub(super) fn metric(errors: &mut Errors, path: &str, metric: &MetricSpec) {
    if metric.kind.is_empty() {
        errors.required(format!("{path}.type"), "must specify a metric source type");
    }
    if !TYPES.contains(&metric.kind.as_str()) {
        errors.not_supported(format!("{path}.type"), &metric.kind, &TYPES);
    }
    first_member(errors, path, metric);
    let members = [
        ("Object", "object", metric.object.is_some()),
        ("External", "external", metric.external.is_some()),
        ("Pods", "pods", metric.pods.is_some()),
        ("Resource", "resource", metric.resource.is_some()),
        ("ContainerResource", "containerResource", metric.container_resource.is_some()),
    ];
    for (kind, member, present) in members {
        if kind == metric.kind && !present {
            errors.required(format!("{path}.{member}"), "must populate information for the given metric source");
        }
    }
    if members.iter().filter(|(_, _, present)| *present).count() > 1 {
        for (_, member, _) in members.iter().filter(|(kind, _, present)| *present && *kind != metric.kind) {
            errors.forbidden(format!("{path}.{member}"), "must populate the given metric source only");
        }
    }
}

/// Upstream looks into the first member that is there, whatever the type says.
fn first_member(errors: &mut Errors, path: &str, metric: &MetricSpec) {
    if let Some(source) = &metric.object {
        object(errors, &format!("{path}.object"), source);
    } else if let Some(source) = &metric.external {
        external(errors, &format!("{path}.external"), source);
    } else if let Some(source) = &metric.pods {
        pods(errors, &format!("{path}.pods"), source);
    } else if let Some(source) = &metric.resource {
        resource(errors, &format!("{path}.resource"), source);
    } else if let Some(source) = &metric.container_resource {
        container_resource(errors, &format!("{path}.containerResource"), source);
    }
}

fn object(errors: &mut Errors, path: &str, source: &ObjectSource) {
    reference(errors, &format!("{path}.describedObject"), &source.described_object);
    identifier(errors, path, &source.metric);
    target(errors, path, &source.target);
    if source.target.value.is_none() && source.target.average_value.is_none() {
        let detail = "must set either a target value or averageValue";
        errors.required(format!("{path}.target.averageValue"), detail);
    }
}

fn external(errors: &mut Errors, path: &str, source: &NamedSource) {
    identifier(errors, path, &source.metric);
    target(errors, path, &source.target);
    match (&source.target.value, &source.target.average_value) {
        (None, None) => {
            let detail = "must set either a target value for metric or a per-pod target";
            errors.required(format!("{path}.target.averageValue"), detail);
        }
        (Some(_), Some(_)) => {
            let detail = "may not set both a target value for metric and a per-pod target";
            errors.forbidden(format!("{path}.target.value"), detail);
        }
        _ => {}
    }
}

fn pods(errors: &mut Errors, path: &str, source: &NamedSource) {
    identifier(errors, path, &source.metric);
    target(errors, path, &source.target);
    if source.target.average_value.is_none() {
        errors.required(format!("{path}.target.averageValue"), "must specify a positive target averageValue");
    }
}

fn resource(errors: &mut Errors, path: &str, source: &ResourceSource) {
    if source.name.is_empty() {
        errors.required(format!("{path}.name"), "must specify a resource name");
    }
    resource_target(errors, path, &source.target);
}

fn container_resource(errors: &mut Errors, path: &str, source: &ContainerResourceSource) {
    if source.name.is_empty() {
        errors.required(format!("{path}.name"), "must specify a resource name");
    } else if !is_container_resource(&source.name) {
        errors.invalid(format!("{path}.name"), quoted(&source.name), "must be a standard resource for containers");
    }
    if source.container.is_empty() {
        errors.required(format!("{path}.container"), "must specify a container");
    } else {
        label(errors, format!("{path}.container"), &source.container);
    }
    resource_target(errors, path, &source.target);
}

/// A resource that Kubernetes knows, or one of an extension with its domain.
fn is_container_resource(name: &str) -> bool {
    let known = matches!(name, "cpu" | "memory" | "ephemeral-storage") || name.starts_with("hugepages-");
    known || name.split_once('/').is_some_and(|(domain, name)| !domain.is_empty() && !name.is_empty())
}

fn resource_target(errors: &mut Errors, path: &str, given: &MetricTarget) {
    target(errors, path, given);
    match (given.average_utilization, &given.average_value) {
        (None, None) => {
            let detail = "must set either a target raw value or a target utilization";
            errors.required(format!("{path}.target.averageUtilization"), detail);
        }
        (Some(_), Some(_)) => {
            let detail = "may not set both a target raw value and a target utilization";
            errors.forbidden(format!("{path}.target.averageValue"), detail);
        }
        _ => {}
    }
}

fn identifier(errors: &mut Errors, path: &str, metric: &MetricIdentifier) {
    let field = format!("{path}.metric.name");
    if metric.name.is_empty() {
        errors.required(field, "must specify a metric name");
    } else {
        path_segment(errors, &field, &metric.name);
    }
}

fn target(errors: &mut Errors, path: &str, target: &MetricTarget) {
    let path = format!("{path}.target");
    if target.kind.is_empty() {
        errors.required(format!("{path}.type"), "must specify a metric target type");
    }
    if !matches!(target.kind.as_str(), "Utilization" | "Value" | "AverageValue") {
        let detail = "must be either Utilization, Value, or AverageValue";
        errors.invalid(format!("{path}.type"), quoted(&target.kind), detail);
    }
    positive(errors, format!("{path}.value"), target.value.as_ref());
    positive(errors, format!("{path}.averageValue"), target.average_value.as_ref());
    if let Some(percent) = target.average_utilization.filter(|percent| *percent < 1) {
        errors.invalid(format!("{path}.averageUtilization"), percent.to_string(), "must be greater than 0");
    }
}

fn positive(errors: &mut Errors, field: String, quantity: Option<&Quantity>) {
    if let Some(quantity) = quantity.filter(|quantity| quantity.milli() <= 0) {
        errors.invalid(field, quoted(quantity.as_str()), "must be positive");
    }
}
