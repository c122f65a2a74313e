//! Forecasts of demand: pure functions of the past, on slices of samples with the newest last.
//!
//! Nothing here knows a clock or a trace; a sample is a mean over one fixed step, in any unit.

pub mod demand;
pub mod forest;
pub mod history;
pub mod holt_winters;
pub mod outlook;
pub mod regression;
pub mod ridge;
pub mod season;
pub mod window;

pub use demand::{Demand, Season};
pub use forest::Forest;
pub use holt_winters::{HoltWinters, Rates};
pub use outlook::{Forecaster, Foresight, Outlook};
pub use ridge::Ridge;
