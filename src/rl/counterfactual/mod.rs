//! A first policy from what would have been.
//!
//! Actions do not change the traffic. So a run can be taken up again at any decision under another action and the same
//! chance, and what the other action costs more or less is known to the last bit: an advantage without the noise of traffic
//! and of later exploration, which is nearly all that a policy gradient averages over here.
//!
//! ```text
//! Δ(s, a) = J(s; a held for `hold` decisions, then a₀) − J(s; a₀),   J over `horizon` decisions
//! L(θ) = E_s [ Σ_a w_θ(a|s) (Δ_pods(s, a) + λ Δ_late(s, a)) ]
//! ```
//! `a₀` is the first policy's action, which leaves the start as it is. `w` are the probabilities of a head's choices; of a head
//! that is a number, Δ is interpolated between the values tried, about the mean with a little noise. λ is at least 1, and
//! rises while more requests would be late than `train.violation_limit` allows (dual ascent).
//!
//! Sources: Tesauro and Galperin, On-line Policy Improvement using Monte-Carlo Search (NIPS 1996), for rollouts of a base
//! policy; Lagoudakis and Parr, Reinforcement Learning as Classification (ICML 2003), for fitting a policy to them; Mao et
//! al., Variance Reduction for Reinforcement Learning in Input-Driven Environments (ICLR 2019), for the same input under
//! different actions.

#[cfg(feature = "train")]
mod collect;
#[cfg(feature = "train")]
mod fit;
mod settings;
#[cfg(feature = "train")]
mod trials;

pub use settings::Settings;

#[cfg(feature = "train")]
pub use learning::{Ground, learn, steps};

#[cfg(test)]
#[cfg(feature = "train")]
mod tests;

#[cfg(feature = "train")]
mod learning {
    use std::sync::Arc;

    use super::collect::Player;
    use super::fit::Fit;
    use super::trials::Trials;
    use crate::env::settings::{Base, Form, Mode};
    use crate::env::{self, Actions, Scenario, Sight};
    use crate::rl::brain::Perceptron;
    use crate::rl::moments::{Moments, Normalizer};
    use crate::rl::network::Network;
    use crate::rl::settings::{self, Algorithm, Memory};

    /// What there is to learn on.
    pub struct Ground<'a> {
        /// Functions.
        pub scenarios: &'a Arc<[Scenario]>,
        /// `[env]`.
        pub env: &'a env::Settings,
        /// `[train]`.
        pub train: &'a settings::Settings,
        /// Seed of weights, episodes, noise and order.
        pub seed: u64,
    }

    impl Ground<'_> {
        /// Whether other actions can be tried: what they set does not depend on what was done before.
        fn fits(&self) -> bool {
            let (env, train) = (self.env, self.train);
            let on_policy = [Algorithm::Ppo, Algorithm::Reinforce, Algorithm::ActorCritic, Algorithm::Grpo]
                .contains(&train.algorithm);
            on_policy
                && train.memory == Memory::None
                && env.action.mode == Mode::Hpa
                && env.action.cooldown.is_zero()
                && !env.action.min_base.contains(&Base::Current)
                && env.reward.form == Form::Levels
        }

        /// The normalisation that observations give, where it is wanted.
        fn normalizer(&self, observations: &[f32]) -> Normalizer {
            let width = Sight::new(self.env).len();
            if !self.train.normalize_observations {
                return Normalizer::identity(width);
            }
            let mut moments = Moments::new(width);
            moments.update(observations);
            moments.normalizer()
        }

        fn trials(&self) -> Trials {
            let actions = Actions::new(&self.env.action);
            Trials::new(&actions.distributions(), &actions.first(), self.train.counterfactual.values)
        }

        fn player<'a>(&'a self, trials: &'a Trials) -> Player<'a> {
            let Self { scenarios, env, train, seed } = *self;
            Player { scenarios, env, settings: &train.counterfactual, trials, seed }
        }
    }

    /// Decisions that are simulated to try actions.
    #[must_use]
    pub fn steps(ground: &Ground<'_>) -> u64 {
        if !ground.fits() {
            return 0;
        }
        ground.player(&ground.trials()).steps()
    }

    /// An actor that was fitted to what other actions would have cost, and the decisions that it was fitted to. There is none
    /// where none is wanted or can be had, and when `go_on`, which is asked before each episode and pass, says no.
    ///
    /// # Errors
    /// Candle fails.
    pub fn learn(
        ground: &Ground<'_>,
        network: &Network,
        go_on: &(dyn Fn() -> bool + Sync),
    ) -> candle_core::Result<Option<(Perceptron, u64)>> {
        let trials = ground.trials();
        if !ground.fits() || trials.is_empty() {
            return Ok(None);
        }
        let Some(mut cases) = ground.player(&trials).collect(go_on) else { return Ok(None) };
        if cases.rows() == 0 {
            return Ok(None);
        }
        let normalizer = ground.normalizer(&cases.observations);
        normalizer.apply(&mut cases.observations);
        let theta = network.initialize(ground.seed, &trials.first, ground.train.initial_share);
        let fit = Fit { network, cases: &cases, trials: &trials, train: ground.train, seed: ground.seed };
        let theta = fit.run(theta, go_on)?;
        Ok(theta.map(|theta| (Perceptron::actor(network, &theta, normalizer), cases.rows() as u64)))
    }
}
