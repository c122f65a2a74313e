//! Reading and writing traces. Polars lives here and nowhere else.

mod azure_2019;
pub mod canonical;
mod format;
mod generic;
mod guard;
mod huawei_2023;
mod map;
mod options;
mod pages;
mod pipeline;
mod report;
pub mod results;
mod scan;
mod shape;
mod slots;
mod source;
mod text;

pub use map::Mapping;
pub use options::{Duplicates, Format, Missing, Options};
pub use pipeline::Ingest;
pub use report::Report;

#[cfg(test)]
mod testing;
