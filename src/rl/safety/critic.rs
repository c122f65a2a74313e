//! The critic in a policy: its file, its errors, its choice.

use serde::{Deserialize, Serialize};

use super::net::{Net, Samples, Schedule};
use super::platt::Platt;
use super::rollouts::{Part, collect};
use super::settings::Settings;
use crate::env::Scenario;
use crate::env::distribution::choice;
use crate::error::InputError;
use crate::rl::Policy;
use crate::rl::brain::Brain;
use crate::rl::file::{Archive, broken};

/// What a policy's file says about its critic.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Safety {
    /// `[train.safety]` that it was learned with.
    pub settings: Settings,
    /// From its output to a probability.
    pub calibration: Platt,
    /// How often it erred.
    pub figures: Figures,
}

/// Errors on the second half of validation time, where it has neither learned nor been calibrated. Shares are of
/// decisions, 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Figures {
    /// Decisions.
    pub decisions: u64,
    /// Share that was unsafe.
    pub unsafe_share: f64,
    /// Share that it held for safe.
    pub held_for_safe: f64,
    /// Of those that it held for safe, the share that was not.
    pub false_safe: f64,
    /// Of those that were unsafe, the share that it held for safe.
    pub missed: f64,
    /// Mean of (probability − what came true)².
    pub brier: f64,
    /// The same of always saying the share that was safe.
    pub brier_of_share: f64,
}

/// All of them are weighed where the likeliest is unsafe: this many in some tens of milliseconds.
const MOST_ACTIONS: usize = 100_000;

/// A critic at work.
#[derive(Debug, Clone, PartialEq)]
pub struct Critic {
    net: Net,
    safety: Safety,
}

impl Critic {
    /// Learns the critic of a policy, calibrates it and counts its errors.
    ///
    /// # Errors
    /// A function's validation time is too short for the horizon, or there are too many actions.
    pub fn learn(policy: &Policy, scenarios: &[Scenario], settings: &Settings, seed: u64) -> Result<Self, InputError> {
        let wrong = |problem: String, help: &str| InputError::new(problem, help).field("train.safety.enabled");
        let choices = policy.choices().filter(|_| matches!(policy.brain(), Brain::Network(_)));
        let Some(choices) = choices else {
            let help = "take an algorithm whose policy is a network, with env.action.head left as it is, or set \
                        train.safety.enabled = false";
            return Err(wrong("this policy has no choices whose probabilities could be masked".to_owned(), help));
        };
        let actions: usize = choices.iter().product();
        if actions > MOST_ACTIONS {
            let problem = format!("a safety critic would have to weigh {actions} actions, more than {MOST_ACTIONS}");
            return Err(wrong(problem, "shorten the lists of [env.action], or set train.safety.enabled = false"));
        }
        let samples = |part, decisions| collect(policy, scenarios, settings, part, decisions, seed);
        // The shorter parts first: they may be too short.
        let calibrating = samples(Part::Calibrate, settings.steps.div_ceil(4))?;
        let reporting = samples(Part::Report, settings.steps.div_ceil(4))?;
        let learning = samples(Part::Train, settings.steps)?;
        let mut net = Net::new(policy.card().observation.len(), &choices, settings.hidden, seed);
        let Settings { epochs, learning_rate, .. } = *settings;
        net.learn(&learning, Schedule { epochs, learning_rate, seed });
        let calibration = Platt::fit(&net.logits(&calibrating), &calibrating.safe);
        let figures = Figures::of(&net, calibration, settings.threshold, &reporting);
        Ok(Self { net, safety: Safety { settings: settings.clone(), calibration, figures } })
    }

    /// What it says about itself.
    #[must_use]
    pub fn safety(&self) -> &Safety {
        &self.safety
    }

    /// Puts its parameters into a policy's file; the rest stands in the header.
    pub fn pack(&self, archive: &mut Archive) {
        archive.insert("safety", &[self.net.theta().len()], self.net.theta());
    }

    /// Reads what [`pack`](Self::pack) wrote.
    ///
    /// # Errors
    /// Parameters are missing, or are not as many as the policy's observation and heads ask for.
    pub fn unpack(safety: &Safety, (inputs, heads): (usize, &[usize]), archive: &Archive) -> Result<Self, InputError> {
        safety.settings.validate()?;
        let length = archive.tensors.get("safety").map_or(0, |tensor| tensor.1.len());
        let theta = archive.values("safety", length)?;
        let net = Net::of(inputs, heads, safety.settings.hidden, theta);
        let net = net.ok_or_else(|| broken(format!("tensor \"safety\" has {length} values")))?;
        Ok(Self { net, safety: safety.clone() })
    }

    /// The probability that an action is safe, after [`Net::seen`].
    fn probability(&self, seen: &[f32], action: &[u8]) -> f64 {
        self.safety.calibration.probability(self.net.logit(seen, action))
    }

    /// Leaves a safe `action` as it is. Otherwise sets it to the likeliest of the safe ones by the policy's `logits` of all
    /// heads, or, where none is, to the safest. `observation` is normalised. An action is one number a head, the index of a
    /// choice. Whether it was changed.
    pub fn hold(&self, observation: &[f32], logits: &[f32], action: &mut [f32]) -> bool {
        let mut choices: Vec<u8> = action.iter().map(|&number| choice(number) as u8).collect();
        let changed = self.hold_choices(observation, logits, &mut choices);
        for (number, choice) in action.iter_mut().zip(choices) {
            *number = f32::from(choice);
        }
        changed
    }

    fn hold_choices(&self, observation: &[f32], logits: &[f32], action: &mut [u8]) -> bool {
        let seen = self.net.seen(observation);
        if self.probability(&seen, action) >= self.safety.settings.threshold {
            return false;
        }
        let before = action.to_vec();
        let (mut likeliest, mut safest) = (None::<(f32, Vec<u8>)>, None::<(f64, Vec<u8>)>);
        let mut candidate = vec![0; action.len()];
        loop {
            let safe = self.probability(&seen, &candidate);
            let logit = self.logit_of(logits, &candidate);
            if safe >= self.safety.settings.threshold && likeliest.as_ref().is_none_or(|best| logit > best.0) {
                likeliest = Some((logit, candidate.clone()));
            }
            if safest.as_ref().is_none_or(|best| safe > best.0) {
                safest = Some((safe, candidate.clone()));
            }
            if !advance(&mut candidate, self.net.heads()) {
                break;
            }
        }
        if let Some(chosen) = likeliest.map(|it| it.1).or(safest.map(|it| it.1)) {
            action.copy_from_slice(&chosen);
        }
        *action != *before
    }

    /// The sum of an action's logits: its log-probability, but for a constant of the observation.
    fn logit_of(&self, logits: &[f32], action: &[u8]) -> f32 {
        let mut from = 0;
        let one = |(&size, &choice): (&usize, &u8)| {
            from += size;
            logits[from - size + usize::from(choice)]
        };
        self.net.heads().iter().zip(action).map(one).sum()
    }
}

/// The next action, as on an odometer; whether there was one.
fn advance(action: &mut [u8], heads: &[usize]) -> bool {
    for (choice, &size) in action.iter_mut().zip(heads).rev() {
        *choice += 1;
        if usize::from(*choice) < size {
            return true;
        }
        *choice = 0;
    }
    false
}

impl Figures {
    fn of(net: &Net, calibration: Platt, threshold: f64, samples: &Samples) -> Self {
        let probabilities: Vec<f64> = net.logits(samples).iter().map(|&z| calibration.probability(z)).collect();
        Self::count(&probabilities, &samples.safe, threshold)
    }

    fn count(probabilities: &[f64], safe: &[bool], threshold: f64) -> Self {
        let all = safe.len() as f64;
        let share = |count: usize, of: usize| count as f64 / of.max(1) as f64;
        let held: Vec<bool> = probabilities.iter().map(|&p| p >= threshold).collect();
        let truly_unsafe = safe.iter().filter(|safe| !**safe).count();
        let held_for_safe = held.iter().filter(|held| **held).count();
        let wrong = held.iter().zip(safe).filter(|(held, safe)| **held && !**safe).count();
        let base = share(safe.len() - truly_unsafe, safe.len());
        let truth = |safe: bool| if safe { 1.0 } else { 0.0 };
        let brier =
            probabilities.iter().zip(safe).map(|(p, &safe)| (p - truth(safe)).powi(2)).sum::<f64>() / all.max(1.0);
        Self {
            decisions: safe.len() as u64,
            unsafe_share: share(truly_unsafe, safe.len()),
            held_for_safe: share(held_for_safe, safe.len()),
            false_safe: share(wrong, held_for_safe),
            missed: share(wrong, truly_unsafe),
            brier,
            brier_of_share: base * (1.0 - base),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::env::observation;

    /// Heads of 3 and 2 choices. The first head's choice alone says how safe it is; the observation adds nothing.
    fn critic(threshold: f64) -> Critic {
        let heads = [3, 2];
        let mut theta = vec![0.0; (observation::LENGTH + 5 + 2) + 1];
        for (choice, weight) in [-1.0, 0.2, 1.5].into_iter().enumerate() {
            theta[observation::LENGTH + choice] = weight;
        }
        theta[observation::LENGTH + 5 + 1] = 1.0; // w; b and c stay 0
        let settings = Settings { threshold, hidden: 1, ..Settings::default() };
        let calibration = Platt { slope: 4.0, intercept: 0.0 };
        let net = Net::of(observation::LENGTH, &heads, 1, &theta).unwrap();
        Critic { net, safety: Safety { settings, calibration, figures: Figures::default() } }
    }

    const LOGITS: [f32; 5] = [5.0, 1.0, 0.0, 0.3, 0.7];

    fn held(threshold: f64, mut action: [u8; 2]) -> ([u8; 2], bool) {
        let changed = critic(threshold).hold_choices(&[0.0; observation::LENGTH], &LOGITS, &mut action);
        (action, changed)
    }

    #[test]
    fn unsafe_actions_are_masked_and_the_likeliest_of_the_rest_is_taken() {
        // σ(4 tanh(−1)) = 0.045, σ(4 tanh(0.2)) = 0.688, σ(4 tanh(1.5)) = 0.974
        assert_eq!(held(0.04, [0, 1]), ([0, 1], false), "all are safe");
        assert_eq!(held(0.6, [0, 1]), ([1, 1], true), "the likeliest of those that are left");
        assert_eq!(held(0.6, [1, 0]), ([1, 0], false), "a safe action stays, likely or not");
        assert_eq!(held(0.9, [0, 1]), ([2, 1], true));
    }

    #[test]
    fn where_nothing_is_safe_the_safest_is_taken() {
        let (action, changed) = held(0.99, [0, 1]);
        assert!(changed && action[0] == 2);
    }

    #[test]
    fn the_odometer_visits_every_action_once() {
        let heads = [3, 2, 4];
        let mut action = [0; 3];
        let mut all = vec![action];
        while advance(&mut action, &heads) {
            all.push(action);
        }
        all.sort_unstable();
        all.dedup();
        assert_eq!((all.len(), action), (24, [0; 3]));
    }

    #[test]
    fn errors_are_counted_both_ways() {
        let figures = Figures::count(&[0.9, 0.8, 0.95, 0.1, 0.4], &[true, false, true, false, true], 0.8);
        let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-12, "{a} is not {b}");
        assert_eq!(figures.decisions, 5);
        close(figures.unsafe_share, 0.4);
        close(figures.held_for_safe, 0.6);
        close(figures.false_safe, 1.0 / 3.0);
        close(figures.missed, 0.5);
        close(figures.brier, (0.01 + 0.64 + 0.0025 + 0.01 + 0.36) / 5.0);
        close(figures.brier_of_share, 0.24);
        assert_eq!(Figures::count(&[], &[], 0.5).decisions, 0);
    }

    #[test]
    fn a_critic_is_read_back_and_one_of_other_heads_refused() {
        let critic = critic(0.7);
        let mut archive = Archive::default();
        critic.pack(&mut archive);
        assert_eq!(Critic::unpack(critic.safety(), (observation::LENGTH, &[3, 2]), &archive).unwrap(), critic);
        assert!(
            Critic::unpack(critic.safety(), (observation::LENGTH, &[3, 3]), &archive)
                .unwrap_err()
                .to_string()
                .contains("\"safety\" has")
        );
        assert!(Critic::unpack(critic.safety(), (observation::LENGTH, &[3, 2]), &Archive::default()).is_err());
    }
}
