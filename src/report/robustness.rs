//! Policies under strain as a table: a line a strain, a column a policy.

use super::number::{fixed, percent};
use super::table::{Align, Table};
use crate::eval::stress::Robustness;

/// Late requests in percent and, behind a slash, the objective over the tuned static HPA's under the same strain.
#[must_use]
pub fn table(all: &[Robustness]) -> Table {
    let (strains, policies) = (names(all, |it| &it.strain), names(all, |it| &it.policy));
    let mut head = vec![("late % / objective", Align::Left)];
    head.extend(policies.iter().map(|name| (*name, Align::Right)));
    let mut table = Table::new(&head);
    for strain in strains {
        let cell = |policy: &&str| {
            let found = all.iter().find(|it| it.strain == strain && it.policy == **policy);
            found.map_or_else(String::new, |it| {
                format!("{} / {}", percent(it.violation_rate), fixed(it.objective_vs_tuned, 2))
            })
        };
        table.row([strain.to_owned()].into_iter().chain(policies.iter().map(cell)));
    }
    table
}

/// The different names, in the order in which they first come.
pub fn names<'a>(all: &'a [Robustness], of: impl Fn(&'a Robustness) -> &'a str) -> Vec<&'a str> {
    let mut names = Vec::new();
    for name in all.iter().map(of) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_a_strain_and_a_column_a_policy() {
        let one = |strain: &str, policy: &str, violation_rate, objective_vs_tuned| Robustness {
            strain: strain.to_owned(),
            policy: policy.to_owned(),
            usd: 1.0,
            violation_rate,
            objective: 1.0,
            objective_vs_tuned,
        };
        let all = [
            one("as tuned", "tuned", 0.01, 1.0),
            one("as tuned", "keda", 0.02, 1.234),
            one("load ×2", "tuned", 0.5, 1.0),
            one("load ×2", "keda", 0.25, f64::NAN),
        ];
        assert_eq!(
            table(&all).to_string(),
            "late % / objective        tuned         keda\nas tuned            1.00 / 1.00  2.00 / 1.23\n\
             load ×2             50.0 / 1.00     25.0 / –\n"
        );
    }
}
