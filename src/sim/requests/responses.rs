//! Response times of single requests, in bounded memory: counts in bins that are linear within each octave.

use crate::sim::latency::Histogram;

/// Bins in an octave, as a power of two: a bin is at most 1/128 of its lower edge wide.
pub(super) const BITS: u32 = 7;
/// Octaves from the least response time told apart, 2⁻²⁰ s, to 2²⁸ s.
const OCTAVES: u32 = 48;
/// Exponent of that least time, as a double holds it.
const FIRST: u64 = 1023 - 20;

/// Counts by response time.
#[derive(Debug, Clone)]
pub(super) struct Responses {
    counts: Vec<u64>,
    /// Their sum in seconds.
    pub(super) sum: f64,
}

impl Responses {
    pub(super) fn new() -> Self {
        Self { counts: vec![0; (OCTAVES << BITS) as usize], sum: 0.0 }
    }

    /// Counts a response time: the bin is the exponent and the first bits of the fraction, as a double holds them.
    #[inline]
    pub(super) fn record(&mut self, seconds: f64) {
        self.sum += seconds;
        let bits = seconds.max(0.0).to_bits() >> (52 - BITS);
        let bin = bits.saturating_sub(FIRST << BITS) as usize;
        let last = self.counts.len() - 1;
        self.counts[bin.min(last)] += 1;
    }

    /// The distribution, each count worth `weight` requests.
    pub(super) fn histogram(&self, weight: f64) -> Histogram {
        let least = f64::from_bits(FIRST << 52);
        let bins = self.counts.iter().map(|&count| count as f64 * weight).collect();
        Histogram::linear(bins, least, f64::from(1_u32 << BITS), self.sum * weight)
    }
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
    fn times_beyond_the_bins_are_counted_at_their_ends() {
        let mut responses = Responses::new();
        for time in [0.0, 1e-12, 1e12] {
            responses.record(time);
        }
        let histogram = responses.histogram(1.0);
        assert!(histogram.quantile(0.5) < 2e-6 && histogram.quantile(1.0) > 2e8);
    }
}
