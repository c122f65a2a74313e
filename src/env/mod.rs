//! The reinforcement-learning environment around the simulator.

pub mod settings;

pub use settings::Settings;
