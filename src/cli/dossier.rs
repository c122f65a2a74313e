//! What `evaluate -o` writes for people: the report and its pictures.

use std::path::Path;

use crate::cli::judgement::{Concluded, Plan};
use crate::cli::output;
use crate::eval::Unit;
use crate::report::page::{Origin, Page, Picture};

/// Writes `report.html` and the pictures.
///
/// # Errors
/// A file that cannot be written.
pub(super) fn write(directory: &Path, plan: &Plan, units: &[Unit], found: &Concluded<'_>) -> anyhow::Result<()> {
    let pictures = pictures(directory, plan, units, found)?;
    let files = plan.traces.iter().map(|trace| (trace.file.clone(), trace.sha256.clone()));
    let others = plan.files.iter().map(|input| (input.file.clone(), input.sha256.clone().unwrap_or_default()));
    let files: Vec<(String, String)> = files.chain(others).collect();
    let page = Page {
        decision: found.decision,
        verdict: found.verdict,
        summaries: found.summaries,
        policies: &plan.policies,
        seen: &plan.seen,
        results: found.results,
        rival: plan.rival.as_deref(),
        hours: units.iter().map(|unit| unit.hours).sum::<f64>() / units.len() as f64,
        levels: (plan.level.name(), plan.search_level.name()),
        allowed: 1.0 - plan.slo.target.fraction(),
        priced_starts: plan.prices.pod_start > 0.0,
        robustness: found.robustness,
        gates: found.gates,
        budgets: found.budgets,
        pictures,
        origin: Origin { tool: &plan.tool, command: &plan.command, config_hash: &plan.config_hash, files: &files },
    };
    output::write_file(&directory.join("report.html"), |file| Ok(file.write_all(page.html().as_bytes())?))
}

#[cfg(feature = "plot")]
fn pictures(directory: &Path, plan: &Plan, units: &[Unit], found: &Concluded<'_>) -> anyhow::Result<Vec<Picture>> {
    let drawn = super::pictures::of_comparison(plan, units, found);
    let mut pictures = Vec::new();
    for it in drawn {
        super::pictures::save(directory, &it.name, &it.scene)?;
        let svg = String::from_utf8(it.scene.render(crate::plot::Format::Svg)?)?;
        pictures.push(Picture { place: it.place, svg, text: it.text });
    }
    Ok(pictures)
}

#[cfg(not(feature = "plot"))]
fn pictures(_: &Path, _: &Plan, _: &[Unit], _: &Concluded<'_>) -> anyhow::Result<Vec<Picture>> {
    Ok(Vec::new())
}
