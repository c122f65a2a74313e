//! A learned policy: a file that says all it needs to act, and the tuner it gives.

mod account;
mod flight;
mod header;
mod own;

use std::path::Path;
use std::sync::Arc;

use self::account::Account;
pub use self::flight::Flight;
use self::header::GUARDED;
pub use self::header::{Card, Origin, Source};
use self::own::Minds;
use super::brain::{Brain, Shape};
use super::distance::Distance;
use super::file::{Archive, broken};
use super::network::Buffers;
use super::safety::Critic;
use super::validation::Verdict;
use crate::env::{Actions, Distribution, Pilot, Sight, Start};
use crate::error::{InputError, Place};
use crate::sim::Tuner;

/// The file of the policy that ships, made by `scripts/train-default.sh`.
pub const SHIPPED: &[u8] = include_bytes!("../../policies/default.safetensors");

/// A policy that acts.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    card: Card,
    /// What all functions share.
    mind: Arc<Mind>,
    own: Minds,
    critic: Option<Arc<Critic>>,
}

/// What decides, and what its choices mean.
#[derive(Debug, PartialEq)]
struct Mind {
    brain: Brain,
    sight: Sight,
    actions: Actions,
    heads: Vec<Distribution>,
    keep: Vec<f32>,
    /// Outputs of all heads before anything is learned; `None` where nothing is drawn from outputs.
    first: Option<Vec<f32>>,
}

impl Mind {
    /// The same with another brain of its shape.
    fn with(&self, brain: Brain) -> Self {
        let Self { sight, actions, heads, keep, first, .. } = self;
        let (sight, actions, heads) = (sight.clone(), actions.clone(), heads.clone());
        Self { brain, sight, actions, heads, keep: keep.clone(), first: first.clone() }
    }
}

impl Policy {
    /// The policy of a brain in the making.
    #[must_use]
    pub fn new(card: Card, brain: Brain) -> Self {
        let (sight, actions) = (Sight::new(&card.env), card.actions());
        let (heads, keep) = (actions.distributions(), actions.keep());
        let first = card.first_outputs();
        let mind = Arc::new(Mind { brain, sight, actions, heads, keep, first });
        Self { card, mind, own: Minds::new(), critic: None }
    }

    /// Reads a policy file.
    ///
    /// # Errors
    /// It cannot be read, is not a policy, or was made for another observation or action; both are named.
    pub fn load(path: &Path) -> Result<Self, InputError> {
        Archive::read(path).and_then(|archive| Self::unpack(&archive).map_err(|error| error.at(Place::file(path))))
    }

    /// The policy that ships. It knows no function by name: each starts from the linear policy that all share.
    ///
    /// # Panics
    /// Never: a test reads it.
    #[must_use]
    pub fn shipped() -> Self {
        let policy = Archive::parse(SHIPPED).and_then(|archive| Self::unpack(&archive));
        let mut policy = policy.expect("policies/default.safetensors is of this version");
        policy.card.starts.clear();
        policy.own.clear();
        policy
    }

    /// The file's contents.
    #[must_use]
    pub fn pack(&self) -> Archive {
        let header = serde_json::to_value(&self.card).expect("a card is plain data");
        let mut archive = Archive { header, ..Archive::default() };
        self.mind.brain.pack(&mut archive);
        self.pack_own(&mut archive);
        if let Some(critic) = &self.critic {
            critic.pack(&mut archive);
        }
        archive
    }

    fn unpack(archive: &Archive) -> Result<Self, InputError> {
        header::check_observation(&archive.header)?;
        let card: Card = serde_json::from_value(archive.header.clone())
            .map_err(|error| broken(format!("its header is not a policy's: {error}")))?;
        card.check()?;
        card.check_foresight()?;
        let heads = Actions::new(&card.env.action).distributions();
        let (hidden, activation, memory) = (card.hidden.clone(), card.activation, card.memory);
        let shape = Shape { observation: card.observation.len(), heads: &heads, hidden: &hidden, activation, memory };
        let brain = Brain::unpack(&shape, archive)?;
        let policy = Self::new(card, brain).unpack_own(&shape, archive)?;
        let Some(safety) = &policy.card.safety else { return Ok(policy) };
        let choices =
            policy.choices().ok_or_else(|| broken("its critic weighs numbers that are no choices".to_owned()))?;
        let critic = Critic::unpack(safety, (policy.card.observation.len(), &choices), archive)?;
        Ok(Self { critic: Some(Arc::new(critic)), ..policy })
    }

    /// The same policy, which takes only actions that the critic holds for safe. Its brain is a network.
    #[must_use]
    pub fn guarded(mut self, critic: Critic) -> Self {
        self.card.format = GUARDED;
        self.card.safety = Some(critic.safety().clone());
        Self { critic: Some(Arc::new(critic)), ..self }
    }

    /// Number of choices of each head; `None` where a head gives a number.
    #[must_use]
    pub fn choices(&self) -> Option<Vec<usize>> {
        let size = |head: &Distribution| match head {
            Distribution::Categorical(choices) => Some(*choices),
            Distribution::Gaussian | Distribution::Beta => None,
        };
        self.mind.heads.iter().map(size).collect()
    }

    /// The action at an observation, which a network normalises in place; the critic is not asked.
    pub fn act(&self, observation: &mut [f32], buffers: &mut Buffers, action: &mut [f32]) {
        let Mind { brain, heads, keep, .. } = &*self.mind;
        brain.act(observation, heads, keep, buffers, action);
    }

    /// What decides.
    #[must_use]
    pub fn brain(&self) -> &Brain {
        &self.mind.brain
    }

    /// What the file says about itself.
    #[must_use]
    pub fn card(&self) -> &Card {
        &self.card
    }

    /// The same policy with what it reached on validation time.
    #[must_use]
    pub fn judged(mut self, verdict: &Verdict) -> Self {
        self.card.cost_vs_reference = Some(verdict.cost_vs_reference);
        for (origin, &flies) in self.card.starts.iter_mut().zip(&verdict.flies) {
            origin.flies = flies;
        }
        for (origin, &judged) in self.card.starts.iter_mut().zip(&verdict.functions) {
            origin.validation = Some(judged);
        }
        self
    }

    /// A tuner that takes the likeliest choice of each head. It starts anew: one tuner flies one function.
    /// `start` is the function's.
    #[must_use]
    pub fn tuner(&self, start: &Start) -> Box<dyn Tuner> {
        Box::new(self.flight(Pilot::of(start)))
    }

    /// What it started from on a function at its recorded load: of the trace of this name, or, where no trace of this
    /// name has the function, of the only function of this name.
    #[must_use]
    pub fn start(&self, trace: &str, function: &str) -> Option<&Origin> {
        self.place(trace, function).map(|place| &self.card.starts[place])
    }

    fn place(&self, trace: &str, function: &str) -> Option<usize> {
        let recorded = |it: &Origin| it.function == function && (it.load - 1.0).abs() < 1e-9;
        let mut named = self.card.starts.iter().enumerate().filter(|(_, it)| recorded(it));
        let exact = named.clone().find(|(_, it)| it.trace == trace);
        let only = || named.next().filter(|_| named.next().is_none());
        exact.or_else(only).map(|(place, _)| place)
    }

    /// As [`tuner`](Self::tuner), from a pilot that has flown before.
    #[must_use]
    pub fn flight(&self, pilot: Pilot) -> Flight {
        Flight {
            mind: Arc::clone(&self.mind),
            critic: self.critic.clone(),
            interval: self.card.env.control_interval,
            observation: vec![0.0; self.mind.sight.len()],
            outputs: Vec::new(),
            allowed: Vec::new(),
            action: vec![0.0; self.mind.heads.len()],
            buffers: Buffers::default(),
            pilot,
            flies: true,
            distance: Distance::default(),
            account: Account::default(),
        }
    }
}

#[cfg(test)]
mod tests;
