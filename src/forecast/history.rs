//! The past of a load as a forecaster reads it: levels, peaks and spreads over seconds to hours, and what followed the same
//! phase of earlier minutes, hours and days.
//!
//! Everything but the level's own logarithm is a ratio to the level, so that one forecaster serves functions of all sizes.
//! What lies before the start of the past is not a number.

use super::demand::{DAY, DAYS};
use super::window::{deviation, max, mean, newest};

/// Samples over which means are taken that end now.
const MEANS: [usize; 7] = [2, 4, 16, 40, 80, 240, 960];
/// Two-minute means that ended so many samples ago.
const BACK: [usize; 11] = [4, 8, 16, 24, 32, 40, 60, 80, 120, 160, 240];
/// Samples over which peaks and deviations are taken.
const PEAKS: [usize; 5] = [8, 40, 80, 240, 960];
/// Lengths after which a load may repeat itself, in samples: 10 and 30 minutes, an hour, a day; each once, twice, thrice.
const PERIODS: [usize; 4] = [40, 120, 240, DAY];
const TIMES: usize = 3;
/// What followed then: peaks between so many samples ahead.
const AHEAD: [(usize, usize); 4] = [(0, 4), (4, 8), (0, 24), (24, 120)];

/// Peaks over so many samples ahead of which the mean over earlier days is taken, up to [`DAYS`].
const AT_THIS_TIME: [(usize, usize); 3] = [(0, 4), (0, 8), (4, 12)];

/// Samples of the level.
const LEVEL: usize = 8;

/// Number of values.
pub const LENGTH: usize =
    1 + MEANS.len() + BACK.len() + 2 * PEAKS.len() + PERIODS.len() * TIMES * (1 + AHEAD.len()) + 1 + AT_THIS_TIME.len();

/// The mean over the newest two minutes, in pods' worth.
#[must_use]
pub fn level(load: &[f32]) -> f32 {
    mean(newest(load, LEVEL)).max(0.0)
}

/// ln((pods + ½) / (level + ½)): how a load lies to the level.
#[must_use]
pub fn ratio(pods: f32, level: f32) -> f32 {
    ((pods.max(0.0) + 0.5) / (level + 0.5)).ln()
}

/// The load that a [`ratio`] stands for.
#[must_use]
pub fn pods(ratio: f32, level: f32) -> f32 {
    ratio.clamp(-10.0, 10.0).exp() * (level + 0.5) - 0.5
}

/// Writes what is known of a load at its end into `out`, which has [`LENGTH`] values.
pub fn read(load: &[f32], out: &mut [f32]) {
    let level = level(load);
    let ago = |back: usize| load.len().checked_sub(back).map(|end| &load[..end]).filter(|past| !past.is_empty());
    let ratio = |pods: Option<f32>| pods.map_or(f32::NAN, |pods| ratio(pods, level));
    let mut out = out.iter_mut();
    let mut write = |value: f32| {
        if let Some(out) = out.next() {
            *out = value;
        }
    };
    write(level.ln_1p());
    for window in MEANS {
        write(ratio(Some(mean(newest(load, window)))));
    }
    for back in BACK {
        write(ratio(ago(back).map(|past| mean(newest(past, LEVEL)))));
    }
    for window in PEAKS {
        write(ratio(Some(max(newest(load, window)))));
        write((deviation(newest(load, window)) / (level + 0.5)).ln_1p());
    }
    for lag in PERIODS.iter().flat_map(|period| (1..=TIMES).map(move |times| period * times)) {
        write(ratio(ago(lag).map(|past| mean(newest(past, PEAKS[1])))));
        for (from, to) in AHEAD {
            let known = load.len().checked_sub(lag).filter(|_| to <= lag);
            write(ratio(known.map(|then| max(&load[then + from..then + to]))));
        }
    }
    let days = (load.len() / DAY).min(DAYS);
    let usual = |of: &dyn Fn(usize) -> f32| {
        let sum: f32 = (1..=days).map(|day| of(load.len() - day * DAY)).sum();
        (days > 0).then(|| sum / days as f32)
    };
    write(ratio(usual(&|then| mean(newest(&load[..then], LEVEL)))));
    for (from, to) in AT_THIS_TIME {
        write(ratio(usual(&|then| max(&load[then + from..then + to]))));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(load: &[f32]) -> Vec<f32> {
        let mut out = vec![9.0; LENGTH];
        read(load, &mut out);
        out
    }

    #[test]
    fn ratios_do_not_depend_on_the_size_of_a_load() {
        let load: Vec<f32> = (0..20_000).map(|i| 900.0 + (i % 240) as f32).collect();
        let large: Vec<f32> = load.iter().map(|load| 50.0 * load).collect();
        for (small, large) in values(&load)[1..].iter().zip(&values(&large)[1..]) {
            assert!((small - large).abs() < 1e-2 || (small.is_nan() && large.is_nan()));
        }
    }

    #[test]
    fn the_future_plays_no_part_and_the_unknown_past_is_no_number() {
        let load: Vec<f32> = (0..20_000).map(|i| (i as f32 * 0.37).sin().abs() * 9.0).collect();
        assert!(values(&load).iter().filter(|value| value.is_nan()).count() < 20, "windows that overlap themselves");
        let young = values(&load[..30]);
        assert!(young.iter().any(|value| value.is_nan()) && !young[0].is_nan());
        assert!(values(&[]).iter().all(|value| value.is_nan() || value.abs() < 1e-6));
    }

    #[test]
    fn a_ratio_and_its_load_are_inverse() {
        for pods_ in [0.0, 0.3, 7.0, 900.0] {
            assert!((pods(ratio(pods_, 12.0), 12.0) - pods_).abs() < 1e-3 * (1.0 + pods_));
        }
    }

    #[test]
    fn what_followed_an_hour_ago_is_seen() {
        let mut load = vec![1.0; 1000];
        load[1000 - 240 + 2] = 50.0;
        let seen = values(&load);
        assert!(seen.iter().any(|&value| (value - ratio(50.0, 1.0)).abs() < 1e-6));
    }
}
