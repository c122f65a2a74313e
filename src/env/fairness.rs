//! How evenly something is shared: over pods, or, of the objective that is met, over functions.
//!
//! All take shares `x`, 0 or more. An index is 1 when all are equal, and when there is nothing to share.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A figure that falls as shares grow apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Index {
    /// Jain's index.
    #[default]
    Jain,
    /// The least share over the mean.
    MaxMin,
    /// The geometric mean over the arithmetic mean.
    Nash,
    /// 1 − the coefficient of variation, at least 0.
    Variation,
}

impl Index {
    /// The index of shares, from 0 to 1.
    #[must_use]
    pub fn of(self, shares: &[f64]) -> f64 {
        let over_mean = |figure: f64| {
            let mean = mean(shares);
            if mean > 0.0 { (figure / mean).clamp(0.0, 1.0) } else { 1.0 }
        };
        match self {
            Self::Jain => jain(shares),
            Self::MaxMin => over_mean(max_min(shares)),
            Self::Nash => over_mean(nash(shares)),
            Self::Variation => (1.0 - variation(shares)).max(0.0),
        }
    }
}

/// All figures of shares, as documents have them.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Figures {
    /// Jain's index.
    pub jain: f64,
    /// Variance.
    pub variance: f64,
    /// Standard deviation.
    pub deviation: f64,
    /// Coefficient of variation.
    pub variation: f64,
    /// The least share.
    pub max_min: f64,
    /// The geometric mean.
    pub nash: f64,
}

impl Figures {
    /// Those of shares.
    #[must_use]
    pub fn of(shares: &[f64]) -> Self {
        Self {
            jain: jain(shares),
            variance: variance(shares),
            deviation: deviation(shares),
            variation: variation(shares),
            max_min: max_min(shares),
            nash: nash(shares),
        }
    }
}

/// Jain's index, from `1/n`, all in one hand, to 1.
///
/// ```text
/// J = (Σ x)² / (n Σ x²)
/// ```
/// Source: Jain, Chiu and Hawe, DEC-TR-301, 1984.
#[must_use]
pub fn jain(shares: &[f64]) -> f64 {
    let (sum, squares) = shares.iter().fold((0.0, 0.0), |(sum, squares), x| (sum + x, squares + x * x));
    if squares > 0.0 { sum * sum / (shares.len() as f64 * squares) } else { 1.0 }
}

/// The arithmetic mean; 0 of none.
#[must_use]
pub fn mean(shares: &[f64]) -> f64 {
    if shares.is_empty() { 0.0 } else { shares.iter().sum::<f64>() / shares.len() as f64 }
}

/// The variance of all there are: `Σ (x − x̄)² / n`.
#[must_use]
pub fn variance(shares: &[f64]) -> f64 {
    let mean = mean(shares);
    let squares: f64 = shares.iter().map(|x| (x - mean).powi(2)).sum();
    if shares.is_empty() { 0.0 } else { squares / shares.len() as f64 }
}

/// The standard deviation: the root of [`variance`].
#[must_use]
pub fn deviation(shares: &[f64]) -> f64 {
    variance(shares).sqrt()
}

/// The coefficient of variation: the standard deviation over the mean, 0 when all idle. `J = 1 / (1 + CV²)`.
#[must_use]
pub fn variation(shares: &[f64]) -> f64 {
    let mean = mean(shares);
    if mean > 0.0 { deviation(shares) / mean } else { 0.0 }
}

/// What max-min fairness makes as large as it can be: the least share; 0 of none.
#[must_use]
pub fn max_min(shares: &[f64]) -> f64 {
    shares.iter().copied().reduce(f64::min).unwrap_or(0.0)
}

/// The Nash product as a share: `(Π x)^(1/n)`, the geometric mean, which neither overflows nor depends on how many there
/// are; 0 of none, and when any share is.
#[must_use]
pub fn nash(shares: &[f64]) -> f64 {
    if shares.is_empty() {
        return 0.0;
    }
    (shares.iter().map(|x| x.max(0.0).ln()).sum::<f64>() / shares.len() as f64).exp()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Index; 4] = [Index::Jain, Index::MaxMin, Index::Nash, Index::Variation];

    #[test]
    fn figures_are_those_worked_by_hand() {
        let shares = [1.0, 2.0, 4.0, 1.0];
        for (found, exact) in [
            (jain(&shares), 64.0 / 88.0),
            (variance(&shares), 1.5),
            (deviation(&shares), 1.5_f64.sqrt()),
            (variation(&shares), 1.5_f64.sqrt() / 2.0),
            (max_min(&shares), 1.0),
            (nash(&shares), 8.0_f64.powf(0.25)),
        ] {
            assert!((found - exact).abs() < 1e-12, "{found} for {exact}");
        }
        assert!((jain(&shares) - 1.0 / (1.0 + variation(&shares).powi(2))).abs() < 1e-12);
        assert!((jain(&[5.0, 0.0, 0.0, 0.0, 0.0]) - 0.2).abs() < 1e-12, "all in one hand");
    }

    #[test]
    fn what_is_even_or_idle_has_an_index_of_one() {
        for index in ALL {
            for shares in [&[][..], &[0.0; 3], &[0.7], &[2.5; 7]] {
                assert!((index.of(shares) - 1.0).abs() < 1e-9, "{index:?} of {shares:?}: {}", index.of(shares));
            }
        }
    }

    #[test]
    fn an_index_lies_between_0_and_1_does_not_depend_on_the_unit_and_falls_as_shares_grow_apart() {
        for index in ALL {
            let mut last = 1.0;
            for apart in [0.0, 0.1, 0.4, 0.9] {
                let shares = [1.0 - apart, 1.0, 1.0 + apart];
                let found = index.of(&shares);
                assert!((0.0..=last + 1e-12).contains(&found), "{index:?} {apart}: {found}");
                assert!((index.of(&shares.map(|x| 1e6 * x)) - found).abs() < 1e-9, "{index:?}");
                last = found;
            }
            assert!(last < 0.9, "{index:?}: {last}");
        }
    }
}
