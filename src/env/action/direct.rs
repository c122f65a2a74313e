//! Mode `direct`: the agent sets replicas, as a base and a step from it.

use super::fields::forecast;
use super::{Head, Standing, mask};
use crate::env::distribution::{Distribution, choice};
use crate::env::settings::{self, Base};
use crate::sim::Patch;
use crate::units::Replicas;

/// Most replicas that a forecast asks for.
const MOST: f32 = 1e6;

/// Bases and steps; a head for each list of more than one.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Direct {
    bases: Vec<Base>,
    steps: Vec<i32>,
    heads: Vec<Head>,
}

impl Direct {
    pub(super) fn new(settings: &settings::Direct) -> Self {
        let bases = settings.base.iter().map(|base| format!("{base:?}").to_lowercase()).collect();
        let steps = settings.steps.iter().map(|step| format!("{step:+}")).collect();
        let all = [("replicas_base", bases), ("replicas_step", steps)];
        let head = |(knob, choices): (&str, Vec<String>)| Head { knob: knob.to_owned(), choices };
        let heads = all.map(head).into_iter().filter(|head| head.choices.len() > 1).collect();
        Self { bases: settings.base.clone(), steps: settings.steps.clone(), heads }
    }

    pub(super) fn heads(&self) -> &[Head] {
        &self.heads
    }

    pub(super) fn distributions(&self) -> Vec<Distribution> {
        self.heads.iter().map(|head| Distribution::Categorical(head.choices.len())).collect()
    }

    /// The replicas that there are, where that can be said; a forecast without a step elsewhere.
    pub(super) fn keep(&self) -> Vec<f32> {
        let (base, step) = self.kept();
        self.pair(base as f32, step as f32)
    }

    fn kept(&self) -> (usize, usize) {
        let base = self.bases.iter().position(|&base| base == Base::Current).unwrap_or(0);
        (base, self.steps.iter().position(|&step| step == 0).unwrap_or(0))
    }

    /// One number a head of a base and a step.
    fn pair(&self, base: f32, step: f32) -> Vec<f32> {
        [(base, self.bases.len()), (step, self.steps.len())].iter().filter(|it| it.1 > 1).map(|it| it.0).collect()
    }

    /// An HPA that can only hold as many replicas as the action says.
    pub(super) fn patch(&self, action: &[f32], at: &Standing<'_>) -> Patch {
        at.exactly(self.asked(action, at))
    }

    /// Whether the HPA's bounds cut the replicas that an action asks for.
    pub(super) fn is_cut(&self, action: &[f32], at: &Standing<'_>) -> bool {
        let asked = self.asked(action, at);
        at.bounded(asked) != asked
    }

    /// Replicas before the HPA's bounds hold.
    fn asked(&self, action: &[f32], at: &Standing<'_>) -> Replicas {
        let mut numbers = action.iter().map(|&number| choice(number));
        let mut take = |length: usize| if length > 1 { numbers.next().unwrap_or(0).min(length - 1) } else { 0 };
        let (base, step) = (take(self.bases.len()), take(self.steps.len()));
        replicas(self.bases[base], at).saturating_add(self.steps[step])
    }

    /// Allows bases that differ within the bounds, and steps that stay within them from a base that is allowed. No step is
    /// always allowed.
    pub(super) fn mask(&self, at: &Standing<'_>, allowed: &mut [bool]) {
        let (kept, none) = self.kept();
        let found: Vec<Replicas> = self.bases.iter().map(|&base| replicas(base, at)).collect();
        let mut bases = vec![true; found.len()];
        mask::distinct(kept, &mut bases, |a, b| at.bounded(found[a]) == at.bounded(found[b]));
        let within = |step: i32| {
            let stays = |base: Replicas| at.bounded(base.saturating_add(step)) == base.saturating_add(step);
            found.iter().zip(&bases).any(|(&base, &allowed)| allowed && stays(base))
        };
        let steps: Vec<bool> =
            self.steps.iter().enumerate().map(|(index, &step)| index == none || within(step)).collect();
        write(&bases, &steps, allowed);
    }

    /// Allows nothing but [`keep`](Self::keep).
    pub(super) fn hold(&self, allowed: &mut [bool]) {
        let (base, step) = self.kept();
        let (mut bases, mut steps) = (vec![true; self.bases.len()], vec![true; self.steps.len()]);
        mask::only(base, &mut bases);
        mask::only(step, &mut steps);
        write(&bases, &steps, allowed);
    }
}

fn replicas(base: Base, at: &Standing<'_>) -> Replicas {
    if base == Base::Current {
        return at.replicas;
    }
    let start = at.proposal.map_or(at.own.min_replicas as f32, |it| it.pods as f32);
    forecast(base, at.demand, start, at.replicas).ceil().clamp(0.0, MOST) as Replicas
}

fn write(bases: &[bool], steps: &[bool], allowed: &mut [bool]) {
    let heads = [bases, steps].into_iter().filter(|head| head.len() > 1);
    allowed.iter_mut().zip(heads.flatten()).for_each(|(allowed, &may)| *allowed = may);
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::forecast::Demand;
    use crate::sim::Knobs;

    fn direct(base: &[Base]) -> Direct {
        Direct::new(&settings::Direct { base: base.to_vec(), ..settings::Direct::default() })
    }

    fn with<T>(replicas: Replicas, level: f32, look: impl FnOnce(&Standing<'_>) -> T) -> T {
        let own =
            Knobs { target_cpu: Some(80), min_replicas: 2, max_replicas: 10, stabilize_down: Duration::from_secs(300) };
        let demand = Demand { level, ..Demand::default() };
        look(&Standing { demand: &demand, own: &own, proposal: None, replicas, limits: None })
    }

    #[test]
    fn a_step_is_counted_from_the_replicas_there_are_and_held_by_both_bounds() {
        let direct = direct(&[Base::Current]);
        let set = |replicas, choice: f32| with(replicas, 0.0, |at| direct.patch(&[choice], at));
        let exactly = |n| Patch { min_replicas: Some(n), max_replicas: Some(n), ..Patch::default() };
        for (choice, replicas) in [(0.0, 5), (1.0, 6), (2.0, 7), (3.0, 4), (4.0, 3)] {
            assert_eq!(set(5, choice), exactly(replicas));
        }
        assert_eq!(set(10, 2.0), exactly(10), "the bounds hold whatever the action");
        let is_cut = |replicas, choice: f32| with(replicas, 0.0, |at| direct.is_cut(&[choice], at));
        assert_eq!([is_cut(10, 2.0), is_cut(8, 2.0), is_cut(2, 3.0), is_cut(3, 3.0)], [true, false, true, false]);
        assert_eq!((direct.heads().len(), direct.keep()), (1, vec![0.0]));
    }

    #[test]
    fn replicas_may_follow_a_forecast_instead() {
        let direct = direct(&[Base::Current, Base::Level]);
        let set = |base: f32, step: f32| with(5, 6.2, |at| direct.patch(&[base, step], at)).min_replicas;
        assert_eq!((set(0.0, 1.0), set(1.0, 0.0), set(1.0, 2.0)), (Some(6), Some(7), Some(9)));
    }

    #[test]
    fn no_step_that_a_mask_allows_is_cut_by_the_bounds() {
        let direct = direct(&[Base::Current]);
        for replicas in 0..=12 {
            let mut allowed = [true; 5];
            with(replicas, 0.0, |at| {
                direct.mask(at, &mut allowed);
                assert!(allowed[0], "no step is always allowed");
                for (index, _) in allowed.iter().enumerate().skip(1).filter(|it| *it.1) {
                    let asked = replicas + direct.steps[index];
                    assert_eq!(direct.patch(&[index as f32], at).min_replicas, Some(asked), "from {replicas}");
                }
                direct.hold(&mut allowed);
            });
            assert_eq!(allowed, [true, false, false, false, false]);
        }
    }

    #[test]
    fn bases_that_come_to_the_same_are_masked_but_for_one() {
        let direct = direct(&[Base::Current, Base::Level, Base::Peak]);
        let mut allowed = [true; 8];
        with(7, 6.2, |at| direct.mask(at, &mut allowed));
        assert_eq!(allowed[..3], [true, false, true], "a level of 6.2 is 7 pods, no peak is the least, 2");
    }
}
