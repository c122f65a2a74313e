//! Response times of single requests, and slowdowns, in bounded memory: counts in bins that are linear within each octave.

use crate::sim::latency::Histogram;

/// Bins in an octave, as a power of two: a bin is at most 1/128 of its lower edge wide.
pub(super) const BITS: u32 = 7;
/// Octaves from the least response time told apart, 2⁻²⁰ s, to 2²⁸ s.
const OCTAVES: u32 = 48;
/// Exponent of that least time, as a double holds it.
const FIRST: u64 = 1023 - 20;

/// All bins.
const BINS: usize = (OCTAVES << BITS) as usize;

/// Counts by response time.
#[derive(Debug, Clone)]
pub(super) struct Responses {
    counts: Vec<u64>,
    /// Their sum in seconds.
    pub(super) sum: f64,
    interval: Option<Interval>,
}

/// Counts of an interval, and which bins it has hit, so that an interval costs what it holds.
#[derive(Debug, Clone)]
struct Interval {
    counts: Vec<u32>,
    hit: Vec<u16>,
}

impl Responses {
    pub(super) fn new() -> Self {
        Self { counts: vec![0; BINS], sum: 0.0, interval: None }
    }

    /// Counts intervals too from here on; the first begins now.
    pub(super) fn count_intervals(&mut self) {
        self.interval = Some(Interval { counts: vec![0; BINS], hit: Vec::new() });
    }

    /// Response times in seconds that these shares of the requests do not exceed which were recorded since the last call;
    /// NaN without any, or where intervals are not counted.
    pub(super) fn end_interval<const N: usize>(&mut self, shares: [f64; N]) -> [f64; N] {
        let Some(interval) = &mut self.interval else { return [f64::NAN; N] };
        interval.hit.sort_unstable();
        let total: f64 = interval.hit.iter().map(|&bin| f64::from(interval.counts[bin as usize])).sum();
        let quantile = |share: f64| {
            let mut rest = share * total;
            for &bin in &interval.hit {
                let count = f64::from(interval.counts[bin as usize]);
                if rest <= count {
                    return edge(f64::from(bin) + rest / count);
                }
                rest -= count;
            }
            f64::NAN
        };
        let found = shares.map(quantile);
        for bin in interval.hit.drain(..) {
            interval.counts[bin as usize] = 0;
        }
        found
    }

    /// Counts a response time: the bin is the exponent and the first bits of the fraction, as a double holds them.
    #[inline]
    pub(super) fn record(&mut self, seconds: f64) {
        self.sum += seconds;
        let bits = seconds.max(0.0).to_bits() >> (52 - BITS);
        let bin = bits.saturating_sub(FIRST << BITS) as usize;
        let bin = bin.min(BINS - 1);
        self.counts[bin] += 1;
        if let Some(interval) = &mut self.interval {
            if interval.counts[bin] == 0 {
                interval.hit.push(bin as u16);
            }
            interval.counts[bin] = interval.counts[bin].saturating_add(1);
        }
    }

    /// How many were recorded.
    pub(super) fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The distribution, each count worth `weight` requests.
    pub(super) fn histogram(&self, weight: f64) -> Histogram {
        let least = f64::from_bits(FIRST << 52);
        let bins = self.counts.iter().map(|&count| count as f64 * weight).collect();
        Histogram::linear(bins, least, f64::from(1_u32 << BITS), self.sum * weight)
    }
}

/// The time in seconds at a position, counted in bins.
fn edge(position: f64) -> f64 {
    let per_octave = f64::from(1_u32 << BITS);
    let octave = (position / per_octave).floor();
    f64::from_bits(FIRST << 52) * octave.exp2() * (1.0 + (position - octave * per_octave) / per_octave)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_within_a_128th_of_the_exact_ones() {
        let mut responses = Responses::new();
        let mut times: Vec<f64> = (1..=100_000).map(|i| 1e-4 * (f64::from(i) / 7000.0).exp()).collect();
        for &time in &times {
            responses.record(time);
        }
        times.sort_by(f64::total_cmp);
        let histogram = responses.histogram(1.0);
        for share in [0.01, 0.5, 0.9, 0.95, 0.99, 0.999] {
            let exact = times[(share * 1e5) as usize - 1];
            assert!((histogram.quantile(share) / exact - 1.0).abs() < 1.0 / 128.0, "{share}");
        }
        let mean = times.iter().sum::<f64>() / 1e5;
        assert!((histogram.latency(1e5).mean / (1e3 * mean) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn an_interval_has_the_percentiles_of_its_own_requests() {
        let mut responses = Responses::new();
        responses.record(50.0);
        assert!(responses.end_interval([0.5])[0].is_nan(), "intervals are not counted yet");
        responses.count_intervals();
        for scale in [1.0, 10.0] {
            (1..=1000).for_each(|i| responses.record(scale * f64::from(i)));
            let found = responses.end_interval([0.5, 0.95, 1.0]);
            for (found, exact) in found.into_iter().zip([500.0, 950.0, 1000.0]) {
                assert!((found / (scale * exact) - 1.0).abs() < 1.0 / 128.0, "{found} for {}", scale * exact);
            }
        }
        assert!(responses.end_interval([0.5])[0].is_nan(), "nothing since");
        assert!((responses.histogram(1.0).quantile(1.0) / 1e4 - 1.0).abs() < 1.0 / 128.0);
    }

    #[test]
    fn times_beyond_the_bins_are_counted_at_their_ends() {
        let mut responses = Responses::new();
        for time in [0.0, 1e-12, 1e12] {
            responses.record(time);
        }
        let histogram = responses.histogram(1.0);
        assert!(histogram.quantile(0.5) < 2e-6 && histogram.quantile(1.0) > 2e8);
    }
}
