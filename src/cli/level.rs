use crate::eval::Task;
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

/// Requests beyond which simulating them one by one takes minutes, and those that a core simulates in a second.
const MANY: f64 = 1e9;
const PER_SECOND: f64 = 5e6;

/// Warns before very many requests are simulated one by one. Each task is run `runs` times.
pub(super) fn warn_of_many(level: sim::Level, tasks: &[Task], runs: u64) {
    let one: f64 = tasks.iter().map(|task| task.workload.tasks_in(&task.test)).sum();
    let requests = one * runs as f64;
    if level == sim::Level::Requests && requests >= MANY {
        let minutes = requests / PER_SECOND / 60.0;
        tracing::warn!(
            "{:.1} billion requests will be simulated one by one, which takes about {minutes:.0} minutes of one core; \
             --level fluid is fast, and workload.scale or workload.fit_pods make them fewer",
            requests / 1e9
        );
    }
}
