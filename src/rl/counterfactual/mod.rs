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
#[cfg(feature = "train")]
mod learn;
mod settings;
#[cfg(feature = "train")]
mod trials;

pub use settings::Settings;

#[cfg(feature = "train")]
pub use learn::{Ground, learn, steps};

#[cfg(test)]
#[cfg(feature = "train")]
mod tests;
