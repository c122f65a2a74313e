//! Group relative policy optimisation: no critic; a group plays the same episode, and its members are compared.
//!
//! ```text
//! A_i = (R_i − mean_j R_j) / (std_j R_j + ε)                                  credit = "episode"
//! A_{i,t} = (G_{i,t} − mean_j G_{j,t}) / (std_{j,t} (G_{j,t} − mean_j G_{j,t}) + ε)   credit = "return-to-go"
//! L = −E[min(r A, clip(r) A)] + β E[e^q − q − 1],   q = log π_ref − log π
//! ```
//! Source: Shao et al., `DeepSeekMath`, arXiv:2402.03300, eq. 3 and 4. The group's mean is a baseline that knows the traffic
//! (Mao et al., ICLR 2019). Returns to go suit long episodes, where one number for all steps drowns in noise.

use super::{Credit, Lane, Method, Plan, ppo};
use crate::rl::experience::mean_and_variance;
use crate::rl::gae;
use crate::rl::settings::{Settings, algorithms};

/// ε of the normalisation.
const EPSILON: f64 = 1e-6;

/// GRPO.
#[derive(Debug)]
pub struct Grpo {
    settings: Settings,
}

impl Grpo {
    /// With the settings' numbers.
    #[must_use]
    pub fn new(settings: &Settings) -> Self {
        Self { settings: settings.clone() }
    }
}

impl Method for Grpo {
    fn values(&self) -> usize {
        0
    }

    fn credit(&self, lane: &Lane<'_>) -> Credit {
        let advantages = match self.settings.grpo.credit {
            algorithms::Credit::Episode => vec![lane.rewards.iter().sum(); lane.rewards.len()],
            algorithms::Credit::ReturnToGo => {
                gae::returns_to_go(&lane.rewards, lane.terminated, lane.truncated, self.settings.discount_factor)
            }
        };
        Credit { advantages, returns: Vec::new() }
    }

    fn compare(&self, advantages: &mut [f32], steps: usize, group: usize) {
        for members in advantages.chunks_exact_mut(steps * group) {
            relative(members, steps);
        }
    }

    fn plan(&self, left: f64) -> Plan {
        let plan = ppo::plan(&self.settings, left);
        let reference_kl = self.settings.grpo.reference_kl;
        let objective = super::Objective { value: 0.0, reference_kl, ..plan.objective };
        Plan { objective, standardize: false, ..plan }
    }

    fn refresh(&self) -> Option<u64> {
        Some(self.settings.grpo.refresh)
    }
}

/// Subtracts from a group's rows, `[members, steps]`, their mean at each instant, and divides by the standard deviation
/// of what is left. Rows that are one number throughout give the paper's formula.
fn relative(members: &mut [f32], steps: usize) {
    let count = (members.len() / steps) as f32;
    for t in 0..steps {
        let mean = members.iter().skip(t).step_by(steps).sum::<f32>() / count;
        members.iter_mut().skip(t).step_by(steps).for_each(|value| *value -= mean);
    }
    let scale = 1.0 / (mean_and_variance(members).1.sqrt() + EPSILON);
    for value in members {
        *value = (f64::from(*value) * scale) as f32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn episodes_are_compared_as_in_the_paper() {
        let mut advantages = [1.0, 1.0, 2.0, 2.0, 6.0, 6.0_f32];
        relative(&mut advantages, 2);
        let deviation = (14.0_f64 / 3.0).sqrt();
        for (found, wanted) in advantages.iter().zip([-2.0, -2.0, -1.0, -1.0, 3.0, 3.0]) {
            assert!((f64::from(*found) - wanted / deviation).abs() < 1e-5, "{advantages:?}");
        }
    }

    #[test]
    fn what_all_members_meet_alike_counts_for_nothing() {
        let mut calm = [1.0, 4.0, 3.0, 2.0_f32];
        let mut stormy = [1.0, 104.0, 3.0, 102.0_f32];
        relative(&mut calm, 2);
        relative(&mut stormy, 2);
        assert!(calm.iter().zip(stormy).all(|(one, other)| (one - other).abs() < 1e-5));
        let mut equal = [5.0; 6];
        relative(&mut equal, 3);
        assert!(equal.iter().all(|value| value.abs() < 1e-6), "no difference, no advantage: {equal:?}");
    }
}
