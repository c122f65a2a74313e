//! The critic's network: one tanh layer over what is seen and, one-hot, what would be done. One logit comes out.
//!
//! ```text
//! z(s, a) = w · tanh(b + Wᵀ s + Σ_h A[h, a_h]) + c
//! ```
//! Parameters are one flat vector: `W` `[observation, hidden]`, `A` `[choices of all heads, hidden]`, `b`, `w`, `c`.

use rand::RngExt;
use rand_distr::{Distribution, StandardNormal};

use super::platt::sigmoid;
use crate::random::{self, Purpose};
use crate::rl::adam::Adam;
use crate::rl::tanh::tanh;

/// The network's shape and parameters.
#[derive(Debug, Clone, PartialEq)]
pub struct Net {
    observation: usize,
    heads: Vec<usize>,
    hidden: usize,
    theta: Vec<f32>,
}

/// What it learns from: rows of normalised observations and choices, and whether each was safe.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Samples {
    /// `[n, observation]`.
    pub observations: Vec<f32>,
    /// `[n, heads]`.
    pub actions: Vec<u8>,
    /// Whether what followed was safe.
    pub safe: Vec<bool>,
}

/// How it learns.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Schedule {
    /// Passes over the samples.
    pub epochs: usize,
    /// Adam's step size at the start; it falls linearly to 0.
    pub learning_rate: f64,
    /// Seed of weights and order.
    pub seed: u64,
}

/// Rows of one gradient.
const MINIBATCH: usize = 256;
/// Streams of its own, beside those of the policy's layers and epochs.
const STREAM: u64 = 1 << 40;

impl Net {
    /// A network with small random weights.
    #[must_use]
    pub fn new(observation: usize, heads: &[usize], hidden: usize, seed: u64) -> Self {
        let choices: usize = heads.iter().sum();
        let mut net = Self { observation, heads: heads.to_vec(), hidden, theta: Vec::new() };
        let mut rng = random::stream(seed, Purpose::Weights, STREAM);
        // As many inputs are not 0 as there are values and heads.
        let scale = 1.0 / ((observation + heads.len()) as f64).sqrt();
        let weights = (observation + choices) * hidden;
        net.theta.extend((0..weights).map(|_| {
            let draw: f64 = StandardNormal.sample(&mut rng);
            (scale * draw) as f32
        }));
        net.theta.resize(net.parameters(), 0.0);
        net
    }

    /// A network of parameters that were saved; `None` when they are not as many as it has.
    #[must_use]
    pub fn of(observation: usize, heads: &[usize], hidden: usize, theta: &[f32]) -> Option<Self> {
        let net = Self { observation, heads: heads.to_vec(), hidden, theta: theta.to_vec() };
        (net.parameters() == theta.len()).then_some(net)
    }

    /// The parameters.
    #[must_use]
    pub fn theta(&self) -> &[f32] {
        &self.theta
    }

    /// Choices of each head.
    #[must_use]
    pub fn heads(&self) -> &[usize] {
        &self.heads
    }

    fn parameters(&self) -> usize {
        (self.observation + self.heads.iter().sum::<usize>() + 2) * self.hidden + 1
    }

    /// Where `b` begins; `w` and `c` follow.
    fn bias(&self) -> usize {
        self.parameters() - 2 * self.hidden - 1
    }

    fn row(&self, input: usize) -> std::ops::Range<usize> {
        input * self.hidden..(input + 1) * self.hidden
    }

    /// Rows of `A` that an action takes.
    fn chosen<'a>(&'a self, action: &'a [u8]) -> impl Iterator<Item = usize> + 'a {
        let starts = self.heads.iter().scan(self.observation, |from, &size| {
            *from += size;
            Some(*from - size)
        });
        starts.zip(action).map(|(start, &choice)| start + usize::from(choice))
    }

    /// `b + Wᵀ s`, which all actions share.
    #[must_use]
    pub fn seen(&self, observation: &[f32]) -> Vec<f32> {
        let mut sums = self.theta[self.bias()..self.bias() + self.hidden].to_vec();
        for (input, &x) in observation.iter().enumerate() {
            add(&mut sums, &self.theta[self.row(input)], x);
        }
        sums
    }

    /// The logit of an action after [`seen`](Self::seen).
    #[must_use]
    pub fn logit(&self, seen: &[f32], action: &[u8]) -> f64 {
        let mut sums = seen.to_vec();
        for row in self.chosen(action) {
            add(&mut sums, &self.theta[self.row(row)], 1.0);
        }
        let (from, last) = (self.bias() + self.hidden, self.theta.len() - 1);
        let output: f32 = sums.iter().zip(&self.theta[from..last]).map(|(&sum, w)| tanh(sum) * w).sum();
        f64::from(output + self.theta[last])
    }

    /// The logits of samples.
    #[must_use]
    pub fn logits(&self, samples: &Samples) -> Vec<f64> {
        let rows = samples.observations.chunks_exact(self.observation);
        rows.zip(samples.actions.chunks_exact(self.heads.len()))
            .map(|(observation, action)| self.logit(&self.seen(observation), action))
            .collect()
    }

    /// Learns by Adam on the binary cross-entropy.
    pub fn learn(&mut self, samples: &Samples, schedule: Schedule) {
        let mut adam = Adam::new(self.theta.len());
        let mut order: Vec<usize> = (0..samples.safe.len()).collect();
        for epoch in 0..schedule.epochs {
            let mut rng = random::stream(schedule.seed, Purpose::Shuffle, STREAM + epoch as u64);
            for last in (1..order.len()).rev() {
                order.swap(last, rng.random_range(0..=last as u64) as usize);
            }
            let rate = schedule.learning_rate * (1.0 - epoch as f64 / schedule.epochs as f64);
            for rows in order.chunks(MINIBATCH) {
                let gradient = self.gradient(samples, rows);
                adam.step(&mut self.theta, &gradient, rate);
            }
        }
    }

    /// The gradient of the mean cross-entropy over `rows`.
    fn gradient(&self, samples: &Samples, rows: &[usize]) -> Vec<f32> {
        let mut gradient = vec![0.0; self.theta.len()];
        let (bias, last) = (self.bias(), self.theta.len() - 1);
        let output = bias + self.hidden..last;
        let mut slopes = vec![0.0; self.hidden];
        for &row in rows {
            let observation = &samples.observations[row * self.observation..(row + 1) * self.observation];
            let action = &samples.actions[row * self.heads.len()..(row + 1) * self.heads.len()];
            let mut units = self.seen(observation);
            for input in self.chosen(action) {
                add(&mut units, &self.theta[self.row(input)], 1.0);
            }
            for unit in &mut units {
                *unit = tanh(*unit);
            }
            let w = &self.theta[output.clone()];
            let logit: f32 = units.iter().zip(w).map(|(unit, w)| unit * w).sum::<f32>() + self.theta[last];
            let target = if samples.safe[row] { 1.0 } else { 0.0 };
            let error = ((sigmoid(f64::from(logit)) - target) / rows.len() as f64) as f32;
            gradient[last] += error;
            add(&mut gradient[output.clone()], &units, error);
            for ((slope, unit), w) in slopes.iter_mut().zip(&units).zip(w) {
                *slope = error * w * (1.0 - unit * unit);
            }
            add(&mut gradient[bias..bias + self.hidden], &slopes, 1.0);
            for input in self.chosen(action) {
                add(&mut gradient[self.row(input)], &slopes, 1.0);
            }
            for (input, &x) in observation.iter().enumerate() {
                add(&mut gradient[self.row(input)], &slopes, x);
            }
        }
        gradient
    }
}

/// `sums += factor · row`.
fn add(sums: &mut [f32], row: &[f32], factor: f32) {
    for (sum, x) in sums.iter_mut().zip(row) {
        *sum += factor * x;
    }
}

impl Samples {
    /// Adds those of another episode.
    pub fn append(&mut self, other: Self) {
        self.observations.extend(other.observations);
        self.actions.extend(other.actions);
        self.safe.extend(other.safe);
    }
}

#[cfg(test)]
mod tests {
    use super::super::platt::cross_entropy;
    use super::*;

    /// Safe when the second choice meets a positive first value, or the first a negative one.
    fn samples(count: usize, seed: u64) -> Samples {
        let mut rng = random::stream(seed, Purpose::Episodes, 0);
        let mut samples = Samples::default();
        for _ in 0..count {
            let x: f32 = rng.random::<f32>() * 2.0 - 1.0;
            let choice = rng.random_range(0..2_u32) as u8;
            samples.observations.extend([x, rng.random()]);
            samples.actions.extend([choice, rng.random_range(0..3_u32) as u8]);
            samples.safe.push((x > 0.0) == (choice == 1));
        }
        samples
    }

    fn loss(net: &Net, samples: &Samples) -> f64 {
        let target = |safe: bool| if safe { 1.0 } else { 0.0 };
        let one = |(logit, &safe): (f64, &bool)| cross_entropy(logit, target(safe));
        net.logits(samples).into_iter().zip(&samples.safe).map(one).sum::<f64>() / samples.safe.len() as f64
    }

    #[test]
    fn the_gradient_is_that_of_the_loss() {
        let samples = samples(20, 1);
        let mut net = Net::new(2, &[2, 3], 5, 4);
        net.theta.iter_mut().enumerate().for_each(|(i, x)| *x += 0.1 * ((i * 37 % 11) as f32 - 5.0) / 5.0);
        let gradient = net.gradient(&samples, &(0..20).collect::<Vec<_>>());
        for (i, &found) in gradient.iter().enumerate() {
            let at = |shift: f32| {
                let mut moved = net.clone();
                moved.theta[i] += shift;
                loss(&moved, &samples)
            };
            let wanted = (at(1e-2) - at(-1e-2)) / 2e-2;
            assert!((f64::from(found) - wanted).abs() < 2e-4, "parameter {i}: {found} is not {wanted}");
        }
    }

    #[test]
    fn it_learns_which_action_is_safe_where() {
        let mut net = Net::new(2, &[2, 3], 16, 0);
        let learning = samples(4000, 2);
        net.learn(&learning, Schedule { epochs: 30, learning_rate: 1e-2, seed: 0 });
        let unseen = samples(1000, 3);
        let right = net.logits(&unseen).iter().zip(&unseen.safe).filter(|(z, safe)| (**z > 0.0) == **safe).count();
        assert!(right > 960, "{right} of 1000 right");
        let mut again = Net::new(2, &[2, 3], 16, 0);
        again.learn(&learning, Schedule { epochs: 30, learning_rate: 1e-2, seed: 0 });
        assert_eq!(again, net);
    }
}
