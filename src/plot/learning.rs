//! Learning over environment steps: return, violation rate, cost against the reference.

use super::axis::{Axis, extent};
use super::legend::{self, Sample};
use super::palette::{INK, Look, look};
use super::panel::{self, Panel};
use super::scene::{Point, Scene, Stroke};

/// One training run, a value per record; NaN where a record lacks it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Learning {
    /// What the run is called; runs of one name are seeds of one another.
    pub name: String,
    /// Environment steps so far.
    pub step: Vec<f64>,
    /// Mean return of an episode.
    pub returns: Vec<f64>,
    /// Share of requests late or lost, 0 to 1.
    pub violations: Vec<f64>,
    /// Cost over that of the reference.
    pub cost: Vec<f64>,
    /// The same two on validation time, where the policy was judged.
    pub judged_violations: Vec<f64>,
    /// Cost over that of the reference on validation time.
    pub judged_cost: Vec<f64>,
}

const LEFT: f64 = 96.0;
const RIGHT: f64 = 1172.0;
/// Places at which several seeds are compared.
const GRID: usize = 200;

/// A picture of one or several training runs. Runs of one name are drawn as their median in a band from the least to the
/// largest.
#[must_use]
pub fn learning(title: &str, runs: &[Learning]) -> Scene {
    let mut scene = Scene::new(1200, 800);
    let mut names: Vec<&str> = Vec::new();
    for run in runs {
        if !names.contains(&run.name.as_str()) {
            names.push(&run.name);
        }
    }
    panel::title(&mut scene, LEFT, title, &subtitle(runs, &names));
    let (start, end) = extent(runs.iter().flat_map(|run| run.step.iter().copied())).unwrap_or((0.0, 1.0));
    let steps = Axis::span(start.min(0.0), end, "environment steps");
    for (index, row) in ROWS.iter().enumerate() {
        let top = 104.0 + 216.0 * index as f64;
        let all = runs.iter().flat_map(|run| (row.learning)(run).into_iter().chain((row.judged)(run)));
        let y = if row.from_zero { Axis::from_zero(all, row.label) } else { Axis::around(all, row.label) };
        let panel = Panel { left: LEFT, top, right: RIGHT, bottom: top + 190.0, x: steps.clone(), y };
        panel.frame(&mut scene, index == 2);
        if index == 2 {
            panel.level(&mut scene, 1.0, Stroke { color: INK, width: 1.2, dash: &[7.0, 4.0] });
        }
        for (order, name) in names.iter().enumerate() {
            let seeds: Vec<&Learning> = runs.iter().filter(|run| run.name == *name).collect();
            let curves: Vec<_> = seeds.iter().map(|run| points(run, &(row.learning)(run))).collect();
            draw(&mut scene, &panel, &curves, look(order));
            let judged = seeds.iter().flat_map(|run| points(run, &(row.judged)(run)));
            judgements(&mut scene, &panel, judged, look(order));
        }
        if index == 0 {
            legend::row(&mut scene, &panel, &entries(runs, &names));
        }
    }
    scene
}

/// A panel: its label, its values while learning and on validation time, and whether it starts at 0.
struct Row {
    label: &'static str,
    learning: fn(&Learning) -> Vec<f64>,
    judged: fn(&Learning) -> Vec<f64>,
    from_zero: bool,
}

const ROWS: [Row; 3] = [
    Row {
        label: "return of an episode",
        learning: |run| run.returns.clone(),
        judged: |_| Vec::new(),
        from_zero: false,
    },
    Row {
        label: "late or lost, %",
        learning: |run| run.violations.iter().map(|rate| 100.0 * rate).collect(),
        judged: |run| run.judged_violations.iter().map(|rate| 100.0 * rate).collect(),
        from_zero: true,
    },
    Row {
        label: "cost / static HPA's",
        learning: |run| run.cost.clone(),
        judged: |run| run.judged_cost.clone(),
        from_zero: false,
    },
];

fn entries(runs: &[Learning], names: &[&str]) -> Vec<(Sample, String)> {
    let mut entries = Vec::new();
    for (order, name) in names.iter().enumerate() {
        let name = if names.len() > 1 { (*name).to_owned() } else { "while learning".to_owned() };
        entries.push((Sample::Line(look(order).stroke(2.2)), name));
    }
    if runs.iter().any(|run| run.judged_cost.iter().any(|cost| cost.is_finite())) {
        entries.push((Sample::Mark(look(0).mark, look(0).color), "on validation time".to_owned()));
    }
    entries
}

fn subtitle(runs: &[Learning], names: &[&str]) -> String {
    let several = runs.len() > names.len();
    let seeds = if several { "; medians over seeds, from the least to the largest in bands and bars" } else { "" };
    let runs = if runs.len() == 1 { "1 run".to_owned() } else { format!("{} runs", runs.len()) };
    format!("{runs}{seeds}; below 1 in the lowest panel is cheaper than the static HPA")
}

fn points(run: &Learning, values: &[f64]) -> Vec<Point> {
    run.step.iter().copied().zip(values.iter().copied()).collect()
}

fn draw(scene: &mut Scene, panel: &Panel, seeds: &[Vec<Point>], look: Look) {
    if let [one] = seeds {
        panel.line(scene, one, look.stroke(2.0));
        return;
    }
    let (start, end) = (panel.x.low, panel.x.high);
    let mut middle = Vec::with_capacity(GRID);
    let mut band = Vec::with_capacity(GRID);
    for index in 0..GRID {
        let x = start + (end - start) * index as f64 / (GRID - 1) as f64;
        let mut values: Vec<f64> = seeds.iter().filter_map(|points| value_at(points, x)).collect();
        values.sort_by(f64::total_cmp);
        if let (Some(&low), Some(&high)) = (values.first(), values.last()) {
            middle.push((x, median(&values)));
            band.push((x, low, high));
        }
    }
    panel.band(scene, &band, look.color.clear(0.22));
    panel.line(scene, &middle, look.stroke(2.2));
}

/// A mark at the median of each step's judgements, and a bar from the least to the largest.
fn judgements(scene: &mut Scene, panel: &Panel, judged: impl Iterator<Item = Point>, look: Look) {
    let mut all: Vec<Point> = judged.filter(|(step, value)| step.is_finite() && value.is_finite()).collect();
    all.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    for same in all.chunk_by(|a, b| (a.0 - b.0).abs() < 0.5) {
        let (step, low, high) = (same[0].0, same[0].1, same[same.len() - 1].1);
        let values: Vec<f64> = same.iter().map(|(_, value)| *value).collect();
        if high > low {
            scene.line(vec![panel.at(step, low), panel.at(step, high)], Stroke::solid(look.color, 1.6));
        }
        panel.mark(scene, (step, median(&values)), look.mark, 8.0, look.color);
    }
}

/// The median of sorted values, of which there is one or more.
fn median(sorted: &[f64]) -> f64 {
    let half = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[half] } else { f64::midpoint(sorted[half - 1], sorted[half]) }
}

/// The value of a run at a step, on a straight line between its records; `None` outside them.
fn value_at(points: &[Point], x: f64) -> Option<f64> {
    let finite = |point: &&Point| point.0.is_finite() && point.1.is_finite();
    let before = points.iter().filter(finite).rfind(|point| point.0 <= x)?;
    let after = points.iter().filter(finite).find(|point| point.0 >= x)?;
    let span = after.0 - before.0;
    Some(if span > 0.0 { before.1 + (after.1 - before.1) * (x - before.0) / span } else { before.1 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_are_compared_at_the_same_step() {
        let points = [(0.0, 1.0), (10.0, 3.0), (20.0, f64::NAN), (30.0, 5.0)];
        assert_eq!(value_at(&points, 5.0), Some(2.0));
        assert_eq!(value_at(&points, 10.0), Some(3.0));
        assert_eq!(value_at(&points, 20.0), Some(4.0), "a record without the value is passed over");
        assert_eq!(value_at(&points, 31.0), None);
    }
}
