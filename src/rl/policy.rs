//! A learned policy: a file that says all it needs to act, and the tuner it gives.

mod flight;
mod header;

use std::path::Path;
use std::sync::Arc;

pub use self::flight::Flight;
use self::header::GUARDED;
pub use self::header::{Card, Origin, Source};
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
    mind: Arc<Mind>,
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
}

impl Policy {
    /// The policy of a brain in the making.
    #[must_use]
    pub fn new(card: Card, brain: Brain) -> Self {
        let (sight, actions) = (Sight::new(&card.env), card.actions());
        let (heads, keep) = (actions.distributions(), actions.keep());
        Self { card, mind: Arc::new(Mind { brain, sight, actions, heads, keep }), critic: None }
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
        policy
    }

    /// The file's contents.
    #[must_use]
    pub fn pack(&self) -> Archive {
        let header = serde_json::to_value(&self.card).expect("a card is plain data");
        let mut archive = Archive { header, ..Archive::default() };
        self.mind.brain.pack(&mut archive);
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
        let heads = Actions::new(&card.env.action).distributions();
        let (hidden, activation, memory) = (&card.hidden, card.activation, card.memory);
        let shape = Shape { observation: card.observation.len(), heads: &heads, hidden, activation, memory };
        let brain = Brain::unpack(&shape, archive)?;
        let policy = Self::new(card, brain);
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
        let recorded = |it: &&Origin| it.function == function && (it.load - 1.0).abs() < 1e-9;
        let mut named = self.card.starts.iter().filter(recorded);
        let exact = named.clone().find(|it| it.trace == trace);
        let only = || named.next().filter(|_| named.next().is_none());
        exact.or_else(only)
    }

    /// As [`tuner`](Self::tuner), from a pilot that has flown before.
    #[must_use]
    pub fn flight(&self, pilot: Pilot) -> Flight {
        Flight {
            mind: Arc::clone(&self.mind),
            critic: self.critic.clone(),
            interval: self.card.env.control_interval,
            observation: vec![0.0; self.mind.sight.len()],
            allowed: Vec::new(),
            action: vec![0.0; self.mind.heads.len()],
            buffers: Buffers::default(),
            pilot,
            flies: true,
            distance: Distance::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::env::{self, observation};
    use crate::rl::Settings;
    use crate::rl::brain::Perceptron;
    use crate::rl::moments::Normalizer;
    use crate::rl::network::Network;
    use crate::rl::table::Table;

    fn choices() -> env::settings::Action {
        env::settings::Action::choices()
    }

    fn policy() -> Policy {
        let settings = env::Settings { action: choices(), ..env::Settings::default() };
        let card = Card::new(&settings, &Settings { hidden: vec![8], ..Settings::default() }, Vec::new(), &[], "");
        Policy::new(card, Brain::Network(perceptron(3)))
    }

    fn perceptron(seed: u64) -> Perceptron {
        let sizes = Actions::new(&choices()).distributions();
        let network = Network::new(observation::LENGTH, 4, &sizes, &[8], 1);
        let theta = network.initialize(seed, &[0.0; 4], 0.5);
        let normalizer = Normalizer { mean: vec![0.5; observation::LENGTH], scale: vec![2.0; observation::LENGTH] };
        Perceptron::actor(&network, &theta, normalizer)
    }

    /// One of each kind.
    fn brains() -> [Brain; 3] {
        let sizes = Actions::new(&choices()).distributions();
        let mut table = Table::new(&[0.5; observation::LENGTH], observation::LENGTH, &[3, 1], 3, &sizes);
        table.values[7] = 1.5;
        table.visits[7] = 2.0;
        let batch = Brain::Batch { values: perceptron(1), behaviour: perceptron(2), threshold: 0.25 };
        [Brain::Network(perceptron(3)), Brain::Table(table), batch]
    }

    fn saved(archive: &Archive) -> (tempfile::TempDir, std::path::PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("policy.safetensors");
        archive.write(&mut std::fs::File::create(&path).unwrap()).unwrap();
        (directory, path)
    }

    #[test]
    fn a_policy_is_read_back_as_it_was() {
        for brain in brains() {
            let policy = Policy::new(policy().card, brain);
            let (_directory, path) = saved(&policy.pack());
            assert_eq!(Policy::load(&path).unwrap(), policy);
        }
    }

    #[test]
    fn the_policy_that_ships_is_of_this_version_and_needs_no_search() {
        let shipped = Policy::shipped();
        assert!(shipped.card.shared.is_some() && shipped.start("pool4", "cluster4").is_none());
        assert!(SHIPPED.len() < 1 << 20, "small enough for a repository");
    }

    #[test]
    fn a_policy_of_another_observation_is_refused_by_name() {
        let mut archive = policy().pack();
        archive.header["observation"][1] = "memory".into();
        let (_directory, path) = saved(&archive);
        let error = Policy::load(&path).unwrap_err();
        assert!(
            error
                .to_string()
                .ends_with("`observation`: its observation has memory where this program has level_10m_ln")
        );
        assert_eq!(error.place.file.as_deref(), Some(path.as_path()));
    }

    #[test]
    fn a_policy_whose_heads_and_settings_differ_is_refused() {
        let mut archive = policy().pack();
        archive.header["env"]["action"]["target_cpu"] = serde_json::json!([30.0]);
        let (_directory, path) = saved(&archive);
        assert!(Policy::load(&path).unwrap_err().to_string().contains("target_cpu(keep 30 %)"));
    }

    #[test]
    fn a_policy_without_its_weights_is_refused() {
        let mut archive = policy().pack();
        archive.tensors.remove("actor.1.bias");
        let (_directory, path) = saved(&archive);
        assert!(Policy::load(&path).unwrap_err().to_string().contains("\"actor.1.bias\" is missing"));
    }
}
