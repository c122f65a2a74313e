//! The dynamic programme over (pods, backlog): `O(T · N · B)` time, two tables of `N · B` memory.
//!
//! ```text
//! C_t(x, b') = min over y, b of  C_{t-1}(y, b) + u · max(x − y, 0) + x · Δ + late_t(x, b),
//!              b' = max(0, b + (load_t − x · capacity) · Δ), rounded to the grid
//! ```
//! The minimum over y is a running minimum upward and one downward (Lin et al., "Dynamic right-sizing", INFOCOM 2011).
//! Backlog rounded down gives a lower bound of the optimum, rounded up a cost that a schedule attains.

use std::ops::Range;

/// An instance. Costs are in pod-seconds. Backlog is in pod-seconds of work, on a grid of `bins` points `bin` apart.
#[derive(Debug, Clone, PartialEq)]
pub struct Instance {
    /// Length of a step in seconds.
    pub step_s: f64,
    /// Work that arrives, in pods' worth, one value a step.
    pub load: Vec<f64>,
    /// Work that a pod does in a second, in pod-seconds.
    pub capacity: f64,
    /// Most pods; there is always one.
    pub pods: usize,
    /// Points of the backlog's grid, at least 2. Work beyond the last is lost; [`Late`] says what that costs.
    pub bins: usize,
    /// Distance of two points.
    pub bin: f64,
    /// Cost of a start.
    pub start: f64,
}

/// The cost of what is late or lost.
pub trait Late {
    /// Whether `step` differs from the one before; if not, what was filled then holds.
    fn changed(&mut self, step: usize) -> bool;

    /// Fills `row[j]` with the cost of late work during `step` with `pods` pods and a backlog of `j` bins before it.
    fn fill(&mut self, step: usize, pods: usize, row: &mut [f32]);
}

/// Where a backlog between two grid points goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rounding {
    /// To the smaller one: a lower bound.
    Down,
    /// To the larger one: attained by a schedule.
    Up,
}

/// The least cost of an instance, in pod-seconds. Any number of pods may stand at the start, for nothing.
#[must_use]
pub fn least_cost(instance: &Instance, late: &mut impl Late, rounding: Rounding) -> f64 {
    let mut table = Table::new(instance, rounding);
    for step in 0..instance.load.len() {
        table.advance(late, step);
    }
    table.total + f64::from(table.minimum())
}

/// The least cost with backlog rounded up, and pods step by step that attain it.
///
/// Every ⌈√T⌉-th table is kept; the way back recomputes the tables between two of them, so memory is `O(√T · N · B)`.
#[must_use]
pub fn schedule(instance: &Instance, late: &mut impl Late) -> (f64, Vec<usize>) {
    let steps = instance.load.len();
    let stride = (steps as f64).sqrt().ceil().max(1.0) as usize;
    let mut table = Table::new(instance, Rounding::Up);
    let mut kept = Vec::new();
    for step in 0..steps {
        if step.is_multiple_of(stride) {
            kept.push(table.cost.clone());
        }
        table.advance(late, step);
    }
    let cost = table.total + f64::from(table.minimum());
    let mut state = table.arg_minimum();
    let mut pods = vec![0; steps];
    for (block, start) in kept.into_iter().enumerate().rev() {
        let first = block * stride;
        let last = (first + stride).min(steps);
        let mut tables = vec![start];
        for step in first..last {
            table.cost.clone_from(&tables[step - first]);
            table.filled = None;
            table.advance(late, step);
            tables.push(table.cost.clone());
        }
        for step in (first..last).rev() {
            pods[step] = state / instance.bins + 1;
            state = table.predecessor(late, step, &tables[step - first], state);
        }
    }
    (cost, pods)
}

/// The cost so far of every state, as differences to `total`, so that single precision suffices.
struct Table<'a> {
    instance: &'a Instance,
    rounding: Rounding,
    /// `[pods][bins]`, pods from 1.
    cost: Vec<f32>,
    /// The same after the switch of pods.
    switched: Vec<f32>,
    /// Cost of a step: pods and late work.
    stage: Vec<f32>,
    filled: Option<usize>,
    total: f64,
}

impl<'a> Table<'a> {
    fn new(instance: &'a Instance, rounding: Rounding) -> Self {
        let states = instance.pods * instance.bins;
        let mut cost = vec![f32::INFINITY; states];
        cost.iter_mut().step_by(instance.bins).for_each(|empty| *empty = 0.0);
        Self {
            instance,
            rounding,
            cost,
            switched: vec![0.0; states],
            stage: vec![0.0; states],
            filled: None,
            total: 0.0,
        }
    }

    fn minimum(&self) -> f32 {
        self.cost.iter().copied().fold(f32::INFINITY, f32::min)
    }

    fn arg_minimum(&self) -> usize {
        (0..self.cost.len()).min_by(|&a, &b| self.cost[a].total_cmp(&self.cost[b])).unwrap_or(0)
    }

    fn advance(&mut self, late: &mut impl Late, step: usize) {
        self.fill(late, step);
        self.switch();
        self.serve(step);
        let minimum = self.minimum();
        self.cost.iter_mut().for_each(|cost| *cost -= minimum);
        self.total += f64::from(minimum);
    }

    fn fill(&mut self, late: &mut impl Late, step: usize) {
        let follows = self.filled.is_some_and(|filled| filled + 1 == step || filled == step);
        if late.changed(step) || !follows {
            for (index, row) in self.stage.chunks_exact_mut(self.instance.bins).enumerate() {
                late.fill(step, index + 1, row);
                let reserved = ((index + 1) as f64 * self.instance.step_s) as f32;
                for cost in row {
                    *cost += reserved;
                }
            }
        }
        self.filled = Some(step);
    }

    /// `switched(x, b) = min over y of cost(y, b) + start · max(x − y, 0)`.
    fn switch(&mut self) {
        let bins = self.instance.bins;
        let start = self.instance.start as f32;
        let mut running = vec![f32::INFINITY; bins];
        for (from, to) in self.cost.chunks_exact(bins).zip(self.switched.chunks_exact_mut(bins)) {
            for ((running, &from), to) in running.iter_mut().zip(from).zip(to) {
                *running = from.min(*running + start);
                *to = *running;
            }
        }
        running.fill(f32::INFINITY);
        for (from, to) in self.cost.chunks_exact(bins).zip(self.switched.chunks_exact_mut(bins)).rev() {
            for ((running, &from), to) in running.iter_mut().zip(from).zip(to) {
                *running = from.min(*running);
                *to = to.min(*running);
            }
        }
    }

    /// Moves every state to its backlog after the step.
    fn serve(&mut self, step: usize) {
        let bins = self.instance.bins;
        self.cost.fill(f32::INFINITY);
        for pods in 1..=self.instance.pods {
            let (shift, top) = (self.shift(step, pods), bins - 1);
            let row = (pods - 1) * bins..pods * bins;
            let (from, stage) = (&self.switched[row.clone()], &self.stage[row.clone()]);
            let to = &mut self.cost[row];
            // Bins before `low` empty, those from `high` on reach the top, the others move by `shift`.
            let low = (1 - shift).clamp(0, bins as i64) as usize;
            let high = (top as i64 - shift).clamp(low as i64, bins as i64) as usize;
            let least = |range: Range<usize>| {
                let costs = from[range.clone()].iter().zip(&stage[range]);
                costs.map(|(before, step)| before + step).fold(f32::INFINITY, f32::min)
            };
            if low < high {
                let target = (low as i64 + shift) as usize;
                let costs = from[low..high].iter().zip(&stage[low..high]);
                to[target..].iter_mut().zip(costs).for_each(|(to, (before, step))| *to = before + step);
            }
            to[0] = to[0].min(least(0..low));
            to[top] = to[top].min(least(high..bins));
        }
    }

    /// By how many bins the backlog moves.
    fn shift(&self, step: usize, pods: usize) -> i64 {
        let instance = self.instance;
        let net = (instance.load[step] - pods as f64 * instance.capacity) * instance.step_s / instance.bin;
        let rounded = match self.rounding {
            Rounding::Down => (net + 1e-9).floor(),
            Rounding::Up => (net - 1e-9).ceil(),
        };
        rounded.clamp(-1e9, 1e9) as i64
    }

    /// The state before `step` from which `state` after it was reached at the least cost. `before` is its table.
    fn predecessor(&mut self, late: &mut impl Late, step: usize, before: &[f32], state: usize) -> usize {
        self.fill(late, step);
        let bins = self.instance.bins;
        let (pods, after) = (state / bins + 1, state % bins);
        let shift = self.shift(step, pods);
        let reaches = |&bin: &usize| (bin as i64 + shift).clamp(0, bins as i64 - 1) as usize == after;
        let mut best = (f32::INFINITY, state);
        for bin in (0..bins).filter(reaches) {
            let cost_here = self.stage[(pods - 1) * bins + bin];
            for from in 0..self.instance.pods {
                let started = pods.saturating_sub(from + 1) as f32 * self.instance.start as f32;
                let cost = before[from * bins + bin] + started + cost_here;
                if cost < best.0 {
                    best = (cost, from * bins + bin);
                }
            }
        }
        best.1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, stream};
    use rand::RngExt;

    /// Every unit of work costs `price` when the backlog around the step is beyond `allowed` seconds.
    struct Threshold<'a> {
        instance: &'a Instance,
        price: f64,
        allowed: f64,
    }

    impl Threshold<'_> {
        fn cost(&self, step: usize, pods: usize, backlog: f64) -> f64 {
            let served = pods as f64 * self.instance.capacity;
            let after = (backlog + (self.instance.load[step] - served) * self.instance.step_s).max(0.0);
            let late = f64::midpoint(backlog, after) / served > self.allowed + 1e-9;
            f64::from(u8::from(late)) * self.price * self.instance.load[step] * self.instance.step_s
        }
    }

    impl Late for Threshold<'_> {
        fn changed(&mut self, _: usize) -> bool {
            true
        }

        fn fill(&mut self, step: usize, pods: usize, row: &mut [f32]) {
            for (bin, cost) in row.iter_mut().enumerate() {
                *cost = self.cost(step, pods, bin as f64 * self.instance.bin) as f32;
            }
        }
    }

    /// The cost of given pods with exact backlog.
    fn cost_of(late: &Threshold<'_>, pods: &[usize]) -> f64 {
        let it = late.instance;
        let (mut total, mut backlog, mut last) = (0.0, 0.0, pods.first().copied().unwrap_or(0));
        for (step, &x) in pods.iter().enumerate() {
            total += x.saturating_sub(last) as f64 * it.start + x as f64 * it.step_s + late.cost(step, x, backlog);
            backlog = (backlog + (it.load[step] - x as f64 * it.capacity) * it.step_s).max(0.0);
            backlog = backlog.min(it.bin * (it.bins - 1) as f64);
            last = x;
        }
        total
    }

    /// The least cost over all `pods^T` schedules.
    fn brute_force(late: &Threshold<'_>) -> f64 {
        let (steps, pods) = (late.instance.load.len(), late.instance.pods);
        let schedule = |code: usize| (0..steps).map(|step| code / pods.pow(step as u32) % pods + 1).collect::<Vec<_>>();
        (0..pods.pow(steps as u32)).map(|code| cost_of(late, &schedule(code))).fold(f64::INFINITY, f64::min)
    }

    fn instance(load: Vec<f64>) -> Instance {
        Instance { step_s: 2.0, load, capacity: 1.0, pods: 4, bins: 64, bin: 1.0, start: 3.0 }
    }

    #[test]
    fn on_the_grid_it_finds_what_trying_every_schedule_finds() {
        for seed in 0..60 {
            let mut rng = stream(seed, Purpose::Search, 0);
            // Half units of load make whole bins of backlog in steps of two seconds.
            let load = (0..6).map(|_| f64::from(rng.random_range(0..10_u32)) / 2.0).collect();
            let instance = instance(load);
            let (price, allowed) = (rng.random_range(0.1..6.0), f64::from(rng.random_range(0..3_u32)));
            let mut late = Threshold { instance: &instance, price, allowed };
            let wanted = brute_force(&late);
            for rounding in [Rounding::Down, Rounding::Up] {
                let found = least_cost(&instance, &mut late, rounding);
                assert!((found - wanted).abs() < 1e-3, "seed {seed}, {rounding:?}: {found} is not {wanted}");
            }
            let (cost, pods) = schedule(&instance, &mut late);
            assert!(
                (cost - wanted).abs() < 1e-3 && (cost_of(&late, &pods) - cost).abs() < 1e-3,
                "seed {seed}: {pods:?}"
            );
        }
    }

    #[test]
    fn off_the_grid_the_two_roundings_enclose_the_optimum() {
        let mut apart = 0;
        for seed in 0..60 {
            let mut rng = stream(seed, Purpose::Search, 1);
            let instance = instance((0..6).map(|_| rng.random_range(0.0..5.0)).collect());
            let mut late = Threshold { instance: &instance, price: 2.0, allowed: 1.0 };
            let wanted = brute_force(&late);
            let lower = least_cost(&instance, &mut late, Rounding::Down);
            let upper = least_cost(&instance, &mut late, Rounding::Up);
            assert!(lower <= wanted + 1e-3 && wanted <= upper + 1e-3, "seed {seed}: {lower} {wanted} {upper}");
            apart += u32::from(upper > lower + 1e-3);
        }
        assert!(apart > 0, "the test has seen instances where rounding matters");
    }

    #[test]
    fn the_way_back_crosses_the_kept_tables() {
        let mut rng = stream(3, Purpose::Search, 2);
        let instance = instance((0..301).map(|_| f64::from(rng.random_range(0..10_u32)) / 2.0).collect());
        let mut late = Threshold { instance: &instance, price: 1.5, allowed: 1.0 };
        let (cost, pods) = schedule(&instance, &mut late);
        assert!((cost - least_cost(&instance, &mut late, Rounding::Up)).abs() < 1e-2);
        assert!((cost_of(&late, &pods) - cost).abs() < 0.1, "{} is not {cost}", cost_of(&late, &pods));
    }
}
