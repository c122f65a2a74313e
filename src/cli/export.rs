use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::autoscalers::schedule::Schedule;
use crate::autoscalers::{Baseline, Recipe};
#[cfg(feature = "train")]
use crate::cli::learned;
use crate::cli::traces::{self, Source};
use crate::cli::tune::judged;
use crate::cli::{Status, output};
use crate::config::Experiment;
use crate::error::{InputError, Place};
use crate::eval::contender::{Contender, Kind, World};
use crate::eval::settled::settle;
use crate::eval::{Comparison, Task, summarize};
use crate::hpa::Settings;
use crate::manifest::{self, Hours, Identity, Name, Namespace, Target};
use crate::report::number::{dollars, percent};
use crate::sim::Level;

/// Write what was found as a manifest: an HPA, a patch, a KEDA ScaledObject, or Knative annotations
///
/// From `hpatune tune -o` it takes the configuration as it is. Of a policy, by default the one that ships, it takes what
/// the policy settles on over the training part of a trace: of each field the median or the most frequent value. With a trace, the manifest says what
/// it costs on the test part, how many requests come late, and the same of the policy, the tuned and the stock HPA.
///
/// An HPA knows no time of day: `--mode schedule` writes KEDA cron triggers (`--kind keda`), or one patch of
/// minReplicas per change as JSON Lines, each with the cron expression of a CronJob (`--kind patch`). Hours are UTC.
#[derive(Debug, clap::Args)]
#[cfg_attr(not(feature = "train"), command(group = clap::ArgGroup::new("source").required(true)))]
#[cfg_attr(feature = "train", command(group = clap::ArgGroup::new("source")))]
pub(super) struct Export {
    /// The best static HPA, from `hpatune tune -o`
    #[arg(long, value_name = "FILE", group = "source")]
    tuned: Option<PathBuf>,
    /// A learned policy, from `hpatune train`; `shipped` is the one that ships
    #[cfg(feature = "train")]
    #[arg(long, value_name = "FILE", group = "source", requires = "trace")]
    policy: Option<PathBuf>,
    /// Trace to settle and to measure on
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
    /// The function of the trace that the target serves, with `*` and `?`
    #[arg(long, value_name = "GLOB")]
    function: Vec<String>,
    /// Which configuration: static for --tuned, recommended for --policy, schedule for either
    #[arg(long, value_enum)]
    mode: Option<Mode>,
    /// What to write
    #[arg(long, value_enum, default_value_t = Form::Hpa)]
    kind: Form,
    /// What is scaled: deployment/NAME, statefulset/NAME or replicaset/NAME
    #[arg(long, value_name = "KIND/NAME")]
    target: Target,
    /// Name of the object [default: the target's]
    #[arg(long)]
    name: Option<Name>,
    /// Namespace of the object
    #[arg(short, long)]
    namespace: Option<Namespace>,
    /// Runs of each configuration when measuring
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=1000))]
    seeds: u64,
    /// File instead of standard output
    #[arg(short, long, value_name = "FILE", default_value = "-")]
    output: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Mode {
    /// The configuration that was tuned
    Static,
    /// The configuration that the policy settles on
    Recommended,
    /// The same with a lower bound for each hour of the day
    Schedule,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Form {
    /// HorizontalPodAutoscaler, autoscaling/v2
    Hpa,
    /// JSON merge patch for `kubectl patch hpa NAME --type merge --patch-file`
    Patch,
    /// KEDA ScaledObject, which makes the HPA itself
    Keda,
    /// JSON merge patch for `kubectl patch ksvc NAME --type merge --patch-file`
    Knative,
}

/// What is exported, and where it comes from.
struct Choice {
    settings: Settings,
    hours: Option<Hours>,
    experiment: Experiment,
    notes: BTreeMap<String, String>,
    /// The policy behind it: given a function, what it starts from there, and how it flies.
    policy: Option<Flown>,
}

/// The HPA that a policy starts from on a function, and the policy on it.
type Flown = Arc<dyn Fn(&Task, &World<'_>) -> (Settings, Recipe)>;

impl Export {
    pub(super) fn run(self, _: &mut impl Write) -> anyhow::Result<Status> {
        let mode = self.mode()?;
        let mut choice = self.source()?;
        let trace = self.trace.as_ref().map(|path| self.task(path, &choice.experiment)).transpose()?;
        if let Some((task, source)) = &trace {
            let flown = settled(mode, task, &mut choice)?;
            let (key, text) = ("hpatune/measured".to_owned(), self.measured(task, source, &choice, flown));
            choice.notes.insert(key, text);
        }
        let text = self.text(&choice, mode)?;
        output::write_file(&self.output, |file| Ok(file.write_all(text.as_bytes())?))?;
        Ok(Status::Done)
    }

    fn mode(&self) -> Result<Mode, InputError> {
        let natural = if self.tuned.is_some() { Mode::Static } else { Mode::Recommended };
        let mode = self.mode.unwrap_or(natural);
        if mode == Mode::Schedule {
            if matches!(self.kind, Form::Hpa | Form::Knative) {
                let help = "add `--kind keda` for cron triggers, or `--kind patch` for patches that a CronJob applies";
                return Err(InputError::new("an HPA knows no time of day", help).field("--mode"));
            }
            if self.trace.is_none() {
                let help = "give a trace with --trace";
                return Err(InputError::new("the hours are learned from a trace", help).field("--mode"));
            }
        } else if mode != natural {
            let (source, right) =
                if natural == Mode::Static { ("--tuned", "static") } else { ("--policy", "recommended") };
            let problem = format!("{source} has no such configuration");
            return Err(InputError::new(problem, format!("write `{right}` or `schedule`")).field("--mode"));
        }
        Ok(mode)
    }

    fn source(&self) -> Result<Choice, InputError> {
        #[cfg(feature = "train")]
        if let Some(path) = &self.policy {
            return policy(path);
        } else if self.tuned.is_none() {
            if self.trace.is_some() {
                return policy(Path::new(learned::SHIPPED));
            }
            let help =
                "name the file of `hpatune tune -o` with --tuned, or a trace for the policy that ships to settle on";
            return Err(InputError::new("there is nothing to export", help));
        }
        let path = self.tuned.as_deref().unwrap_or(Path::new("-"));
        let text = if path.as_os_str() == "-" {
            std::io::read_to_string(std::io::stdin())
        } else {
            std::fs::read_to_string(path)
        };
        let text = text.map_err(|error| InputError::io(path, "read", &error))?;
        let experiment = Experiment::parse(&text, path)?;
        let head: Vec<&str> = text.lines().map_while(|line| line.strip_prefix('#')).map(str::trim).collect();
        let mut notes = notes(path, text.as_bytes(), &experiment);
        if !head.is_empty() {
            notes.insert("hpatune/provenance".to_owned(), head.join("\n"));
        }
        Ok(Choice { settings: experiment.hpa.clone(), hours: None, experiment, notes, policy: None })
    }

    /// The function of a trace.
    fn task(&self, path: &Path, experiment: &Experiment) -> Result<(Task, Source), InputError> {
        let mut loaded = traces::load(&[path.to_owned()], &self.function)?;
        let mut tasks = judged(&loaded, experiment)?;
        if tasks.len() > 1 {
            let names: Vec<&str> = tasks.iter().take(8).map(|task| task.function.as_str()).collect();
            let more = if tasks.len() > names.len() { ", …" } else { "" };
            let problem = format!("{} functions fit: {}{more}", tasks.len(), names.join(", "));
            let help = "choose the one that the target serves with --function";
            return Err(InputError::new(problem, help).at(Place::file(path)));
        }
        Ok((tasks.remove(0), loaded.remove(0).source))
    }

    /// Cost and late requests on test time, a line each: this configuration, the policy, the tuned and the stock HPA.
    fn measured(&self, task: &Task, source: &Source, choice: &Choice, flown: Option<Recipe>) -> String {
        let learned = |recipe: Recipe| {
            Kind::Learned(Arc::new(move |_: &Task, _: &World<'_>, _: Option<&_>, _: &_| recipe.clone()))
        };
        let policy = flown.is_some();
        let own = match choice.hours {
            Some(hours) => learned(Recipe::tuned(&choice.settings, move |_| Schedule { hours: hours.0 })),
            None => Kind::Fixed(Box::new(choice.settings.clone())),
        };
        let mut contenders = vec![Contender { name: "this configuration".to_owned(), kind: own }];
        if let Some(recipe) = flown {
            contenders.push(Contender { name: "the policy itself".to_owned(), kind: learned(recipe) });
        }
        if policy || choice.hours.is_some() {
            contenders.push(Contender::baseline(Baseline::Tuned));
        }
        contenders.push(Contender::baseline(Baseline::Stock80));
        let sim = choice.experiment.sim();
        let world = World { sim: &sim, hpa: &choice.experiment.hpa, tune: &choice.experiment.tune };
        let (tasks, seeds) = ([task.clone()], (0..self.seeds).collect::<Vec<_>>());
        let comparison = Comparison {
            contenders: &contenders,
            tasks: &tasks,
            seeds: &seeds,
            world,
            level: Level::Fluid,
            config_hash: "",
            record: false,
            strain: false,
            tick: &|| {},
        };
        let hours = task.test.end.since(task.test.start).as_secs_f64() / 3600.0;
        let mut text =
            format!("{hours:.1} h of test time of {} / {}, means of {} seeds", source.file, task.function, self.seeds);
        for summary in summarize(&comparison.run(), 0) {
            let (cost, late) = (summary.mean("cost.usd"), summary.mean("slo.violation_rate"));
            text = format!("{text}\n{}: $ {}, {} % late", summary.policy, dollars(cost), percent(late));
        }
        text
    }

    fn text(&self, choice: &Choice, mode: Mode) -> Result<String, InputError> {
        let mut annotations = choice.notes.clone();
        let name = format!("{mode:?}").to_lowercase();
        annotations.insert("hpatune/mode".to_owned(), name);
        let name = self.name.clone().unwrap_or_else(|| self.target.name.clone());
        let identity = Identity { name, namespace: self.namespace.clone(), annotations };
        let spec = choice.settings.spec();
        match (self.kind, &choice.hours) {
            (Form::Hpa, _) => Ok(manifest::yaml(&manifest::hpa(&identity, &self.target, &spec)?)),
            (Form::Keda, hours) => {
                let object = manifest::scaled_object(&identity, &self.target, &spec, hours.as_ref())?;
                Ok(manifest::yaml(&object))
            }
            (Form::Knative, _) => {
                let (patch, unsaid) = manifest::service_patch(&identity, &spec)?;
                if !unsaid.is_empty() {
                    let unsaid = unsaid.join(" and ");
                    tracing::warn!("Knative has no annotation for {unsaid}: what it does differs from what was judged");
                }
                Ok(format!("{patch:#}\n"))
            }
            (Form::Patch, None) => Ok(format!("{:#}\n", manifest::patch(&identity, &self.target, &spec)?)),
            (Form::Patch, Some(hours)) => {
                Ok(manifest::schedule_patches(hours).iter().map(|patch: &Value| format!("{patch}\n")).collect())
            }
        }
    }
}

/// Replaces the configuration by what the policy settles on, adds the hours, and returns the policy.
fn settled(mode: Mode, task: &Task, choice: &mut Choice) -> Result<Option<Recipe>, InputError> {
    let mut flown = None;
    match &choice.policy {
        Some(policy) => {
            let sim = choice.experiment.sim();
            let world = World { sim: &sim, hpa: &choice.experiment.hpa, tune: &choice.experiment.tune };
            let (hpa, recipe) = policy(task, &world);
            let settled = settle(&recipe, &task.workload, &sim, &hpa, task.train.clone());
            flown = Some(recipe);
            let settled = settled.ok_or_else(|| {
                InputError::new("the policy decided nothing on the training part", "give a longer trace")
            })?;
            choice.settings = settled.settings;
            choice.hours = (mode == Mode::Schedule).then_some(Hours(settled.hours));
        }
        None if mode == Mode::Schedule => {
            let hpa = choice.settings.clone();
            choice.hours = Some(Hours(Schedule::learn(&task.context(&hpa)).hours));
        }
        None => {}
    }
    Ok(flown)
}

/// Annotations that say where a configuration comes from and what it takes for granted.
fn notes(path: &Path, bytes: &[u8], experiment: &Experiment) -> BTreeMap<String, String> {
    let sha256: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    let pod = &experiment.pod;
    let assumes = format!("pods request {} CPU and {} memory", pod.cpu_request, pod.memory_request);
    [
        ("version", env!("CARGO_PKG_VERSION").to_owned()),
        ("config-hash", experiment.hash()),
        ("source", format!("{} (SHA-256 {sha256})", path.display())),
        ("assumes", assumes),
    ]
    .into_iter()
    .map(|(key, text)| (format!("hpatune/{key}"), text))
    .collect()
}

/// Refuses a policy that settles on no HPA.
#[cfg(feature = "train")]
fn settles(policy: &crate::rl::Policy, path: &Path) -> Result<(), InputError> {
    learned::for_hpa(policy, path)?;
    if policy.card().env.action.mode == crate::env::settings::Mode::Hpa {
        return Ok(());
    }
    let problem = "the policy sets replicas itself, and leaves nothing to a static HPA";
    let help = "apply it with `hpatune recommend`, which pins minReplicas and maxReplicas at each decision";
    Err(InputError::new(problem, help).field("env.action.mode").at(Place::file(path)))
}

#[cfg(feature = "train")]
fn policy(path: &Path) -> Result<Choice, InputError> {
    let policy = learned::open(path)?;
    settles(&policy, path)?;
    let bytes = learned::bytes(path)?;
    let card = policy.card();
    let experiment = learned::experiment(&policy, path)?;
    let mut notes = notes(path, &bytes, &experiment);
    notes.insert("hpatune/seed".to_owned(), card.seed.to_string());
    let traces: Vec<String> =
        card.traces.iter().map(|trace| format!("{} (SHA-256 {})", trace.path, trace.sha256)).collect();
    if !traces.is_empty() {
        notes.insert("hpatune/traces".to_owned(), traces.join("\n"));
    }
    let flown: Flown = Arc::new(move |task, world| {
        let learned::Flight { start, recipe, .. } = learned::flight(&policy, task, world, None, &|| {});
        (start.hpa, recipe)
    });
    Ok(Choice { settings: experiment.hpa.clone(), hours: None, experiment, notes, policy: Some(flown) })
}
