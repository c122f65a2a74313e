//! Judging: experiment runner, search, statistics.

pub mod gates;
pub mod oracle;
pub mod split;
pub mod stats;
pub mod tune;
