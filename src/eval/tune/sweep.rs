//! The static HPAs that other prices of a violation would have chosen on training time. Replayed on test time they are a
//! curve of cost over late requests, on which a policy's cost is read at its own lateness: the price does not decide then.

use super::grid::Candidate;
use super::search::{Scored, Search};
use crate::sim;

/// Multiples of `prices.violation` besides 1, which is the tuned HPA's own.
pub const MULTIPLES: [f64; 5] = [1.0 / 16.0, 0.25, 4.0, 16.0, 64.0];

/// The least objective at each of [`MULTIPLES`] among the configurations that a search replayed on the whole of training
/// time. Halving kept those by the price as it is, and the front of cost against violations.
#[must_use]
pub fn swept(search: &Search<Candidate>, world: &sim::Settings) -> Vec<Candidate> {
    let best = |multiple: f64| {
        let objective = |scored: &&Scored<Candidate>| {
            let late = sim::violation_hours(world, &scored.outcome);
            scored.outcome.objective + (multiple - 1.0) * late
        };
        let least = search.finalists.iter().min_by(|a, b| objective(a).total_cmp(&objective(b)));
        least.map_or(search.best.candidate, |scored| scored.candidate)
    };
    MULTIPLES.into_iter().map(best).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::summary::nothing;
    use crate::eval::tune::Budget;
    use crate::sim::Level;
    use crate::units::Percent;

    /// Pods that cost a dollar an hour, so that the objective is dollars plus the price of violations.
    #[test]
    fn every_price_has_the_best_of_all_that_were_replayed_to_the_end() {
        let world = sim::Settings::default();
        let scored = |target: f64, hours: f64, late: f64| {
            let mut outcome = nothing(Level::Fluid);
            outcome.cost.replica_hours = hours;
            outcome.objective = hours + late;
            let target_cpu = Percent::try_from(target).unwrap();
            Scored { candidate: Candidate { target_cpu, ..Candidate::stock() }, outcome }
        };
        // The third is hardly less late than the second, so that a thinned front would leave it out.
        let finalists =
            vec![scored(90.0, 10.0, 8.0), scored(70.0, 12.0, 2.0), scored(60.0, 12.4, 1.8), scored(30.0, 40.0, 0.1)];
        let best = finalists[1].clone();
        let front = vec![finalists[0].clone(), best.clone()];
        let search = Search { best, front, finalists, budget: Budget::default() };
        let targets: Vec<f64> = swept(&search, &world).iter().map(|it| 100.0 * it.target_cpu.fraction()).collect();
        let wanted = [90.0, 90.0, 60.0, 60.0, 30.0];
        assert!(targets.iter().zip(wanted).all(|(a, b)| (a - b).abs() < 1e-9), "{targets:?}");
    }
}
