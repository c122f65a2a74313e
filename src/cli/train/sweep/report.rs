//! What a sweep came to: its table, its CSV, its best settings.

use std::collections::BTreeMap;
use std::io::Write;

use super::{Outcome, Sweeping};
use crate::error::InputError;
use crate::report::number::percent;
use crate::report::table::{Align, Table};
use crate::rl::sweep::Parameter;

/// Rows that are printed.
const ROWS: usize = 12;

impl Sweeping {
    /// Steps that all trials took.
    pub(super) fn spent(&self, results: &[Outcome]) -> u64 {
        let of = |trial: u64| results.iter().filter(|it| it.trial == trial).map(|it| it.steps).max().unwrap_or(0);
        (0..self.rungs[0].trials).map(of).sum()
    }

    /// The heads of [`values`](Self::values).
    fn columns(&self) -> Vec<String> {
        if self.sweep.name(0).is_some() {
            return vec!["name".to_owned()];
        }
        self.parameters.iter().map(|it| it.key.clone()).collect()
    }

    /// The values of a trial, as text, one a parameter; the name of one that is written out.
    fn values(&self, trial: u64) -> Vec<String> {
        if let Some(name) = self.sweep.name(trial) {
            return vec![name.to_owned()];
        }
        let base = toml::Table::try_from(&self.base).unwrap_or_default();
        let drawn = self.sweep.draw(&self.parameters, trial);
        let found = |key: &str| {
            let mut keys = key.split('.');
            let first = keys.next().and_then(|key| base.get(key));
            keys.try_fold(first?, |value, key| value.get(key)).cloned()
        };
        let one = |(at, it): (usize, &Parameter)| {
            drawn
                .get(at)
                .map(|(_, value)| value.clone())
                .or_else(|| found(&it.key))
                .map_or_else(String::new, |it| it.to_string())
        };
        self.parameters.iter().enumerate().map(one).collect()
    }

    pub(super) fn csv(&self, results: &[Outcome], out: &mut dyn Write) -> std::io::Result<()> {
        let mut writer = csv::Writer::from_writer(out);
        let keys = self.columns();
        writer.write_record(
            ["trial", "rung", "steps", "cost_vs_reference", "violation_rate"]
                .into_iter()
                .chain(keys.iter().map(String::as_str)),
        )?;
        let text = |value: Option<f64>| value.map_or_else(String::new, |value| value.to_string());
        for it in results {
            let head = [it.trial.to_string(), it.rung.to_string(), it.steps.to_string()];
            let figures = [text(it.cost_vs_reference), text(it.violation_rate)];
            writer.write_record(head.into_iter().chain(figures).chain(self.values(it.trial)))?;
        }
        writer.flush()
    }

    /// Those that came furthest first, by cost.
    pub(super) fn table(&self, results: &[Outcome]) -> Table {
        let mut last: BTreeMap<u64, &Outcome> = BTreeMap::new();
        for it in results {
            last.insert(it.trial, it);
        }
        let mut order: Vec<&Outcome> = last.into_values().collect();
        let cost = |it: &Outcome| it.cost_vs_reference.unwrap_or(f64::INFINITY);
        order.sort_by(|a, b| b.rung.cmp(&a.rung).then(cost(a).total_cmp(&cost(b))));
        let columns = self.columns();
        let keys = columns.iter().map(|it| (it.as_str(), Align::Left));
        let heads = ["trial", "steps", "cost %", "violations %"].map(|head| (head, Align::Right));
        let mut table = Table::new(&heads.into_iter().chain(keys).collect::<Vec<_>>());
        let rows = if self.sweep.name(0).is_some() { order.len() } else { ROWS };
        for it in order.into_iter().take(rows) {
            let cost = it.cost_vs_reference.map_or_else(|| "diverged".to_owned(), percent);
            let late = it.violation_rate.map_or_else(String::new, |rate| format!("{:.3}", 100.0 * rate));
            let head = [it.trial.to_string(), it.steps.to_string(), cost, late];
            table.row(head.into_iter().chain(self.values(it.trial)));
        }
        table
    }

    /// The experiment of the best trial, preceded by where it comes from.
    pub(super) fn best_file(&self, best: u64, results: &[Outcome], spent: u64) -> Result<String, InputError> {
        let cost = |trial: u64| {
            let found = results.iter().rfind(|it| it.trial == trial).and_then(|it| it.cost_vs_reference);
            found.map_or_else(|| "none".to_owned(), |cost| format!("{} %", percent(cost)))
        };
        let values: Vec<String> =
            self.columns().iter().zip(self.values(best)).map(|(key, value)| format!("{key} = {value}")).collect();
        let head = format!(
            "# The best of {} trials by hpatune {}, which took {spent} environment steps.\n# Trial {best}: {}.\n# Cost on \
             validation time, of the static HPA's: {}; of the settings it began with: {}.\n# The figure chose the trial, so \
             it flatters it: judge the policy with `hpatune evaluate`.\n\n",
            self.rungs[0].trials,
            env!("CARGO_PKG_VERSION"),
            values.join(", ").replace(char::is_control, " "),
            cost(best),
            cost(0),
        );
        Ok(head + &self.experiment(best)?.to_toml())
    }
}
