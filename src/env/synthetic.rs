//! A problem without a simulator, for measuring and checking trainers: its steps cost next to nothing, it has a known
//! best policy, and other libraries' trainers are run on the same one (`scripts/bench-trainers.sh`).
//!
//! ```text
//! x_0 ~ U(−1, 1)²⁴;   x_{t+1} = 0.9 x_t + 0.3 u_t,   u_t ~ U(−1, 1)²⁴
//! one of nine:    r = 1 − |a − ⌊4.5 (1 + tanh 2x_{t,1})⌋| / 8
//! three numbers:  r = 1 − ⅓ Σ_j |a_j − tanh 2x_{t,j}|,   a_j between −1 and 1
//! ```
//! An episode has 256 steps and ends by truncation.

use rand::Rng;
use rand::rngs::ChaCha8Rng;

use super::distribution::{Distribution, choice};
use super::{Environment, Step};
use crate::random::{self, Purpose};

/// Number of values in an observation.
pub const LENGTH: usize = 24;

/// Steps of an episode.
pub const STEPS: usize = 256;

/// Choices of the discrete action.
const CHOICES: usize = 9;

/// Numbers of the continuous action.
const NUMBERS: usize = 3;

/// The environment.
#[derive(Debug)]
pub struct Synthetic {
    heads: Vec<Distribution>,
    state: [f32; LENGTH],
    step: usize,
    rng: ChaCha8Rng,
}

impl Synthetic {
    /// With one of nine choices as its action.
    #[must_use]
    pub fn discrete() -> Self {
        Self::with(vec![Distribution::Categorical(CHOICES)])
    }

    /// With three numbers from Gaussian heads, which are cut to −1 … 1, or from Beta heads, which are stretched to it.
    #[must_use]
    pub fn continuous(beta: bool) -> Self {
        Self::with(vec![if beta { Distribution::Beta } else { Distribution::Gaussian }; NUMBERS])
    }

    fn with(heads: Vec<Distribution>) -> Self {
        let rng = random::stream(0, Purpose::Episodes, 2);
        Self { heads, state: [0.0; LENGTH], step: 0, rng }
    }

    fn reward(&self, action: &[f32]) -> f64 {
        let aim = |x: f32| f64::from((2.0 * x).tanh());
        let miss = |(&number, (&head, &x)): (&f32, (&Distribution, &f32))| {
            let number = f64::from(number);
            let number = if head == Distribution::Beta { 2.0 * number - 1.0 } else { number.clamp(-1.0, 1.0) };
            (number - aim(x)).abs()
        };
        match self.heads[0] {
            Distribution::Categorical(_) => {
                let best = (4.5 * (1.0 + aim(self.state[0]))).floor().min(8.0);
                1.0 - (choice(action[0]) as f64 - best).abs() / 8.0
            }
            _ => 1.0 - action.iter().zip(self.heads.iter().zip(&self.state)).map(miss).sum::<f64>() / NUMBERS as f64,
        }
    }
}

/// A number between −1 and 1 for each value.
fn noise(rng: &mut ChaCha8Rng) -> [f32; LENGTH] {
    std::array::from_fn(|_| (rng.next_u32() >> 8) as f32 * (2.0 / 16_777_216.0) - 1.0)
}

impl Environment for Synthetic {
    type Info = ();

    fn observation_len(&self) -> usize {
        LENGTH
    }

    fn heads(&self) -> Vec<Distribution> {
        self.heads.clone()
    }

    fn reset(&mut self, seed: u64) {
        self.rng = random::stream(seed, Purpose::Episodes, 2);
        self.state = noise(&mut self.rng);
        self.step = 0;
    }

    fn step(&mut self, action: &[f32]) -> Step<()> {
        let reward = self.reward(action);
        for (x, u) in self.state.iter_mut().zip(noise(&mut self.rng)) {
            *x = 0.9 * *x + 0.3 * u;
        }
        self.step += 1;
        Step { reward, truncated: self.step >= STEPS, ..Step::default() }
    }

    fn observe(&mut self, out: &mut [f32]) {
        out.copy_from_slice(&self.state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Mean reward of an episode under a policy.
    fn play(mut environment: Synthetic, policy: impl Fn(&[f32]) -> Vec<f32>) -> f64 {
        environment.reset(7);
        let mut seen = [0.0; LENGTH];
        let mut sum = 0.0;
        for step in 1.. {
            environment.observe(&mut seen);
            let done = environment.step(&policy(&seen));
            sum += done.reward;
            if done.truncated {
                assert_eq!(step, STEPS);
                break;
            }
        }
        sum / STEPS as f64
    }

    #[test]
    fn the_best_policy_misses_nothing_and_a_blind_one_does() {
        let best = |seen: &[f32]| vec![(4.5 * (1.0 + (2.0 * seen[0]).tanh())).floor().min(8.0)];
        assert!(play(Synthetic::discrete(), best) > 0.999);
        assert!(play(Synthetic::discrete(), |_| vec![4.0]) < 0.9);
        let aims = |seen: &[f32]| seen[..NUMBERS].iter().map(|x| (2.0 * x).tanh()).collect::<Vec<f32>>();
        assert!(play(Synthetic::continuous(false), aims) > 0.999);
        assert!(play(Synthetic::continuous(true), |seen| aims(seen).iter().map(|a| 0.5 + 0.5 * a).collect()) > 0.999);
        assert!(play(Synthetic::continuous(false), |_| vec![0.0; 3]) < 0.8);
    }
}
