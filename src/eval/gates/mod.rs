//! Gates: `--require 'cost.usd[policy]/cost.usd[tuned] <= 0.95'`, decided on reported figures.
//!
//! ```text
//! gate   = sum ("<=" | "<" | ">=" | ">") sum
//! sum    = term  { ("+" | "-") term }
//! term   = factor { ("*" | "/") factor }
//! factor = number | "-" factor | "(" sum ")" | figure | ("mean" | "lower" | "upper") "(" figure ")"
//! figure = key "[" policy "]"            as in  slo.violation_rate[stock-80]
//! ```
//! A figure alone is its mean. A gate is not met when a side is not a finite number, as when a figure is not known.

mod parse;

use std::fmt;

use serde::Serialize;

use crate::error::InputError;
use crate::eval::stats::Interval;

/// A parsed gate.
#[derive(Debug, Clone, PartialEq)]
pub struct Gate {
    text: String,
    left: Node,
    relation: Relation,
    right: Node,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Relation {
    AtMost,
    Below,
    AtLeast,
    Above,
}

#[derive(Debug, Clone, PartialEq)]
enum Node {
    Number(f64),
    Figure { part: Part, figure: Figure },
    Negated(Box<Node>),
    Binary(char, Box<Node>, Box<Node>),
}

/// Which end of a figure's interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Mean,
    Lower,
    Upper,
}

/// A reported figure of a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Figure {
    /// Its key, as in `cost.usd`.
    pub key: String,
    /// The policy's name.
    pub policy: String,
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}[{}]", self.key, self.policy)
    }
}

/// What became of a gate.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verdict {
    /// The gate as it was written.
    pub gate: String,
    /// Whether it holds.
    pub met: bool,
    /// Value of its left side; not a number when a figure is not known.
    pub left: f64,
    /// Value of its right side.
    pub right: f64,
}

impl Gate {
    /// Reads a gate.
    ///
    /// # Errors
    /// Shows where the text stops being a gate. One without a figure is none: nothing could fail it.
    pub fn parse(text: &str) -> Result<Self, InputError> {
        let gate = parse::gate(text)?;
        if gate.figures().is_empty() {
            let problem = format!("{:?} names no figure, so no comparison decides it", gate.text);
            return Err(InputError::new(problem, "name one, as in 'cost.usd[tuned] <= 10'").field("--require"));
        }
        if !(gate.left.can_be_finite() && gate.right.can_be_finite()) {
            let problem = format!("{:?} has a number that is not finite", gate.text);
            return Err(
                InputError::new(problem, "write smaller numbers, and divide by none that is 0").field("--require")
            );
        }
        Ok(gate)
    }

    /// The figures that it names.
    #[must_use]
    pub fn figures(&self) -> Vec<&Figure> {
        let mut figures = Vec::new();
        self.left.collect(&mut figures);
        self.right.collect(&mut figures);
        figures
    }

    /// Decides the gate; `lookup` knows the figures.
    ///
    /// # Errors
    /// What `lookup` says of a figure it does not have.
    pub fn decide(&self, lookup: &dyn Fn(&Figure) -> Result<Interval, InputError>) -> Result<Verdict, InputError> {
        let (left, right) = (self.left.value(lookup)?, self.right.value(lookup)?);
        let met = match self.relation {
            Relation::AtMost => left <= right,
            Relation::Below => left < right,
            Relation::AtLeast => left >= right,
            Relation::Above => left > right,
        };
        let met = met && left.is_finite() && right.is_finite();
        Ok(Verdict { gate: self.text.clone(), met, left, right })
    }
}

impl Node {
    /// Whether no part without figures is infinite or not a number.
    fn can_be_finite(&self) -> bool {
        let inner = match self {
            Self::Number(_) | Self::Figure { .. } => true,
            Self::Negated(inner) => inner.can_be_finite(),
            Self::Binary(_, left, right) => left.can_be_finite() && right.can_be_finite(),
        };
        let unnamed = |_: &Figure| Err(InputError::new("a figure", "name none"));
        inner && self.value(&unnamed).map_or(true, f64::is_finite)
    }

    fn collect<'a>(&'a self, figures: &mut Vec<&'a Figure>) {
        match self {
            Self::Number(_) => {}
            Self::Figure { figure, .. } => figures.push(figure),
            Self::Negated(inner) => inner.collect(figures),
            Self::Binary(_, left, right) => {
                left.collect(figures);
                right.collect(figures);
            }
        }
    }

    fn value(&self, lookup: &dyn Fn(&Figure) -> Result<Interval, InputError>) -> Result<f64, InputError> {
        Ok(match self {
            Self::Number(value) => *value,
            Self::Negated(inner) => -inner.value(lookup)?,
            Self::Figure { part, figure } => {
                let interval = lookup(figure)?;
                match part {
                    Part::Mean => interval.mean,
                    Part::Lower => interval.lower,
                    Part::Upper => interval.upper,
                }
            }
            Self::Binary(operator, left, right) => {
                let (left, right) = (left.value(lookup)?, right.value(lookup)?);
                match operator {
                    '+' => left + right,
                    '-' => left - right,
                    '*' => left * right,
                    _ => left / right,
                }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lookup(figure: &Figure) -> Result<Interval, InputError> {
        match (figure.key.as_str(), figure.policy.as_str()) {
            ("cost.usd", "policy") => Ok(Interval { mean: 9.0, lower: 8.0, upper: 10.5 }),
            ("cost.usd", "stock-80") => Ok(Interval { mean: 10.0, lower: 9.0, upper: 11.0 }),
            ("gap_closed", _) => Ok(Interval { mean: f64::NAN, lower: f64::NAN, upper: f64::NAN }),
            _ => Err(InputError::new(format!("there is no figure {figure}"), "write another")),
        }
    }

    fn decide(text: &str) -> Verdict {
        parse::gate(text).unwrap().decide(&lookup).unwrap()
    }

    #[test]
    fn gates_compare_figures_of_policies() {
        assert!(decide("cost.usd[policy]/cost.usd[stock-80] <= 0.95").met);
        assert!(!decide("upper(cost.usd[policy]) < 10.5").met);
        assert!(decide("upper(cost.usd[policy]) <= 10.5").met);
        assert!(decide("lower( cost.usd[stock-80] ) >= mean(cost.usd[policy])").met);
        assert!(decide("1.5e1 * 1e-1 <= 15E-1").met);
        assert!(decide("2 + 3 * -2 > -(1 + 4)").met);
        assert!(decide("8 / 2 / 2 - 1 - 1 >= 0").met, "operators of one rank group from the left");
    }

    #[test]
    fn a_gate_without_a_figure_is_refused() {
        let error = Gate::parse("1 < 2").unwrap_err();
        assert_eq!(error.problem, "\"1 < 2\" names no figure, so no comparison decides it");
    }

    #[test]
    fn a_gate_on_an_unknown_value_is_not_met() {
        for part in ["mean", "lower", "upper"] {
            for relation in ["<=", "<", ">=", ">"] {
                assert!(!decide(&format!("{part}(gap_closed[policy]) {relation} 0")).met, "{part} {relation}");
            }
        }
        assert!(!decide("0 * gap_closed[policy] <= 1").met);
    }

    #[test]
    fn a_gate_with_a_side_that_is_not_finite_is_not_met() {
        let infinite = decide("cost.usd[policy] / (cost.usd[policy] - cost.usd[policy]) > 1");
        assert!(infinite.left.is_infinite() && !infinite.met);
    }

    #[test]
    fn numbers_that_are_not_finite_are_refused() {
        for text in [
            "cost.usd[policy] < 1e400",
            "1/0 > cost.usd[policy]",
            "cost.usd[policy] + (0/0) < 1",
            "a[b] < -1e200*1e200",
        ] {
            let error = Gate::parse(text).unwrap_err();
            assert_eq!(error.problem, format!("{text:?} has a number that is not finite"));
        }
    }

    #[test]
    fn a_figure_that_is_not_reported_is_an_error() {
        let error = Gate::parse("cost.eur[policy] < 1").unwrap().decide(&lookup).unwrap_err();
        assert_eq!(error.problem, "there is no figure cost.eur[policy]");
    }
}
