//! CPU of a node that its pods want more of than it has.
//!
//! Pods whose limit is above their request may together want more than their node has. Linux then gives each a share in
//! proportion to its request (`cpu.weight`), and what one leaves goes to the others in proportion.

use std::collections::BTreeMap;

use super::{Cluster, Seat};

/// What the pods of one member want of each node, in cores.
pub(in crate::sim) type Wants = BTreeMap<Seat, Vec<f64>>;

impl Cluster {
    /// Takes note of what the pods of a member want, and says what each of them gets at most on each node, in cores;
    /// nothing of nodes that have enough. What other members want is as of their last note.
    pub(in crate::sim) fn contend(&mut self, member: usize, wants: &Wants) -> BTreeMap<Seat, f64> {
        for node in &mut self.nodes {
            node.wants.retain(|it| it.0 != member);
            let own = wants.get(&node.seat).into_iter().flatten();
            node.wants.extend(own.map(|&want| (member, want)));
        }
        let (cores, members) = (self.node.cpu as f64 / 1e3, &self.members);
        let request = |member: usize| members[member].pod.cpu as f64;
        let crowded = self.nodes.iter().filter(|node| wants.contains_key(&node.seat));
        let share = |node: &super::Node| {
            let all: Vec<(f64, f64)> = node.wants.iter().map(|&(member, want)| (request(member), want)).collect();
            Some((node.seat, level(cores, &all)? * request(member)))
        };
        crowded.filter_map(share).collect()
    }
}

/// Cores for each unit of weight, when pods of `(weight, cores wanted)` share `cores`; `None` when there are enough.
/// ```text
/// Σ min(want_i, λ · weight_i) = cores
/// ```
fn level(cores: f64, pods: &[(f64, f64)]) -> Option<f64> {
    if pods.iter().map(|it| it.1).sum::<f64>() <= cores {
        return None;
    }
    let mut order: Vec<(f64, f64)> = pods.to_vec();
    order.sort_by(|a, b| (a.1 / a.0).total_cmp(&(b.1 / b.0)));
    let (mut left, mut weight) = (cores, order.iter().map(|it| it.0).sum::<f64>());
    for (own, want) in order {
        if want / own >= left / weight {
            break;
        }
        left -= want;
        weight -= own;
    }
    Some(left / weight)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_with_enough_holds_nobody_back() {
        assert_eq!(level(4.0, &[(500.0, 2.0), (500.0, 2.0)]), None);
        assert_eq!(level(4.0, &[]), None);
    }

    #[test]
    fn cores_are_shared_in_proportion_to_requests_and_what_one_leaves_goes_to_the_others() {
        let near = |found: Option<f64>, expected: f64| assert!((found.unwrap() - expected).abs() < 1e-12, "{found:?}");
        near(level(4.0, &[(1.0, 4.0), (1.0, 4.0)]), 2.0);
        near(level(4.0, &[(1.0, 4.0), (3.0, 4.0)]), 1.0);
        // One wants half a core; the two others share what is left, one to two.
        near(level(3.5, &[(1.0, 0.5), (1.0, 4.0), (2.0, 4.0)]), 1.0);
        // The share of the third is more than it wants.
        near(level(4.0, &[(1.0, 4.0), (1.0, 4.0), (8.0, 1.0)]), 1.5);
    }

    #[test]
    fn all_cores_are_given_away_and_none_twice() {
        for seed in 0..200_u32 {
            let pods: Vec<(f64, f64)> = (0..=seed % 9)
                .map(|it| (f64::from(1 + (seed * 7 + it * 13) % 11), f64::from((seed * 5 + it * 17) % 23) / 4.0))
                .collect();
            let wanted: f64 = pods.iter().map(|it| it.1).sum();
            let given = |level: f64| pods.iter().map(|it| it.1.min(level * it.0)).sum::<f64>();
            match level(6.0, &pods) {
                None => assert!(wanted <= 6.0),
                Some(level) => assert!(wanted > 6.0 && (given(level) - 6.0).abs() < 1e-9, "{pods:?}"),
            }
        }
    }
}
