//! Fronts of two figures that are both to be small, such as cost and late requests, and how much they dominate.

use serde::Serialize;

/// The area that points dominate within a reference that none of them is to exceed; points that do, or are not finite,
/// count for nothing. Both figures are minimised.
/// ```text
/// HV = Σ over the front, by cost, of (c_{i+1} − c_i) (v_ref − v_i),   c_{n+1} = c_ref
/// ```
/// Source: Zitzler and Thiele, "Multiobjective evolutionary algorithms", 1999.
#[must_use]
pub fn hypervolume(points: &[(f64, f64)], (worst_cost, worst_late): (f64, f64)) -> f64 {
    let within = |point: &&(f64, f64)| point.0 < worst_cost && point.1 < worst_late;
    let front = front(points.iter().filter(within).copied().collect());
    let ends = front.iter().skip(1).map(|point| point.0).chain([worst_cost]);
    front.iter().zip(ends).map(|(point, end)| (end - point.0) * (worst_late - point.1)).sum()
}

/// A front within the box of all its points: both figures are divided by 1.1 times the worst seen, so that the reference
/// is (1, 1) and a point at the origin would dominate 1.
#[derive(Debug, Clone, PartialEq)]
pub struct Front {
    points: Vec<(f64, f64)>,
    worst: (f64, f64),
}

/// How far beyond the worst point the reference lies, so that the ends of a front count too.
const BEYOND: f64 = 1.1;

impl Front {
    /// The front of points.
    #[must_use]
    pub fn new(points: Vec<(f64, f64)>) -> Self {
        let worst = |of: fn(&(f64, f64)) -> f64| {
            let most = points.iter().map(of).filter(|it| it.is_finite()).fold(0.0, f64::max);
            if most > 0.0 { BEYOND * most } else { 1.0 }
        };
        let worst = (worst(|point| point.0), worst(|point| point.1));
        Self { points, worst }
    }

    /// The reference point: beyond it nothing counts.
    #[must_use]
    pub fn reference(&self) -> (f64, f64) {
        self.worst
    }

    /// The share of the box that the points dominate together, 0 to 1.
    #[must_use]
    pub fn dominated(&self) -> f64 {
        hypervolume(&self.points, self.worst) / (self.worst.0 * self.worst.1)
    }

    /// How much of that only the `index`-th point dominates; 0 when another is as good in both.
    #[must_use]
    pub fn only_by(&self, index: usize) -> f64 {
        let others: Vec<_> =
            self.points.iter().enumerate().filter(|&(at, _)| at != index).map(|(_, point)| *point).collect();
        let without = hypervolume(&others, self.worst) / (self.worst.0 * self.worst.1);
        (self.dominated() - without).max(0.0)
    }
}

/// The points `(cost, late)` that no other beats in both, from the cheapest up; of equal ones, one.
#[must_use]
pub fn front(mut points: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    points.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let mut least = f64::INFINITY;
    points.retain(|point| {
        let better = point.1 < least;
        least = least.min(point.1);
        better
    });
    points
}

/// What it costs to be late no more often than `late`, by a front as [`front`] makes it: between neighbours in a straight
/// line, which a mixture of the two in time attains. NaN beyond its ends: where none of it is as rarely late, and where all
/// of it is late more rarely.
#[must_use]
pub fn cost_at(front: &[(f64, f64)], late: f64) -> f64 {
    let enough = front.partition_point(|point| point.1 > late);
    match (front.get(enough.wrapping_sub(1)), front.get(enough)) {
        (Some(above), Some(below)) => above.0 + (below.0 - above.0) * (above.1 - late) / (above.1 - below.1),
        (None, Some(cheapest)) if late <= cheapest.1 => cheapest.0,
        _ => f64::NAN,
    }
}

/// Where a lateness lies beside a front.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Beside {
    /// Between its ends, which count.
    Within,
    /// All of the front is late more often.
    Rarer,
    /// All of the front is late more rarely.
    Later,
}

impl Beside {
    /// Where `late` lies beside a front as [`front`] makes it; nowhere when that is empty or `late` is not known.
    #[must_use]
    pub fn of(front: &[(f64, f64)], late: f64) -> Option<Self> {
        let (latest, rarest) = (front.first()?.1, front.last()?.1);
        Some(match late {
            _ if late.is_nan() => return None,
            _ if late > latest => Self::Later,
            _ if late < rarest => Self::Rarer,
            _ => Self::Within,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::RngExt;

    use crate::random::{Purpose, stream};

    #[test]
    fn the_area_of_a_staircase_is_counted_by_hand() {
        let points = [(1.0, 3.0), (2.0, 1.0), (2.5, 2.0), (9.0, 0.5), (f64::NAN, 0.0)];
        assert!((hypervolume(&points, (4.0, 4.0)) - (1.0 + 2.0 * 3.0)).abs() < 1e-12);
        assert!(hypervolume(&[], (1.0, 1.0)).abs() < 1e-12);
        let front = Front::new(vec![(1.0, 0.2), (2.0, 0.1), (2.0, 0.2)]);
        let (cost, late) = front.reference();
        assert!((cost - 2.2).abs() < 1e-12 && (late - 0.22).abs() < 1e-12);
        assert!((front.dominated() - (1.0 * 0.02 + 0.2 * 0.12) / (2.2 * 0.22)).abs() < 1e-12);
        assert!((front.only_by(1) - 0.2 * 0.1 / (2.2 * 0.22)).abs() < 1e-12);
        assert!(front.only_by(2).abs() < 1e-12);
    }

    // NumPy 2.4.6: np.interp([0.04, 0.03, 0.02, 0.0175, 0.01], [0.01, 0.02, 0.04], [16, 12, 10])
    #[test]
    fn the_cost_at_a_lateness_lies_between_its_neighbours_on_the_front() {
        let front = front(vec![(12.0, 0.02), (13.0, 0.03), (16.0, 0.01), (10.0, 0.04)]);
        let wanted = [(0.04, 10.0), (0.03, 11.0), (0.02, 12.0), (0.0175, 13.0), (0.01, 16.0)];
        for (late, cost) in wanted {
            assert!((cost_at(&front, late) - cost).abs() < 1e-12, "{late}: {}", cost_at(&front, late));
        }
        assert!(cost_at(&front, 0.005).is_nan(), "nobody is as rarely late");
        assert!(cost_at(&front, 0.05).is_nan(), "nobody is as often late, and the cheapest says nothing of it");
        assert!(cost_at(&[], 0.5).is_nan());
        let beside = [0.05, 0.04, 0.02, 0.01, 0.005].map(|late| Beside::of(&front, late).unwrap());
        assert_eq!(beside, [Beside::Later, Beside::Within, Beside::Within, Beside::Within, Beside::Rarer]);
        assert_eq!((Beside::of(&[], 0.5), Beside::of(&front, f64::NAN)), (None, None));
    }

    /// By chance: the share of points of the box that some point dominates.
    #[test]
    fn the_area_is_what_darts_say() {
        let mut rng = stream(3, Purpose::Bootstrap, 0);
        for _ in 0..5 {
            let points: Vec<(f64, f64)> = (0..8).map(|_| (rng.random(), rng.random())).collect();
            let darts = 40_000;
            let hit = |(x, y): (f64, f64)| points.iter().any(|point| point.0 <= x && point.1 <= y);
            let hits = (0..darts).filter(|_| hit((rng.random(), rng.random()))).count();
            let share = hits as f64 / f64::from(darts);
            assert!((hypervolume(&points, (1.0, 1.0)) - share).abs() < 0.012, "{share}");
        }
    }
}
