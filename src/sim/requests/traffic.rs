//! Requests of a trace, one after another: when each arrives, and what it takes.
//!
//! The recorded count of a slot is kept; only where in the slot its requests lie is drawn. Requests are drawn as they
//! are needed, so memory does not depend on how many there are. Draws belong to (seed, slot), whatever a policy does.

use rand::RngExt;
use rand::rngs::ChaCha8Rng;

use super::spacing::{Course, Spacing};
use crate::random::{Purpose, stream};
use crate::sim::law::ServiceLaw;
use crate::sim::workload::{Slot, Workload};

/// Which attempt of which client a request is, where clients send again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Ticket {
    pub(super) client: u32,
    pub(super) attempt: u32,
}

/// A request. Times in seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Request {
    pub(super) arrived: f64,
    pub(super) ticket: Ticket,
    /// When a pod took it; meaningless before.
    pub(super) taken: f64,
    /// CPU time that it needs.
    pub(super) cpu_s: f64,
    /// Response time without any wait.
    pub(super) service_s: f64,
    /// The part of it in which it waits for others, without CPU.
    pub(super) idle_s: f64,
}

/// The requests to come.
#[derive(Debug)]
pub(super) struct Traffic {
    seed: u64,
    spacing: Spacing,
    law: ServiceLaw,
    /// How many requests of the slot are still to come, the next included, and where they lie.
    left: u64,
    course: Course,
    slot: Slot,
    cpu_s: f64,
    next: f64,
    service: ChaCha8Rng,
}

impl Traffic {
    /// Without any request before [`begin`](Self::begin).
    pub(super) fn new(workload: &Workload, seed: u64, spacing: Spacing) -> Self {
        Self {
            seed,
            spacing,
            law: workload.law().clone(),
            left: 0,
            course: Course::nothing(),
            slot: Slot::default(),
            cpu_s: 0.0,
            next: f64::INFINITY,
            service: stream(seed, Purpose::Service, 0),
        }
    }

    /// The `index`-th slot begins. Its requests before `since` seconds are skipped.
    pub(super) fn begin(&mut self, workload: &Workload, index: usize, since: f64) {
        let mut arrivals = stream(self.seed, Purpose::Arrivals, index as u64);
        self.service = stream(self.seed, Purpose::Service, index as u64);
        self.slot = workload.slots()[index];
        self.cpu_s = workload.task_cpu_s(&self.slot);
        let length = workload.interval_us() as f64 / 1e6;
        let end = workload.slot_end(index).secs();
        let from = end - length;
        self.left = whole(workload.tasks_per_s(&self.slot) * length, arrivals.random());
        let bursts = || stream(self.seed, Purpose::Bursts, index as u64);
        self.course = Course::new(self.spacing, self.left, from..end, arrivals, bursts);
        self.draw();
        while self.next < since {
            self.take();
        }
    }

    /// Requests yet to come meet the pods that `workload`, the same traffic, was made for.
    pub(super) fn resize(&mut self, workload: &Workload, index: usize) {
        self.slot = workload.slots()[index];
        self.cpu_s = workload.task_cpu_s(&self.slot);
    }

    /// When the next request arrives; infinite when no more do in this slot.
    #[inline]
    pub(super) fn next(&self) -> f64 {
        self.next
    }

    /// The next request, which there must be.
    #[inline]
    pub(super) fn take(&mut self) -> Request {
        let factor = self.law.sample(&mut self.service);
        let busy_s = factor * self.slot.busy_s;
        let service_s = factor * self.slot.service_s;
        let request = Request {
            arrived: self.next,
            ticket: Ticket::default(),
            taken: self.next,
            cpu_s: factor * self.cpu_s,
            service_s,
            idle_s: service_s - busy_s,
        };
        self.left -= 1;
        self.draw();
        request
    }

    /// Draws the next arrival.
    #[inline]
    fn draw(&mut self) {
        self.next = if self.left == 0 { f64::INFINITY } else { self.course.next(self.left) };
    }
}

/// `mean` as a whole number: the one above with a probability of its fraction, so that the mean is kept.
fn whole(mean: f64, uniform: f64) -> u64 {
    let near = mean.round();
    if (mean - near).abs() <= 1e-6 * near.clamp(1.0, 1e4) { near as u64 } else { (mean + uniform) as u64 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::Settings;
    use crate::sim::settings::{Arrivals, Requests};
    use crate::trace::{Header, Series};

    fn workload(counts: &[f64]) -> Workload {
        let series = Series { function: "f".into(), requests: Some(counts.to_vec()), ..Series::default() };
        let header =
            Header { interval_ms: 60_000, origin_ms: None, source: "t".into(), licence: None, tool: "t".into() };
        Workload::new(&series, &header, &Settings::default()).expect("the load is sane")
    }

    fn spacing(cv: f64) -> Spacing {
        Spacing::new(&Requests { arrival_cv: cv, ..Requests::default() })
    }

    fn times(workload: &Workload, seed: u64, spacing: Spacing, slot: usize) -> Vec<f64> {
        let mut traffic = Traffic::new(workload, seed, spacing);
        traffic.begin(workload, slot, 0.0);
        std::iter::from_fn(|| (traffic.next() < f64::INFINITY).then(|| traffic.take().arrived)).collect()
    }

    #[test]
    fn a_slot_has_as_many_requests_as_were_recorded_whatever_their_spacing() {
        let workload = workload(&[0.0, 1.0, 977.0]);
        let of =
            |arrivals| Spacing::new(&Requests { arrivals: Some(arrivals), arrival_cv: 3.0, ..Requests::default() });
        let all = [0.0, 0.5, 1.0, 3.0].map(spacing).into_iter().chain([Arrivals::H2, Arrivals::Mmpp].map(of));
        for spacing in all {
            for (slot, count) in [(0, 0), (1, 1), (2, 977)] {
                let times = times(&workload, 3, spacing, slot);
                assert_eq!(times.len(), count, "{spacing:?}");
                assert!(times.windows(2).all(|pair| pair[0] <= pair[1]));
                let (from, end) = (60.0 * slot as f64, 60.0 * (slot + 1) as f64);
                assert!(times.iter().all(|&at| (from..=end).contains(&at)), "{spacing:?}");
            }
        }
    }

    #[test]
    fn fractions_of_a_request_arrive_in_the_mean() {
        let workload = workload(&vec![2.25; 4000]);
        let mut traffic = Traffic::new(&workload, 5, spacing(1.0));
        let mut count = 0;
        for slot in 0..4000 {
            traffic.begin(&workload, slot, 0.0);
            count += traffic.left;
        }
        // 4 standard deviations of a sum of Bernoulli draws.
        assert!((count as f64 - 9000.0).abs() < 4.0 * (4000.0_f64 * 0.25 * 0.75).sqrt(), "{count}");
    }

    #[test]
    fn uniform_points_pass_a_test_of_kolmogorov_and_smirnov_and_distances_vary_as_asked() {
        let workload = workload(&[40_000.0]);
        let poisson = times(&workload, 11, spacing(1.0), 0);
        let n = poisson.len() as f64;
        let distance = poisson
            .iter()
            .enumerate()
            .map(|(i, at)| (at / 60.0 - i as f64 / n).abs().max((at / 60.0 - (i + 1) as f64 / n).abs()))
            .fold(0.0, f64::max);
        assert!(distance < 1.63 / n.sqrt(), "the 1 % point: {distance}");
        for cv in [0.0, 0.5, 1.0, 2.0, 4.0] {
            let times = times(&workload, 11, spacing(cv), 0);
            let steps: Vec<f64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
            let mean = steps.iter().sum::<f64>() / steps.len() as f64;
            let variance = steps.iter().map(|step| (step - mean).powi(2)).sum::<f64>() / steps.len() as f64;
            assert!((variance.sqrt() / mean - cv).abs() < 0.05 * cv + 1e-6, "cv {cv}: {}", variance.sqrt() / mean);
        }
    }

    #[test]
    fn a_window_that_starts_within_a_slot_meets_the_same_requests() {
        let workload = workload(&[600.0]);
        let all = times(&workload, 7, spacing(1.0), 0);
        let mut traffic = Traffic::new(&workload, 7, spacing(1.0));
        traffic.begin(&workload, 0, 30.0);
        let first = traffic.take();
        assert_eq!(Some(first.arrived), all.into_iter().find(|&at| at >= 30.0));
    }
}
