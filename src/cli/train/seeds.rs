//! The same training with several seeds, and what they come to.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use serde::{Deserialize, Serialize};

use super::ground::{Asked, Ground, experiment};
use super::run::{CARD, CHECKPOINT, POLICY, Run};
use super::together::together;
use crate::cli::output;
use crate::cli::starts::Known;
use crate::config::Experiment;
use crate::error::{InputError, Place};
use crate::eval::stats::{Bootstrap, Interval, Resampled, interquartile_mean, mean};
use crate::report::number::percent;
use crate::report::table::{Align, Table};
use crate::rl::device::Kind;
use crate::rl::file::Archive;
use crate::rl::policy::Origin;
use crate::rl::session;

/// The file that says which seeds a directory is of, and how they ended.
pub(super) const FILE: &str = "seeds.json";

/// Resamples of the interval over seeds.
const RESAMPLES: usize = 10_000;
/// An interval of fewer seeds would say nothing.
const LEAST_FOR_INTERVAL: usize = 3;

/// Several runs that differ in their seed alone.
pub(super) struct Seeds {
    experiment: Experiment,
    directory: PathBuf,
    file: File,
}

/// `seeds.json`.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct File {
    seeds: Vec<u64>,
    #[serde(flatten)]
    asked: Asked,
    /// In the order of `seeds`; empty until all are done.
    #[serde(default)]
    runs: Vec<Outcome>,
    /// Of `cost_vs_reference` over seeds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    summary: Option<Summary>,
}

/// How a seed's best policy did on validation time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Outcome {
    seed: u64,
    steps: u64,
    /// Mean over functions of the cost over the static HPA's.
    cost_vs_reference: f64,
    /// Share of requests late or dropped.
    violation_rate: f64,
    /// The static HPA's share.
    reference_violation_rate: f64,
    /// Functions on which the policy took over from its start.
    flies: usize,
    functions: usize,
}

/// Figures over seeds, of the cost over the static HPA's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Summary {
    mean: f64,
    /// Interquartile mean.
    iqm: f64,
    /// 95 % bootstrap interval of the mean, of three seeds or more.
    interval: Option<[f64; 2]>,
    violation_rate: f64,
    /// The seed of the policy that was kept.
    best: u64,
}

impl Seeds {
    /// `count` seeds from the experiment's own upwards.
    pub(super) fn new(experiment: Experiment, asked: Asked, count: u64, directory: &Path) -> anyhow::Result<Self> {
        let first = experiment.train.seed;
        let Some(end) = first.checked_add(count) else {
            let help = "give a smaller --seed or fewer --seeds";
            return Err(InputError::new(format!("{count} seeds from {first} on are beyond the largest"), help).into());
        };
        output::make_dir(directory)?;
        let seeds: Vec<u64> = (first..end).collect();
        for seed in &seeds {
            let path = folder(directory, *seed).join(CHECKPOINT);
            if path.exists() {
                let help = format!("go on with --resume {}, or take another directory", directory.display());
                return Err(InputError::new("there is a run already", help).at(Place::file(&path)).into());
            }
        }
        let config = experiment.to_toml();
        output::write_file(&directory.join("config.toml"), |out| Ok(out.write_all(config.as_bytes())?))?;
        let file = File { seeds, asked, runs: Vec::new(), summary: None };
        let this = Self { experiment, directory: directory.to_owned(), file };
        this.write()?;
        Ok(this)
    }

    /// The seeds of a directory; `traces` stand in for those it was started with when there are any.
    pub(super) fn resume(directory: &Path, traces: &[PathBuf]) -> anyhow::Result<Self> {
        let path = directory.join(FILE);
        let text = std::fs::read_to_string(&path).map_err(|error| InputError::io(&path, "read", &error))?;
        let mut file: File = serde_json::from_str(&text).map_err(|error| {
            let place = Place::column(&path, error.line(), error.column());
            InputError::new(format!("not what `hpatune train --seeds` writes: {error}"), "start anew").at(place)
        })?;
        if !traces.is_empty() {
            file.asked.traces = traces.to_vec();
        }
        Ok(Self { experiment: experiment(directory)?, directory: directory.to_owned(), file })
    }

    /// Runs all seeds, or goes on with them, and prints how they ended.
    pub(super) fn run(
        mut self,
        device: Kind,
        tensorboard: bool,
        stopped: &AtomicBool,
        out: &mut impl Write,
    ) -> anyhow::Result<()> {
        let ground = {
            let origins = self.known()?;
            let known = Known::starts(self.experiment.train.start, &origins);
            Ground::prepare(&self.experiment, &self.file.asked, &known, stopped)?
        };
        let bar = output::progress(0, "steps");
        let one = |seed: u64| -> anyhow::Result<Option<Outcome>> {
            let mut experiment = self.experiment.clone();
            experiment.train.seed = seed;
            let session = ground.session(&experiment, device.open()?)?;
            let run = Run::open(session, &folder(&self.directory, seed), &experiment)?.named(format!("seed {seed}  "));
            let mut run = run.watched(tensorboard || experiment.train.tensorboard)?;
            bar.inc_length(run.session.total_steps() - run.session.step());
            let finished = run.learn(stopped, u64::MAX, &bar)?;
            Ok(finished.then(|| Outcome::of(seed, &run)))
        };
        let runs = together(self.file.seeds.clone(), device.runs_at_once(), one)?;
        bar.finish_and_clear();
        let runs: Option<Vec<Outcome>> = runs.into_iter().collect::<anyhow::Result<_>>()?;
        let Some(runs) = runs else {
            anyhow::bail!("interrupted; go on with `hpatune train --resume {}`", self.directory.display());
        };
        let summary = Summary::of(&runs);
        for name in [POLICY, CARD] {
            let best = folder(&self.directory, summary.best).join(name);
            let bytes = std::fs::read(&best).map_err(|error| InputError::io(&best, "read", &error))?;
            output::write_file(&self.directory.join(name), |out| Ok(out.write_all(&bytes)?))?;
        }
        (self.file.runs, self.file.summary) = (runs, Some(summary));
        self.write()?;
        #[cfg(feature = "plot")]
        self.draw()?;
        self.print(out)
    }

    /// The starts that any of the seeds has saved: all have the same.
    fn known(&self) -> Result<Vec<Origin>, InputError> {
        let paths = self.file.seeds.iter().map(|seed| folder(&self.directory, *seed).join(CHECKPOINT));
        let Some(path) = paths.into_iter().find(|path| path.exists()) else { return Ok(Vec::new()) };
        let saved = Archive::read(&path)?;
        session::card(&saved).map(|card| card.starts).map_err(|error| error.at(Place::file(&path)))
    }

    fn write(&self) -> anyhow::Result<()> {
        output::write_file(&self.directory.join(FILE), |out| {
            serde_json::to_writer_pretty(&mut *out, &self.file)?;
            Ok(writeln!(out)?)
        })
    }

    #[cfg(feature = "plot")]
    fn draw(&self) -> anyhow::Result<()> {
        use crate::plot::{Format, results};
        for picture in results::pictures(std::slice::from_ref(&self.directory))? {
            for format in [Format::Svg, Format::Png] {
                let bytes = picture.scene.render(format)?;
                let path = self.directory.join(format!("learning.{}", format.extension()));
                output::write_file(&path, |out| Ok(out.write_all(&bytes)?))?;
            }
        }
        Ok(())
    }

    fn print(&self, out: &mut impl Write) -> anyhow::Result<()> {
        let Some(summary) = &self.file.summary else { return Ok(()) };
        write!(out, "{}", table(&self.file.runs))?;
        let interval = summary.interval.map_or_else(
            || format!("no interval of fewer than {LEAST_FOR_INTERVAL} seeds"),
            |[lower, upper]| format!("95 % interval {} to {}", percent(lower), percent(upper)),
        );
        let (mean, iqm) = (percent(summary.mean), percent(summary.iqm));
        writeln!(out, "\nmean  {mean} % of the static HPA's cost on validation time ({interval}), IQM {iqm} %")?;
        let path = self.directory.join(POLICY);
        Ok(writeln!(out, "best  seed {}, copied to {}", summary.best, path.display())?)
    }
}

impl Outcome {
    fn of(seed: u64, run: &Run) -> Self {
        let best = run.best();
        Self {
            seed,
            steps: run.session.step(),
            cost_vs_reference: best.cost_vs_reference,
            violation_rate: best.violation_rate,
            reference_violation_rate: best.reference_violation_rate,
            flies: best.flies.iter().filter(|flies| **flies).count(),
            functions: best.flies.len(),
        }
    }
}

impl Summary {
    /// Of one run or more. The first of equals is the best.
    fn of(runs: &[Outcome]) -> Self {
        let costs: Vec<f64> = runs.iter().map(|run| run.cost_vs_reference).collect();
        let rates: Vec<f64> = runs.iter().map(|run| run.violation_rate).collect();
        let bootstrap = Bootstrap {
            tasks: runs.len(),
            seeds: 1,
            resamples: RESAMPLES,
            seed: 0,
            resampled: Resampled::TasksAndSeeds,
        };
        let interval = || {
            let all = bootstrap.intervals(std::slice::from_ref(&costs), 1, |means, out| out.copy_from_slice(means));
            let Interval { lower, upper, .. } = all[0];
            [lower, upper]
        };
        let best = runs.iter().min_by(|a, b| a.cost_vs_reference.total_cmp(&b.cost_vs_reference));
        Self {
            mean: mean(&costs),
            iqm: interquartile_mean(&costs),
            interval: (runs.len() >= LEAST_FOR_INTERVAL).then(interval),
            violation_rate: mean(&rates),
            best: best.map_or(0, |run| run.seed),
        }
    }
}

fn table(runs: &[Outcome]) -> Table {
    use Align::Right;
    let heads = ["seed", "steps", "cost %", "violations %", "static HPA's %", "functions flown"];
    let mut table = Table::new(&heads.map(|head| (head, Right)));
    for run in runs {
        table.row([
            run.seed.to_string(),
            run.steps.to_string(),
            percent(run.cost_vs_reference),
            format!("{:.3}", 100.0 * run.violation_rate),
            format!("{:.3}", 100.0 * run.reference_violation_rate),
            format!("{} of {}", run.flies, run.functions),
        ]);
    }
    table
}

/// Where a seed's run lies.
fn folder(directory: &Path, seed: u64) -> PathBuf {
    directory.join(format!("seed-{seed}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(seed: u64, cost: f64) -> Outcome {
        Outcome {
            seed,
            steps: 1000,
            cost_vs_reference: cost,
            violation_rate: 0.01,
            reference_violation_rate: 0.012,
            flies: 1,
            functions: 2,
        }
    }

    #[test]
    fn seeds_come_to_a_mean_an_iqm_and_an_interval() {
        let costs = [0.9, 1.0, 0.8, 0.95, 2.0];
        let runs: Vec<Outcome> = (3..).zip(costs).map(|(seed, cost)| outcome(seed, cost)).collect();
        let summary = Summary::of(&runs);
        // np.mean(x) = 1.13; stats.trim_mean(x, 0.25) = 0.95, SciPy 1.17.1
        assert!((summary.mean - 1.13).abs() < 1e-12 && (summary.iqm - 0.95).abs() < 1e-12);
        assert_eq!(summary.best, 5);
        let [lower, upper] = summary.interval.unwrap();
        assert!(lower > 0.85 && lower < 0.95 && upper > 1.3 && upper < 1.8, "{lower} to {upper}");
        assert_eq!(Summary::of(&runs[..2]).interval, None, "two seeds have no interval");
    }

    #[test]
    fn the_first_of_equal_seeds_is_kept() {
        assert_eq!(Summary::of(&[outcome(7, 0.9), outcome(4, 0.9)]).best, 7);
    }
}
