//! A search over settings: random draws, and successive halving of those that are drawn; or trials that are written out,
//! as for an ablation, all of which take the whole run.
//!
//! Every trial gets a few steps; of each rung the best one in `eta` goes on, up to the whole run. Sources: Bergstra and
//! Bengio, Random Search for Hyper-Parameter Optimization, JMLR 13 (2012); Jamieson and Talwalkar, Non-stochastic Best Arm
//! Identification and Hyperparameter Optimization, AISTATS 2016, algorithm 1.

use rand::RngExt;
use serde::Deserialize;
use toml::{Table, Value};

use crate::error::{InputError, within};
use crate::random::{self, Purpose};

/// The file of a sweep: `[parameters]`, or `[[trials]]`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sweep {
    /// Environment steps that all drawn trials together may take.
    #[serde(default)]
    pub budget: u64,
    /// Steps of the first rung.
    #[serde(default)]
    pub min_steps: u64,
    /// Of each rung one trial in this many goes on, with this many times the steps; 2 to 16.
    #[serde(default = "three")]
    pub eta: u64,
    /// Seed of the draws. That of training is `train.seed`.
    #[serde(default)]
    pub seed: u64,
    /// What is drawn: keys of `[train]` and `[env]`.
    #[serde(default)]
    parameters: Table,
    /// Trials that are written out.
    #[serde(default)]
    trials: Vec<Trial>,
}

/// A trial that is written out.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Trial {
    /// What tables call it.
    name: String,
    /// Values of keys of `[train]` and `[env]`, `train.seed` among them.
    #[serde(default)]
    set: Table,
}

fn three() -> u64 {
    3
}

/// Where a parameter's values come from.
#[derive(Debug, Clone, PartialEq)]
enum Range {
    /// Evenly from `low` to `high`; whole numbers where both are, with both ends.
    Even { low: f64, high: f64, whole: bool },
    /// As above, evenly in the logarithm.
    Log { low: f64, high: f64, whole: bool },
    /// One of these.
    Choices(Vec<Value>),
}

/// A parameter: its dotted key and its range.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameter {
    /// As in `train.learning_rate`.
    pub key: String,
    range: Range,
}

/// How far trials go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rung {
    /// Steps that a trial has taken at its end.
    pub steps: u64,
    /// Trials that take part.
    pub trials: u64,
}

/// Keys that a sweep leaves alone: it sets them itself, or they say nothing about the policy.
const OWN: [&str; 4] = ["train.steps", "train.seed", "train.traces", "train.tensorboard"];

/// A sweep of more trials is a slip of the pen.
const MOST_TRIALS: u64 = 100_000;

impl Sweep {
    /// Checks the ranges, and returns the parameters in the order of the file, those of a table together.
    ///
    /// # Errors
    /// The first key or value that is wrong.
    pub fn parameters(&self) -> Result<Vec<Parameter>, InputError> {
        if !self.trials.is_empty() {
            return self.check_trials().map(|()| Vec::new());
        }
        within("eta", self.eta as f64, 2.0, 16.0)?;
        within("min_steps", self.min_steps as f64, 1.0, self.budget as f64)?;
        let mut all = Vec::new();
        collect("", &self.parameters, &mut all)?;
        if all.is_empty() {
            let help =
                "write [parameters] with a key, as in `train.learning_rate = { log = [1e-4, 1e-2] }`, or [[trials]]";
            return Err(InputError::new("there is nothing to draw", help).field("parameters"));
        }
        Ok(all)
    }

    fn check_trials(&self) -> Result<(), InputError> {
        let wrong = |problem: String, help: &str, field: &str| Err(InputError::new(problem, help).field(field));
        if !self.parameters.is_empty() || self.budget > 0 || self.min_steps > 0 {
            let help = "leave out parameters, budget and min_steps, or the trials";
            return wrong(
                "trials that are written out are not drawn, and all take train.steps".to_owned(),
                help,
                "trials",
            );
        }
        for (index, trial) in self.trials.iter().enumerate() {
            if self.trials[..index].iter().any(|before| before.name == trial.name) {
                return wrong(format!("two trials are called {:?}", trial.name), "give another name", "trials.name");
            }
            for (key, _) in flat("", &trial.set) {
                let known = key.starts_with("train.") || key.starts_with("env.");
                if !known || OWN.contains(&key.as_str()) && key != "train.seed" {
                    let help = "take another key of [train] or [env]";
                    return wrong("a sweep does not set this key".to_owned(), help, &format!("trials.set.{key}"));
                }
            }
        }
        Ok(())
    }

    /// What tables call a trial that is written out; 0 is the experiment as it stands.
    #[must_use]
    pub fn name(&self, trial: u64) -> Option<&str> {
        let written = (trial as usize).checked_sub(1).and_then(|index| self.trials.get(index));
        written.map(|trial| trial.name.as_str()).or_else(|| (!self.trials.is_empty()).then_some("as it stands"))
    }

    /// The rungs up to `steps`, with as many trials as the budget allows; one rung where trials are written out.
    ///
    /// # Errors
    /// The budget is too small for two trials.
    pub fn rungs(&self, steps: u64) -> Result<Vec<Rung>, InputError> {
        if !self.trials.is_empty() {
            return Ok(vec![Rung { steps, trials: 1 + self.trials.len() as u64 }]);
        }
        let most = (2..=MOST_TRIALS).take_while(|&trials| cost(&self.plan(steps, trials)) <= self.budget).last();
        let Some(trials) = most else {
            let need = cost(&self.plan(steps, 2));
            let problem = format!("{} steps are too few for two trials of up to {steps} steps", self.budget);
            let help = format!("write {need} or more, or lower train.steps");
            return Err(InputError::new(problem, help).field("budget"));
        };
        Ok(self.plan(steps, trials))
    }

    fn plan(&self, steps: u64, trials: u64) -> Vec<Rung> {
        let mut rungs = vec![Rung { steps: self.min_steps.min(steps), trials }];
        while let Some(last) = rungs.last().filter(|rung| rung.steps < steps) {
            let next =
                Rung { steps: last.steps.saturating_mul(self.eta).min(steps), trials: (last.trials / self.eta).max(1) };
            rungs.push(next);
        }
        rungs
    }

    /// The values of a trial: one a parameter, or those that are written out. Trial 0 is the experiment as it stands and has none.
    #[must_use]
    pub fn draw(&self, parameters: &[Parameter], trial: u64) -> Vec<(String, Value)> {
        if trial == 0 {
            return Vec::new();
        }
        if let Some(written) = self.trials.get(trial as usize - 1) {
            return flat("", &written.set);
        }
        let mut rng = random::stream(self.seed, Purpose::Sweep, trial);
        parameters.iter().map(|it| (it.key.clone(), it.range.at(rng.random()))).collect()
    }
}

/// Steps that all trials take together.
fn cost(rungs: &[Rung]) -> u64 {
    let before = std::iter::once(0).chain(rungs.iter().map(|rung| rung.steps));
    let one = |(rung, before): (&Rung, u64)| rung.trials.saturating_mul(rung.steps - before);
    rungs.iter().zip(before).map(one).fold(0, u64::saturating_add)
}

/// The trials that go on: the `keep` of least cost, the earlier of equals; what has no cost comes last.
#[must_use]
pub fn promoted(results: &[(u64, Option<f64>)], keep: u64) -> Vec<u64> {
    let mut order: Vec<&(u64, Option<f64>)> = results.iter().collect();
    let key = |cost: Option<f64>| cost.unwrap_or(f64::INFINITY);
    order.sort_by(|a, b| key(a.1).total_cmp(&key(b.1)).then(a.0.cmp(&b.0)));
    order.into_iter().filter(|it| it.1.is_some()).take(keep as usize).map(|it| it.0).collect()
}

/// The values of nested tables by dotted keys.
fn flat(prefix: &str, table: &Table) -> Vec<(String, Value)> {
    let one = |(key, value): (&String, &Value)| {
        let path = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
        match value {
            Value::Table(inner) => flat(&path, inner),
            value => vec![(path, value.clone())],
        }
    };
    table.iter().flat_map(one).collect()
}

fn collect(prefix: &str, table: &Table, all: &mut Vec<Parameter>) -> Result<(), InputError> {
    for (key, value) in table {
        let path = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
        let field = format!("parameters.{path}");
        let wrong = |problem: &str, help: &str| InputError::new(problem, help).field(field.clone());
        let help = "write { range = [LOW, HIGH] }, { log = [LOW, HIGH] } or { choices = [...] }";
        let Value::Table(inner) = value else { return Err(wrong("this is no range", help)) };
        let kind = ["range", "log", "choices"].into_iter().find(|kind| inner.contains_key(*kind));
        let Some(kind) = kind else {
            collect(&path, inner, all)?;
            continue;
        };
        if inner.len() > 1 {
            return Err(wrong("a range has one key", help));
        }
        let known = path.starts_with("train.") || path.starts_with("env.");
        if !known || OWN.contains(&path.as_str()) {
            return Err(wrong("a sweep does not draw this key", "take another key of [train] or [env]"));
        }
        let Value::Array(values) = &inner[kind] else { return Err(wrong("this is no list", help)) };
        all.push(Parameter { range: range(kind, values).map_err(|problem| wrong(&problem, help))?, key: path });
    }
    Ok(())
}

fn range(kind: &str, values: &[Value]) -> Result<Range, String> {
    if kind == "choices" {
        return if values.is_empty() {
            Err("there is no choice".to_owned())
        } else {
            Ok(Range::Choices(values.to_vec()))
        };
    }
    let [low, high] = values else { return Err(format!("a range has two ends, not {}", values.len())) };
    let whole = low.is_integer() && high.is_integer();
    let number = |value: &Value| value.as_float().or(value.as_integer().map(|whole| whole as f64));
    let (Some(low), Some(high)) = (number(low), number(high)) else { return Err("an end is no number".to_owned()) };
    if !(low < high && low.is_finite() && high.is_finite()) {
        return Err(format!("{low} is not below {high}"));
    }
    match kind {
        "log" if low <= 0.0 => Err(format!("{low} has no logarithm")),
        "log" => Ok(Range::Log { low, high, whole }),
        _ => Ok(Range::Even { low, high, whole }),
    }
}

impl Range {
    /// The value at `share` of the range, 0 to 1. Numbers that are not whole have four significant digits.
    fn at(&self, share: f64) -> Value {
        let number = |value: f64, whole: bool| {
            if whole {
                return Value::Integer(value as i64);
            }
            Value::Float(format!("{value:.3e}").parse().unwrap_or(value))
        };
        match *self {
            Self::Even { low, high, whole: true } => number((low + share * (high - low + 1.0)).floor().min(high), true),
            Self::Even { low, high, whole } => number((low + share * (high - low)).clamp(low, high), whole),
            Self::Log { low, high, whole } => {
                let value = (low.ln() + share * (high / low).ln()).exp().clamp(low, high);
                number(if whole { value.round() } else { value }, whole)
            }
            Self::Choices(ref values) => values[((share * values.len() as f64) as usize).min(values.len() - 1)].clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "budget = 1000\nmin_steps = 10\neta = 3\nseed = 5\n[parameters]\n\
        train.learning_rate = { log = [1e-4, 1e-2] }\ntrain.epochs = { range = [2, 5] }\n\
        \"env.episode\" = { choices = [\"1h\", \"2h\"] }\ntrain.clip = { range = [0.1, 0.3] }\n";

    fn sweep(text: &str) -> Sweep {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn draws_stay_in_their_ranges_and_repeat() {
        let sweep = sweep(FILE);
        let parameters = sweep.parameters().unwrap();
        let keys: Vec<&str> = parameters.iter().map(|it| it.key.as_str()).collect();
        assert_eq!(keys, ["train.learning_rate", "train.epochs", "train.clip", "env.episode"]);
        assert!(sweep.draw(&parameters, 0).is_empty(), "the first trial is the experiment itself");
        let (mut low, mut epochs, mut hours) = (0, [0; 6], 0);
        for trial in 1..=2000 {
            let drawn = sweep.draw(&parameters, trial);
            assert_eq!(drawn, sweep.draw(&parameters, trial));
            let rate = drawn[0].1.as_float().unwrap();
            assert!((1e-4..=1e-2).contains(&rate));
            low += i32::from(rate < 1e-3);
            epochs[drawn[1].1.as_integer().unwrap() as usize] += 1;
            hours += i32::from(drawn[3].1.as_str().unwrap() == "1h");
            assert!((0.1..=0.3).contains(&drawn[2].1.as_float().unwrap()));
        }
        // Four standard deviations of a binomial count are 90 at one half, 78 at one quarter.
        assert!((low - 1000).abs() < 90, "half of the draws lie below the geometric mean, not {low}");
        assert!(epochs[2..].iter().all(|&count: &i32| (count - 500).abs() < 78), "{epochs:?}");
        assert!((hours - 1000).abs() < 90);
    }

    #[test]
    fn rungs_halve_trials_and_spend_no_more_than_the_budget() {
        // 27 trials of 10 steps, 9 of 20 more, 3 of 60 more, 1 of 180 more: 270 + 180 + 180 + 180 = 810.
        let rungs = sweep(FILE).rungs(270).unwrap();
        let all: Vec<(u64, u64)> = rungs.iter().map(|rung| (rung.steps, rung.trials)).collect();
        assert_eq!((all[0].0, all[1].0, all[2].0, all[3].0, all.len()), (10, 30, 90, 270, 4));
        assert_eq!(cost(&sweep(FILE).plan(270, 27)), 810);
        let more = Sweep { min_steps: 10, ..sweep(FILE) }.plan(270, rungs[0].trials + 1);
        assert!(cost(&rungs) <= 1000 && cost(&more) > 1000, "one trial more would be too many");
        let error = Sweep { budget: 100, ..sweep(FILE) }.rungs(270).unwrap_err();
        assert_eq!(error.help, "write 280 or more, or lower train.steps");
    }

    #[test]
    fn the_cheapest_go_on_and_what_failed_never_does() {
        let results = [(0, Some(0.9)), (1, None), (2, Some(0.8)), (3, Some(0.9)), (4, Some(f64::NAN))];
        assert_eq!(promoted(&results, 2), [2, 0]);
        assert!(promoted(&[(1, None)], 1).is_empty());
    }

    #[test]
    fn trials_that_are_written_out_all_take_the_whole_run() {
        let text = "[[trials]]\nname = \"no critic\"\nset.train.critic = \"plain\"\nset.train.group = 1\n\
            [[trials]]\nname = \"another seed\"\nset.train.seed = 7\n";
        let written = sweep(text);
        assert!(written.parameters().unwrap().is_empty());
        assert_eq!(written.rungs(500).unwrap(), [Rung { steps: 500, trials: 3 }]);
        let keys: Vec<String> = written.draw(&[], 1).into_iter().map(|(key, _)| key).collect();
        assert_eq!(keys, ["train.critic", "train.group"]);
        assert_eq!((written.name(0), written.name(2)), (Some("as it stands"), Some("another seed")));
        assert_eq!(sweep(FILE).name(1), None);
        for (line, problem) in [
            ("budget = 9\n[[trials]]\nname = \"a\"", "`trials`: trials that are written out are not drawn"),
            (
                "[[trials]]\nname = \"a\"\nset.train.steps = 9",
                "`trials.set.train.steps`: a sweep does not set this key",
            ),
            ("[[trials]]\nname = \"a\"\n[[trials]]\nname = \"a\"", "`trials.name`: two trials are called \"a\""),
        ] {
            let error = sweep(line).parameters().unwrap_err().to_string();
            assert!(error.starts_with(problem), "{error}");
        }
    }

    #[test]
    fn the_shipped_file_is_right() {
        let sweep = sweep(include_str!("../../configs/sweep.toml"));
        assert_eq!(sweep.parameters().unwrap().len(), 9);
        let rungs = sweep.rungs(1_000_000).unwrap();
        assert!(rungs[0].trials >= 27 && rungs.len() == 4, "{rungs:?}");
    }

    #[test]
    fn what_is_no_range_is_refused_by_key() {
        for (line, problem) in [
            ("train.clip = 0.2", "`parameters.train.clip`: this is no range"),
            ("train.clip = { range = [2, 1] }", "`parameters.train.clip`: 2 is not below 1"),
            ("train.clip = { log = [0, 1] }", "`parameters.train.clip`: 0 has no logarithm"),
            ("train.clip = { choices = [] }", "`parameters.train.clip`: there is no choice"),
            ("train.seed = { range = [0, 9] }", "`parameters.train.seed`: a sweep does not draw this key"),
            ("pod.concurrency = { range = [1, 9] }", "`parameters.pod.concurrency`: a sweep does not draw this key"),
        ] {
            let sweep = sweep(&format!("budget = 10\nmin_steps = 1\n[parameters]\n{line}\n"));
            assert_eq!(sweep.parameters().unwrap_err().to_string(), problem);
        }
    }
}
