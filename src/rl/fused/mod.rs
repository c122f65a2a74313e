//! The whole of actor, critic and loss, forward and backward, in one pass over flat parameters.
//!
//! It computes what [`gradient`](super::gradient) computes, on the CPU and for single precision: a minibatch is cut into
//! equal parts, the parts into chunks of rows that stay in the cache, and the parts' gradients are summed in a tree. Parts
//! and tree depend on the number of rows alone, so that on one instruction set the result is the same, bit by bit, for any
//! number of threads. Instruction sets are told apart at run time; they differ in the last bits.

#![allow(clippy::inline_always, reason = "what is not inlined is compiled without the instruction set")]
#![allow(clippy::many_single_char_names, reason = "they are the formulas' names")]

pub mod custom;
mod kernel;
mod layout;
mod loss;
mod math;
mod pass;

use pulp::{Arch, Simd, WithSimd};

use self::layout::Layout;
pub use self::loss::Rows;
use self::loss::{Softmax, Terms};
use self::pass::{Activations, CHUNK, Parameters};
use super::dispatch::dispatch;
use super::gradient::{Losses, Objective};
use super::network::Network;

/// The most parts of a minibatch, and so the most threads that share one.
const PARTS: usize = 16;

/// The executor for one network. It keeps the memory that passes need.
#[derive(Debug)]
pub struct Fused {
    arch: Arch,
    layout: Layout,
    values: usize,
    padded: Vec<f32>,
    transposes: Vec<f32>,
    workers: Vec<Worker>,
}

/// What one thread needs.
#[derive(Debug, Clone)]
struct Worker {
    observations: Vec<f32>,
    criticized: Vec<f32>,
    actor: Activations,
    critic: Activations,
    softmax: Softmax,
    /// Padded gradients and losses of subtrees that wait for their neighbours.
    sums: Vec<(Vec<f32>, Losses)>,
}

impl Fused {
    /// For a network of this shape, on the widest instruction set of this machine.
    #[must_use]
    pub fn new(network: &Network) -> Self {
        Self::with(network, Arch::new())
    }

    fn with(network: &Network, arch: Arch) -> Self {
        let layout = Layout::new(network);
        let worker = Worker {
            observations: vec![0.0; CHUNK * network.actor.inputs()],
            criticized: vec![0.0; CHUNK * network.critic.inputs()],
            actor: Activations::new(&layout.actor, network.actor.activation),
            critic: Activations::new(&layout.critic, network.critic.activation),
            softmax: Softmax::new(&network.heads),
            sums: vec![(vec![0.0; layout.length], Losses::default()); PARTS.ilog2() as usize + 1],
        };
        Self {
            arch,
            values: network.values,
            padded: vec![0.0; layout.length],
            transposes: vec![0.0; layout.transposes],
            workers: vec![worker; rayon::current_num_threads().clamp(1, PARTS)],
            layout,
        }
    }

    /// Name of the instruction set.
    #[must_use]
    pub fn isa(&self) -> &'static str {
        dispatch(self.arch, Name)
    }

    /// The loss of `rows` at `theta`; sets `gradient`, which is as long.
    pub fn gradient(&mut self, theta: &[f32], rows: &Rows<'_>, objective: Objective, gradient: &mut [f32]) -> Losses {
        self.layout.pack(theta, &mut self.padded, &mut self.transposes);
        let parts = 1 << (rows.order.len() / CHUNK).clamp(1, PARTS).ilog2();
        let pass = Pass {
            arch: self.arch,
            layout: &self.layout,
            theta: Parameters { padded: &self.padded, transposes: &self.transposes },
            values: self.values,
            rows,
            terms: Terms::new(objective, rows),
            parts,
        };
        let threads = 1 << self.workers.len().min(rayon::current_num_threads()).min(parts).ilog2();
        pass.share(&mut self.workers[..threads], 0, parts);
        let (sum, losses) = &self.workers[0].sums[0];
        self.layout.unpack(sum, gradient);
        *losses
    }
}

/// One gradient's constants.
#[derive(Clone, Copy)]
struct Pass<'a> {
    arch: Arch,
    layout: &'a Layout,
    theta: Parameters<'a>,
    values: usize,
    rows: &'a Rows<'a>,
    terms: Terms,
    parts: usize,
}

impl Pass<'_> {
    /// Sums the gradients of `count` parts from `first` on into the first worker's first sum; the workers share the work.
    fn share(&self, workers: &mut [Worker], first: usize, count: usize) {
        if let [worker] = workers {
            return self.sum(worker, first, count, 0);
        }
        let (left, right) = workers.split_at_mut(workers.len() / 2);
        rayon::join(|| self.share(left, first, count / 2), || self.share(right, first + count / 2, count / 2));
        add(self.arch, &mut left[0].sums[0], &right[0].sums[0]);
    }

    /// The same on one thread, into the sum at `depth`. Counts are powers of two, so the tree is the same.
    fn sum(&self, worker: &mut Worker, first: usize, count: usize, depth: usize) {
        if count == 1 {
            return self.part(worker, first, depth);
        }
        self.sum(worker, first, count / 2, depth);
        self.sum(worker, first + count / 2, count / 2, depth + 1);
        let (sums, after) = worker.sums.split_at_mut(depth + 1);
        add(self.arch, &mut sums[depth], &after[0]);
    }

    /// Sets the sum at `depth` to the gradient of a part.
    fn part(&self, worker: &mut Worker, part: usize, depth: usize) {
        let rows = self.rows.order.len();
        let (from, to) = (part * rows / self.parts, (part + 1) * rows / self.parts);
        worker.sums[depth].1 = Losses::default();
        if from == to {
            return worker.sums[depth].0.fill(0.0);
        }
        for start in (from..to).step_by(CHUNK) {
            let chunk = Chunk { pass: self, worker, depth, from: start, to: to.min(start + CHUNK), add: start > from };
            dispatch(self.arch, chunk);
        }
    }
}

/// A few rows of a part, forward and backward.
struct Chunk<'a> {
    pass: &'a Pass<'a>,
    worker: &'a mut Worker,
    depth: usize,
    from: usize,
    to: usize,
    add: bool,
}

impl WithSimd for Chunk<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { pass, worker, depth, from, to, add } = self;
        let Pass { layout, theta, rows, terms, .. } = *pass;
        let count = to - from;
        let Worker { observations, criticized, actor, critic, softmax, sums } = worker;
        let (gradient, losses) = &mut sums[depth];
        let order = &rows.order[from..to];

        gather(&rows.batch.observations, order, layout.actor[0].inputs, observations);
        actor.forward(simd, &layout.actor, theta, observations, count);
        let (outputs, slopes, width) = actor.outputs(&layout.actor, count);
        softmax.slopes(simd, (rows, from), terms, (outputs, slopes, width), losses);
        actor.backward(simd, &layout.actor, theta, (observations, count), (gradient, add));

        if !terms.criticizes() {
            if !add {
                gradient[layout.critic[0].weight.start..].fill(0.0);
            }
            return;
        }
        gather(&rows.batch.criticized, order, layout.critic[0].inputs, criticized);
        critic.forward(simd, &layout.critic, theta, criticized, count);
        let (outputs, slopes, width) = critic.outputs(&layout.critic, count);
        terms.values((rows, from), pass.values, (outputs, slopes, width), losses);
        critic.backward(simd, &layout.critic, theta, (criticized, count), (gradient, add));
    }
}

/// Copies the rows in `order` of `values`, `[n, width]`.
#[inline(always)]
fn gather(values: &[f32], order: &[u32], width: usize, into: &mut [f32]) {
    for (into, &row) in into.chunks_exact_mut(width).zip(order) {
        into.copy_from_slice(&values[row as usize * width..][..width]);
    }
}

/// Adds a subtree's sum to its neighbour's.
fn add(arch: Arch, sum: &mut (Vec<f32>, Losses), other: &(Vec<f32>, Losses)) {
    sum.1.add(&other.1);
    dispatch(arch, Add(&mut sum.0, &other.0));
}

struct Add<'a>(&'a mut [f32], &'a [f32]);

impl WithSimd for Add<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        for (sum, other) in S::as_mut_simd_f32s(self.0).0.iter_mut().zip(S::as_simd_f32s(self.1).0) {
            *sum = simd.add_f32s(*sum, *other);
        }
    }
}

struct Name;

impl WithSimd for Name {
    type Output = &'static str;

    fn with_simd<S: Simd>(self, _: S) -> &'static str {
        match (S::F32_LANES, cfg!(target_arch = "x86_64"), cfg!(target_arch = "aarch64")) {
            (16, ..) => "avx512",
            (8, ..) => "avx2",
            (_, true, _) => "sse2",
            (_, _, true) => "neon",
            _ => "generic",
        }
    }
}

#[cfg(test)]
pub(super) mod tests;
