//! Adam on a flat vector of parameters. Its state can be saved, which Candle's cannot.

#![allow(clippy::inline_always, reason = "what is not inlined is compiled without the instruction set")]

use pulp::{Arch, NullaryFnOnce};

use super::dispatch::dispatch;

/// Moments and step count.
///
/// ```text
/// m ← β1 m + (1 − β1) g;   v ← β2 v + (1 − β2) g²
/// θ ← θ − α (m / (1 − β1^t)) / (√(v / (1 − β2^t)) + ε)
/// ```
/// Source: Kingma and Ba, arXiv:1412.6980, algorithm 1. ε = 1e-5 as in the PPO implementations.
#[derive(Debug, Clone, PartialEq)]
pub struct Adam {
    /// First moment.
    pub first: Vec<f32>,
    /// Second moment.
    pub second: Vec<f32>,
    /// Steps taken.
    pub steps: u64,
}

pub(super) const BETA1: f64 = 0.9;
pub(super) const BETA2: f64 = 0.999;
pub(super) const EPSILON: f32 = 1e-5;

impl Adam {
    /// For `length` parameters.
    #[must_use]
    pub fn new(length: usize) -> Self {
        Self { first: vec![0.0; length], second: vec![0.0; length], steps: 0 }
    }

    /// One step of size `rate` along `gradient`.
    pub fn step(&mut self, theta: &mut [f32], gradient: &[f32], rate: f64) {
        self.step_parts(theta, gradient, &[(theta.len(), rate)]);
    }

    /// One step along `gradient`, of another size in each part: `(end, rate)`, in order, together the whole.
    pub fn step_parts(&mut self, theta: &mut [f32], gradient: &[f32], parts: &[(usize, f64)]) {
        self.steps += 1;
        let t = i32::try_from(self.steps).unwrap_or(i32::MAX);
        let unbias = (1.0 / (1.0 - BETA2.powi(t))) as f32;
        let mut start = 0;
        for &(end, rate) in parts {
            dispatch(
                Arch::new(),
                Step {
                    theta: &mut theta[start..end],
                    gradient: &gradient[start..end],
                    first: &mut self.first[start..end],
                    second: &mut self.second[start..end],
                    rate: (rate / (1.0 - BETA1.powi(t))) as f32,
                    unbias,
                },
            );
            start = end;
        }
    }
}

/// A step of some parameters, compiled for each instruction set. Nothing is fused, so that the bits are the same.
struct Step<'a> {
    theta: &'a mut [f32],
    gradient: &'a [f32],
    first: &'a mut [f32],
    second: &'a mut [f32],
    /// Step size, by the bias of the first moment.
    rate: f32,
    /// What takes the bias from the second moment.
    unbias: f32,
}

impl NullaryFnOnce for Step<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Self { theta, gradient, first, second, rate, unbias } = self;
        let (beta1, beta2) = (BETA1 as f32, BETA2 as f32);
        let (rest1, rest2) = ((1.0 - BETA1) as f32, (1.0 - BETA2) as f32);
        for (((parameter, &g), m), v) in theta.iter_mut().zip(gradient).zip(first).zip(second) {
            *m = beta1 * *m + rest1 * g;
            *v = beta2 * *v + rest2 * g * g;
            *parameter -= rate * *m / ((*v * unbias).sqrt() + EPSILON);
        }
    }
}

/// Scales the gradient so that its norm is at most `most`, and returns the norm before.
pub fn clip_norm(gradient: &mut [f32], most: f64) -> f64 {
    dispatch(Arch::new(), Clip { gradient, most })
}

/// The cut of a gradient, compiled for each instruction set.
struct Clip<'a> {
    gradient: &'a mut [f32],
    most: f64,
}

impl NullaryFnOnce for Clip<'_> {
    type Output = f64;

    #[inline(always)]
    fn call(self) -> f64 {
        let norm = square(self.gradient).sqrt();
        if norm > self.most {
            let factor = (self.most / norm) as f32;
            for g in self.gradient {
                *g *= factor;
            }
        }
        norm
    }
}

/// Sum of squares, in as many sums as the registers of the widest instruction set hold, and so the same on any.
#[inline(always)]
fn square(values: &[f32]) -> f64 {
    let mut sums = [0.0_f64; 16];
    let (whole, rest) = values.as_chunks::<16>();
    for chunk in whole {
        for (sum, &x) in sums.iter_mut().zip(chunk) {
            *sum += f64::from(x) * f64::from(x);
        }
    }
    for (sum, &x) in sums.iter_mut().zip(rest) {
        *sum += f64::from(x) * f64::from(x);
    }
    sums.iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Computed once with PyTorch 2.15:
    /// ```python
    /// x = torch.tensor([1.0, -2.0, 3.0], requires_grad=True)
    /// o = torch.optim.Adam([x], lr=0.1, eps=1e-5)
    /// for _ in range(3):
    ///     o.zero_grad(); (x**2 * torch.tensor([1.0, 0.5, 2.0])).sum().backward(); o.step()
    /// ```
    #[test]
    fn three_steps_agree_with_pytorch() {
        let mut theta = [1.0_f32, -2.0, 3.0];
        let mut adam = Adam::new(3);
        for _ in 0..3 {
            let gradient = [2.0 * theta[0], theta[1], 4.0 * theta[2]];
            adam.step(&mut theta, &gradient, 0.1);
        }
        for (a, b) in theta.iter().zip(TORCH) {
            assert!((a - b).abs() < 1e-6, "{theta:?}");
        }
    }

    const TORCH: [f32; 3] = [0.701_587_86, -1.700_625, 2.700_381_8];

    #[test]
    fn parts_move_at_their_own_rates() {
        let gradient = [1.0, -2.0, 0.5_f32];
        let (mut whole, mut parts) = ([0.0_f32; 3], [0.0_f32; 3]);
        Adam::new(3).step(&mut whole, &gradient, 0.1);
        Adam::new(3).step_parts(&mut parts, &gradient, &[(1, 0.1), (3, 0.2)]);
        assert!((parts[0] - whole[0]).abs() < 1e-7 && (parts[1] - 2.0 * whole[1]).abs() < 1e-7);
        assert!((parts[2] - 2.0 * whole[2]).abs() < 1e-7 && whole[2] < 0.0);
    }

    #[test]
    fn a_long_gradient_is_cut_and_a_short_one_is_not() {
        let mut gradient = [3.0, 4.0];
        assert!((clip_norm(&mut gradient, 0.5) - 5.0).abs() < 1e-12);
        assert!((gradient[0] - 0.3).abs() < 1e-6 && (gradient[1] - 0.4).abs() < 1e-6);
        assert!((clip_norm(&mut gradient, 1.0) - 0.5).abs() < 1e-6);
        assert!((gradient[1] - 0.4).abs() < 1e-6);
    }
}
