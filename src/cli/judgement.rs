//! What `evaluate` and `merge` share: the plan of a comparison, and everything that is made of its units.

use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::cli::traces::Source;
use crate::cli::{Status, output};
use crate::error::InputError;
use crate::eval::gates::{Gate, Verdict};
use crate::eval::runner::{Bound, Found, Row};
use crate::eval::stress::{Robustness, robustness};
use crate::eval::summary::{check, look_up};
use crate::eval::tune::Budget;
use crate::eval::{Nature, Results, Static, Summary, Unit, flat, standing, statics, summarize};
use crate::report;
use crate::sim::Level;
use crate::sim::settings::{Prices, Slo};

/// What a comparison is: equal plans and equal units give equal results, wherever the units were made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Plan {
    /// The tool and its version.
    pub(super) tool: String,
    /// Hash of the experiment's settings.
    pub(super) config_hash: String,
    /// The command that makes the comparison, without what says where results go.
    pub(super) command: String,
    /// The traces.
    pub(super) traces: Vec<Source>,
    /// Other files that results depend on.
    pub(super) files: Vec<Input>,
    /// The functions that are judged, by trace and name.
    pub(super) tasks: Vec<(String, String)>,
    /// The contenders' names, and what each is.
    pub(super) policies: Vec<(String, String)>,
    /// What kind each of them is of.
    pub(super) natures: Vec<Nature>,
    /// Those that were learned.
    pub(super) learned: Vec<String>,
    /// Of those, who learned or chose on part of the test time, and of which trace.
    pub(super) seen: Vec<(String, String)>,
    /// What searching and learning took, by policy.
    pub(super) budgets: Vec<(String, String)>,
    /// Whom the tuned HPA is drawn beside.
    pub(super) rival: Option<String>,
    /// The seeds.
    pub(super) seeds: Vec<u64>,
    /// Level of the runs.
    pub(super) level: Level,
    /// Level of searches and the optimum.
    pub(super) search_level: Level,
    /// `[slo]`.
    pub(super) slo: Slo,
    /// `[prices]`.
    pub(super) prices: Prices,
    /// Whether every strain was tried.
    pub(super) robustness: bool,
}

/// A file that results depend on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Input {
    /// The flag that named it.
    pub(super) flag: String,
    /// The file as it was named.
    pub(super) file: String,
    /// SHA-256 of its bytes; none of standard input.
    pub(super) sha256: Option<String>,
}

impl Input {
    /// A file that was named by `flag`.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub(super) fn new(flag: &str, path: &Path) -> Result<Self, InputError> {
        let hash = |bytes: Vec<u8>| Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        let read = || std::fs::read(path).map_err(|error| InputError::io(path, "read", &error));
        let sha256 = if path.as_os_str() == "-" { None } else { Some(hash(read()?)) };
        Ok(Self { flag: flag.to_owned(), file: path.display().to_string(), sha256 })
    }
}

impl Plan {
    /// The contenders' names.
    pub(super) fn names(&self) -> Vec<&str> {
        self.policies.iter().map(|(name, _)| name.as_str()).collect()
    }

    /// Checks that the comparison will have the figures that gates name.
    ///
    /// # Errors
    /// A policy or a key that is not there.
    pub(super) fn check(&self, gates: &[Gate]) -> Result<(), InputError> {
        let names = self.names();
        gates.iter().flat_map(Gate::figures).try_for_each(|figure| check(&names, &self.learned, self.level, figure))
    }
}

/// What a comparison came to.
pub(super) struct Concluded<'a> {
    pub(super) results: &'a Results,
    pub(super) summaries: &'a [Summary],
    pub(super) statics: &'a [Static],
    pub(super) robustness: &'a [Robustness],
    pub(super) gates: &'a [Verdict],
    pub(super) budgets: &'a [(String, String)],
    pub(super) verdict: &'a str,
    pub(super) decision: &'a str,
}

/// Where results go, and what is asked of them.
#[derive(Debug, clap::Args)]
pub(super) struct Asked {
    /// Exit with 3 unless this holds, as in 'cost.usd[policy]/cost.usd[tuned] <= 0.95'; may be repeated
    #[arg(long, value_name = "EXPR", allow_hyphen_values = true)]
    require: Vec<String>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

impl Asked {
    /// The gates.
    ///
    /// # Errors
    /// A text that is none, or that nothing reported decides.
    pub(super) fn gates(&self) -> Result<Vec<Gate>, InputError> {
        self.require.iter().map(|text| Gate::parse(text)).collect()
    }
}

#[derive(Serialize)]
struct Document<'a> {
    tool: &'a str,
    config_hash: &'a str,
    traces: &'a [Source],
    seeds: &'a [u64],
    /// Level of the runs, and of searches and the optimum.
    level: Level,
    search_level: Level,
    slo: &'a Slo,
    prices: &'a Prices,
    runs: &'a [Row],
    summary: &'a [Summary],
    tuned: &'a [Found],
    optimum: &'a [Bound],
    static_front: Vec<Static>,
    gates: &'a [Verdict],
    verdict: String,
    decision: String,
    /// Policies that have learned or chosen on part of the test time, and of which trace.
    seen_before: &'a [(String, String)],
    /// The scores at which the profiles of `summary` are taken.
    profile_thresholds: Vec<f64>,
    budgets: &'a [(String, String)],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    robustness: Vec<Robustness>,
}

/// Sums up the units of a whole comparison, in order; writes, prints and decides what is asked.
///
/// # Errors
/// A file that cannot be written, and what the printer meets.
pub(super) fn conclude(
    plan: &Plan,
    units: &[Unit],
    asked: &Asked,
    directory: Option<&PathBuf>,
    out: &mut impl Write,
) -> anyhow::Result<Status> {
    let policies = plan.names().into_iter().map(str::to_owned).zip(plan.natures.iter().copied()).collect();
    let results = Results::of_units(policies, plan.seeds.clone(), units);
    let summary = summarize(&results, 0);
    let look_up = |figure: &_| look_up(&summary, &plan.learned, plan.level, figure);
    let verdicts = asked.gates()?.iter().map(|gate| gate.decide(&look_up)).collect::<Result<Vec<_>, _>>()?;
    let mut budgets = searched(&results);
    budgets.extend(plan.budgets.iter().cloned());
    let strained: Vec<_> = units.iter().map(|unit| unit.strained.as_slice()).collect();
    let document = Document {
        tool: &plan.tool,
        config_hash: &plan.config_hash,
        traces: &plan.traces,
        seeds: &plan.seeds,
        level: plan.level,
        search_level: plan.search_level,
        slo: &plan.slo,
        prices: &plan.prices,
        runs: &results.rows,
        summary: &summary,
        tuned: &results.found,
        optimum: &results.bounds,
        static_front: statics(&results),
        gates: &verdicts,
        verdict: report::evaluation::verdict(&summary, &plan.learned),
        decision: report::decision::decision(&summary, &plan.learned),
        seen_before: &plan.seen,
        profile_thresholds: standing::thresholds(),
        budgets: &budgets,
        robustness: robustness(&strained),
    };
    if let Some(directory) = directory {
        write(directory, &document)?;
        let concluded = Concluded {
            results: &results,
            summaries: &summary,
            statics: &document.static_front,
            robustness: &document.robustness,
            gates: &verdicts,
            budgets: &budgets,
            verdict: &document.verdict,
            decision: &document.decision,
        };
        super::dossier::write(directory, plan, units, &concluded)?;
    }
    if asked.json {
        json(&document, out)?;
    } else {
        print(&document, units, out)?;
    }
    Ok(told(&verdicts))
}

/// What searches took, by policy, over all functions.
fn searched(results: &Results) -> Vec<(String, String)> {
    let mut all: Vec<(String, Budget)> = Vec::new();
    for found in &results.found {
        let budget = match all.iter_mut().find(|(name, _)| *name == found.policy) {
            Some((_, budget)) => budget,
            None => &mut all.push_mut((found.policy.clone(), Budget::default())).1,
        };
        budget.configurations += found.budget.configurations;
        budget.runs += found.budget.runs;
        budget.simulated_s += found.budget.simulated_s;
    }
    all.into_iter().map(|(name, budget)| (name, report::tuning::budget(&budget))).collect()
}

fn write(directory: &Path, document: &Document<'_>) -> anyhow::Result<()> {
    output::write_file(&directory.join("evaluation.json"), |mut file| json(document, &mut file))?;
    let mut short = serde_json::to_value(document)?;
    if let Value::Object(fields) = &mut short {
        fields.shift_remove("runs");
    }
    output::write_file(&directory.join("summary.json"), |mut file| json(&short, &mut file))?;
    output::write_file(&directory.join("runs.csv"), |file| Ok(report::runs::csv(document.runs, file)?))?;
    let columns = flat::columns(document.runs);
    output::write_file(&directory.join("runs.parquet"), |file| Ok(crate::ingest::results::write(&columns, file)?))
}

/// One JSON document, and the end of its line.
pub(super) fn json(document: &impl Serialize, out: &mut impl Write) -> anyhow::Result<()> {
    serde_json::to_writer_pretty(&mut *out, document)?;
    Ok(writeln!(out)?)
}

fn print(document: &Document<'_>, units: &[Unit], out: &mut impl Write) -> anyhow::Result<()> {
    write!(out, "{}", report::evaluation::table(document.summary))?;
    let hours: f64 = units.iter().map(|unit| unit.hours).sum();
    writeln!(
        out,
        "\nMeans over {} × {}, {} hours of test time each; objective in pod-hours, optimum {} to {}.",
        report::number::counted(units.len(), "function"),
        report::number::counted(document.seeds.len(), "seed"),
        report::number::significant(hours / units.len() as f64, 3),
        report::number::significant(mean(document.optimum, |bound| bound.optimum.lower), 4),
        report::number::significant(mean(document.optimum, |bound| bound.optimum.upper), 4),
    )?;
    let (level, search) = (document.level.name(), document.search_level.name());
    writeln!(out, "Level of the runs: {level}; of searches and the optimum: {search}.")?;
    if let Some(line) = report::notes::fluid_error(document.summary) {
        writeln!(out, "{line}")?;
    }
    for line in [report::notes::equally_late(document.summary), report::notes::resizing(document.summary)] {
        line.map_or(Ok(()), |line| writeln!(out, "{line}"))?;
    }
    for (policy, budget) in document.budgets {
        writeln!(out, "Budget of {policy}: {budget}.")?;
    }
    if !document.robustness.is_empty() {
        write!(out, "\n{}\n", report::robustness::table(&document.robustness))?;
    }
    Ok(writeln!(out, "{}", document.verdict)?)
}

fn mean(bounds: &[Bound], of: impl Fn(&Bound) -> f64) -> f64 {
    bounds.iter().map(of).sum::<f64>() / bounds.len() as f64
}

/// Says which gates are met, on standard error.
fn told(verdicts: &[Verdict]) -> Status {
    for verdict in verdicts {
        let line = report::verdict::line(verdict);
        if verdict.met { tracing::info!("{line}") } else { tracing::error!("{line}") }
    }
    if verdicts.iter().all(|verdict| verdict.met) { Status::Done } else { Status::GateNotMet }
}
