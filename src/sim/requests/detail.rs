//! What only single requests tell of a run: where their time went, how much longer they took than alone, and how evenly
//! pods were used.

use super::Requests;
use super::responses::Responses;
use super::server::Server;
use crate::sim::latency::Histogram;
use crate::sim::outcome::{Balance, Slowdown, Times};

/// Sums over the pods of a run, each counted when it ends. Memory does not depend on how many there are.
#[derive(Debug, Clone)]
pub(super) struct PodSums {
    /// Σ t, Σ u and Σ u²/t of pods that were there for `t` seconds and used `u` CPU-seconds.
    seconds: f64,
    used: f64,
    squares: f64,
    /// Mean response time of each pod that answered any.
    means: Responses,
}

impl PodSums {
    pub(super) fn new() -> Self {
        Self { seconds: 0.0, used: 0.0, squares: 0.0, means: Responses::new() }
    }

    /// Counts a pod that ends at `now`.
    pub(super) fn add(&mut self, server: &Server, now: f64) {
        let seconds = now - server.opened;
        if seconds > 0.0 {
            self.seconds += seconds;
            self.used += server.used;
            self.squares += server.used * server.used / seconds;
        }
        if server.answered > 0 {
            self.means.record(server.response_s / server.answered as f64);
        }
    }

    /// Jain's index; see [`Balance::jain`].
    fn jain(&self) -> f64 {
        if self.squares > 0.0 { self.used * self.used / (self.seconds * self.squares) } else { 1.0 }
    }
}

/// Figures of single requests that add up over runs. Times in seconds; requests counted as in `Totals`.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::sim) struct Detail {
    offered: f64,
    completed: f64,
    queue_s: f64,
    service_s: f64,
    retry_s: f64,
    /// Attempts besides the first.
    retried: f64,
    /// Requests that waited until a pod became ready.
    waited: f64,
    /// Slowdowns, and how many of them.
    slowdowns: Histogram,
    slowed: f64,
    /// Σ pod-seconds, and Σ pod-seconds × Jain's index.
    pod_seconds: f64,
    fairness: f64,
    /// Pods' mean response times.
    pods: Histogram,
}

impl Detail {
    /// Adds another run.
    pub(in crate::sim) fn add(&mut self, other: &Self) {
        self.offered += other.offered;
        self.completed += other.completed;
        self.queue_s += other.queue_s;
        self.service_s += other.service_s;
        self.retry_s += other.retry_s;
        self.retried += other.retried;
        self.waited += other.waited;
        self.slowdowns.merge(&other.slowdowns);
        self.slowed += other.slowed;
        self.pod_seconds += other.pod_seconds;
        self.fairness += other.fairness;
        self.pods.merge(&other.pods);
    }

    /// Where the time of served requests went.
    pub(in crate::sim) fn times(&self) -> Times {
        let mean = |sum: f64| if self.completed > 0.0 { 1e3 * sum / self.completed } else { 0.0 };
        Times { queue: mean(self.queue_s), service: mean(self.service_s), retry: mean(self.retry_s) }
    }

    /// Slowdowns of requests that take any time.
    pub(in crate::sim) fn slowdown(&self) -> Slowdown {
        let figures = self.slowdowns.latency(self.slowed);
        Slowdown { mean: figures.mean / 1e3, p50: figures.p50 / 1e3, p95: figures.p95 / 1e3, p99: figures.p99 / 1e3 }
    }

    /// Attempts besides the first.
    pub(in crate::sim) fn retried(&self) -> f64 {
        self.retried
    }

    /// How evenly pods were used.
    pub(in crate::sim) fn balance(&self) -> Balance {
        let jain = if self.pod_seconds > 0.0 { self.fairness / self.pod_seconds } else { 1.0 };
        Balance { jain, pod_p90_ms: 1e3 * self.pods.quantile(0.9) }
    }

    /// Share of requests that waited until a pod became ready.
    pub(in crate::sim) fn waited_rate(&self) -> f64 {
        if self.offered > 0.0 { self.waited / self.offered } else { 0.0 }
    }
}

impl Requests {
    /// The figures as of the clock.
    pub(in crate::sim) fn detail(&self) -> Detail {
        let mut pods = self.ended.clone();
        self.servers.iter().filter(|server| !server.is_gone()).for_each(|server| pods.add(server, self.clock));
        let weight = self.workload.task_weight();
        Detail {
            offered: self.counts.offered as f64 * weight,
            completed: self.counts.completed as f64 * weight,
            queue_s: self.queue_s * weight,
            service_s: (self.responses.sum - self.queue_s - self.retry_s) * weight,
            retry_s: self.retry_s * weight,
            retried: self.counts.retried as f64 * weight,
            waited: self.counts.waited as f64 * weight,
            slowdowns: self.slowdowns.histogram(weight),
            slowed: self.slowdowns.count() as f64 * weight,
            pod_seconds: pods.seconds,
            fairness: pods.seconds * pods.jain(),
            pods: pods.means.histogram(1.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::settings::Throttling;

    fn pods(figures: &[(f64, f64)]) -> PodSums {
        let mut sums = PodSums::new();
        for &(seconds, used) in figures {
            let mut server = Server::new(0, 1.0, 10.0, Throttling::Even);
            server.used = used;
            sums.add(&server, 10.0 + seconds);
        }
        sums
    }

    #[test]
    fn jains_index_is_that_of_the_paper_for_pods_of_equal_age() {
        for (used, index) in
            [([5.0, 5.0, 5.0, 5.0], 1.0), ([8.0, 0.0, 0.0, 0.0], 0.25), ([1.0, 2.0, 3.0, 4.0], 100.0 / 120.0)]
        {
            let found = pods(&used.map(|used| (100.0, used))).jain();
            assert!((found - index).abs() < 1e-12, "{used:?}: {found}");
        }
        assert!((pods(&[(100.0, 0.0), (50.0, 0.0)]).jain() - 1.0).abs() < 1e-12, "all idle is even");
    }

    #[test]
    fn pods_of_any_age_that_are_used_alike_are_even_and_a_short_one_weighs_little() {
        assert!((pods(&[(1000.0, 500.0), (10.0, 5.0)]).jain() - 1.0).abs() < 1e-12);
        let old = pods(&[(1000.0, 500.0), (1000.0, 0.0)]).jain();
        let young = pods(&[(1000.0, 500.0), (10.0, 0.0)]).jain();
        assert!((old - 0.5).abs() < 1e-12 && young > 0.98, "{old} {young}");
    }
}
