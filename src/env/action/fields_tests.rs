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
    let settings = settings::Action::choices();
    let base = settings.min_base.iter().position(|&b| b == base).unwrap() as f32;
    let safety = settings.min_safety.iter().position(|&s| (s - safety).abs() < 1e-9).unwrap() as f32;
    vec![1.0, base, safety, 1.0]
}

#[test]
fn min_replicas_is_the_base_plus_a_multiple_of_its_root() {
    let actions = Fields::new(&settings::Action::choices());
    let min = |base, safety| actions.patch(&action(base, safety), &at(&demand(), &own(1, 40), None)).min_replicas;
    assert_eq!(min(Base::Peak, 1.0), Some(12));
    assert_eq!(min(Base::Level, 0.5), Some(5));
    assert_eq!(min(Base::Season, 0.0), Some(9), "without a day of past the season is the recent peak");
    assert_eq!(min(Base::Start, 2.0), Some(3));
}

#[test]
fn a_proposal_stays_within_the_users_bounds() {
    let actions = Fields::new(&settings::Action::choices());
    let patch = |floor, ceiling| actions.patch(&action(Base::Peak, 1.0), &at(&demand(), &own(floor, ceiling), None));
    assert_eq!(patch(20, 40).min_replicas, Some(20));
    assert_eq!(patch(1, 10).min_replicas, Some(10));
    let is_cut = |floor, ceiling| actions.is_cut(&action(Base::Peak, 1.0), &at(&demand(), &own(floor, ceiling), None));
    let cut = [(20, 40), (13, 40), (12, 40), (1, 12), (1, 11)].map(|(floor, ceiling)| is_cut(floor, ceiling));
    assert_eq!(cut, [true, true, false, false, true], "12 pods are asked for");
}

#[test]
fn the_first_action_is_the_hpa_as_it_stands() {
    let actions = Fields::new(&settings::Action::choices());
    let patch = actions.patch(&actions.keep(), &at(&demand(), &own(3, 40), None));
    let window = Some(Duration::from_secs(240));
    let same = Patch { target_cpu: Some(72), min_replicas: Some(3), stabilize_down: window, ..Patch::default() };
    assert_eq!(patch, same);
}

#[test]
fn a_number_stands_for_a_value_between_the_ends_of_its_list() {
    for head in [HeadKind::Gaussian, HeadKind::Beta] {
        let actions = Fields::new(&settings::Action { head, ..settings::Action::choices() });
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
    let settings = settings::Action { target_cpu: Vec::new(), ..settings::Action::choices() };
    let actions = Fields::new(&settings);
    assert_eq!(actions.distributions(), [6, 8, 6].map(Distribution::Categorical));
    let patch = actions.patch(&[2.0, 1.0, 1.0], &at(&demand(), &own(1, 40), None));
    assert_eq!((patch.target_cpu, patch.min_replicas, patch.stabilize_down), (None, Some(9), Some(Duration::ZERO)));
}

#[test]
fn kept_knobs_follow_the_linear_policy_of_the_start() {
    let proposal = Some(Proposal { pods: 6.2, target_cpu: 65 });
    let actions = Fields::new(&settings::Action::choices());
    let patch = actions.patch(&actions.keep(), &at(&demand(), &own(1, 40), proposal));
    assert_eq!((patch.target_cpu, patch.min_replicas), (Some(65), Some(7)));
    let none = settings::Action { target_cpu: vec![], min_base: vec![], min_safety: vec![], ..Default::default() };
    let patch = Fields::new(&none).patch(&[0.0], &at(&demand(), &own(1, 40), proposal));
    assert_eq!((patch.target_cpu, patch.min_replicas), (Some(65), Some(7)), "without heads of their own too");
}

#[test]
fn masks_leave_one_choice_of_those_that_come_to_the_same() {
    let settings = settings::Action::choices();
    let actions = Fields::new(&settings);
    let masked = |demand: &Demand, own: &Knobs| {
        let mut allowed = vec![true; 6 + 6 + 8 + 6];
        actions.mask(&at(demand, own, None), None, &mut allowed);
        allowed
    };
    // Without load every forecast is 0 pods, and minReplicas is the HPA's own whatever the safety; the start asks for 3.
    let idle = masked(&Demand::default(), &own(3, 40));
    assert_eq!(&idle[6..12], [true, true, false, false, false, false]);
    let counts = idle[12..20].iter().filter(|&&it| it).count();
    assert!(counts > 1, "safety counts with the start's own 3 pods: {idle:?}");
    let pinned = masked(&demand(), &own(5, 5));
    assert_eq!((pinned[..6].iter().filter(|&&it| it).count(), pinned[0]), (1, true), "the target moves nothing");
    assert_eq!(pinned[6..20].iter().filter(|&&it| it).count(), 2, "nor does minReplicas");
}

#[test]
fn whatever_a_mask_forbids_another_choice_does() {
    let actions = Fields::new(&settings::Action::choices());
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
    let actions = Fields::new(&settings::Action::choices());
    let mut allowed = vec![true; 26];
    actions.mask(&at(&demand(), &own(1, 40), None), Some(&[2.0, 1.0, 7.0, 0.0]), &mut allowed);
    let left: Vec<usize> = (0..26).filter(|&i| allowed[i]).collect();
    assert_eq!(left, [2, 7, 19, 20]);
}
