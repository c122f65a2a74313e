//! Results as people read them: numbers with a sensible number of digits, and aligned tables.
//!
//! What `replay`, `tune` and `evaluate` print on a terminal goes through here, so that one figure looks alike everywhere.

pub mod decision;
pub mod decisions;
pub mod evaluation;
pub mod notes;
pub mod number;
pub mod page;
pub mod replay;
pub mod robustness;
pub mod runs;
pub mod table;
pub mod tuning;
pub mod verdict;

pub use table::{Align, Table};
