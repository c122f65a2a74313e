//! What an agent can do, in one of three modes: move fields of the HPA, set replicas itself, or resize pods besides.
//!
//! An action is one number a head. Whatever it is, replicas stay within the HPA's own bounds and limits within those of the
//! settings; a mask leaves only choices that need no cutting.

mod direct;
mod fields;
mod infrastructure;
mod mask;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use self::direct::Direct;
use self::fields::Fields;
use self::infrastructure::Infrastructure;
use super::distribution::Distribution;
use super::settings::{self, Mode};
use crate::autoscalers::linear::Proposal;
use crate::forecast::Demand;
use crate::sim::{Knobs, Limits, Patch};
use crate::units::Replicas;

/// One head, in words, as it stands in a policy file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The knob.
    pub knob: String,
    /// Its choices.
    pub choices: Vec<String>,
}

/// What an action is counted from.
#[derive(Debug, Clone, Copy)]
pub struct Standing<'a> {
    /// Recent and seasonal demand.
    pub demand: &'a Demand,
    /// The HPA's knobs before the first decision.
    pub own: &'a Knobs,
    /// What the start's linear policy says of target and minReplicas, where there is one.
    pub proposal: Option<Proposal>,
    /// `scale.spec.replicas`.
    pub replicas: Replicas,
    /// Limits of the pods, where they are known.
    pub limits: Option<Limits>,
}

impl Standing<'_> {
    /// Replicas within the HPA's own bounds.
    fn bounded(&self, replicas: Replicas) -> Replicas {
        replicas.max(self.own.min_replicas).min(self.own.max_replicas.max(self.own.min_replicas))
    }

    /// Whether the bounds leave one number of replicas.
    fn pinned(&self) -> bool {
        self.own.max_replicas <= self.own.min_replicas
    }

    /// An HPA that holds so many replicas.
    fn exactly(&self, replicas: Replicas) -> Patch {
        let replicas = self.bounded(replicas);
        Patch { min_replicas: Some(replicas), max_replicas: Some(replicas), ..Patch::default() }
    }
}

/// The actions of a mode.
#[derive(Debug, Clone, PartialEq)]
pub struct Actions {
    moves: Moves,
    /// The start as it stands, where an action cannot say it.
    start: Fields,
    masked: bool,
    cooldown: Duration,
}

#[derive(Debug, Clone, PartialEq)]
enum Moves {
    Fields,
    Direct(Direct),
    Infrastructure(Infrastructure),
}

impl Actions {
    /// The choices that the settings list.
    #[must_use]
    pub fn new(settings: &settings::Action) -> Self {
        let (moves, start) = match settings.mode {
            Mode::Hpa => (Moves::Fields, Fields::new(settings)),
            Mode::Direct => (Moves::Direct(Direct::new(&settings.direct)), Fields::none()),
            Mode::Infrastructure => {
                (Moves::Infrastructure(Infrastructure::new(&settings.infrastructure, settings.head)), Fields::none())
            }
        };
        Self { moves, start, masked: settings.masked(), cooldown: settings.cooldown }
    }

    /// The same actions, masked only if `known` too.
    #[must_use]
    pub fn masked_if(self, known: bool) -> Self {
        Self { masked: self.masked && known, ..self }
    }

    /// The heads in words.
    #[must_use]
    pub fn heads(&self) -> &[Head] {
        match &self.moves {
            Moves::Fields => self.start.heads(),
            Moves::Direct(direct) => direct.heads(),
            Moves::Infrastructure(infrastructure) => infrastructure.heads(),
        }
    }

    /// What the heads are drawn from.
    #[must_use]
    pub fn distributions(&self) -> Vec<Distribution> {
        match &self.moves {
            Moves::Fields => self.start.distributions(),
            Moves::Direct(direct) => direct.distributions(),
            Moves::Infrastructure(infrastructure) => infrastructure.distributions(),
        }
    }

    /// The action that changes least: in mode `hpa` it leaves the start as it stands (every knob kept, minReplicas from the
    /// start without safety where the settings offer that, the first list of scale-up policies), in others what there is.
    #[must_use]
    pub fn keep(&self) -> Vec<f32> {
        match &self.moves {
            Moves::Fields => self.start.keep(),
            Moves::Direct(direct) => direct.keep(),
            Moves::Infrastructure(infrastructure) => infrastructure.keep(),
        }
    }

    /// What a policy leans to before it has learned: [`keep`](Self::keep), but for heads with a range the middle, and
    /// for safety the place of none.
    #[must_use]
    pub fn first(&self) -> Vec<f32> {
        match &self.moves {
            Moves::Fields => self.start.first(),
            Moves::Direct(direct) => direct.keep(),
            Moves::Infrastructure(infrastructure) => infrastructure.first(),
        }
    }

    /// The patch of an action.
    #[must_use]
    pub fn patch(&self, action: &[f32], at: &Standing<'_>) -> Patch {
        match &self.moves {
            Moves::Fields => self.start.patch(action, at),
            Moves::Direct(direct) => direct.patch(action, at),
            Moves::Infrastructure(infrastructure) => infrastructure.patch(action, at),
        }
    }

    /// Whether bounds keep an action from leading as far as it says: the HPA's of replicas, the settings' of limits. A number
    /// beyond its head's range stands for the range's end, which is no cut.
    #[must_use]
    pub fn is_cut(&self, action: &[f32], at: &Standing<'_>) -> bool {
        match &self.moves {
            Moves::Fields => self.start.is_cut(action, at),
            Moves::Direct(direct) => direct.is_cut(action, at),
            Moves::Infrastructure(infrastructure) => infrastructure.is_cut(action, at),
        }
    }

    /// The patch of no agent at all: the start as it stands.
    #[must_use]
    pub fn stay(&self, at: &Standing<'_>) -> Patch {
        self.start.patch(&self.start.keep(), at)
    }

    /// Whether choices are ever forbidden.
    #[must_use]
    pub fn is_masked(&self) -> bool {
        self.masked
    }

    /// How long nothing changes after a change.
    #[must_use]
    pub fn cooldown(&self) -> Duration {
        self.cooldown
    }

    /// Writes false for each choice that may not be taken, into one value for each output of the heads, all true
    /// beforehand. `held` is the last action while a cool-down lasts.
    pub fn mask(&self, at: &Standing<'_>, held: Option<&[f32]>, allowed: &mut [bool]) {
        match (&self.moves, held) {
            (Moves::Fields, _) => self.start.mask(at, held, allowed),
            (Moves::Direct(direct), None) => direct.mask(at, allowed),
            (Moves::Direct(direct), Some(_)) => direct.hold(allowed),
            (Moves::Infrastructure(infrastructure), _) => infrastructure.mask(at, held.is_some(), allowed),
        }
    }

    /// Whether an action changes anything that a cool-down counts from. `last` is the action before.
    #[must_use]
    pub fn changes(&self, action: &[f32], last: Option<&[f32]>, patch: &Patch, at: &Standing<'_>) -> bool {
        match &self.moves {
            Moves::Fields => last.map_or_else(|| action != self.keep(), |last| action != last),
            Moves::Direct(_) | Moves::Infrastructure(_) => {
                patch.min_replicas != Some(at.replicas) || patch.limits.is_some_and(|it| Some(it) != at.limits)
            }
        }
    }
}
