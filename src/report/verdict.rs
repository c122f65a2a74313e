//! What became of a gate, in a line.

use super::number::significant;
use crate::eval::gates::Verdict;

/// Which gate, whether it is met, and if not by how much it fails.
#[must_use]
pub fn line(verdict: &Verdict) -> String {
    let (left, right) = (significant(verdict.left, 4), significant(verdict.right, 4));
    if verdict.met {
        return format!("gate met: {}: {left} against {right}", verdict.gate);
    }
    let by = (verdict.left - verdict.right).abs();
    let how = if by.is_finite() {
        format!("off by {}", significant(by, 3))
    } else if verdict.left.is_nan() || verdict.right.is_nan() {
        "a figure is not known".to_owned()
    } else {
        "a side is infinite".to_owned()
    };
    format!("gate not met: {}: {left} against {right}, {how}", verdict.gate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gate_that_is_not_met_says_by_how_much() {
        let gate = "cost.usd[policy]/cost.usd[tuned] <= 0.85".to_owned();
        let verdict = Verdict { gate, met: false, left: 0.9, right: 0.85 };
        let wanted = "gate not met: cost.usd[policy]/cost.usd[tuned] <= 0.85: 0.9000 against 0.8500, off by 0.0500";
        assert_eq!(line(&verdict), wanted);
        let unknown = Verdict { left: f64::NAN, ..verdict };
        assert!(line(&unknown).ends_with("– against 0.8500, a figure is not known"));
        let infinite = Verdict { left: f64::INFINITY, ..unknown };
        assert!(line(&infinite).ends_with("– against 0.8500, a side is infinite"));
    }
}
