//! Learning: PPO and its relatives. Candle lives here and nowhere else.

pub mod settings;

pub use settings::Settings;
