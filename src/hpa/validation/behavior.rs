//! `spec.behavior`.

use super::Errors;
use super::names::quoted;
use crate::hpa::api::{Behavior, ScalingPolicy, ScalingRules};

const LONGEST_WINDOW: i32 = 3600;
const LONGEST_PERIOD: i32 = 1800;

pub(super) fn behavior(errors: &mut Errors, behavior: &Behavior) {
    for (name, rules) in [("scaleUp", &behavior.scale_up), ("scaleDown", &behavior.scale_down)] {
        if let Some(rules) = rules {
            direction(errors, &format!("spec.behavior.{name}"), rules);
        }
    }
}

fn direction(errors: &mut Errors, path: &str, rules: &ScalingRules) {
    if let Some(window) = rules.stabilization_window_seconds {
        let field = || format!("{path}.stabilizationWindowSeconds");
        if window < 0 {
            errors.invalid(field(), window.to_string(), "must be greater than or equal to zero");
        }
        if window > LONGEST_WINDOW {
            errors.invalid(field(), window.to_string(), "must be less than or equal to 3600");
        }
    }
    if let Some(select) = rules.select_policy.as_deref()
        && !matches!(select, "Max" | "Min" | "Disabled")
    {
        errors.not_supported(format!("{path}.selectPolicy"), select, &["Disabled", "Max", "Min"]);
    }
    let policies = rules.policies.as_deref().unwrap_or_default();
    if policies.is_empty() {
        errors.required(format!("{path}.policies"), "must specify at least one Policy");
    }
    for (index, given) in policies.iter().enumerate() {
        policy(errors, &format!("{path}.policies[{index}]"), given);
    }
    if let Some(tolerance) = rules.tolerance.as_ref().filter(|tolerance| tolerance.milli() < 0) {
        errors.invalid(format!("{path}.tolerance"), quoted(tolerance.as_str()), "must be greater or equal to zero");
    }
}

fn policy(errors: &mut Errors, path: &str, policy: &ScalingPolicy) {
    if !matches!(policy.kind.as_str(), "Pods" | "Percent") {
        errors.not_supported(format!("{path}.type"), &policy.kind, &["Percent", "Pods"]);
    }
    if policy.value <= 0 {
        errors.invalid(format!("{path}.value"), policy.value.to_string(), "must be greater than zero");
    }
    let period = policy.period_seconds;
    if period <= 0 {
        errors.invalid(format!("{path}.periodSeconds"), period.to_string(), "must be greater than zero");
    }
    if period > LONGEST_PERIOD {
        errors.invalid(format!("{path}.periodSeconds"), period.to_string(), "must be less than or equal to 1800");
    }
}
