//! The file of `--state`: what a loop of single decisions keeps between two of them.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::cli::output;
use crate::env::settings::Mode;
use crate::env::{self, Memory, Pilot};
use crate::error::{InputError, Place};
use crate::hpa::Spec;
use crate::rl::policy::Card;
use crate::sim::{Knobs, Patch};
use crate::units::{self, Replicas, SimTime};

/// Control intervals after which what a recurrent policy remembers is of another time.
const STALE: u32 = 4;

const ANEW: &str = "name another file; or give the HPA its own fields back, and delete this one";

/// The file of `--state`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct State {
    pub(super) policy_sha256: String,
    pub(super) function: String,
    /// Instant of the last decision, in milliseconds since 1970, or since the origin of metrics without dates.
    pub(super) at_ms: i64,
    pub(super) memory: Memory,
    /// What a recurrent policy remembers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) recurrent: Vec<f32>,
}

/// The decision that is to be taken.
#[derive(Debug, Clone, Copy)]
pub(super) struct Present<'a> {
    pub(super) env: &'a env::Settings,
    pub(super) policy_sha256: &'a str,
    pub(super) function: &'a str,
    pub(super) at_ms: i64,
    /// The end of the metrics.
    pub(super) now: SimTime,
    /// The live HPA, and its fields that can be moved.
    pub(super) spec: &'a Spec,
    pub(super) knobs: Option<Knobs>,
}

/// What a decision goes on from; of the first one nothing.
#[derive(Debug, Default)]
pub(super) struct Recalled {
    pub(super) pilot: Pilot,
    /// What a recurrent policy remembers.
    pub(super) recurrent: Vec<f32>,
    /// Gives the HPA back what another policy has set.
    pub(super) restored: Patch,
}

/// What a policy has to remember between two decisions, in words; `None` when each can stand alone.
pub(super) fn needed(card: &Card) -> Option<&'static str> {
    let env = &card.env;
    let direct = "the policy sets both bounds, and would take those it has set for the HPA's own";
    let recurrent = "the policy remembers what it has seen, and would forget it after this decision";
    let frames = "the policy sees the observations of decisions before, and would have this one alone";
    let cooldown = "the policy changes nothing soon after a change, and would not know of one";
    [
        (env.action.mode == Mode::Direct, direct),
        (card.memory > 0, recurrent),
        (env.observation.frames > 1, frames),
        (!env.action.cooldown.is_zero(), cooldown),
    ]
    .into_iter()
    .find_map(|(does, problem)| does.then_some(problem))
}

/// Checks that a state can be kept at `path`, and that nothing else goes there.
pub(super) fn check(path: &Path, output: &Path) -> Result<(), InputError> {
    let wrong = |problem: &str, help: &str| Err(InputError::new(problem, help).field("--state"));
    if path.as_os_str() == "-" || fs::metadata(path).is_ok_and(|it| !it.is_file() && !it.is_dir()) {
        return wrong("a state is read again, and this is no file", "name a file");
    }
    if output.as_os_str() != "-" && real(path).is_some_and(|it| real(output) == Some(it)) {
        return wrong("the patch goes to the same file", "name another file with --output or --state");
    }
    output::check_file(path)
}

/// Where a path leads, also when there is no file yet.
fn real(path: &Path) -> Option<PathBuf> {
    let new = || {
        let parent = path.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."));
        Some(fs::canonicalize(parent).ok()?.join(path.file_name()?))
    };
    fs::canonicalize(path).ok().or_else(new)
}

impl State {
    /// Reads a state; `None` when there is no file yet.
    fn read(path: &Path) -> Result<Option<Self>, InputError> {
        let text = match fs::read_to_string(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            read => read.map_err(|error| InputError::io(path, "read", &error))?,
        };
        serde_json::from_str(&text)
            .map(Some)
            .map_err(|error| InputError::new(format!("this is not a state of `hpatune recommend`: {error}"), ANEW))
    }

    pub(super) fn write(&self, path: &Path) -> anyhow::Result<()> {
        output::write_file(path, |file| {
            serde_json::to_writer_pretty(&mut *file, self)?;
            Ok(writeln!(file)?)
        })
    }

    /// What is kept at `path` for the decision at `present`; `None` when nothing is yet.
    pub(super) fn recall(path: &Path, present: &Present<'_>) -> Result<Option<Recalled>, InputError> {
        let recall = |state: Self| state.recalled(path, present);
        Self::read(path).and_then(|state| state.map(recall).transpose()).map_err(|error| error.at(Place::file(path)))
    }

    fn recalled(self, path: &Path, present: &Present<'_>) -> Result<Recalled, InputError> {
        if self.function != present.function {
            let problem = format!("it is of {:?}, and the metrics are of {:?}", self.function, present.function);
            return Err(InputError::new(problem, "name another file").field("function"));
        }
        let Some(elapsed) = present.at_ms.checked_sub(self.at_ms).and_then(|ms| u64::try_from(ms).ok()) else {
            let problem = "the last decision is later than the end of the metrics";
            return Err(InputError::new(problem, "give newer metrics, or name another file").field("at_ms"));
        };
        let elapsed = Duration::from_millis(elapsed);
        let least = Replicas::from(!present.spec.can_leave_zero());
        let pilot = |memory: &Memory| Pilot::resume(memory, present.spec.max_replicas, present.now, elapsed);
        let told = |error: InputError| InputError { help: ANEW.to_owned(), ..error };
        if self.policy_sha256 == present.policy_sha256 {
            self.memory.check(present.env, least).map_err(told)?;
            let recurrent = fresh(self.recurrent, elapsed, present.env.control_interval);
            // Whoever no longer sets maxReplicas leaves it where it was before, should an earlier patch have got lost.
            let restored = Patch { max_replicas: self.memory.max_replicas, ..Patch::default() };
            return Ok(Recalled { pilot: pilot(&self.memory), recurrent, restored });
        }
        tracing::warn!(
            "{}: it was written with another policy: the HPA's own fields are kept, what that policy remembered is not",
            path.display()
        );
        let memory = self.memory.handed_over();
        memory.check_own(least).map_err(told)?;
        let restored = present.knobs.map(|knobs| restored(&memory, &knobs)).unwrap_or_default();
        Ok(Recalled { pilot: pilot(&memory), recurrent: Vec::new(), restored })
    }
}

/// What a recurrent policy remembers, unless it is of another time.
fn fresh(recurrent: Vec<f32>, elapsed: Duration, interval: Duration) -> Vec<f32> {
    if recurrent.is_empty() || elapsed <= STALE * interval {
        return recurrent;
    }
    tracing::warn!(
        "the last decision was {} ago, and the policy decides every {}: it forgets what it remembers",
        units::friendly(elapsed),
        units::friendly(interval)
    );
    Vec::new()
}

/// The HPA's own fields, where they differ from those in use.
fn restored(own: &Memory, live: &Knobs) -> Patch {
    let stabilize_down = Duration::from_secs(own.stabilize_down_s);
    Patch {
        min_replicas: Some(own.min_replicas).filter(|&min| min != live.min_replicas),
        max_replicas: own.max_replicas.filter(|&max| max != live.max_replicas),
        target_cpu: own.target_cpu.filter(|_| own.target_cpu != live.target_cpu),
        stabilize_down: Some(stabilize_down).filter(|&window| window != live.stabilize_down),
        ..Patch::default()
    }
}
