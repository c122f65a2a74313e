//! The loss of [`gradient`](super::gradient) as a graph of Candle's, on any device.

use candle_core::{DType, Device, Result, Tensor};

use super::gradient::{Losses, Objective, Surrogate};
use super::graph::Policy;
use super::network::Network;
use super::sheet::{Sheet, double};
use super::variables::Variables;

/// The share of some rows in a minibatch's loss.
pub(super) struct Loss {
    /// What is minimised.
    pub(super) total: Tensor,
    /// Value loss, entropy, divergence, share clipped, divergence from the reference.
    parts: [Tensor; 5],
}

impl Loss {
    /// Of a sheet's rows, in a minibatch of `all` rows of which `free` have a choice.
    pub(super) fn new(
        network: &Network,
        variables: &Variables<'_>,
        sheet: &Sheet,
        objective: Objective,
        (all, free): (usize, usize),
    ) -> Result<Self> {
        let logits = double(&variables.act(sheet)?)?;
        let policy = Policy::new(&network.heads, &logits, &sheet.actions, sheet.mask.as_ref())?;
        let weights = double(&sheet.free)?;
        let mean = |values: Tensor| (values * &weights)?.sum_all()? / free.max(1) as f64;
        let zero = Tensor::zeros((), logits.dtype(), logits.device())?;
        let advantages = double(&sheet.advantages)?;

        let log_ratio = (&policy.log_probability - double(&sheet.log_probabilities)?)?;
        let surrogate = surrogate(objective.surrogate, &policy.log_probability, &log_ratio, &advantages)?;
        let entropy = mean(policy.entropy)?;
        let mut total = (mean(surrogate)?.neg()? - (&entropy * objective.entropy)?)?;
        let (mut value, mut reference) = (zero.clone(), zero.clone());
        if let (true, Some(seen), Some(returns)) = (objective.value > 0.0, &sheet.criticized, &sheet.returns) {
            let error = (double(&variables.critic.forward(seen)?)? - double(returns)?)?;
            value = (error.sqr()?.sum_all()? * (0.5 / all as f64))?;
            total = (total + (&value * objective.value)?)?;
        }
        if let (true, Some(log_probability)) = (objective.reference_kl > 0.0, &sheet.reference) {
            let q = (double(log_probability)? - &policy.log_probability)?;
            reference = mean(((q.exp()? - q)? - 1.0)?)?;
            total = (total + (&reference * objective.reference_kl)?)?;
        }
        let log_ratio = log_ratio.detach();
        let growth = (log_ratio.exp()? - 1.0)?;
        let kl = mean((&growth - log_ratio)?)?;
        let clipped = match objective.surrogate {
            Surrogate::Clipped { clip } => mean(growth.abs()?.gt(clip)?.to_dtype(weights.dtype())?)?,
            Surrogate::Plain => zero,
        };
        Ok(Self { total, parts: [value, entropy, kl, clipped, reference] })
    }

    /// Brings the figures to the program's memory, and `others`, scalars too, with them.
    pub(super) fn read(&self, others: &[Tensor]) -> Result<(Losses, Vec<f64>)> {
        let own = [&self.total].into_iter().chain(&self.parts).map(Tensor::detach);
        let others = others.iter().map(|other| other.to_dtype(self.total.dtype())).collect::<Result<Vec<_>>>()?;
        let all = Tensor::stack(&own.chain(others).collect::<Vec<_>>(), 0)?;
        let all = all.to_device(&Device::Cpu)?.to_dtype(DType::F64)?.to_vec1::<f64>()?;
        let [total, value, entropy, kl, clipped, reference_kl] = *all.first_chunk().unwrap_or(&[f64::NAN; 6]);
        Ok((Losses { total, value, entropy, kl, clipped, reference_kl }, all[6..].to_vec()))
    }
}

/// What advantages pull at, `[rows, 1]`.
fn surrogate(kind: Surrogate, log_probability: &Tensor, log_ratio: &Tensor, advantages: &Tensor) -> Result<Tensor> {
    match kind {
        Surrogate::Clipped { clip } => {
            let ratio = log_ratio.exp()?;
            let clipped = ratio.clamp(1.0 - clip, 1.0 + clip)?;
            (ratio * advantages)?.minimum(&(clipped * advantages)?)
        }
        Surrogate::Plain => log_probability * advantages,
    }
}
