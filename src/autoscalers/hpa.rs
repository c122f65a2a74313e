//! The HPA as an [`Autoscaler`]: kube-controller-manager's decisions, with fields that a tuner can move.

use std::time::Duration;

use crate::hpa::spec::{Behavior, Metric, Policy, Resource, ScalingRules, Target};
use crate::hpa::{Decision, Flags, Hpa, Settings, Spec};
use crate::sim::{Autoscaler, Knobs, Patch, View};
use crate::units::{Replicas, SimTime};

/// One HPA object and the controller that looks at it.
#[derive(Debug, Clone)]
pub struct HpaAutoscaler {
    hpa: Hpa,
}

impl HpaAutoscaler {
    /// The HPA of `[hpa]`.
    #[must_use]
    pub fn new(settings: &Settings) -> Self {
        Self::from_spec(settings.spec(), settings.flags())
    }

    /// The HPA of a manifest, under the controller's flags.
    #[must_use]
    pub fn from_spec(spec: Spec, flags: Flags) -> Self {
        Self { hpa: Hpa::new(spec, flags) }
    }

    /// The spec in force.
    #[must_use]
    pub fn spec(&self) -> &Spec {
        self.hpa.spec()
    }

    /// A sync whose recommendation `adjust` may change before stabilisation and limits.
    pub fn sync_adjusted(
        &mut self,
        now: SimTime,
        view: &View<'_>,
        adjust: impl FnOnce(Replicas) -> Replicas,
    ) -> Option<Replicas> {
        self.hpa.sync_adjusted(now, &view.inputs, adjust).scale_to
    }

    /// The last decision, with everything it was made of.
    #[must_use]
    pub fn decision(&self) -> &Decision {
        self.hpa.decision()
    }
}

impl Autoscaler for HpaAutoscaler {
    fn period(&self) -> Duration {
        self.hpa.flags().sync_period
    }

    fn sync(&mut self, now: SimTime, view: &View<'_>) -> Option<Replicas> {
        self.hpa.sync(now, &view.inputs).scale_to
    }

    fn patch(&mut self, patch: &Patch) {
        let flags = *self.hpa.flags();
        self.hpa.edit(|spec| apply(spec, &flags, patch));
    }

    fn knobs(&self) -> Option<Knobs> {
        let (spec, flags) = (self.hpa.spec(), self.hpa.flags());
        let given = spec.behavior.as_ref().and_then(|behavior| behavior.scale_down.stabilization);
        Some(Knobs {
            target_cpu: spec.metrics.iter().find_map(cpu_target).copied(),
            min_replicas: spec.min_replicas,
            max_replicas: spec.max_replicas,
            stabilize_down: given.unwrap_or(flags.downscale_stabilization),
        })
    }

    fn copy(&self) -> Option<Box<dyn Autoscaler>> {
        Some(Box::new(self.clone()))
    }
}

fn cpu_target(metric: &Metric) -> Option<&i32> {
    match metric {
        Metric::Resource { resource: Resource::Cpu, target: Target::Utilization(percent) }
        | Metric::ContainerResource { resource: Resource::Cpu, target: Target::Utilization(percent), .. } => {
            Some(percent)
        }
        _ => None,
    }
}

fn cpu_target_mut(metric: &mut Metric) -> Option<&mut i32> {
    match metric {
        Metric::Resource { resource: Resource::Cpu, target: Target::Utilization(percent) }
        | Metric::ContainerResource { resource: Resource::Cpu, target: Target::Utilization(percent), .. } => {
            Some(percent)
        }
        _ => None,
    }
}

/// Changes a spec as a patch says, held to what the API server accepts.
fn apply(spec: &mut Spec, flags: &Flags, patch: &Patch) {
    if let Some(max) = patch.max_replicas {
        spec.max_replicas = max.max(1);
    }
    let least = i32::from(!flags.scale_to_zero);
    spec.min_replicas = patch.min_replicas.unwrap_or(spec.min_replicas).max(least).min(spec.max_replicas);
    if let Some(target) = patch.target_cpu
        && let Some(percent) = spec.metrics.iter_mut().find_map(cpu_target_mut)
    {
        *percent = target.max(1);
    }
    if let Some(window) = patch.stabilize_down {
        behavior(spec).scale_down.stabilization = Some(window.min(Duration::from_secs(3600)));
    }
    let replace = |rules: &mut ScalingRules, policies: &[Policy]| {
        if !policies.is_empty() {
            rules.policies.clear();
            rules.policies.extend_from_slice(policies);
        }
    };
    if let Some(policies) = &patch.scale_up {
        replace(&mut behavior(spec).scale_up, policies);
    }
    if let Some(policies) = &patch.scale_down {
        replace(&mut behavior(spec).scale_down, policies);
    }
}

/// `spec.behavior`, which a patch that needs it brings in with the API server's defaults.
fn behavior(spec: &mut Spec) -> &mut Behavior {
    spec.behavior.get_or_insert_with(|| Behavior {
        scale_up: ScalingRules::default_up(),
        scale_down: ScalingRules::default_down(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patched(patch: &Patch) -> HpaAutoscaler {
        let mut autoscaler = HpaAutoscaler::new(&Settings { min_replicas: 2, max_replicas: 10, ..Settings::default() });
        autoscaler.patch(patch);
        autoscaler
    }

    #[test]
    fn a_patch_moves_only_the_fields_it_names() {
        let knobs = patched(&Patch { target_cpu: Some(55), ..Patch::default() }).knobs().unwrap();
        assert_eq!((knobs.target_cpu, knobs.min_replicas, knobs.max_replicas), (Some(55), 2, 10));
        assert_eq!(knobs.stabilize_down, Duration::from_secs(300));
        assert!(patched(&Patch::default()).spec().behavior.is_none());
    }

    #[test]
    fn min_replicas_stays_between_one_and_max_replicas() {
        let min = |asked| patched(&Patch { min_replicas: Some(asked), ..Patch::default() }).spec().min_replicas;
        assert_eq!((min(-3), min(0), min(7), min(99)), (1, 1, 7, 10));
    }

    #[test]
    fn stabilisation_brings_in_a_behavior_with_the_defaults_of_the_rest() {
        let patch = Patch { stabilize_down: Some(Duration::from_secs(60)), ..Patch::default() };
        let behavior = patched(&patch).spec().behavior.clone().unwrap();
        assert_eq!(behavior.scale_up, ScalingRules::default_up());
        assert_eq!(behavior.scale_down.stabilization, Some(Duration::from_secs(60)));
    }
}
