//! The best static HPA by search: every combination of `[tune]`, at the fluid level, on training time only.

pub mod grid;
pub mod search;
pub mod settings;
pub mod sweep;

pub use grid::Candidate;
pub use search::{Budget, Scored, Search, search};
pub use settings::Settings;
