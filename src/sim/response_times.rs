//! Response times as they are at an instant: what a monitoring system would show, without waiting for the end of a run.

use super::law::{ServiceLaw, normal_quantile};
use super::queue::Wait;

/// Answers that are kept to take percentiles of, at the request level.
const KEPT: usize = 512;

/// Steps of the search for a percentile: enough for a thousandth.
const STEPS: usize = 24;

/// Response times as they are now.
#[derive(Debug, Clone, Copy)]
pub enum ResponseTimes<'a> {
    /// Of requests that arrive now, at the fluid level.
    Expected(Expected<'a>),
    /// Of the last answers, up to 512, in seconds and in no order, at the request level.
    Recent(&'a [f32]),
}

/// What the fluid level knows of a request that arrives now.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// Mean response time without any wait, in seconds.
    pub(super) service_s: f64,
    /// How old the oldest waiting request is, in seconds.
    pub(super) age_s: f64,
    /// The wait in steady state.
    pub(super) wait: Wait,
    /// The law of service times.
    pub(super) law: &'a ServiceLaw,
}

impl ResponseTimes<'_> {
    /// The response time in seconds that a share of the requests, above 0 and below 1, does not exceed; 0 where nothing
    /// was answered yet.
    #[must_use]
    pub fn quantile(&self, share: f64) -> f64 {
        match self {
            Self::Expected(expected) => expected.quantile(share),
            Self::Recent(times) => {
                let mut sorted = times.to_vec();
                sorted.sort_unstable_by(f32::total_cmp);
                let at = (share * sorted.len() as f64) as usize;
                sorted.get(at.min(sorted.len().saturating_sub(1))).map_or(0.0, |&time| f64::from(time))
            }
        }
    }

    /// The mean response time in seconds; 0 where nothing was answered yet.
    #[must_use]
    pub fn mean(&self) -> f64 {
        match self {
            Self::Expected(it) => it.service_s + it.wait.mean() + it.age_s,
            Self::Recent([]) => 0.0,
            Self::Recent(times) => times.iter().copied().map(f64::from).sum::<f64>() / times.len() as f64,
        }
    }
}

impl Expected<'_> {
    /// ```text
    /// P(T ≤ t) = Σ_f share(f) · P(W_f ≤ t − S·f),   f the classes of size
    /// ```
    /// Without a wait it is the service law's own; behind a backlog its age comes on top, or, where requests share pods,
    /// stretches with their size.
    fn quantile(&self, share: f64) -> f64 {
        let unhindered = self.law.quantile(share);
        if self.age_s > 0.0 && self.wait.shared {
            return (self.age_s + self.service_s) * unhindered;
        }
        if self.age_s > 0.0 || self.wait.probability < 1e-4 {
            return self.age_s + self.service_s * unhindered;
        }
        let below = |time: f64| {
            let class = |point: &super::law::Point| {
                point.share * (1.0 - self.wait.of_size(point.factor).beyond(time - self.service_s * point.factor))
            };
            self.law.points().iter().map(class).sum::<f64>()
        };
        let mut most = self.service_s * unhindered + 1.0 / self.wait.rate;
        while below(most) < share && most < 1e9 {
            most *= 2.0;
        }
        let (mut low, mut high) = (0.0, most);
        for _ in 0..STEPS {
            let middle = f64::midpoint(low, high);
            if below(middle) < share { low = middle } else { high = middle }
        }
        high
    }
}

impl ServiceLaw {
    /// The multiple of the mean that a share of service times, above 0 and below 1, does not exceed.
    #[must_use]
    pub fn quantile(&self, share: f64) -> f64 {
        let sigma = self.sigma();
        (sigma * (normal_quantile(share) - 0.5 * sigma)).exp()
    }
}

/// The last response times of single requests; counts none until asked to.
#[derive(Debug, Clone, Default)]
pub(super) struct Recent {
    times: Vec<f32>,
    next: usize,
    counts: bool,
}

impl Recent {
    /// Counts from here on.
    pub(super) fn count(&mut self) {
        self.counts = true;
    }

    /// Takes over from the oldest one once there are as many as are kept.
    #[inline]
    pub(super) fn record(&mut self, seconds: f64) {
        if !self.counts {
            return;
        }
        if self.times.len() < KEPT {
            self.times.push(seconds as f32);
        } else {
            self.times[self.next] = seconds as f32;
            self.next = (self.next + 1) % KEPT;
        }
    }

    /// The times, in no order.
    pub(super) fn times(&self) -> &[f32] {
        &self.times
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expected(law: &ServiceLaw, wait: Wait, age_s: f64) -> ResponseTimes<'_> {
        ResponseTimes::Expected(Expected { service_s: 0.2, age_s, wait, law })
    }

    #[test]
    fn without_a_wait_percentiles_are_those_of_the_service_law() {
        let law = ServiceLaw::new(1.0);
        for share in [0.1, 0.5, 0.9, 0.99] {
            let time = expected(&law, Wait::NONE, 0.0).quantile(share);
            assert!((law.cdf(time / 0.2) - share).abs() < 1e-6, "{share}");
            assert!((expected(&law, Wait::NONE, 3.0).quantile(share) - time - 3.0).abs() < 1e-12, "behind a backlog");
        }
    }

    #[test]
    fn percentiles_of_exponential_waits_are_those_of_the_law() {
        let law = ServiceLaw::new(0.0);
        let wait = Wait { probability: 0.5, rate: 2.0, shared: false };
        // Half wait, exponentially with a mean of half a second: the 99th percentile is 0.2 + ln(50)/2.
        let time = expected(&law, wait, 0.0).quantile(0.99);
        assert!((time - 0.2 - 50.0_f64.ln() / 2.0).abs() < 1e-3, "{time}");
        assert!((expected(&law, wait, 0.0).mean() - 0.45).abs() < 1e-12);
    }

    #[test]
    fn the_last_answers_are_kept_and_older_ones_forgotten() {
        let mut recent = Recent::default();
        recent.record(9.0);
        assert!(recent.times().is_empty(), "nobody asked");
        recent.count();
        (0..KEPT * 3).for_each(|i| recent.record(i as f64));
        let times = ResponseTimes::Recent(recent.times());
        assert!((times.quantile(0.5) - (2.5 * KEPT as f64)).abs() <= 1.0, "{}", times.quantile(0.5));
        assert!((ResponseTimes::Recent(&[]).quantile(0.5)).abs() < 1e-12 && ResponseTimes::Recent(&[]).mean() == 0.0);
    }
}
