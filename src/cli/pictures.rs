//! The pictures of an evaluation: policies by cost and violations, and timelines of test time.

use std::path::Path;

use crate::cli::output;
use crate::eval::contender::Ready;
use crate::eval::stats::Interval;
use crate::eval::summary::REFERENCE;
use crate::eval::{Comparison, Results, Summary};
use crate::plot::{self, Contestant, Estimate, Format, Scene};
use crate::sim::Run;
use crate::units::Percent;

/// Draws `comparison.svg` and `.png`, and timelines of the tuned HPA and its rival on the function where the rival does
/// best and on the one where it does worst.
///
/// # Errors
/// A file that cannot be written.
pub(super) fn draw(
    directory: &Path,
    comparison: &Comparison<'_>,
    ready: &[Ready],
    results: &Results,
    summaries: &[Summary],
    target: Percent,
) -> anyhow::Result<()> {
    save(directory, "comparison", &scatter(comparison, summaries, target))?;
    let (Some(reference), Some(rival)) = (at(results, REFERENCE), rival(comparison, summaries)) else { return Ok(()) };
    let ratio = |task: usize| objective(results, rival, task) / objective(results, reference, task);
    let mut order: Vec<usize> = (0..results.tasks).collect();
    order.sort_by(|&a, &b| ratio(a).total_cmp(&ratio(b)));
    let (Some(&best), Some(&worst)) = (order.first(), order.last()) else { return Ok(()) };
    for (place, task) in [("best", best), ("worst", worst)].into_iter().take(if best == worst { 1 } else { 2 }) {
        for policy in [reference, rival] {
            let judged = &comparison.tasks[task];
            let recipe = &ready[policy * results.tasks + task].recipe;
            let run = comparison.replay(recipe, judged, results.seeds[0], true);
            let name = &results.policies[policy];
            let title = format!("{name} on {} / {}", judged.trace, judged.function);
            save(
                directory,
                &format!("timeline-{place}-{}", plain(name)),
                &plot::timeline(&title, &run.timeline, late(&run)),
            )?;
        }
    }
    Ok(())
}

/// The learned policy, or without one the best policy that is not the reference and knows no future.
fn rival(comparison: &Comparison<'_>, summaries: &[Summary]) -> Option<usize> {
    let foresees = |name: &str| name.starts_with("clairvoyant");
    let learned = comparison.contenders.iter().position(crate::eval::Contender::is_learned);
    let others = (0..summaries.len()).filter(|&at| {
        let name = &summaries[at].policy;
        name != REFERENCE && !foresees(name)
    });
    let objective = |at: &usize| summaries[*at].mean("objective");
    learned.or_else(|| others.min_by(|a, b| objective(a).total_cmp(&objective(b))))
}

fn at(results: &Results, policy: &str) -> Option<usize> {
    results.policies.iter().position(|name| name == policy)
}

/// The sum of the objective over a task's seeds.
fn objective(results: &Results, policy: usize, task: usize) -> f64 {
    let seeds = results.seeds.len();
    let first = (policy * results.tasks + task) * seeds;
    results.rows[first..first + seeds].iter().map(|row| row.outcome.objective).sum()
}

fn scatter(comparison: &Comparison<'_>, summaries: &[Summary], target: Percent) -> Scene {
    let estimate = |interval: Option<Interval>| {
        let it = interval.unwrap_or(Interval { mean: f64::NAN, lower: f64::NAN, upper: f64::NAN });
        Estimate { mean: it.mean, lower: it.lower, upper: it.upper }
    };
    let contestant = |summary: &Summary| Contestant {
        name: summary.policy.clone(),
        cost: estimate(summary.figure("cost.usd")),
        violations: estimate(summary.figure("slo.violation_rate")),
    };
    plot::comparison(&plot::Comparison {
        title: "Cost against late requests on unseen traffic".to_owned(),
        subtitle: format!(
            "means over {} functions × {} seeds, bars: 95 % intervals",
            comparison.tasks.len(),
            comparison.seeds.len()
        ),
        cost_label: "cost, $ a function".to_owned(),
        contestants: summaries.iter().map(contestant).collect(),
        tried: Vec::new(),
        allowed: Some(1.0 - target.fraction()),
    })
}

/// Draws the run of one function.
///
/// # Errors
/// A file that cannot be written.
pub(super) fn timeline(directory: &Path, function: &str, policy: &str, run: &Run) -> anyhow::Result<()> {
    let title = format!("{policy} on {function}");
    save(directory, &format!("timeline-{}", plain(function)), &plot::timeline(&title, &run.timeline, late(run)))
}

/// The share of a run's requests that were late or lost, where there were any.
fn late(run: &Run) -> Option<f64> {
    let it = &run.outcome;
    (it.requests.offered > 0.0).then_some(it.slo.violation_rate)
}

/// A name that every file system takes.
fn plain(name: &str) -> String {
    name.chars().map(|c| if c.is_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '_' }).collect()
}

fn save(directory: &Path, name: &str, scene: &Scene) -> anyhow::Result<()> {
    for format in [Format::Svg, Format::Png] {
        let path = directory.join(format!("{name}.{}", format.extension()));
        let bytes = scene.render(format)?;
        output::write_file(&path, |file| Ok(file.write_all(&bytes)?))?;
    }
    Ok(())
}
