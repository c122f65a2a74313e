//! Mode `hpa`: a choice, or a number in a range, for each knob of the HPA, and the patch that they make.
//!
//! A number `u` of a continuous head stands for `least + u (largest − least)` of the knob's values, `u` cut to 0 … 1. One
//! that is not a number keeps what the HPA has.

use std::time::Duration;

use super::{Head, Standing, mask};
use crate::env::distribution::{Distribution, choice};
use crate::env::settings::{self, Base, HeadKind};
use crate::forecast::Demand;
use crate::hpa::spec::Policy;
use crate::sim::Patch;
use crate::units::{Replicas, friendly};

/// The heads of an action, in a fixed order: target, base, safety, stabilisation, scale-up.
#[derive(Debug, Clone, PartialEq)]
pub struct Fields {
    /// Percent.
    targets: Vec<f64>,
    bases: Vec<Base>,
    safeties: Vec<f64>,
    /// Seconds.
    windows: Vec<f64>,
    policies: Vec<Vec<Policy>>,
    /// What target, safety and stabilisation are drawn from, where they are numbers.
    range: Option<Distribution>,
    /// The choices in words, one list a head; heads without a choice are absent.
    heads: Vec<Head>,
}

impl Fields {
    /// The choices that the settings list.
    #[must_use]
    pub fn new(settings: &settings::Action) -> Self {
        let words = |knob: &str, choices: Vec<String>| Head { knob: knob.to_owned(), choices };
        let list = |list: &Vec<_>| list.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let base = |base: &Base| format!("{base:?}").to_lowercase();
        let kept = |mut choices: Vec<String>| {
            if !choices.is_empty() {
                choices.insert(0, "keep".to_owned());
            }
            choices
        };
        let all = [
            words("target_cpu", kept(settings.target_cpu.iter().map(ToString::to_string).collect())),
            words("min_base", settings.min_base.iter().map(base).collect()),
            words("min_safety", settings.min_safety.iter().map(ToString::to_string).collect()),
            words("stabilize_down", kept(settings.stabilize_down.iter().map(|&window| friendly(window)).collect())),
            words("scale_up", settings.scale_up.iter().map(list).collect()),
        ];
        Self {
            targets: settings.target_cpu.iter().map(|target| target.get().round().max(1.0)).collect(),
            bases: settings.min_base.clone(),
            safeties: settings.min_safety.clone(),
            windows: settings.stabilize_down.iter().map(Duration::as_secs_f64).collect(),
            range: match settings.head {
                HeadKind::Discrete => None,
                HeadKind::Gaussian => Some(Distribution::Gaussian),
                HeadKind::Beta => Some(Distribution::Beta),
            },
            policies: settings.scale_up.iter().map(|list| list.iter().map(|text| text.0).collect()).collect(),
            heads: all.into_iter().filter(|head| !head.choices.is_empty()).collect(),
        }
    }

    /// No choice at all: the start as it stands.
    pub(super) fn none() -> Self {
        Self::new(&settings::Action {
            target_cpu: Vec::new(),
            min_base: Vec::new(),
            min_safety: Vec::new(),
            stabilize_down: Vec::new(),
            scale_up: Vec::new(),
            ..settings::Action::default()
        })
    }

    /// The heads in words.
    #[must_use]
    pub fn heads(&self) -> &[Head] {
        &self.heads
    }

    /// What the heads are drawn from.
    #[must_use]
    pub fn distributions(&self) -> Vec<Distribution> {
        let choices = |head: &Head| Distribution::Categorical(head.choices.len());
        self.heads.iter().map(|head| self.range(head).unwrap_or_else(|| choices(head))).collect()
    }

    /// What a head is drawn from when it is a number.
    fn range(&self, head: &Head) -> Option<Distribution> {
        self.range.filter(|_| ["target_cpu", "min_safety", "stabilize_down"].contains(&head.knob.as_str()))
    }

    /// The action that leaves the start as it stands: every knob kept, minReplicas from the start without safety where
    /// the settings offer that, the first list of scale-up policies.
    #[must_use]
    pub fn keep(&self) -> Vec<f32> {
        let start = self.bases.iter().position(|&base| base == Base::Start).unwrap_or(0);
        let none = self.safeties.iter().position(|&safety| safety == 0.0).unwrap_or(0);
        let number = |head: &Head| match head.knob.as_str() {
            _ if self.range(head).is_some() => f32::NAN,
            "min_base" => start as f32,
            "min_safety" => none as f32,
            _ => 0.0,
        };
        self.heads.iter().map(number).collect()
    }

    /// What a policy leans to before it has learned: [`keep`](Self::keep), but for heads with a range the middle, and
    /// for safety the place of none.
    #[must_use]
    pub fn first(&self) -> Vec<f32> {
        let (least, most) = ends(&self.safeties);
        let none = if most > least { ((0.0 - least) / (most - least)).clamp(0.0, 1.0) as f32 } else { 0.5 };
        let number = |(head, kept): (&Head, f32)| match head.knob.as_str() {
            _ if self.range(head).is_none() => kept,
            "min_safety" => none,
            _ => 0.5,
        };
        self.heads.iter().zip(self.keep()).map(number).collect()
    }

    /// The patch of an action: one number a head.
    #[must_use]
    pub fn patch(&self, action: &[f32], at: &Standing<'_>) -> Patch {
        let Standing { demand, own, proposal, .. } = *at;
        let start_target = proposal.map(|it| it.target_cpu);
        let start_pods = proposal.map_or(own.min_replicas as f32, |it| it.pods as f32);
        let mut numbers = action.iter().copied();
        let mut take = |length: usize| if length == 0 { None } else { numbers.next() };
        let target_cpu = take(self.targets.len()).map_or(start_target, |number| {
            let target = self.value(&self.targets, kept(number), number).map(|target| target.round() as i32);
            target.or(start_target).or(own.target_cpu)
        });
        let base = take(self.bases.len()).and_then(|number| self.bases.get(choice(number)));
        let safety = take(self.safeties.len())
            .and_then(|number| self.value(&self.safeties, Some(choice(number)), number).or(self.range.map(|_| 0.0)));
        let stabilize_down = take(self.windows.len()).map(|number| {
            let window = self.value(&self.windows, kept(number), number);
            window.map_or(own.stabilize_down, |seconds| Duration::from_secs_f64(self.whole(seconds)))
        });
        let scale_up = take(self.policies.len()).and_then(|number| self.policies.get(choice(number)).cloned());
        let start = proposal.map(|_| (&Base::Start, 0.0));
        let min_replicas = base.zip(safety).or(start).map(|(&base, safety)| {
            let pods = propose(forecast(base, demand, start_pods, at.replicas), safety as f32) as Replicas;
            at.bounded(pods)
        });
        Patch { target_cpu, min_replicas, stabilize_down, scale_up, ..Patch::default() }
    }

    /// Allows each head the choices that differ: a target only where the HPA has one and room to move, and of bases and
    /// safeties that come to the same minReplicas within the HPA's bounds the first, or the one that keeps the start.
    /// During a cool-down only the `held` action is left.
    pub(super) fn mask(&self, at: &Standing<'_>, held: Option<&[f32]>, allowed: &mut [bool]) {
        let mut from = 0;
        let kept = self.keep();
        let table = self.table(at);
        let mut bases = vec![true; self.bases.len()];
        for (nth, (head, kept)) in self.heads.iter().zip(kept).enumerate() {
            let width = self.range(head).map_or(head.choices.len(), Distribution::outputs);
            let own = &mut allowed[from..from + width];
            from += width;
            if self.range(head).is_some() {
                continue;
            }
            match (held, head.knob.as_str()) {
                (Some(action), _) => mask::only(choice(action[nth]), own),
                (None, "target_cpu") if at.own.target_cpu.is_none() || at.pinned() => mask::only(0, own),
                (None, "min_base") => {
                    mask::distinct(choice(kept), own, |a, b| table[a] == table[b]);
                    bases.copy_from_slice(own);
                }
                (None, "min_safety") => mask::distinct(choice(kept), own, |a, b| {
                    table.iter().zip(&bases).all(|(row, &allowed)| !allowed || row[a] == row[b])
                }),
                _ => {}
            }
        }
    }

    /// minReplicas of each base, with each safety.
    fn table(&self, at: &Standing<'_>) -> Vec<Vec<Replicas>> {
        let start = at.proposal.map_or(at.own.min_replicas as f32, |it| it.pods as f32);
        let row = |&base: &Base| {
            let pods = forecast(base, at.demand, start, at.replicas);
            self.safeties.iter().map(|&safety| at.bounded(propose(pods, safety as f32) as Replicas)).collect()
        };
        self.bases.iter().map(row).collect()
    }

    /// What a number stands for: the value at `index` of a list, or a value between its ends; `None` keeps.
    fn value(&self, values: &[f64], index: Option<usize>, number: f32) -> Option<f64> {
        if self.range.is_none() {
            return index.and_then(|index| values.get(index)).copied();
        }
        let (least, most) = ends(values);
        (!number.is_nan()).then(|| least + f64::from(number.clamp(0.0, 1.0)) * (most - least))
    }

    /// Seconds of a window: as listed, or whole ones.
    fn whole(&self, seconds: f64) -> f64 {
        if self.range.is_some() { seconds.round() } else { seconds }
    }
}

/// The place in a list whose choice 0 keeps what the HPA has.
fn kept(number: f32) -> Option<usize> {
    choice(number).checked_sub(1)
}

/// The least and the largest of a list; infinite when it is empty.
fn ends(values: &[f64]) -> (f64, f64) {
    values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), &x| (least.min(x), most.max(x)))
}

/// Pods of a base. `start` is the start's own proposal, `current` the replicas that there are.
pub(super) fn forecast(base: Base, demand: &Demand, start: f32, current: Replicas) -> f32 {
    match base {
        Base::Start => start,
        Base::Current => current as f32,
        Base::Level => demand.level,
        Base::Peak => demand.peak,
        Base::Hour => demand.peak_60m,
        Base::Season => demand.seasonal_peak(),
        Base::Highest => demand.peak.max(demand.seasonal_peak()),
    }
}

/// ⌈a + β √a⌉ pods for a base of `a`, at most 10⁶.
fn propose(pods: f32, safety: f32) -> f32 {
    (pods + safety * pods.max(0.0).sqrt()).ceil().clamp(0.0, 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::autoscalers::linear::Proposal;
    use crate::sim::Knobs;

    fn demand() -> Demand {
        Demand { level: 4.0, peak: 9.0, ..Demand::default() }
    }

    fn at<'a>(demand: &'a Demand, own: &'a Knobs, proposal: Option<Proposal>) -> Standing<'a> {
        Standing { demand, own, proposal, replicas: 5, limits: None }
    }

    fn own(min_replicas: Replicas, max_replicas: Replicas) -> Knobs {
        Knobs { target_cpu: Some(72), min_replicas, max_replicas, stabilize_down: Duration::from_secs(240) }
    }

    fn action(base: Base, safety: f64) -> Vec<f32> {
        let settings = settings::Action::default();
        let base = settings.min_base.iter().position(|&b| b == base).unwrap() as f32;
        let safety = settings.min_safety.iter().position(|&s| (s - safety).abs() < 1e-9).unwrap() as f32;
        vec![1.0, base, safety, 1.0]
    }

    #[test]
    fn min_replicas_is_the_base_plus_a_multiple_of_its_root() {
        let actions = Fields::new(&settings::Action::default());
        let min = |base, safety| actions.patch(&action(base, safety), &at(&demand(), &own(1, 40), None)).min_replicas;
        assert_eq!(min(Base::Peak, 1.0), Some(12));
        assert_eq!(min(Base::Level, 0.5), Some(5));
        assert_eq!(min(Base::Season, 0.0), Some(9), "without a day of past the season is the recent peak");
        assert_eq!(min(Base::Start, 2.0), Some(3));
    }

    #[test]
    fn a_proposal_stays_within_the_users_bounds() {
        let actions = Fields::new(&settings::Action::default());
        let patch = |floor, ceiling| actions.patch(&action(Base::Peak, 1.0), &at(&demand(), &own(floor, ceiling), None));
        assert_eq!(patch(20, 40).min_replicas, Some(20));
        assert_eq!(patch(1, 10).min_replicas, Some(10));
    }

    #[test]
    fn the_first_action_is_the_hpa_as_it_stands() {
        let actions = Fields::new(&settings::Action::default());
        let patch = actions.patch(&actions.keep(), &at(&demand(), &own(3, 40), None));
        let window = Some(Duration::from_secs(240));
        let same = Patch { target_cpu: Some(72), min_replicas: Some(3), stabilize_down: window, ..Patch::default() };
        assert_eq!(patch, same);
    }

    #[test]
    fn a_number_stands_for_a_value_between_the_ends_of_its_list() {
        for head in [HeadKind::Gaussian, HeadKind::Beta] {
            let actions = Fields::new(&settings::Action { head, ..settings::Action::default() });
            let patch = |action: &[f32]| actions.patch(action, &at(&demand(), &own(3, 40), None));
            let middle = patch(&[0.5, 2.0, 0.5, 0.25]);
            assert_eq!((middle.target_cpu, middle.stabilize_down), (Some(70), Some(Duration::from_secs(150))));
            assert_eq!(middle.min_replicas, Some(13), "9 + 1.25 times 3, rounded up");
            let cut = patch(&[7.0, 2.0, -1.0, -0.1]);
            assert_eq!((cut.target_cpu, cut.min_replicas), (Some(90), Some(8)));
            let same = patch(&actions.keep());
            assert_eq!((same.target_cpu, same.min_replicas), (Some(72), Some(3)));
            assert_eq!(same.stabilize_down, Some(Duration::from_secs(240)));
            let first = actions.first();
            assert!((first[2] - 0.5 / 3.5).abs() < 1e-6 && first[1] == 0.0, "{first:?}");
        }
    }

    #[test]
    fn an_empty_list_leaves_its_knob_alone() {
        let settings = settings::Action { target_cpu: Vec::new(), ..settings::Action::default() };
        let actions = Fields::new(&settings);
        assert_eq!(actions.distributions(), [6, 8, 6].map(Distribution::Categorical));
        let patch = actions.patch(&[2.0, 1.0, 1.0], &at(&demand(), &own(1, 40), None));
        assert_eq!((patch.target_cpu, patch.min_replicas, patch.stabilize_down), (None, Some(9), Some(Duration::ZERO)));
    }

    #[test]
    fn kept_knobs_follow_the_linear_policy_of_the_start() {
        let proposal = Some(Proposal { pods: 6.2, target_cpu: 65 });
        let actions = Fields::new(&settings::Action::default());
        let patch = actions.patch(&actions.keep(), &at(&demand(), &own(1, 40), proposal));
        assert_eq!((patch.target_cpu, patch.min_replicas), (Some(65), Some(7)));
        let none = settings::Action { target_cpu: vec![], min_base: vec![], min_safety: vec![], ..Default::default() };
        let patch = Fields::new(&none).patch(&[0.0], &at(&demand(), &own(1, 40), proposal));
        assert_eq!((patch.target_cpu, patch.min_replicas), (Some(65), Some(7)), "without heads of their own too");
    }

    #[test]
    fn masks_leave_one_choice_of_those_that_come_to_the_same() {
        let settings = settings::Action::default();
        let actions = Fields::new(&settings);
        let masked = |demand: &Demand, own: &Knobs| {
            let mut allowed = vec![true; 6 + 6 + 8 + 6];
            actions.mask(&at(demand, own, None), None, &mut allowed);
            allowed
        };
        // Without load every base is 0 pods, and minReplicas is the HPA's own whatever the safety.
        let idle = masked(&Demand::default(), &own(3, 40));
        assert_eq!(&idle[6..12], [true, false, false, false, false, false]);
        let counts = idle[12..20].iter().filter(|&&it| it).count();
        assert!(counts > 1, "safety counts with the start's own 3 pods: {idle:?}");
        let pinned = masked(&demand(), &own(5, 5));
        assert_eq!((pinned[..6].iter().filter(|&&it| it).count(), pinned[0]), (1, true), "the target moves nothing");
        assert_eq!(pinned[6..20].iter().filter(|&&it| it).count(), 2, "nor does minReplicas");
    }

    #[test]
    fn whatever_a_mask_forbids_another_choice_does() {
        let actions = Fields::new(&settings::Action::default());
        for (level, peak, floor, ceiling) in [(0.0, 0.0, 1, 40), (4.0, 9.0, 1, 10), (0.3, 0.9, 2, 4), (30.0, 60.0, 1, 20)] {
            let (demand, own) = (Demand { level, peak, ..Demand::default() }, own(floor, ceiling));
            let at = at(&demand, &own, None);
            let mut allowed = vec![true; 26];
            actions.mask(&at, None, &mut allowed);
            let reached = |all: bool| {
                let pairs = (0..6).flat_map(|base| (0..8).map(move |safety| (base, safety)));
                let pairs = pairs.filter(|&(base, safety)| all || (allowed[6 + base] && allowed[12 + safety]));
                let min = |(base, safety)| actions.patch(&[0.0, base as f32, safety as f32, 0.0], &at).min_replicas;
                pairs.map(min).collect::<std::collections::BTreeSet<_>>()
            };
            assert_eq!(reached(true), reached(false), "{level} {peak} {floor} {ceiling}");
        }
    }

    #[test]
    fn a_cool_down_holds_the_last_action() {
        let actions = Fields::new(&settings::Action::default());
        let mut allowed = vec![true; 26];
        actions.mask(&at(&demand(), &own(1, 40), None), Some(&[2.0, 1.0, 7.0, 0.0]), &mut allowed);
        let left: Vec<usize> = (0..26).filter(|&i| allowed[i]).collect();
        assert_eq!(left, [2, 7, 19, 20]);
    }
}
