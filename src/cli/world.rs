//! The world a command simulates in: an experiment file, over which manifests of a cluster may stand.

use std::path::{Path, PathBuf};

use crate::cli::judgement::Input;
use crate::config::Experiment;
use crate::error::InputError;
use crate::hpa::Spec;

/// Flags that say what the cluster is like.
#[derive(Debug, clap::Args)]
pub(super) struct Cluster {
    /// Experiment file
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Manifest of the HPA in use (`autoscaling/v2` or v1); in comparisons it is `current`; `-` is standard input
    #[cfg(feature = "manifest")]
    #[arg(long, value_name = "FILE")]
    hpa: Option<PathBuf>,
    #[cfg(feature = "manifest")]
    #[command(flatten)]
    deployed: Deployed,
}

/// Flags that say what is scaled.
#[cfg(feature = "manifest")]
#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct Deployed {
    /// Manifest of the Deployment: requests, limits, replicas, probes, grace period; may be the file of --hpa
    #[arg(long, value_name = "FILE")]
    pub(super) deployment: Option<PathBuf>,
    /// Which one is meant in manifests that hold several, as NAME or KIND/NAME of the Deployment
    #[arg(long, value_name = "KIND/NAME")]
    pub(super) target: Option<String>,
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
    /// Reads the files; `traces` are those that the command reads besides. The upper bound of replicas is the given
    /// HPA's.
    ///
    /// # Errors
    /// What their readers refuse, and standard input that is asked for twice.
    pub(super) fn load(&self, traces: &[PathBuf]) -> Result<World, InputError> {
        let mut readers: Vec<(&str, Option<&Path>)> =
            traces.iter().map(|path| ("TRACE", Some(path.as_path()))).collect();
        readers.push(("--config", self.config.as_deref()));
        #[cfg(feature = "manifest")]
        {
            // One file of manifests may serve both.
            let deployment = self.deployed.deployment.as_deref().filter(|path| Some(*path) != self.hpa.as_deref());
            readers.extend([("--hpa", self.hpa.as_deref()), ("--deployment", deployment)]);
        }
        stdin_once(&readers)?;
        let mut world = World { experiment: Experiment::load(self.config.as_deref())?, current: None };
        #[cfg(feature = "manifest")]
        self.manifests(&mut world)?;
        if let Some(problem) = world.experiment.cluster.too_small(&world.experiment.pod) {
            tracing::warn!("{problem}");
        }
        Ok(world)
    }

    /// The files that were named, with the flags that named them.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub(super) fn files(&self) -> Result<Vec<Input>, InputError> {
        let mut named: Vec<(&str, Option<&PathBuf>)> = vec![("--config", self.config.as_ref())];
        #[cfg(feature = "manifest")]
        named.extend([("--hpa", self.hpa.as_ref()), ("--deployment", self.deployed.deployment.as_ref())]);
        named.into_iter().filter_map(|(flag, path)| path.map(|path| Input::new(flag, path))).collect()
    }

    #[cfg(feature = "manifest")]
    fn manifests(&self, world: &mut World) -> Result<(), InputError> {
        use crate::manifest::Manifests;
        let file = self.hpa.as_deref().map(Manifests::read).transpose()?;
        let hpa = file.as_ref().map(|file| file.hpa(self.deployed.target.as_deref())).transpose()?;
        let shared = file.filter(|_| self.deployed.deployment == self.hpa);
        self.deployed.apply(&mut world.experiment, shared, hpa.as_slice())?;
        if let Some(hpa) = hpa {
            let spec = hpa.object().spec();
            let own = &mut world.experiment.hpa;
            own.max_replicas = spec.max_replicas;
            own.min_replicas = own.min_replicas.min(spec.max_replicas);
            world.current = Some(spec);
        }
        world.experiment.validate()
    }
}

#[cfg(feature = "manifest")]
impl Deployed {
    /// Takes over what the Deployment says, and checks that the simulation measures what the HPAs look at. `shared` is
    /// the Deployment's file where it has been read.
    ///
    /// # Errors
    /// What the reader refuses, and metrics that the simulation does not have.
    pub(super) fn apply(
        &self,
        experiment: &mut Experiment,
        shared: Option<crate::manifest::Manifests>,
        hpas: &[crate::manifest::Hpa],
    ) -> Result<(), InputError> {
        use crate::manifest::Manifests;
        let mut sim = experiment.sim();
        if let Some(path) = &self.deployment {
            let file = shared.map_or_else(|| Manifests::read(path), Ok)?;
            let scaled = hpas.first().map(crate::manifest::Hpa::target);
            let workload = file.workload(self.target.as_deref(), scaled.as_deref())?;
            if let Some(scaled) = scaled.filter(|scaled| !scaled.eq_ignore_ascii_case(&workload.name)) {
                tracing::warn!("the HPA scales {scaled}, and what is simulated is {}", workload.name);
            }
            for open in workload.apply(&mut sim) {
                tracing::warn!("{open}");
            }
            let named = hpas.iter().flat_map(crate::manifest::Hpa::containers);
            if let Some(container) = named.into_iter().find(|name| workload.containers.iter().any(|own| own == name))
                && workload.containers.len() > 1
            {
                tracing::warn!("container {container} is simulated with the whole request of its pod");
                container.clone_into(&mut sim.pod.container);
            }
            (experiment.pod, experiment.startup) = (sim.pod.clone(), sim.startup.clone());
        }
        hpas.iter().try_for_each(|hpa| hpa.check_metrics(&sim))
    }
}

/// Checks that no two of the files, by what asks for them, are standard input, which can be read once.
pub(super) fn stdin_once(readers: &[(&str, Option<&Path>)]) -> Result<(), InputError> {
    let mut asking = readers.iter().filter(|(_, path)| path.is_some_and(|path| path.as_os_str() == "-"));
    let (Some((first, _)), Some((second, _))) = (asking.next(), asking.next()) else { return Ok(()) };
    let problem = format!("{first} and {second} both ask for standard input, which can be read once");
    Err(InputError::new(problem, "give one of them a file"))
}
