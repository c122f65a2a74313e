//! What the parts of an action are drawn from.

/// The distribution of one part of an action, a *head*. An action is one number a head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Distribution {
    /// One of so many choices, at most 2²⁴; the number is the choice's index. The network gives each a logit.
    Categorical(usize),
    /// Any number; the environment cuts it to its range. The network gives mean and standard deviation.
    Gaussian,
    /// A number between 0 and 1. The network gives both shape parameters, each above 1.
    Beta,
}

impl Distribution {
    /// Number of the network's outputs that describe it.
    #[must_use]
    pub fn outputs(self) -> usize {
        match self {
            Self::Categorical(choices) => choices,
            Self::Gaussian | Self::Beta => 2,
        }
    }
}

/// The choice that a categorical head's number stands for.
#[must_use]
pub fn choice(number: f32) -> usize {
    number as usize
}
