//! Rank tests of paired differences: Wilcoxon's signed ranks, Holm's correction, Cliff's delta.

use crate::sim::law::normal_cdf;

/// Most pairs for which the law of the statistic is counted out, as in `SciPy`.
const EXACT: usize = 50;
/// Most pairs for which it is counted out although differences are equal, as in `SciPy`.
const EXACT_WITH_TIES: usize = 13;

/// Outcome of a signed-rank test.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SignedRank {
    /// The lesser of the sums of ranks of positive and of negative differences.
    pub statistic: f64,
    /// Two-sided probability of a statistic at least as extreme if differences were symmetric around 0; 1 without any
    /// difference.
    pub p: f64,
}

/// Wilcoxon's signed-rank test of differences, which must be finite. Zeros are dropped, equal absolute differences share
/// the mean of their ranks (`scipy.stats.wilcoxon` with its defaults). Up to 50 differences, 13 where some are equal or
/// zero, p is exact; beyond that it is the normal approximation with the variance
/// ```text
/// n (n + 1) (2n + 1) / 24 − Σ over ties of (t³ − t) / 48
/// ```
/// without correction for continuity. Source: Wilcoxon, "Individual comparisons by ranking methods", 1945.
#[must_use]
pub fn wilcoxon(differences: &[f64]) -> SignedRank {
    let mut left: Vec<f64> = differences.iter().copied().filter(|it| *it != 0.0).collect();
    left.sort_by(|a, b| a.abs().total_cmp(&b.abs()));
    let count = left.len();
    let mut ranked = Ranked::default();
    for group in left.chunk_by(|a, b| a.abs() >= b.abs()) {
        ranked.add(group);
    }
    let total = (count * (count + 1)) as u64;
    let lesser = ranked.positive.min(total - ranked.positive);
    let plain = ranked.ties <= 0.0 && count == differences.len();
    let p = if count == 0 {
        1.0
    } else if count <= EXACT_WITH_TIES || (plain && count <= EXACT) {
        exact(&ranked.doubled, lesser)
    } else {
        approximate(count as f64, ranked.ties, lesser as f64 / 2.0)
    };
    SignedRank { statistic: lesser as f64 / 2.0, p }
}

/// Ranks, doubled so that means of neighbours stay whole.
#[derive(Debug, Default)]
struct Ranked {
    doubled: Vec<u64>,
    /// Sum of the doubled ranks of positive differences.
    positive: u64,
    /// `Σ (t³ − t)` over groups of `t` equal ones.
    ties: f64,
}

impl Ranked {
    fn add(&mut self, group: &[f64]) {
        let (before, size) = (self.doubled.len() as u64, group.len() as u64);
        let doubled = 2 * before + size + 1;
        self.doubled.extend(group.iter().map(|_| doubled));
        self.positive += doubled * group.iter().filter(|it| **it > 0.0).count() as u64;
        self.ties += (size * size * size - size) as f64;
    }
}

/// `P(W <= lesser or W >= total − lesser)` over all signs of the ranks, each as likely as the other.
fn exact(doubled: &[u64], lesser: u64) -> f64 {
    let total = doubled.iter().sum::<u64>() as usize;
    let mut share = vec![0.0; total + 1];
    share[0] = 1.0;
    for &rank in doubled {
        for sum in (0..=total).rev() {
            let with = sum.checked_sub(rank as usize).map_or(0.0, |rest| share[rest]);
            share[sum] = f64::midpoint(share[sum], with);
        }
    }
    (2.0 * share[..=lesser as usize].iter().sum::<f64>()).min(1.0)
}

fn approximate(count: f64, ties: f64, lesser: f64) -> f64 {
    let mean = count * (count + 1.0) / 4.0;
    let variance = count * (count + 1.0) * (2.0 * count + 1.0) / 24.0 - ties / 48.0;
    2.0 * normal_cdf((lesser - mean) / variance.sqrt())
}

/// Probabilities of several tests, adjusted so that the chance of a single false alarm among all stays what it says:
/// ```text
/// p̃_(i) = max over j <= i of min(1, (m − j + 1) p_(j)),   p_(1) <= … <= p_(m)
/// ```
/// Source: Holm, "A simple sequentially rejective multiple test procedure", 1979.
#[must_use]
pub fn holm(probabilities: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..probabilities.len()).collect();
    order.sort_by(|&a, &b| probabilities[a].total_cmp(&probabilities[b]));
    let (mut adjusted, mut least) = (vec![0.0; probabilities.len()], 0.0_f64);
    for (rank, &at) in order.iter().enumerate() {
        least = least.max((probabilities[at] * (probabilities.len() - rank) as f64).min(1.0));
        adjusted[at] = least;
    }
    adjusted
}

/// Cliff's delta: how much likelier a value of `x` is above one of `y` than below, −1 to 1; NaN of nothing.
#[must_use]
pub fn cliffs_delta(x: &[f64], y: &[f64]) -> f64 {
    let sign = |a: &f64, b: &f64| f64::from(a.partial_cmp(b).map_or(0, |order| order as i8));
    let sum: f64 = x.iter().flat_map(|a| y.iter().map(move |b| sign(a, b))).sum();
    sum / (x.len() * y.len()) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(found: f64, wanted: f64) {
        assert!((found - wanted).abs() <= 1e-9, "{found} is not {wanted}");
    }

    // SciPy 1.17.1: stats.wilcoxon(d)
    #[test]
    fn signed_ranks_are_scipys() {
        let sixty: Vec<f64> = (0..60_i32).map(|at| f64::from(at * 37 % 61 - 24) / 10.0).collect();
        let forty: Vec<f64> = (0..40_i32).map(|at| (f64::from(at * 37 % 61) - 22.5) / 10.0).collect();
        let cases: [(&[f64], f64, f64); 7] = [
            (&[0.3, -0.1, 0.5, 0.7, -0.2, 0.9, 0.4, 1.1], 3.0, 0.039_062_5),
            (&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 0.0, 0.031_25),
            (&[1.0, -1.0, 2.0, 2.0, -3.0, 4.0, 4.0, 4.0, 5.0], 6.5, 0.058_593_75),
            (&[0.0, 0.0, 1.0, 2.0, -3.0, 4.0, 5.0, -6.0, 7.0], 9.0, 0.468_75),
            (
                &[1.0, -1.0, 2.0, 2.0, -3.0, 4.0, 4.0, 4.0, 5.0, -2.0, 1.0, 3.0, 3.0, -4.0, 6.0, 0.0, 2.0],
                29.0,
                0.042_749_938_037_894_18,
            ),
            (&sixty, 588.0, 0.016_064_806_574_457_04),
            (&forty, 254.5, 0.036_587_791_423_761_86),
        ];
        for (differences, statistic, p) in cases {
            let found = wilcoxon(differences);
            near(found.statistic, statistic);
            assert!((found.p - p).abs() <= 1e-7, "{found:?} is not {p}");
        }
        assert_eq!(wilcoxon(&[0.0, 0.0]), SignedRank { statistic: 0.0, p: 1.0 });
    }

    // Every sign of every rank, by hand: the exact law is a count.
    #[test]
    fn the_exact_law_is_a_count_of_signs() {
        let differences = [0.5, -1.5, 2.5, 3.5, -4.5];
        let found = wilcoxon(&differences);
        let sums = (0..32_u32).map(|signs| (0..5).filter(|bit| signs >> bit & 1 == 1).map(|bit| bit + 1).sum::<u32>());
        let extreme = sums.filter(|&sum| f64::from(sum.min(15 - sum)) <= found.statistic).count();
        near(found.p, extreme as f64 / 32.0);
    }

    // statsmodels 0.15.0: multipletests([.01, .04, .03, .005], method='holm')[1]
    #[test]
    fn holm_steps_down_and_never_turns_round() {
        holm(&[0.01, 0.04, 0.03, 0.005]).iter().zip([0.03, 0.06, 0.06, 0.02]).for_each(|(a, b)| near(*a, b));
        assert_eq!(holm(&[0.9, 0.8]), [1.0, 1.0]);
        assert!(holm(&[]).is_empty());
    }

    #[test]
    fn cliffs_delta_counts_pairs() {
        near(cliffs_delta(&[1.0, 2.0, 3.0], &[2.0, 2.0, 5.0]), (2.0 - 5.0) / 9.0);
        near(cliffs_delta(&[1.0, 2.0], &[1.0, 2.0]), 0.0);
        assert!(cliffs_delta(&[], &[1.0]).is_nan());
    }
}
