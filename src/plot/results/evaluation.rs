//! What `hpatune evaluate` and `hpatune tune` print with `--json`.

use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use super::Picture;
use crate::error::{InputError, Place};
use crate::eval::Nature;
use crate::plot::comparison::{Comparison, Contestant, Estimate, comparison};
use crate::plot::latency::latency;
use crate::sim::outcome::{Cost, Latency, SloResult};
use crate::sim::settings::Slo;

/// The text as a document of one of the two kinds.
pub(super) fn document(text: &str) -> Option<Value> {
    let value: Value = serde_json::from_str(text).ok()?;
    let ours = value.get("summary").is_some() || value.get("functions").is_some();
    ours.then_some(value)
}

#[derive(Deserialize)]
struct Evaluation {
    summary: Vec<Summary>,
    #[serde(default)]
    static_front: Vec<Static>,
    #[serde(default)]
    seeds: Vec<u64>,
    #[serde(default)]
    slo: Option<Slo>,
    #[serde(default)]
    verdict: String,
}

#[derive(Deserialize)]
struct Summary {
    policy: String,
    mean: Figures,
    interval: Option<Intervals>,
    #[serde(default)]
    nature: Nature,
}

#[derive(Deserialize)]
struct Static {
    usd: f64,
    violation_rate: f64,
}

#[derive(Deserialize)]
struct Figures {
    cost: Cost,
    slo: Rate,
    latency_ms: Latency,
}

#[derive(Deserialize)]
struct Rate {
    violation_rate: f64,
}

#[derive(Deserialize)]
struct Intervals {
    cost: CostInterval,
    slo: RateInterval,
}

#[derive(Deserialize)]
struct CostInterval {
    usd: Ends,
}

#[derive(Deserialize)]
struct RateInterval {
    violation_rate: Ends,
}

#[derive(Deserialize, Clone, Copy)]
struct Ends {
    lower: Option<f64>,
    upper: Option<f64>,
}

#[derive(Deserialize)]
struct Search {
    functions: Vec<Found>,
    #[serde(default)]
    slo: Option<Slo>,
}

#[derive(Deserialize)]
struct Found {
    trace: String,
    function: String,
    best: Scored,
    stock: Scored,
    front: Vec<Scored>,
}

#[derive(Deserialize)]
struct Scored {
    cost: Cost,
    slo: SloResult,
}

/// A comparison and response times of an evaluation; a comparison per function of a search.
pub(super) fn pictures(stem: &str, document: &Value, path: &Path) -> Result<Vec<Picture>, InputError> {
    let wrong = |error: serde_json::Error| {
        let help = "give what `hpatune evaluate --json` or `hpatune tune --json` prints";
        InputError::new(error.to_string(), help).at(Place::file(path))
    };
    if document.get("summary").is_some() {
        let evaluation = Evaluation::deserialize(document).map_err(wrong)?;
        return Ok(vec![
            Picture::new(&format!("{stem}-comparison"), compared(&evaluation)),
            Picture::new(&format!("{stem}-latency"), latencies(&evaluation)),
        ]);
    }
    let search = Search::deserialize(document).map_err(wrong)?;
    Ok(search.functions.iter().map(|found| searched(stem, found, search.slo.as_ref())).collect())
}

fn exactly(mean: f64) -> Estimate {
    Estimate { mean, lower: f64::NAN, upper: f64::NAN }
}

fn estimate(mean: f64, ends: Option<Ends>) -> Estimate {
    let end = |end: Option<f64>| end.unwrap_or(f64::NAN);
    ends.map_or_else(|| exactly(mean), |ends| Estimate { mean, lower: end(ends.lower), upper: end(ends.upper) })
}

fn allowed(slo: Option<&Slo>) -> Option<f64> {
    slo.map(|slo| 1.0 - slo.target.fraction())
}

fn compared(evaluation: &Evaluation) -> crate::plot::Scene {
    let contestant = |summary: &Summary| {
        let interval = summary.interval.as_ref();
        Contestant {
            name: summary.policy.clone(),
            cost: estimate(summary.mean.cost.usd, interval.map(|ends| ends.cost.usd)),
            violations: estimate(summary.mean.slo.violation_rate, interval.map(|ends| ends.slo.violation_rate)),
            foresees: summary.nature.foresees,
        }
    };
    let seeds = evaluation.seeds.len();
    let subtitle = if seeds > 0 { format!("means over functions and {seeds} seeds") } else { String::new() };
    let verdict = evaluation.verdict.lines().next().filter(|line| !line.is_empty() && line.len() < 140);
    comparison(&Comparison {
        title: "Cost against late requests on test time".to_owned(),
        subtitle: verdict.map_or(subtitle, ToOwned::to_owned),
        cost_label: "cost of a run, $".to_owned(),
        contestants: evaluation.summary.iter().map(contestant).collect(),
        tried: evaluation.static_front.iter().map(|it| (it.usd, it.violation_rate)).collect(),
        tried_label: "static HPAs of other prices".to_owned(),
        allowed: allowed(evaluation.slo.as_ref()),
    })
}

fn latencies(evaluation: &Evaluation) -> crate::plot::Scene {
    let rows: Vec<(String, Latency)> =
        evaluation.summary.iter().map(|summary| (summary.policy.clone(), summary.mean.latency_ms)).collect();
    let limit = evaluation.slo.as_ref().and_then(|slo| slo.latency).map(|limit| limit.as_secs_f64() * 1000.0);
    latency("Response times on test time", &rows, limit)
}

fn searched(stem: &str, found: &Found, slo: Option<&Slo>) -> Picture {
    let contestant = |name: &str, scored: &Scored| Contestant {
        name: name.to_owned(),
        cost: exactly(scored.cost.usd),
        violations: exactly(scored.slo.violation_rate),
        foresees: false,
    };
    // The front begins with configurations that serve next to nothing; they would take most of the picture.
    let front = found.front.iter().map(|scored| (scored.cost.usd, scored.slo.violation_rate));
    let front = front.filter(|&(_, rate)| rate < 0.5_f64.max(2.0 * found.stock.slo.violation_rate));
    let scene = comparison(&Comparison {
        title: format!("Best static HPA for {} / {}", found.trace, found.function),
        subtitle: "on training time; the best has the least objective: cost plus the price of late requests".to_owned(),
        cost_label: "cost, $".to_owned(),
        contestants: vec![contestant("best", &found.best), contestant("stock", &found.stock)],
        tried: front.collect(),
        tried_label: "other configurations".to_owned(),
        allowed: allowed(slo),
    });
    Picture::new(&format!("{stem}-{}", found.function), scene)
}
