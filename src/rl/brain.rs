//! What decides in a policy: from an observation to one choice a head.

use super::file::{Archive, broken};
use super::gru::Gru;
use super::heads;
use super::moments::Normalizer;
use super::network::{Activation, Buffers, Layer, Mlp, Network};
use super::table::Table;
use crate::env::Distribution;
use crate::error::InputError;

/// What decides.
#[derive(Debug, Clone, PartialEq)]
#[allow(clippy::large_enum_variant, reason = "a policy has one")]
pub enum Brain {
    /// A network: the largest logit, or the largest value, of each head.
    Network(Perceptron),
    /// A table over discretised observations: the largest value among the actions tried in the state.
    Table(Table),
    /// Values beside the behaviour that was logged: the largest value among choices that the log takes.
    Batch {
        /// Values of choices.
        values: Perceptron,
        /// Logits of the logged behaviour.
        behaviour: Perceptron,
        /// Least probability of a choice, as a share of the likeliest one's.
        threshold: f32,
    },
}

/// A perceptron with its parameters and the normalisation of its inputs; its outputs are those of all heads.
#[derive(Debug, Clone, PartialEq)]
pub struct Perceptron {
    /// What it remembers, where it does; its place starts at 0.
    pub memory: Option<Gru>,
    /// The layers; their places start at 0, or behind the memory.
    pub mlp: Mlp,
    /// The parameters.
    pub theta: Vec<f32>,
    /// Normalises observations.
    pub normalizer: Normalizer,
}

impl Perceptron {
    /// The actor of a network.
    #[must_use]
    pub fn actor(network: &Network, theta: &[f32], normalizer: Normalizer) -> Self {
        let actor = Self::part(&network.actor, theta, normalizer);
        let Some(memory) = &network.memory else { return actor };
        // The memory lies at the start, the actor behind it.
        let end = network.actor.layers[network.actor.layers.len() - 1].bias.end;
        Self { memory: Some(memory.clone()), mlp: network.actor.clone(), theta: theta[..end].to_vec(), ..actor }
    }

    /// One perceptron of several in `theta`.
    #[must_use]
    pub fn part(mlp: &Mlp, theta: &[f32], normalizer: Normalizer) -> Self {
        let (start, end) = (mlp.layers[0].weight.start, mlp.layers[mlp.layers.len() - 1].bias.end);
        let mut mlp = mlp.clone();
        for layer in &mut mlp.layers {
            layer.weight = layer.weight.start - start..layer.weight.end - start;
            layer.bias = layer.bias.start - start..layer.bias.end - start;
        }
        Self { memory: None, mlp, theta: theta[start..end].to_vec(), normalizer }
    }

    /// The outputs at an observation, which is normalised in place, and remembered.
    pub fn outputs<'a>(&self, observation: &mut [f32], buffers: &'a mut Buffers) -> &'a [f32] {
        self.normalizer.apply(observation);
        if let Some(memory) = &self.memory {
            let Buffers { memory: kept, gates, .. } = buffers;
            kept.resize(memory.width(), 0.0);
            memory.step(&self.theta, observation, kept, gates);
        }
        self.outputs_again(observation, buffers)
    }

    /// The outputs at a normalised observation that it has just been shown.
    pub fn outputs_again<'a>(&self, observation: &[f32], buffers: &'a mut Buffers) -> &'a [f32] {
        if self.memory.is_none() {
            return self.mlp.forward(&self.theta, observation, buffers);
        }
        let inputs = [observation, &buffers.memory].concat();
        self.mlp.forward(&self.theta, &inputs, buffers)
    }

    /// The layers by name.
    fn layers<'a>(&'a self, name: &'a str) -> impl Iterator<Item = (String, &'a Layer)> {
        let numbered = move |(index, layer)| (format!("{name}.{index}"), layer);
        let memory = self.memory.iter().flat_map(|memory| {
            [("memory.input".to_owned(), &memory.input), ("memory.state".to_owned(), &memory.state)]
        });
        memory.chain(self.mlp.layers.iter().enumerate().map(numbered))
    }

    fn pack(&self, name: &str, archive: &mut Archive) {
        for (name, layer) in self.layers(name) {
            let shape = [layer.inputs, layer.outputs];
            archive.insert(&format!("{name}.weight"), &shape, &self.theta[layer.weight.clone()]);
            archive.insert(&format!("{name}.bias"), &[layer.outputs], &self.theta[layer.bias.clone()]);
        }
        archive.insert("observation.mean", &[self.normalizer.mean.len()], &self.normalizer.mean);
        archive.insert("observation.scale", &[self.normalizer.scale.len()], &self.normalizer.scale);
    }

    fn unpack(name: &str, shape: &Shape<'_>, archive: &Archive) -> Result<Self, InputError> {
        let network = Network::remembering(shape.observation, 0, shape.heads, shape.hidden, 1, shape.memory)
            .activated(shape.activation);
        let normalizer = Normalizer {
            mean: archive.values("observation.mean", shape.observation)?.to_vec(),
            scale: archive.values("observation.scale", shape.observation)?.to_vec(),
        };
        let empty = Self::actor(&network, &vec![0.0; network.parameters], normalizer);
        let mut theta = empty.theta.clone();
        for (name, layer) in empty.layers(name) {
            for (part, range) in [("weight", &layer.weight), ("bias", &layer.bias)] {
                theta[range.clone()].copy_from_slice(archive.values(&format!("{name}.{part}"), range.len())?);
            }
        }
        Ok(Self { theta, ..empty })
    }
}

/// What a file must fit.
#[derive(Debug, Clone, Copy, Default)]
pub struct Shape<'a> {
    /// Values of an observation.
    pub observation: usize,
    /// What the heads are drawn from.
    pub heads: &'a [Distribution],
    /// Widths of hidden layers.
    pub hidden: &'a [usize],
    /// What stands between them.
    pub activation: Activation,
    /// Numbers that it remembers; 0 is none.
    pub memory: usize,
}

impl Brain {
    /// The choices at an observation, which may be normalised in place. `keep` is what a table does where it has tried
    /// nothing.
    pub fn act(
        &self,
        observation: &mut [f32],
        heads: &[Distribution],
        keep: &[f32],
        buffers: &mut Buffers,
        action: &mut [f32],
    ) {
        match self {
            Self::Network(actor) => heads::likeliest(actor.outputs(observation, buffers), heads, action),
            Self::Table(table) => table.act(observation, heads, keep, action),
            Self::Batch { values, behaviour, threshold } => {
                values.normalizer.apply(observation);
                let allowed = behaviour.mlp.forward(&behaviour.theta, observation, buffers).to_vec();
                let values = values.mlp.forward(&values.theta, observation, buffers);
                constrained(values, &allowed, heads, *threshold, action);
            }
        }
    }

    /// Numbers that it remembers from decision to decision.
    #[must_use]
    pub fn remembers(&self) -> usize {
        match self {
            Self::Network(actor) => actor.memory.as_ref().map_or(0, Gru::width),
            Self::Table(_) | Self::Batch { .. } => 0,
        }
    }

    /// Whether it normalises the observation that it acts on by the moments of those it has learned from.
    #[must_use]
    pub fn normalizes(&self) -> bool {
        match self {
            Self::Network(actor) => !actor.normalizer.is_identity(),
            Self::Batch { values, .. } => !values.normalizer.is_identity(),
            Self::Table(_) => false,
        }
    }

    /// Puts it into a file.
    pub fn pack(&self, archive: &mut Archive) {
        match self {
            Self::Network(actor) => actor.pack("actor", archive),
            Self::Table(table) => table.pack(archive),
            Self::Batch { values, behaviour, threshold } => {
                values.pack("values", archive);
                behaviour.pack("behaviour", archive);
                archive.insert("threshold", &[1], &[*threshold]);
            }
        }
    }

    /// Reads what [`pack`](Self::pack) wrote; the file's tensors say which kind it is.
    ///
    /// # Errors
    /// A tensor is missing or of another size; what is no network remembers something.
    pub fn unpack(shape: &Shape<'_>, archive: &Archive) -> Result<Self, InputError> {
        let has = |name: &str| archive.tensors.contains_key(name);
        if !has("table.values") && !has("values.0.weight") {
            return Perceptron::unpack("actor", shape, archive).map(Self::Network);
        }
        if shape.memory > 0 {
            let problem = format!("it remembers {} numbers, which only a network's actor can", shape.memory);
            return Err(broken(problem).field("memory"));
        }
        if has("table.values") {
            return Table::unpack(shape, archive).map(Self::Table);
        }
        let threshold = archive.values("threshold", 1)?[0];
        if !(0.0..=1.0).contains(&threshold) {
            return Err(broken(format!("its threshold is {threshold}")));
        }
        Ok(Self::Batch {
            values: Perceptron::unpack("values", shape, archive)?,
            behaviour: Perceptron::unpack("behaviour", shape, archive)?,
            threshold,
        })
    }
}

/// The largest value of each head among the choices whose probability is at least `threshold` times the likeliest
/// one's. Source: Fujimoto et al., arXiv:1910.01708, eq. 4, head by head.
pub(super) fn constrained(
    values: &[f32],
    behaviour: &[f32],
    heads: &[Distribution],
    threshold: f32,
    action: &mut [f32],
) {
    let mut from = 0;
    for (size, choice) in heads.iter().map(|head| head.outputs()).zip(action) {
        let (values, logits) = (&values[from..from + size], &behaviour[from..from + size]);
        let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let allowed = (0..size).filter(|&i| (logits[i] - most).exp() >= threshold);
        let best = allowed.reduce(|best, i| if values[i] > values[best] { i } else { best });
        *choice = best.unwrap_or(0) as f32;
        from += size;
    }
}

#[cfg(test)]
#[allow(clippy::float_cmp, reason = "choices are whole numbers")]
mod tests {
    use super::*;

    #[test]
    fn a_choice_that_the_log_hardly_takes_is_not_taken_however_good_it_seems() {
        let mut action = [9.0; 2];
        let heads = [3, 2].map(Distribution::Categorical);
        let (values, behaviour) = ([1.0, 9.0, 2.0, 5.0, 0.0], [0.0, -3.0, -0.1, 1.0, 1.0]);
        constrained(&values, &behaviour, &heads, 0.3, &mut action);
        assert_eq!(action, [2.0, 0.0]);
        constrained(&values, &behaviour, &heads, 0.0, &mut action);
        assert_eq!(action, [1.0, 0.0]);
    }
}
