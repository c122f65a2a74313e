use candle_core::{Device, Var};
use pulp::Arch;
use rand::RngExt;

use super::custom::Loss;
use super::*;
use crate::env::Distribution;
use crate::random::{Purpose, stream};
use crate::rl::course::gather;
use crate::rl::gradient::{Minibatch, Surrogate, gradient};
use crate::rl::heads::{forced, log_probability, sample};
use crate::rl::network::{Activation, Buffers};

pub(in crate::rl) const CLIPPED: Objective =
    Objective { surrogate: Surrogate::Clipped { clip: 0.2 }, value: 0.5, entropy: 0.01, reference_kl: 0.3 };
const PLAIN: Objective = Objective { surrogate: Surrogate::Plain, ..CLIPPED };

/// Every kind of head, alone and mixed.
pub(in crate::rl) fn kinds() -> [Vec<Distribution>; 4] {
    use Distribution::{Beta, Categorical, Gaussian};
    [
        vec![Categorical(6), Categorical(5), Categorical(9)],
        vec![Gaussian; 3],
        vec![Beta; 2],
        vec![Categorical(4), Beta, Gaussian, Categorical(3)],
    ]
}

/// A network of odd sizes, its critic other than its actor, and rows whose actions it has drawn under other parameters.
pub(in crate::rl) struct Case {
    pub(in crate::rl) network: Network,
    pub(in crate::rl) theta: Vec<f32>,
    pub(in crate::rl) batch: Minibatch,
}

pub(in crate::rl) fn case(heads: &[Distribution], rows: usize, masked: bool, seed: u64) -> Case {
    let network = Network::new(7, 3, heads, &[20, 13], 2).criticized_by(&[9, 24, 5]);
    let mut rng = stream(seed, Purpose::Actions, 0);
    let mut draw = |count: usize, spread: f32| (0..count).map(|_| spread * (rng.random::<f32>() - 0.5)).collect();
    let near = |theta: &[f32], noise: Vec<f32>| theta.iter().zip(noise).map(|(a, b)| a + b).collect::<Vec<f32>>();
    let old: Vec<f32> = near(&network.initialize(seed, &vec![0.0; heads.len()], 0.3), draw(network.parameters, 0.5));
    let theta = near(&old, draw(network.parameters, 0.1));
    let mut batch = Minibatch {
        observations: draw(rows * 7, 2.0),
        criticized: draw(rows * 10, 2.0),
        advantages: draw(rows, 3.0),
        returns: draw(rows * 2, 4.0),
        ..Minibatch::default()
    };
    let away: Vec<f32> = draw(rows, 0.6);
    let outputs = network.actor.forward(&old, &batch.observations, &mut Buffers::default()).to_vec();
    for (row, outputs) in outputs.chunks_exact(network.actor.outputs()).enumerate() {
        let mut outputs = outputs.to_vec();
        if masked {
            let mut mask: Vec<bool> = outputs.iter().map(|_| rng.random::<f32>() < 0.6).collect();
            let mut from = 0;
            for head in heads {
                let own = &mut mask[from..from + head.outputs()];
                from += head.outputs();
                if matches!(head, Distribution::Categorical(_)) {
                    // Some rows are left with one action.
                    for allowed in own.iter_mut() {
                        *allowed &= row % 5 != 0;
                    }
                    own[row % head.outputs()] = true;
                } else {
                    own.fill(true);
                }
            }
            crate::rl::heads::forbid(&mut outputs, &mask);
            batch.forced.push(forced(heads, &mask));
            batch.masks.extend(mask);
        }
        let mut action = vec![0.0; heads.len()];
        let probability = sample(&outputs, heads, &mut rng, &mut action);
        assert!((probability - log_probability(&outputs, heads, &action)).abs() < 1e-5);
        batch.log_probabilities.push(probability);
        batch.reference_log_probabilities.push(probability + away[row]);
        batch.actions.extend(action);
    }
    Case { network, theta, batch }
}

impl Case {
    fn fused(&self, arch: Arch, objective: Objective) -> (Losses, Vec<f32>) {
        let order: Vec<u32> = (0..self.batch.rows() as u32).collect();
        let rows = Rows { batch: &self.batch, order: &order, advantages: &self.batch.advantages };
        let mut gradient = vec![f32::NAN; self.theta.len()];
        let losses = Fused::with(&self.network, arch).gradient(&self.theta, &rows, objective, &mut gradient);
        (losses, gradient)
    }
}

/// `|a − b| / |b|` in the Euclidean norm.
pub(in crate::rl) fn distance(a: &[f32], b: &[f32]) -> f64 {
    let square = |values: &mut dyn Iterator<Item = f32>| values.map(|x| f64::from(x).powi(2)).sum::<f64>();
    (square(&mut a.iter().zip(b).map(|(a, b)| a - b)) / square(&mut b.iter().copied())).sqrt()
}

/// Every instruction set that this machine has.
fn archs() -> Vec<Arch> {
    let mut archs = vec![Arch::new(), Arch::Scalar];
    #[cfg(target_arch = "x86_64")]
    archs.extend(pulp::x86::V3::try_new().map(Arch::V3));
    archs
}

#[test]
fn it_agrees_with_the_graph_for_every_head_and_objective_on_every_instruction_set() {
    for (index, heads) in kinds().iter().enumerate() {
        for combination in 0..8 {
            let masked = combination % 2 == 1;
            let objective = if combination / 2 % 2 == 0 { CLIPPED } else { PLAIN };
            let activation = if combination < 4 { Activation::Tanh } else { Activation::Relu };
            let mut case = case(heads, 333, masked, index as u64);
            case.network = case.network.activated(activation);
            let (expected, graph) = gradient(&case.network, &case.theta, &case.batch, objective, &Device::Cpu).unwrap();
            for arch in archs() {
                let (losses, fused) = case.fused(arch, objective);
                let what = format!("{heads:?}, masked {masked}, {activation:?}, {objective:?}, {arch:?}");
                let pairs = [
                    (losses.total, expected.total),
                    (losses.value, expected.value),
                    (losses.entropy, expected.entropy),
                    (losses.kl, expected.kl),
                    (losses.clipped, expected.clipped),
                    (losses.reference_kl, expected.reference_kl),
                ];
                // e^q carries the rounding of q, a difference of log-probabilities that are sums of large terms.
                let bound =
                    |index: usize| if [0, 5].contains(&index) && objective.reference_kl > 0.0 { 5e-6 } else { 1e-6 };
                for (index, (found, expected)) in pairs.into_iter().enumerate() {
                    // Entropies of densities may cancel, and (r − 1) − ln r is what is left of two numbers of order one.
                    let rest = if [2, 3].contains(&index) { 1e-7 } else { 0.0 };
                    let apart = (found - expected).abs();
                    assert!(apart <= bound(index) * expected.abs() + rest, "{index}: {found} {expected}: {what}");
                }
                let distance = distance(&fused, &graph);
                assert!(distance < 1e-5, "{distance:e}: {what}");
            }
        }
    }
}

#[test]
fn a_critic_that_weighs_nothing_has_no_gradient() {
    let case = case(&kinds()[0], 200, false, 3);
    let objective = Objective { value: 0.0, ..CLIPPED };
    let (_, fused) = case.fused(Arch::new(), objective);
    let (_, graph) = gradient(&case.network, &case.theta, &case.batch, objective, &Device::Cpu).unwrap();
    assert!(distance(&fused, &graph) < 1e-5);
    assert!(fused[case.network.critic.layers[0].weight.start..].iter().all(|g| g.abs() < f32::EPSILON));
}

#[test]
fn the_same_bits_come_from_any_number_of_threads() {
    for rows in [1, 63, 256, 1000, 5000] {
        let case = case(&kinds()[3], rows, true, 5);
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| case.fused(Arch::new(), CLIPPED))
        };
        let one = run(1);
        for threads in [2, 3, 8, 20] {
            assert_eq!(one, run(threads), "{rows} rows, {threads} threads");
        }
    }
}

#[test]
fn rows_are_learned_from_in_any_order_and_number() {
    let case = case(&kinds()[0], 300, false, 7);
    let order: Vec<u32> = (0..150).map(|i| (i * 7 + 3) % 300).collect();
    let advantages: Vec<f32> = order.iter().map(|&row| case.batch.advantages[row as usize]).collect();
    let rows = Rows { batch: &case.batch, order: &order, advantages: &advantages };
    let mut fused = vec![0.0; case.theta.len()];
    Fused::new(&case.network).gradient(&case.theta, &rows, CLIPPED, &mut fused);
    let alone = gather(&rows, &case.network);
    let (_, graph) = gradient(&case.network, &case.theta, &alone, CLIPPED, &Device::Cpu).unwrap();
    assert!(distance(&fused, &graph) < 1e-5);
}

#[test]
fn candle_differentiates_it_as_an_operation_of_its_graph() {
    let case = case(&kinds()[3], 128, false, 9);
    let theta = Var::new(case.theta.as_slice(), &Device::Cpu).unwrap();
    let loss = theta.apply_op1(Loss::new(case.network.clone(), case.batch.clone(), PLAIN)).unwrap();
    let doubled = (loss.clone() * 2.0).unwrap().backward().unwrap();
    let found = doubled.get(&theta).unwrap().to_vec1::<f32>().unwrap();
    let (losses, gradient) = case.fused(Arch::new(), PLAIN);
    assert!((f64::from(loss.to_scalar::<f32>().unwrap()) - losses.total).abs() < 1e-6);
    let twice: Vec<f32> = gradient.iter().map(|g| 2.0 * g).collect();
    assert!(distance(&found, &twice) < 1e-6);
}

#[test]
fn exp_and_tanh_of_vectors_are_exact_to_single_precision() {
    struct Map(Vec<f32>, fn(f64) -> f64, bool);
    impl WithSimd for Map {
        type Output = ();
        fn with_simd<S: Simd>(self, simd: S) {
            let mut values = self.0.clone();
            for x in S::as_mut_simd_f32s(&mut values).0 {
                *x = if self.2 { math::exp(simd, *x) } else { math::tanh(simd, *x) };
            }
            for (x, y) in self.0.iter().zip(values) {
                let exact = self.1(f64::from(*x));
                assert!((f64::from(y) - exact).abs() <= 4e-7 * if self.2 { exact } else { 1.0 }, "{x}: {y}, {exact}");
            }
        }
    }
    for arch in archs() {
        dispatch(
            arch,
            Map((-8600..8700).map(|i| i as f32 * 0.01).collect::<Vec<_>>()[..17_296].to_vec(), f64::exp, true),
        );
        dispatch(arch, Map((-8000..8000).map(|i| i as f32 * 1e-3).collect(), f64::tanh, false));
    }
}

/// Computed once with PyTorch 2.15, in double precision:
/// ```python
/// n = 40
/// wave = lambda i, k: (i * (2 * k + 3)) % 23 / 11 - 1
/// column = lambda k: torch.tensor([wave(i, k) for i in range(n)])
/// matrix = lambda w: torch.tensor([[wave(i * w + j, j) for j in range(w)] for i in range(n)])
/// theta = torch.tensor([0.4 * ((i * 37 % 19) / 9 - 1) + off for i in range(196)], requires_grad=True)  # relu: 0.01
/// # for act in (torch.tanh, torch.relu):
/// o, v = mlp(matrix(4), [4, 6, 5, 7]), mlp(matrix(6), [6, 6, 5, 2])  # x @ w + b, row by row in theta; act between, tanh or relu
/// heads = [Categorical(logits=o[:, :3]), Normal(o[:, 3], softplus(o[:, 4]) + 1e-3),
///          Beta(1 + softplus(o[:, 5]), 1 + softplus(o[:, 6]))]
/// actions = [torch.tensor([i % 3 for i in range(n)]), column(5), 0.5 + 0.45 * column(6)]
/// lp, entropy = sum(h.log_prob(a) for h, a in zip(heads, actions)), sum(h.entropy() for h in heads)
/// ratio, a = torch.exp(lp - (-2 + 0.8 * column(1))), column(2)
/// clipped = torch.minimum(ratio * a, ratio.clamp(0.8, 1.2) * a)
/// q = (-1.9 + 0.5 * column(4)) - lp
/// for s in (clipped, lp * a):
///     loss = (-s.mean() + 0.5 * 0.5 * ((v - matrix(2)) ** 2).sum(1).mean() - 0.01 * entropy.mean()
///             + 0.3 * (q.exp() - q - 1).mean())
///     theta.grad = None; loss.backward(retain_graph=True); g = theta.grad
///     print(loss, g.norm(), sum(g[i] * wave(i, 1) for i in range(196)))
/// ```
#[test]
fn loss_and_gradient_agree_with_pytorch_in_both_executors() {
    use Distribution::{Beta, Categorical, Gaussian};
    let wave = |i: usize, k: usize| ((i * (2 * k + 3)) % 23) as f32 / 11.0 - 1.0;
    let column = |k: usize, from: f32, by: f32| (0..40).map(|i| from + by * wave(i, k)).collect::<Vec<f32>>();
    let matrix = |width: usize| (0..40 * width).map(|i| wave(i, i % width)).collect::<Vec<f32>>();
    let network = Network::new(4, 2, &[Categorical(3), Gaussian, Beta], &[6, 5], 2);
    let theta: Vec<f32> = (0..network.parameters).map(|i| 0.4 * ((i * 37 % 19) as f32 / 9.0 - 1.0)).collect();
    let batch = Minibatch {
        observations: matrix(4),
        criticized: matrix(6),
        actions: (0..40).flat_map(|i| [(i % 3) as f32, wave(i, 5), 0.5 + 0.45 * wave(i, 6)]).collect(),
        log_probabilities: column(1, -2.0, 0.8),
        advantages: column(2, 0.0, 1.0),
        returns: matrix(2),
        reference_log_probabilities: column(4, -1.9, 0.5),
        ..Minibatch::default()
    };
    let torch = [
        (Activation::Tanh, CLIPPED, [0.421_775_612_393_036, 0.628_279_506_594_23, 0.464_525_061_889_01]),
        (Activation::Tanh, PLAIN, [0.266_243_062_206_452, 0.417_541_048_388_978, 0.100_747_729_113_454]),
        (Activation::Relu, CLIPPED, [0.432_042_616_196_382, 0.628_254_983_179_203, 0.325_347_473_223_015]),
        (Activation::Relu, PLAIN, [0.271_797_888_107, 0.424_227_067_292_234, -0.053_242_599_312_498]),
    ];
    for (activation, objective, expected) in torch {
        // Away from sums of 0, where relu has no slope.
        let off = if activation == Activation::Relu { 0.01 } else { 0.0 };
        let theta = theta.iter().map(|parameter| parameter + off).collect();
        let (network, batch) = (network.clone().activated(activation), batch.clone());
        let case = Case { network, theta, batch };
        let graph = gradient(&case.network, &case.theta, &case.batch, objective, &Device::Cpu).unwrap();
        for (losses, gradient) in [case.fused(Arch::new(), objective), graph] {
            let norm = gradient.iter().map(|&g| f64::from(g).powi(2)).sum::<f64>().sqrt();
            let projection: f64 = gradient.iter().enumerate().map(|(i, &g)| f64::from(g * wave(i, 1))).sum();
            for (found, expected) in [losses.total, norm, projection].into_iter().zip(expected) {
                assert!((found - expected).abs() < 5e-6, "{found} is not {expected} of {activation:?}, {objective:?}");
            }
        }
    }
}
