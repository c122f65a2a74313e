//! From runs to figures with intervals: each policy's means, and how it stands against the tuned static HPA and the
//! clairvoyant optimum.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::comparing::{self, COMPARISONS, Comparing};
use super::deciding::controls;
use super::gates::Figure;
use super::nature::Nature;
use super::runner::Results;
use super::standing::{Standing, standings};
use super::stats::front::Beside;
use super::stats::{Bootstrap, Interval, Resampled, mean};
use crate::error::InputError;
use crate::sim::outcome::{
    Balance, ColdStarts, Cost, Elasticity, Latency, ReplicaStats, Requests, Scaling, SimStats, SloResult, Slowdown,
    Times, Waste,
};
use crate::sim::{Control, Level, Outcome};

/// The policy that the others are compared with.
pub const REFERENCE: &str = "tuned";

/// Resamples of an interval.
const RESAMPLES: usize = 10_000;

/// A policy's figures over all its runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// Its name.
    pub policy: String,
    /// What it is.
    pub nature: Nature,
    /// How many runs.
    pub runs: usize,
    /// The mean over runs of every figure, by its dotted key, as in `cost.usd`; of figures of how a learned policy decides
    /// over the runs in which it did.
    pub figures: Vec<(String, Interval)>,
    /// Its cost over that of the tuned static HPA; below 1 is cheaper.
    pub cost_vs_tuned: Interval,
    /// Its objective over that of the tuned static HPA; below 1 is better.
    pub objective_vs_tuned: Interval,
    /// How much of the way from the tuned static HPA to the optimum it goes, by objective: 0 is the tuned static HPA, 1
    /// the clairvoyant optimum, below 0 a loss. As the other figures that are taken against the optimum it is not known of
    /// those that resize pods, whom it does not bound.
    pub gap_closed: Interval,
    /// Elastic speed-up over the tuned static HPA, of means over runs: above 1 supply is closer to demand.
    /// ```text
    /// η = [(τ_U' / τ_U) (τ_O' / τ_O) (θ_U' / θ_U) (θ_O' / θ_O)]^¼,   ' the tuned HPA's, 0/0 = 1
    /// ```
    /// Source: Herbst et al., TOMPECS 2018.
    pub elastic_speedup: Interval,
    /// Its cost over that of static HPAs that are late as often: what their front on test time, over the static HPAs
    /// compared and those of [other prices](super::tune::sweep), costs at its own violation rate. Below 1 is cheaper; not
    /// known beyond the front's ends.
    pub cost_at_equal_violations: Interval,
    /// Where it lies beside that front; none where there is no front, since the tuned HPA was not searched for.
    pub beside_front: Option<Beside>,
    /// Its objective over the optimum's lower bound: its competitive ratio, or more.
    pub objective_vs_optimum: Interval,
    /// Its objective less the optimum's lower bound, in pod-hours: its regret, or more.
    pub regret: Interval,
    /// Geometric mean over functions of a function's 99th percentile of slowdown; not known at the fluid level.
    pub slowdown_p99_geomean: Interval,
    /// The means of the same runs at the fluid level, where searches and learning look; none when it has no others.
    pub fluid: Vec<(String, f64)>,
    /// Where it stands task by task; none without the tuned static HPA.
    pub standing: Option<Standing>,
    /// The share of its scores above each of [`thresholds`](super::standing::thresholds), with bands; none without the
    /// tuned static HPA, or any room between it and the optimum.
    pub profile: Vec<Interval>,
}

impl Summary {
    /// The figure of a dotted key; `None` when there is none of this name.
    #[must_use]
    pub fn figure(&self, key: &str) -> Option<Interval> {
        match key {
            "cost_vs_tuned" => Some(self.cost_vs_tuned),
            "objective_vs_tuned" => Some(self.objective_vs_tuned),
            "gap_closed" => Some(self.gap_closed),
            "elastic_speedup" => Some(self.elastic_speedup),
            "cost_at_equal_violations" => Some(self.cost_at_equal_violations),
            "objective_vs_optimum" => Some(self.objective_vs_optimum),
            "regret" => Some(self.regret),
            "slowdown_p99_geomean" => Some(self.slowdown_p99_geomean),
            _ => {
                let own = self.figures.iter().find(|(name, _)| name == key).map(|(_, interval)| *interval);
                own.or_else(|| self.standing.and_then(|standing| standing.figure(key)))
            }
        }
    }

    /// The mean of a figure that every run has.
    #[must_use]
    pub fn mean(&self, key: &str) -> f64 {
        self.figure(key).map_or(f64::NAN, |interval| interval.mean)
    }
}

/// Serialises as `policy`, `runs`, `mean` and `interval` with the keys of a run, and the comparisons.
impl Serialize for Summary {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (mut mean, mut interval) = (Value::Object(Map::new()), Value::Object(Map::new()));
        for (key, figure) in &self.figures {
            insert(&mut mean, key, json!(figure.mean));
            insert(&mut interval, key, json!({ "lower": figure.lower, "upper": figure.upper }));
        }
        let mut document = json!({
            "policy": self.policy,
            "runs": self.runs,
            "mean": mean,
            "interval": interval,
            "cost_vs_tuned": self.cost_vs_tuned,
            "objective_vs_tuned": self.objective_vs_tuned,
            "gap_closed": self.gap_closed,
            "elastic_speedup": self.elastic_speedup,
            "objective_vs_optimum": self.objective_vs_optimum,
            "regret": self.regret,
            "nature": self.nature,
        });
        if let Some(beside) = self.beside_front {
            document["cost_at_equal_violations"] = json!(self.cost_at_equal_violations);
            document["beside_static_front"] = json!(beside);
        }
        if self.slowdown_p99_geomean.mean.is_finite() {
            document["slowdown_p99_geomean"] = json!(self.slowdown_p99_geomean);
        }
        if !self.fluid.is_empty() {
            document["fluid"] = Value::Object(Map::new());
            self.fluid.iter().for_each(|(key, mean)| insert(&mut document["fluid"], key, json!(mean)));
        }
        if let Some(standing) = &self.standing {
            document["standing"] = json!(standing);
        }
        if !self.profile.is_empty() {
            let ends = |of: fn(&Interval) -> f64| self.profile.iter().map(of).collect::<Vec<_>>();
            document["profile"] =
                json!({ "share": ends(|it| it.mean), "lower": ends(|it| it.lower), "upper": ends(|it| it.upper) });
        }
        document.serialize(serializer)
    }
}

fn insert(object: &mut Value, key: &str, value: Value) {
    let mut at = object;
    for part in key.split('.') {
        at = &mut at[part];
    }
    *at = value;
}

/// The numbers of a JSON value by dotted key; a truth value counts 1.
fn flatten(prefix: &str, value: &Value, out: &mut Vec<(String, f64)>) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                let key = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
                flatten(&key, value, out);
            }
        }
        Value::Bool(truth) => out.push((prefix.to_owned(), f64::from(u8::from(*truth)))),
        _ => out.push((prefix.to_owned(), value.as_f64().unwrap_or(f64::NAN))),
    }
}

/// The summary of each policy, in the order of `results`.
#[must_use]
pub fn summarize(results: &Results, seed: u64) -> Vec<Summary> {
    let runs = results.tasks * results.seeds.len();
    let (keys, rows) = common(results.rows.iter().map(|row| &row.outcome));
    let (width, policies) = (keys.len(), results.policies.len());
    let mut columns = Vec::with_capacity(policies * width + 1);
    for rows in rows.chunks_exact(runs.max(1)) {
        columns.extend((0..width).map(|figure| rows.iter().map(|row| row[figure]).collect::<Vec<_>>()));
    }
    let (fluid_keys, fluid) = common(&results.fluid);
    let fluid = |policy: usize| -> Vec<(String, f64)> {
        let rows = fluid.get(policy * runs..(policy + 1) * runs).unwrap_or_default();
        let mean = |at: usize| rows.iter().map(|row| row[at]).sum::<f64>() / runs as f64;
        fluid_keys.iter().enumerate().map(|(at, key)| (key.clone(), mean(at))).collect()
    };
    let comparing = Comparing::new(results, &keys);
    comparing.add_columns(results, &mut columns);
    let bootstrap = Bootstrap {
        tasks: results.tasks,
        seeds: results.seeds.len(),
        resamples: RESAMPLES,
        seed,
        resampled: Resampled::TasksAndSeeds,
    };
    let standings = standings(results, &bootstrap);
    let controls = controls(results, &bootstrap);
    let means: Vec<f64> = columns.iter().map(|column| mean(column)).collect();
    let outputs = bootstrap.intervals(&columns, comparing.outputs(), |means, out| comparing.figures(means, out));
    let summary = |(policy, name): (usize, &String)| {
        let compared = &outputs[policies * width + COMPARISONS.len() * policy..][..COMPARISONS.len()];
        let figures = keys.iter().cloned().zip(outputs[policy * width..][..width].iter().copied());
        Summary {
            policy: name.clone(),
            nature: results.natures[policy],
            runs,
            figures: figures.chain(controls.get(policy).cloned().unwrap_or_default()).collect(),
            cost_vs_tuned: compared[0],
            objective_vs_tuned: compared[1],
            gap_closed: compared[2],
            elastic_speedup: compared[3],
            cost_at_equal_violations: compared[4],
            beside_front: comparing.beside(policy, &means),
            objective_vs_optimum: compared[5],
            regret: compared[6],
            slowdown_p99_geomean: compared[7],
            fluid: fluid(policy),
            standing: standings.get(policy).map(|it| it.0),
            profile: standings.get(policy).map(|it| it.1.clone()).unwrap_or_default(),
        }
    };
    results.policies.iter().enumerate().map(summary).collect()
}

/// The keys that all outcomes have, in the order of the first, and each outcome's figures in that order. Where containers
/// died in one, none did in those that do not speak of it. How policies decide is left out, which few do.
fn common<'a>(outcomes: impl IntoIterator<Item = &'a Outcome>) -> (Vec<String>, Vec<Vec<f64>>) {
    let plain = |outcome: &Outcome| Outcome { control: None, ..outcome.clone() };
    let mut outcomes: Vec<Outcome> = outcomes.into_iter().map(plain).collect();
    if outcomes.iter().any(|outcome| outcome.faults.is_some()) {
        for outcome in &mut outcomes {
            outcome.faults.get_or_insert_default();
        }
    }
    let flat: Vec<Vec<(String, f64)>> = outcomes.iter().map(figures).collect();
    let find = |row: &[(String, f64)], key: &str| row.iter().find(|it| it.0 == key).map(|it| it.1);
    let keys: Vec<String> = flat.first().into_iter().flatten().map(|it| it.0.clone()).collect();
    let keys: Vec<String> = keys.into_iter().filter(|key| flat.iter().all(|row| find(row, key).is_some())).collect();
    let rows = flat.iter().map(|row| keys.iter().filter_map(|key| find(row, key)).collect()).collect();
    (keys, rows)
}

fn figures(outcome: &Outcome) -> Vec<(String, f64)> {
    let mut out = Vec::new();
    flatten("", &serde_json::to_value(outcome).unwrap_or_default(), &mut out);
    out
}

/// The keys of all figures of a run at a level.
fn keys(level: Level) -> Vec<String> {
    figures(&nothing(level)).into_iter().map(|(key, _)| key).collect()
}

/// A run at a level in which nothing happened.
pub(super) fn nothing(level: Level) -> Outcome {
    let singly = level == Level::Requests;
    Outcome {
        requests: Requests { retried: singly.then_some(0.0), ..Requests::default() },
        slo: SloResult::default(),
        latency_ms: Latency::default(),
        time_ms: singly.then(Times::default),
        slowdown: singly.then(Slowdown::default),
        balance: singly.then(Balance::default),
        cost: Cost::default(),
        waste: Waste::default(),
        elasticity: Elasticity::default(),
        cold_starts: ColdStarts { waited_rate: singly.then_some(0.0), ..ColdStarts::default() },
        scaling: Scaling::default(),
        replicas: ReplicaStats::default(),
        faults: None,
        cluster: None,
        control: None,
        sim: SimStats::default(),
        objective: 0.0,
    }
}

/// The policy that a gate names: one of `policies`, or, as `policy`, the first that was learned.
fn resolve<'a>(policies: &[&'a str], learned: &'a [String], figure: &Figure) -> Option<&'a str> {
    let exact = policies.iter().copied().find(|name| *name == figure.policy);
    exact.or_else(|| learned.first().filter(|_| figure.policy == "policy").map(String::as_str))
}

/// Checks that a comparison of `policies` at a level will have a figure.
///
/// # Errors
/// A policy or a key that is not there.
pub fn check(policies: &[&str], learned: &[String], level: Level, figure: &Figure) -> Result<(), InputError> {
    let wrong = |what: String, names: String| {
        Err(InputError::new(format!("there is no {what}"), format!("take one of {names}")).field("--require"))
    };
    let Some(policy) = resolve(policies, learned, figure) else {
        return wrong(format!("policy {:?} in this comparison", figure.policy), policies.join(", "));
    };
    let keys = keys(level);
    let mut known: Vec<&str> =
        keys.iter().map(String::as_str).chain(comparing::keys(level)).chain(Standing::KEYS).collect();
    if learned.iter().any(|name| name == policy) {
        known.extend(Control::KEYS);
    }
    if known.contains(&figure.key.as_str()) {
        return Ok(());
    }
    wrong(format!("figure {:?}", figure.key), known.join(", "))
}

/// The figure that a gate names.
///
/// # Errors
/// As [`check`].
pub fn look_up(
    summaries: &[Summary],
    learned: &[String],
    level: Level,
    figure: &Figure,
) -> Result<Interval, InputError> {
    let policies: Vec<&str> = summaries.iter().map(|summary| summary.policy.as_str()).collect();
    check(&policies, learned, level, figure)?;
    let policy = resolve(&policies, learned, figure);
    let found = summaries.iter().find(|summary| Some(summary.policy.as_str()) == policy);
    // A policy that stays out everywhere, or has no such figure by its kind, leaves it unknown.
    let unknown = || Control::KEYS.contains(&figure.key.as_str()).then_some(Interval::UNKNOWN);
    let missing = || InputError::new(format!("there is no figure {figure}"), "take another").field("--require");
    found.and_then(|summary| summary.figure(&figure.key)).or_else(unknown).ok_or_else(missing)
}
