//! The metrics path: what metrics-server scraped, and when the HPA can read it.
//!
//! A sample is a pod's mean CPU between two scrapes. The counter of a pod that was ready all along is `Flow::used`, so a
//! scrape only notes that counter; a young pod's own counter follows from it and the pod's history. At the request level
//! a scrape notes the counter of each pod.

use std::collections::VecDeque;
use std::time::Duration;

use rand::RngExt;

use super::pods::Pod;
use super::requests::ServerId;
use super::settings::MetricsPath;
use crate::random::{Purpose, stream};
use crate::units::SimTime;

/// What a scrape noted.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Scrape {
    pub(super) number: u64,
    pub(super) at: SimTime,
    /// `Flow::used`, in CPU-seconds.
    pub(super) used: f64,
    /// Requests offered since the start of the run.
    pub(super) offered: f64,
    /// Requests that all pods hold, and that each ready pod holds.
    pub(super) in_flight: f64,
    pub(super) in_flight_per_pod: f64,
    /// Pods that served.
    pub(super) serving: u32,
    /// Working sets of a ready and of a starting pod, in bytes.
    pub(super) memory: f64,
    pub(super) memory_idle: f64,
}

/// Two scrapes in a row, the later of which the HPA can read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pair {
    pub(super) before: Scrape,
    pub(super) last: Scrape,
}

impl Pair {
    /// Distance of the two.
    pub(super) fn window(&self) -> Duration {
        self.last.at.since(self.before.at)
    }

    fn seconds(&self) -> f64 {
        self.window().as_secs_f64()
    }

    /// Mean cores of a pod that was ready all along.
    pub(super) fn cores(&self) -> f64 {
        (self.last.used - self.before.used).max(0.0) / self.seconds()
    }

    /// Mean cores of a young pod; `None` when its container did not run for the whole window. Before it is ready it
    /// uses `starting` cores.
    pub(super) fn cores_of(&self, pod: &Pod, starting: f64, scrapes: &Scrapes) -> Option<f64> {
        let counter = |scrape: &Scrape| {
            let served = pod.serving && scrape.at > pod.ready;
            let started = if served { pod.ready } else { scrape.at };
            let used = match pod.server {
                Some(place) => scrapes.counter(scrape.at, place),
                None if served => scrape.used - pod.used,
                None => 0.0,
            };
            starting * started.since(pod.running).as_secs_f64() + used
        };
        let runs = pod.running <= self.before.at;
        runs.then(|| (counter(&self.last) - counter(&self.before)).max(0.0) / self.seconds())
    }

    /// Requests per second over the window, and per pod.
    pub(super) fn requests_per_second(&self) -> (f64, f64) {
        let rate = (self.last.offered - self.before.offered).max(0.0) / self.seconds();
        (rate, rate / f64::from(self.last.serving.max(1)))
    }
}

/// The scrapes that can still be read.
#[derive(Debug, Clone)]
pub(super) struct Scrapes {
    ring: VecDeque<Scrape>,
    /// At the request level, each pod's serial number and counter in CPU-seconds, by place, for each scrape.
    counters: VecDeque<Vec<(u32, f64)>>,
    keep: usize,
    lag: Duration,
    missing: f64,
    seed: u64,
}

impl Scrapes {
    /// The path of `[metrics]`, whose first scrape will be at `first`.
    pub(super) fn new(settings: &MetricsPath, seed: u64, first: SimTime) -> Self {
        let resolution = settings.resolution;
        let keep = (settings.lag.as_secs_f64() / resolution.as_secs_f64()).ceil().min(1e4) as u32 + 3;
        let past = |back: u32| Scrape { at: first - resolution.saturating_mul(back), ..Scrape::default() };
        let ring = (1..=keep).rev().map(past).collect();
        Self {
            ring,
            counters: VecDeque::new(),
            keep: keep as usize,
            lag: settings.lag,
            missing: settings.missing,
            seed,
        }
    }

    /// Fills the history as if the state at the first instant, `now`, had lasted: pods used `cores` each, and `rate`
    /// requests arrived per second.
    pub(super) fn warm(&mut self, now: Scrape, (cores, rate): (f64, f64)) {
        for scrape in &mut self.ring {
            let ago = now.at.since(scrape.at).as_secs_f64();
            *scrape = Scrape { at: scrape.at, used: -cores * ago, offered: -rate * ago, ..now };
        }
    }

    /// As [`warm`](Self::warm), for each of `pods` pods, which stand in the first places.
    pub(super) fn warm_counters(&mut self, now: SimTime, cores: f64, pods: u32) {
        let at = |scrape: &Scrape| -cores * now.since(scrape.at).as_secs_f64();
        self.counters = self.ring.iter().map(|scrape| (0..pods).map(|nth| (nth, at(scrape))).collect()).collect();
    }

    /// Notes each pod's serial number and counter, for the scrape just pushed.
    pub(super) fn push_counters(&mut self, counters: impl Iterator<Item = (u32, f64)>) {
        let mut row = if self.counters.len() >= self.ring.len() { self.counters.pop_front() } else { None };
        let row = row.get_or_insert_default();
        row.clear();
        row.extend(counters);
        self.counters.push_back(std::mem::take(row));
    }

    /// The counter of a pod at the scrape of that time; 0 when it did not serve then.
    fn counter(&self, at: SimTime, server: ServerId) -> f64 {
        let nth = self.ring.iter().position(|scrape| scrape.at == at);
        let row = nth.and_then(|nth| self.counters.get(nth));
        let found = row.and_then(|row| row.get(server.place as usize)).filter(|it| it.0 == server.serial);
        found.map_or(0.0, |it| it.1)
    }

    /// The start of the window of the newest sample that can be read at `now`, less the second by which the API's whole
    /// seconds may be off: a pod ready by then looks like any other.
    pub(super) fn covered(&self, now: SimTime) -> Option<SimTime> {
        Some(self.visible(now)?.before.at - Duration::from_secs(1))
    }

    /// Seconds since the newest scrape.
    pub(super) fn since_last(&self, now: SimTime) -> f64 {
        self.ring.back().map_or(0.0, |last| now.since(last.at).as_secs_f64())
    }

    /// Notes a scrape.
    pub(super) fn push(&mut self, scrape: Scrape) {
        if self.ring.len() >= self.keep {
            self.ring.pop_front();
        }
        let number = self.ring.back().map_or(0, |last| last.number) + 1;
        self.ring.push_back(Scrape { number, ..scrape });
    }

    /// The newest pair that the HPA can read.
    pub(super) fn visible(&self, now: SimTime) -> Option<Pair> {
        let last = self.ring.iter().rposition(|scrape| scrape.at + self.lag <= now)?;
        let before = last.checked_sub(1)?;
        Some(Pair { before: self.ring[before], last: self.ring[last] })
    }

    /// Whether the `index`-th pod's sample is missing from a scrape. The same at every look.
    pub(super) fn misses(&self, scrape: u64, index: u64) -> bool {
        if self.missing <= 0.0 {
            return false;
        }
        let key = scrape.wrapping_mul(1 << 32).wrapping_add(index);
        stream(self.seed, Purpose::Faults, key).random::<f64>() < self.missing
    }

    /// How many of `count` pods' samples are missing from a scrape.
    pub(super) fn missing_of(&self, scrape: u64, count: u32) -> u32 {
        if self.missing <= 0.0 {
            return 0;
        }
        // Mature pods have no number of their own; theirs are counted from the far end.
        (0..count).filter(|&nth| self.misses(scrape, u64::from(u32::MAX - nth))).count() as u32
    }
}
