//! From expected rates to what a monitor would have recorded, consistent slot by slot.

use rand::Rng;
use rand_distr::{Distribution, Gamma, Poisson};

use crate::trace::Series;
use crate::trace::synth::Recipe;

impl Recipe {
    /// Draws the series of a function from its expected rates in requests per second.
    ///
    /// With `n` requests in a slot of `T` seconds, drawn from Poisson(rate × T), their CPU times add up to
    /// Gamma(n / cv², mean · cv²) ms, as if each were Gamma with that mean and coefficient of variation. The mean
    /// duration is CPU time per request over the computing share, and missing where there is no request. In flight, by
    /// Little's law, are n × duration / T.
    pub(super) fn record(&self, function: String, rates: &[f64], rng: &mut impl Rng) -> Series {
        let seconds = self.interval.as_secs_f64();
        let slots = rates.len();
        let empty = || Vec::with_capacity(slots);
        let (mut requests, mut cpu, mut memory, mut duration) = (empty(), empty(), empty(), empty());
        for &rate in rates {
            let count = poisson(rate * seconds, rng);
            let busy_ms = self.busy_ms(count, rng);
            let mean_ms = if count > 0.0 { busy_ms / count / self.cpu_share } else { f64::NAN };
            let in_flight = if count > 0.0 { count * mean_ms / 1000.0 / seconds } else { 0.0 };
            requests.push(count);
            cpu.push(round_to(busy_ms / seconds, 0.01));
            memory.push(round_to(self.memory_base + in_flight * self.memory_per_request, 4096.0));
            duration.push(round_to(mean_ms, 0.01));
        }
        Series {
            function,
            requests: Some(requests),
            cpu_millicores: Some(cpu),
            memory_bytes: Some(memory),
            duration_ms: Some(duration),
            ..Series::default()
        }
    }

    /// CPU time of `count` requests together, in milliseconds.
    fn busy_ms(&self, count: f64, rng: &mut impl Rng) -> f64 {
        let variance = self.cv * self.cv;
        Gamma::new(count / variance, self.cpu_ms * variance).map_or(0.0, |law| law.sample(rng))
    }
}

fn poisson(mean: f64, rng: &mut impl Rng) -> f64 {
    Poisson::new(mean).map_or(0.0, |law| law.sample(rng))
}

/// Rounded, as monitors do; it also makes files small.
fn round_to(value: f64, step: f64) -> f64 {
    (value / step).round() * step
}
