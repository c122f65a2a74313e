//! What a policy file says about itself: what it is made for, and what it has learned from.

use serde::{Deserialize, Serialize};

use crate::autoscalers::linear::Linear;
use crate::env::{self, Actions, Start, observation};
use crate::error::InputError;
use crate::hpa;
use crate::rl::file::broken;
use crate::rl::safety::Safety;
use crate::rl::settings::{Activation, Algorithm, Settings};
use crate::rl::validation::Judged;

/// Version of the file's layout, and that of a policy with a safety critic, which programs that know none must not fly.
const FORMAT: u32 = 1;
pub(super) const GUARDED: u32 = 2;

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
            activation: train.activation,
            memory: train.remembers(),
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

    pub(in crate::rl) fn check(&self) -> Result<(), InputError> {
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
        if self.memory > 1024 {
            return Err(broken(format!("it remembers {} numbers", self.memory)).field("memory"));
        }
        let sane = !self.hidden.is_empty() && self.hidden.len() <= 8;
        if sane && self.hidden.iter().all(|width| (1..=4096).contains(width)) {
            return Ok(());
        }
        Err(broken(format!("its layers are {:?} wide", self.hidden)).field("hidden"))
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}
