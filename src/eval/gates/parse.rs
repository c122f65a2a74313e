//! Recursive descent over a gate's characters.

use super::{Figure, Gate, Node, Part, Relation};
use crate::error::InputError;

/// Deepest nesting of brackets and signs that is read.
const DEEPEST: usize = 64;

const HELP: &str = "write a comparison of reported figures, such as 'cost.usd[policy]/cost.usd[tuned] <= 0.95' or \
                    'upper(slo.violation_rate[policy]) <= 0.01'";

/// Longest text that is read, in bytes; with [`DEEPEST`] it bounds the recursion over what was read.
const LONGEST: usize = 4096;

/// Reads a whole gate.
pub(super) fn gate(text: &str) -> Result<Gate, InputError> {
    if text.len() > LONGEST {
        let problem = format!("{} bytes are too many for a gate", text.len());
        return Err(InputError::new(problem, HELP).field("--require"));
    }
    let mut parser = Parser { text, at: 0, depth: 0 };
    let left = parser.sum()?;
    let relation = parser.relation()?;
    let right = parser.sum()?;
    match parser.peek() {
        None => Ok(Gate { text: text.trim().to_owned(), left, relation, right }),
        Some(_) => Err(parser.wanted("the end")),
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn peek(&mut self) -> Option<char> {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_start().len();
        self.text[self.at..].chars().next()
    }

    fn take(&mut self, one_of: &str) -> Option<char> {
        let next = self.peek().filter(|&next| one_of.contains(next))?;
        self.at += next.len_utf8();
        Some(next)
    }

    fn expect(&mut self, wanted: char) -> Result<(), InputError> {
        self.take(wanted.encode_utf8(&mut [0; 4])).map(drop).ok_or_else(|| self.wanted(&format!("`{wanted}`")))
    }

    /// The longest run of characters that `belongs`, from here.
    fn run(&mut self, belongs: impl Fn(char) -> bool) -> &'a str {
        self.peek();
        let rest = &self.text[self.at..];
        let end = rest.find(|c| !belongs(c)).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    fn wanted(&mut self, wanted: &str) -> InputError {
        let found = self.peek().map_or_else(|| "the end".to_owned(), |next| format!("`{next}`"));
        let caret = " ".repeat(self.text[..self.at].chars().count());
        let problem = format!("expected {wanted}, found {found}\n    {}\n    {caret}^", self.text);
        InputError::new(problem, HELP).field("--require")
    }

    fn relation(&mut self) -> Result<Relation, InputError> {
        let first = self.take("<>").ok_or_else(|| self.wanted("`<=`, `<`, `>=` or `>`"))?;
        let equal = self.text[self.at..].starts_with('=');
        self.at += usize::from(equal);
        Ok(match (first, equal) {
            ('<', true) => Relation::AtMost,
            ('<', false) => Relation::Below,
            (_, true) => Relation::AtLeast,
            (_, false) => Relation::Above,
        })
    }

    fn sum(&mut self) -> Result<Node, InputError> {
        let mut left = self.term()?;
        while let Some(operator) = self.take("+-") {
            left = Node::Binary(operator, Box::new(left), Box::new(self.term()?));
        }
        Ok(left)
    }

    fn term(&mut self) -> Result<Node, InputError> {
        let mut left = self.factor()?;
        while let Some(operator) = self.take("*/") {
            left = Node::Binary(operator, Box::new(left), Box::new(self.factor()?));
        }
        Ok(left)
    }

    fn factor(&mut self) -> Result<Node, InputError> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(self.wanted("fewer brackets and signs"));
        }
        let node = match self.peek() {
            Some('-') => {
                self.expect('-')?;
                Node::Negated(Box::new(self.factor()?))
            }
            Some('(') => {
                self.expect('(')?;
                let inner = self.sum()?;
                self.expect(')')?;
                inner
            }
            Some(next) if next.is_ascii_digit() || next == '.' => self.number()?,
            _ => self.figure_or_part()?,
        };
        self.depth -= 1;
        Ok(node)
    }

    fn number(&mut self) -> Result<Node, InputError> {
        let start = self.at;
        self.run(|c| c.is_ascii_digit() || c == '.');
        self.exponent();
        let parsed = self.text[start..self.at].parse().ok();
        parsed.map(Node::Number).ok_or_else(|| {
            self.at = start;
            self.wanted("a number")
        })
    }

    /// `e-3` and the like; anything else is left to be wondered at.
    fn exponent(&mut self) {
        let Some(rest) = self.text[self.at..].strip_prefix(['e', 'E']) else { return };
        let digits = rest.strip_prefix(['+', '-']).unwrap_or(rest);
        if digits.starts_with(|c: char| c.is_ascii_digit()) {
            self.at = self.text.len() - digits.len();
            self.run(|c| c.is_ascii_digit());
        }
    }

    fn figure_or_part(&mut self) -> Result<Node, InputError> {
        let start = self.at;
        let key = self.run(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.'));
        let part = match key {
            "" => return Err(self.wanted("a number or a figure")),
            "mean" => Part::Mean,
            "lower" => Part::Lower,
            "upper" => Part::Upper,
            _ => {
                self.at = start;
                return Ok(Node::Figure { part: Part::Mean, figure: self.figure()? });
            }
        };
        self.expect('(')?;
        let figure = self.figure()?;
        self.expect(')')?;
        Ok(Node::Figure { part, figure })
    }

    fn figure(&mut self) -> Result<Figure, InputError> {
        let key = self.run(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.'));
        if key.is_empty() {
            return Err(self.wanted("a figure such as cost.usd[policy]"));
        }
        self.expect('[')?;
        let policy = self.run(|c| c != ']').trim_end();
        if policy.is_empty() {
            return Err(self.wanted("a policy's name"));
        }
        self.expect(']')?;
        Ok(Figure { key: key.to_owned(), policy: policy.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn problem(text: &str) -> String {
        gate(text).unwrap_err().problem
    }

    #[test]
    fn an_error_points_at_where_the_text_stops_being_a_gate() {
        assert_eq!(
            problem("cost.usd[policy] 0.95"),
            "expected `<=`, `<`, `>=` or `>`, found `0`\n    cost.usd[policy] 0.95\n                     ^"
        );
        assert_eq!(problem("a[b] <= "), "expected a number or a figure, found the end\n    a[b] <= \n            ^");
        assert!(problem("a[b <= 1").starts_with("expected `]`, found the end"));
        assert!(problem("a[] <= 1").starts_with("expected a policy's name"));
        assert!(problem("upper(1) <= 1").starts_with("expected `[`"));
        assert!(problem("1.2.3 < 4").starts_with("expected a number"));
        assert!(problem("a[b] <= 1 2").starts_with("expected the end, found `2`"));
        assert!(problem("(a[b] <= 1").starts_with("expected `)`"));
        assert!(problem(&"(".repeat(1000)).starts_with("expected fewer brackets"));
        assert!(problem("1e < 4").starts_with("expected `<=`"));
        assert_eq!(problem(&"1+".repeat(100_000)), "200000 bytes are too many for a gate");
    }

    proptest! {
        #[test]
        fn any_text_is_a_gate_or_an_error(text in "[-a-c0-9.()<>=\\[\\]+*/ é]{0,24}") {
            let _ = gate(&text);
        }
    }
}
