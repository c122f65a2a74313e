//! Pictures. Plotters lives here and nowhere else.
//!
//! A drawing function takes data and returns a [`Scene`]; [`Scene::render`] makes the bytes of an SVG or PNG file.
//! Empty, all-zero and non-finite data draw an empty panel, never a panic.

mod axis;
mod comparison;
mod costs;
mod font;
mod gaps;
mod heat;
mod labels;
mod latency;
mod learning;
mod legend;
mod overview;
mod palette;
mod panel;
mod profile;
mod render;
pub mod results;
mod scene;
mod stroke;
mod thin;
mod timeline;

pub use comparison::{Comparison, Contestant, Estimate, comparison};
pub use costs::{Sweep, costs};
pub use gaps::{Gap, gaps};
pub use heat::{Heat, heat};
pub use latency::latency;
pub use learning::{Learning, learning};
pub use overview::overview;
pub use profile::{Profile, profiles};
pub use render::{DrawError, Format};
pub use scene::Scene;
pub use timeline::timeline;
