//! The simulated cluster: an event queue, pods, the metrics path, service and cost around the HPA.

pub mod control;
pub mod outcome;
pub mod settings;

pub use control::{Autoscaler, Knobs, LOAD_STEP, Patch, Telemetry, Tuner, View};
pub use outcome::{Outcome, TimelineRow, Totals};
pub use settings::Settings;
