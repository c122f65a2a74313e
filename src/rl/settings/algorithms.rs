//! `[train] algorithm` and the tables of numbers that only one algorithm needs.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::env::Distribution;
use crate::error::{InputError, above_zero, at_least, within};
use crate::units::Percent;

/// How a policy is learned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Algorithm {
    /// Proximal policy optimisation.
    #[default]
    Ppo,
    /// Monte-Carlo policy gradient on normalised discounted returns.
    Reinforce,
    /// Advantage actor-critic on n-step returns.
    ActorCritic,
    /// Group relative policy optimisation: no critic, returns compared within a group that meets the same traffic.
    Grpo,
    /// PPO under the constraint of `[train.lagrangian]`.
    PpoLagrangian,
    /// Tabular Q-learning over discretised observations.
    QLearning,
    /// Conservative Q-learning from a log.
    Cql,
    /// Discrete batch-constrained Q-learning from a log.
    Bcq,
}

impl Algorithm {
    /// The name in TOML.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ppo => "ppo",
            Self::Reinforce => "reinforce",
            Self::ActorCritic => "actor-critic",
            Self::Grpo => "grpo",
            Self::PpoLagrangian => "ppo-lagrangian",
            Self::QLearning => "q-learning",
            Self::Cql => "cql",
            Self::Bcq => "bcq",
        }
    }

    /// Whether it learns from a log and plays no episode.
    #[must_use]
    pub fn is_offline(self) -> bool {
        matches!(self, Self::Cql | Self::Bcq)
    }

    /// Whether its policy gives choices probabilities, and numbers densities, which actions are drawn from; others give choices
    /// values.
    #[must_use]
    pub fn draws(self) -> bool {
        !matches!(self, Self::QLearning | Self::Cql | Self::Bcq)
    }

    /// Whether what a mask forbids is left out of learning and acting. Where choices have values instead of probabilities
    /// it is not: there the environment cuts what goes beyond its bounds.
    #[must_use]
    pub fn knows_masks(self) -> bool {
        self.draws()
    }
}

/// `[train.reinforce]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Reinforce {
    /// Adam's step size at the start, above 0; it falls linearly to 0. An update is one step, so it is larger than PPO's.
    pub learning_rate: f64,
}

impl Default for Reinforce {
    fn default() -> Self {
        Self { learning_rate: 0.01 }
    }
}

/// `[train.actor_critic]`. Each update passes once over its steps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ActorCritic {
    /// Rewards that count before the critic's value takes over, 1 or more. The default is that of Mnih et al.,
    /// arXiv:1602.01783.
    pub n: usize,
    /// Adam's step size for the actor at the start, above 0; it falls linearly to 0.
    pub actor_learning_rate: f64,
    /// Adam's step size for the critic at the start, above 0; it falls linearly to 0. Not below the actor's, so that
    /// the critic follows the policy (Konda and Tsitsiklis, 2000).
    pub critic_learning_rate: f64,
}

impl Default for ActorCritic {
    fn default() -> Self {
        Self { n: 5, actor_learning_rate: 8e-3, critic_learning_rate: 8e-3 }
    }
}

/// `[train.grpo]`. `train.group` environments make a group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Grpo {
    /// What a step is credited with.
    pub credit: Credit,
    /// Weight β of the divergence from the reference policy, 0 or more. The default is that of Shao et al.,
    /// arXiv:2402.03300.
    pub reference_kl: f64,
    /// Updates after which the reference policy becomes the present one, 1 or more.
    pub refresh: u64,
}

/// What a step is credited with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Credit {
    /// The whole episode's return, as in the paper.
    Episode,
    /// The discounted return from the step on; for long episodes.
    ReturnToGo,
}

impl Default for Grpo {
    fn default() -> Self {
        Self { credit: Credit::ReturnToGo, reference_kl: 0.04, refresh: 10 }
    }
}

/// `[train.lagrangian]`: at most `limit` of the requests late or dropped, each function counted alike. The multiplier
/// follows the relative excess `e = share / limit − 1` by `λ = max(0, proportional e + integral Σe + derivative (Δe)⁺)`
/// (Stooke et al., arXiv:2007.03964, algorithm 2). The gains keep a problem whose multiplier is known from swinging.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Lagrangian {
    /// The most requests late or dropped, in percent.
    pub limit: Percent,
    /// Gain on the excess, 0 or more.
    pub proportional: f64,
    /// Gain on the sum of all excesses, above 0.
    pub integral: f64,
    /// Gain on the growth of the excess, 0 or more.
    pub derivative: f64,
    /// Weight of the past in the smoothed excess, 0 to below 1.
    pub smoothing: f64,
}

impl Default for Lagrangian {
    fn default() -> Self {
        let limit = Percent::try_from(1.0).expect("1 is a percentage");
        Self { limit, proportional: 1.0, integral: 0.1, derivative: 0.01, smoothing: 0.5 }
    }
}

/// `[train.q_learning]`. The table has a row for each combination of bins, and a column for each combination of choices.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct QLearning {
    /// Values of the observation that make the state.
    pub features: Vec<String>,
    /// Bins of each, 2 to 100, with equally many of the first episodes' observations in each.
    pub bins: usize,
    /// Share of random actions at the start and at the end, 0 to 1; it falls linearly over the first half of the updates.
    pub exploration: (f64, f64),
    /// ω of the step size `1 / visits^ω`, above 0.5 and up to 1 (Even-Dar and Mansour, JMLR 5, 2003).
    pub step_power: f64,
}

impl Default for QLearning {
    fn default() -> Self {
        let features = ["utilization", "rise", "peak_to_level", "ready_to_level"];
        Self { features: features.map(str::to_owned).to_vec(), bins: 4, exploration: (1.0, 0.05), step_power: 0.7 }
    }
}

impl QLearning {
    /// The places of the features in an observation of these names; those with unknown names are left out.
    #[must_use]
    pub fn places(&self, names: &[String]) -> Vec<usize> {
        let place = |name: &String| names.iter().position(|known| known == name);
        self.features.iter().filter_map(place).collect()
    }
}

/// `[train.offline]`: learning from a log. An update is one pass over it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Offline {
    /// The log that `hpatune collect` wrote.
    pub log: Option<PathBuf>,
}

/// `[train.cql]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Cql {
    /// Weight α of the conservative term, 0 or more. The default is that of Kumar et al., arXiv:2006.04779, for discrete
    /// actions.
    pub alpha: f64,
    /// Share of the online network that enters the target network at each gradient, above 0 and up to 1.
    pub target_rate: f64,
}

impl Default for Cql {
    fn default() -> Self {
        Self { alpha: 1.0, target_rate: 0.005 }
    }
}

/// `[train.bcq]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Bcq {
    /// τ: choices whose probability in the log is below this share of the likeliest one's are never taken, 0 to 1. The
    /// default is that of Fujimoto et al., arXiv:1910.01708.
    pub threshold: f64,
    /// Share of the online network that enters the target network at each gradient, above 0 and up to 1.
    pub target_rate: f64,
}

impl Default for Bcq {
    fn default() -> Self {
        Self { threshold: 0.3, target_rate: 0.005 }
    }
}

/// Most values of a table of Q-learning.
const MOST_CELLS: f64 = 1e7;

impl super::Settings {
    /// Checks the ranges of the algorithms' own tables.
    pub(super) fn validate_algorithms(&self) -> Result<(), InputError> {
        if self.algorithm == Algorithm::Grpo && self.group < 2 {
            let problem = format!("{} environment makes no group, and grpo compares within groups", self.group);
            return Err(InputError::new(problem, "write 4 or 8, a divisor of train.n_envs").field("train.group"));
        }
        above_zero("train.reinforce.learning_rate", self.reinforce.learning_rate)?;
        within("train.actor_critic.n", self.actor_critic.n as f64, 1.0, 1e6)?;
        above_zero("train.actor_critic.actor_learning_rate", self.actor_critic.actor_learning_rate)?;
        above_zero("train.actor_critic.critic_learning_rate", self.actor_critic.critic_learning_rate)?;
        within("train.grpo.reference_kl", self.grpo.reference_kl, 0.0, 1e6)?;
        at_least("train.grpo.refresh", self.grpo.refresh as f64, 1.0)?;
        within("train.lagrangian.proportional", self.lagrangian.proportional, 0.0, 1e6)?;
        above_zero("train.lagrangian.integral", self.lagrangian.integral)?;
        within("train.lagrangian.derivative", self.lagrangian.derivative, 0.0, 1e6)?;
        within("train.lagrangian.smoothing", self.lagrangian.smoothing, 0.0, 0.999)?;
        within("train.cql.alpha", self.cql.alpha, 0.0, 1e6)?;
        within("train.cql.target_rate", self.cql.target_rate, 1e-6, 1.0)?;
        within("train.bcq.threshold", self.bcq.threshold, 0.0, 1.0)?;
        within("train.bcq.target_rate", self.bcq.target_rate, 1e-6, 1.0)?;
        self.q_learning.validate()
    }

    /// Checks that Q-learning's features are among the values of an observation.
    ///
    /// # Errors
    /// One that is not.
    pub fn validate_features(&self, names: &[String]) -> Result<(), InputError> {
        let unknown = self.q_learning.features.iter().find(|name| !names.contains(name));
        let Some(name) = unknown.filter(|_| self.algorithm == Algorithm::QLearning) else { return Ok(()) };
        let help = format!("write some of {}", names.join(", "));
        let problem = format!("{name:?} is no value of the observation");
        Err(InputError::new(problem, help).field("train.q_learning.features"))
    }

    /// Checks that the algorithm can learn actions of these heads: algorithms that give each choice a value need choices,
    /// and the table of Q-learning room for all combinations of them.
    ///
    /// # Errors
    /// A head is continuous, or the table would have more than ten million values.
    pub fn validate_heads(&self, heads: &[Distribution]) -> Result<(), InputError> {
        let valued = matches!(self.algorithm, Algorithm::QLearning | Algorithm::Cql | Algorithm::Bcq);
        if valued && heads.iter().any(|head| !matches!(head, Distribution::Categorical(_))) {
            let help = "set env.action.head = \"discrete\", or take another algorithm";
            return Err(InputError::new("it values choices, and the action has numbers", help).field("train.algorithm"));
        }
        let columns: f64 = heads.iter().map(|head| head.outputs() as f64).product();
        let rows = (self.q_learning.bins as f64).powi(self.q_learning.features.len() as i32);
        if self.algorithm != Algorithm::QLearning || rows * columns <= MOST_CELLS {
            return Ok(());
        }
        let problem = format!("{rows} states with {columns} actions each are more than {MOST_CELLS} values");
        let help = "name fewer features, lower train.q_learning.bins, or shorten the lists of [env.action]";
        Err(InputError::new(problem, help).field("train.q_learning.features"))
    }
}

impl QLearning {
    fn validate(&self) -> Result<(), InputError> {
        let field = "train.q_learning.features";
        within(field, self.features.len() as f64, 1.0, 1000.0)?;
        within("train.q_learning.bins", self.bins as f64, 2.0, 100.0)?;
        within("train.q_learning.exploration", self.exploration.0, 0.0, 1.0)?;
        within("train.q_learning.exploration", self.exploration.1, 0.0, self.exploration.0)?;
        within("train.q_learning.step_power", self.step_power, 0.501, 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Settings;
    use super::*;

    #[test]
    fn grpo_without_groups_is_refused() {
        let error = Settings { algorithm: Algorithm::Grpo, group: 1, ..Settings::default() }.validate().unwrap_err();
        assert_eq!(error.field.as_deref(), Some("train.group"));
    }

    #[test]
    fn a_feature_that_is_not_observed_is_refused_by_name() {
        let q_learning = QLearning { features: vec!["memory".to_owned()], ..QLearning::default() };
        let settings = Settings { algorithm: Algorithm::QLearning, q_learning, ..Settings::default() };
        let names = crate::env::Sight::new(&crate::env::Settings::default()).names();
        let error = settings.validate_features(&names).unwrap_err();
        assert!(error.to_string().contains("\"memory\" is no value of the observation"));
    }

    #[test]
    fn a_table_that_is_too_large_is_refused() {
        let settings = Settings { algorithm: Algorithm::QLearning, ..Settings::default() };
        assert!(settings.validate_heads(&[6, 6, 8, 6].map(Distribution::Categorical)).is_ok());
        assert!(settings.validate_heads(&[6, 6, 8, 6, 100].map(Distribution::Categorical)).is_err());
    }

    #[test]
    fn algorithms_are_named_as_in_toml() {
        for name in ["ppo", "reinforce", "actor-critic", "grpo", "ppo-lagrangian", "q-learning", "cql", "bcq"] {
            let settings: Settings = toml::from_str(&format!("algorithm = {name:?}")).unwrap();
            assert_eq!(settings.algorithm.name(), name);
        }
    }
}
