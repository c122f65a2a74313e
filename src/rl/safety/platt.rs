//! Calibration: from a classifier's output to a probability that holds on data it has not learned from.
//!
//! ```text
//! p = 1 / (1 + e^−(slope · z + intercept)), by the least cross-entropy to the targets
//! t₊ = (N₊ + 1) / (N₊ + 2) and t₋ = 1 / (N₋ + 2)
//! ```
//! Sources: Platt, Probabilistic Outputs for Support Vector Machines, 1999; Newton's method with backtracking after Lin,
//! Lin and Weng, A Note on Platt's Probabilistic Outputs, Machine Learning 68 (2007).

use serde::{Deserialize, Serialize};

/// A line through the logit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Platt {
    /// Factor on the output; not below 0, so that the order of outputs stays.
    pub slope: f64,
    /// What is added.
    pub intercept: f64,
}

/// Newton steps; it takes fewer than ten on anything sane.
const STEPS: usize = 100;

impl Platt {
    /// The best line for `outputs` whose `labels` say what came true. Where the best line falls, nothing is to be told
    /// from the outputs, and the probability is the share of true labels.
    #[must_use]
    pub fn fit(outputs: &[f64], labels: &[bool]) -> Self {
        let (yes, all) = (labels.iter().filter(|label| **label).count() as f64, labels.len() as f64);
        let targets = [1.0 / (all - yes + 2.0), (yes + 1.0) / (yes + 2.0)];
        let rows: Vec<(f64, f64)> =
            outputs.iter().zip(labels).map(|(&z, &label)| (z, targets[usize::from(label)])).collect();
        let flat = Self { slope: 0.0, intercept: ((yes + 1.0) / (all - yes + 1.0)).ln() };
        let mut line = flat;
        for _ in 0..STEPS {
            let Some(step) = line.newton(&rows) else { break };
            if step.0.abs().max(step.1.abs()) < 1e-10 {
                break;
            }
            let before = line.loss(&rows);
            let shorter = |halvings: i32| {
                let share = 0.5_f64.powi(halvings);
                Self { slope: line.slope - share * step.0, intercept: line.intercept - share * step.1 }
            };
            let Some(next) = (0..40).map(shorter).find(|it| it.loss(&rows) <= before) else { break };
            line = next;
        }
        if line.slope > 0.0 && line.slope.is_finite() && line.intercept.is_finite() { line } else { flat }
    }

    /// The probability at an output.
    #[must_use]
    pub fn probability(&self, output: f64) -> f64 {
        sigmoid(self.slope * output + self.intercept)
    }

    /// Newton's step: the inverse of the Hessian times the gradient; `None` where it cannot be inverted.
    fn newton(&self, rows: &[(f64, f64)]) -> Option<(f64, f64)> {
        // Lin et al.'s guard against a singular Hessian.
        let (mut aa, mut ab, mut bb, mut ga, mut gb) = (1e-12, 0.0, 1e-12, 0.0, 0.0);
        for &(z, target) in rows {
            let p = self.probability(z);
            let weight = p * (1.0 - p);
            aa += weight * z * z;
            ab += weight * z;
            bb += weight;
            ga += (p - target) * z;
            gb += p - target;
        }
        let determinant = aa * bb - ab * ab;
        let step = ((bb * ga - ab * gb) / determinant, (aa * gb - ab * ga) / determinant);
        (step.0.is_finite() && step.1.is_finite()).then_some(step)
    }

    fn loss(&self, rows: &[(f64, f64)]) -> f64 {
        rows.iter().map(|&(z, target)| cross_entropy(self.slope * z + self.intercept, target)).sum()
    }
}

/// `1 / (1 + e^−x)`.
#[must_use]
pub fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// `ln(1 + e^x) − target · x`: the cross-entropy of a logit against a probability, without overflow.
#[must_use]
pub fn cross_entropy(logit: f64, target: f64) -> f64 {
    logit.max(0.0) + (-logit.abs()).exp().ln_1p() - target * logit
}

#[cfg(test)]
mod tests {
    use super::*;

    const Z: [f64; 10] = [-2.0, -1.5, -1.0, -0.5, 0.0, 0.3, 0.8, 1.2, 2.0, 3.0];
    const Y: [bool; 10] = [false, false, true, false, false, true, false, true, true, true];

    // scikit-learn 1.9.1: from sklearn.calibration import _sigmoid_calibration
    //   a, b = _sigmoid_calibration(np.array(Z), np.array(Y)); (-a, -b)
    #[test]
    fn the_line_is_scikit_learns() {
        let line = Platt::fit(&Z, &Y);
        assert!((line.slope - 0.649_298_09).abs() < 1e-4 && (line.intercept + 0.132_403_51).abs() < 1e-4, "{line:?}");
    }

    #[test]
    fn calibrated_probabilities_come_true_as_often_as_they_say() {
        // Overconfident outputs: twice the true logit, which goes evenly from -2 to 2.
        let logits: Vec<f64> = (0..4000).map(|i| -2.0 + 4.0 * f64::from(i) / 3999.0).collect();
        let labels: Vec<bool> =
            logits.iter().enumerate().map(|(i, &x)| (i * 7919 % 1000) as f64 / 1000.0 < sigmoid(x)).collect();
        let outputs: Vec<f64> = logits.iter().map(|x| 2.0 * x).collect();
        let line = Platt::fit(&outputs, &labels);
        assert!((line.slope - 0.5).abs() < 0.05 && line.intercept.abs() < 0.1, "{line:?}");
    }

    #[test]
    fn outputs_that_tell_nothing_leave_the_share() {
        let labels = [true, true, true, false];
        let line = Platt::fit(&[1.0, 1.0, 2.0, 9.0], &labels);
        assert!(line.slope == 0.0 && (line.probability(123.0) - 4.0 / 6.0).abs() < 1e-12);
        let certain = Platt::fit(&[0.3, 0.2], &[true, true]);
        assert!(certain.probability(0.0) > 0.5 && certain.probability(0.0) < 1.0);
    }
}
