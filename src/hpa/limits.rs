//! How far one sync may go: the bounds of the spec, the fixed scale-up cap without `spec.behavior`, and the policies
//! with it.

use std::cmp::Ordering;

use super::conditions::Reason;
use super::events::EventLog;
use super::spec::{Behavior, Policy, PolicyKind, ScalingRules, SelectPolicy, Spec};
use crate::units::{Replicas, SimTime};

/// Replicas after the limits, and which limit bound them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limited {
    /// The replicas after the limits.
    pub replicas: Replicas,
    /// `DesiredWithinRange`, or the reason of `ScalingLimited`.
    pub reason: Reason,
    /// Index of the policy that set the limit, for `ScaleUpLimit` and `ScaleDownLimit` with `behavior`. `None` when
    /// the direction is disabled or the events left nothing of any policy.
    pub policy: Option<usize>,
}

impl Limited {
    fn within(replicas: Replicas) -> Self {
        Self { replicas, reason: Reason::DesiredWithinRange, policy: None }
    }
}

/// Limits without `spec.behavior`: at most the larger of 4 and twice the current size, per sync.
#[must_use]
pub fn without_behavior(stabilized: Replicas, current: Replicas, min: Replicas, max: Replicas) -> Limited {
    let cap = current.saturating_mul(2).max(4);
    let (upper, reason) = if max > cap { (cap, Reason::ScaleUpLimit) } else { (max, Reason::TooManyReplicas) };
    if stabilized < min {
        Limited { replicas: min, reason: Reason::TooFewReplicas, policy: None }
    } else if stabilized > upper {
        Limited { replicas: upper, reason, policy: None }
    } else {
        Limited::within(stabilized)
    }
}

/// Limits with `spec.behavior`: the policies of the direction, then the bound of the spec on that side.
#[must_use]
pub fn with_behavior(
    stabilized: Replicas,
    current: Replicas,
    spec: &Spec,
    behavior: &Behavior,
    events: &EventLog,
    now: SimTime,
) -> Limited {
    match stabilized.cmp(&current) {
        Ordering::Greater => {
            let (limit, policy) = up_limit(&behavior.scale_up, current, events, now);
            let bound = if spec.max_replicas > limit {
                Limited { replicas: limit, reason: Reason::ScaleUpLimit, policy }
            } else {
                Limited { replicas: spec.max_replicas, reason: Reason::TooManyReplicas, policy: None }
            };
            if stabilized > bound.replicas { bound } else { Limited::within(stabilized) }
        }
        Ordering::Less => {
            let (limit, policy) = down_limit(&behavior.scale_down, current, events, now);
            let bound = if spec.min_replicas < limit {
                Limited { replicas: limit, reason: Reason::ScaleDownLimit, policy }
            } else {
                Limited { replicas: spec.min_replicas, reason: Reason::TooFewReplicas, policy: None }
            };
            if stabilized < bound.replicas { bound } else { Limited::within(stabilized) }
        }
        Ordering::Equal => Limited::within(stabilized),
    }
}

/// The highest size the scale-up policies allow, never below the current one.
fn up_limit(rules: &ScalingRules, current: Replicas, events: &EventLog, now: SimTime) -> (Replicas, Option<usize>) {
    let proposal = |policy: &Policy| {
        let base = events.size_at(now - policy.period, current);
        match policy.kind {
            PolicyKind::Pods => base.wrapping_add(policy.value),
            // Rounded up, so that a small percentage of few pods still moves.
            PolicyKind::Percent => (f64::from(base) * (1.0 + f64::from(policy.value) / 100.0)).ceil() as Replicas,
        }
    };
    let (limit, policy) = match rules.select {
        SelectPolicy::Disabled => return (current, None),
        SelectPolicy::Max => pick(&rules.policies, proposal, |a, b| a > b),
        SelectPolicy::Min => pick(&rules.policies, proposal, |a, b| a < b),
    };
    if limit < current { (current, None) } else { (limit, Some(policy)) }
}

/// The lowest size the scale-down policies allow, never above the current one. `Max` means the largest change, so the
/// lowest number.
fn down_limit(rules: &ScalingRules, current: Replicas, events: &EventLog, now: SimTime) -> (Replicas, Option<usize>) {
    let proposal = |policy: &Policy| {
        let base = events.size_at(now - policy.period, current);
        match policy.kind {
            PolicyKind::Pods => base.wrapping_sub(policy.value),
            // Truncated towards zero, so 10 % of 3 pods takes one.
            PolicyKind::Percent => (f64::from(base) * (1.0 - f64::from(policy.value) / 100.0)) as Replicas,
        }
    };
    let (limit, policy) = match rules.select {
        SelectPolicy::Disabled => return (current, None),
        SelectPolicy::Max => pick(&rules.policies, proposal, |a, b| a < b),
        SelectPolicy::Min => pick(&rules.policies, proposal, |a, b| a > b),
    };
    if limit > current { (current, None) } else { (limit, Some(policy)) }
}

/// The proposal that is `better` than all others, and the index of its policy.
fn pick(
    policies: &[Policy],
    proposal: impl Fn(&Policy) -> Replicas,
    better: impl Fn(Replicas, Replicas) -> bool,
) -> (Replicas, usize) {
    let mut best = None;
    for (index, policy) in policies.iter().enumerate() {
        let replicas = proposal(policy);
        if best.is_none_or(|(so_far, _)| better(replicas, so_far)) {
            best = Some((replicas, index));
        }
    }
    best.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::hpa::Settings;
    use crate::hpa::events::ScaleEvent;

    fn rules(select: SelectPolicy, policies: &[(PolicyKind, i32)]) -> ScalingRules {
        let period = Duration::from_secs(60);
        let policies = policies.iter().map(|&(kind, value)| Policy { kind, value, period }).collect();
        ScalingRules { stabilization: None, select, policies, tolerance: None }
    }

    fn limited(stabilized: Replicas, current: Replicas, up: ScalingRules, down: ScalingRules) -> Limited {
        let spec = Settings { max_replicas: 1000, ..Settings::default() }.spec();
        let behavior = Behavior { scale_up: up, scale_down: down };
        with_behavior(stabilized, current, &spec, &behavior, &EventLog::default(), SimTime::ZERO)
    }

    #[test]
    fn without_behavior_one_sync_at_most_doubles_but_may_always_reach_four() {
        assert_eq!(without_behavior(50, 1, 1, 100).replicas, 4);
        assert_eq!(without_behavior(50, 7, 1, 100).replicas, 14);
        assert_eq!(without_behavior(50, 7, 1, 10).reason, Reason::TooManyReplicas);
    }

    #[test]
    fn ten_percent_of_three_pods_adds_one_and_takes_one() {
        let percent = || rules(SelectPolicy::Max, &[(PolicyKind::Percent, 10)]);
        assert_eq!(limited(100, 3, percent(), percent()).replicas, 4);
        assert_eq!(limited(1, 3, percent(), percent()).replicas, 2);
    }

    #[test]
    fn percentages_are_products_of_doubles() {
        let percent = |value| rules(SelectPolicy::Max, &[(PolicyKind::Percent, value)]);
        assert_eq!(limited(1000, 50, percent(10), percent(10)).replicas, 56, "50 × 1.1 is a little more than 55");
        assert_eq!(limited(1, 100, percent(90), percent(90)).replicas, 9, "100 × (1 − 0.9) is a little less than 10");
    }

    #[test]
    fn max_means_the_largest_change_in_both_directions() {
        let both = |select| rules(select, &[(PolicyKind::Pods, 1), (PolicyKind::Pods, 5)]);
        let limit = |stabilized, select| limited(stabilized, 10, both(select), both(select)).replicas;
        assert_eq!((limit(100, SelectPolicy::Max), limit(1, SelectPolicy::Max)), (15, 5));
        assert_eq!((limit(100, SelectPolicy::Min), limit(1, SelectPolicy::Min)), (11, 9));
        assert_eq!((limit(100, SelectPolicy::Disabled), limit(1, SelectPolicy::Disabled)), (10, 10));
    }

    #[test]
    fn the_policy_that_set_the_limit_is_named() {
        let up = rules(SelectPolicy::Max, &[(PolicyKind::Pods, 1), (PolicyKind::Percent, 50)]);
        let result = limited(100, 10, up, ScalingRules::default_down());
        assert_eq!(result, Limited { replicas: 15, reason: Reason::ScaleUpLimit, policy: Some(1) });
    }

    #[test]
    fn a_budget_that_is_used_up_keeps_the_current_size() {
        let spec = Settings { max_replicas: 1000, ..Settings::default() }.spec();
        let behavior = Behavior {
            scale_up: rules(SelectPolicy::Max, &[(PolicyKind::Pods, 4)]),
            scale_down: rules(SelectPolicy::Max, &[]),
        };
        let ups = vec![ScaleEvent { at: SimTime::ZERO, change: 9, outdated: false }];
        let events = EventLog { ups, downs: Vec::new() };
        let result = with_behavior(100, 20, &spec, &behavior, &events, SimTime::from_secs(30));
        assert_eq!((result.replicas, result.reason), (20, Reason::ScaleUpLimit));
    }
}
