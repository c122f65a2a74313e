//! Stabilisation: past recommendations hold back a change until they leave the window.
//!
//! The list keeps raw recommendations in the controller's own order: at most one entry that is too old is overwritten
//! per sync, and the list never shrinks, so its order is not chronological and an old entry counts again when a
//! window grows.

use std::time::Duration;

use crate::units::{Replicas, SimTime};

/// A recommendation of the past, before stabilisation and limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recommendation {
    /// When it was made.
    pub at: SimTime,
    /// The replicas recommended.
    pub replicas: Replicas,
}

/// A recommendation after stabilisation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stabilized {
    /// The replicas after stabilisation.
    pub replicas: Replicas,
    /// The past recommendation that held the change back, when one did; of several, the newest, which holds longest.
    pub held_by: Option<Recommendation>,
}

/// Stabilisation without `spec.behavior`: the highest recommendation that is at most `window` old.
///
/// An entry exactly `window` old still counts, unlike with `behavior`.
pub fn stabilize(history: &mut Vec<Recommendation>, raw: Replicas, now: SimTime, window: Duration) -> Stabilized {
    let cutoff = now - window;
    let mut result = Stabilized { replicas: raw, held_by: None };
    let mut old = None;
    for (index, entry) in history.iter().enumerate() {
        if entry.at < cutoff {
            old = Some(index);
        } else if entry.replicas > result.replicas || is_newer(entry, result.held_by) {
            result = Stabilized { replicas: entry.replicas, held_by: Some(*entry) };
        }
    }
    record(history, old, Recommendation { at: now, replicas: raw });
    result
}

/// Stabilisation with `spec.behavior`: the current size, moved into the interval between the lowest recommendation
/// younger than `up` and the highest younger than `down`.
///
/// An entry exactly as old as a window no longer counts for it.
pub fn stabilize_with_behavior(
    history: &mut Vec<Recommendation>,
    raw: Replicas,
    current: Replicas,
    now: SimTime,
    (up, down): (Duration, Duration),
) -> Stabilized {
    let (up_cutoff, down_cutoff) = (now - up, now - down);
    let (mut lowest, mut highest) = (raw, raw);
    let (mut lowest_entry, mut highest_entry) = (None, None);
    let mut old = None;
    for (index, entry) in history.iter().enumerate() {
        if entry.at > up_cutoff && (entry.replicas < lowest || is_newer(entry, lowest_entry)) {
            (lowest, lowest_entry) = (entry.replicas, Some(*entry));
        }
        if entry.at > down_cutoff && (entry.replicas > highest || is_newer(entry, highest_entry)) {
            (highest, highest_entry) = (entry.replicas, Some(*entry));
        }
        if entry.at < up_cutoff && entry.at < down_cutoff {
            old = Some(index);
        }
    }
    record(history, old, Recommendation { at: now, replicas: raw });
    let replicas = current.max(lowest).min(highest);
    let held_by = match replicas.cmp(&raw) {
        std::cmp::Ordering::Less => lowest_entry,
        std::cmp::Ordering::Equal => None,
        std::cmp::Ordering::Greater => highest_entry,
    };
    Stabilized { replicas, held_by }
}

/// Whether an entry says the same as the one that holds a change back, and later. It changes no decision.
fn is_newer(entry: &Recommendation, held_by: Option<Recommendation>) -> bool {
    held_by.is_some_and(|held| held.replicas == entry.replicas && held.at < entry.at)
}

/// Overwrites the last entry that was too old in list order, or appends.
fn record(history: &mut Vec<Recommendation>, old: Option<usize>, entry: Recommendation) {
    match old.and_then(|index| history.get_mut(index)) {
        Some(slot) => *slot = entry,
        None => history.push(entry),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minute(n: i64) -> SimTime {
        SimTime::from_secs(60 * n)
    }

    #[test]
    fn a_peak_holds_back_scale_down_until_it_leaves_the_window() {
        let mut history = Vec::new();
        let window = Duration::from_secs(300);
        assert_eq!(stabilize(&mut history, 9, minute(0), window).replicas, 9);
        let held = stabilize(&mut history, 2, minute(5), window);
        assert_eq!(held.replicas, 9, "the peak is exactly 5 minutes old");
        assert_eq!(held.held_by, Some(Recommendation { at: minute(0), replicas: 9 }));
        assert_eq!(stabilize(&mut history, 2, minute(6), window).replicas, 2, "the peak has left the window");
    }

    #[test]
    fn of_several_equal_peaks_the_newest_is_named_wherever_it_stands() {
        let entry = |at, replicas| Recommendation { at: minute(at), replicas };
        let peaks = || vec![entry(1, 9), entry(3, 9), entry(2, 9)];
        let window = Duration::from_secs(600);
        assert_eq!(stabilize(&mut peaks(), 2, minute(4), window).held_by, Some(entry(3, 9)));
        let windows = (window, window);
        assert_eq!(stabilize_with_behavior(&mut peaks(), 2, 9, minute(4), windows).held_by, Some(entry(3, 9)));
        assert_eq!(stabilize_with_behavior(&mut peaks(), 12, 5, minute(4), windows).held_by, Some(entry(3, 9)));
    }

    #[test]
    fn with_behavior_a_peak_exactly_as_old_as_the_window_has_left_it() {
        let mut history = vec![Recommendation { at: minute(0), replicas: 9 }];
        let windows = (Duration::ZERO, Duration::from_secs(300));
        assert_eq!(stabilize_with_behavior(&mut history, 2, 9, minute(5), windows).replicas, 2);
    }

    #[test]
    fn an_upward_window_takes_the_lowest_recommendation_but_never_scales_down() {
        let mut history = vec![Recommendation { at: minute(0), replicas: 3 }];
        let windows = (Duration::from_secs(120), Duration::ZERO);
        let up = stabilize_with_behavior(&mut history, 8, 5, minute(1), windows);
        assert_eq!(up.replicas, 5, "3 is below the current size, so nothing changes");
        assert_eq!(up.held_by, Some(Recommendation { at: minute(0), replicas: 3 }));
    }

    #[test]
    fn an_old_entry_is_overwritten_so_that_the_list_stays_short() {
        let mut history = Vec::new();
        for sync in 0..1000 {
            stabilize(&mut history, 1, SimTime::from_secs(15 * sync), Duration::from_secs(300));
        }
        assert_eq!(history.len(), 21, "300 s of 15 s syncs, both ends included");
    }
}
