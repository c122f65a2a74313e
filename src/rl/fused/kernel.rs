//! Products of small matrices, a tile of registers at a time, for any instruction set.
//!
//! A right-hand side and a result have rows padded to a multiple of [`PAD`] values, so that no row ends within a vector.
//! The order of the sums is that of the depth, whatever the number of rows. Loops hold no closures, which would be
//! compiled without the instruction set.

use pulp::Simd;

/// Padded rows are a multiple of this many values: the lanes of the widest instruction set.
pub(super) const PAD: usize = 16;

/// `width` rounded up to whole vectors.
pub(super) const fn padded(width: usize) -> usize {
    width.next_multiple_of(PAD)
}

/// What surrounds the sum of a product: its first value, and what becomes of the result.
pub(super) trait Finish<S: Simd>: Copy {
    /// The value that the sum of row `row`, vector `at`, starts from.
    fn start(self, simd: S, at: usize) -> S::f32s;
    /// Takes the sum.
    fn end(self, simd: S, row: usize, at: usize, sum: S::f32s, out: &mut S::f32s);
}

/// `A B + bias`.
#[derive(Clone, Copy)]
pub(super) struct Affine<'a, V>(pub &'a [V]);

/// `tanh(A B + bias)`.
#[derive(Clone, Copy)]
pub(super) struct Hidden<'a, V>(pub &'a [V]);

/// `max(A B + bias, 0)`.
#[derive(Clone, Copy)]
pub(super) struct Rectified<'a, V>(pub &'a [V]);

/// `A B` where `h` is above 0, and 0 elsewhere: back through `max(x, 0)`, whose results are `h`, of as many vectors a row.
#[derive(Clone, Copy)]
pub(super) struct Gate<'a, V>(pub &'a [V], pub usize);

/// `A B ⊙ (1 − h²)`: back through tanh, whose results are `h`, of as many vectors a row.
#[derive(Clone, Copy)]
pub(super) struct Slope<'a, V>(pub &'a [V], pub usize);

/// `A B`, instead of what the result was or, when `true`, besides it.
#[derive(Clone, Copy)]
pub(super) struct Gather(pub bool);

impl<S: Simd> Finish<S> for Affine<'_, S::f32s> {
    #[inline(always)]
    fn start(self, _: S, at: usize) -> S::f32s {
        self.0[at]
    }
    #[inline(always)]
    fn end(self, _: S, _: usize, _: usize, sum: S::f32s, out: &mut S::f32s) {
        *out = sum;
    }
}

impl<S: Simd> Finish<S> for Hidden<'_, S::f32s> {
    #[inline(always)]
    fn start(self, _: S, at: usize) -> S::f32s {
        self.0[at]
    }
    #[inline(always)]
    fn end(self, simd: S, _: usize, _: usize, sum: S::f32s, out: &mut S::f32s) {
        *out = super::math::tanh(simd, sum);
    }
}

impl<S: Simd> Finish<S> for Rectified<'_, S::f32s> {
    #[inline(always)]
    fn start(self, _: S, at: usize) -> S::f32s {
        self.0[at]
    }
    #[inline(always)]
    fn end(self, simd: S, _: usize, _: usize, sum: S::f32s, out: &mut S::f32s) {
        *out = simd.max_f32s(sum, simd.splat_f32s(0.0));
    }
}

impl<S: Simd> Finish<S> for Gate<'_, S::f32s> {
    #[inline(always)]
    fn start(self, simd: S, _: usize) -> S::f32s {
        simd.splat_f32s(0.0)
    }
    #[inline(always)]
    fn end(self, simd: S, row: usize, at: usize, sum: S::f32s, out: &mut S::f32s) {
        let (h, zero) = (self.0[row * self.1 + at], simd.splat_f32s(0.0));
        *out = simd.select_f32s(simd.less_than_f32s(zero, h), sum, zero);
    }
}

impl<S: Simd> Finish<S> for Slope<'_, S::f32s> {
    #[inline(always)]
    fn start(self, simd: S, _: usize) -> S::f32s {
        simd.splat_f32s(0.0)
    }
    #[inline(always)]
    fn end(self, simd: S, row: usize, at: usize, sum: S::f32s, out: &mut S::f32s) {
        let h = self.0[row * self.1 + at];
        *out = simd.negate_mul_add_e_f32s(simd.mul_f32s(h, sum), h, sum);
    }
}

impl<S: Simd> Finish<S> for Gather {
    #[inline(always)]
    fn start(self, simd: S, _: usize) -> S::f32s {
        simd.splat_f32s(0.0)
    }
    #[inline(always)]
    fn end(self, simd: S, _: usize, _: usize, sum: S::f32s, out: &mut S::f32s) {
        *out = if self.0 { simd.add_f32s(*out, sum) } else { sum };
    }
}

/// The left-hand side of a product, `[rows, depth]`, or `[depth, rows]` when it is to be transposed.
#[derive(Clone, Copy)]
pub(super) struct Left<'a> {
    pub(super) values: &'a [f32],
    /// Values from one row of `values` to the next.
    pub(super) stride: usize,
}

/// `out = finish(A B)` for `A` `[rows, depth]`; `B` `[depth, width]` and `out` `[rows, width]` are padded.
#[inline(always)]
pub(super) fn product<S: Simd, F: Finish<S>>(
    simd: S,
    (a, rows): (Left<'_>, usize),
    (b, depth): (&[f32], usize),
    (out, width): (&mut [f32], usize),
    finish: F,
) {
    columns::<S, F, false>(simd, (a, rows), (b, depth), (out, width), finish);
}

/// `out = finish(Aᵀ B)` for `A` `[depth, rows]`; `B` `[depth, width]` and `out` `[rows, width]` are padded.
#[inline(always)]
pub(super) fn product_transposed<S: Simd, F: Finish<S>>(
    simd: S,
    (a, rows): (Left<'_>, usize),
    (b, depth): (&[f32], usize),
    (out, width): (&mut [f32], usize),
    finish: F,
) {
    columns::<S, F, true>(simd, (a, rows), (b, depth), (out, width), finish);
}

#[inline(always)]
fn columns<S: Simd, F: Finish<S>, const TRANSPOSED: bool>(
    simd: S,
    (a, rows): (Left<'_>, usize),
    (b, depth): (&[f32], usize),
    (out, width): (&mut [f32], usize),
    finish: F,
) {
    let vectors = width / S::F32_LANES;
    let (b, out) = (S::as_simd_f32s(b).0, S::as_mut_simd_f32s(out).0);
    let mut at = 0;
    while at < vectors {
        let tile = Tile { rows, depth, vectors, at };
        // Instruction sets of eight lanes have sixteen registers, the others have thirty-two.
        if vectors - at >= 4 && S::F32_LANES != 8 {
            tile.run::<S, F, TRANSPOSED, 4, 4>(simd, a, b, out, finish);
            at += 4;
        } else if vectors - at >= 2 {
            tile.run::<S, F, TRANSPOSED, 4, 2>(simd, a, b, out, finish);
            at += 2;
        } else {
            tile.run::<S, F, TRANSPOSED, 8, 1>(simd, a, b, out, finish);
            at += 1;
        }
    }
}

/// A column of tiles: vectors `at` and on, of `vectors` a row.
#[derive(Clone, Copy)]
struct Tile {
    rows: usize,
    depth: usize,
    vectors: usize,
    at: usize,
}

impl Tile {
    #[inline(always)]
    fn run<S: Simd, F: Finish<S>, const T: bool, const R: usize, const V: usize>(
        self,
        simd: S,
        a: Left<'_>,
        b: &[S::f32s],
        out: &mut [S::f32s],
        finish: F,
    ) {
        let whole = self.rows - self.rows % R;
        for row in (0..whole).step_by(R) {
            self.tile::<S, F, T, R, V>(simd, a, b, row, out, finish);
        }
        for row in whole..self.rows {
            self.tile::<S, F, T, 1, V>(simd, a, b, row, out, finish);
        }
    }

    #[inline(always)]
    fn tile<S: Simd, F: Finish<S>, const T: bool, const R: usize, const V: usize>(
        self,
        simd: S,
        a: Left<'_>,
        b: &[S::f32s],
        row: usize,
        out: &mut [S::f32s],
        finish: F,
    ) {
        let Self { depth, vectors, at, .. } = self;
        let mut start = [simd.splat_f32s(0.0); V];
        for (v, start) in start.iter_mut().enumerate() {
            *start = finish.start(simd, at + v);
        }
        let mut sums = [start; R];
        if T {
            for p in 0..depth {
                let Some(b) = b[p * vectors + at..].first_chunk::<V>() else { continue };
                let Some(a) = a.values[p * a.stride + row..].first_chunk::<R>() else { continue };
                multiply(simd, a, b, &mut sums);
            }
        } else {
            let mut rows = [&a.values[..0]; R];
            for (r, values) in rows.iter_mut().enumerate() {
                *values = &a.values[(row + r) * a.stride..][..depth];
            }
            for p in 0..depth {
                let Some(b) = b[p * vectors + at..].first_chunk::<V>() else { continue };
                let mut a = [0.0; R];
                for (a, row) in a.iter_mut().zip(rows) {
                    *a = row[p];
                }
                multiply(simd, &a, b, &mut sums);
            }
        }
        for (r, sums) in sums.iter().enumerate() {
            let Some(out) = out[(row + r) * vectors + at..].first_chunk_mut::<V>() else { continue };
            for (v, (sum, out)) in sums.iter().zip(out).enumerate() {
                finish.end(simd, row + r, at + v, *sum, out);
            }
        }
    }
}

/// `sums += a bᵀ`.
#[inline(always)]
fn multiply<S: Simd, const R: usize, const V: usize>(
    simd: S,
    a: &[f32; R],
    b: &[S::f32s; V],
    sums: &mut [[S::f32s; V]; R],
) {
    for (a, sums) in a.iter().zip(sums) {
        let a = simd.splat_f32s(*a);
        for (b, sum) in b.iter().zip(sums) {
            *sum = simd.mul_add_e_f32s(a, *b, *sum);
        }
    }
}

/// `out += Σ rows of b`, `[rows, width]`; instead of what it was unless `add`.
#[inline(always)]
pub(super) fn column_sums<S: Simd>(simd: S, b: &[f32], out: &mut [f32], add: bool) {
    let (b, out) = (S::as_simd_f32s(b).0, S::as_mut_simd_f32s(out).0);
    let vectors = out.len();
    for (at, out) in out.iter_mut().enumerate() {
        let mut sum = if add { *out } else { simd.splat_f32s(0.0) };
        for row in b.chunks_exact(vectors) {
            sum = simd.add_f32s(sum, row[at]);
        }
        *out = sum;
    }
}
