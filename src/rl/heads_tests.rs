use Distribution::{Beta, Categorical, Gaussian};

use super::*;
use crate::random::{Purpose, stream};

#[test]
fn choices_come_as_often_as_their_probability_says() {
    let logits = [0.0, 1.0, 2.0, 0.5, -0.5];
    let mut rng = stream(7, Purpose::Actions, 0);
    let mut counts = [0_u32; 5];
    let mut action = [0.0; 2];
    let draws = 20_000;
    for _ in 0..draws {
        let log_probability = sample(&logits, &[Categorical(3), Categorical(2)], &mut rng, &mut action);
        let exact = probability(&logits[..3], action[0]) * probability(&logits[3..], action[1]);
        assert!((f64::from(log_probability) - exact.ln()).abs() < 1e-5);
        counts[choice(action[0])] += 1;
        counts[3 + choice(action[1])] += 1;
    }
    for (i, &count) in counts.iter().enumerate() {
        let exact = if i < 3 { probability(&logits[..3], i as f32) } else { probability(&logits[3..], i as f32 - 3.0) };
        let error = (exact * (1.0 - exact) / f64::from(draws)).sqrt();
        assert!((f64::from(count) / f64::from(draws) - exact).abs() < 4.0 * error, "choice {i}");
    }
}

fn probability(logits: &[f32], number: f32) -> f64 {
    let sum: f64 = logits.iter().map(|&x| f64::from(x).exp()).sum();
    f64::from(logits[choice(number)]).exp() / sum
}

#[test]
fn a_forbidden_choice_never_comes_and_the_others_share_its_probability() {
    let heads = [Categorical(3)];
    let mask = [true, false, true];
    let mut rng = stream(3, Purpose::Actions, 0);
    let mut outputs = [0.0, 50.0, 1.0];
    forbid(&mut outputs, &mask);
    for _ in 0..2000 {
        let mut action = [9.0];
        let log_probability = sample(&outputs, &heads, &mut rng, &mut action);
        assert_ne!(choice(action[0]), 1);
        let exact = probability(&[0.0, 1.0], action[0] / 2.0).ln();
        assert!((f64::from(log_probability) - exact).abs() < 1e-6);
    }
    assert!(!forced(&heads, &mask));
    assert!(forced(&heads, &[false, false, true]));
    assert!(!forced(&[Categorical(3), Gaussian], &[false, false, true, true, true]));
    assert!(!forced(&heads, &[]));
}

#[test]
fn the_likeliest_action_is_the_largest_logit_and_the_mean() {
    let mut action = [9.0; 4];
    let third = softplus_inverse(1.0) as f32;
    let outputs = [0.0, 3.0, 1.0, 2.0, 2.0, -0.7, 0.1, third, softplus_inverse(5.0) as f32];
    likeliest(&outputs, &[Categorical(3), Categorical(2), Gaussian, Beta], &mut action);
    assert_eq!(action[..3], [1.0, 0.0, -0.7]);
    assert!((action[3] - 0.25).abs() < 1e-6, "2 of 2 + 6");
}

/// Draws have the mean and variance that the closed forms say, and the mean of `−log π` is the entropy.
#[test]
fn draws_of_continuous_heads_have_their_moments_and_entropy() {
    let (alpha, beta) = (1.0 + softplus(1.5), 1.0 + softplus(-0.3));
    let both = alpha + beta;
    let cases = [
        (Gaussian, [0.3, -1.0], 0.3, (softplus(-1.0) + LEAST_DEVIATION).powi(2)),
        (Beta, [1.5, -0.3], alpha / both, alpha * beta / (both * both * (both + 1.0))),
    ];
    for (head, outputs, mean, variance) in cases {
        let density = Density::new(head, &outputs).unwrap();
        let mut rng = stream(5, Purpose::Actions, 0);
        let draws: Vec<f32> = (0..40_000).map(|_| density.draw(&mut rng)).collect();
        let average = |of: &dyn Fn(f64) -> f64| draws.iter().map(|&x| of(x.into())).sum::<f64>() / draws.len() as f64;
        let error = (variance / draws.len() as f64).sqrt();
        assert!((average(&|x| x) - mean).abs() < 4.0 * error, "{head:?}");
        assert!((average(&|x| (x - mean).powi(2)) / variance - 1.0).abs() < 0.03, "{head:?}");
        let surprise = draws.iter().map(|&x| -density.log_probability(x)).sum::<f64>() / draws.len() as f64;
        assert!((surprise - density.entropy()).abs() < 0.02, "{head:?}: {surprise}, {}", density.entropy());
    }
}

#[test]
fn slopes_are_those_of_log_probability_and_entropy() {
    for (head, number) in [(Gaussian, 0.9_f32), (Beta, 0.15)] {
        let outputs = [0.4_f32, -0.7];
        let value = |outputs: &[f32]| {
            let density = Density::new(head, outputs).unwrap();
            2.0 * density.log_probability(number) + 0.5 * density.entropy()
        };
        let slopes = Density::new(head, &outputs).unwrap().slopes(number, 2.0, 0.5);
        for (index, slope) in slopes.into_iter().enumerate() {
            let step = 1.0 / 128.0;
            let moved = |by: f32| {
                let mut outputs = outputs;
                outputs[index] += by;
                value(&outputs)
            };
            // Richardson's extrapolation of central differences.
            let central = |step: f32| (moved(step) - moved(-step)) / (2.0 * f64::from(step));
            let exact = (4.0 * central(step) - central(2.0 * step)) / 3.0;
            assert!((slope - exact).abs() < 1e-6, "{head:?} {index}: {slope}, {exact}");
        }
    }
}

/// Computed once with PyTorch 2.15, in double precision:
/// ```python
/// o = torch.tensor([0.3, -1.2, 0.8, 0.1, 0.4, -0.7, 1.1, 0.2, -0.5], requires_grad=True)
/// m = torch.tensor([0.0, 0.0, -1e9])
/// heads = [Categorical(logits=o[:3] + m), Categorical(logits=o[3:5]), Normal(o[5], softplus(o[6]) + 1e-3),
///          Beta(1 + softplus(o[7]), 1 + softplus(o[8]))]
/// lp = sum(h.log_prob(torch.tensor(a)) for h, a in zip(heads, [1, 0, 0.9, 0.15]))
/// entropy = sum(h.entropy() for h in heads)
/// (2 * lp + 0.5 * entropy).backward(); print(lp, entropy, o.grad)
/// ```
#[test]
fn a_mixed_policy_agrees_with_pytorch() {
    let heads = [Categorical(3), Categorical(2), Gaussian, Beta];
    let mut outputs = [0.3, -1.2, 0.8, 0.1, 0.4, -0.7, 1.1, 0.2, -0.5];
    let mut mask = [true; 9];
    mask[2] = false;
    forbid(&mut outputs, &mask);
    let action = [1.0, 0.0, 0.9, 0.15];
    assert!((log_probability(&outputs, &heads, &action) + 4.906_597).abs() < 2e-6);
    let gaussian = Density::new(Gaussian, &outputs[5..7]).unwrap();
    let beta = Density::new(Beta, &outputs[7..]).unwrap();
    let slopes = [gaussian.slopes(0.9, 2.0, 0.5), beta.slopes(0.15, 2.0, 0.5)].concat();
    let torch = [1.660_203_137_06, 0.624_881_118_676, -1.308_050_867_096, 0.642_272_424_553];
    for (found, expected) in slopes.iter().zip(torch) {
        assert!((found - expected).abs() < 1e-6, "{slopes:?}");
    }
}

#[test]
fn the_first_policy_leans_to_the_number_it_is_given() {
    for (number, mean) in [(0.0_f32, 0.1), (0.6, 0.6), (1.0, 0.9)] {
        let mut outputs = [0.0; 2];
        lean(Beta, number, 0.5, &mut outputs);
        assert!((Density::new(Beta, &outputs).unwrap().mean() - mean).abs() < 1e-6);
        lean(Gaussian, number, 0.5, &mut outputs);
        assert!((Density::new(Gaussian, &outputs).unwrap().mean() - f64::from(number)).abs() < 1e-6);
    }
}
