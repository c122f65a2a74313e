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
            able: Vec::new(),
            position: Vec::new(),
        }
    }

    /// The pod at `place` holds `outstanding` requests and can take more; `None` when it cannot.
    #[inline]
    pub(super) fn set(&mut self, place: u32, outstanding: Option<u32>) {
        if place as usize >= self.turns.len() {
            self.turns.resize(place as usize + 1, 0);
            self.position.resize(place as usize + 1, ABSENT);
        }
        match (self.rule, outstanding) {
            (Balancing::Random | Balancing::PowerOfTwo, able) => self.note(place, able.is_some()),
            (_, None) => self.order.clear(place),
            (Balancing::RoundRobin, Some(_)) => self.order.set(place, self.turns[place as usize]),
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
        for rule in [Balancing::RoundRobin, Balancing::LeastOutstanding] {
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
    fn without_a_pod_there_is_no_choice() {
        for rule in [Balancing::RoundRobin, Balancing::Random, Balancing::LeastOutstanding, Balancing::PowerOfTwo] {
            let mut balancer = Balancer::new(rule, 1);
            assert_eq!(balancer.choose(|_| 0), None);
            balancer.set(3, Some(0));
            assert_eq!(balancer.choose(|_| 0), Some(3));
            balancer.set(3, None);
            assert_eq!(balancer.choose(|_| 0), None, "{rule:?}");
        }
    }
}
