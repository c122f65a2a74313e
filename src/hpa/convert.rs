//! From the API object to the controller's [`Spec`], and back.

use std::time::Duration;

use super::api::{
    self, CrossVersionObjectReference, HorizontalPodAutoscaler, MetricIdentifier, MetricSpec, MetricTarget, Quantity,
};
use super::spec::{
    Behavior, Metric, Policy, PolicyKind, Reference, Resource, ScalingRules, SelectPolicy, Source, Spec, Target,
};

impl HorizontalPodAutoscaler {
    /// What the controller makes of the object, defaulted first.
    ///
    /// It takes objects that [`validate`](Self::validate) refuses, as the controller would: a metric without a usable
    /// target fails at every sync.
    #[must_use]
    pub fn spec(&self) -> Spec {
        self.spec.spec()
    }

    /// An object of that name for that target, with everything the spec says.
    #[must_use]
    pub fn of(name: &str, target: CrossVersionObjectReference, spec: &Spec) -> Self {
        let metadata = api::ObjectMeta { name: name.into(), ..api::ObjectMeta::default() };
        let empty = api::HorizontalPodAutoscalerSpec { scale_target_ref: target, ..Default::default() };
        let (api_version, kind) = ("autoscaling/v2".into(), "HorizontalPodAutoscaler".into());
        Self { api_version, kind, metadata, spec: empty }.with_spec(spec)
    }

    /// The same object told to do what the spec says. Selectors of metrics stay where the metric does.
    #[must_use]
    pub fn with_spec(&self, spec: &Spec) -> Self {
        let old = self.spec.metrics.as_deref().unwrap_or_default();
        let metrics = spec.metrics.iter().enumerate().map(|(index, metric)| metric_spec(metric, old.get(index)));
        let spec = api::HorizontalPodAutoscalerSpec {
            scale_target_ref: self.spec.scale_target_ref.clone(),
            min_replicas: Some(spec.min_replicas),
            max_replicas: spec.max_replicas,
            metrics: Some(metrics.collect()),
            behavior: spec.behavior.as_ref().map(|behavior| api::Behavior {
                scale_up: Some(api_rules(&behavior.scale_up)),
                scale_down: Some(api_rules(&behavior.scale_down)),
            }),
        };
        Self { spec, ..self.clone() }
    }
}

impl api::HorizontalPodAutoscalerSpec {
    /// As [`HorizontalPodAutoscaler::spec`].
    #[must_use]
    pub fn spec(&self) -> Spec {
        let full = self.defaulted();
        Spec {
            min_replicas: full.min_replicas.unwrap_or(1),
            max_replicas: full.max_replicas,
            metrics: full.metrics.iter().flatten().map(metric).collect(),
            behavior: full.behavior.as_ref().map(|behavior| Behavior {
                scale_up: rules(behavior.scale_up.as_ref()),
                scale_down: rules(behavior.scale_down.as_ref()),
            }),
        }
    }
}

fn metric(spec: &MetricSpec) -> Metric {
    let found = match spec.kind.as_str() {
        "Resource" => spec.resource.as_ref().and_then(|source| {
            Some(Metric::Resource { resource: resource(&source.name)?, target: per_pod(&source.target)? })
        }),
        "ContainerResource" => spec.container_resource.as_ref().and_then(|source| {
            let (resource, target) = (resource(&source.name)?, per_pod(&source.target)?);
            Some(Metric::ContainerResource { container: source.container.clone(), resource, target })
        }),
        "Pods" => spec.pods.as_ref().and_then(|source| {
            let target = Target::AverageValue(source.target.average_value.as_ref()?.milli());
            Some(Metric::Pods { name: source.metric.name.clone(), target })
        }),
        "Object" => spec.object.as_ref().and_then(|source| {
            let target = by_type(&source.target)?;
            let object = reference(&source.described_object);
            Some(Metric::Object { name: source.metric.name.clone(), object, target })
        }),
        "External" => spec.external.as_ref().and_then(|source| {
            Some(Metric::External { name: source.metric.name.clone(), target: average_first(&source.target)? })
        }),
        _ => None,
    };
    found.unwrap_or_else(|| unavailable(spec))
}

fn unavailable(spec: &MetricSpec) -> Metric {
    let (source, name) = match spec.kind.as_str() {
        "Resource" => (Some(Source::Resource), spec.resource.as_ref().map(|source| &source.name)),
        "ContainerResource" => {
            (Some(Source::ContainerResource), spec.container_resource.as_ref().map(|source| &source.name))
        }
        "Pods" => (Some(Source::Pods), spec.pods.as_ref().map(|source| &source.metric.name)),
        "Object" => (Some(Source::Object), spec.object.as_ref().map(|source| &source.metric.name)),
        "External" => (Some(Source::External), spec.external.as_ref().map(|source| &source.metric.name)),
        _ => (None, None),
    };
    Metric::Unavailable { source, name: name.unwrap_or(&spec.kind).clone() }
}

fn resource(name: &str) -> Option<Resource> {
    [Resource::Cpu, Resource::Memory].into_iter().find(|resource| resource.name() == name)
}

/// Resources: an average value goes before a utilisation.
fn per_pod(target: &MetricTarget) -> Option<Target> {
    let average = target.average_value.as_ref().map(|value| Target::AverageValue(value.milli()));
    average.or(target.average_utilization.map(Target::Utilization))
}

/// External metrics: an average value goes before a value.
fn average_first(target: &MetricTarget) -> Option<Target> {
    let average = target.average_value.as_ref().map(|value| Target::AverageValue(value.milli()));
    average.or_else(|| target.value.as_ref().map(|value| Target::Value(value.milli())))
}

/// Object metrics: the type says which field counts.
fn by_type(target: &MetricTarget) -> Option<Target> {
    match target.kind.as_str() {
        "Value" => target.value.as_ref().map(|value| Target::Value(value.milli())),
        "AverageValue" => target.average_value.as_ref().map(|value| Target::AverageValue(value.milli())),
        _ => None,
    }
}

fn reference(object: &CrossVersionObjectReference) -> Reference {
    Reference { api_version: object.api_version.clone(), kind: object.kind.clone(), name: object.name.clone() }
}

fn rules(rules: Option<&api::ScalingRules>) -> ScalingRules {
    let rules = rules.cloned().unwrap_or_default();
    let seconds = |seconds: i32| Duration::from_secs(u64::try_from(seconds).unwrap_or(0));
    let policy = |policy: api::ScalingPolicy| Policy {
        kind: if policy.kind == "Percent" { PolicyKind::Percent } else { PolicyKind::Pods },
        value: policy.value,
        period: seconds(policy.period_seconds),
    };
    ScalingRules {
        stabilization: rules.stabilization_window_seconds.map(seconds),
        select: match rules.select_policy.as_deref() {
            Some("Disabled") => SelectPolicy::Disabled,
            Some("Min") => SelectPolicy::Min,
            _ => SelectPolicy::Max,
        },
        policies: rules.policies.into_iter().flatten().map(policy).collect(),
        tolerance: rules.tolerance.map(|tolerance| tolerance.approximate()),
    }
}

fn api_rules(rules: &ScalingRules) -> api::ScalingRules {
    let seconds = |span: Duration| i32::try_from(span.as_secs()).unwrap_or(i32::MAX);
    let policy = |policy: &Policy| api::ScalingPolicy {
        kind: if policy.kind == PolicyKind::Percent { "Percent" } else { "Pods" }.into(),
        value: policy.value,
        period_seconds: seconds(policy.period),
    };
    let select = match rules.select {
        SelectPolicy::Max => "Max",
        SelectPolicy::Min => "Min",
        SelectPolicy::Disabled => "Disabled",
    };
    api::ScalingRules {
        stabilization_window_seconds: rules.stabilization.map(seconds),
        select_policy: Some(select.into()),
        policies: Some(rules.policies.iter().map(policy).collect()),
        tolerance: rules.tolerance.and_then(|ratio| Quantity::parse(&ratio.to_string())),
    }
}

/// The metric as the API has it; `old` is what stood in its place.
fn metric_spec(metric: &Metric, old: Option<&MetricSpec>) -> MetricSpec {
    let new = MetricSpec::default();
    let selector_of = |name: &str, identifier: Option<&MetricIdentifier>| {
        let selector = identifier.filter(|old| old.name == name).and_then(|old| old.selector.clone());
        MetricIdentifier { name: name.into(), selector }
    };
    let kind = |kind: &str| kind.to_owned();
    match metric {
        Metric::Resource { resource, target } => MetricSpec {
            kind: kind("Resource"),
            resource: Some(api::ResourceSource {
                name: resource.name().into(),
                target: api_target(*target, *resource),
            }),
            ..new
        },
        Metric::ContainerResource { container, resource, target } => MetricSpec {
            kind: kind("ContainerResource"),
            container_resource: Some(api::ContainerResourceSource {
                name: resource.name().into(),
                container: container.clone(),
                target: api_target(*target, *resource),
            }),
            ..new
        },
        Metric::Pods { name, target } => {
            let metric = selector_of(name, old.and_then(|old| Some(&old.pods.as_ref()?.metric)));
            let pods = Some(api::NamedSource { metric, target: api_target(*target, Resource::Cpu) });
            MetricSpec { kind: kind("Pods"), pods, ..new }
        }
        Metric::Object { name, object, target } => {
            let metric = selector_of(name, old.and_then(|old| Some(&old.object.as_ref()?.metric)));
            let Reference { api_version, kind: object_kind, name } = object.clone();
            let described_object = CrossVersionObjectReference { api_version, kind: object_kind, name };
            let target = api_target(*target, Resource::Cpu);
            let object = Some(api::ObjectSource { described_object, metric, target });
            MetricSpec { kind: kind("Object"), object, ..new }
        }
        Metric::External { name, target } => {
            let metric = selector_of(name, old.and_then(|old| Some(&old.external.as_ref()?.metric)));
            let external = Some(api::NamedSource { metric, target: api_target(*target, Resource::Cpu) });
            MetricSpec { kind: kind("External"), external, ..new }
        }
        Metric::Unavailable { name, .. } => old.cloned().unwrap_or(MetricSpec { kind: name.clone(), ..new }),
    }
}

fn api_target(target: Target, resource: Resource) -> MetricTarget {
    let quantity = |milli| match resource {
        Resource::Cpu => Quantity::from_milli(milli),
        Resource::Memory => Quantity::from_milli_bytes(milli),
    };
    let none = MetricTarget::default();
    match target {
        Target::Utilization(percent) => {
            MetricTarget { kind: "Utilization".into(), average_utilization: Some(percent), ..none }
        }
        Target::AverageValue(milli) => {
            MetricTarget { kind: "AverageValue".into(), average_value: Some(quantity(milli)), ..none }
        }
        Target::Value(milli) => MetricTarget { kind: "Value".into(), value: Some(quantity(milli)), ..none },
    }
}
