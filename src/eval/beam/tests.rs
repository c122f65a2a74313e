use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::autoscalers::Recipe;
use crate::eval::{Task, split, tasks, tune};
use crate::trace::synth::{self, Profile};
use crate::{hpa, sim};

fn world() -> sim::Settings {
    let mut world = sim::Settings::default();
    world.workload.fit_pods = Some(12.0);
    world
}

fn judged() -> Task {
    let recipe = synth::Recipe {
        seed: 5,
        duration: Duration::from_hours(36),
        functions: 1,
        ..synth::Recipe::new(Profile::Bursty)
    };
    let trace = recipe.synthesize().unwrap();
    tasks("synthetic", &trace, &world(), &split::Settings::default()).unwrap().0.remove(0)
}

fn tiny(width: usize) -> tune::Settings {
    let target = |percent: f64| Percent::try_from(percent).unwrap();
    let beam = Settings {
        width,
        epoch: Duration::from_secs(60),
        targets: vec![target(50.0), target(100.0)],
        floors: vec![0.0, 1.2],
        seeds: 1,
    };
    tune::Settings { beam, ..tune::Settings::default() }
}

/// The objective of a course, replayed from the start.
fn replayed(course: &Course, task: &Task, window: &Range<SimTime>, world: &World<'_>, seed: u64) -> f64 {
    let course = course.clone();
    let recipe = Recipe::tuned(world.hpa, move |_| course.clone());
    recipe.run(&task.workload, world.sim, seed, window.clone(), false).outcome.objective
}

/// Every sequence of choices, each replayed as a whole.
fn brute_force(task: &Task, window: &Range<SimTime>, world: &World<'_>) -> f64 {
    let choices = choices(&task.workload, world, window);
    let count: usize = choices.iter().map(Vec::len).product();
    let course = |code: usize| {
        let mut code = code;
        let patches = choices.iter().map(|patches| {
            let patch = patches[code % patches.len()].clone();
            code /= patches.len();
            patch
        });
        Course::new(patches.collect(), world.tune.beam.epoch)
    };
    (0..count).map(|code| replayed(&course(code), task, window, world, 0)).fold(f64::INFINITY, f64::min)
}

#[test]
fn a_beam_that_keeps_everything_finds_what_trying_every_course_finds() {
    let (task, sim, hpa) = (judged(), world(), hpa::Settings::default());
    for minute in [0, 100, 200, 300] {
        let start = task.test.start + Duration::from_mins(minute);
        let window = start..start + Duration::from_mins(4);
        let tune = tiny(4_usize.pow(4));
        let world = World { sim: &sim, hpa: &hpa, tune: &tune };
        let wanted = brute_force(&task, &window, &world);
        let found = search(&task.workload, &world, &window);
        assert!((found.objective - wanted).abs() < 1e-12, "minute {minute}: {} is not {wanted}", found.objective);
        let again = replayed(&found.course, &task, &window, &world, 0);
        assert!((again - wanted).abs() < 1e-12, "minute {minute}: {again} is not {wanted}");
        let narrow = tiny(2);
        let narrow = search(&task.workload, &World { tune: &narrow, ..world }, &window);
        assert!(narrow.objective >= wanted - 1e-12, "minute {minute}: {} is below {wanted}", narrow.objective);
    }
}

/// A copy that goes on as the original does, to the last bit, swings of measured CPU included.
#[test]
fn a_copied_run_goes_on_as_the_run_does() {
    let (task, sim, hpa) = (judged(), world(), hpa::Settings::default());
    let run = || {
        let hpa = Box::new(HpaAutoscaler::new(&hpa));
        Simulation::new(Arc::clone(&task.workload), &sim, hpa, 3, task.test.clone())
    };
    let whole = run().finish();
    let mut first = run();
    for minute in 1..120 {
        first.advance(task.test.start + Duration::from_mins(minute));
        first = first.fork().unwrap();
    }
    assert_eq!(first.finish().outcome, whole.outcome);
}

#[test]
fn a_course_is_the_same_whatever_the_number_of_threads() {
    let (task, sim, hpa, tune) = (judged(), world(), hpa::Settings::default(), tiny(3));
    let window = task.test.start..task.test.start + Duration::from_mins(30);
    let world = World { sim: &sim, hpa: &hpa, tune: &tune };
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| search(&task.workload, &world, &window).objective)
    };
    assert_eq!(with(1).to_bits(), with(3).to_bits());
}
