//! How long a decision of a learned policy takes. It is told on standard error and kept nowhere: a clock in results would
//! end that equal runs give equal bytes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::report::number::significant;
use crate::sim::{Decisions, Patch, Telemetry, Tuner};
use crate::units::SimTime;

/// The time that all decisions of a policy took, which is told when nobody flies it any more.
#[derive(Debug)]
pub(super) struct Pace {
    policy: String,
    nanoseconds: AtomicU64,
    decisions: AtomicU64,
}

impl Pace {
    /// Nothing yet.
    pub(super) fn of(policy: &str) -> Arc<Self> {
        Arc::new(Self { policy: policy.to_owned(), nanoseconds: AtomicU64::new(0), decisions: AtomicU64::new(0) })
    }

    /// In words; `None` of no decisions.
    fn told(&self) -> Option<String> {
        let decisions = self.decisions.load(Ordering::Relaxed);
        let microseconds = self.nanoseconds.load(Ordering::Relaxed) as f64 / 1000.0 / decisions as f64;
        (decisions > 0).then(|| format!("one decision of {} takes {} µs", self.policy, significant(microseconds, 2)))
    }
}

impl Drop for Pace {
    fn drop(&mut self) {
        if let Some(line) = self.told() {
            tracing::info!("{line}");
        }
    }
}

/// A tuner whose decisions are timed.
pub(super) struct Timed {
    tuner: Box<dyn Tuner>,
    spent: Duration,
    decisions: u64,
    pace: Arc<Pace>,
}

impl Timed {
    pub(super) fn new(tuner: Box<dyn Tuner>, pace: &Arc<Pace>) -> Self {
        Self { tuner, spent: Duration::ZERO, decisions: 0, pace: Arc::clone(pace) }
    }
}

impl Tuner for Timed {
    fn interval(&self) -> Duration {
        self.tuner.interval()
    }

    fn decide(&mut self, now: SimTime, telemetry: &Telemetry<'_>) -> Patch {
        let before = clock();
        let patch = self.tuner.decide(now, telemetry);
        self.spent += before.elapsed();
        self.decisions += 1;
        patch
    }

    fn decisions(&self) -> Decisions {
        self.tuner.decisions()
    }
}

impl Drop for Timed {
    fn drop(&mut self) {
        self.pace.nanoseconds.fetch_add(self.spent.as_nanos() as u64, Ordering::Relaxed);
        self.pace.decisions.fetch_add(self.decisions, Ordering::Relaxed);
    }
}

#[allow(clippy::disallowed_methods, reason = "it is told and not kept")]
fn clock() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_over_all_decisions_is_told() {
        let pace = Pace::of("policy");
        assert_eq!(pace.told(), None, "nobody flew");
        for (spent, decisions) in [(9000, 3), (500, 2)] {
            pace.nanoseconds.fetch_add(spent, Ordering::Relaxed);
            pace.decisions.fetch_add(decisions, Ordering::Relaxed);
        }
        assert_eq!(pace.told().as_deref(), Some("one decision of policy takes 1.9 µs"));
    }
}
