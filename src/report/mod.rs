//! Tables and documents that people and scripts read.
