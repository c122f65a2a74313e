use super::*;
use crate::env::Distribution;
use crate::rl::network::Mlp;

const CLIPPED: Surrogate = Surrogate::Clipped { clip: 0.2 };

/// Two heads, two values, a few rows, some of them beyond the clip on either side.
fn case() -> (Network, Vec<f32>, Minibatch, Objective) {
    let network = Network::new(4, 2, &[3, 2].map(Distribution::Categorical), &[6, 5], 2);
    let mut theta = network.initialize(11, &[0.0, 1.0], 0.6);
    // Away from the small first head, so that the policy depends on the observation.
    theta.iter_mut().enumerate().for_each(|(i, w)| *w += 0.3 * ((i * 37 % 19) as f32 / 9.0 - 1.0));
    let rows = 300;
    let wave = |i: usize, k: usize| ((i * (2 * k + 3)) % 23) as f32 / 11.0 - 1.0;
    let column = |k: usize| (0..rows).map(|i| wave(i, k)).collect::<Vec<f32>>();
    let matrix = |width: usize| (0..rows * width).map(|i| wave(i, i % width)).collect::<Vec<f32>>();
    let batch = Minibatch {
        observations: matrix(4),
        criticized: matrix(6),
        actions: (0..rows).flat_map(|i| [(i % 3) as f32, (i / 3 % 2) as f32]).collect(),
        masks: Vec::new(),
        forced: Vec::new(),
        memory: Remembered::default(),
        log_probabilities: column(1).iter().map(|x| -1.8 + 0.8 * x).collect(),
        advantages: column(2),
        returns: matrix(2),
        reference_log_probabilities: column(4).iter().map(|x| -1.9 + 0.5 * x).collect(),
    };
    (network, theta, batch, Objective { surrogate: CLIPPED, value: 0.5, entropy: 0.01, reference_kl: 0.3 })
}

/// The loss as its definition has it, in double precision and with nothing shared.
fn definition(network: &Network, theta: &[f64], batch: &Minibatch, objective: Objective) -> f64 {
    let rows = batch.rows();
    let mut loss = 0.0;
    for row in 0..rows {
        let wide = |values: &[f32], width: usize| -> Vec<f64> {
            values[row * width..(row + 1) * width].iter().map(|&x| f64::from(x)).collect()
        };
        let logits = forward(&network.actor, theta, wide(&batch.observations, 4));
        let values = forward(&network.critic, theta, wide(&batch.criticized, 6));
        let (mut log_probability, mut entropy, mut from) = (0.0, 0.0, 0);
        for (head, size) in network.heads.iter().map(|head| head.outputs()).enumerate() {
            let logits = &logits[from..from + size];
            let sum: f64 = logits.iter().map(|x| x.exp()).sum();
            log_probability += logits[batch.actions[row * 2 + head] as usize] - sum.ln();
            entropy -= logits.iter().map(|x| x.exp() / sum * (x - sum.ln())).sum::<f64>();
            from += size;
        }
        let ratio = (log_probability - f64::from(batch.log_probabilities[row])).exp();
        let advantage = f64::from(batch.advantages[row]);
        let surrogate = match objective.surrogate {
            Surrogate::Clipped { clip } => (ratio * advantage).min(ratio.clamp(1.0 - clip, 1.0 + clip) * advantage),
            Surrogate::Plain => log_probability * advantage,
        };
        let errors = values.iter().zip(wide(&batch.returns, 2)).map(|(value, target)| (value - target).powi(2));
        let q = f64::from(batch.reference_log_probabilities[row]) - log_probability;
        loss += -surrogate + objective.value * 0.5 * errors.sum::<f64>() - objective.entropy * entropy
            + objective.reference_kl * (q.exp() - q - 1.0);
    }
    loss / rows as f64
}

fn forward(mlp: &Mlp, theta: &[f64], mut x: Vec<f64>) -> Vec<f64> {
    for (index, layer) in mlp.layers.iter().enumerate() {
        let (w, b) = (&theta[layer.weight.clone()], &theta[layer.bias.clone()]);
        let output = |o: usize| b[o] + x.iter().enumerate().map(|(i, x)| x * w[i * layer.outputs + o]).sum::<f64>();
        let y: Vec<f64> = (0..layer.outputs).map(output).collect();
        x = if index + 1 < mlp.layers.len() { y.into_iter().map(f64::tanh).collect() } else { y };
    }
    x
}

/// The clipped and the plain surrogate on the same case.
fn cases() -> [(Network, Vec<f32>, Minibatch, Objective); 2] {
    let plain = |(network, theta, batch, objective): (_, _, _, Objective)| {
        (network, theta, batch, Objective { surrogate: Surrogate::Plain, ..objective })
    };
    [case(), plain(case())]
}

#[test]
fn the_loss_is_its_definition() {
    for (network, theta, batch, objective) in cases() {
        let (losses, _) = gradient(&network, &theta, &batch, objective, &Device::Cpu).unwrap();
        let exact: Vec<f64> = theta.iter().map(|&x| f64::from(x)).collect();
        assert!((losses.total - definition(&network, &exact, &batch, objective)).abs() < 1e-5);
        if objective.surrogate == CLIPPED {
            assert!(losses.clipped > 0.3 && losses.clipped < 0.9, "rows lie on both sides: {}", losses.clipped);
        }
    }
}

#[test]
fn the_gradient_is_the_slope_of_the_definition() {
    for (network, theta, batch, objective) in cases() {
        let (_, gradient) = gradient(&network, &theta, &batch, objective, &Device::Cpu).unwrap();
        let mut exact: Vec<f64> = theta.iter().map(|&x| f64::from(x)).collect();
        let step = 1e-6;
        let (mut errors, mut norm) = (0.0, 0.0);
        for i in 0..exact.len() {
            let middle = exact[i];
            exact[i] = middle + step;
            let up = definition(&network, &exact, &batch, objective);
            exact[i] = middle - step;
            let slope = (up - definition(&network, &exact, &batch, objective)) / (2.0 * step);
            exact[i] = middle;
            errors += (slope - f64::from(gradient[i])).powi(2);
            norm += slope * slope;
        }
        let relative = f64::sqrt(errors / norm);
        assert!(relative < 1e-5, "relative error {relative:e} of {:?}", objective.surrogate);
    }
}

#[test]
fn terms_that_weigh_nothing_need_no_rows() {
    let (network, theta, mut batch, objective) = case();
    let alone = Objective { value: 0.0, reference_kl: 0.0, ..objective };
    let with = gradient(&network, &theta, &batch, alone, &Device::Cpu).unwrap();
    batch.returns.clear();
    batch.criticized.clear();
    batch.reference_log_probabilities.clear();
    assert_eq!(with, gradient(&network, &theta, &batch, alone, &Device::Cpu).unwrap());
    let critic = network.critic.layers[0].weight.start;
    assert!(with.1[critic..].iter().all(|g| g.abs() < f32::EPSILON));
}

#[test]
fn the_gradient_does_not_depend_on_the_number_of_threads() {
    let (network, theta, batch, objective) = case();
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| gradient(&network, &theta, &batch, objective, &Device::Cpu).unwrap())
    };
    assert_eq!(run(1), run(3));
}

#[test]
fn nothing_is_learned_from_rows_beyond_the_clip_whose_advantage_agrees() {
    let (network, theta, mut batch, objective) = case();
    batch.advantages.fill(1.0);
    batch.log_probabilities.fill(-30.0);
    let objective = Objective { entropy: 0.0, reference_kl: 0.0, ..objective };
    let (_, gradient) = gradient(&network, &theta, &batch, objective, &Device::Cpu).unwrap();
    let critic = network.critic.layers[0].weight.start;
    assert!(gradient[..critic].iter().all(|g| g.abs() < f32::EPSILON));
    assert!(gradient[critic..].iter().any(|g| g.abs() > 1e-4));
}
