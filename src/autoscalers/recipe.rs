//! How to make a fresh policy for a run: what was learned or chosen before is shared, what a run changes is not.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use super::HpaAutoscaler;
use crate::hpa::{self, Flags, Spec};
use crate::sim::settings::Pod;
use crate::sim::{self, Autoscaler, Counts, Run, Settings, Simulation, Tuner, Workload};
use crate::units::SimTime;

/// An autoscaler, and the tuner that moves its fields.
pub type Made = (Box<dyn Autoscaler>, Option<Box<dyn Tuner>>);

/// Makes the policy of a run from the run's seed.
#[derive(Clone)]
pub struct Recipe {
    make: Arc<dyn Fn(u64) -> Made + Send + Sync>,
    /// The pods it runs on, where they are others than the workload's.
    pod: Option<Box<Pod>>,
}

impl fmt::Debug for Recipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Recipe")
    }
}

impl Recipe {
    /// A recipe from what it does.
    pub fn new(make: impl Fn(u64) -> Made + Send + Sync + 'static) -> Self {
        Self { make: Arc::new(make), pod: None }
    }

    /// The same policy on other pods, for those that choose requests and limits too.
    #[must_use]
    pub fn on(self, pod: Pod) -> Self {
        Self { pod: Some(Box::new(pod)), ..self }
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
        (self.make)(seed)
    }

    /// Replays `window` of a workload under the policy of `seed`. `record` keeps a timeline.
    ///
    /// On other pods than the workload's, requests, violations, response times and the cost in dollars, core-hours and
    /// GiB-hours compare with other policies'; the objective is that of equal cost in pod-hours of the workload's pods.
    /// Counts of pods and replica-hours are of the other pods; so are the elasticity metrics, whose demand is as many of
    /// them as have the same CPU limit together. The optimum is of the workload's pods, and no bound for others.
    #[must_use]
    pub fn run(
        &self,
        workload: &Arc<Workload>,
        settings: &Settings,
        seed: u64,
        window: Range<SimTime>,
        record: bool,
    ) -> Run {
        let (autoscaler, mut tuner) = self.make(seed);
        let tuner = tuner.as_mut().map(|tuner| &mut **tuner as &mut dyn Tuner);
        let Some(pod) = &self.pod else {
            return sim::run(workload, settings, autoscaler, tuner, seed, window, record);
        };
        let theirs = Settings { pod: (**pod).clone(), ..settings.clone() };
        let resized = Arc::new(workload.resized(&theirs));
        sim::run(&resized, &theirs, autoscaler, tuner, seed, window, record).valued(workload, settings, &theirs.pod)
    }

    /// The counts of the same run.
    #[must_use]
    pub fn count(&self, workload: &Arc<Workload>, settings: &Settings, seed: u64, window: Range<SimTime>) -> Counts {
        if self.pod.is_some() {
            return (&self.run(workload, settings, seed, window, false).outcome).into();
        }
        let (autoscaler, tuner) = self.make(seed);
        let mut simulation = Simulation::new(Arc::clone(workload), settings, autoscaler, seed, window).only_counted();
        if let Some(mut tuner) = tuner {
            simulation.steer(&mut *tuner);
        }
        simulation.count()
    }
}
