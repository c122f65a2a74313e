//! A learned policy: a file that says all it needs to act, and the tuner it gives.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::brain::{Brain, Shape};
use super::distance::Distance;
use super::file::{Archive, broken};
use super::network::Buffers;
use super::safety::{Critic, Safety};
use super::settings::{Algorithm, Settings};
use super::validation::{Judged, Verdict};
use crate::autoscalers::linear::Linear;
use crate::env::{self, Actions, Distribution, Pilot, Start, observation};
use crate::error::{InputError, Place};
use crate::hpa;
use crate::sim::{Patch, Telemetry, Tuner};
use crate::units::SimTime;

/// Version of the file's layout, and that of a policy with a safety critic, which programs that know none must not fly.
const FORMAT: u32 = 1;
const GUARDED: u32 = 2;

/// The file of the policy that ships, made by `scripts/train-default.sh`.
pub const SHIPPED: &[u8] = include_bytes!("../../policies/default.safetensors");

/// What a policy file says about itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Card {
    /// Version of the file's layout.
    pub format: u32,
    /// Program that wrote it.
    pub tool: String,
    /// How it was learned.
    #[serde(default)]
    pub algorithm: Algorithm,
    /// Names of the observation's values.
    pub observation: Vec<String>,
    /// Heads of the action.
    pub action: Vec<env::action::Head>,
    /// `[env]` it was trained in.
    pub env: env::Settings,
    /// Widths of the hidden layers.
    pub hidden: Vec<usize>,
    /// Seed it was trained with.
    pub seed: u64,
    /// Instruction set or device whose last bits its learning followed; empty when it is not known.
    #[serde(default)]
    pub isa: String,
    /// Environment steps it has learned from.
    pub step: u64,
    /// Its cost over the static HPA's on validation time, when it was judged.
    pub cost_vs_reference: Option<f64>,
    /// How starts are found.
    pub start: env::start::Kind,
    /// The most late requests to learn for, as a multiple of the reference's.
    pub violation_limit: f64,
    /// What it started from, function by function.
    pub starts: Vec<Origin>,
    /// The linear policy that all functions start from, where they share one; functions that it has not learned on too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shared: Option<Linear>,
    /// The policy that it went on from, where it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Source>,
    /// The traces it has learned from.
    pub traces: Vec<Source>,
    /// Patterns of the functions it has learned from; none is all.
    pub select: Vec<String>,
    /// The whole experiment file, as TOML.
    pub config: String,
    /// Its safety critic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub safety: Option<Safety>,
}

/// A trace file and its checksum.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// The path as it was given.
    pub path: String,
    /// SHA-256 of its bytes, in hexadecimal.
    pub sha256: String,
}

/// What the policy started from on a function.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Origin {
    /// The trace's name.
    pub trace: String,
    /// The function's name.
    pub function: String,
    /// Factor on the recorded load.
    pub load: f64,
    /// The start.
    pub start: Start,
    /// The static HPA it was compared with.
    pub reference: hpa::Settings,
    /// Whether the policy beat its start on validation time; elsewhere the start is left as it is.
    pub flies: bool,
    /// What the policy did on the function's validation time, once judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation: Option<Judged>,
}

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
    actions: Actions,
    heads: Vec<Distribution>,
    keep: Vec<f32>,
}

impl Card {
    /// The card of a policy that learns in `env`.
    #[must_use]
    pub fn new(env: &env::Settings, train: &Settings, traces: Vec<Source>, select: &[String], config: &str) -> Self {
        Self {
            format: FORMAT,
            algorithm: train.algorithm,
            tool: concat!("hpatune ", env!("CARGO_PKG_VERSION")).to_owned(),
            observation: observation::NAMES.map(str::to_owned).to_vec(),
            action: Actions::new(&env.action).heads().to_vec(),
            env: env.clone(),
            hidden: train.hidden.clone(),
            seed: train.seed,
            isa: String::new(),
            step: 0,
            cost_vs_reference: None,
            start: train.start,
            violation_limit: train.violation_limit,
            starts: Vec::new(),
            shared: None,
            from: None,
            traces,
            select: select.to_vec(),
            config: config.to_owned(),
            safety: None,
        }
    }

    pub(super) fn check(&self) -> Result<(), InputError> {
        if self.format != if self.safety.is_some() { GUARDED } else { FORMAT } {
            let ours = format!("this program reads format {FORMAT}, and {GUARDED} with a safety critic");
            return Err(broken(format!("it is of format {}, and {ours}", self.format)).field("format"));
        }
        let ours = observation::NAMES.as_slice();
        if self.observation != ours {
            let differs = self.observation.iter().zip(ours).find(|(theirs, ours)| theirs != ours);
            let (theirs, ours) = match differs {
                Some((theirs, ours)) => (theirs.clone(), (*ours).to_owned()),
                None => (format!("{} values", self.observation.len()), format!("{} values", ours.len())),
            };
            return Err(
                broken(format!("its observation has {theirs} where this program has {ours}")).field("observation")
            );
        }
        self.env.validate()?;
        let heads = Actions::new(&self.env.action).heads().to_vec();
        if self.action != heads {
            let words = |heads: &[env::action::Head]| {
                let one = |head: &env::action::Head| format!("{}({})", head.knob, head.choices.join(" "));
                heads.iter().map(one).collect::<Vec<_>>().join(" ")
            };
            let problem = format!("its heads are {}, and its settings make {}", words(&self.action), words(&heads));
            return Err(broken(problem).field("action"));
        }
        let sane = !self.hidden.is_empty() && self.hidden.len() <= 8;
        if sane && self.hidden.iter().all(|width| (1..=4096).contains(width)) {
            return Ok(());
        }
        Err(broken(format!("its layers are {:?} wide", self.hidden)).field("hidden"))
    }
}

impl Policy {
    /// The policy of a brain in the making.
    #[must_use]
    pub fn new(card: Card, brain: Brain) -> Self {
        let actions = Actions::new(&card.env.action);
        let (heads, keep) = (actions.distributions(), actions.keep());
        Self { card, mind: Arc::new(Mind { brain, actions, heads, keep }), critic: None }
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
        let card: Card = serde_json::from_value(archive.header.clone())
            .map_err(|error| broken(format!("its header is not a policy's: {error}")))?;
        card.check()?;
        let heads = Actions::new(&card.env.action).distributions();
        let shape = Shape { observation: observation::LENGTH, heads: &heads, hidden: &card.hidden };
        let brain = Brain::unpack(&shape, archive)?;
        let policy = Self::new(card, brain);
        let Some(safety) = &policy.card.safety else { return Ok(policy) };
        let choices =
            policy.choices().ok_or_else(|| broken("its critic weighs numbers that are no choices".to_owned()))?;
        let critic = Critic::unpack(safety, &choices, archive)?;
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
    /// `linear` is the linear policy of the function's start.
    #[must_use]
    pub fn tuner(&self, linear: Option<Linear>) -> Box<dyn Tuner> {
        Box::new(self.flight(Pilot::new(linear)))
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
            observation: vec![0.0; observation::LENGTH],
            action: vec![0.0; self.mind.heads.len()],
            buffers: Buffers::default(),
            pilot,
            flies: true,
            distance: Distance::default(),
        }
    }
}

/// A policy at work on one function.
#[derive(Debug)]
pub struct Flight {
    mind: Arc<Mind>,
    critic: Option<Arc<Critic>>,
    interval: Duration,
    pilot: Pilot,
    observation: Vec<f32>,
    action: Vec<f32>,
    buffers: Buffers,
    flies: bool,
    distance: Distance,
}

impl Flight {
    /// The same flight when it `flies`; otherwise one that keeps every knob, and so leaves the start as it is.
    #[must_use]
    pub fn only_if(self, flies: bool) -> Self {
        Self { flies, ..self }
    }

    /// What has to be kept for the next decision.
    #[must_use]
    pub fn pilot(&self) -> &Pilot {
        &self.pilot
    }

    /// How far what it decided on was from what it has learned from.
    #[must_use]
    pub fn distance(&self) -> &Distance {
        &self.distance
    }
}

impl Tuner for Flight {
    fn interval(&self) -> Duration {
        self.interval
    }

    fn decide(&mut self, now: SimTime, telemetry: &Telemetry<'_>) -> Patch {
        self.pilot.observe(now, telemetry, self.interval, &mut self.observation);
        let Mind { brain, actions, heads, keep } = &*self.mind;
        if !self.flies {
            return self.pilot.patch(actions, keep);
        }
        brain.act(&mut self.observation, heads, keep, &mut self.buffers, &mut self.action);
        if brain.normalizes() {
            self.distance.observe(&self.observation);
        }
        if let (Some(critic), Brain::Network(actor)) = (&self.critic, brain) {
            let logits = actor.mlp.forward(&actor.theta, &self.observation, &mut self.buffers);
            critic.hold(&self.observation, logits, &mut self.action);
        }
        self.pilot.patch(actions, &self.action)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rl::brain::Perceptron;
    use crate::rl::moments::Normalizer;
    use crate::rl::network::Network;
    use crate::rl::table::Table;

    fn policy() -> Policy {
        let settings = env::Settings::default();
        let card = Card::new(&settings, &Settings { hidden: vec![8], ..Settings::default() }, Vec::new(), &[], "");
        Policy::new(card, Brain::Network(perceptron(3)))
    }

    fn perceptron(seed: u64) -> Perceptron {
        let sizes = Actions::new(&env::Settings::default().action).distributions();
        let network = Network::new(observation::LENGTH, 4, &sizes, &[8], 1);
        let theta = network.initialize(seed, &[0.0; 4], 0.5);
        let normalizer = Normalizer { mean: vec![0.5; observation::LENGTH], scale: vec![2.0; observation::LENGTH] };
        Perceptron::actor(&network, &theta, normalizer)
    }

    /// One of each kind.
    fn brains() -> [Brain; 3] {
        let sizes = Actions::new(&env::Settings::default().action).distributions();
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
