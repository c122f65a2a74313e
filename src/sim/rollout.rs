//! A rolling update, as the Deployment controller does it: pods of a new `ReplicaSet` start, pods of old ones go as those
//! become ready, and replicas that change meanwhile are shared out in proportion.
//!
//! The arithmetic is that of kube-controller-manager's `pkg/controller/deployment` (`rolling.go`, `sync.go`,
//! `util/deployment_util.go`). Pods are available as soon as they are ready (`minReadySeconds` 0).

use std::collections::VecDeque;
use std::time::Duration;

use super::settings;
use crate::units::SimTime;

/// Far beyond any run.
const NEVER: SimTime = SimTime(i64::MAX);

/// A version of the Deployment's pods.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ReplicaSet {
    pub(super) revision: u32,
    /// Its `spec.replicas`.
    pub(super) replicas: u32,
    /// The annotation `deployment.kubernetes.io/max-replicas`: replicas and surge when it was last scaled.
    most: u32,
}

/// The `ReplicaSet`s of a Deployment, and when the next update begins.
#[derive(Debug, Clone)]
pub(super) struct Rollout {
    surge: settings::IntOrPercent,
    unavailable: settings::IntOrPercent,
    at: VecDeque<SimTime>,
    every: Option<Duration>,
    /// The oldest first; the last is the new one.
    sets: Vec<ReplicaSet>,
}

impl Rollout {
    /// Of a Deployment that has `replicas` of one version at `start`.
    pub(super) fn new(settings: &settings::Rollout, start: SimTime, replicas: u32) -> Self {
        let mut at: Vec<SimTime> = settings.at.iter().map(|span| start + *span).collect();
        at.extend(settings.every.map(|span| start + span));
        at.sort_unstable();
        let mut rollout = Self {
            surge: settings.max_surge,
            unavailable: settings.max_unavailable,
            at: at.into(),
            every: settings.every,
            sets: Vec::new(),
        };
        let most = replicas + rollout.surge(replicas);
        rollout.sets.push(ReplicaSet { revision: 0, replicas, most });
        rollout
    }

    /// When the next update begins.
    pub(super) fn next(&self) -> SimTime {
        self.at.front().copied().unwrap_or(NEVER)
    }

    /// An update begins at `now`.
    pub(super) fn begin(&mut self, now: SimTime) {
        self.at.pop_front();
        if self.at.is_empty()
            && let Some(every) = self.every
        {
            self.at.push_back(now + every);
        }
        let revision = self.sets.last().map_or(0, |set| set.revision + 1);
        self.sets.push(ReplicaSet { revision, replicas: 0, most: 0 });
    }

    /// The versions there are, the oldest first.
    pub(super) fn sets(&self) -> &[ReplicaSet] {
        &self.sets
    }

    /// Pods that may be there beyond `replicas`.
    fn surge(&self, replicas: u32) -> u32 {
        self.surge.up(replicas)
    }

    /// Pods that may lack of `replicas`. If there may be neither more nor fewer, one may lack, or nothing would move.
    fn unavailable(&self, replicas: u32) -> u32 {
        let lacking = self.unavailable.down(replicas);
        let lacking = if lacking == 0 && self.surge(replicas) == 0 { 1 } else { lacking };
        lacking.min(replicas)
    }

    fn total(&self) -> u32 {
        self.sets.iter().map(|set| set.replicas).sum()
    }

    /// The Deployment's replicas have become `replicas`: all versions that have pods grow or shrink in proportion.
    pub(super) fn scale(&mut self, replicas: u32) {
        let most = replicas + self.surge(replicas);
        let active: Vec<usize> = (0..self.sets.len()).filter(|&at| self.sets[at].replicas > 0).collect();
        let newest = self.sets.len() - 1;
        match active[..] {
            [] => self.sets[newest] = ReplicaSet { replicas, most, ..self.sets[newest] },
            [only] => self.sets[only] = ReplicaSet { replicas, most, ..self.sets[only] },
            _ => self.share_out(active, replicas, most),
        }
    }

    fn share_out(&mut self, mut active: Vec<usize>, replicas: u32, most: u32) {
        let allowed = if replicas > 0 { i64::from(most) } else { 0 };
        let add = allowed - i64::from(self.total());
        // The largest first; of equal ones the newer grows first, and the older shrinks first.
        active.sort_by_key(|&at| {
            let age = if add > 0 { self.sets.len() - at } else { at };
            (std::cmp::Reverse(self.sets[at].replicas), age)
        });
        let mut added = 0;
        for &at in &active {
            let set = &mut self.sets[at];
            let size = i64::from(set.replicas);
            let fraction = if replicas == 0 {
                -size
            } else {
                let base = i64::from(if set.most == 0 { most } else { set.most });
                (size as f64 * f64::from(most) / base as f64).round() as i64 - size
            };
            let part = if add > 0 { fraction.min(add - added).max(0) } else { fraction.max(add - added).min(0) };
            added += part;
            *set = ReplicaSet { replicas: bounded(size + part), most, ..*set };
        }
        if let Some(&largest) = active.first() {
            let set = &mut self.sets[largest];
            set.replicas = bounded(i64::from(set.replicas) + add - added);
        }
    }

    /// One round of the controller for a Deployment of `replicas`, of whose versions `available` pods are ready each.
    /// Returns whether it changed anything.
    pub(super) fn sync(&mut self, replicas: u32, available: &[u32]) -> bool {
        self.grow_new(replicas) || self.shrink_old(replicas, available)
    }

    fn grow_new(&mut self, replicas: u32) -> bool {
        let most = replicas + self.surge(replicas);
        let total = self.total();
        let Some(new) = self.sets.last_mut() else { return false };
        let before = new.replicas;
        new.replicas =
            if before >= replicas { replicas } else { before + most.saturating_sub(total).min(replicas - before) };
        new.most = most;
        new.replicas != before
    }

    fn shrink_old(&mut self, replicas: u32, available: &[u32]) -> bool {
        let Some((new, old)) = self.sets.split_last() else { return false };
        if old.iter().all(|set| set.replicas == 0) {
            let done = !old.is_empty();
            self.sets.drain(..self.sets.len() - 1);
            return done;
        }
        let least = i64::from(replicas - self.unavailable(replicas));
        let starting = i64::from(new.replicas) - i64::from(available.last().copied().unwrap_or(0));
        let room = i64::from(self.total()) - least - starting;
        if room <= 0 {
            return false;
        }
        let cleaned = self.clean(room, available);
        let ready: i64 = available.iter().copied().map(i64::from).sum();
        let mut rest = (ready - least).max(0);
        let mut shrunk = cleaned;
        for set in self.old() {
            let count = i64::from(set.replicas).min(rest);
            set.replicas = bounded(i64::from(set.replicas) - count);
            rest -= count;
            shrunk |= count > 0;
        }
        shrunk
    }

    fn old(&mut self) -> impl Iterator<Item = &mut ReplicaSet> {
        let count = self.sets.len() - 1;
        self.sets[..count].iter_mut()
    }

    /// Lets old pods go that are not ready, up to `room`: they would block the update for nothing.
    fn clean(&mut self, room: i64, available: &[u32]) -> bool {
        let mut rest = room;
        for (set, &ready) in self.old().zip(available) {
            let count = (i64::from(set.replicas) - i64::from(ready)).clamp(0, rest);
            set.replicas = bounded(i64::from(set.replicas) - count);
            rest -= count;
        }
        rest < room
    }
}

fn bounded(replicas: i64) -> u32 {
    u32::try_from(replicas.max(0)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::settings::IntOrPercent::{self, Count, Percent};
    use super::*;

    fn rollout(surge: IntOrPercent, unavailable: IntOrPercent, replicas: u32) -> Rollout {
        let settings =
            settings::Rollout { max_surge: surge, max_unavailable: unavailable, ..settings::Rollout::default() };
        let mut rollout = Rollout::new(&settings, SimTime::ZERO, replicas);
        rollout.begin(SimTime::ZERO);
        rollout
    }

    /// Runs the controller until it rests, and checks each of its steps; returns the replicas of the versions.
    fn rest(rollout: &mut Rollout, replicas: u32, available: &[u32]) -> Vec<u32> {
        let mut ready = available.to_vec();
        while rollout.sync(replicas, &ready) {
            // Of pods that go, those not ready go first.
            let gone = ready.len() - rollout.sets().len();
            ready = rollout.sets().iter().zip(&ready[gone..]).map(|(set, &ready)| ready.min(set.replicas)).collect();
        }
        rollout.sets().iter().map(|set| set.replicas).collect()
    }

    #[test]
    fn four_pods_at_25_percent_are_replaced_as_worked_by_hand() {
        let mut it = rollout(Percent(25), Percent(25), 4);
        // At most five, at least three available: one starts, one old goes, and another one starts.
        assert_eq!(rest(&mut it, 4, &[4, 0]), [3, 2]);
        assert_eq!(rest(&mut it, 4, &[3, 0]), [3, 2], "it waits for readiness");
        assert_eq!(rest(&mut it, 4, &[3, 1]), [2, 3]);
        assert_eq!(rest(&mut it, 4, &[2, 3]), [4]);
    }

    #[test]
    fn a_surge_of_100_percent_starts_all_at_once() {
        let mut it = rollout(Percent(100), Count(0), 4);
        assert_eq!(rest(&mut it, 4, &[4, 0]), [4, 4]);
        assert_eq!(rest(&mut it, 4, &[4, 3]), [1, 4]);
        assert_eq!(rest(&mut it, 4, &[1, 4]), [4]);
    }

    #[test]
    fn without_surge_old_pods_go_first() {
        let mut it = rollout(Count(0), Count(0), 3);
        assert_eq!(rest(&mut it, 3, &[3, 0]), [2, 1], "one may lack, or nothing would move");
        assert_eq!(rest(&mut it, 3, &[2, 1]), [1, 2]);
    }

    #[test]
    fn replicas_that_grow_meanwhile_are_shared_out_as_in_kubernetes_documentation() {
        // "Proportional scaling": 10 replicas, maxSurge 3, maxUnavailable 2, scaled to 15 with an image that never starts.
        let mut it = rollout(Count(3), Count(2), 10);
        assert_eq!(rest(&mut it, 10, &[10, 0]), [8, 5]);
        it.scale(15);
        assert_eq!(it.sets().iter().map(|set| set.replicas).collect::<Vec<_>>(), [11, 7]);
        it.scale(0);
        assert_eq!(it.total(), 0);
    }

    #[test]
    fn old_pods_that_are_not_ready_do_not_block_an_update() {
        let mut it = rollout(Percent(25), Percent(25), 4);
        // At most five: two new ones start, the second in place of an old one. Once they serve, old ones that do not are
        // not waited for.
        assert_eq!(rest(&mut it, 4, &[0, 0]), [3, 2]);
        assert_eq!(rest(&mut it, 4, &[0, 2]), [1, 4]);
    }

    #[test]
    fn an_update_keeps_within_its_bounds_and_ends_whatever_they_are() {
        for (replicas, surge, lacking) in
            [(1, 25, 25), (4, 25, 25), (7, 50, 0), (10, 0, 30), (13, 100, 100), (3, 10, 10)]
        {
            let mut it = rollout(Percent(surge), Percent(lacking), replicas);
            let (most, least) = (replicas + it.surge(replicas), replicas - it.unavailable(replicas));
            let mut ready = vec![replicas, 0];
            let mut updates = 0;
            for step in 0..1000 {
                while it.sync(replicas, &ready) {
                    let gone = ready.len() - it.sets().len();
                    ready = it.sets().iter().zip(&ready[gone..]).map(|(set, &ready)| ready.min(set.replicas)).collect();
                    assert!(it.total() <= most, "{} of {most}", it.total());
                    assert!(ready.iter().sum::<u32>() >= least, "{ready:?} of at least {least}");
                }
                if it.sets().len() == 1 && ready == [replicas] {
                    updates += 1;
                }
                // One pod becomes ready at a time; now and then the next update begins before the last has ended.
                let starting = it.sets().iter().zip(&ready).position(|(set, &ready)| ready < set.replicas);
                if let Some(at) = starting.filter(|_| step % 40 != 39) {
                    ready[at] += 1;
                } else {
                    it.begin(SimTime::ZERO);
                    ready.push(0);
                }
            }
            assert!(updates > 5, "{updates} updates of {replicas} at {surge} % and {lacking} %");
        }
    }
}
