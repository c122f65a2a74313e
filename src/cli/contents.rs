//! What files other than traces hold: policies and results.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

use serde_json::Value;

use crate::error::{InputError, Place};
use crate::report::number::{dollars, percent, significant};
use crate::report::table::{Align, Table};

/// A file that is not a trace.
#[derive(Debug)]
pub(super) enum Contents {
    /// A learned policy.
    #[cfg(feature = "train")]
    Policy(Box<crate::rl::policy::Card>),
    /// What `replay`, `evaluate` or `tune` print with `--json`.
    Result(Value),
}

impl Contents {
    /// Looks at the beginning of a file; `None` when it can only be a trace.
    ///
    /// # Errors
    /// A policy or a document that cannot be read.
    pub(super) fn of(path: &Path) -> Result<Option<Self>, InputError> {
        let mut head = [0; 9];
        let mut read = || File::open(path)?.read_exact(&mut head);
        if path.as_os_str() == "-" || !path.is_file() || read().is_err() || head.starts_with(b"PAR1") {
            return Ok(None);
        }
        if head[0] == b'{' {
            let text = std::fs::read_to_string(path).map_err(|error| InputError::io(path, "read", &error))?;
            return result(&text, path).map(Some);
        }
        #[cfg(feature = "train")]
        if head[8] == b'{' {
            let policy = crate::rl::Policy::load(path)?;
            return Ok(Some(Self::Policy(Box::new(policy.card().clone()))));
        }
        Ok(None)
    }

    /// One JSON document, which says what it is in `kind`.
    pub(super) fn document(&self) -> Value {
        let (kind, mut document) = match self {
            #[cfg(feature = "train")]
            Self::Policy(card) => ("policy", serde_json::to_value(card).expect("a card is plain data")),
            Self::Result(document) => (kind(document).unwrap_or("result"), document.clone()),
        };
        document["kind"] = kind.into();
        document
    }

    /// Prints the file for people.
    pub(super) fn print(&self, out: &mut impl Write) -> anyhow::Result<()> {
        match self {
            #[cfg(feature = "train")]
            Self::Policy(card) => Ok(write!(out, "{}", crate::rl::card::markdown(card))?),
            Self::Result(document) => print_result(document, out),
        }
    }
}

fn result(text: &str, path: &Path) -> Result<Contents, InputError> {
    let help = "give a trace, a policy, or what `hpatune replay`, `evaluate` or `tune` print with --json";
    let document: Value = serde_json::from_str(text).map_err(|error| {
        let place = Place::column(path, error.line(), error.column());
        InputError::new(format!("this is not a JSON document: {error}"), help).at(place)
    })?;
    if kind(&document).is_some() {
        return Ok(Contents::Result(document));
    }
    Err(InputError::new("this JSON document is no result of hpatune", help).at(Place::file(path)))
}

/// Which command printed a document.
fn kind(document: &Value) -> Option<&'static str> {
    [("summary", "evaluation"), ("functions", "search"), ("total", "replay")]
        .into_iter()
        .find_map(|(key, kind)| document.get(key).map(|_| kind))
}

fn print_result(document: &Value, out: &mut impl Write) -> anyhow::Result<()> {
    let text = |value: &Value| value.as_str().map_or_else(|| "-".to_owned(), str::to_owned);
    writeln!(out, "kind       {}", kind(document).unwrap_or("result"))?;
    writeln!(out, "made by    {}", text(&document["tool"]))?;
    for trace in document["traces"].as_array().into_iter().flatten() {
        writeln!(out, "trace      {} (SHA-256 {})", text(&trace["file"]), text(&trace["sha256"]))?;
    }
    let mut table = Table::new(&[
        ("", Align::Left),
        ("cost $", Align::Right),
        ("late %", Align::Right),
        ("p99 ms", Align::Right),
        ("replicas", Align::Right),
        ("objective", Align::Right),
    ]);
    let mut row = |name: String, outcome: &Value| {
        let number = |path: &str, show: fn(f64) -> String| {
            outcome.pointer(path).and_then(Value::as_f64).map_or_else(|| "-".to_owned(), show)
        };
        let three = |value| significant(value, 3);
        table.row([
            name,
            number("/cost/usd", dollars),
            number("/slo/violation_rate", percent),
            number("/latency_ms/p99", three),
            number("/replicas/mean", three),
            number("/objective", |value| significant(value, 4)),
        ]);
    };
    let list = |key: &str| document[key].as_array().into_iter().flatten();
    for summary in list("summary") {
        row(text(&summary["policy"]), &summary["mean"]);
    }
    for function in list("functions") {
        let name = format!("{} / {}", text(&function["trace"]), text(&function["function"]));
        row(format!("{name}: stock"), &function["stock"]);
        row(format!("{name}: best"), &function["best"]);
    }
    if document.get("total").is_some() {
        for run in list("runs") {
            row(text(&run["function"]), run);
        }
        row("total".to_owned(), &document["total"]);
    }
    write!(out, "\n{table}")?;
    if let Some(verdict) = document["verdict"].as_str() {
        writeln!(out, "\n{verdict}")?;
    }
    Ok(())
}
