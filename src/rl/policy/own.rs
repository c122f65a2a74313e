//! Networks of functions' own beside the one that all share.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::header::{Card, Origin};
use super::{Mind, Policy};
use crate::error::InputError;
use crate::rl::brain::{Brain, Shape};
use crate::rl::file::{Archive, broken};

/// Minds by the place of their function among the card's starts.
pub(super) type Minds = BTreeMap<usize, Arc<Mind>>;

impl Policy {
    /// The policy of one function: with the network of its own where it has one.
    #[must_use]
    pub fn of_function(&self, trace: &str, function: &str) -> Self {
        let own = self.place(trace, function).and_then(|place| self.own.get(&place));
        let mind = Arc::clone(own.unwrap_or(&self.mind));
        Self { mind, ..self.clone() }
    }

    /// The same shared network, and the steps it has learned from, under another card of its shape.
    #[must_use]
    pub fn replaced(&self, card: Card) -> Self {
        Self { card: Card { step: self.card.step, ..card }, own: Minds::new(), ..self.clone() }
    }

    /// The same policy with what `each` has learned on functions by itself: where it flies there, it does so with its own
    /// network; elsewhere the start stays. All have this policy's shape.
    #[must_use]
    pub fn with_own(mut self, each: &[Self]) -> Self {
        for one in each {
            for origin in &one.card.starts {
                let same = |it: &Origin| {
                    it.trace == origin.trace && it.function == origin.function && (it.load - origin.load).abs() < 1e-12
                };
                let place = self.card.starts.iter().position(same).unwrap_or(self.card.starts.len());
                if place == self.card.starts.len() {
                    self.card.starts.push(origin.clone());
                }
                self.card.starts[place] = Origin { own: origin.flies, ..origin.clone() };
                self.own.remove(&place);
                if origin.flies {
                    self.own.insert(place, Arc::clone(&one.mind));
                }
            }
            self.card.step += one.card.step;
            self.card.isa.clone_from(&one.card.isa);
        }
        let in_use = |it: &Origin| it.validation.map(|judged| if it.flies { judged.cost } else { judged.start_cost });
        let costs: Vec<f64> = self.card.starts.iter().filter_map(in_use).collect();
        self.card.cost_vs_reference = (!costs.is_empty()).then(|| costs.iter().sum::<f64>() / costs.len() as f64);
        self.card.format = self.card.expected_format();
        self
    }

    pub(super) fn pack_own(&self, archive: &mut Archive) {
        for (place, mind) in &self.own {
            let mut own = Archive::default();
            mind.brain.pack(&mut own);
            archive.tensors.extend(own.tensors.into_iter().map(|(name, tensor)| (prefix(*place) + &name, tensor)));
        }
    }

    /// The same policy with the networks that its card says functions have.
    ///
    /// # Errors
    /// One is missing or of another shape.
    pub(super) fn unpack_own(mut self, shape: &Shape<'_>, archive: &Archive) -> Result<Self, InputError> {
        let places: Vec<usize> = (0..self.card.starts.len()).filter(|&place| self.card.starts[place].own).collect();
        for place in places {
            let prefix = prefix(place);
            let named =
                |(name, tensor): (&String, &_)| Some((name.strip_prefix(&prefix)?.to_owned(), Clone::clone(tensor)));
            let own = Archive { tensors: archive.tensors.iter().filter_map(named).collect(), ..Archive::default() };
            let brain = Brain::unpack(shape, &own)
                .map_err(|error| broken(format!("the network of {:?}: {error}", self.card.starts[place].function)))?;
            self.own.insert(place, Arc::new(self.mind.with(brain)));
        }
        Ok(self)
    }
}

/// What the names of a function's tensors begin with.
fn prefix(place: usize) -> String {
    format!("function.{place}.")
}
