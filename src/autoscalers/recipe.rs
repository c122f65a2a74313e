//! How to make a fresh policy for a run: what was learned or chosen before is shared, what a run changes is not.

use std::fmt;
use std::sync::Arc;

use super::HpaAutoscaler;
use crate::hpa::{self, Flags, Spec};
use crate::sim::{Autoscaler, Tuner};

/// An autoscaler, and the tuner that moves its fields.
pub type Made = (Box<dyn Autoscaler>, Option<Box<dyn Tuner>>);

/// Makes the policy of a run from the run's seed.
#[derive(Clone)]
pub struct Recipe(Arc<dyn Fn(u64) -> Made + Send + Sync>);

impl fmt::Debug for Recipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Recipe")
    }
}

impl Recipe {
    /// A recipe from what it does.
    pub fn new(make: impl Fn(u64) -> Made + Send + Sync + 'static) -> Self {
        Self(Arc::new(make))
    }

    /// A static HPA.
    #[must_use]
    pub fn hpa(settings: &hpa::Settings) -> Self {
        let settings = settings.clone();
        Self::new(move |_| (Box::new(HpaAutoscaler::new(&settings)), None))
    }

    /// The HPA of a manifest, under the controller's flags.
    #[must_use]
    pub fn spec(spec: &Spec, flags: Flags) -> Self {
        let spec = spec.clone();
        Self::new(move |_| (Box::new(HpaAutoscaler::from_spec(spec.clone(), flags)), None))
    }

    /// An HPA whose fields a tuner moves.
    #[must_use]
    pub fn tuned<T: Tuner + 'static>(
        settings: &hpa::Settings,
        tuner: impl Fn(u64) -> T + Send + Sync + 'static,
    ) -> Self {
        let settings = settings.clone();
        Self::new(move |seed| (Box::new(HpaAutoscaler::new(&settings)), Some(Box::new(tuner(seed)))))
    }

    /// An HPA whose fields a learned policy moves.
    #[must_use]
    pub fn policy(settings: &hpa::Settings, tuner: impl Fn() -> Box<dyn Tuner> + Send + Sync + 'static) -> Self {
        let settings = settings.clone();
        Self::new(move |_| (Box::new(HpaAutoscaler::new(&settings)), Some(tuner())))
    }

    /// An autoscaler of its own.
    #[must_use]
    pub fn autoscaler<A: Autoscaler + Clone + Sync + 'static>(autoscaler: A) -> Self {
        Self::new(move |_| (Box::new(autoscaler.clone()), None))
    }

    /// The policy of the run with `seed`.
    #[must_use]
    pub fn make(&self, seed: u64) -> Made {
        (self.0)(seed)
    }
}
