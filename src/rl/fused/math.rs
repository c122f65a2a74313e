//! tanh and exp of vectors.

use pulp::Simd;

use crate::rl::tanh::{ALPHA, BETA, EDGE};

/// tanh `x` by the rational function of [`crate::rl::tanh`].
#[inline(always)]
pub(super) fn tanh<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let x = simd.max_f32s(simd.min_f32s(x, simd.splat_f32s(EDGE)), simd.splat_f32s(-EDGE));
    let y = simd.mul_f32s(x, x);
    simd.div_f32s(simd.mul_f32s(x, polynomial(simd, y, &ALPHA)), polynomial(simd, y, &BETA))
}

/// Coefficients of `(exp r − 1 − r) / r²` for |r| ≤ ½ ln 2, lowest first. Source: Cephes, `expf`.
const EXPONENTIAL: [f32; 6] = [0.5, 1.666_666_5e-1, 4.166_579_6e-2, 8.333_452e-3, 1.398_199_9e-3, 1.987_569_1e-4];

/// ln 2 in two parts, of which the first has few digits, so that its multiples are exact.
const LN2: [f32; 2] = [0.693_359_4, -2.121_944_4e-4];

/// exp `x`, with a relative error below 3e-7; `x` is cut to −87 … 88.
#[inline(always)]
pub(super) fn exp<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let x = simd.max_f32s(simd.min_f32s(x, simd.splat_f32s(88.0)), simd.splat_f32s(-87.0));
    // Adding 1.5 · 2²³ leaves the nearest whole number in the lowest bits.
    let round = simd.splat_f32s(12_582_912.0);
    let shifted = simd.mul_add_e_f32s(x, simd.splat_f32s(std::f32::consts::LOG2_E), round);
    let n = simd.sub_f32s(shifted, round);
    let r = simd.negate_mul_add_e_f32s(n, simd.splat_f32s(LN2[0]), x);
    let r = simd.negate_mul_add_e_f32s(n, simd.splat_f32s(LN2[1]), r);
    let p = polynomial(simd, r, &EXPONENTIAL);
    let y = simd.add_f32s(simd.mul_add_e_f32s(p, simd.mul_f32s(r, r), r), simd.splat_f32s(1.0));
    let exponent = simd.wrapping_dyn_shl_u32s(simd.transmute_u32s_f32s(shifted), simd.splat_u32s(23));
    let power = simd.add_u32s(exponent, simd.splat_u32s(127 << 23));
    simd.mul_f32s(y, simd.transmute_f32s_u32s(power))
}

#[inline(always)]
fn polynomial<S: Simd, const N: usize>(simd: S, x: S::f32s, coefficients: &[f32; N]) -> S::f32s {
    let mut sum = simd.splat_f32s(coefficients[N - 1]);
    for &c in coefficients[..N - 1].iter().rev() {
        sum = simd.mul_add_e_f32s(sum, x, simd.splat_f32s(c));
    }
    sum
}
