//! What ends learning early, and how it is noticed before it is saved.

use super::file::Archive;
use super::session::Metrics;

/// Why an update failed.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The device did.
    #[error("the device failed")]
    Device(#[from] candle_core::Error),
    /// The fit of the first policy to counterfactuals grew beyond all bounds.
    #[error("the fit to what other actions would have cost diverged: a parameter became {value}")]
    Unfit {
        /// The parameter's value.
        value: f64,
    },
    /// A number grew beyond all bounds.
    #[error("learning diverged in update {update}: {what} became {value}")]
    Diverged {
        /// The update, counted from 1.
        update: u64,
        /// What is not finite.
        what: &'static str,
        /// Its value.
        value: f64,
    },
}

/// The first number of an update, or of the learner after it, that is not finite.
pub(super) fn unsound(metrics: &Metrics, learner: &Archive) -> Option<(&'static str, f64)> {
    let mut values = learner.tensors.values().flat_map(|(_, values)| values);
    let parameter = values.find(|value| !value.is_finite()).copied();
    let numbers = [
        ("the return", metrics.mean_return),
        ("the value loss", metrics.value_loss),
        ("the entropy", metrics.entropy),
        ("the divergence of the policy", metrics.approx_kl),
        ("the gradient's norm", metrics.grad_norm),
        ("a parameter", parameter.map_or(0.0, f64::from)),
    ];
    numbers.into_iter().find(|(_, value)| !value.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_finite_is_named() {
        let metrics = Metrics { grad_norm: 1.0, ..Metrics::default() };
        let learner = |value: f32| {
            let mut archive = Archive::default();
            archive.insert("theta", &[2], &[0.0, value]);
            archive
        };
        assert_eq!(unsound(&metrics, &learner(-1.0)), None);
        assert_eq!(unsound(&metrics, &learner(f32::INFINITY)), Some(("a parameter", f64::INFINITY)));
        let (what, value) = unsound(&Metrics { value_loss: f64::NAN, ..metrics }, &learner(0.0)).unwrap();
        assert!(what == "the value loss" && value.is_nan());
    }
}
