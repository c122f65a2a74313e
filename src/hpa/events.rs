//! The log of executed rescales, from which policies take the size at the start of their period.

use super::spec::ScalingRules;
use crate::units::{Replicas, SimTime};

/// A rescale that was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScaleEvent {
    /// When it was written.
    pub at: SimTime,
    /// By how many replicas, 0 or more; the list says in which direction.
    pub change: Replicas,
    /// Older than every policy of its direction when the next one was written, so free to be overwritten.
    pub outdated: bool,
}

/// Rescales of both directions. They are stored only while `spec.behavior` is set.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EventLog {
    /// Rescales upwards, in the controller's order.
    pub ups: Vec<ScaleEvent>,
    /// Rescales downwards, in the controller's order.
    pub downs: Vec<ScaleEvent>,
}

impl EventLog {
    /// The size at the start of a period that began after `cutoff`: `current` without the changes since then.
    ///
    /// An event exactly at the cutoff lies outside. Outdated marks are not consulted: only times count.
    #[must_use]
    pub fn size_at(&self, cutoff: SimTime, current: Replicas) -> Replicas {
        current.wrapping_sub(change_since(&self.ups, cutoff)).wrapping_add(change_since(&self.downs, cutoff))
    }
}

fn change_since(events: &[ScaleEvent], cutoff: SimTime) -> Replicas {
    events.iter().filter(|event| event.at > cutoff).fold(0, |sum, event| sum.wrapping_add(event.change))
}

/// Stores a rescale in the list of its direction: the last outdated event in list order is overwritten, or the new
/// one appended.
pub fn store(events: &mut Vec<ScaleEvent>, change: Replicas, now: SimTime, rules: &ScalingRules) {
    let longest = rules.policies.iter().map(|policy| policy.period).max().unwrap_or_default();
    let cutoff = now - longest;
    let mut free = None;
    for (index, event) in events.iter_mut().enumerate() {
        event.outdated |= event.at < cutoff;
        if event.outdated {
            free = Some(index);
        }
    }
    let event = ScaleEvent { at: now, change, outdated: false };
    match free.and_then(|index| events.get_mut(index)) {
        Some(slot) => *slot = event,
        None => events.push(event),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(at: i64, change: Replicas) -> ScaleEvent {
        ScaleEvent { at: SimTime::from_secs(at), change, outdated: false }
    }

    #[test]
    fn the_size_at_the_start_of_a_period_undoes_changes_of_both_directions() {
        let log = EventLog { ups: vec![event(10, 4), event(20, 2)], downs: vec![event(15, 1)] };
        assert_eq!(log.size_at(SimTime::from_secs(9), 10), 10 - 6 + 1);
        assert_eq!(log.size_at(SimTime::from_secs(10), 10), 10 - 2 + 1, "an event at the cutoff lies outside");
    }

    #[test]
    fn an_event_older_than_every_policy_is_overwritten() {
        let rules = ScalingRules::default_up();
        let mut events = vec![event(0, 4), event(5, 1)];
        store(&mut events, 3, SimTime::from_secs(15), &rules);
        assert_eq!(events.len(), 3, "0 s is exactly one period old");
        store(&mut events, 2, SimTime::from_secs(16), &rules);
        assert_eq!(events, [event(16, 2), event(5, 1), event(15, 3)]);
    }
}
