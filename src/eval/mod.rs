//! Judging: experiment runner, search, statistics.

pub mod split;
pub mod tune;
