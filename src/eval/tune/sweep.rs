//! The static HPAs that other prices of a violation would have chosen on training time. Replayed on test time they are a
//! curve of cost over late requests, on which a policy's cost is read at its own lateness: the price does not decide then.

use super::grid::Candidate;
use super::search::{Scored, Search};
use crate::sim;

/// Multiples of `prices.violation` besides 1, which is the tuned HPA's own.
pub const MULTIPLES: [f64; 5] = [1.0 / 16.0, 0.25, 4.0, 16.0, 64.0];

/// The best configuration that a search found at each of [`MULTIPLES`]: all of them lie on its front.
#[must_use]
pub fn swept(search: &Search<Candidate>, world: &sim::Settings) -> Vec<Candidate> {
    let best = |multiple: f64| {
        let objective = |scored: &&Scored<Candidate>| {
            let late = sim::violation_hours(world, &scored.outcome);
            scored.outcome.objective + (multiple - 1.0) * late
        };
        let least = search.front.iter().min_by(|a, b| objective(a).total_cmp(&objective(b)));
        least.map_or(search.best.candidate, |scored| scored.candidate)
    };
    MULTIPLES.into_iter().map(best).collect()
}
