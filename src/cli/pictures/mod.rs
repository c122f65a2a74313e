//! The pictures of an evaluation: policies by cost and violations, scores, gaps, timelines of test time, what policies do
//! by load and hour, and how they bear strain.

mod maps;

use std::path::Path;

use crate::cli::judgement::{Concluded, Plan};
use crate::cli::output;
use crate::eval::stats::{Interval, mean};
use crate::eval::summary::REFERENCE;
use crate::eval::unit::Recording;
use crate::eval::{Results, Static, Summary, Unit, standing};
use crate::plot::{self, Contestant, Estimate, Format, Profile, Scene};
use crate::report::evaluation::sorted;
use crate::report::number::{counted, fixed, percent, significant};
use crate::report::page::Place;
use crate::sim::{Run, TimelineRow};

/// A picture of an evaluation.
pub(super) struct Drawn {
    /// The name of its file, without ending.
    pub(super) name: String,
    /// The picture.
    pub(super) scene: Scene,
    /// Where it stands in the report.
    pub(super) place: Place,
    /// What it shows.
    pub(super) text: String,
}

/// Most profiles in one picture.
const PROFILES: usize = 8;

/// The pictures of a comparison. Timelines are of the tuned HPA and its rival, on the function where the rival does best
/// and on the one where it does worst.
pub(super) fn of_comparison(plan: &Plan, units: &[Unit], found: &Concluded<'_>) -> Vec<Drawn> {
    let mut drawn = vec![scatter(plan, units.len(), found)];
    drawn.extend(profiles(found.summaries, plan.rival.as_deref()));
    if let Some(rival) = plan.rival.as_deref() {
        let order = order(found.results, rival);
        drawn.extend(gaps(found.results, rival, &order));
        drawn.extend(timelines(units, rival, &order));
        drawn.extend([REFERENCE, rival].into_iter().filter_map(|policy| maps::of_policy(units, policy)));
    }
    drawn.extend(maps::of_strains(found.robustness));
    drawn
}

fn scatter(plan: &Plan, functions: usize, found: &Concluded<'_>) -> Drawn {
    let summaries = found.summaries;
    let estimate = |interval: Option<Interval>| {
        let it = interval.unwrap_or(Interval::UNKNOWN);
        Estimate { mean: it.mean, lower: it.lower, upper: it.upper }
    };
    let contestant = |summary: &Summary| Contestant {
        name: summary.policy.clone(),
        cost: estimate(summary.figure("cost.usd")),
        violations: estimate(summary.figure("slo.violation_rate")),
        foresees: summary.nature.foresees,
    };
    let scene = plot::comparison(&plot::Comparison {
        title: "Cost against late requests on test time".to_owned(),
        subtitle: format!(
            "means over {} × {}, bars: 95 % intervals",
            counted(functions, "function"),
            counted(plan.seeds.len(), "seed")
        ),
        cost_label: "cost, $ a function".to_owned(),
        contestants: summaries.iter().map(contestant).collect(),
        // What serves next to nothing would take most of the picture.
        tried: found.statics.iter().map(|it| (it.usd, it.violation_rate)).filter(|it| it.1 < 0.5).collect(),
        tried_label: "static HPAs of other prices".to_owned(),
        allowed: Some(1.0 - plan.slo.target.fraction()),
    });
    let each = |it: &&Summary| {
        format!(
            "{} {} $ and {} %",
            it.policy,
            significant(it.mean("cost.usd"), 3),
            percent(it.mean("slo.violation_rate"))
        )
    };
    let policies: Vec<String> = sorted(summaries).iter().map(each).collect();
    let swept: Vec<String> = found.statics.iter().map(static_hpa).collect();
    let swept = if swept.is_empty() {
        String::new()
    } else {
        format!(" Static HPAs tuned for other prices of a late request: {}.", swept.join(", "))
    };
    let text = format!(
        "Cost and share of requests late or lost; the further down and left, the better: {}.{swept}",
        policies.join(", ")
    );
    Drawn { name: "comparison".to_owned(), scene, place: Place::Front, text }
}

fn static_hpa(it: &Static) -> String {
    let price = if it.price < 1.0 { format!("1/{}", fixed(1.0 / it.price, 0)) } else { fixed(it.price, 0) };
    format!("at {price} times the price {} $ and {} %", significant(it.usd, 3), percent(it.violation_rate))
}

fn profiles(summaries: &[Summary], rival: Option<&str>) -> Option<Drawn> {
    let shown = sorted(summaries).into_iter().filter(|it| !it.profile.is_empty() && it.policy != REFERENCE);
    let shown: Vec<&Summary> = shown.take(PROFILES).collect();
    if shown.is_empty() {
        return None;
    }
    let thresholds = standing::thresholds();
    let profile = |summary: &&Summary| Profile {
        name: summary.policy.clone(),
        points: thresholds.iter().zip(&summary.profile).map(|(&tau, it)| (tau, it.mean, it.lower, it.upper)).collect(),
        band: Some(summary.policy.as_str()) == rival,
    };
    let all: Vec<Profile> = shown.iter().map(profile).collect();
    let subtitle = format!("share of runs above each score; band: 95 % of {}", rival.unwrap_or_default());
    let scene = plot::profiles("How often, and by how much", &subtitle, &all);
    let above = |summary: &&Summary| {
        let at = thresholds.iter().position(|tau| *tau >= 0.0).unwrap_or(0);
        format!("{} {} %", summary.policy, fixed(100.0 * summary.profile[at].mean, 0))
    };
    let above: Vec<String> = shown.iter().map(above).collect();
    let text = format!(
        "Share of runs that score above each threshold. Of runs that beat the tuned static HPA: {}.",
        above.join(", ")
    );
    Some(Drawn { name: "profile".to_owned(), scene, place: Place::Profile, text })
}

/// Tasks from where `rival` does best against the tuned HPA to where it does worst.
fn order(results: &Results, rival: &str) -> Vec<usize> {
    let ratio = |task: usize| mean(&objectives(results, rival, task)) / mean(&objectives(results, REFERENCE, task));
    let mut order: Vec<usize> = (0..results.tasks).collect();
    order.sort_by(|&a, &b| ratio(a).total_cmp(&ratio(b)));
    order
}

/// The objectives of a policy on a task, seed by seed.
fn objectives(results: &Results, policy: &str, task: usize) -> Vec<f64> {
    let seeds = results.seeds.len();
    let at = results.policies.iter().position(|name| name == policy).unwrap_or(0);
    let first = (at * results.tasks + task) * seeds;
    results.rows.iter().skip(first).take(seeds).map(|row| row.outcome.objective).collect()
}

fn gaps(results: &Results, rival: &str, order: &[usize]) -> Option<Drawn> {
    let own = results.policies.iter().position(|name| name == rival)?;
    if results.natures[own].resizes_pods {
        return None;
    }
    let gap = |&task: &usize| {
        let bound = &results.bounds[task];
        let tuned = mean(&objectives(results, REFERENCE, task));
        let room = tuned - bound.optimum.lower;
        let closed: Vec<f64> = objectives(results, rival, task).iter().map(|own| (tuned - own) / room).collect();
        let end = |pick: fn(f64, f64) -> f64, from: f64| closed.iter().copied().fold(from, pick);
        (room > 0.0).then(|| plot::Gap {
            name: format!("{} / {}", bound.trace, bound.function),
            mean: mean(&closed),
            least: end(f64::min, f64::INFINITY),
            largest: end(f64::max, f64::NEG_INFINITY),
        })
    };
    let all: Vec<plot::Gap> = order.iter().filter_map(gap).collect();
    let (first, last) = (all.first()?, all.last()?);
    let title = format!("Share of the gap to the optimum that {rival} closes");
    let subtitle =
        "0 is the tuned static HPA, 1 the clairvoyant optimum; lines: from the least to the largest of the seeds";
    let losses = all.iter().filter(|gap| gap.mean < 0.0).count();
    let text = format!(
        "Gap closed by {rival}, function by function: from {} ({}) to {} ({}); it loses on {losses} of {}.",
        fixed(first.mean, 2),
        first.name,
        fixed(last.mean, 2),
        last.name,
        all.len()
    );
    let scene = plot::gaps(&title, subtitle, &all);
    Some(Drawn { name: "gaps".to_owned(), scene, place: Place::Gaps, text })
}

fn timelines(units: &[Unit], rival: &str, order: &[usize]) -> Vec<Drawn> {
    let (Some(&best), Some(&worst)) = (order.first(), order.last()) else { return Vec::new() };
    let ends = [("best", best), ("worst", worst)].into_iter().take(if best == worst { 1 } else { 2 });
    let pairs = ends.flat_map(|end| [REFERENCE, rival].map(|policy| (end, policy)));
    pairs
        .filter_map(|((end, task), policy)| {
            let unit = &units[task];
            let recording = unit.timelines.iter().find(|it| it.policy == policy)?;
            let title = format!("{policy} on {} / {}", unit.bound.trace, unit.bound.function);
            let rows = recording.timeline();
            let text = format!("{title}, where {rival} does {end}; the first seed: {}", told(recording, &rows));
            let (name, scene) =
                (format!("timeline-{end}-{}", plain(policy)), plot::timeline(&title, &rows, recording.late));
            Some(Drawn { name, scene, place: Place::Timelines, text })
        })
        .collect()
}

/// A timeline in words.
fn told(recording: &Recording, rows: &[TimelineRow]) -> String {
    let of = |value: fn(&TimelineRow) -> f64| rows.iter().map(value).filter(|it| it.is_finite()).collect::<Vec<f64>>();
    let (replicas, demand) = (of(|row| row.replicas), of(|row| row.demand));
    let most = |values: &[f64]| fixed(values.iter().copied().fold(0.0, f64::max), 0);
    let late =
        recording.late.map_or_else(String::new, |late| format!("; {} % of requests late or lost", percent(late)));
    format!(
        "{} pods in the mean and up to {}, for a demand of {} and up to {}{late}.",
        significant(mean(&replicas), 3),
        most(&replicas),
        significant(mean(&demand), 3),
        most(&demand)
    )
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

/// Writes a picture in both forms.
///
/// # Errors
/// A file that cannot be written.
pub(super) fn save(directory: &Path, name: &str, scene: &Scene) -> anyhow::Result<()> {
    for format in [Format::Svg, Format::Png] {
        let path = directory.join(format!("{name}.{}", format.extension()));
        let bytes = scene.render(format)?;
        output::write_file(&path, |file| Ok(file.write_all(&bytes)?))?;
    }
    Ok(())
}
