use super::*;

#[test]
fn weights_are_orthogonal_with_their_gain() {
    for (inputs, outputs) in [(5, 9), (9, 5), (6, 6)] {
        let w = orthogonal(inputs, outputs, 2.0, 1, 0);
        let at = |i: usize, j: usize| f64::from(w[i * outputs + j]);
        let few = inputs.min(outputs);
        for a in 0..few {
            for b in 0..few {
                let dot: f64 = (0..inputs.max(outputs))
                    .map(|k| if inputs <= outputs { at(a, k) * at(b, k) } else { at(k, a) * at(k, b) })
                    .sum();
                assert!((dot - if a == b { 4.0 } else { 0.0 }).abs() < 1e-5);
            }
        }
    }
}

#[test]
fn the_first_policy_gives_the_present_hpa_its_share() {
    let heads = [4, 2].map(Distribution::Categorical);
    let network = Network::new(3, 0, &heads, &[8], 1);
    let theta = network.initialize(0, &[2.0, 1.0], 0.7);
    let mut buffers = Buffers::default();
    let logits = network.actor.forward(&theta, &[0.0; 3], &mut buffers);
    let total: f32 = logits[..4].iter().map(|x| x.exp()).sum();
    assert!((logits[2].exp() / total - 0.7).abs() < 1e-5);
    let total: f32 = logits[4..].iter().map(|x| x.exp()).sum();
    assert!((logits[5].exp() / total - 0.7).abs() < 1e-5);
}

#[test]
fn a_forward_pass_agrees_with_its_definition_for_any_number_of_rows() {
    let heads = [5, 6].map(Distribution::Categorical);
    for activation in [Activation::Tanh, Activation::Relu] {
        let network = Network::new(7, 2, &heads, &[13, 16], 1).activated(activation);
        let theta = network.initialize(3, &[0.0, 0.0], 0.5);
        let x: Vec<f32> = (0..9 * 7).map(|i| ((i * 31) % 17) as f32 * 0.2 - 1.5).collect();
        let mut buffers = Buffers::default();
        let all = network.actor.forward(&theta, &x, &mut buffers).to_vec();
        for (row, x) in x.chunks(7).enumerate() {
            let alone = network.actor.forward(&theta, x, &mut buffers).to_vec();
            assert_eq!(alone, all[row * 11..(row + 1) * 11], "a row does not depend on its neighbours");
            let exact = definition(&network.actor, &theta, x);
            alone.iter().zip(exact).for_each(|(a, b)| assert!((f64::from(*a) - b).abs() < 1e-5));
        }
    }
}

/// Widths with whole groups of vectors, with one vector less, with a few outputs more, and with one row.
#[test]
fn a_forward_pass_gives_the_same_bits_on_every_instruction_set() {
    for (hidden, rows) in [([64, 64], 8), ([32, 41], 7), ([24, 17], 3), ([9, 3], 1)] {
        let network = Network::new(13, 0, &[Distribution::Categorical(9)], &hidden, 1);
        let theta: Vec<f32> = (0..network.parameters).map(|i| 0.3 * ((i * 37 % 101) as f32 / 50.0 - 1.0)).collect();
        let x: Vec<f32> = (0..rows * 13).map(|i| (i * 29 % 97) as f32 / 24.0 - 2.0).collect();
        let run = |arch: Arch| {
            let mut buffers = Buffers::default();
            dispatch(arch, Forward { mlp: &network.actor, theta: &theta, x: &x, rows, buffers: &mut buffers });
            buffers.front[..rows * 9].iter().map(|value| value.to_bits()).collect::<Vec<u32>>()
        };
        assert_eq!(run(Arch::new()), run(Arch::Scalar), "{hidden:?}");
    }
}

#[test]
fn a_critic_of_other_widths_keeps_its_activation_whichever_comes_first() {
    let network = || Network::new(3, 1, &[Distribution::Categorical(2)], &[8], 1);
    let (first, last) =
        (network().activated(Activation::Relu).criticized_by(&[5, 4]), network().criticized_by(&[5, 4]));
    assert_eq!(first, last.activated(Activation::Relu));
    assert_eq!(first.critic.layers.len(), 3);
}

fn definition(mlp: &Mlp, theta: &[f32], x: &[f32]) -> Vec<f64> {
    let mut x: Vec<f64> = x.iter().map(|&x| f64::from(x)).collect();
    for (index, layer) in mlp.layers.iter().enumerate() {
        let (w, b) = (&theta[layer.weight.clone()], &theta[layer.bias.clone()]);
        x = (0..layer.outputs)
            .map(|o| {
                let sum: f64 = x.iter().enumerate().map(|(i, x)| x * f64::from(w[i * layer.outputs + o])).sum();
                let y = sum + f64::from(b[o]);
                match mlp.activation {
                    _ if index + 1 == mlp.layers.len() => y,
                    Activation::Tanh => y.tanh(),
                    Activation::Relu => y.max(0.0),
                }
            })
            .collect();
    }
    x
}
