//! Whether a label selector parses, by the grammar of `k8s.io/apimachinery/pkg/labels`.
//!
//! ```text
//! selector    = requirement { "," requirement } | ""
//! requirement = [ "!" ] key | key ( "=" | "==" | "!=" ) value | key ( "gt" | "lt" ) integer | key ( "in" | "notin" ) set
//! set         = "(" value { "," value } ")"
//! ```

#[derive(Debug, Clone, PartialEq)]
enum Token<'a> {
    Word(&'a str),
    Symbol(&'a str),
}

/// Whether it parses. An empty selector does; whether it may be empty is for the caller to say.
pub(crate) fn parses(text: &str) -> bool {
    let tokens = tokens(text);
    let mut rest = tokens.as_slice();
    if rest.is_empty() {
        return true;
    }
    loop {
        let Some(after) = requirement(rest) else { return false };
        match after {
            [] => return true,
            [Token::Symbol(","), more @ ..] => rest = more,
            _ => return false,
        }
    }
}

fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let symbol =
            ["==", "!=", "=", "!", "(", ")", ",", ">", "<"].into_iter().find(|symbol| rest.starts_with(symbol));
        let length = match symbol {
            Some(symbol) => symbol.len(),
            None => rest.find(|c: char| c.is_whitespace() || "=!(),<>".contains(c)).unwrap_or(rest.len()),
        };
        let (token, after) = rest.split_at(length);
        tokens.push(if symbol.is_some() { Token::Symbol(token) } else { Token::Word(token) });
        rest = after.trim_start();
    }
    tokens
}

/// What follows one requirement; `None` when there is none.
fn requirement<'t, 'a>(tokens: &'t [Token<'a>]) -> Option<&'t [Token<'a>]> {
    match tokens {
        [Token::Symbol("!"), Token::Word(key), rest @ ..] => is_key(key).then_some(rest),
        [Token::Word(key), rest @ ..] if is_key(key) => match rest {
            [] | [Token::Symbol(","), ..] => Some(rest),
            [Token::Symbol("=" | "==" | "!="), rest @ ..] => value(rest),
            [Token::Symbol(">" | "<"), Token::Word(number), rest @ ..] => number.parse::<i64>().is_ok().then_some(rest),
            [Token::Word("in" | "notin"), Token::Symbol("("), rest @ ..] => set(rest),
            _ => None,
        },
        _ => None,
    }
}

/// A value may be empty: `key=` is a requirement.
fn value<'t, 'a>(tokens: &'t [Token<'a>]) -> Option<&'t [Token<'a>]> {
    match tokens {
        [Token::Word(word), rest @ ..] => is_value(word).then_some(rest),
        [] | [Token::Symbol(","), ..] => Some(tokens),
        _ => None,
    }
}

fn set<'t, 'a>(mut tokens: &'t [Token<'a>]) -> Option<&'t [Token<'a>]> {
    loop {
        tokens = match tokens {
            [Token::Word(word), rest @ ..] if is_value(word) => rest,
            [Token::Symbol("," | ")"), ..] => tokens,
            _ => return None,
        };
        match tokens {
            [Token::Symbol(","), rest @ ..] => tokens = rest,
            [Token::Symbol(")"), rest @ ..] => return Some(rest),
            _ => return None,
        }
    }
}

fn is_key(key: &str) -> bool {
    match key.split_once('/') {
        Some((prefix, name)) => prefix.split('.').all(is_label) && prefix.len() <= 253 && is_name(name),
        None => is_name(key),
    }
}

fn is_label(label: &str) -> bool {
    is_name(label) && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

fn is_name(name: &str) -> bool {
    let ends = |b: Option<u8>| b.is_some_and(|b| b.is_ascii_alphanumeric());
    let inside = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
    name.len() <= 63 && ends(name.bytes().next()) && ends(name.bytes().last()) && name.bytes().all(inside)
}

fn is_value(value: &str) -> bool {
    value.is_empty() || is_name(value)
}

#[test]
fn selectors_parse_as_kubectl_takes_them() {
    for good in ["", "a", "!a", "a=b", "a==b", "a!=b,c", "x in (a,b)", "x notin (a), !y", "a/b=c", "a=", "n>5"] {
        assert!(parses(good), "{good}");
    }
    for bad in ["a in (", "cheddar cheese", ",", "a=b c", "a in b", "in (a", "a>x", "a==b=c", "-a", "a,", "a=b,,c"] {
        assert!(!parses(bad), "{bad}");
    }
}
