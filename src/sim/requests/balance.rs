//! Load balancing: which pod gets a request.

use rand::RngExt;
use rand::rngs::ChaCha8Rng;

use super::tree::Tree;
use crate::random::{Purpose, stream};
use crate::sim::settings::Balancing;

/// Bits of a key that hold the turn; those above hold requests outstanding.
const TURN_BITS: u32 = 40;
const ABSENT: u32 = u32::MAX;

/// Chooses among pods that can take a request. Pods are known by their places, small numbers.
#[derive(Debug)]
pub(super) struct Balancer {
    rule: Balancing,
    rng: ChaCha8Rng,
    /// Rules of order: the least key is next. Keys are requests outstanding (0 under round robin) and, below them, when
    /// the pod had its last turn, so that equal pods take turns.
    order: Tree<u64>,
    turns: Vec<u64>,
    turn: u64,
    /// Weighted turns: keys are the bits of a deadline, which moves on by one over the pod's weight with each turn, so
    /// that pods with a larger weight come up more often, and evenly spread (earliest deadline first, as in Envoy's
    /// `EdfScheduler`). The deadline of the last turn is where new pods begin.
    weights: Vec<f64>,
    reached: f64,
    /// Rules of chance: the pods, and where in that list each is.
    able: Vec<u32>,
    position: Vec<u32>,
}

impl Balancer {
    pub(super) fn new(rule: Balancing, seed: u64) -> Self {
        Self {
            rule,
            rng: stream(seed, Purpose::Balancing, 0),
            order: Tree::new(u64::MAX),
            turns: Vec::new(),
            turn: 0,
            weights: Vec::new(),
            reached: 0.0,
            able: Vec::new(),
            position: Vec::new(),
        }
    }

    /// A new pod stands at `place`, with weight 1.
    pub(super) fn enter(&mut self, place: u32) {
        self.reach(place);
        self.weights[place as usize] = 1.0;
        if self.rule == Balancing::WeightedRoundRobin {
            self.turns[place as usize] = (self.reached + 1.0).to_bits();
        }
    }

    /// Gives the pod at `place` a weight above 0, as of its turn after the next.
    pub(super) fn weigh(&mut self, place: u32, weight: f64) {
        self.reach(place);
        self.weights[place as usize] = weight;
    }

    fn reach(&mut self, place: u32) {
        if place as usize >= self.turns.len() {
            self.turns.resize(place as usize + 1, 0);
            self.weights.resize(place as usize + 1, 1.0);
            self.position.resize(place as usize + 1, ABSENT);
        }
    }

    /// The pod at `place` holds `outstanding` requests and can take more; `None` when it cannot.
    #[inline]
    pub(super) fn set(&mut self, place: u32, outstanding: Option<u32>) {
        self.reach(place);
        match (self.rule, outstanding) {
            (Balancing::Random | Balancing::PowerOfTwo, able) => self.note(place, able.is_some()),
            (_, None) => self.order.clear(place),
            (Balancing::RoundRobin | Balancing::WeightedRoundRobin, Some(_)) => {
                self.order.set(place, self.turns[place as usize]);
            }
            (Balancing::LeastOutstanding, Some(outstanding)) => {
                let load = u64::from(outstanding).min((1 << (63 - TURN_BITS)) - 1);
                self.order.set(place, load << TURN_BITS | self.turns[place as usize]);
            }
        }
    }

    fn note(&mut self, place: u32, able: bool) {
        let position = self.position[place as usize];
        if able && position == ABSENT {
            self.position[place as usize] = self.able.len() as u32;
            self.able.push(place);
        } else if !able && position != ABSENT {
            self.able.swap_remove(position as usize);
            if let Some(&moved) = self.able.get(position as usize) {
                self.position[moved as usize] = position;
            }
            self.position[place as usize] = ABSENT;
        }
    }

    /// The pod for a request; `None` when none can take it. `outstanding` says how many requests a pod holds.
    #[inline]
    pub(super) fn choose(&mut self, outstanding: impl Fn(u32) -> u32) -> Option<u32> {
        match self.rule {
            Balancing::RoundRobin | Balancing::LeastOutstanding => {
                if self.order.least() == u64::MAX {
                    return None;
                }
                let place = self.order.first();
                self.turn = (self.turn + 1) & ((1 << TURN_BITS) - 1);
                self.turns[place as usize] = self.turn;
                Some(place)
            }
            Balancing::WeightedRoundRobin => {
                let deadline = self.order.least();
                if deadline == u64::MAX {
                    return None;
                }
                let place = self.order.first();
                // A pod that could take nothing for a while has missed its turns.
                self.reached = self.reached.max(f64::from_bits(deadline));
                self.turns[place as usize] = (self.reached + 1.0 / self.weights[place as usize]).to_bits();
                Some(place)
            }
            Balancing::Random => self.any(),
            Balancing::PowerOfTwo => {
                if self.able.len() < 2 {
                    return self.any();
                }
                let first = self.rng.random_range(0..self.able.len());
                let other = self.rng.random_range(0..self.able.len() - 1);
                let second = other + usize::from(other >= first);
                let (first, second) = (self.able[first], self.able[second]);
                Some(if outstanding(second) < outstanding(first) { second } else { first })
            }
        }
    }

    fn any(&mut self) -> Option<u32> {
        if self.able.is_empty() {
            return None;
        }
        Some(self.able[self.rng.random_range(0..self.able.len())])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives `requests` requests to four pods that never finish any; the third takes no more than ten.
    fn spread(rule: Balancing, requests: u32) -> Vec<u32> {
        let mut balancer = Balancer::new(rule, 1);
        let mut held = vec![0_u32; 4];
        (0..4).for_each(|place| balancer.set(place, Some(0)));
        for _ in 0..requests {
            let place = balancer.choose(|place| held[place as usize]).expect("a pod can take it");
            held[place as usize] += 1;
            let full = place == 2 && held[2] >= 10;
            balancer.set(place, (!full).then_some(held[place as usize]));
        }
        held
    }

    #[test]
    fn round_robin_and_least_outstanding_spread_evenly_until_a_pod_is_full() {
        for rule in [Balancing::RoundRobin, Balancing::WeightedRoundRobin, Balancing::LeastOutstanding] {
            assert_eq!(spread(rule, 40), [10, 10, 10, 10], "{rule:?}");
            assert_eq!(spread(rule, 100), [30, 30, 10, 30], "{rule:?}");
        }
    }

    #[test]
    fn two_choices_spread_far_better_than_one() {
        let width = |held: &[u32]| {
            let others = [held[0], held[1], held[3]];
            others.iter().max().expect("three pods") - others.iter().min().expect("three pods")
        };
        let (one, two) = (spread(Balancing::Random, 10_000), spread(Balancing::PowerOfTwo, 10_000));
        assert_eq!(one.iter().sum::<u32>(), 10_000);
        assert!(one[2] == 10 && two[2] == 10);
        assert!(width(&two) <= 8 && width(&one) > 20, "{one:?} {two:?}");
    }

    #[test]
    fn turns_come_by_weight_evenly_spread_and_a_pod_that_was_full_does_not_catch_up() {
        let mut balancer = Balancer::new(Balancing::WeightedRoundRobin, 1);
        for (place, weight) in [(0, 1.0), (1, 1.5), (2, 2.0)] {
            balancer.enter(place);
            balancer.weigh(place, weight);
            balancer.set(place, Some(0));
        }
        let mut turn = || {
            let place = balancer.choose(|_| 0).expect("a pod can take it");
            balancer.set(place, Some(0));
            place as usize
        };
        let (mut held, mut most) = ([0.0_f64; 3], 0.0_f64);
        for turns in 1..=9000 {
            held[turn()] += 1.0;
            let off = |place: usize| (held[place] - f64::from(turns) * [1.0, 1.5, 2.0][place] / 4.5).abs();
            most = most.max(off(0)).max(off(1)).max(off(2));
        }
        // Never more than a turn and a half away from its share, as with nginx' smooth weighted round robin.
        assert!(most <= 1.5, "{held:?}, {most} away");
        balancer.set(2, None);
        (0..1000).for_each(|_| {
            let place = balancer.choose(|_| 0).expect("two are left");
            balancer.set(place, Some(0));
        });
        balancer.set(2, Some(0));
        let next: Vec<u32> = (0..9)
            .map(|_| {
                let place = balancer.choose(|_| 0).expect("a pod can take it");
                balancer.set(place, Some(0));
                place
            })
            .collect();
        assert!((4..=5).contains(&next.iter().filter(|&&place| place == 2).count()), "{next:?}");
    }

    #[test]
    fn without_a_pod_there_is_no_choice() {
        use Balancing::{LeastOutstanding, PowerOfTwo, Random, RoundRobin, WeightedRoundRobin};
        for rule in [RoundRobin, WeightedRoundRobin, Random, LeastOutstanding, PowerOfTwo] {
            let mut balancer = Balancer::new(rule, 1);
            assert_eq!(balancer.choose(|_| 0), None);
            balancer.set(3, Some(0));
            assert_eq!(balancer.choose(|_| 0), Some(3));
            balancer.set(3, None);
            assert_eq!(balancer.choose(|_| 0), None, "{rule:?}");
        }
    }
}
