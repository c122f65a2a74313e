mod state;
mod tell;

use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use sha2::{Digest, Sha256};

use self::state::{Present, Recalled, State};
use crate::cli::{Status, learned, output};
use crate::config::Experiment;
use crate::env::Sight;
use crate::env::Start;
use crate::env::live::{Sighting, knobs, patched};
use crate::env::settings::Mode;
use crate::env::start::Kind;
use crate::error::{InputError, Place, within};
use crate::eval::guard;
use crate::forecast::Foresight;
use crate::hpa;
use crate::hpa::api::{CrossVersionObjectReference, HorizontalPodAutoscaler};
use crate::ingest::{Ingest, Mapping, Options, canonical};
use crate::manifest::{self, Manifests};
use crate::rl::Policy;
use crate::rl::card::not_justified;
use crate::rl::distance::FAR;
use crate::rl::policy::{Flight, Origin};
use crate::sim::Workload;
use crate::trace::{Series, Trace};
use crate::units::{self, Replicas};

const EXAMPLES: &str = "\
Examples:
  hpatune recommend --policy policy.safetensors --metrics web.csv \\
      --map t=time --map cpu=cpu:cores --map replicas=pods
  kubectl get hpa web -o yaml > web.yaml
  ... | hpatune recommend --policy policy.safetensors --metrics - \\
      --map t=time --map requests=rate:rps --replicas 4 --hpa web.yaml --state web.state > patch.json
  kubectl patch hpa web --type merge --patch-file patch.json";

/// What a policy would set now, from recent metrics: a merge patch for the live HPA
///
/// The metrics are those of one function up to now, an hour or more, or a day and more for the season to count: a trace,
/// or any table by --map. The patch holds only fields that differ from the HPA in use.
/// Run it once per control interval of the policy. Between two runs --state keeps what the HPA's own fields were before
/// the first patch; without it, each run takes the fields it finds for the HPA's own. A policy that sets replicas, rests
/// after a change or looks back needs it. Another policy may go on with the state of one.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Recommend {
    /// Policy file of `hpatune train`; left out, the policy that ships
    #[arg(long, value_name = "FILE", default_value = learned::SHIPPED)]
    policy: PathBuf,
    /// Recent metrics: a trace, or a CSV, TSV or Parquet file with --map; `-` is standard input
    #[arg(long, value_name = "FILE")]
    metrics: PathBuf,
    /// Which column of the metrics is what, as in `hpatune ingest`
    #[arg(long, value_name = "FIELD=COLUMN[:UNIT]", value_parser = super::ingest::mapping)]
    map: Vec<Mapping>,
    /// Length of a slot of the metrics; left out, their own
    #[arg(long, value_name = "SPAN", value_parser = units::parse_span)]
    interval: Option<Duration>,
    /// The function, where the metrics have several; with `*` and `?`
    #[arg(long, value_name = "GLOB")]
    function: Vec<String>,
    /// Manifest of the HPA in use; left out, the HPA that the policy was trained with
    #[arg(long, value_name = "FILE")]
    hpa: Option<PathBuf>,
    /// Manifest of the Deployment, for its requests; left out, the pods that the policy was trained with
    #[arg(long, value_name = "FILE")]
    deployment: Option<PathBuf>,
    /// Which one is meant in manifests that hold several, as NAME or KIND/NAME of the Deployment
    #[arg(long, value_name = "KIND/NAME")]
    target: Option<String>,
    /// Replicas in use; left out, those of the metrics' last slots
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(0..))]
    replicas: Option<Replicas>,
    /// Share of requests late or dropped since the decision before, 0 to 1
    #[arg(long, value_name = "SHARE", default_value_t = 0.0)]
    violations: f64,
    /// What to remember between runs; written anew by each
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// File for the patch instead of standard output
    #[arg(short, long, value_name = "FILE", default_value = "-", conflicts_with = "json")]
    output: PathBuf,
    /// Print what was seen, what changes and the patch as one JSON document
    #[arg(long)]
    json: bool,
}

impl Recommend {
    pub(super) fn run(self, out: &mut impl Write) -> anyhow::Result<Status> {
        within("--violations", self.violations, 0.0, 1.0)?;
        let policy = learned::open(&self.policy)?;
        self.refuse(&policy)?;
        let experiment = self.experiment(&policy)?;
        let trace = self.read()?;
        let series = &trace.functions[0];
        let origin = policy.start("", &series.function);
        let shared = policy.card().shared.map(|linear| Start::linear(linear, &experiment.hpa));
        let start = origin.map(|origin| origin.start.clone()).or(shared);
        if start.is_none() && policy.card().start == Kind::Linear {
            tracing::warn!("the policy has not learned on {:?}: it starts from the HPA alone", series.function);
        }
        self.warn(series, &trace, &policy, origin);
        let object = self.object(start.as_ref().map_or(&experiment.hpa, |start| &start.hpa))?;
        let (spec, flags) = (object.spec(), experiment.hpa.flags());
        let place = |error: InputError| error.at(Place::file(&self.metrics));
        let workload = Workload::new(series, &trace.header, &experiment.sim()).map_err(place)?;
        let sighting = Sighting::new(&workload, series, self.replicas).map_err(place)?;
        let sighting = Sighting { violation_rate: self.violations, ..sighting };
        let at_ms = trace.header.origin_ms.unwrap_or(0) + series.start_ms + sighting.now().0 / 1000;
        let sha256 = self.checksum()?;
        let before = knobs(&spec, flags);
        let present = Present {
            env: &policy.card().env,
            policy_sha256: &sha256,
            function: &series.function,
            at_ms,
            now: sighting.now(),
            spec: &spec,
            knobs: before,
        };
        let Recalled { pilot, recurrent, restored } = self.recall(&present)?;
        let (linear, foresight) =
            (start.as_ref().and_then(|it| it.linear), policy.card().forecaster.clone().map(Foresight::new));
        let flight = policy.of_function("", &series.function).flight(pilot.with(linear, foresight));
        let recalled = flight.only_if(origin.is_none_or(|it| it.flies)).recalling(recurrent);
        let mut flight = recalled.map_err(|error| match &self.state {
            Some(path) => error.field("recurrent").at(Place::file(path)),
            None => error,
        })?;
        let decision = sighting.decide(&mut flight, before);
        let after = patched(&patched(&spec, flags, &restored), flags, &decision);
        warn_far(&flight, &policy);
        let patch = manifest::changes(&object, &after);
        // Whoever applies the patch must find the state beside it, or the next run takes what it set for the HPA's own.
        if let (Some(path), Some(memory)) = (&self.state, flight.pilot().memory()) {
            let (function, recurrent) = (series.function.clone(), flight.memory().to_vec());
            State { policy_sha256: sha256, function, at_ms, memory, recurrent }.write(path)?;
        }
        self.tell(out, &sighting, trace.header.origin_ms.map(|_| at_ms), (before, knobs(&after, flags)), &patch)?;
        Ok(Status::Done)
    }

    /// Refuses a policy that an HPA cannot follow, or that sees what recorded metrics do not hold.
    fn refuse(&self, policy: &Policy) -> Result<(), InputError> {
        learned::for_hpa(policy, &self.policy)?;
        match (&self.state, state::needed(policy.card())) {
            (Some(path), _) => state::check(path, &self.output)?,
            (None, Some(problem)) => {
                let help = "name a file with --state, which keeps it from the first run on";
                return Err(InputError::new(problem, help).field("--state"));
            }
            (None, None) => {}
        }
        output::check_file(&self.output)?;
        let Some(unseen) = Sight::new(&policy.card().env).unrecorded() else { return Ok(()) };
        let problem = format!("the policy sees {unseen}, which the metrics do not hold");
        let help = "judge it with `hpatune evaluate`; to recommend, train with env.observation.profile = \"default\" and \
                    no env.observation.performance";
        Err(InputError::new(problem, help).field("env.observation").at(Place::file(&self.policy)))
    }

    /// Says why the policy may not be worth its trouble here.
    fn warn(&self, series: &Series, trace: &Trace, policy: &Policy, origin: Option<&Origin>) {
        if let Some(reason) = guard::thin_traffic(series, &trace.header) {
            tracing::warn!("{}: {reason}", self.metrics.display());
        }
        let reason = match origin {
            Some(origin) if !origin.flies => Some("it did not beat what it started from on validation time".to_owned()),
            Some(Origin { validation: Some(it), .. }) => not_justified(it.cost),
            _ => policy.card().cost_vs_reference.and_then(not_justified),
        };
        if let Some(reason) = reason {
            tracing::warn!("a policy is not justified for {:?}: {reason}; keep the static HPA", series.function);
        }
    }

    /// The world of the policy, with the pods of the Deployment. Live metrics are taken as they are, not scaled.
    fn experiment(&self, policy: &Policy) -> Result<Experiment, InputError> {
        let mut experiment = learned::experiment(policy, &self.policy)?;
        experiment.workload.fit_pods = None;
        if let Some(path) = &self.deployment {
            let mut sim = experiment.sim();
            // What a Deployment leaves open concerns a simulation, not a decision.
            let _ = Manifests::read(path)?.workload(self.target.as_deref(), None)?.apply(&mut sim);
            (experiment.pod, experiment.startup) = (sim.pod, sim.startup);
            experiment.validate()?;
        }
        Ok(experiment)
    }

    /// The HPA in use, or the one that the policy starts from.
    fn object(&self, start: &hpa::Settings) -> Result<HorizontalPodAutoscaler, InputError> {
        if let Some(path) = &self.hpa {
            return Ok(Manifests::read(path)?.hpa(self.target.as_deref())?.object().clone());
        }
        Ok(HorizontalPodAutoscaler::of("hpa", CrossVersionObjectReference::default(), &start.spec()))
    }

    /// The metrics as a trace of one function.
    fn read(&self) -> Result<Trace, InputError> {
        let trace = if self.map.is_empty() {
            canonical::read(&self.metrics)?.select(&self.function)?
        } else {
            let options = Options {
                map: self.map.clone(),
                interval: self.interval,
                select: self.function.clone(),
                ..Options::default()
            };
            Ingest::open(std::slice::from_ref(&self.metrics), &options)?.into_trace()?.0
        };
        if let [_, _, ..] = &trace.functions[..] {
            let names: Vec<&str> = trace.functions.iter().take(8).map(|series| series.function.as_str()).collect();
            let problem = format!("the metrics are of {} functions: {}", trace.functions.len(), names.join(", "));
            let error = InputError::new(problem, "choose one with --function").field("--function");
            return Err(error.at(Place::file(&self.metrics)));
        }
        Ok(trace)
    }

    fn checksum(&self) -> Result<String, InputError> {
        let bytes = learned::bytes(&self.policy)?;
        Ok(Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// What the decision before has left. Bounds that leave no room may be an earlier run's.
    fn recall(&self, present: &Present<'_>) -> Result<Recalled, InputError> {
        let recalled = self.state.as_deref().map(|path| State::recall(path, present)).transpose()?.flatten();
        let (spec, direct) = (present.spec, present.env.action.mode == Mode::Direct);
        if recalled.is_none() && direct && spec.min_replicas == spec.max_replicas {
            tracing::warn!(
                "minReplicas and maxReplicas are both {}, and are taken for the HPA's own: the policy has no room between \
                 them. Where an earlier run has set them, give the HPA its own back and delete the state first",
                spec.min_replicas
            );
        }
        Ok(recalled.unwrap_or_default())
    }
}

fn warn_far(flight: &Flight, policy: &Policy) {
    if let Some((place, _)) = flight.distance().farthest() {
        tracing::warn!(
            "{} lies more than {FAR} standard deviations from what the policy has learned from: it has not learned what \
             to do here",
            policy.card().observation[place]
        );
    }
}
