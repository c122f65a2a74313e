//! The policy's distributions in Candle's graph: what [`heads`](super::heads) computes, differentiable.

use candle_core::{DType, Result, Tensor};

use super::heads::LEAST_DEVIATION;
use crate::env::Distribution;

/// The distribution over actions that outputs make, all heads together.
pub(super) struct Policy {
    /// Of the actions taken, `[rows, 1]`.
    pub(super) log_probability: Tensor,
    /// In nats, `[rows, 1]`.
    pub(super) entropy: Tensor,
}

impl Policy {
    /// Of `outputs`, `[rows, outputs]`, for `actions`, `[rows, heads]`. `mask`, `[rows, outputs]`, is added to the outputs.
    pub(super) fn new(
        heads: &[Distribution],
        outputs: &Tensor,
        actions: &Tensor,
        mask: Option<&Tensor>,
    ) -> Result<Self> {
        let outputs = match mask {
            None => outputs.clone(),
            Some(mask) => (outputs + mask.to_dtype(outputs.dtype())?)?,
        };
        let actions = actions.to_dtype(outputs.dtype())?;
        let zero = Tensor::zeros((outputs.dim(0)?, 1), outputs.dtype(), outputs.device())?;
        let mut policy = Self { log_probability: zero.clone(), entropy: zero };
        let mut from = 0;
        for (index, head) in heads.iter().enumerate() {
            let own = outputs.narrow(1, from, head.outputs())?.contiguous()?;
            from += head.outputs();
            let taken = actions.narrow(1, index, 1)?.contiguous()?;
            let (log_probability, entropy) = match head {
                Distribution::Categorical(_) => categorical(&own, &taken)?,
                Distribution::Gaussian => gaussian(&own, &taken)?,
                Distribution::Beta => beta(&own, &taken)?,
            };
            policy.log_probability = (policy.log_probability + log_probability)?;
            policy.entropy = (policy.entropy + entropy)?;
        }
        Ok(policy)
    }
}

/// Sum of the outputs that belong to the choices taken, all heads categorical: `outputs` `[rows, outputs]`, `actions`
/// `[rows, heads]`, result `[rows, 1]`.
pub(super) fn chosen(heads: &[Distribution], outputs: &Tensor, actions: &Tensor) -> Result<Tensor> {
    let mut sum = Tensor::zeros((outputs.dim(0)?, 1), outputs.dtype(), outputs.device())?;
    let mut from = 0;
    for (index, head) in heads.iter().enumerate() {
        let own = outputs.narrow(1, from, head.outputs())?.contiguous()?;
        from += head.outputs();
        let taken = actions.narrow(1, index, 1)?.contiguous()?.to_dtype(DType::U32)?;
        sum = (sum + own.gather(&taken, 1)?)?;
    }
    Ok(sum)
}

fn categorical(logits: &Tensor, taken: &Tensor) -> Result<(Tensor, Tensor)> {
    let shifted = logits.broadcast_sub(&logits.detach().max_keepdim(1)?)?;
    let log_sum = shifted.exp()?.sum_keepdim(1)?.log()?;
    let logs = shifted.broadcast_sub(&log_sum)?;
    let entropy = (logs.exp()? * &logs)?.sum_keepdim(1)?.neg()?;
    Ok((logs.gather(&taken.to_dtype(DType::U32)?, 1)?, entropy))
}

fn gaussian(outputs: &Tensor, taken: &Tensor) -> Result<(Tensor, Tensor)> {
    let mean = outputs.narrow(1, 0, 1)?;
    let deviation = (softplus(&outputs.narrow(1, 1, 1)?)? + LEAST_DEVIATION)?;
    let (log, tau) = (deviation.log()?, std::f64::consts::TAU.ln());
    let z = ((taken - mean)? / deviation)?;
    let log_probability = ((z.sqr()? * -0.5)? - &log)?;
    Ok(((log_probability - 0.5 * tau)?, (log + 0.5 * (1.0 + tau))?))
}

fn beta(outputs: &Tensor, taken: &Tensor) -> Result<(Tensor, Tensor)> {
    let alpha = (softplus(&outputs.narrow(1, 0, 1)?)? + 1.0)?;
    let beta = (softplus(&outputs.narrow(1, 1, 1)?)? + 1.0)?;
    let both = (&alpha + &beta)?;
    let (less_alpha, less_beta) = ((&alpha - 1.0)?, (&beta - 1.0)?);
    let log_beta = ((ln_gamma(&alpha)? + ln_gamma(&beta)?)? - ln_gamma(&both)?)?;
    let logs = ((&less_alpha * taken.log()?)? + (&less_beta * taken.affine(-1.0, 1.0)?.log()?)?)?;
    let entropy = ((&less_alpha * digamma(&alpha)?)? + (&less_beta * digamma(&beta)?)?)?;
    let entropy = (((&both - 2.0)? * digamma(&both)?)? - entropy)?;
    Ok(((logs - &log_beta)?, (entropy + log_beta)?))
}

/// Probabilities of logits, `[rows, choices]`.
pub(super) fn softmax(logits: &Tensor) -> Result<Tensor> {
    let shifted = logits.broadcast_sub(&logits.detach().max_keepdim(1)?)?.exp()?;
    shifted.broadcast_div(&shifted.sum_keepdim(1)?)
}

/// Mean of a Beta head, `[rows, 1]`.
pub(super) fn beta_mean(outputs: &Tensor) -> Result<Tensor> {
    let shapes = (softplus(outputs)? + 1.0)?;
    shapes.narrow(1, 0, 1)?.contiguous()?.broadcast_div(&shapes.sum_keepdim(1)?)
}

fn softplus(x: &Tensor) -> Result<Tensor> {
    x.relu()? + (x.abs()?.neg()?.exp()? + 1.0)?.log()?
}

/// Steps of one that lift an argument above 1 to where the asymptotic series are exact to single precision.
const STEPS: i32 = 5;

/// ln Γ for arguments of at least 1, from operations whose slopes Candle knows.
fn ln_gamma(x: &Tensor) -> Result<Tensor> {
    let mut product = x.clone();
    for step in 1..STEPS {
        product = (product * (x + f64::from(step))?)?;
    }
    let y = (x + f64::from(STEPS))?;
    let (inverse, z) = (y.recip()?, y.recip()?.sqr()?);
    let series = (inverse * ((z.affine(1.0 / 1260.0, -1.0 / 360.0)? * &z)? + 1.0 / 12.0)?)?;
    let stirling = (((&y - 0.5)? * y.log()?)? - &y)?;
    ((stirling + 0.5 * std::f64::consts::TAU.ln())? + series)? - product.log()?
}

/// ψ for arguments of at least 1, likewise.
fn digamma(x: &Tensor) -> Result<Tensor> {
    let mut sum = x.recip()?;
    for step in 1..STEPS {
        sum = (sum + (x + f64::from(step))?.recip()?)?;
    }
    let y = (x + f64::from(STEPS))?;
    let z = y.recip()?.sqr()?;
    let series = (((z.affine(1.0 / 252.0, -1.0 / 120.0)? * &z)? + 1.0 / 12.0)? * &z)?;
    ((y.log()? - (y.recip()? * 0.5)?)? - series)? - sum
}
