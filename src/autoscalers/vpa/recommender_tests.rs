//! Figures of an independent computation, and rules worked by hand.

use super::*;

fn minutes(minutes: i64) -> SimTime {
    SimTime::from_secs(60 * minutes)
}

/// A day and a half of a wave between 100 and 400 millicores and 300 and 420 MB on one pod.
fn day_and_a_half() -> Recommender {
    let mut recommender = Recommender::default();
    for minute in 0..2160 {
        let milli = 100 + (minute * 37) % 301;
        recommender.cpu(minutes(minute), milli as u64, 1);
        recommender.memory(minutes(minute), 300_000_000 + 1_000_000 * ((minute * 7) % 121) as u64);
    }
    recommender
}

/// Computed once in plain Python, with dictionaries for buckets and without a moving reference:
/// ```python
/// import math
/// def start(first, k): return first * (1.05 ** k - 1) / 0.05 if k else 0.0
/// def bucket(first, v): return 0 if v < first else int(math.log(v * 0.05 / first + 1) / math.log(1.05))
/// def percentile(first, samples, share):
///     weights = {}
///     for value, weight in samples:
///         b = bucket(first, value)
///         weights[b] = weights.get(b, 0) + weight
///     total, sum = math.fsum(weights.values()), 0.0
///     for b in sorted(weights):
///         sum += weights[b]
///         if sum >= share * total: break
///     return start(first, b + 1)
/// cpu = [((100 + (m * 37) % 301) / 1000, 0.1 * 2 ** (m / 1440)) for m in range(2160)]
/// mem = [300_000_000 + 1_000_000 * ((m * 7) % 121) for m in range(2160)]
/// peaks = [(max(mem[:1440]), 2.0 ** 1), (max(mem[1440:]), 2.0 ** 2)]
/// c = min(2159 / 1440, 2160 / 1440)
/// for share, factor in [(0.9, 1), (0.5, (1 + 0.001 / c) ** -2), (0.95, 1 + 1 / c)]:
///     row = []
///     for first, samples, unit, least in [(0.01, cpu, 1000, 25), (1e7, peaks, 1, 250 << 20)]:
///         base = int(percentile(first, samples, share) * unit)
///         row.append(max(int((base + int(base * 0.15)) * factor), least))
///     print(row)
/// ```
#[test]
fn bounds_and_target_are_those_of_an_independent_computation() {
    let found = day_and_a_half().recommend().unwrap();
    let pair = |it: Resources| (it.cpu, it.memory);
    assert_eq!(pair(found.target), (442, 511_772_986));
    assert_eq!(pair(found.lower), (295, 511_090_988));
    assert_eq!(pair(found.upper), (736, 853_113_004));
}

#[test]
fn nothing_is_recommended_before_a_sample_and_never_less_than_the_floor() {
    let mut recommender = Recommender::default();
    assert_eq!(recommender.recommend(), None);
    recommender.cpu(minutes(0), 1, 1);
    recommender.memory(minutes(0), 20_000_000);
    let found = recommender.recommend().unwrap();
    assert_eq!((found.target, found.lower), (LEAST, LEAST));
    assert_eq!(found.upper.cpu, MOST as u64, "without any past every request is within the upper bound");
}

#[test]
fn confidence_is_of_days_or_of_samples_whichever_is_less() {
    let mut recommender = Recommender::default();
    (0..=720).for_each(|minute| recommender.cpu(minutes(minute), 100, 4));
    assert!((recommender.confidence() - 0.5).abs() < 1e-9, "half a day, whatever the pods");
    // 1.15 × the end of 100 millicores' bucket, thrice after half a day.
    let found = recommender.recommend().unwrap();
    assert!((found.upper.cpu as f64 / found.target.cpu as f64 - 3.0).abs() < 0.02, "{found:?}");
    let mut sparse = Recommender::default();
    (0..=144).for_each(|ten| sparse.cpu(minutes(10 * ten), 100, 1));
    assert!((sparse.confidence() - 145.0 / 1440.0).abs() < 1e-9);
}

#[test]
fn a_kill_asks_for_a_fifth_more_or_a_hundred_mebibytes() {
    let bucket_of = |recommender: &Recommender| recommender.memory.percentile(1.0);
    let mut recommender = Recommender::default();
    recommender.memory(minutes(0), 400_000_000);
    recommender.killed(minutes(1), 512 << 20);
    assert_eq!(recommender.peaks.needed, 644_245_094, "1.2 × 512 MiB");
    assert!(bucket_of(&recommender) > 644_245_094.0, "the peak takes the place of the one before");
    recommender.killed(minutes(2), 512 << 20);
    assert_eq!(recommender.peaks.needed, 644_245_094, "a second kill does not add to the first");
    let mut small = Recommender::default();
    small.memory(minutes(0), 90 << 20);
    small.killed(minutes(1), 100 << 20);
    assert_eq!(small.peaks.needed, 200 << 20);
    small.memory(minutes(1440), 90 << 20);
    assert_eq!((small.peaks.needed, small.peaks.measured), (0, 90 << 20), "a new day, a new peak");
}

#[test]
fn pods_are_updated_outside_their_bounds_or_for_a_tenth() {
    let all = |cpu, memory| Resources { cpu, memory };
    let recommended = Recommendation { target: all(100, 1000), lower: all(80, 800), upper: all(200, 2000) };
    assert!(!recommended.updates(all(100, 1000)) && !recommended.updates(all(105, 1000)));
    assert!(recommended.updates(all(79, 1000)) && recommended.updates(all(100, 2001)));
    assert!(recommended.updates(all(120, 1000)), "a sixth of the request");
    assert!(recommended.updates(all(106, 1060)), "0.057 and 0.057 together");
}
