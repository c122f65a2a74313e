//! Reading and writing traces. Polars lives here and nowhere else.

pub mod canonical;
mod guard;
mod slots;
