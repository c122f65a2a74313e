//! The demand curve: how many pods a load needs, whatever the policy.

use super::queue::{Lateness, Wait};
use super::workload::{PodShape, Slot};

/// The wait in steady state with `pods` ready pods during a slot.
pub(super) fn wait(slot: &Slot, pods: f64, pod: PodShape, variability: f64) -> Wait {
    let load = slot.load * pod.request / (pods * pod.limit);
    Wait::at(pods, pod, load, slot.busy_s, variability)
}

/// Sets each slot's demand: the least number of pods whose late share in steady state is at most `allowed` (or, where
/// requests are late of themselves, exceeds that by no more).
pub(super) fn set(slots: &mut [Slot], pod: PodShape, lateness: &Lateness, variability: f64, allowed: f64) {
    let allowed = allowed.max(1e-6);
    let mut last = (Slot::default(), 0);
    for slot in slots {
        // Neighbours are often alike, above all in traces of few requests.
        if (slot.load, slot.rate, slot.service_s) != (last.0.load, last.0.rate, last.0.service_s) {
            let unavoidable = lateness.unavoidable(slot.service_s);
            let limit = if unavoidable > allowed { unavoidable + allowed } else { allowed };
            let share = |pods: u32| lateness.share(slot.service_s, wait(slot, f64::from(pods), pod, variability));
            last = (*slot, least((slot.load * pod.request / pod.limit).ceil() as u32, |pods| share(pods) <= limit));
        }
        slot.demand = if slot.load > 0.0 { last.1 } else { 0 };
    }
}

/// The least number from `from` (or 1) up that is `enough`, which holds from some number on.
fn least(from: u32, enough: impl Fn(u32) -> bool) -> u32 {
    let from = from.max(1);
    let mut step = 1;
    let (mut low, mut high) = (from, from);
    while !enough(high) && step <= 1 << 24 {
        low = high + 1;
        high = from + step;
        step *= 2;
    }
    while low < high {
        let middle = low.midpoint(high);
        if enough(middle) { high = middle } else { low = middle + 1 }
    }
    high
}
