//! hpatune tunes the Kubernetes `HorizontalPodAutoscaler` from recorded traffic.
//!
//! The layers, lowest first; a module imports only from lower ones (`tests/layers.rs` checks it):
//! `units error random` < `trace hpa forecast` < `sim` < `autoscalers env` < `rl eval` <
//! `ingest manifest plot report config` < `cli`.

pub mod autoscalers;
pub mod cli;
pub mod config;
pub mod env;
pub mod error;
pub mod eval;
pub mod forecast;
pub mod hpa;
#[cfg(feature = "ingest")]
pub mod ingest;
#[cfg(feature = "manifest")]
pub mod manifest;
#[cfg(feature = "plot")]
pub mod plot;
pub mod random;
pub mod report;
pub mod rl;
pub mod sim;
pub mod trace;
pub mod units;
