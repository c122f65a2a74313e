//! The hyperbolic tangent as a rational function, for slices and as a Candle operation.
//!
//! Candle's own `tanh` on the CPU calls the C library once an element, which takes most of the time of a small network.

use candle_core::{CpuStorage, CustomOp1, CustomOp2, Error, Layout, Result, Shape, Tensor};

/// Numerator, odd powers 1 to 13; denominator, even powers 0 to 6. Source: Eigen, `generic_fast_tanh_float`.
pub(super) const ALPHA: [f32; 7] =
    [4.893_524_6e-3, 6.372_619_3e-4, 1.485_722_4e-5, 5.122_297_1e-8, -8.604_672e-11, 2.000_188e-13, -2.760_768_5e-16];
pub(super) const BETA: [f32; 4] = [4.893_525e-3, 2.268_434_6e-3, 1.185_347_1e-4, 1.198_258_4e-6];

/// Beyond it the result is 1 in single precision.
pub(super) const EDGE: f32 = 7.905_311;

/// tanh `x`, with an absolute error below 4e-7.
#[must_use]
#[allow(clippy::inline_always, reason = "callers are compiled for several instruction sets")]
#[inline(always)]
pub fn tanh(x: f32) -> f32 {
    // `clamp` would keep the compiler from using vector registers.
    let x = if x > EDGE { EDGE } else { x };
    let x = if x < -EDGE { -EDGE } else { x };
    let y = x * x;
    let odd = ALPHA.iter().rev().fold(0.0, |sum, a| sum * y + a);
    let even = BETA.iter().rev().fold(0.0, |sum, b| sum * y + b);
    x * odd / even
}

/// [`tanh`] as an operation of Candle's graph; the CPU only.
#[derive(Debug, Clone, Copy)]
pub struct Tanh;

/// `gradient × (1 − result²)`.
struct TanhGradient;

fn contiguous<'a>(storage: &'a CpuStorage, layout: &Layout, op: &'static str) -> Result<&'a [f32]> {
    let (start, end) = layout.contiguous_offsets().ok_or(Error::RequiresContiguous { op })?;
    Ok(&storage.as_slice::<f32>()?[start..end])
}

impl CustomOp1 for Tanh {
    fn name(&self) -> &'static str {
        "tanh"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let values = contiguous(storage, layout, self.name())?.iter().map(|&x| tanh(x)).collect();
        Ok((CpuStorage::F32(values), layout.shape().clone()))
    }

    fn bwd(&self, _argument: &Tensor, result: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        gradient.contiguous()?.apply_op2_no_bwd(result, &TanhGradient).map(Some)
    }
}

impl CustomOp2 for TanhGradient {
    fn name(&self) -> &'static str {
        "tanh-gradient"
    }

    fn cpu_fwd(&self, a: &CpuStorage, la: &Layout, b: &CpuStorage, lb: &Layout) -> Result<(CpuStorage, Shape)> {
        let (gradient, result) = (contiguous(a, la, self.name())?, contiguous(b, lb, self.name())?);
        let values = gradient.iter().zip(result).map(|(g, y)| g * (1.0 - y * y)).collect();
        Ok((CpuStorage::F32(values), la.shape().clone()))
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Var};

    use super::*;

    #[test]
    fn it_agrees_with_the_library_to_single_precision() {
        for i in -20_000..=20_000 {
            let x = i as f32 * 1e-3;
            assert!((f64::from(tanh(x)) - f64::from(x).tanh()).abs() < 4e-7, "{x}");
        }
    }

    #[test]
    fn its_gradient_is_one_minus_its_square() {
        let x = Var::new(&[-2.0_f32, -0.3, 0.0, 0.7, 9.0], &Device::Cpu).unwrap();
        let gradients = x.apply_op1(Tanh).unwrap().sum_all().unwrap().backward().unwrap();
        let gradient = gradients.get(&x).unwrap().to_vec1::<f32>().unwrap();
        for (g, x) in gradient.iter().zip([-2.0_f64, -0.3, 0.0, 0.7, 9.0]) {
            assert!((f64::from(*g) - (1.0 - x.tanh().powi(2))).abs() < 1e-6);
        }
    }
}
