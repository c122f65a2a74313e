//! `metrics.jsonl` of a training run.

use std::path::Path;

use serde::Deserialize;

use crate::error::{InputError, Place};
use crate::plot::learning::Learning;

#[derive(Debug, Deserialize)]
struct Record {
    step: f64,
    #[serde(rename = "return")]
    mean_return: Option<f64>,
    violation_rate: Option<f64>,
    cost_vs_reference: Option<f64>,
    validation_violation_rate: Option<f64>,
    validation_cost_vs_reference: Option<f64>,
}

/// The run called `name`. A last line that was cut off is passed over: training may still be at it.
pub(super) fn learning(name: &str, text: &str, path: &Path) -> Result<Learning, InputError> {
    let mut run = Learning { name: name.to_owned(), ..Learning::default() };
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let record: Record = match serde_json::from_str(line) {
            Ok(record) => record,
            Err(error) if error.is_eof() && !text.ends_with('\n') => break,
            Err(error) => {
                let help = "give metrics.jsonl of `hpatune train`";
                let message = error.to_string();
                let message = message.split(" at line ").next().unwrap_or_default();
                return Err(InputError::new(message, help).at(Place::column(path, index + 1, error.column().max(1))));
            }
        };
        let known = |value: Option<f64>| value.unwrap_or(f64::NAN);
        run.step.push(record.step);
        run.returns.push(known(record.mean_return));
        run.violations.push(known(record.violation_rate));
        run.cost.push(known(record.cost_vs_reference));
        run.judged_violations.push(known(record.validation_violation_rate));
        run.judged_cost.push(known(record.validation_cost_vs_reference));
    }
    Ok(run)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_read_up_to_a_line_that_was_cut_off() {
        let text = "{\"step\":1,\"return\":-2.5,\"extra\":0}\n{\"step\":2,\"return\":null}\n{\"step\":3,\"ret";
        let run = learning("a", text, Path::new("metrics.jsonl")).unwrap();
        assert_eq!(run.step, [1.0, 2.0]);
        assert_eq!(run.returns.first(), Some(&-2.5));
        assert!(run.returns[1].is_nan());
        let error = learning("a", "{\"step\":1}\n{\"stop\":2}\n", Path::new("metrics.jsonl")).unwrap_err();
        assert_eq!(error.to_string(), "metrics.jsonl:2:10: missing field `step`");
    }
}
