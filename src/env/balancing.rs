//! [`Environment`] of load balancing: pods of unequal speed behind one balancer, a weight for each as the action, and
//! short, even service as the reward. It runs at the request level, on recorded traffic.
//!
//! The pods are those of the start; nothing scales them. A policy sees only what pods report, never their speed.

use std::sync::Arc;
use std::time::Duration;

use rand::RngExt;

use super::distribution::{self, Distribution};
use super::fairness::{self, Index};
use super::{Environment, Step};
use crate::random::{self, Purpose};
use crate::sim::settings::{self, Balancing as Rule};
use crate::sim::{Autoscaler, Knobs, Level, Patch, PodLoad, Simulation, View, Workload};
use crate::units::{Replicas, SimTime};

/// Weights that an action chooses among, for each pod.
pub const WEIGHTS: [f64; 3] = [1.0, 1.5, 2.0];

/// Values of an observation per pod.
const PER_POD: usize = 3;

/// Which response time counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// The mean over an interval.
    Mean,
    /// The 90th percentile of an interval.
    P90,
}

/// How an episode goes, and what it rewards.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Time between decisions.
    pub interval: Duration,
    /// Length of an episode.
    pub episode: Duration,
    /// Which response time the reward is made of.
    pub measure: Measure,
    /// What the fairness index counts against the logarithm of the response time, 0 or more.
    pub fairness: f64,
    /// Which index that is.
    pub index: Index,
}

impl Default for Settings {
    /// metrics-server's 15 s between decisions; an index that falls by a tenth counts as a response time a tenth longer.
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(15),
            episode: Duration::from_secs(300),
            measure: Measure::Mean,
            fairness: 1.0,
            index: Index::Jain,
        }
    }
}

/// What an interval did.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Info {
    /// Requests answered.
    pub answered: f64,
    /// The sum of their response times, in seconds.
    pub response_s: f64,
    /// Jain's index of the CPU time that pods used: `(Σx)²/(n Σx²)`, 1 when all are idle.
    pub jain: f64,
}

/// Leaves the pods as they are.
struct Still(Duration);

impl Autoscaler for Still {
    fn period(&self) -> Duration {
        self.0
    }

    fn sync(&mut self, _: SimTime, _: &View<'_>) -> Option<Replicas> {
        None
    }

    fn patch(&mut self, _: &Patch) {}

    fn knobs(&self) -> Option<Knobs> {
        None
    }
}

/// The environment. It holds one run at a time.
pub struct Balancing {
    workload: Arc<Workload>,
    world: crate::sim::Settings,
    settings: Settings,
    pods: usize,
    episode: Option<Episode>,
}

struct Episode {
    simulation: Simulation,
    now: SimTime,
    end: SimTime,
    before: Vec<PodLoad>,
    after: Vec<PodLoad>,
}

impl Episode {
    /// What each pod did over the last interval.
    fn done(&self) -> impl Iterator<Item = PodLoad> {
        self.after.iter().zip(&self.before).map(|(after, before)| PodLoad {
            answered: after.answered.saturating_sub(before.answered),
            response_s: after.response_s - before.response_s,
            cpu_s: after.cpu_s - before.cpu_s,
            ..*after
        })
    }
}

impl Balancing {
    /// Episodes are windows of `workload`, which was made with the same `world`; there is a pod for each of `speeds`.
    #[must_use]
    pub fn new(workload: Arc<Workload>, world: crate::sim::Settings, speeds: &[f64], settings: Settings) -> Self {
        let pod = settings::Pod {
            speeds: speeds.to_vec(),
            replicas: Some(i32::try_from(speeds.len()).unwrap_or(i32::MAX)),
            ..world.pod
        };
        let requests = settings::Requests { balancing: Rule::WeightedRoundRobin, ..world.requests };
        let world = crate::sim::Settings { level: Level::Requests, pod, requests, ..world };
        Self { workload, world, settings, pods: speeds.len(), episode: None }
    }

    /// Response time without any wait on a pod of nominal speed, in seconds.
    fn service_s(&self, now: SimTime) -> f64 {
        self.workload.slots()[self.workload.slot_at(now)].service_s.max(1e-6)
    }
}

impl Environment for Balancing {
    type Info = Info;

    /// For each pod: `ln(1 + requests in flight)`, the logarithm of its mean response time over the last interval in
    /// nominal service times (0 when it answered none), and its CPU use over the interval as a share of its limit.
    fn observation_len(&self) -> usize {
        PER_POD * self.pods
    }

    fn heads(&self) -> Vec<Distribution> {
        vec![Distribution::Categorical(WEIGHTS.len()); self.pods]
    }

    fn reset(&mut self, seed: u64) {
        let mut rng = random::stream(seed, Purpose::Episodes, 1);
        let whole = self.workload.window();
        let room = whole.end.since(whole.start).saturating_sub(self.settings.episode);
        let start = whole.start + room.mul_f64(rng.random());
        let window = start..start + self.settings.episode;
        let autoscaler = Box::new(Still(self.settings.interval));
        let mut simulation = Simulation::new(Arc::clone(&self.workload), &self.world, autoscaler, seed, window.clone());
        simulation.count_intervals();
        let after = simulation.pods();
        self.episode = Some(Episode { simulation, now: start, end: window.end, before: after.clone(), after });
    }

    /// The reward is `−ln(T/S) − fairness·(1 − J)`: the response time `T` of the interval in nominal service times `S`, 1
    /// when nothing was answered, and the fairness index `J` of CPU time over pods.
    fn step(&mut self, action: &[f32]) -> Step<Info> {
        let (service_s, settings) = (self.episode.as_ref().map(|it| self.service_s(it.now)), &self.settings);
        let (Some(episode), Some(service_s)) = (&mut self.episode, service_s) else { return Step::default() };
        let weights: Vec<f64> =
            action.iter().map(|&choice| WEIGHTS[distribution::choice(choice).min(WEIGHTS.len() - 1)]).collect();
        episode.simulation.weigh(&weights);
        episode.now += settings.interval;
        episode.simulation.advance(episode.now);
        episode.before = std::mem::replace(&mut episode.after, episode.simulation.pods());
        let (answered, response_s) = episode
            .done()
            .fold((0.0, 0.0), |(answered, sum), pod| (answered + pod.answered as f64, sum + pod.response_s));
        let [p90] = episode.simulation.end_interval([0.9]);
        let time = match settings.measure {
            Measure::Mean => response_s / answered,
            Measure::P90 => p90,
        };
        let slowdown = if time > 0.0 { time / service_s } else { 1.0 };
        let used: Vec<f64> = episode.done().map(|pod| pod.cpu_s).collect();
        let info = Info { answered, response_s, jain: fairness::jain(&used) };
        Step {
            reward: -slowdown.ln() - settings.fairness * (1.0 - settings.index.of(&used)),
            terminated: false,
            truncated: episode.now >= episode.end,
            info,
            ..Step::default()
        }
    }

    fn observe(&mut self, out: &mut [f32]) {
        let Some(service_s) = self.episode.as_ref().map(|it| self.service_s(it.now)) else { return };
        let (Some(episode), limit) = (&self.episode, self.workload.pod().limit) else { return };
        let whole = limit * self.settings.interval.as_secs_f64();
        for (out, pod) in out.chunks_exact_mut(PER_POD).zip(episode.done()) {
            let mean = if pod.answered > 0 { pod.response_s / pod.answered as f64 } else { service_s };
            out[0] = f64::from(pod.in_flight).ln_1p() as f32;
            out[1] = (mean / service_s).max(1e-3).ln() as f32;
            out[2] = (pod.cpu_s / whole) as f32;
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::trace::{Header, Series};
    use crate::units::Millicores;

    /// Speeds of the pods of [`environment`].
    pub(crate) const SPEEDS: [f64; 4] = [0.8, 0.8, 1.2, 1.6];

    /// Pods of one core at 70 % of what they can do together, for an hour.
    pub(crate) fn environment(settings: Settings) -> Balancing {
        let mut world = crate::sim::Settings { level: Level::Requests, ..crate::sim::Settings::default() };
        world.pod.cpu_request = Millicores(1000);
        world.workload.cpu_per_request_ms = Some(100.0);
        let rate = 0.7 * SPEEDS.iter().sum::<f64>() / 0.1;
        let requests = Some(vec![(60.0 * rate).round(); 60]);
        let series = Series { function: "f".into(), requests, ..Series::default() };
        let header =
            Header { interval_ms: 60_000, origin_ms: None, source: "t".into(), licence: None, tool: "t".into() };
        let workload = Arc::new(Workload::new(&series, &header, &world).expect("the load is sane"));
        Balancing::new(workload, world, &SPEEDS, settings)
    }

    /// Mean response time in seconds, mean index and sum of rewards of an episode under a policy.
    pub(crate) fn play(
        environment: &mut Balancing,
        mut policy: impl FnMut(&[f32]) -> Vec<f32>,
        seed: u64,
    ) -> (f64, f64, f64) {
        environment.reset(seed);
        let mut observed = vec![f32::NAN; environment.observation_len()];
        environment.observe(&mut observed);
        let (mut answered, mut sum, mut fairness, mut reward, mut steps) = (0.0, 0.0, 0.0, 0.0, 0.0);
        loop {
            let step = environment.step(&policy(&observed));
            observed.fill(f32::NAN);
            environment.observe(&mut observed);
            assert!(observed.iter().all(|value| value.is_finite()), "{observed:?}");
            answered += step.info.answered;
            sum += step.info.response_s;
            fairness += step.info.jain;
            reward += step.reward;
            steps += 1.0;
            if step.truncated {
                return (sum / answered, fairness / steps, reward);
            }
        }
    }

    #[test]
    fn weights_like_speeds_are_faster_fairer_and_better_rewarded_than_equal_ones() {
        for measure in [Measure::Mean, Measure::P90] {
            let mut environment = environment(Settings { measure, ..Settings::default() });
            for seed in 0..5 {
                let equal = play(&mut environment, |_| vec![0.0; 4], seed);
                let alike = play(&mut environment, |_| vec![0.0, 0.0, 1.0, 2.0], seed);
                let inverse = play(&mut environment, |_| vec![2.0, 2.0, 1.0, 0.0], seed);
                assert!(alike.0 < 0.8 * equal.0 && equal.0 < inverse.0, "{alike:?} {equal:?} {inverse:?}");
                assert!(
                    alike.1 > equal.1 && alike.2 > equal.2 && equal.2 > inverse.2,
                    "{alike:?} {equal:?} {inverse:?}"
                );
            }
        }
    }

    #[test]
    fn equal_seeds_and_actions_give_equal_episodes() {
        let mut environment = environment(Settings::default());
        let first = play(&mut environment, |_| vec![0.0, 1.0, 2.0, 0.0], 3);
        assert_eq!(first, play(&mut environment, |_| vec![0.0, 1.0, 2.0, 0.0], 3));
        assert_ne!(first, play(&mut environment, |_| vec![0.0, 1.0, 2.0, 0.0], 4));
    }
}
