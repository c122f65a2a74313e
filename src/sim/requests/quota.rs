//! CPU bandwidth control: what Linux' CFS lets a pod compute in each period.
//!
//! In each period of 100 ms a pod may use its CPU limit times the period, as fast as its threads can, a core each; then
//! it is throttled until the period ends. So a short request computes at full speed whatever the limit. With `k` threads
//! all of this is piecewise linear, so no event is needed at the ends of periods.
//!
//! Source: Linux, `Documentation/scheduler/sched-bwc.rst`. Left out: slices of the quota per CPU, and bursts.

/// Length of a period in seconds, Kubernetes' `--cpu-cfs-quota-period`.
const PERIOD: f64 = 0.1;

/// What is left of a period's quota.
#[derive(Debug, Clone, Copy)]
pub(super) struct Quota {
    /// CPU-seconds in each period, and those left of the current one.
    each: f64,
    left: f64,
    /// When the current period ends.
    end: f64,
}

impl Quota {
    /// The quota of a pod of `limit` cores, at `now`.
    pub(super) fn new(limit: f64, now: f64) -> Self {
        let each = limit * PERIOD;
        Self { each, left: each, end: Self::end_after(now) }
    }

    /// Another limit; what is left of the current period is cut to it.
    pub(super) fn set_limit(&mut self, limit: f64) {
        self.each = limit * PERIOD;
        self.left = self.left.min(self.each);
    }

    fn end_after(now: f64) -> f64 {
        ((now / PERIOD).floor() + 1.0) * PERIOD
    }

    /// The state at `now`, which lies in the current period or after it, before any use since its end.
    fn at(self, now: f64) -> Self {
        if now < self.end { self } else { Self { left: self.each, end: Self::end_after(now), ..self } }
    }

    /// CPU-seconds that `threads` threads get between two points in time.
    pub(super) fn deliver(&mut self, from: f64, to: f64, threads: f64) -> f64 {
        *self = self.at(from);
        let first = self.left.min(threads * (to.min(self.end) - from).max(0.0));
        self.left -= first;
        if to < self.end {
            return first;
        }
        let periods = ((to - self.end) / PERIOD).floor();
        let start = self.end + periods * PERIOD;
        let last = self.each.min(threads * (to - start).max(0.0));
        (self.left, self.end) = (self.each - last, start + PERIOD);
        first + periods * self.each.min(threads * PERIOD) + last
    }

    /// When `threads` threads will have got `cpu_s` CPU-seconds from `from` on.
    pub(super) fn when(&self, from: f64, threads: f64, cpu_s: f64) -> f64 {
        let now = self.at(from);
        let first = now.left.min(threads * (now.end - from));
        if cpu_s <= first || threads * PERIOD <= self.each {
            return from + cpu_s / threads;
        }
        let rest = cpu_s - first;
        let periods = ((rest / self.each).ceil() - 1.0).max(0.0);
        now.end + periods * PERIOD + (rest - periods * self.each) / threads
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_takes_as_long_as_the_kernels_rule_says() {
        // Half a core, from the start of a period: m = ceil(S/q) − 1 whole periods and S − m·q more.
        let quota = Quota::new(0.5, 0.0);
        for (cpu_s, wall_s) in [(0.04, 0.04), (0.05, 0.05), (0.06, 0.11), (0.1, 0.15), (1.0, 1.95)] {
            assert!((quota.when(0.0, 1.0, cpu_s) - wall_s).abs() < 1e-12, "{cpu_s}: {}", quota.when(0.0, 1.0, cpu_s));
        }
        // Four threads exhaust it four times as fast.
        assert!((quota.when(0.0, 4.0, 0.06) - (0.1 + 0.0025)).abs() < 1e-12);
        assert!((Quota::new(4.0, 0.0).when(0.03, 2.0, 1.0) - 0.53).abs() < 1e-12, "never throttled");
    }

    #[test]
    fn what_is_delivered_is_what_a_tick_by_tick_count_finds() {
        for (limit, threads) in [(0.5, 1.0), (0.5, 3.0), (1.3, 2.0), (2.5, 2.0)] {
            let (mut quota, mut got) = (Quota::new(limit, 0.0), 0.0);
            for (from, to) in [(0.0, 0.013), (0.013, 0.07), (0.07, 0.31), (0.31, 0.355), (0.355, 1.234)] {
                let until = quota;
                let delivered = quota.deliver(from, to, threads);
                if delivered > 1e-9 {
                    let when = until.when(from, threads, delivered);
                    assert!(when <= to + 1e-9, "{limit} {threads}: {when} for {to}");
                }
                got += delivered;
            }
            let (mut ticked, mut left) = (0.0, 0.0);
            for tick in 0..123_400 {
                if tick % 10_000 == 0 {
                    left = limit * 0.1;
                }
                let step = f64::min(left, threads * 1e-5);
                left -= step;
                ticked += step;
            }
            assert!((got - ticked).abs() < 1e-3, "{limit} {threads}: {got} for {ticked}");
        }
    }
}
