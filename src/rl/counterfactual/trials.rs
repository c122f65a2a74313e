//! The actions that are tried: each head's values, the other heads as they were.

use crate::env::Distribution;

/// Actions to try.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Trials {
    /// The first policy's action.
    pub(super) first: Vec<f32>,
    /// Values of the heads that have a choice, in order.
    pub(super) heads: Vec<Head>,
}

/// A head with a choice.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Head {
    /// Which.
    pub(super) index: usize,
    /// What it is drawn from.
    pub(super) distribution: Distribution,
    /// Where its outputs begin among the network's.
    pub(super) from: usize,
    /// What it is set to: choices, or numbers from 0 to 1.
    pub(super) values: Vec<f32>,
}

impl Trials {
    /// All choices of a head, and `values` of one that is a number.
    pub(super) fn new(heads: &[Distribution], first: &[f32], values: usize) -> Self {
        let mut from = 0;
        let mut own = Vec::new();
        for (index, &distribution) in heads.iter().enumerate() {
            let values: Vec<f32> = match distribution {
                Distribution::Categorical(choices) => (0..choices).map(|choice| choice as f32).collect(),
                Distribution::Gaussian | Distribution::Beta => {
                    (0..values).map(|nth| nth as f32 / (values - 1) as f32).collect()
                }
            };
            if values.len() > 1 {
                own.push(Head { index, distribution, from, values });
            }
            from += distribution.outputs();
        }
        Self { first: first.to_vec(), heads: own }
    }

    /// Whether there is nothing to try.
    pub(super) fn is_empty(&self) -> bool {
        self.heads.is_empty()
    }

    /// Number of values, all heads together.
    pub(super) fn len(&self) -> usize {
        self.heads.iter().map(|head| head.values.len()).sum()
    }

    /// The actions, head by head.
    pub(super) fn actions(&self) -> impl Iterator<Item = Vec<f32>> + '_ {
        let with = |index: usize, value: f32| {
            let mut action = self.first.clone();
            action[index] = value;
            action
        };
        self.heads.iter().flat_map(move |head| head.values.iter().map(move |&value| with(head.index, value)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_head_at_a_time_is_set_to_each_of_its_values() {
        let heads = [Distribution::Categorical(1), Distribution::Gaussian, Distribution::Categorical(2)];
        let trials = Trials::new(&heads, &[0.0, 0.25, 1.0], 3);
        let wanted = [[0.0, 0.0, 1.0], [0.0, 0.5, 1.0], [0.0, 1.0, 1.0], [0.0, 0.25, 0.0], [0.0, 0.25, 1.0]];
        assert_eq!(trials.actions().collect::<Vec<_>>(), wanted);
        assert_eq!(trials.len(), wanted.len());
        assert_eq!(trials.heads.iter().map(|head| head.from).collect::<Vec<_>>(), [1, 3]);
    }
}
