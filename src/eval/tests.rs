//! Whole comparisons on synthetic traffic: what must hold between baselines, search and optimum.

use std::time::Duration;

use super::contender::{best_static, stock_static};
use super::runner::Comparison;
use super::stats::front::Beside;
use super::summary::{look_up, summarize};
use super::{Contender, Results, Summary, Task, World, gates, oracle, split, tasks, tune};
use crate::autoscalers::Baseline;
use crate::sim::Level;
use crate::trace::Trace;
use crate::trace::synth::{Profile, Recipe};
use crate::units::Percent;
use crate::{hpa, sim};

fn trace(profile: Profile, functions: usize) -> Trace {
    let recipe = Recipe {
        seed: 3,
        duration: Duration::from_secs(36 * 3600),
        interval: Duration::from_secs(60),
        functions,
        ..Recipe::new(profile)
    };
    recipe.synthesize().unwrap()
}

fn world() -> sim::Settings {
    let mut world = sim::Settings::default();
    world.workload.fit_pods = Some(12.0);
    world
}

/// A small grid, so that tests are quick.
fn grid() -> tune::Settings {
    let targets = [40.0, 60.0, 80.0].map(|target| Percent::try_from(target).unwrap()).into();
    let all = tune::Settings::default();
    tune::Settings {
        targets,
        min_replicas: vec![1, 3],
        stabilize_down: all.stabilize_down[..3].into(),
        scale_down: all.scale_down[..1].into(),
        scale_up: all.scale_up[..1].into(),
        ..all
    }
}

fn judged(profile: Profile, functions: usize) -> Vec<Task> {
    tasks("synthetic", &trace(profile, functions), &world(), &split::Settings::default()).unwrap().0
}

fn compare(tasks: &[Task], baselines: &[Baseline], seeds: &[u64]) -> (Results, Vec<Summary>) {
    let (sim, hpa, tune) = (world(), hpa::Settings::default(), grid());
    let contenders: Vec<_> = baselines.iter().map(|&baseline| Contender::baseline(baseline)).collect();
    let world = World { sim: &sim, hpa: &hpa, tune: &tune };
    let (contenders, level, config_hash) = (contenders.as_slice(), Level::Fluid, "");
    let (record, strain, tick) = (false, false, &|| {});
    let results = Comparison { contenders, tasks, seeds, world, level, config_hash, record, strain, tick }.run();
    let summary = summarize(&results, 0);
    (results, summary)
}

fn objective(summaries: &[Summary], baseline: Baseline) -> f64 {
    summaries.iter().find(|it| it.policy == baseline.name()).map(|it| it.mean("objective")).unwrap()
}

#[test]
fn no_policy_is_better_than_the_optimum_and_hindsight_never_hurts() {
    // The optimum is of the workload's own pods; VPA's are others, and may cost less.
    let own_pods = |baseline: &Baseline| *baseline != Baseline::Vpa;
    let baselines: Vec<_> = Baseline::ALL.map(|entry| entry.0).into_iter().filter(own_pods).collect();
    for profile in [Profile::Diurnal, Profile::Bursty, Profile::FlashCrowd] {
        let (results, summaries) = compare(&judged(profile, 1), &baselines, &[0, 1, 2]);
        let optimum = results.bounds[0].optimum;
        assert!(optimum.lower <= optimum.upper * (1.0 + 1e-6), "{profile:?}: {optimum:?}");
        for summary in &summaries {
            let found = summary.mean("objective");
            assert!(optimum.lower <= found, "{profile:?}: {} reaches {found}, below {optimum:?}", summary.policy);
        }
        let clairvoyant = objective(&summaries, Baseline::Clairvoyant);
        let hindsight = objective(&summaries, Baseline::ClairvoyantStatic);
        let tuned = objective(&summaries, Baseline::Tuned);
        let fields = objective(&summaries, Baseline::ClairvoyantHpa);
        // A course is laid down for one seed's start-up delays, and few of all courses are looked at: it is no bound, and may
        // even lie above the static HPA of hindsight.
        assert!(optimum.lower <= fields * 1.01, "{profile:?}: {optimum:?} and fields moved with foresight {fields}");
        assert!(optimum.upper <= clairvoyant * 1.01, "{profile:?}: {optimum:?} and replayed {clairvoyant}");
        assert!(clairvoyant <= hindsight, "{profile:?}: clairvoyant {clairvoyant}, static {hindsight}");
        assert!(hindsight <= tuned * 1.02, "{profile:?}: in hindsight {hindsight}, tuned {tuned}");
    }
}

#[test]
fn halving_finds_what_trying_everything_finds() {
    for profile in [Profile::Diurnal, Profile::Bursty] {
        let (sim, hpa) = (world(), hpa::Settings::default());
        let all = tune::Settings { targets: tune::Settings::default().targets, ..grid() };
        let (tasks, ground) = (judged(profile, 1), |tasks: &[Task]| [tasks[0].ground()]);
        let found = |halving| {
            let tune = tune::Settings { halving, ..all.clone() };
            best_static(&ground(&tasks), &World { sim: &sim, hpa: &hpa, tune: &tune }, &|| {})
        };
        let (whole, halved) = (found(false), found(true));
        let ratio = halved.best.outcome.objective / whole.best.outcome.objective;
        assert!((1.0 - 1e-12..1.01).contains(&ratio), "{profile:?}: {:?} for {:?}", halved.best, whole.best);
        assert!(halved.budget.simulated_s < 0.7 * whole.budget.simulated_s);
        let stock = stock_static(&ground(&tasks), &World { sim: &sim, hpa: &hpa, tune: &all });
        assert!(whole.best.outcome.objective <= stock.outcome.objective);
    }
}

#[test]
fn a_front_has_nothing_that_another_beats() {
    let (sim, hpa, tune) = (world(), hpa::Settings::default(), grid());
    let ground = [judged(Profile::Bursty, 1)[0].ground()];
    let found = best_static(&ground, &World { sim: &sim, hpa: &hpa, tune: &tune }, &|| {});
    let figures = |at: usize| (found.front[at].outcome.cost.usd, found.front[at].outcome.slo.violation_rate);
    assert!(found.front.len() > 1);
    for at in 1..found.front.len() {
        assert!(figures(at).0 > figures(at - 1).0 && figures(at).1 < figures(at - 1).1, "{at}");
    }
}

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    let tasks = judged(Profile::Diurnal, 2);
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| compare(&tasks, &[Baseline::Tuned, Baseline::Schedule, Baseline::Random], &[0, 1]))
    };
    let (one, four) = (with(1), with(4));
    assert_eq!(one.0, four.0);
    assert_eq!(serde_json::to_string(&one.1).unwrap(), serde_json::to_string(&four.1).unwrap());
}

#[test]
fn the_reference_stands_at_one_and_closes_no_gap() {
    let (results, summaries) = compare(&judged(Profile::Diurnal, 2), &[Baseline::Stock50, Baseline::Tuned], &[0, 1]);
    let (stock, tuned) = (&summaries[0], &summaries[1]);
    assert_eq!((tuned.cost_vs_tuned.lower, tuned.cost_vs_tuned.upper, tuned.gap_closed.mean), (1.0, 1.0, 0.0));
    let costs: Vec<f64> = results.rows.iter().map(|row| row.outcome.cost.usd).collect();
    let ratio = costs[..4].iter().sum::<f64>() / costs[4..].iter().sum::<f64>();
    assert!((stock.cost_vs_tuned.mean - ratio).abs() < 1e-12);
    assert!(stock.cost_vs_tuned.lower <= ratio && ratio <= stock.cost_vs_tuned.upper);
    let keys = serde_json::to_value(stock).unwrap();
    assert!((keys["mean"]["cost"]["usd"].as_f64().unwrap() - costs[..4].iter().sum::<f64>() / 4.0).abs() < 1e-12);
    assert!(keys["interval"]["slo"]["violation_rate"]["upper"].is_f64());
}

#[test]
fn the_optimum_of_a_constant_load_is_what_it_needs_all_the_time() {
    // Long requests that share a pod are soon late, so it needs well over what its mean fills.
    let recipe = Recipe::new(Profile::Constant);
    let trace = recipe.synthesize().unwrap();
    let world = sim::Settings::default();
    let workload = sim::Workload::new(&trace.functions[0], &trace.header, &world).unwrap();
    let window = workload.window();
    let hours = workload.duration().as_secs_f64() / 3600.0;
    let optimum = oracle::optimum(&workload, &world, &window, 40);
    let mean = workload.slots().iter().map(|slot| slot.load).sum::<f64>() / workload.slots().len() as f64;
    assert!(optimum.lower >= mean * hours && optimum.upper <= 1.75 * mean * hours, "{optimum:?} for {mean} × {hours}");
}

/// Each figure again, from the runs, as its definition says.
#[test]
fn costs_at_equal_lateness_and_distances_from_the_optimum_follow_from_the_runs() {
    let (results, summaries) = compare(&judged(Profile::Bursty, 2), &[Baseline::Stock50, Baseline::Tuned], &[0, 1]);
    let mean = |values: &mut dyn Iterator<Item = f64>| values.sum::<f64>() / 4.0;
    let rows = |policy: usize| results.rows[4 * policy..4 * policy + 4].iter();
    let cost = |policy| mean(&mut rows(policy).map(|row| row.outcome.cost.usd));
    let late = |policy| mean(&mut rows(policy).map(|row| row.outcome.slo.violation_rate));
    assert_eq!(results.statics.len(), tune::sweep::MULTIPLES.len());
    let mut points = vec![(cost(0), late(0)), (cost(1), late(1))];
    for runs in &results.statics {
        points.push((mean(&mut runs.iter().map(|run| run.usd)), mean(&mut runs.iter().map(|run| run.violation_rate))));
    }
    // The least cost of a mixture of two neighbours that is late as often, found by trying all pairs.
    let beaten = |p: &(f64, f64)| points.iter().any(|q| (q.0 < p.0 && q.1 <= p.1) || (q.0 <= p.0 && q.1 < p.1));
    let front: Vec<_> = points.iter().filter(|p| !beaten(p)).copied().collect();
    for (policy, summary) in summaries.iter().enumerate() {
        let at = late(policy);
        let above = front.iter().filter(|p| p.1 > at).max_by(|p, q| p.0.total_cmp(&q.0));
        let below = front.iter().filter(|p| p.1 <= at).min_by(|p, q| p.0.total_cmp(&q.0)).unwrap();
        let share = above.map_or(0.0, |above| (at - below.1) / (above.1 - below.1));
        let wanted = cost(policy) / (below.0 + share * (above.map_or(below.0, |above| above.0) - below.0));
        let found = summary.cost_at_equal_violations;
        if above.is_none() && at > below.1 {
            assert!(
                found.mean.is_nan() && summary.beside_front == Some(Beside::Later),
                "{}: {found:?}",
                summary.policy
            );
        } else {
            assert!((found.mean - wanted).abs() < 1e-9, "{}: {found:?} is not {wanted}", summary.policy);
            assert!(found.mean >= 1.0 - 1e-12, "a static HPA is on the front or behind it");
        }
        let optimum = f64::midpoint(results.bounds[0].optimum.lower, results.bounds[1].optimum.lower);
        let objective = mean(&mut rows(policy).map(|row| row.outcome.objective));
        assert!((summary.objective_vs_optimum.mean - objective / optimum).abs() < 1e-12);
        assert!((summary.regret.mean - (objective - optimum)).abs() < 1e-12);
        assert!(summary.slowdown_p99_geomean.mean.is_nan(), "the fluid level has no slowdowns");
    }
}

/// Whether a gate holds.
fn met(summaries: &[Summary], gate: &str) -> bool {
    let gate = gates::Gate::parse(gate).unwrap();
    gate.decide(&|figure| look_up(summaries, &[], Level::Fluid, figure)).unwrap().met
}

#[test]
fn a_gate_on_a_policy_beyond_every_static_hpa_or_on_no_number_is_not_met() {
    let baselines = [Baseline::Stock50, Baseline::Tuned, Baseline::Schedule];
    let (mut results, _) = compare(&judged(Profile::Bursty, 2), &baselines, &[0, 1]);
    // A policy that serves next to nothing, for next to nothing.
    for row in &mut results.rows[8..] {
        row.outcome.slo.violation_rate = 0.99;
        row.outcome.cost.usd *= 0.01;
    }
    let summaries = summarize(&results, 0);
    assert_eq!(summaries[2].beside_front, Some(Beside::Later));
    assert!(met(&summaries, "cost.usd[schedule]/cost.usd[tuned] < 0.1"), "it is cheap");
    let without = summarize(&Results { statics: Vec::new(), ..results.clone() }, 0);
    assert!(without.iter().all(|it| it.beside_front.is_none()), "no front without a search");
    results.bounds.iter_mut().for_each(|bound| bound.optimum.lower = f64::INFINITY);
    let closed = summarize(&results, 0);
    for part in ["mean", "lower", "upper"] {
        for relation in ["<=", ">="] {
            let gate = |key: &str| format!("{part}({key}[schedule]) {relation} 1");
            assert!(!met(&summaries, &gate("cost_at_equal_violations")), "{part} {relation}");
            assert!(!met(&without, &gate("cost_at_equal_violations")), "{part} {relation}");
            assert!(!met(&closed, &gate("gap_closed")), "{part} {relation}");
        }
    }
}

#[test]
fn gates_take_how_a_learned_policy_decides_and_of_others_refuse_it() {
    let baselines = [Baseline::Tuned, Baseline::Schedule];
    let (mut results, before) = compare(&judged(Profile::Diurnal, 1), &baselines, &[0, 1]);
    for (row, entropy) in results.rows[2..].iter_mut().zip([1.0, 2.0]) {
        row.outcome.control = Some(sim::Control { entropy: Some(entropy), ..sim::Control::default() });
    }
    let summaries = summarize(&results, 0);
    let json = serde_json::to_value(&summaries).unwrap();
    assert_eq!(json[1]["mean"]["control"], serde_json::json!({ "entropy": 1.5 }));
    assert_eq!(json[0], serde_json::to_value(&before[0]).unwrap(), "the tuned HPA has nothing of the kind");
    let learned = [Baseline::Schedule.name().to_owned()];
    let decide = |gate: &str| {
        let look_up = |figure: &gates::Figure| look_up(&summaries, &learned, Level::Fluid, figure);
        gates::Gate::parse(gate).unwrap().decide(&look_up)
    };
    assert!(decide("control.entropy[policy] <= 1.5").unwrap().met && !decide("control.kl[policy] <= 9").unwrap().met);
    assert!(decide("control.entropy[tuned] <= 9").unwrap_err().problem.contains("no figure \"control.entropy\""));
}

#[test]
fn those_who_foresee_and_those_who_resize_are_not_compared_with_what_does_not_bind_them() {
    let baselines = [Baseline::Stock80, Baseline::Tuned, Baseline::Clairvoyant, Baseline::Vpa];
    let (results, summaries) = compare(&judged(Profile::Bursty, 1), &baselines, &[0, 1]);
    let [stock, tuned, clairvoyant, vpa] = [0, 1, 2, 3].map(|at| &summaries[at]);
    let gain = |it: &Summary| it.standing.unwrap().hypervolume_gain;
    assert!(gain(clairvoyant).is_nan() && gain(stock) > 0.0 && gain(tuned) > 0.0);
    let without = compare(&judged(Profile::Bursty, 1), &[Baseline::Stock80, Baseline::Tuned, Baseline::Vpa], &[0, 1]).1;
    assert!((gain(&without[1]) - gain(tuned)).abs() < 1e-12, "who foresees changes nothing");
    assert!(clairvoyant.gap_closed.mean > 0.0);
    for unknown in [vpa.gap_closed, vpa.objective_vs_optimum, vpa.regret, vpa.standing.unwrap().score.iqm] {
        assert!(unknown.mean.is_nan() && unknown.lower.is_nan() && unknown.upper.is_nan());
    }
    assert!(vpa.profile.is_empty() && vpa.objective_vs_tuned.mean.is_finite());
    assert!(results.natures[3].resizes_pods);
}

#[test]
fn slowdowns_of_functions_are_put_together_by_their_geometric_mean() {
    let (sim, hpa, tune) = (world(), hpa::Settings::default(), grid());
    let contenders = [Contender::baseline(Baseline::Tuned)];
    let (tasks, seeds) = (judged(Profile::Diurnal, 2), [0, 1]);
    let comparison = Comparison {
        contenders: &contenders,
        tasks: &tasks,
        seeds: &seeds,
        world: World { sim: &sim, hpa: &hpa, tune: &tune },
        level: Level::Requests,
        config_hash: "",
        record: false,
        strain: false,
        tick: &|| {},
    };
    let results = comparison.run();
    let p99 = |row: &super::runner::Row| row.outcome.slowdown.unwrap().p99;
    let wanted = results.rows.iter().map(p99).product::<f64>().powf(0.25);
    let found = summarize(&results, 0)[0].slowdown_p99_geomean;
    assert!((found.mean - wanted).abs() < 1e-9 * wanted, "{found:?} is not {wanted}");
    assert!(found.lower <= wanted && wanted <= found.upper, "{found:?}");
}
