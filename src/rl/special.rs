//! Special functions that distributions need, in double precision.

use std::f64::consts::PI;

/// From here on the asymptotic series are exact to 1e-12.
const FAR: f64 = 10.0;

/// `ln(1 + eˣ)`, without overflow.
#[must_use]
pub fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

/// `x` with softplus `y`, for `y` above 0.
#[must_use]
pub fn softplus_inverse(y: f64) -> f64 {
    y + (-(-y).exp_m1()).ln()
}

/// `1 / (1 + e⁻ˣ)`, the slope of [`softplus`].
#[must_use]
pub fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// ln Γ(x) for `x` above 0. Source: Abramowitz and Stegun, 6.1.15 and 6.1.41.
#[must_use]
pub fn ln_gamma(x: f64) -> f64 {
    let (y, product) = shifted(x, 1.0, |product, x| product * x);
    let z = 1.0 / (y * y);
    let series = (1.0 / 12.0 + z * (-1.0 / 360.0 + z * (1.0 / 1260.0 + z * (-1.0 / 1680.0 + z / 1188.0)))) / y;
    (y - 0.5) * y.ln() - y + 0.5 * (2.0 * PI).ln() + series - product.ln()
}

/// ψ(x) = d ln Γ(x) / dx for `x` above 0. Source: Abramowitz and Stegun, 6.3.5 and 6.3.18.
#[must_use]
pub fn digamma(x: f64) -> f64 {
    let (y, sum) = shifted(x, 0.0, |sum, x| sum + 1.0 / x);
    let z = 1.0 / (y * y);
    let series = z * (1.0 / 12.0 + z * (-1.0 / 120.0 + z * (1.0 / 252.0 + z * (-1.0 / 240.0 + z / 132.0))));
    y.ln() - 0.5 / y - series - sum
}

/// ψ′(x) for `x` above 0. Source: Abramowitz and Stegun, 6.4.6 and 6.4.12.
#[must_use]
pub fn trigamma(x: f64) -> f64 {
    let (y, sum) = shifted(x, 0.0, |sum, x| sum + 1.0 / (x * x));
    let z = 1.0 / (y * y);
    let series = z * (1.0 / 6.0 + z * (-1.0 / 30.0 + z * (1.0 / 42.0 + z * (-1.0 / 30.0 + z * 5.0 / 66.0)))) / y;
    1.0 / y + 0.5 * z + series + sum
}

/// Adds ones to `x` until the series are exact, and folds what they stepped over.
fn shifted(mut x: f64, start: f64, fold: impl Fn(f64, f64) -> f64) -> (f64, f64) {
    let mut total = start;
    while x < FAR {
        total = fold(total, x);
        x += 1.0;
    }
    (x, total)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Computed once with SciPy 1.17.1:
    /// ```python
    /// from scipy.special import gammaln, digamma, polygamma
    /// for x in (0.3, 1.0, 2.5, 7.25, 120.0): print(gammaln(x), digamma(x), polygamma(1, x))
    /// ```
    const SCIPY: [(f64, f64, f64, f64); 5] = [
        (0.3, 1.095_797_994_818_075_6, -3.502_524_222_200_133, 12.245_364_546_107_734),
        (1.0, 0.0, -0.577_215_664_901_532_9, 1.644_934_066_848_226_6),
        (2.5, 0.284_682_870_472_919_2, 0.703_156_640_645_243_2, 0.490_357_756_100_234_9),
        (7.25, 7.052_185_450_738_539_5, 1.910_453_526_883_736_2, 0.147_879_233_158_932_2),
        (120.0, 453.024_896_238_496_1, 4.783_319_289_118_529, 0.008_368_152_004_833_315),
    ];

    #[test]
    fn they_agree_with_scipy() {
        for (x, gamma, first, second) in SCIPY {
            for (found, expected) in [(ln_gamma(x), gamma), (digamma(x), first), (trigamma(x), second)] {
                assert!((found - expected).abs() < 1e-11 * expected.abs().max(1.0), "{x}: {found} is not {expected}");
            }
        }
    }

    #[test]
    fn softplus_and_its_inverse_undo_each_other() {
        for y in [1e-6, 0.1, 1.0, 30.0, 800.0] {
            assert!((softplus(softplus_inverse(y)) - y).abs() < 1e-12 * f64::max(1.0, y), "{y}");
        }
        assert!((sigmoid(0.7) - (softplus(0.7 + 1e-6) - softplus(0.7 - 1e-6)) / 2e-6).abs() < 1e-9);
        assert!(softplus(-1000.0).abs() < 1e-300 && (softplus(1000.0) - 1000.0).abs() < 1e-9);
    }
}
