//! Fits an actor to what was tried.

use candle_core::{Device, Result, Tensor};
use rand_distr::{Distribution as _, StandardNormal};
use rayon::prelude::*;

use super::collect::{Cases, Late};
use super::trials::{Head, Trials};
use crate::env::Distribution;
use crate::random::{self, Purpose};
use crate::rl::adam::{Adam, clip_norm};
use crate::rl::experience::{pick, shuffled};
use crate::rl::graph::{beta_mean, softmax};
use crate::rl::network::Network;
use crate::rl::settings::Settings;
use crate::rl::variables::Variables;

/// Rows of a gradient, and of a part of it: parts are computed side by side and summed in order.
const MINIBATCH: usize = 512;
const PART: usize = 128;
/// Standard deviation of the noise about a number's mean, of its range: replicas are whole, and so cost has steps.
const NOISE: f64 = 0.1;
/// The most that a violation is worth, as a multiple of its price, and the most that the multiple's logarithm moves in a pass.
const MOST_SEVERE: f64 = 8.0;
const SEVERITY_STEP: f64 = 0.3;
/// A cost of violations that nobody counts, per decision.
const LEAST: f64 = 1e-6;
/// Streams of its own, beside those of episodes and of an algorithm's passes.
const STREAM: u64 = 1 << 40;

/// What is fitted to what.
pub(super) struct Fit<'a> {
    pub(super) network: &'a Network,
    /// Observations normalised.
    pub(super) cases: &'a Cases,
    pub(super) trials: &'a Trials,
    pub(super) train: &'a Settings,
    pub(super) seed: u64,
}

/// A part of a minibatch: what violations cost more, row by row, and the gradient.
type Part = (Vec<f32>, Vec<f32>);

impl Fit<'_> {
    /// The parameters after all passes, which begin with `theta`; `None` once `go_on` says no.
    pub(super) fn run(&self, mut theta: Vec<f32>, go_on: &dyn Fn() -> bool) -> Result<Option<Vec<f32>>> {
        let settings = &self.train.counterfactual;
        let mut adam = Adam::new(theta.len());
        let mut severities = vec![1.0; self.cases.late.len()];
        for epoch in 0..settings.epochs {
            if !go_on() {
                return Ok(None);
            }
            let rate = settings.learning_rate * (1.0 - epoch as f64 / settings.epochs as f64);
            let stream = STREAM + epoch as u64;
            let order = shuffled(self.cases.rows(), self.seed, stream);
            let noise = self.noise(stream);
            let mut late = vec![(0.0, 0.0); severities.len()];
            for chosen in order.chunks(MINIBATCH) {
                let part = |part: &[u32]| self.part(&theta, part, &noise, (&severities, chosen.len()));
                let parts: Vec<Part> = chosen.par_chunks(PART).map(part).collect::<Result<_>>()?;
                let mut gradient = vec![0.0; theta.len()];
                for ((more, slopes), rows) in parts.iter().zip(chosen.chunks(PART)) {
                    for (more, &row) in more.iter().zip(rows) {
                        let late = &mut late[self.cases.scenarios[row as usize] as usize];
                        *late = (late.0 + f64::from(*more), late.1 + 1.0);
                    }
                    gradient.iter_mut().zip(slopes).for_each(|(sum, slope)| *sum += slope);
                }
                clip_norm(&mut gradient, self.train.max_grad_norm);
                adam.step(&mut theta, &gradient, rate);
            }
            for ((severity, late), (more, rows)) in severities.iter_mut().zip(&self.cases.late).zip(late) {
                *severity = self.followed(*severity, late, more / f64::max(rows, 1.0));
            }
        }
        Ok(Some(theta))
    }

    /// A scenario's severity after a pass in which violations cost `more` than the first policy's, mean over rows.
    fn followed(&self, severity: f64, late: &Late, more: f64) -> f64 {
        let decisions = late.decisions.max(1.0);
        let own = late.own / decisions + more / self.train.counterfactual.hold as f64;
        let most = self.train.violation_limit * late.reference / decisions;
        let excess = ((own.max(0.0) + LEAST) / (most + LEAST)).ln().clamp(-1.0, 1.0);
        (severity * (SEVERITY_STEP * excess).exp()).clamp(1.0, MOST_SEVERE)
    }

    /// Noise for each row and head with a choice.
    fn noise(&self, stream: u64) -> Vec<f32> {
        let mut rng = random::stream(self.seed, Purpose::Counterfactual, stream);
        let one = |_| {
            let draw: f64 = StandardNormal.sample(&mut rng);
            (NOISE * draw) as f32
        };
        (0..self.cases.rows() * self.trials.heads.len()).map(one).collect()
    }

    /// A part of the gradient of a minibatch of `all` rows, in which violations count as often as their scenario's severity.
    fn part(&self, theta: &[f32], rows: &[u32], noise: &[f32], (severities, all): (&[f64], usize)) -> Result<Part> {
        let device = &Device::Cpu;
        let tensor = |values: Vec<f32>, width: usize| Tensor::from_vec(values, (rows.len(), width), device);
        let picked = |from: &[f32], width: usize| tensor(pick(from, width, rows), width);
        let severity = |&row: &u32| (severities[self.cases.scenarios[row as usize] as usize] - 1.0) as f32;
        let severity = tensor(rows.iter().map(severity).collect(), 1)?;
        let observations = picked(&self.cases.observations, self.network.actor.inputs())?;
        let total = picked(&self.cases.total, self.trials.len())?;
        let violations = picked(&self.cases.violations, self.trials.len())?;
        let noise = picked(noise, self.trials.heads.len())?;
        let variables = Variables::new(self.network, theta, device)?;
        let outputs = variables.actor.forward(&observations)?;
        let weights = self.trials.heads.iter().enumerate().map(|(nth, head)| {
            let own = outputs.narrow(1, head.from, head.distribution.outputs())?.contiguous()?;
            weights(head, &own, &noise.narrow(1, nth, 1)?)
        });
        let weights = Tensor::cat(&weights.collect::<Result<Vec<_>>>()?, 1)?;
        let more = (&weights * violations)?.sum_keepdim(1)?;
        let loss = (((weights * total)?.sum_all()? + (&more * severity)?.sum_all()?)? * (1.0 / all as f64))?;
        let mut gradient = vec![0.0; theta.len()];
        variables.read(&loss.backward()?, &mut gradient)?;
        Ok((more.flatten_all()?.to_vec1()?, gradient))
    }
}

/// How much each value of a head counts, `[rows, values]`; they sum to 1.
fn weights(head: &Head, outputs: &Tensor, noise: &Tensor) -> Result<Tensor> {
    let mean = match head.distribution {
        Distribution::Categorical(_) => return softmax(outputs),
        Distribution::Gaussian => outputs.narrow(1, 0, 1)?,
        Distribution::Beta => beta_mean(outputs)?,
    };
    let values = Tensor::from_slice(&head.values, (1, head.values.len()), outputs.device())?;
    let number = (mean + noise)?.clamp(0.0, 1.0)?;
    let apart = number.broadcast_sub(&values)?.abs()?;
    apart.affine(-((head.values.len() - 1) as f64), 1.0)?.relu()
}
