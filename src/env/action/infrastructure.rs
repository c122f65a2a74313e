//! Mode `infrastructure`: nine changes of replicas and limits, or three numbers that change all of them at once.

use super::{Head, Standing, mask};
use crate::env::distribution::{Distribution, choice};
use crate::env::settings::{self, HeadKind};
use crate::sim::{Limits, Patch};
use crate::units::{Bytes, Millicores};

/// A change: replicas, and steps of the CPU and of the memory limit.
type Change = (i32, f64, f64);

/// The nine changes.
const CHANGES: [Change; 9] = [
    (0, 0.0, 0.0),
    (1, 0.0, 0.0),
    (2, 0.0, 0.0),
    (-1, 0.0, 0.0),
    (-2, 0.0, 0.0),
    (0, 1.0, 0.0),
    (0, -1.0, 0.0),
    (0, 0.0, 1.0),
    (0, 0.0, -1.0),
];

/// Replicas that a number changes at most.
const MOST_REPLICAS: f64 = 2.0;

/// Steps and bounds of limits.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Infrastructure {
    settings: settings::Infrastructure,
    /// What the three numbers are drawn from; `None` is one of the nine.
    numbers: Option<Distribution>,
    heads: Vec<Head>,
}

impl Infrastructure {
    pub(super) fn new(settings: &settings::Infrastructure, head: HeadKind) -> Self {
        let (cpu, memory) = (settings.cpu_step, settings.memory_step);
        let words = |knob: &str, choices: Vec<String>| Head { knob: knob.to_owned(), choices };
        let range = |what: String| vec![format!("-{what}"), what];
        let (numbers, heads) = match head {
            HeadKind::Discrete => {
                let step = |(replicas, cores, bytes): Change| match (replicas, cores, bytes) {
                    (0, 0.0, 0.0) => "keep".to_owned(),
                    (0, cores, 0.0) => format!("cpu {}{cpu}", if cores > 0.0 { '+' } else { '-' }),
                    (0, _, bytes) => format!("memory {}{memory}", if bytes > 0.0 { '+' } else { '-' }),
                    (replicas, ..) => format!("replicas {replicas:+}"),
                };
                (None, vec![words("infrastructure", CHANGES.map(step).to_vec())])
            }
            HeadKind::Gaussian | HeadKind::Beta => {
                let number = if head == HeadKind::Beta { Distribution::Beta } else { Distribution::Gaussian };
                let all = [("replicas", "2".to_owned()), ("cpu", cpu.to_string()), ("memory", memory.to_string())];
                (Some(number), all.map(|(knob, most)| words(knob, range(most))).to_vec())
            }
        };
        Self { settings: settings.clone(), numbers, heads }
    }

    pub(super) fn heads(&self) -> &[Head] {
        &self.heads
    }

    pub(super) fn distributions(&self) -> Vec<Distribution> {
        self.numbers.map_or_else(|| vec![Distribution::Categorical(CHANGES.len())], |number| vec![number; 3])
    }

    pub(super) fn keep(&self) -> Vec<f32> {
        if self.numbers.is_some() { vec![f32::NAN; 3] } else { vec![0.0] }
    }

    /// As [`keep`](Self::keep), in numbers.
    pub(super) fn first(&self) -> Vec<f32> {
        if self.numbers.is_some() { vec![0.5; 3] } else { vec![0.0] }
    }

    /// An HPA that holds the replicas, and pods of the limits. A number `u` is a change of `2u − 1` of the most, `u` cut to
    /// 0 … 1; one that is not a number changes nothing. Replicas are rounded, limits are to a thousandth of a core and a
    /// byte, as Kubernetes has them.
    pub(super) fn patch(&self, action: &[f32], at: &Standing<'_>) -> Patch {
        let (replicas, cores, bytes) = self.change(action);
        let limits = at.limits.map(|limits| self.limited(limits, cores, bytes));
        Patch { limits, ..at.exactly(at.replicas.saturating_add(replicas)) }
    }

    fn change(&self, action: &[f32]) -> Change {
        if self.numbers.is_none() {
            return CHANGES[action.first().map_or(0, |&number| choice(number)).min(CHANGES.len() - 1)];
        }
        let of = |nth: usize| {
            let number = action.get(nth).copied().filter(|number| !number.is_nan());
            number.map_or(0.0, |u| 2.0 * f64::from(u.clamp(0.0, 1.0)) - 1.0)
        };
        ((of(0) * MOST_REPLICAS).round() as i32, of(1), of(2))
    }

    /// Limits so many steps away, within the bounds; one that does not move stays, even beyond them.
    fn limited(&self, limits: Limits, cores: f64, bytes: f64) -> Limits {
        let [cpu, memory] = self.asked(limits, cores, bytes).map(|(value, least, most)| value.clamp(least, most));
        Limits { cpu: Millicores(cpu as u32), memory: Bytes(memory as u64) }
    }

    /// The CPU and the memory limit so many steps away, each with the bounds that hold it.
    fn asked(&self, limits: Limits, cores: f64, bytes: f64) -> [(f64, f64, f64); 2] {
        let it = &self.settings;
        let moved = |value: f64, step: f64, (least, most): (f64, f64)| {
            if step == 0.0 { (value, value, value) } else { ((value + step).round(), least, most) }
        };
        let bounds = (f64::from(it.cpu.0.0), f64::from(it.cpu.1.0));
        let cpu = moved(f64::from(limits.cpu.0), cores * f64::from(it.cpu_step.0), bounds);
        let bounds = (it.memory.0.0 as f64, it.memory.1.0 as f64);
        [cpu, moved(limits.memory.0 as f64, bytes * it.memory_step.0 as f64, bounds)]
    }

    /// Whether limits so many steps away lie within the bounds.
    fn fits(&self, limits: Limits, cores: f64, bytes: f64) -> bool {
        self.asked(limits, cores, bytes).iter().all(|(value, least, most)| (least..=most).contains(&value))
    }

    /// Whether bounds cut what an action asks for, of replicas or of limits.
    pub(super) fn is_cut(&self, action: &[f32], at: &Standing<'_>) -> bool {
        let (replicas, cores, bytes) = self.change(action);
        let wanted = at.replicas.saturating_add(replicas);
        at.bounded(wanted) != wanted || at.limits.is_some_and(|limits| !self.fits(limits, cores, bytes))
    }

    /// Allows changes that neither bounds of replicas nor of limits cut; no change always, and nothing else where it is
    /// `held`. Numbers are not masked.
    pub(super) fn mask(&self, at: &Standing<'_>, held: bool, allowed: &mut [bool]) {
        if self.numbers.is_some() {
            return;
        }
        if held {
            return mask::only(0, allowed);
        }
        for (allowed, change) in allowed.iter_mut().zip(CHANGES).skip(1) {
            *allowed = self.whole(change, at);
        }
    }

    /// Whether a change leads as far as it says.
    fn whole(&self, (replicas, cores, bytes): Change, at: &Standing<'_>) -> bool {
        let wanted = at.replicas.saturating_add(replicas);
        if replicas != 0 {
            return at.bounded(wanted) == wanted;
        }
        at.limits.is_some_and(|limits| self.fits(limits, cores, bytes))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::forecast::Demand;
    use crate::sim::Knobs;
    use crate::units::Replicas;

    const MIB: u64 = 1 << 20;

    fn with<T>(replicas: Replicas, cpu: u32, memory: u64, look: impl FnOnce(&Standing<'_>) -> T) -> T {
        let own =
            Knobs { target_cpu: Some(80), min_replicas: 1, max_replicas: 6, stabilize_down: Duration::from_secs(300) };
        let limits = Some(Limits { cpu: Millicores(cpu), memory: Bytes(memory * MIB) });
        look(&Standing { demand: &Demand::default(), own: &own, proposal: None, replicas, limits })
    }

    fn said(patch: &Patch) -> (Replicas, u32, u64) {
        let limits = patch.limits.unwrap();
        assert_eq!(patch.min_replicas, patch.max_replicas);
        (patch.min_replicas.unwrap(), limits.cpu.0, limits.memory.0 / MIB)
    }

    fn infrastructure(head: HeadKind) -> Infrastructure {
        Infrastructure::new(&settings::Infrastructure::default(), head)
    }

    #[test]
    fn the_nine_changes_are_those_of_the_classic_action_set() {
        let nine = infrastructure(HeadKind::Discrete);
        let after: Vec<_> =
            (0..9).map(|choice| said(&with(3, 1000, 512, |at| nine.patch(&[choice as f32], at)))).collect();
        let wanted = [
            (3, 1000, 512),
            (4, 1000, 512),
            (5, 1000, 512),
            (2, 1000, 512),
            (1, 1000, 512),
            (3, 1500, 512),
            (3, 500, 512),
            (3, 1000, 768),
            (3, 1000, 256),
        ];
        assert_eq!(after, wanted);
        let words =
            "keep|replicas +1|replicas +2|replicas -1|replicas -2|cpu +500m|cpu -500m|memory +256Mi|memory -256Mi";
        assert_eq!(nine.heads()[0].choices.join("|"), words);
    }

    #[test]
    fn three_numbers_change_everything_at_once_within_the_bounds() {
        for head in [HeadKind::Gaussian, HeadKind::Beta] {
            let three = infrastructure(head);
            let set = |numbers: &[f32; 3]| said(&with(3, 1000, 512, |at| three.patch(numbers, at)));
            assert_eq!(set(&[0.5; 3]), (3, 1000, 512));
            assert_eq!(set(&[1.0, 0.75, 0.0]), (5, 1250, 256));
            assert_eq!(set(&[0.6, 9.0, 9.0]), (3, 1500, 768), "0.4 of a replica is none, and numbers are cut");
            assert_eq!(set(&[f32::NAN; 3]), (3, 1000, 512));
            assert_eq!(said(&with(6, 4000, 4096, |at| three.patch(&[1.0; 3], at))), (6, 4000, 4096));
            assert_eq!((three.distributions().len(), three.first()), (3, vec![0.5; 3]));
            let is_cut = |replicas, cpu, numbers: &[f32; 3]| with(replicas, cpu, 512, |at| three.is_cut(numbers, at));
            assert!(is_cut(6, 1000, &[1.0, 0.5, 0.5]), "8 replicas, and there may be 6");
            assert!(is_cut(3, 3800, &[0.5, 1.0, 0.5]), "4300m, and there may be 4");
            assert!(!is_cut(3, 3800, &[1.0, 0.7, 1.0]) && !is_cut(6, 9000, &[f32::NAN; 3]));
        }
    }

    #[test]
    fn no_change_that_a_mask_allows_is_cut_by_a_bound() {
        let nine = infrastructure(HeadKind::Discrete);
        for replicas in 1..=6 {
            for cpu in [500, 700, 1000, 3500, 3800, 4000] {
                for memory in [256, 300, 512, 3840, 4096] {
                    let mut allowed = [true; 9];
                    with(replicas, cpu, memory, |at| {
                        nine.mask(at, false, &mut allowed);
                        assert!(allowed[0]);
                        for index in (0..9).filter(|&index| allowed[index]) {
                            let (steps, cores, bytes) = CHANGES[index];
                            let memory = (memory as i64 + 256 * bytes as i64) as u64;
                            let asked = (replicas + steps, (cpu as i32 + 500 * cores as i32) as u32, memory);
                            assert_eq!(said(&nine.patch(&[index as f32], at)), asked);
                        }
                        let free = |index: usize| !nine.is_cut(&[index as f32], at);
                        assert!((0..9).all(|index| allowed[index] == free(index)), "masks forbid what is cut");
                        nine.mask(at, true, &mut allowed);
                    });
                    assert_eq!(allowed.iter().filter(|&&it| it).count(), 1, "a cool-down leaves no change");
                }
            }
        }
    }
}
