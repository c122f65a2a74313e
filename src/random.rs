//! All randomness: one ChaCha8 stream per (seed, purpose, index).
//!
//! A new draw in one place shifts nothing elsewhere, and two policies on one seed meet the same arrivals, start-up
//! delays and noise (common random numbers). No other generator is used anywhere.

use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;

/// What a stream is for. The number is part of the key, so it never changes once released.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u64)]
pub enum Purpose {
    /// Start-up delay of the index-th pod of a run.
    PodStart = 1,
    /// Phases of scrapes and syncs, and noise of the metrics path.
    Metrics = 2,
    /// Arrivals of a run.
    Arrivals = 3,
    /// Service times of a run.
    Service = 4,
    /// Synthesis of the index-th function of a trace.
    Synth = 5,
    /// Initial weights of the index-th tensor.
    Weights = 6,
    /// Actions sampled by the index-th environment.
    Actions = 7,
    /// Episodes (trace, start, randomisation) of the index-th environment.
    Episodes = 8,
    /// Shuffling of the index-th epoch.
    Shuffle = 9,
    /// Resampling in statistics.
    Bootstrap = 10,
    /// Candidates of a search.
    Search = 11,
    /// Faults: crashes, missing metrics.
    Faults = 12,
    /// Choices of a load balancer.
    Balancing = 13,
    /// How long containers of the index-th pod of a run live before they crash.
    Crashes = 14,
    /// Back-off of clients that send requests again.
    Retries = 15,
    /// Bursts of arrivals in the index-th slot.
    Bursts = 16,
    /// Speed of the index-th pod of a run.
    PodSpeed = 17,
    /// Settings of the index-th trial of a sweep.
    Sweep = 31,
    /// Rollouts of a safety critic; the index is of the part of time and the episode.
    Safety = 32,
    /// Rows and features of the index-th tree of a forest.
    Forest = 33,
    /// Episodes and noise of counterfactuals.
    Counterfactual = 34,
    /// Choice of the functions that are held out.
    HoldOut = 20,
}

/// The stream of `(seed, purpose, index)`. Streams of different keys are independent; equal keys give equal streams.
#[must_use]
pub fn stream(seed: u64, purpose: Purpose, index: u64) -> ChaCha8Rng {
    let mut key = [0_u8; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    key[8..16].copy_from_slice(&(purpose as u64).to_le_bytes());
    key[16..24].copy_from_slice(b"hpatune\0");
    let mut rng = ChaCha8Rng::from_seed(key);
    rng.set_stream(index);
    rng
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::RngExt;

    #[test]
    fn equal_keys_give_equal_streams_and_others_differ() {
        let draw = |seed, purpose, index| stream(seed, purpose, index).random::<u64>();
        assert_eq!(draw(1, Purpose::PodStart, 0), draw(1, Purpose::PodStart, 0));
        assert_ne!(draw(1, Purpose::PodStart, 0), draw(1, Purpose::PodStart, 1));
        assert_ne!(draw(1, Purpose::PodStart, 0), draw(1, Purpose::Metrics, 0));
        assert_ne!(draw(1, Purpose::PodStart, 0), draw(2, Purpose::PodStart, 0));
    }
}
