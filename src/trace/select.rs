//! Choice of functions by name, with `*` and `?` as in a shell.

use crate::error::InputError;
use crate::trace::Trace;

/// Whether `name` matches `pattern`, in which `*` is any text and `?` any one character. Everything else is itself.
#[must_use]
pub fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
    let (mut p, mut n) = (0, 0);
    // Where to go back to when a later character does not fit: after the last star, one character further.
    let mut retry: Option<(usize, usize)> = None;
    while n < name.len() {
        match pattern.get(p) {
            Some('*') => {
                retry = Some((p + 1, n));
                p += 1;
            }
            Some(&c) if c == '?' || c == name[n] => (p, n) = (p + 1, n + 1),
            _ => match retry {
                Some((after, from)) => {
                    (p, n) = (after, from + 1);
                    retry = Some((after, from + 1));
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|&c| c == '*')
}

/// Whether `name` matches any of `patterns`; no pattern takes everything.
#[must_use]
pub fn chosen(patterns: &[String], name: &str) -> bool {
    patterns.is_empty() || patterns.iter().any(|pattern| matches(pattern, name))
}

/// The error of patterns that nothing matches. `names` are a few of those that are there.
#[must_use]
pub fn nothing<'a>(patterns: &[String], names: impl Iterator<Item = &'a str>) -> InputError {
    let some: Vec<_> = names.take(5).collect();
    let problem = format!("no function is named {}", patterns.join(" or "));
    InputError::new(problem, format!("there are for instance {}", some.join(", "))).field("--select")
}

impl Trace {
    /// The functions whose name matches any of `patterns`.
    ///
    /// # Errors
    /// Patterns that nothing matches.
    pub fn select(&self, patterns: &[String]) -> Result<Self, InputError> {
        let functions: Vec<_> =
            self.functions.iter().filter(|series| chosen(patterns, &series.function)).cloned().collect();
        if functions.is_empty() {
            return Err(nothing(patterns, self.functions.iter().map(|series| series.function.as_str())));
        }
        Ok(Self { header: self.header.clone(), functions })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_and_question_marks_mean_what_they_mean_in_a_shell() {
        for (pattern, name, expected) in [
            ("*", "", true),
            ("*", "web", true),
            ("web", "web", true),
            ("web", "web2", false),
            ("web?", "web2", true),
            ("web?", "web", false),
            ("w*b", "wb", true),
            ("a*b*c", "a__b_b__c", true),
            ("a*b*c", "a__c_b", false),
            ("*-cart", "shop-cart-cart", true),
            ("prü?e", "prüfe", true),
            ("[a]", "a", false),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} on {name}");
        }
    }

    #[test]
    fn many_stars_do_not_take_for_ever() {
        assert!(!matches(&"a*".repeat(200), &format!("{}b", "a".repeat(150))));
    }
}
