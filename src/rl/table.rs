//! A table of action values over discretised observations.

use super::brain::Shape;
use super::file::{Archive, broken};
use crate::env::Distribution;
use crate::env::distribution::choice;
use crate::error::InputError;

/// `Q(state, action)`, and how often each pair was tried.
///
/// A state is one bin a feature, an action one choice a head; both are numbered with the last one changing fastest.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// Places of the features in an observation.
    pub features: Vec<usize>,
    /// Upper ends of all bins but the last, feature by feature: `[features, bins − 1]`.
    pub edges: Vec<f32>,
    /// Combinations of choices.
    pub actions: usize,
    /// `[states, actions]`.
    pub values: Vec<f32>,
    /// `[states, actions]`.
    pub visits: Vec<f32>,
}

impl Table {
    /// An empty table whose bins hold equally many of `observations`, rows of `width` values; at least one row.
    #[must_use]
    pub fn new(observations: &[f32], width: usize, features: &[usize], bins: usize, heads: &[Distribution]) -> Self {
        let quantiles = |&feature: &usize| {
            let mut column: Vec<f32> = observations.chunks_exact(width).map(|row| row[feature]).collect();
            column.sort_by(f32::total_cmp);
            (1..bins).map(move |bin| column[(column.len() * bin / bins).saturating_sub(1)]).collect::<Vec<_>>()
        };
        let edges = features.iter().flat_map(quantiles).collect();
        let actions = actions(heads);
        let cells = bins.pow(features.len() as u32) * actions;
        Self { features: features.to_vec(), edges, actions, values: vec![0.0; cells], visits: vec![0.0; cells] }
    }

    fn bins(&self) -> usize {
        self.edges.len() / self.features.len() + 1
    }

    /// The number of an observation's state: a value on an edge belongs to the bin below.
    #[must_use]
    pub fn state(&self, observation: &[f32]) -> usize {
        let (bins, width) = (self.bins(), self.bins() - 1);
        let bin = |(index, &feature): (usize, &usize)| {
            self.edges[index * width..(index + 1) * width].iter().filter(|&&edge| observation[feature] > edge).count()
        };
        self.features.iter().enumerate().map(bin).fold(0, |state, bin| state * bins + bin)
    }

    /// The best action among those tried in a state; the first of equals.
    #[must_use]
    pub fn best(&self, state: usize) -> Option<usize> {
        let row = state * self.actions..(state + 1) * self.actions;
        let (values, visits) = (&self.values[row.clone()], &self.visits[row]);
        let tried = (0..self.actions).filter(|&action| visits[action] > 0.0);
        tried.reduce(|best, action| if values[action] > values[best] { action } else { best })
    }

    /// The value of a state: that of its best action, 0 where nothing was tried.
    #[must_use]
    pub fn value(&self, state: usize) -> f64 {
        self.best(state).map_or(0.0, |action| f64::from(self.values[state * self.actions + action]))
    }

    /// The best action at an observation, `keep` where nothing was tried.
    pub fn act(&self, observation: &[f32], heads: &[Distribution], keep: &[f32], action: &mut [f32]) {
        match self.best(self.state(observation)) {
            Some(best) => choices(best, heads, action),
            None => action.copy_from_slice(keep),
        }
    }

    /// Puts it into a file.
    pub fn pack(&self, archive: &mut Archive) {
        let features: Vec<f32> = self.features.iter().map(|&feature| feature as f32).collect();
        archive.insert("table.features", &[features.len()], &features);
        archive.insert("table.edges", &[features.len(), self.bins() - 1], &self.edges);
        let shape = [self.values.len() / self.actions, self.actions];
        archive.insert("table.values", &shape, &self.values);
        archive.insert("table.visits", &shape, &self.visits);
    }

    /// Reads what [`pack`](Self::pack) wrote.
    ///
    /// # Errors
    /// A tensor is missing, or of a size that does not fit the others.
    pub fn unpack(shape: &Shape<'_>, archive: &Archive) -> Result<Self, InputError> {
        let length = |name: &str| archive.tensors.get(name).map_or(0, |(_, values)| values.len());
        let count = length("table.features");
        let features: Vec<usize> =
            archive.values("table.features", count)?.iter().map(|&feature| feature as usize).collect();
        if count == 0 || features.iter().any(|&feature| feature >= shape.observation) {
            return Err(broken(format!("its table is over values {features:?} of the observation")));
        }
        let edges = archive.values("table.edges", length("table.edges"))?.to_vec();
        let actions = actions(shape.heads);
        let states = (edges.len() / count + 1).checked_pow(count as u32);
        let cells = states.and_then(|states| states.checked_mul(actions)).filter(|_| edges.len() % count == 0);
        let cells = cells.ok_or_else(|| broken(format!("its table has {} edges", edges.len())))?;
        let values = archive.values("table.values", cells)?.to_vec();
        let visits = archive.values("table.visits", cells)?.to_vec();
        Ok(Self { features, edges, actions, values, visits })
    }
}

/// Number of combinations of choices.
#[must_use]
pub fn actions(heads: &[Distribution]) -> usize {
    heads.iter().map(|head| head.outputs()).product()
}

/// The number of a combination of choices.
#[must_use]
pub fn number(action: &[f32], heads: &[Distribution]) -> usize {
    action.iter().zip(heads).fold(0, |number, (&taken, head)| number * head.outputs() + choice(taken))
}

/// The choices of the `number`-th combination.
pub fn choices(mut number: usize, heads: &[Distribution], action: &mut [f32]) {
    for (choice, head) in action.iter_mut().zip(heads).rev() {
        *choice = (number % head.outputs()) as f32;
        number /= head.outputs();
    }
}

#[cfg(test)]
#[allow(clippy::float_cmp, reason = "choices are whole numbers")]
mod tests {
    use super::*;

    #[test]
    fn combinations_are_numbered_both_ways() {
        let heads = [3, 4, 2].map(Distribution::Categorical);
        let mut action = [0.0; 3];
        for index in 0..24 {
            choices(index, &heads, &mut action);
            assert_eq!(number(&action, &heads), index);
        }
        assert_eq!(action, [2.0, 3.0, 1.0]);
    }

    #[test]
    fn bins_hold_equally_many_of_the_observations() {
        let observations: Vec<f32> = (0..200).flat_map(|i| [(i * i) as f32, (i % 2) as f32]).collect();
        let table = Table::new(&observations, 2, &[0, 1], 4, &[Distribution::Categorical(3)]);
        let mut counts = [0; 16];
        observations.chunks_exact(2).for_each(|row| counts[table.state(row)] += 1);
        for bin in 0..4 {
            assert_eq!(counts[bin * 4..(bin + 1) * 4].iter().sum::<i32>(), 50);
        }
        assert_eq!(table.values.len(), 48);
    }

    #[test]
    fn only_what_was_tried_is_taken() {
        let heads = [Distribution::Categorical(2); 2];
        let mut table = Table::new(&[0.0, 1.0], 1, &[0], 2, &heads);
        table.values[..4].copy_from_slice(&[1.0, 9.0, 2.0, 3.0]);
        table.visits[..4].copy_from_slice(&[1.0, 0.0, 1.0, 0.0]);
        let mut action = [7.0; 2];
        table.act(&[0.0], &heads, &[1.0, 1.0], &mut action);
        assert_eq!(action, [1.0, 0.0]);
        table.act(&[1.0], &heads, &[1.0, 1.0], &mut action);
        assert_eq!(action, [1.0, 1.0], "nothing was tried there");
    }
}
