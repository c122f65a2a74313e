//! The mean of a metric over a sliding window of one-second buckets, as Knative's autoscaler forms it.
//!
//! Source: knative/serving `pkg/autoscaler/aggregation/bucketing.go`.

/// Sums by second over the last `buckets.len()` seconds.
#[derive(Debug, Clone)]
pub struct Window {
    buckets: Vec<f64>,
    total: f64,
    /// The first second since the last gap as long as the window, and the last second with a value.
    written: Option<(i64, i64)>,
}

impl Window {
    /// A window of so many seconds, 1 or more.
    #[must_use]
    pub fn new(seconds: usize) -> Self {
        Self { buckets: vec![0.0; seconds.max(1)], total: 0.0, written: None }
    }

    fn bucket(&self, second: i64) -> usize {
        second.rem_euclid(self.buckets.len() as i64) as usize
    }

    fn length(&self) -> i64 {
        self.buckets.len() as i64
    }

    /// Adds a value to a second. Values of one second add up; seconds in between count as 0.
    pub fn record(&mut self, second: i64, value: f64) {
        let (first, last) = match self.written {
            Some((first, last)) if second - last < self.length() => (first, last.max(second)),
            _ => {
                self.buckets.fill(0.0);
                self.total = 0.0;
                (second, second)
            }
        };
        for passed in self.written.map_or(second, |it| it.1) + 1..=second {
            let bucket = self.bucket(passed);
            self.total -= std::mem::take(&mut self.buckets[bucket]);
        }
        let bucket = self.bucket(second);
        self.buckets[bucket] += value;
        self.total += value;
        self.written = Some((first, last));
    }

    /// The mean as of a second, over the seconds that values cover: since the first one at the most, and without those
    /// that have passed since the last. 0 when the window holds no value any more. Rounded to six digits.
    #[must_use]
    pub fn average(&self, second: i64) -> f64 {
        let Some((first, last)) = self.written else { return 0.0 };
        let passed = (second - last).max(0);
        if passed >= self.length() {
            return 0.0;
        }
        let outdated: f64 = (last + 1..=last + passed).map(|at| self.buckets[self.bucket(at)]).sum();
        let covered = (self.length() - passed).min(last - first + 1);
        ((self.total - outdated) / covered as f64 * 1e6).round() / 1e6
    }

    /// The exponentially weighted sum as of a second, over the seconds up to the last value: the newest weighs `m`, the one
    /// before `m (1 − m)`, and so on; seconds that have passed since shorten the window from its far end. 0 when the
    /// window holds no value any more.
    /// ```text
    /// m = max(0.2, 1 − (1 − 0.9999)^(1/buckets))
    /// ```
    #[must_use]
    pub fn weighted(&self, second: i64) -> f64 {
        let Some((_, last)) = self.written else { return 0.0 };
        let passed = (second - last).max(0);
        let newest = (1.0 - (1.0 - 0.9999_f64).powf(1.0 / self.length() as f64)).max(0.2);
        let weighted = (0..self.length() - passed).scan(newest, |weight, back| {
            let value = self.buckets[self.bucket(last - back)] * *weight;
            *weight *= 1.0 - newest;
            Some(value)
        });
        weighted.sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(seconds: usize, values: &[(i64, f64)]) -> Window {
        let mut window = Window::new(seconds);
        for &(second, value) in values {
            window.record(second, value);
        }
        window
    }

    fn close(window: &Window, second: i64, expected: f64) {
        assert!((window.average(second) - expected).abs() < 1e-9, "{} at {second}", window.average(second));
    }

    #[test]
    fn a_window_that_is_not_full_counts_the_seconds_since_its_first_value() {
        close(&filled(60, &[(0, 10.0)]), 0, 10.0);
        close(&filled(60, &[(0, 10.0), (1, 20.0)]), 1, 15.0);
        close(&filled(60, &[(0, 10.0), (3, 20.0)]), 3, 7.5);
    }

    #[test]
    fn a_full_window_forgets_what_lies_before_it() {
        let window = filled(5, &[(0, 100.0), (1, 5.0), (2, 5.0), (3, 5.0), (4, 5.0), (5, 10.0)]);
        close(&window, 5, 6.0);
    }

    #[test]
    fn when_values_stop_what_grows_old_is_left_out_of_sum_and_divisor() {
        let window = filled(5, &[(0, 1.0), (1, 2.0), (2, 3.0), (3, 4.0), (4, 5.0)]);
        close(&window, 4, 3.0);
        close(&window, 5, 3.5);
        close(&window, 7, 4.5);
        close(&window, 8, 5.0);
        close(&window, 9, 0.0);
    }

    #[test]
    fn exponential_weights_fall_by_a_fifth_or_faster() {
        let near = |window: &Window, second: i64, expected: f64| {
            assert!((window.weighted(second) - expected).abs() < 1e-9, "{} at {second}", window.weighted(second));
        };
        // 60 buckets: 1 − 0.0001^(1/60) = 0.142, so the least weight of 0.2 holds.
        let window = filled(60, &[(0, 10.0), (1, 20.0)]);
        near(&window, 1, 0.2 * 20.0 + 0.2 * 0.8 * 10.0);
        near(&window, 30, 0.2 * 20.0 + 0.2 * 0.8 * 10.0);
        near(&window, 61, 0.0);
        // 6 buckets: m = 1 − 0.0001^(1/6) = 0.784556531…
        let newest = 0.784_556_530_996_812_f64;
        let window = filled(6, &[(0, 10.0), (2, 30.0)]);
        near(&window, 2, newest * 30.0 + newest * (1.0 - newest).powi(2) * 10.0);
        // Four seconds later only two buckets are left, of which one has a value.
        near(&window, 6, newest * 30.0);
    }

    #[test]
    fn after_a_gap_as_long_as_the_window_it_begins_anew() {
        close(&filled(5, &[(0, 50.0), (1, 50.0), (6, 8.0)]), 6, 8.0);
        close(&filled(5, &[(0, 50.0), (1, 50.0), (5, 8.0)]), 5, (50.0 + 8.0) / 5.0);
    }
}
