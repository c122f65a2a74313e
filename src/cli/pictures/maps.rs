//! Shaded tables: what a policy does by load and hour, and how policies bear strain.

use super::{Drawn, plain};
use crate::eval::Unit;
use crate::eval::stress::Robustness;
use crate::plot::{Heat, heat};
use crate::report::number::{fixed, percent};
use crate::report::page::Place;
use crate::report::robustness::names;

/// Bands of demand, as shares of the largest of the function.
const BANDS: usize = 5;

/// Pods asked for over demand, by hour of the day and demand.
pub(super) fn of_policy(units: &[Unit], policy: &str) -> Option<Drawn> {
    let mut sums = vec![[(0.0, 0.0); 24]; BANDS];
    for unit in units {
        let Some(recording) = unit.timelines.iter().find(|it| it.policy == policy) else { continue };
        let rows = recording.timeline();
        let most = rows.iter().map(|row| row.demand).filter(|it| it.is_finite()).fold(1.0, f64::max);
        for row in rows.iter().filter(|row| row.demand > 0.0 && row.replicas.is_finite()) {
            let hour = ((unit.midnight_s.unwrap_or(0.0) + row.t) / 3600.0).rem_euclid(24.0) as usize;
            let band = ((row.demand / most * BANDS as f64) as usize).min(BANDS - 1);
            let cell = &mut sums[band][hour.min(23)];
            *cell = (cell.0 + row.replicas / row.demand, cell.1 + 1.0);
        }
    }
    let cell = |&(sum, count): &(f64, f64)| {
        if count > 0.0 { (sum / count, fixed(sum / count, 1)) } else { (f64::NAN, String::new()) }
    };
    let rows: Vec<(String, Vec<(f64, String)>)> = (0..BANDS)
        .rev()
        .map(|band| {
            let name = format!("{} to {} %", 100 * band / BANDS, 100 * (band + 1) / BANDS);
            (name, sums[band].iter().map(cell).collect())
        })
        .collect();
    let known = || rows.iter().flat_map(|(_, cells)| cells.iter().map(|it| it.0)).filter(|it| it.is_finite());
    let (least, most) = (known().fold(f64::INFINITY, f64::min), known().fold(0.0, f64::max));
    if !least.is_finite() {
        return None;
    }
    let dated = units.iter().all(|unit| unit.midnight_s.is_some());
    let hours = if dated { "hour of the day, UTC" } else { "hour, counted from the trace's start" };
    let scene = heat(&Heat {
        title: format!("{policy}: pods asked for over pods needed"),
        subtitle: "1 is just enough; rows: demand as a share of the function's largest".to_owned(),
        columns: (0..24).map(|hour| hour.to_string()).collect(),
        rows,
        range: (0.5, 2.0),
        caption: hours.to_owned(),
    });
    let text = format!(
        "Pods that {policy} asks for over pods that demand needs, by demand and {hours}: from {} to {}.",
        fixed(least, 1),
        fixed(most, 1)
    );
    Some(Drawn { name: format!("map-{}", plain(policy)), scene, place: Place::Map, text })
}

/// Late requests of every policy under every strain; nothing when none was tried.
pub(super) fn of_strains(all: &[Robustness]) -> Option<Drawn> {
    let (strains, policies) = (names(all, |it| &it.strain), names(all, |it| &it.policy));
    let cell = |strain: &&str, policy: &str| {
        let it = all.iter().find(|it| it.strain == **strain && it.policy == policy);
        it.map_or((f64::NAN, String::new()), |it| (it.violation_rate.max(1e-4).log10(), percent(it.violation_rate)))
    };
    let row = |policy: &&str| ((*policy).to_owned(), strains.iter().map(|strain| cell(strain, policy)).collect());
    let scene = heat(&Heat {
        title: "Requests late or lost in other worlds, %".to_owned(),
        subtitle: "policies as they were tuned and learned; darker is worse, on a logarithmic scale".to_owned(),
        columns: strains.iter().map(|strain| (*strain).to_owned()).collect(),
        rows: policies.iter().map(row).collect(),
        range: (-4.0, 0.0),
        caption: String::new(),
    });
    let worst = all.iter().max_by(|a, b| a.violation_rate.total_cmp(&b.violation_rate))?;
    let text = format!(
        "Requests late or lost of every policy in every world, as in the table below. The most are {} % of {} at {}.",
        percent(worst.violation_rate),
        worst.policy,
        worst.strain
    );
    Some(Drawn { name: "robustness".to_owned(), scene, place: Place::Robustness, text })
}
