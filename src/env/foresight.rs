//! What only the critic sees in training: the load to come, and what the static HPA will pay for it.
//!
//! Most of a return's variance is load that no action changes. A baseline that knows it removes that variance and adds
//! no bias, because the load does not depend on actions (Mao et al., Variance Reduction for Reinforcement Learning in
//! Input-Driven Environments, ICLR 2019).

use super::scenario::Scenario;
use crate::forecast::window::{max, mean};
use crate::sim::LOAD_STEP;
use crate::units::{SimTime, micros};

/// Windows ahead, in samples of 15 s: from, to.
const WINDOWS: [(usize, usize); 7] = [(0, 2), (2, 4), (4, 8), (8, 16), (16, 40), (40, 80), (80, 160)];

/// Number of values.
pub const LENGTH: usize = 2 * WINDOWS.len() + REFERENCE.len();

/// Spans ahead over which the reference's cost is summed, in samples.
const REFERENCE: [usize; 4] = [4, 16, 40, 120];

/// Writes the coming load against `level`, and the reference's coming cost against the mean load, into `out`.
pub fn foresee(scenario: &Scenario, now: SimTime, level: f32, out: &mut [f32]) {
    let load = scenario.workload.load();
    let at = ((now.0.max(0) / micros(LOAD_STEP)) as usize).min(load.len());
    let ratio = |pods: f32| ((pods + 0.5) / (level + 0.5)).ln();
    let (windows, costs) = out.split_at_mut(2 * WINDOWS.len());
    for (pair, (from, to)) in windows.chunks_exact_mut(2).zip(WINDOWS) {
        let ahead = &load[(at + from).min(load.len())..(at + to).min(load.len())];
        pair[0] = if ahead.is_empty() { 0.0 } else { ratio(mean(ahead)) };
        pair[1] = if ahead.is_empty() { 0.0 } else { ratio(max(ahead)) };
    }
    for (value, steps) in costs.iter_mut().zip(REFERENCE) {
        let span = LOAD_STEP * steps as u32;
        let cost = scenario.reference_cost(now..now + span);
        *value = (cost / (scenario.mean_load * span.as_secs_f64())).ln_1p() as f32;
    }
}
