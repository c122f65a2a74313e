//! A network for each function: learning goes on from a policy on every function by itself.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use serde::{Deserialize, Serialize};

use super::ground::{Asked, Ground, experiment};
use super::run::{POLICY, Run, write_policy};
use super::together::together;
use crate::cli::starts::Known;
use crate::cli::{learned, output};
use crate::config::Experiment;
use crate::error::{InputError, Place};
use crate::report::number::percent;
use crate::report::table::{Align, Table};
use crate::rl::Policy;
use crate::rl::device::Kind;
use crate::rl::policy::{Origin, Source};

/// The file that says what a directory is.
pub(super) const FILE: &str = "each.json";
/// The policy that all go on from, copied so that a run can go on without the original.
const TEACHER: &str = "teacher.safetensors";

/// Learning on every function by itself.
pub(super) struct Each {
    experiment: Experiment,
    directory: PathBuf,
    file: File,
    teacher: Policy,
}

/// `each.json`.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct File {
    #[serde(flatten)]
    asked: Asked,
    from: Source,
}

impl Each {
    /// Goes on from the policy at `from`, whose shape the experiment has.
    pub(super) fn new(experiment: Experiment, asked: Asked, from: &Path, directory: &Path) -> anyhow::Result<Self> {
        let teacher = learned::open(from)?;
        let wrong = |problem: &str, help: &str| {
            Err(InputError::new(problem, help).field("--from").at(Place::file(from)).into())
        };
        if teacher.card().safety.is_some() || experiment.train.safety.enabled {
            return wrong("a safety critic knows one network, not one a function", "train without train.safety");
        }
        let path = directory.join(FILE);
        if path.exists() {
            let help = format!("go on with --resume {}, or take another directory", directory.display());
            return Err(InputError::new("there is a run already", help).at(Place::file(&path)).into());
        }
        output::make_dir(directory)?;
        let bytes = learned::bytes(from)?;
        output::write_file(&directory.join(TEACHER), |out| Ok(out.write_all(&bytes)?))?;
        let config = experiment.to_toml();
        output::write_file(&directory.join("config.toml"), |out| Ok(out.write_all(config.as_bytes())?))?;
        let file = File { asked, from: learned::source(from)? };
        output::write_file(&path, |out| {
            serde_json::to_writer_pretty(&mut *out, &file)?;
            Ok(writeln!(out)?)
        })?;
        Ok(Self { experiment, directory: directory.to_owned(), file, teacher })
    }

    /// What a directory holds; `traces` stand in for those it was started with when there are any.
    pub(super) fn resume(directory: &Path, traces: &[PathBuf]) -> anyhow::Result<Self> {
        let path = directory.join(FILE);
        let text = std::fs::read_to_string(&path).map_err(|error| InputError::io(&path, "read", &error))?;
        let mut file: File = serde_json::from_str(&text).map_err(|error| {
            let place = Place::column(&path, error.line(), error.column());
            InputError::new(format!("not what `hpatune train --each` writes: {error}"), "start anew").at(place)
        })?;
        if !traces.is_empty() {
            file.asked.traces = traces.to_vec();
        }
        let teacher = Policy::load(&directory.join(TEACHER))?;
        Ok(Self { experiment: experiment(directory)?, directory: directory.to_owned(), file, teacher })
    }

    /// Learns on all functions, or goes on with them, and prints how they ended.
    pub(super) fn run(
        self,
        device: Kind,
        tensorboard: bool,
        stopped: &AtomicBool,
        out: &mut impl Write,
    ) -> anyhow::Result<()> {
        let card = self.teacher.card();
        let known = if self.knows_traffic() { Known::again(card) } else { Known::taught(card) };
        let ground = Ground::prepare(&self.experiment, &self.file.asked, &known, stopped)?;
        let grounds = ground.each(&self.teacher, &self.file.from);
        let bar = output::progress(0, "steps");
        let one = |(index, part): (usize, &Ground)| -> anyhow::Result<bool> {
            let session = part.session(&self.experiment, device.open()?)?;
            let run = Run::open(session, &self.folder(index), &self.experiment)?;
            let run = run.named(format!("function {index}  "));
            let mut run = run.watched(tensorboard || self.experiment.train.tensorboard)?;
            bar.inc_length(run.session.total_steps() - run.session.step());
            run.learn(stopped, u64::MAX, &bar)
        };
        let finished = together(grounds.iter().enumerate().collect(), device.runs_at_once(), one)?;
        bar.finish_and_clear();
        if finished.into_iter().collect::<anyhow::Result<Vec<bool>>>()?.contains(&false) {
            anyhow::bail!("interrupted; go on with `hpatune train --resume {}`", self.directory.display());
        }
        let load = |index: usize| Policy::load(&self.folder(index).join(POLICY));
        let each = (0..grounds.len()).map(load).collect::<Result<Vec<Policy>, InputError>>()?;
        let policy = self.teacher.replaced(ground.card(&self.experiment, Some(&self.file.from))).with_own(&each);
        write_policy(&self.directory, &policy)?;
        self.print(&policy, out)
    }

    /// Whether the teacher has learned on any of the traces.
    fn knows_traffic(&self) -> bool {
        let known = |path: &PathBuf| {
            let source = learned::source(path).ok();
            source.is_some_and(|source| self.teacher.card().traces.iter().any(|it| it.sha256 == source.sha256))
        };
        self.file.asked.traces.iter().any(known)
    }

    fn folder(&self, index: usize) -> PathBuf {
        self.directory.join(format!("function-{index}"))
    }

    fn print(&self, policy: &Policy, out: &mut impl Write) -> anyhow::Result<()> {
        use Align::{Left, Right};
        let heads = [
            ("trace", Left),
            ("function", Left),
            ("start's cost %", Right),
            ("shared network's %", Right),
            ("its own %", Right),
            ("violations %", Right),
            ("static HPA's %", Right),
            ("in use", Left),
        ];
        let mut table = Table::new(&heads);
        for origin in policy.card().starts.iter().filter(|it| (it.load - 1.0).abs() < 1e-9) {
            let Some(it) = origin.validation else { continue };
            let before = self.teacher.start(&origin.trace, &origin.function).and_then(|it: &Origin| it.validation);
            let late = |rate: f64| format!("{:.3}", 100.0 * rate);
            table.row([
                origin.trace.clone(),
                origin.function.clone(),
                percent(it.start_cost),
                before.map_or_else(String::new, |it| percent(it.cost)),
                percent(it.cost),
                late(it.violation_rate),
                late(it.reference_violation_rate),
                if origin.own { "its own" } else { "start" }.to_owned(),
            ]);
        }
        write!(out, "{table}")?;
        let cost = policy.card().cost_vs_reference.map_or_else(String::new, percent);
        writeln!(out, "\nmean  {cost} % of the static HPA's cost on validation time")?;
        Ok(writeln!(out, "all   {}", self.directory.join(POLICY).display())?)
    }
}
