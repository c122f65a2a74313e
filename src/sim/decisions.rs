//! How a learned policy decided over a run: sums over its decisions, which add up over runs.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One decision of a learned policy. What a policy of its kind does not have is `None`.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Decision {
    /// Entropy of what its action is drawn from, in nats.
    pub entropy: Option<f64>,
    /// Share of choices that masks forbid, 0 to 1.
    pub masked: Option<f64>,
    /// Whether something else was done than it chose.
    pub overridden: bool,
    /// Kullback–Leibler divergence of what its action is drawn from, from what learning started with, in nats.
    pub kl: Option<f64>,
}

/// Sums over decisions.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Decisions {
    entropy: Mean,
    masked: Mean,
    overridden: Mean,
    kl: Mean,
}

/// The mean of what was known.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct Mean {
    sum: f64,
    count: f64,
}

impl Mean {
    fn take(&mut self, value: Option<f64>) {
        if let Some(value) = value {
            self.sum += value;
            self.count += 1.0;
        }
    }

    fn add(&mut self, other: Self) {
        self.sum += other.sum;
        self.count += other.count;
    }

    fn mean(self) -> Option<f64> {
        (self.count > 0.0).then(|| self.sum / self.count)
    }

    fn percent(self) -> Option<f64> {
        self.mean().map(|share| 100.0 * share)
    }
}

impl Decisions {
    /// Counts a decision.
    pub fn take(&mut self, decision: &Decision) {
        self.entropy.take(decision.entropy);
        self.masked.take(decision.masked);
        self.overridden.take(Some(f64::from(u8::from(decision.overridden))));
        self.kl.take(decision.kl);
    }

    /// Adds the decisions of another run.
    pub fn add(&mut self, other: &Self) {
        self.entropy.add(other.entropy);
        self.masked.add(other.masked);
        self.overridden.add(other.overridden);
        self.kl.add(other.kl);
    }

    /// The figures; `None` of no decisions.
    #[must_use]
    pub fn control(&self) -> Option<Control> {
        let control = Control {
            entropy: self.entropy.mean(),
            masked_pct: self.masked.percent(),
            overridden_pct: self.overridden.percent(),
            kl: self.kl.mean(),
        };
        (control != Control::default()).then_some(control)
    }
}

/// How a learned policy decided: means over its decisions. What is not defined for a policy of its kind is left out.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Control {
    /// Entropy in nats of what its action is drawn from while it learns, the sum over heads: 0 is one choice for sure.
    /// Forbidden choices are left out; of heads that give a number it is the differential entropy, which may lie below 0. Left
    /// out where choices have values instead of probabilities.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entropy: Option<f64>,
    /// Share of choices that masks forbid, in percent, over all heads with more than one choice; left out without masks or
    /// such heads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub masked_pct: Option<f64>,
    /// Share of decisions in which something else was done than the policy chose, in percent: its safety critic took
    /// another action, or bounds, the HPA's of replicas or the settings' of limits, cut what the action asks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overridden_pct: Option<f64>,
    /// Kullback–Leibler divergence in nats of what its action is drawn from, from what that is before anything is learned,
    /// under the same masks: how far learning has led from keeping the start. Left out where the entropy is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kl: Option<f64>,
}

impl Control {
    /// The keys of its figures in a run, in the order of [`figures`](Self::figures).
    pub const KEYS: [&str; 4] = ["control.entropy", "control.masked_pct", "control.overridden_pct", "control.kl"];

    /// Its figures.
    #[must_use]
    pub fn figures(&self) -> [Option<f64>; 4] {
        [self.entropy, self.masked_pct, self.overridden_pct, self.kl]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sums(decisions: &[Decision]) -> Decisions {
        let mut sums = Decisions::default();
        for decision in decisions {
            sums.take(decision);
        }
        sums
    }

    const FIRST: Decision = Decision { entropy: Some(1.0), masked: None, overridden: true, kl: Some(0.5) };
    const SECOND: Decision = Decision { entropy: Some(-0.5), masked: Some(0.25), overridden: false, kl: None };

    #[test]
    fn figures_are_means_over_the_decisions_that_have_them() {
        let control = sums(&[FIRST, SECOND]).control().unwrap();
        assert_eq!(control.figures(), [Some(0.25), Some(25.0), Some(50.0), Some(0.5)]);
        let plain = sums(&[Decision::default(); 3]).control().unwrap();
        assert_eq!(plain.figures(), [None, None, Some(0.0), None], "nothing was overridden, and the rest is not known");
        assert_eq!(Decisions::default().control(), None, "no decisions are not decisions without entropy");
    }

    #[test]
    fn runs_add_up_to_the_run_of_all_their_decisions() {
        let mut both = sums(&[FIRST, FIRST]);
        both.add(&sums(&[SECOND]));
        assert_eq!(both, sums(&[FIRST, FIRST, SECOND]));
    }

    #[test]
    fn keys_are_those_of_a_run() {
        let known = Control { entropy: Some(1.0), masked_pct: Some(2.0), overridden_pct: Some(3.0), kl: Some(4.0) };
        let json = serde_json::to_value(known).unwrap();
        let own: Vec<_> =
            json.as_object().unwrap().iter().map(|(key, it)| (format!("control.{key}"), it.as_f64())).collect();
        let told: Vec<_> = Control::KEYS.map(str::to_owned).into_iter().zip(known.figures()).collect();
        assert_eq!(own, told);
        assert_eq!(serde_json::to_string(&Control::default()).unwrap(), "{}", "what is not known is not there");
    }
}
