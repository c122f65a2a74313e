//! Environments whose best policy is known, for tests.

use rand::RngExt;
use rand::rngs::ChaCha8Rng;

use crate::env::reward::{self, Interval};
use crate::env::{Distribution, Environment, Step};
use crate::random::{self, Purpose};

/// Three arms in each of two heads; the reward is highest for (2, 0).
#[derive(Default)]
pub(crate) struct Bandit;

impl Environment for Bandit {
    type Info = ();

    fn observation_len(&self) -> usize {
        1
    }

    fn heads(&self) -> Vec<Distribution> {
        vec![Distribution::Categorical(3), Distribution::Categorical(3)]
    }

    fn reset(&mut self, _seed: u64) {}

    fn step(&mut self, action: &[f32]) -> Step<()> {
        Step { reward: f64::from(action[0] - action[1]), terminated: true, ..Step::default() }
    }

    fn observe(&mut self, out: &mut [f32]) {
        out[0] = 1.0;
    }
}

/// A corridor of five cells: a small reward at once on the left, ten times as much on the far right.
#[derive(Default)]
pub(crate) struct Corridor {
    cell: i32,
    time: u32,
}

impl Environment for Corridor {
    type Info = ();

    fn observation_len(&self) -> usize {
        5
    }

    fn heads(&self) -> Vec<Distribution> {
        vec![Distribution::Categorical(2)]
    }

    fn reset(&mut self, seed: u64) {
        *self = Self { cell: 1 + (seed % 3) as i32, time: 0 };
    }

    fn step(&mut self, action: &[f32]) -> Step<()> {
        self.time += 1;
        self.cell += if action[0] > 0.5 { 1 } else { -1 };
        let reward = match self.cell {
            0 => 1.0,
            4 => 10.0,
            _ => 0.0,
        };
        Step { reward, terminated: reward > 0.0, truncated: self.time >= 20, ..Step::default() }
    }

    fn observe(&mut self, out: &mut [f32]) {
        out.fill(0.0);
        out[self.cell as usize] = 1.0;
    }
}

/// Buying earns 2 and costs half a unit of what may be spent; not buying earns and costs nothing.
///
/// At most a share `d` may be spent on average, so the best policy buys with probability `2 d`, and the multiplier makes
/// it indifferent: λ = 2 / 0.5 = 4.
#[derive(Default)]
pub(crate) struct Budget;

impl Environment for Budget {
    type Info = ();

    fn observation_len(&self) -> usize {
        1
    }

    fn heads(&self) -> Vec<Distribution> {
        vec![Distribution::Categorical(2)]
    }

    fn reset(&mut self, _seed: u64) {}

    fn step(&mut self, action: &[f32]) -> Step<()> {
        let bought = f64::from(action[0]);
        Step { reward: 2.0 * bought, cost: 0.5 * bought, exposure: 1.0, terminated: true, ..Step::default() }
    }

    fn observe(&mut self, out: &mut [f32]) {
        out[0] = 1.0;
    }
}

/// Shows a random bit at each step, and rewards the bit shown [`BACK`] steps before. Episodes have 25 steps.
pub(crate) struct Recall {
    shown: Vec<bool>,
    rng: ChaCha8Rng,
}

/// Steps that a [`Recall`] looks back.
pub(crate) const BACK: usize = 2;

impl Default for Recall {
    fn default() -> Self {
        Self { shown: Vec::new(), rng: random::stream(0, Purpose::Episodes, 0) }
    }
}

impl Environment for Recall {
    type Info = ();

    fn observation_len(&self) -> usize {
        1
    }

    fn heads(&self) -> Vec<Distribution> {
        vec![Distribution::Categorical(2)]
    }

    fn reset(&mut self, seed: u64) {
        let mut rng = random::stream(seed, Purpose::Episodes, 0);
        *self = Self { shown: vec![rng.random()], rng };
    }

    fn step(&mut self, action: &[f32]) -> Step<()> {
        let asked = self.shown.len().checked_sub(1 + BACK).map(|at| self.shown[at]);
        let reward = if asked == Some(action[0] > 0.5) { 1.0 } else { 0.0 };
        self.shown.push(self.rng.random());
        Step { reward, truncated: self.shown.len() > 25, ..Step::default() }
    }

    fn observe(&mut self, out: &mut [f32]) {
        out[0] = if self.shown.last() == Some(&true) { 1.0 } else { -1.0 };
    }
}

/// States and actions of a [`Mdp`].
pub(crate) const STATES: usize = 5;
pub(crate) const ACTIONS: usize = 3;

/// A Markov decision process of five states and three actions: each action leads to one state with probability 0.8 and to
/// the next one otherwise. It never ends.
pub(crate) struct Mdp {
    state: usize,
    rng: ChaCha8Rng,
}

impl Default for Mdp {
    fn default() -> Self {
        Self { state: 0, rng: random::stream(0, Purpose::Episodes, 0) }
    }
}

impl Mdp {
    fn leads(state: usize, action: usize) -> [(usize, f64); 2] {
        let to = (state * 2 + action * 3 + 1) % STATES;
        [(to, 0.8), ((to + 1) % STATES, 0.2)]
    }

    fn reward(state: usize, action: usize) -> f64 {
        [[1.0, 3.0, 2.0], [0.0, 0.0, 1.0], [3.0, 0.5, 0.5], [0.0, 2.0, 1.0], [3.0, 0.0, 0.0]][state][action]
    }

    /// The best values of all pairs among `actions`, by value iteration.
    pub(crate) fn solve(discount: f64, actions: &[usize]) -> [[f64; ACTIONS]; STATES] {
        let mut q = [[0.0; ACTIONS]; STATES];
        for _ in 0..2000 {
            let best = |q: &[f64; ACTIONS]| actions.iter().map(|&a| q[a]).fold(f64::MIN, f64::max);
            let values = q.map(|row| best(&row));
            for (state, row) in q.iter_mut().enumerate() {
                for (action, value) in row.iter_mut().enumerate() {
                    let follows: f64 = Self::leads(state, action).iter().map(|&(to, p)| p * values[to]).sum();
                    *value = Self::reward(state, action) + discount * follows;
                }
            }
        }
        q
    }

    /// The best of `actions` in a state, and by how much it is better than the second.
    pub(crate) fn best(row: &[f64; ACTIONS], actions: &[usize]) -> (usize, f64) {
        let mut order = actions.to_vec();
        order.sort_by(|&a, &b| row[b].total_cmp(&row[a]));
        (order[0], row[order[0]] - row[order[1]])
    }
}

impl Environment for Mdp {
    type Info = ();

    fn observation_len(&self) -> usize {
        STATES
    }

    fn heads(&self) -> Vec<Distribution> {
        vec![Distribution::Categorical(ACTIONS)]
    }

    fn reset(&mut self, seed: u64) {
        *self = Self { state: (seed % STATES as u64) as usize, rng: random::stream(seed, Purpose::Episodes, 0) };
    }

    fn step(&mut self, action: &[f32]) -> Step<()> {
        let action = action[0] as usize;
        let reward = Self::reward(self.state, action);
        let [(first, probability), (second, _)] = Self::leads(self.state, action);
        self.state = if self.rng.random::<f64>() < probability { first } else { second };
        Step { reward, ..Step::default() }
    }

    fn observe(&mut self, out: &mut [f32]) {
        out.fill(0.0);
        out[self.state] = 1.0;
    }
}

/// CPU targets of [`Scaler`], in percent.
pub(crate) const TARGETS: [u32; 5] = [30, 50, 60, 75, 95];

/// An HPA with a delay of one step on a load that alternates between 6 and 9 pods' worth every ten steps: the chosen
/// target makes ⌈load / target⌉ pods of the next step. A pod costs 1; requests are late with probability ρ⁸, which costs
/// 20, all of them once the load exceeds the pods. Nothing is observed and a choice matters for one step alone, so the
/// best policy is the target that costs least when it is never changed.
#[derive(Default)]
pub(crate) struct Scaler {
    time: u32,
    pods: u32,
}

impl Scaler {
    fn load(time: u32) -> f64 {
        if (time / 10).is_multiple_of(2) { 6.0 } else { 9.0 }
    }

    fn pods(load: f64, target: u32) -> u32 {
        (100.0 * load / f64::from(target)).ceil() as u32
    }

    fn cost(load: f64, pods: u32) -> f64 {
        f64::from(pods) + 20.0 * (load / f64::from(pods)).min(1.0).powi(8)
    }

    /// What each target costs per step when it is never changed.
    pub(crate) fn costs() -> [f64; 5] {
        TARGETS.map(|target| {
            let one = |time: u32| Self::cost(Self::load(time), Self::pods(Self::load(time + 19), target));
            (0..20).map(one).sum::<f64>() / 20.0
        })
    }
}

impl Environment for Scaler {
    type Info = ();

    fn observation_len(&self) -> usize {
        1
    }

    fn heads(&self) -> Vec<Distribution> {
        vec![Distribution::Categorical(TARGETS.len())]
    }

    fn reset(&mut self, seed: u64) {
        *self = Self { time: (seed % 20) as u32, pods: 10 };
    }

    fn step(&mut self, action: &[f32]) -> Step<()> {
        let load = Self::load(self.time);
        let cost = Self::cost(load, self.pods);
        self.pods = Self::pods(load, TARGETS[action[0] as usize]);
        self.time += 1;
        Step { reward: -cost, ..Step::default() }
    }

    fn observe(&mut self, out: &mut [f32]) {
        out[0] = 1.0;
    }
}

/// A service whose response time is 100 ms when it is left alone: crashing it (choice 1) makes that a second, repairing it
/// (choice 2) takes two fifths off. The reward is the classic one of changes, or the level.
pub(crate) struct Fragile<const DIFFERENCES: bool> {
    pub(crate) latency: f64,
}

impl<const DIFFERENCES: bool> Default for Fragile<DIFFERENCES> {
    fn default() -> Self {
        Self { latency: 0.1 }
    }
}

impl<const DIFFERENCES: bool> Environment for Fragile<DIFFERENCES> {
    type Info = ();

    fn observation_len(&self) -> usize {
        1
    }

    fn heads(&self) -> Vec<Distribution> {
        vec![Distribution::Categorical(3)]
    }

    fn reset(&mut self, _seed: u64) {
        *self = Self::default();
    }

    fn step(&mut self, action: &[f32]) -> Step<()> {
        let at = |performance| Interval { performance, ..Interval::default() };
        let before = at(self.latency);
        self.latency = match action[0] as usize {
            1 => 1.0,
            2 => (0.6 * self.latency).max(0.1),
            _ => self.latency,
        };
        let reward = if DIFFERENCES { reward::differences(&before, &at(self.latency)) } else { -self.latency };
        Step { reward, ..Step::default() }
    }

    fn observe(&mut self, out: &mut [f32]) {
        out[0] = self.latency.ln() as f32;
    }
}
