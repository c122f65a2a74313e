//! Stretches of training time, and what a bound makes of a policy.

use super::*;
use crate::autoscalers::Recipe;
use crate::env::Start;
use crate::eval::{Task, split, start, tasks, tune};
use crate::sim::{self, Outcome};
use crate::trace::synth::{self, Profile};
use crate::units::Percent;

#[test]
fn stretches_lie_in_their_parts_and_change_with_the_generation() {
    let window = SimTime::from_secs(3600)..SimTime::from_secs(3600 + 5 * 86_400);
    let (first, second) = (stretches(&window, PARTS, 0, 0), stretches(&window, PARTS, 0, 1));
    assert_ne!(first, second);
    let part = Duration::from_hours(15);
    for (index, stretch) in first.iter().enumerate() {
        let start = window.start + part * index as u32;
        assert!(stretch.start >= start && stretch.end <= start + part);
        assert_eq!(stretch.end.since(stretch.start), STRETCH);
    }
    let short = SimTime::ZERO..SimTime::from_secs(7200);
    assert_eq!(stretches(&short, PARTS, 0, 3), [short]);
}

fn judged(world: &sim::Settings) -> Task {
    let recipe = synth::Recipe { seed: 5, duration: Duration::from_hours(36), ..synth::Recipe::new(Profile::Bursty) };
    let trace = recipe.synthesize().unwrap();
    tasks("synthetic", &trace, world, &split::Settings::default()).unwrap().0.remove(0)
}

/// Late requests are so cheap that evolution alone would be late far more often than the static HPA.
#[test]
fn a_bounded_policy_is_no_later_than_the_static_hpa_and_cheaper() {
    let mut sim = sim::Settings::default();
    sim.workload.fit_pods = Some(12.0);
    sim.prices.violation /= 4.0;
    let (hpa, task) = (hpa::Settings::default(), judged(&sim));
    let tune = tune::Settings { linear_steps: 1_000_000, ..tune::Settings::default() };
    let world = World { sim: &sim, hpa: &hpa, tune: &tune };
    let fixed = hpa::Settings { target_cpu: Percent::try_from(50.0).ok(), ..hpa.clone() };
    let flown = |recipe: &Recipe| recipe.run(&task.workload, &sim, 0, task.train.clone(), false).outcome;
    let safe = flown(&Recipe::hpa(&fixed));
    let evolved = |bound| {
        let found = evolve(&task.ground(), None, bound, &world, &|| {}).linear;
        flown(&start::recipe(&Start::linear(found, &hpa), None))
    };
    let bound = Bound { limit: 1.0, hpas: std::slice::from_ref(&fixed) };
    let late = |outcome: &Outcome| outcome.slo.violation_rate;
    let (free, bounded) = (evolved(None), evolved(Some(bound)));
    assert!(late(&free) > 1.2 * late(&safe), "{} is hardly later than {}", late(&free), late(&safe));
    assert!(late(&bounded) <= late(&safe), "{} for {}", late(&bounded), late(&safe));
    assert!(bounded.objective < safe.objective, "{} for {}", bounded.objective, safe.objective);
    assert!(free.objective < bounded.objective, "the bound costs nothing");
}
