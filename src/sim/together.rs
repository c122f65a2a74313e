//! Several functions on one cluster, stepped together in order of time.
//!
//! Functions meet only where pods are placed: a new pod is bound at once if none waits and there is room; otherwise it
//! waits for the scheduler's next pass, at a whole second, which gives room to the pods of all functions, the oldest first.
//! So the function with the earliest next event goes on by that event, whatever the others do, and a run does not depend
//! on threads. Functions that never wait for room do exactly what they do alone. At the request level a pod that has
//! finished between two events of its function frees its room when that function is next looked at.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use super::cluster::Cluster;
use super::control::{Autoscaler, Tuner};
use super::pods::Membership;
use super::run::Run;
use super::settings::Settings;
use super::simulation::Simulation;
use super::workload::Workload;
use crate::units::{SimTime, micros};

/// Far beyond any run.
const NEVER: SimTime = SimTime(i64::MAX);

/// One function of several that share a cluster.
pub struct Tenant {
    /// Its traffic.
    pub workload: Arc<Workload>,
    /// Who sets its replicas.
    pub autoscaler: Box<dyn Autoscaler>,
    /// Who moves its HPA's fields.
    pub tuner: Option<Box<dyn Tuner>>,
    /// What of its traffic is replayed, on its own clock. The cluster's clock is the trace's.
    pub window: Range<SimTime>,
}

/// What came of functions that share a cluster.
#[derive(Debug, Clone, PartialEq)]
pub struct Together {
    /// Each function's run, in the order given.
    pub runs: Vec<Run>,
    /// All of them, with the cluster's own figures; `None` of no functions.
    pub total: Option<Run>,
}

/// A function that takes its turns.
struct Player {
    simulation: Simulation,
    tuner: Option<Box<dyn Tuner>>,
    decide: SimTime,
    end: SimTime,
    ahead: i64,
}

impl Player {
    fn new(tenant: Tenant, settings: &Settings, seed: u64, record: bool, stage: Membership) -> Self {
        let ahead = ahead(&tenant.workload);
        let Tenant { workload, autoscaler, tuner, window } = tenant;
        let mut simulation = Simulation::in_cluster(workload, settings, autoscaler, seed, window, Some(stage));
        if record {
            simulation.record();
        }
        let Range { start, end } = simulation.window();
        let decide = if tuner.is_some() { start } else { end };
        Self { simulation, tuner, decide, end, ahead }
    }

    /// When it has something to do next, on the cluster's clock.
    fn next(&self) -> SimTime {
        let next = self.simulation.next().min(self.decide).min(self.end);
        SimTime(next.0.saturating_add(self.ahead))
    }

    /// Does the next thing; returns whether there is another one.
    fn step(&mut self) -> bool {
        if self.simulation.step(self.decide.min(self.end)) {
            return true;
        }
        match self.tuner.as_mut().filter(|_| self.decide < self.end) {
            Some(tuner) => {
                let now = self.simulation.now();
                let patch = tuner.decide(now, &self.simulation.telemetry());
                self.simulation.patch(&patch);
                self.decide = SimTime(now.0.saturating_add(micros(tuner.interval().max(Duration::from_millis(1)))));
                true
            }
            None => false,
        }
    }

    /// Its run.
    fn finish(self) -> Run {
        let decisions = self.tuner.map(|tuner| tuner.decisions()).unwrap_or_default();
        self.simulation.finish().with_decisions(decisions)
    }

    /// Lets time pass up to a scheduler's pass.
    fn meet(&mut self, at: SimTime) {
        self.simulation.advance(SimTime(at.0 - self.ahead));
    }
}

/// How far the trace's clock is ahead of a function's own, in microseconds.
fn ahead(workload: &Workload) -> i64 {
    (workload.offset_s() * 1e6) as i64
}

/// The functions, and the cluster while it is nobody's turn.
struct Stage<'a> {
    settings: &'a Settings,
    seed: u64,
    record: bool,
    cluster: Option<Box<Cluster>>,
    tenants: Vec<Option<Tenant>>,
    players: Vec<Option<Player>>,
    runs: Vec<Option<Run>>,
    queue: BTreeSet<(SimTime, usize)>,
}

impl Stage<'_> {
    /// The `who`-th function begins.
    fn enter(&mut self, who: usize) {
        let Some((tenant, cluster)) = self.tenants[who].take().zip(self.cluster.take()) else { return };
        let stage = Membership::join(cluster, self.settings, ahead(&tenant.workload));
        let mut player = Player::new(tenant, self.settings, self.seed, self.record, stage);
        self.cluster = player.simulation.return_cluster();
        self.queue.insert((player.next(), who));
        self.players[who] = Some(player);
    }

    /// The `who`-th function has the cluster for what `act` does.
    fn turn<T>(&mut self, who: usize, act: impl FnOnce(&mut Player) -> T) -> Option<T> {
        let player = self.players[who].as_mut()?;
        player.simulation.lend_cluster(self.cluster.take());
        let result = act(player);
        self.cluster = player.simulation.return_cluster();
        Some(result)
    }

    /// The `who`-th function, whose turn it is, does the next thing.
    fn play(&mut self, who: usize) {
        if self.players[who].is_none() {
            return self.enter(who);
        }
        if self.turn(who, Player::step) == Some(true) {
            let next = self.players[who].as_ref().map(Player::next);
            self.queue.extend(next.map(|next| (next, who)));
            return;
        }
        // Its recorded time is over, and so is its Deployment's.
        self.turn(who, |player| player.simulation.leave_cluster());
        self.runs[who] = self.players[who].take().map(Player::finish);
    }

    /// Gives pending pods room, the oldest of all functions first.
    fn pass(&mut self, at: SimTime) {
        let waits =
            |player: &Option<Player>| player.as_ref().is_some_and(|it| it.simulation.oldest_pending().is_some());
        let mut waiting: Vec<usize> = (0..self.players.len()).filter(|&who| waits(&self.players[who])).collect();
        for &who in &waiting {
            let before = self.players[who].as_ref().map(Player::next);
            self.queue.retain(|it| Some(*it) != before.map(|next| (next, who)));
            self.turn(who, |player| player.meet(at));
        }
        let met = waiting.clone();
        let age = |players: &[Option<Player>], who: usize| {
            let player = players[who].as_ref()?;
            Some((player.simulation.oldest_pending()?.0 + player.ahead, who))
        };
        while let Some((_, who)) = waiting.iter().filter_map(|&who| age(&self.players, who)).min() {
            // Pods of a function are alike: where one has no room, none has.
            if self.turn(who, |player| player.simulation.place_pending()) != Some(true) {
                waiting.retain(|&other| other != who);
            }
        }
        for who in met {
            self.turn(who, |player| player.simulation.tell_pending());
            let next = self.players[who].as_ref().map(Player::next);
            self.queue.extend(next.map(|next| (next, who)));
        }
        if let Some(cluster) = &mut self.cluster {
            cluster.passed();
        }
    }

    /// When the cluster has something to do itself, after `clock`: a pass, or its nodes.
    fn next_of_cluster(&self, clock: SimTime) -> (SimTime, SimTime) {
        let second = SimTime((clock.0.div_euclid(1_000_000) + 1) * 1_000_000);
        let pass = self.cluster.as_ref().filter(|cluster| cluster.worth_a_pass()).map(|_| second);
        (pass.unwrap_or(NEVER), self.cluster.as_ref().map_or(NEVER, |cluster| cluster.next()))
    }

    fn run(&mut self) -> SimTime {
        let mut clock = self.queue.first().map_or(SimTime::ZERO, |it| it.0);
        while let Some(&(at, who)) = self.queue.first() {
            let (pass, nodes) = self.next_of_cluster(clock);
            clock = at.min(pass).min(nodes).max(clock);
            if nodes <= at.min(pass) {
                if let Some(cluster) = &mut self.cluster {
                    cluster.tend(nodes);
                }
            } else if pass <= at {
                self.pass(pass);
            } else {
                self.queue.pop_first();
                self.play(who);
            }
        }
        clock
    }
}

/// Replays several functions that share the room of `[cluster]`. At the start of a function its first replicas are placed
/// as far as there is room; of functions that start together in the order given.
#[must_use]
pub fn run_together(tenants: Vec<Tenant>, settings: &Settings, seed: u64, record: bool) -> Together {
    let start = |tenant: &Tenant| SimTime(tenant.window.start.0.max(0).saturating_add(ahead(&tenant.workload)));
    let first = tenants.iter().map(start).min().unwrap_or(SimTime::ZERO);
    let count = tenants.len();
    let mut stage = Stage {
        settings,
        seed,
        record,
        cluster: Some(Box::new(Cluster::new(settings, first, true))),
        queue: tenants.iter().enumerate().map(|(who, tenant)| (start(tenant), who)).collect(),
        tenants: tenants.into_iter().map(Some).collect(),
        players: (0..count).map(|_| None).collect(),
        runs: vec![None; count],
    };
    let end = stage.run();
    let usage = stage.cluster.as_mut().and_then(|cluster| cluster.usage(end));
    let runs: Vec<Run> = stage.runs.into_iter().flatten().collect();
    let total = Run::merge(&runs).map(|total| total.on_nodes(usage));
    Together { runs, total }
}
