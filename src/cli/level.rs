use crate::sim;

/// How closely requests are simulated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Level {
    /// Requests flow as a fluid through queues in closed form
    Fluid,
    /// Every request arrives, waits, computes and leaves by itself
    Requests,
}

impl From<Level> for sim::Level {
    fn from(level: Level) -> Self {
        match level {
            Level::Fluid => Self::Fluid,
            Level::Requests => Self::Requests,
        }
    }
}
