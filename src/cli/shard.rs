//! A comparison in parts: which part is ours, and the directory that keeps finished units.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use rayon::prelude::*;

use crate::cli::judgement::{Plan, json};
use crate::cli::output;
use crate::error::{InputError, Place};
use crate::eval::{Comparison, Unit};

/// The `index`-th of `count` parts, from 0: every unit whose place leaves that remainder is its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shard {
    index: usize,
    count: usize,
}

/// What `--shard` says: a part, or that the scheduler's environment says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wanted {
    index: Option<usize>,
    count: Option<usize>,
}

/// A scheduler's variables for index, count, first index and step.
type Variables = (&'static str, Option<&'static str>, Option<&'static str>, Option<&'static str>);

/// In the order in which they are looked for.
const SCHEDULERS: [Variables; 3] = [
    ("JOB_COMPLETION_INDEX", None, None, None),
    (
        "SLURM_ARRAY_TASK_ID",
        Some("SLURM_ARRAY_TASK_COUNT"),
        Some("SLURM_ARRAY_TASK_MIN"),
        Some("SLURM_ARRAY_TASK_STEP"),
    ),
    ("AWS_BATCH_JOB_ARRAY_INDEX", Some("AWS_BATCH_JOB_ARRAY_SIZE"), None, None),
];

const HELP: &str = "write K/N with K from 0 to N - 1, auto/N, or auto";

impl FromStr for Wanted {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is no part; {HELP}");
        let (index, count) = match text.split_once('/') {
            Some((index, count)) => (index, Some(count.parse().map_err(|_| wrong())?)),
            None => (text, None),
        };
        let index = if index == "auto" { None } else { Some(index.parse().map_err(|_| wrong())?) };
        let wanted = Self { index, count };
        match wanted {
            Self { index: Some(_), count: None } | Self { count: Some(0), .. } => Err(wrong()),
            Self { index: Some(index), count: Some(count) } if index >= count => Err(wrong()),
            _ => Ok(wanted),
        }
    }
}

impl Wanted {
    /// The part, with what is open taken from the scheduler's variables.
    ///
    /// # Errors
    /// Variables that are not there, or make no part.
    pub(super) fn resolve(self, variable: &dyn Fn(&str) -> Option<String>) -> Result<Shard, InputError> {
        let wrong = |problem: String| Err(InputError::new(problem, HELP).field("--shard"));
        if let (Some(index), Some(count)) = (self.index, self.count) {
            return Ok(Shard { index, count });
        }
        let Some(scheduler) = SCHEDULERS.into_iter().find(|scheduler| variable(scheduler.0).is_some()) else {
            let names = SCHEDULERS.map(|scheduler| scheduler.0).join(", ");
            return wrong(format!("none of {names} is set"));
        };
        let number = |name: &str| -> Result<Option<usize>, InputError> {
            let Some(text) = variable(name) else { return Ok(None) };
            let parsed = text.trim().parse().map(Some);
            parsed.map_err(|_| InputError::new(format!("{name} = {text:?} is no count"), HELP).field("--shard"))
        };
        let optional = |name: Option<&str>| name.map_or(Ok(None), number);
        let first = optional(scheduler.2)?.unwrap_or(0);
        let step = optional(scheduler.3)?.unwrap_or(1).max(1);
        let given = number(scheduler.0)?.unwrap_or(0);
        let Some(count) = self.count.map_or_else(|| optional(scheduler.1), |count| Ok(Some(count)))? else {
            return wrong(format!("{} does not say how many parts there are", scheduler.0));
        };
        match given.checked_sub(first).map(|past| past / step) {
            Some(index) if index < count => Ok(Shard { index, count }),
            _ => wrong(format!("{} = {given} is none of {count} parts", scheduler.0)),
        }
    }
}

/// The name of the plan's file.
const PLAN: &str = "plan.json";

/// Makes the part's units that the directory does not hold yet, each in a file of its own; says how many were there.
///
/// # Errors
/// A directory that holds units of another comparison, and files that cannot be written.
pub(super) fn run(
    comparison: &Comparison<'_>,
    plan: &Plan,
    part: Shard,
    directory: &Path,
) -> anyhow::Result<[usize; 2]> {
    output::make_dir(directory)?;
    let path = directory.join(PLAN);
    if path.exists() {
        let there: Plan = read(&path)?;
        if let Some(what) = difference(&there, plan) {
            let problem = format!("the directory holds units of another comparison: {what}");
            let help = "give another directory with -o, or remove this one";
            return Err(InputError::new(problem, help).at(Place::file(directory)).into());
        }
    } else {
        output::write_file(&path, |mut file| json(plan, &mut file))?;
    }
    let own: Vec<usize> = (0..plan.tasks.len()).filter(|index| index % part.count == part.index).collect();
    let missing: Vec<usize> = own.iter().copied().filter(|&index| unit(directory, index, plan).is_err()).collect();
    missing.par_iter().try_for_each(|&index| {
        let made = comparison.unit(index);
        output::write_file(&file(directory, index), |file| Ok(serde_json::to_writer(file, &made)?))
    })?;
    Ok([missing.len(), own.len() - missing.len()])
}

/// The plan that all directories share, and its units in order.
///
/// # Errors
/// Directories without a plan or with different ones, and units that are damaged or missing.
pub(super) fn gather(directories: &[PathBuf]) -> Result<(Plan, Vec<Unit>), InputError> {
    let mut plans =
        directories.iter().map(|directory| read::<Plan>(&directory.join(PLAN)).map(|plan| (directory, plan)));
    let Some((first, plan)) = plans.next().transpose()? else {
        return Err(InputError::new("there is nothing to merge", "name the directories of `evaluate --shard`"));
    };
    for other in plans {
        let (directory, other) = other?;
        if let Some(what) = difference(&plan, &other) {
            let problem = format!("it is of another comparison than {}: {what}", first.display());
            return Err(InputError::new(problem, "merge parts of one comparison").at(Place::file(directory)));
        }
    }
    let (mut units, mut missing) = (Vec::new(), Vec::new());
    for index in 0..plan.tasks.len() {
        let holder = directories.iter().find(|directory| file(directory, index).is_file());
        match holder {
            Some(directory) => units.push(unit(directory, index, &plan)?),
            None => missing.push(index),
        }
    }
    if let Some(first) = missing.first() {
        let (trace, function) = &plan.tasks[*first];
        let (count, all) = (missing.len(), plan.tasks.len());
        let problem = format!("{count} of {all} units are missing, the first is {first}: {trace} / {function}");
        let help = "run the parts that did not end again, with the same -o; what is finished is skipped";
        return Err(InputError::new(problem, help));
    }
    Ok((plan, units))
}

fn file(directory: &Path, index: usize) -> PathBuf {
    directory.join(format!("unit-{index:06}.json"))
}

/// A unit as it was written, which must be of the plan.
fn unit(directory: &Path, index: usize, plan: &Plan) -> Result<Unit, InputError> {
    let path = file(directory, index);
    let unit: Unit = read(&path)?;
    let (trace, function) = &plan.tasks[index];
    let whole = unit.index == index && unit.is_whole(plan.policies.len(), plan.seeds.len());
    if whole && unit.bound.trace == *trace && unit.bound.function == *function {
        return Ok(unit);
    }
    let problem = format!("it is not unit {index} of this comparison");
    Err(InputError::new(problem, "remove it, and run its part again").at(Place::file(&path)))
}

fn read<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T, InputError> {
    let help = "give a directory that `hpatune evaluate --shard` wrote; remove a damaged unit, and run its part again";
    let text = std::fs::read_to_string(path).map_err(|error| {
        let missing = error.kind() == std::io::ErrorKind::NotFound;
        let error = InputError::io(path, "read", &error);
        if missing { InputError { help: help.to_owned(), ..error } } else { error }
    })?;
    serde_json::from_str(&text).map_err(|error| {
        let place = Place::column(path, error.line(), error.column().max(1));
        InputError::new(error.to_string(), help).at(place)
    })
}

/// The first field in which two plans differ, and both values.
fn difference(one: &Plan, other: &Plan) -> Option<String> {
    let [one, other] = [one, other].map(|plan| serde_json::to_value(plan).unwrap_or_default());
    let fields = one.as_object()?.iter();
    fields.zip(other.as_object()?.values()).find(|((_, a), b)| a != b).map(|((key, a), b)| {
        let short = |value: &serde_json::Value| value.to_string().chars().take(80).collect::<String>();
        format!("{key} is {} here and {} there", short(a), short(b))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(text: &str, variables: &[(&str, &str)]) -> Result<(usize, usize), String> {
        let variable = |name: &str| variables.iter().find(|it| it.0 == name).map(|it| it.1.to_owned());
        let wanted = text.parse::<Wanted>()?;
        wanted.resolve(&variable).map(|it| (it.index, it.count)).map_err(|error| error.to_string())
    }

    #[test]
    fn a_part_is_named_or_taken_from_the_scheduler() {
        assert_eq!(resolved("2/3", &[("JOB_COMPLETION_INDEX", "0")]), Ok((2, 3)));
        assert_eq!(resolved("auto/4", &[("JOB_COMPLETION_INDEX", "3")]), Ok((3, 4)));
        assert_eq!(
            resolved("auto", &[("AWS_BATCH_JOB_ARRAY_INDEX", "1"), ("AWS_BATCH_JOB_ARRAY_SIZE", "9")]),
            Ok((1, 9))
        );
        let slurm = [
            ("SLURM_ARRAY_TASK_ID", "10"),
            ("SLURM_ARRAY_TASK_MIN", "2"),
            ("SLURM_ARRAY_TASK_STEP", "4"),
            ("SLURM_ARRAY_TASK_COUNT", "3"),
        ];
        assert_eq!(resolved("auto", &slurm), Ok((2, 3)), "2, 6 and 10 are three parts");
    }

    #[test]
    fn what_is_no_part_is_refused() {
        for text in ["3/3", "-1/3", "1", "1/0", "a/3", "", "auto/0"] {
            assert!(resolved(text, &[]).is_err(), "{text}");
        }
        let unset = resolved("auto/3", &[]).unwrap_err();
        assert!(unset.contains("none of JOB_COMPLETION_INDEX, SLURM_ARRAY_TASK_ID"), "{unset}");
        let open = resolved("auto", &[("JOB_COMPLETION_INDEX", "3")]).unwrap_err();
        assert!(open.contains("does not say how many parts"), "{open}");
        let beyond = resolved("auto/3", &[("JOB_COMPLETION_INDEX", "3")]).unwrap_err();
        assert!(beyond.contains("JOB_COMPLETION_INDEX = 3 is none of 3 parts"), "{beyond}");
        assert!(resolved("auto/3", &[("JOB_COMPLETION_INDEX", "x")]).is_err());
    }
}
