//! Reading and writing traces. Polars lives here and nowhere else.
