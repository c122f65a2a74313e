//! What a policy file says about itself: what it is made for, and what it has learned from.

use serde::{Deserialize, Serialize};

use crate::autoscalers::linear::{Linear, PLAIN};
use crate::env::{self, Actions, Sight, Start};
use crate::error::InputError;
use crate::forecast::Forecaster;
use crate::hpa;
use crate::rl::file::broken;
use crate::rl::heads;
use crate::rl::safety::Safety;
use crate::rl::settings::network::MOST_REMEMBERED;
use crate::rl::settings::{Activation, Algorithm, Settings};
use crate::rl::validation::Judged;

/// Version of the file's layout, and that of a policy with a safety critic, which programs that know none must not fly.
const FORMAT: u32 = 1;
pub(super) const GUARDED: u32 = 2;
/// That of a policy in which functions have networks of their own, which older programs would fly with the shared one.
const OWN: u32 = 3;

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
    /// What stands between them.
    #[serde(default)]
    pub activation: Activation,
    /// Numbers that a recurrent unit remembers; 0 is none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub memory: usize,
    /// Whether it normalises observations by the moments of those it has learned from.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub normalize_observations: bool,
    /// Seed it was trained with.
    pub seed: u64,
    /// Instruction set or device whose last bits its learning followed; empty when it is not known.
    #[serde(default)]
    pub isa: String,
    /// Environment steps it has learned from.
    pub step: u64,
    /// Decisions that were simulated beforehand, to fit the first policy to what other actions would have cost.
    #[serde(default, skip_serializing_if = "is_no_step")]
    pub counterfactual: u64,
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
    /// What foresees the next peak of all functions; of those that it has not learned on too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forecaster: Option<Forecaster>,
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
    /// Whether the function has a network of its own.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub own: bool,
    /// What the policy did on the function's validation time, once judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation: Option<Judged>,
}

impl Card {
    /// The card of a policy that learns in `env`.
    #[must_use]
    pub fn new(env: &env::Settings, train: &Settings, traces: Vec<Source>, select: &[String], config: &str) -> Self {
        Self {
            format: FORMAT,
            algorithm: train.algorithm,
            tool: concat!("hpatune ", env!("CARGO_PKG_VERSION")).to_owned(),
            observation: Sight::new(env).names(),
            action: Actions::new(&env.action).heads().to_vec(),
            env: env.clone(),
            hidden: train.hidden.clone(),
            activation: train.activation,
            memory: train.remembers(),
            normalize_observations: train.normalize_observations,
            seed: train.seed,
            isa: String::new(),
            step: 0,
            counterfactual: 0,
            cost_vs_reference: None,
            start: train.start,
            violation_limit: train.violation_limit,
            starts: Vec::new(),
            shared: None,
            forecaster: None,
            from: None,
            traces,
            select: select.to_vec(),
            config: config.to_owned(),
            safety: None,
        }
    }

    /// A start with the forecaster that functions share.
    #[must_use]
    pub fn completed(&self, start: Start) -> Start {
        start.foreseeing(self.forecaster.clone())
    }

    /// What the policy can do. Choices are masked where its algorithm knows masks.
    pub(in crate::rl) fn actions(&self) -> Actions {
        Actions::new(&self.env.action).masked_if(self.algorithm.knows_masks())
    }

    /// Outputs of all heads before anything is learned, at any observation: what the policy's learning started with, whichever
    /// other policy it may have gone on from. `None` where outputs are values of choices, which nothing is drawn from.
    pub(super) fn first_outputs(&self) -> Option<Vec<f32>> {
        if !self.algorithm.draws() {
            return None;
        }
        let actions = self.actions();
        let heads = actions.distributions();
        let mut outputs = vec![0.0; heads.iter().map(|head| head.outputs()).sum()];
        heads::lean_all(&heads, &actions.first(), self.initial_share(), &mut outputs);
        Some(outputs)
    }

    /// `train.initial_share` of the settings that it was learned with.
    fn initial_share(&self) -> f64 {
        let share = self.setting("train", "initial_share").filter(|share| (0.0..1.0).contains(share));
        share.unwrap_or_else(|| Settings::default().initial_share)
    }

    /// A number of the settings that it was learned with, which may be another version's: `key` of `table`.
    #[must_use]
    pub fn setting(&self, table: &str, key: &str) -> Option<f64> {
        let whole: toml::Table = self.config.parse().ok()?;
        let value = whole.get(table)?.get(key)?;
        value.as_float().or_else(|| value.as_integer().map(|whole| whole as f64))
    }

    /// Checks that there is a forecaster where a linear policy weighs what one says. A log has none, and flies nothing.
    pub(super) fn check_foresight(&self) -> Result<(), InputError> {
        let weighs =
            |linear: &Linear| [linear.pods, linear.target].iter().any(|it| it[PLAIN..].iter().any(|&w| w != 0.0));
        let starts = self.starts.iter().filter_map(|origin| origin.start.linear.as_ref());
        if self.forecaster.is_some() || !starts.chain(&self.shared).any(weighs) {
            return Ok(());
        }
        Err(broken("its start weighs forecasts, and it has no forecaster".to_owned()).field("forecaster"))
    }

    /// The version of the layout that holds all that the card speaks of.
    pub(super) fn expected_format(&self) -> u32 {
        match (self.safety.is_some(), self.starts.iter().any(|origin| origin.own)) {
            (true, _) => GUARDED,
            (false, true) => OWN,
            (false, false) => FORMAT,
        }
    }

    pub(in crate::rl) fn check(&self) -> Result<(), InputError> {
        if self.format != self.expected_format() {
            let ours = format!(
                "this program reads format {FORMAT}, {GUARDED} with a safety critic, and {OWN} with networks of functions' own"
            );
            return Err(broken(format!("it is of format {}, and {ours}", self.format)).field("format"));
        }
        self.env.validate()?;
        if self.observation != Sight::new(&self.env).names() {
            let problem = "its observation is not the one that its settings make".to_owned();
            return Err(broken(problem).field("observation"));
        }
        let heads = Actions::new(&self.env.action).heads().to_vec();
        if self.action != heads {
            let words = |heads: &[env::action::Head]| {
                let one = |head: &env::action::Head| format!("{}({})", head.knob, head.choices.join(" "));
                heads.iter().map(one).collect::<Vec<_>>().join(" ")
            };
            let problem = format!("its heads are {}, and its settings make {}", words(&self.action), words(&heads));
            return Err(broken(problem).field("action"));
        }
        if self.memory > MOST_REMEMBERED {
            let problem = format!("it remembers {} numbers, more than {MOST_REMEMBERED}", self.memory);
            return Err(broken(problem).field("memory"));
        }
        let sane = !self.hidden.is_empty() && self.hidden.len() <= 8;
        if sane && self.hidden.iter().all(|width| (1..=4096).contains(width)) {
            return Ok(());
        }
        Err(broken(format!("its layers are {:?} wide", self.hidden)).field("hidden"))
    }
}

/// Whether a header is of a policy that observes what this program does under the header's own `[env]`.
///
/// # Errors
/// What is wrong with `[env]`; else the first value that differs, by name.
pub(super) fn check_observation(header: &serde_json::Value) -> Result<(), InputError> {
    let theirs: Vec<String> = serde_json::from_value(header["observation"].clone())
        .map_err(|_| broken("its header lists no observation".to_owned()).field("observation"))?;
    let env: env::Settings = serde_json::from_value(header["env"].clone())
        .map_err(|error| broken(format!("its [env] cannot be read: {error}")).field("env"))?;
    env.validate()?;
    let ours = Sight::new(&env).names();
    if theirs == ours {
        return Ok(());
    }
    let (theirs, ours) = match theirs.iter().zip(&ours).find(|(theirs, ours)| theirs != ours) {
        Some((theirs, ours)) => (theirs.clone(), ours.clone()),
        None => (format!("{} values", theirs.len()), format!("{} values", ours.len())),
    };
    Err(broken(format!("its observation has {theirs} where this program has {ours}")).field("observation"))
}

fn yes() -> bool {
    true
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_yes(it: &bool) -> bool {
    *it
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_no_step(count: &u64) -> bool {
    *count == 0
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}
