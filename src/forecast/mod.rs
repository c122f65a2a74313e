//! Forecasters and demand features: pure functions of the past.
