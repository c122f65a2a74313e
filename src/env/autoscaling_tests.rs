use super::*;
use crate::env::distribution::choice;
use crate::env::settings::Action;
use crate::env::{Shares, Start, classic};
use crate::hpa;
use crate::sim;
use crate::trace::{Header, Series};
use crate::units::Replicas;

/// An environment of these keys on four hours of a load that comes and goes.
fn environment(keys: &str, level: sim::Level) -> Autoscaling {
    let mut settings: Settings =
        toml::from_str(&format!("control_interval = \"1m\"\nepisode = \"1h\"\nrandomize.startup = [1, 1]\n{keys}"))
            .unwrap();
    if !keys.contains("head") {
        let Action { mode, masks, cooldown, direct, infrastructure, .. } = settings.action;
        settings.action = Action { mode, masks, cooldown, direct, infrastructure, ..Action::choices() };
    }
    settings.validate().unwrap();
    let rate = |minute: i32| 1200.0 * (1.2 + (f64::from(minute) / 17.0).sin());
    let series = Series { function: "f".into(), requests: Some((0..240).map(rate).collect()), ..Series::default() };
    let header =
        Header { interval_ms: 60_000, origin_ms: Some(0), source: "t".into(), licence: None, tool: "t".into() };
    let world = sim::Settings { level, ..sim::Settings::default() };
    let hpa = hpa::Settings { max_replicas: 12, ..hpa::Settings::default() };
    let shares = Shares { train: 1.0, validation: 0.0 };
    let scenario = Scenario::new(&series, &header, &world, &hpa, &Start::fixed(&hpa), &settings, shares).unwrap();
    let actions = Arc::new(Actions::new(&settings.action));
    Autoscaling::new(vec![scenario].into(), actions, settings)
}

fn replicas(environment: &Autoscaling) -> Replicas {
    environment.episode.as_ref().unwrap().simulation.telemetry().spec_replicas
}

/// Plays an episode of random choices among those that masks allow. `look` gets the environment before each step, the
/// observation, the mask and the action.
fn wander(
    environment: &mut Autoscaling,
    seed: u64,
    mut look: impl FnMut(&Autoscaling, &[f32], &[bool], &[f32]),
) -> f64 {
    let mut rng = random::stream(seed, Purpose::Actions, 0);
    let heads = environment.heads();
    environment.reset(seed);
    let mut observed = vec![f32::NAN; environment.observation_len()];
    let mut reward = 0.0;
    loop {
        environment.observe(&mut observed);
        let mut allowed = vec![true; heads.iter().map(|head| head.outputs()).sum()];
        environment.mask(&mut allowed);
        let mut from = 0;
        let action: Vec<f32> = heads
            .iter()
            .map(|head| {
                let own = from..from + head.outputs();
                from = own.end;
                let Distribution::Categorical(_) = head else { return rng.random() };
                let left: Vec<usize> = (0..own.len()).filter(|&index| allowed[own.start + index]).collect();
                left[rng.random_range(0..left.len())] as f32
            })
            .collect();
        look(environment, &observed, &allowed, &action);
        let step = environment.step(&action);
        assert!(step.reward.is_finite());
        reward += step.reward;
        if step.truncated {
            return reward;
        }
    }
}

#[test]
fn an_agent_that_sets_replicas_has_them_an_interval_later() {
    for level in [sim::Level::Fluid, sim::Level::Requests] {
        let mut environment = environment("action.mode = \"direct\"", level);
        let steps = [0, 1, 2, -1, -2];
        let mut asked: Option<Replicas> = None;
        for seed in 0..4 {
            asked = None;
            wander(&mut environment, seed, |environment, _, _, action| {
                let now = replicas(environment);
                assert!(asked.is_none_or(|asked| asked == now), "{now} where {asked:?} were asked for");
                asked = Some(now + steps[choice(action[0])]);
                assert!((1..=12).contains(&asked.unwrap()), "the mask let {asked:?} through");
            });
        }
        assert!(asked.is_some());
    }
}

#[test]
fn an_agent_that_resizes_pods_has_them_at_once_and_never_beyond_its_bounds() {
    for level in [sim::Level::Fluid, sim::Level::Requests] {
        let keys = "action.mode = \"infrastructure\"\naction.infrastructure.cpu = [\"500m\", \"1500m\"]";
        let mut environment = environment(keys, level);
        let limits = |environment: &Autoscaling| {
            environment.episode.as_ref().unwrap().simulation.telemetry().gauges.unwrap().limits
        };
        let mut wanted = None;
        wander(&mut environment, 1, |environment, observed, _, action| {
            let now = limits(environment);
            assert!(wanted.is_none_or(|wanted| wanted == now), "{now:?} where {wanted:?} were asked for");
            assert!((500..=1500).contains(&now.cpu.0) && observed.iter().all(|value| value.is_finite()));
            let mut next = now;
            match choice(action[0]) {
                5 => next.cpu.0 += 500,
                6 => next.cpu.0 -= 500,
                7 => next.memory.0 += 256 << 20,
                8 => next.memory.0 -= 256 << 20,
                _ => {}
            }
            wanted = Some(next);
        });
        assert!(wanted.is_some());
    }
}

#[test]
fn pods_of_twice_the_size_cost_twice_as_much_and_resizing_back_undoes_it() {
    let cost = |choices: &[usize]| {
        let mut environment = environment("action.mode = \"infrastructure\"", sim::Level::Fluid);
        environment.reset(3);
        let mut observed = vec![0.0; environment.observation_len()];
        let costs = choices.iter().map(|&choice| {
            environment.observe(&mut observed);
            environment.step(&[choice as f32]);
            let totals = *environment.episode.as_ref().unwrap().simulation.totals();
            (totals.pod_seconds, totals.resized_core_seconds, totals.resized_gib_seconds)
        });
        costs.collect::<Vec<_>>()
    };
    let still = cost(&[0, 0, 0, 0]);
    assert!(still.iter().all(|it| it.1.abs() < 1e-12 && it.2.abs() < 1e-12));
    let resized = cost(&[0, 5, 0, 6]);
    assert!((resized[0].1).abs() < 1e-12);
    // Pods of half a core more, for two minutes.
    let pods = resized[2].0 - resized[0].0;
    assert!((resized[2].1 - 0.5 * pods).abs() < 1e-9, "{} of {pods} pod-seconds", resized[2].1);
    assert!((resized[3].1 - resized[2].1).abs() < 1e-9, "they are as before again");
    let memory = cost(&[7, 0]);
    assert!((memory[1].2 - 0.25 * memory[1].0).abs() < 1e-9, "a quarter of a GiB more");
}

#[test]
fn classic_values_stay_in_their_ranges_whatever_an_agent_does() {
    for head in ["discrete", "gaussian"] {
        let keys =
            format!("action.mode = \"infrastructure\"\naction.head = {head:?}\nobservation.profile = \"classic\"");
        let mut environment = environment(&keys, sim::Level::Fluid);
        for seed in 0..6 {
            wander(&mut environment, seed, |_, observed, _, _| {
                assert_eq!(observed.len(), classic::NAMES.len());
                assert!(observed[..10].iter().all(|value| (0.0..=1.0).contains(value)), "{observed:?}");
                assert!(observed[10..].iter().all(|value| (-1.0..=1.0).contains(value)), "{observed:?}");
            });
        }
    }
}

#[test]
fn after_a_change_nothing_changes_until_the_cool_down_is_over() {
    for (keys, choices) in [
        ("action = { mode = \"direct\", cooldown = \"3m\" }", 5),
        ("action = { mode = \"infrastructure\", cooldown = \"3m\" }", 9),
    ] {
        let mut environment = environment(keys, sim::Level::Fluid);
        let mut since = usize::MAX;
        wander(&mut environment, 5, |_, _, allowed, action| {
            assert_eq!(allowed.len(), choices);
            let left = allowed.iter().filter(|&&it| it).count();
            since = since.saturating_add(1);
            assert_eq!(left == 1, since < 3, "{since} min after a change {left} choices are left");
            if choice(action[0]) != 0 {
                since = 0;
            }
        });
    }
}

#[test]
fn masks_change_no_patch_that_an_agent_of_an_hpa_can_reach_and_equal_seeds_give_equal_episodes() {
    for keys in ["action.masks = true", "action = { masks = true, cooldown = \"5m\" }", "observation.frames = 4"] {
        let mut environment = environment(keys, sim::Level::Fluid);
        let mut seen = Vec::new();
        let first =
            wander(&mut environment, 2, |_, observed, allowed, _| seen.push((observed.to_vec(), allowed.to_vec())));
        let mut at = 0;
        let again = wander(&mut environment, 2, |_, observed, allowed, _| {
            assert!(seen[at].0 == observed && seen[at].1 == allowed, "step {at}");
            at += 1;
        });
        assert!(first.to_bits() == again.to_bits() && at == 60);
    }
}

#[test]
fn the_difference_reward_compares_the_performance_it_is_asked_for() {
    let play = |performance: &str| {
        let keys =
            format!("action.mode = \"direct\"\nreward = {{ form = \"differences\", performance = {performance:?} }}");
        wander(&mut environment(&keys, sim::Level::Fluid), 7, |_, _, _, _| {})
    };
    let rewards = ["mean", "p99", "queue", "ewma", "deviation", "in-flight"].map(play);
    for (nth, reward) in rewards.iter().enumerate() {
        assert!(rewards[..nth].iter().all(|other| (other - reward).abs() > 1e-9), "{rewards:?}");
    }
}

#[test]
fn a_branch_costs_what_the_run_goes_on_to_cost_and_leaves_it_alone() {
    let mut environment = environment("action.head = \"gaussian\"\naction.min_base = [\"highest\"]", sim::Level::Fluid);
    environment.reset(7);
    let mut observed = vec![0.0; environment.observation_len()];
    let keep = environment.actions.first();
    // The last head is the safety.
    let mut many = keep.clone();
    *many.last_mut().unwrap() = 1.0;
    for _ in 0..10 {
        environment.observe(&mut observed);
        environment.step(&keep);
    }
    let (mut patches, mut others, mut cost) = (Vec::new(), Vec::new(), 0.0);
    environment.observe(&mut observed);
    let branch = environment.branch().unwrap();
    for _ in 0..8 {
        patches.push(environment.would(&keep));
        others.push(environment.would(&many));
        cost += environment.step(&keep).info.cost;
        environment.observe(&mut observed);
    }
    let same = branch.follow(patches.iter());
    assert!((same.total - cost).abs() < 1e-9 && same.violations <= same.total, "{same:?} is not {cost}");
    let other = branch.follow(others.iter());
    assert!(other.total > same.total + 1e-3, "more pods cost more: {other:?} {same:?}");
    assert_eq!(branch.follow(patches.iter()), same, "a branch can be followed again");
}
