//! Judging: the experiment runner, the search for the best static HPA, the clairvoyant optimum, statistics, gates.

pub mod beam;
pub mod calibrate;
mod comparing;
pub mod contender;
mod deciding;
pub mod evolve;
pub mod flat;
pub mod gates;
pub mod guard;
pub mod nature;
pub mod oracle;
pub mod outlook;
pub mod runner;
pub mod settled;
pub mod split;
pub mod standing;
pub mod start;
pub mod stats;
pub mod stress;
pub mod summary;
pub mod task;
pub mod tune;
pub mod unit;

#[cfg(test)]
mod tests;

pub use comparing::{Static, statics};
pub use contender::{Contender, World};
pub use nature::Nature;
pub use runner::{Comparison, Results};
pub use standing::Standing;
pub use summary::{Summary, summarize};
pub use task::{Task, tasks};
pub use unit::Unit;
