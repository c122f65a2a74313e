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
pub(super) struct Fields {
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
    pub(super) fn new(settings: &settings::Action) -> Self {
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
    pub(super) fn heads(&self) -> &[Head] {
        &self.heads
    }

    /// What the heads are drawn from.
    #[must_use]
    pub(super) fn distributions(&self) -> Vec<Distribution> {
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
    pub(super) fn keep(&self) -> Vec<f32> {
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
    pub(super) fn first(&self) -> Vec<f32> {
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
    pub(super) fn patch(&self, action: &[f32], at: &Standing<'_>) -> Patch {
        let asked = self.asked(action, at);
        Patch { min_replicas: asked.min_replicas.map(|pods| at.bounded(pods)), ..asked }
    }

    /// Whether the HPA's bounds cut the minReplicas that an action asks for.
    pub(super) fn is_cut(&self, action: &[f32], at: &Standing<'_>) -> bool {
        self.asked(action, at).min_replicas.is_some_and(|pods| at.bounded(pods) != pods)
    }

    /// The patch before the HPA's bounds hold.
    fn asked(&self, action: &[f32], at: &Standing<'_>) -> Patch {
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
        let min_replicas = base
            .zip(safety)
            .or(start)
            .map(|(&base, safety)| propose(forecast(base, demand, start_pods, at.replicas), safety as f32) as Replicas);
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
#[path = "fields_tests.rs"]
mod tests;
