//! The world a command simulates in: an experiment file, over which manifests of a cluster may stand.

use std::path::PathBuf;

use crate::config::Experiment;
use crate::error::InputError;
use crate::hpa::Spec;

/// Flags that say what the cluster is like.
#[derive(Debug, clap::Args)]
pub(super) struct Cluster {
    /// Experiment file
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Manifest of the HPA in use (`autoscaling/v2` or v1); in comparisons it is `current`
    #[cfg(feature = "manifest")]
    #[arg(long, value_name = "FILE")]
    hpa: Option<PathBuf>,
    /// Manifest of the Deployment: requests, limits, probes
    #[cfg(feature = "manifest")]
    #[arg(long, value_name = "FILE")]
    deployment: Option<PathBuf>,
}

/// What the flags say.
#[derive(Debug)]
pub(super) struct World {
    /// The experiment, with what the manifests say.
    pub(super) experiment: Experiment,
    /// The HPA in use.
    pub(super) current: Option<Spec>,
}

impl Cluster {
    /// A cluster without an HPA in use.
    #[cfg(feature = "manifest")]
    pub(super) fn new(config: Option<PathBuf>, deployment: Option<PathBuf>) -> Self {
        Self { config, hpa: None, deployment }
    }

    /// Reads the files. The upper bound of replicas is the given HPA's.
    ///
    /// # Errors
    /// What their readers refuse.
    pub(super) fn load(&self) -> Result<World, InputError> {
        let mut world = World { experiment: Experiment::load(self.config.as_deref())?, current: None };
        #[cfg(feature = "manifest")]
        self.manifests(&mut world)?;
        Ok(world)
    }

    #[cfg(feature = "manifest")]
    fn manifests(&self, world: &mut World) -> Result<(), InputError> {
        use crate::manifest::{read_deployment, read_hpa};
        let experiment = &mut world.experiment;
        if let Some(path) = &self.deployment {
            let mut sim = experiment.sim();
            for open in read_deployment(path, None)?.apply(&mut sim) {
                tracing::warn!("{open}");
            }
            (experiment.pod, experiment.startup) = (sim.pod, sim.startup);
        }
        if let Some(path) = &self.hpa {
            let spec = read_hpa(path, None)?.spec();
            experiment.hpa.max_replicas = spec.max_replicas;
            experiment.hpa.min_replicas = experiment.hpa.min_replicas.min(spec.max_replicas);
            world.current = Some(spec);
        }
        experiment.validate()
    }
}
