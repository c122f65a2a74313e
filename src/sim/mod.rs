//! The simulated cluster: an event queue, pods, the metrics path, service and cost around the HPA.

mod arrivals;
pub mod control;
mod demand;
pub mod elasticity;
mod faults;
mod flow;
mod gaps;
pub mod latency;
pub mod law;
mod memory;
mod metrics;
mod noise;
pub mod outcome;
mod pods;
mod prices;
pub mod queue;
mod requests;
mod rollout;
mod run;
mod service;
pub mod settings;
mod simulation;
mod startup;
mod timeline;
mod view;
pub mod workload;
mod world;

pub use control::{Autoscaler, Knobs, LOAD_STEP, Patch, Signals, Telemetry, Tuner, View};
pub use outcome::{Outcome, TimelineRow, Totals};
pub use prices::objective;
pub use requests::Books;
pub use run::{Run, run};
pub use settings::{Level, Settings};
pub use simulation::Simulation;
pub use workload::{Slot, Workload};
