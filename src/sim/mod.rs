//! The simulated cluster: an event queue, pods, the metrics path, service and cost around the HPA.

pub mod control;
pub mod elasticity;
mod flow;
mod gaps;
pub mod latency;
pub mod law;
mod metrics;
pub mod outcome;
mod pods;
pub mod queue;
mod run;
pub mod settings;
mod simulation;
mod startup;
mod timeline;
mod view;
pub mod workload;

pub use control::{Autoscaler, Knobs, LOAD_STEP, Patch, Telemetry, Tuner, View};
pub use outcome::{Outcome, TimelineRow, Totals};
pub use run::{Run, objective, run};
pub use settings::Settings;
pub use simulation::Simulation;
pub use view::{IN_FLIGHT, REQUESTS_PER_SECOND};
pub use workload::{Slot, Workload};
