//! From values to a share of an axis, and the ticks a reader wants: round numbers, decades, hours and days.

/// How values lie along an axis.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Scale {
    Linear,
    /// Decades; values at or below 0 lie at the low end.
    Log,
    /// Linear up to the threshold, decades above: for shares that may be 0.
    Symlog(f64),
}

impl Scale {
    fn warp(self, value: f64) -> f64 {
        match self {
            Self::Linear => value,
            Self::Log => value.max(f64::MIN_POSITIVE).log10(),
            Self::Symlog(threshold) => (value / threshold).asinh(),
        }
    }
}

/// A tick: where, and what stands there.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tick {
    pub(super) value: f64,
    pub(super) label: String,
}

/// One axis of a panel.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Axis {
    pub(super) low: f64,
    pub(super) high: f64,
    pub(super) scale: Scale,
    pub(super) ticks: Vec<Tick>,
    pub(super) label: String,
}

impl Axis {
    /// Where a value lies, 0 at the low end and 1 at the high one.
    pub(super) fn share(&self, value: f64) -> f64 {
        let (low, high) = (self.scale.warp(self.low), self.scale.warp(self.high));
        (self.scale.warp(value) - low) / (high - low)
    }

    /// A linear axis over `values` and 0, out to the next tick.
    pub(super) fn from_zero(values: impl Iterator<Item = f64>, label: &str) -> Self {
        let high = values.filter(|value| value.is_finite()).fold(0.0, f64::max);
        Self::linear(0.0, if high > 0.0 { high } else { 1.0 }, label)
    }

    /// A linear axis over `values` with some room, out to the next ticks; 0 to 1 when there is none.
    pub(super) fn around(values: impl Iterator<Item = f64>, label: &str) -> Self {
        let (low, high) = extent(values).unwrap_or((0.0, 1.0));
        let room = 0.04 * (high - low);
        Self::linear(low - room, high + room, label)
    }

    /// A linear axis from `low` to `high`, out to the next ticks.
    pub(super) fn linear(low: f64, high: f64, label: &str) -> Self {
        Self::stepped(low, high, 5.0, label)
    }

    /// The same axis with fewer ticks, for a low panel.
    pub(super) fn coarse(self) -> Self {
        Self::stepped(self.low, self.high, 2.0, &self.label)
    }

    /// A linear axis from `low` to `high` and no further.
    pub(super) fn span(low: f64, high: f64, label: &str) -> Self {
        let (low, high) = opened(low, high);
        let mut axis = Self::stepped(low, high, 8.0, label);
        axis.ticks.retain(|tick| (low..=high + 1e-9 * (high - low)).contains(&tick.value));
        Self { low, high, ..axis }
    }

    fn stepped(low: f64, high: f64, parts: f64, label: &str) -> Self {
        let (low, high) = opened(low, high);
        let step = nice_step((high - low) / parts);
        let (first, last) = ((low / step + 1e-9).floor(), (high / step - 1e-9).ceil());
        let count = (last - first).clamp(1.0, 50.0) as usize;
        let ticks = (0..=count).map(|index| {
            let value = (first + index as f64) * step;
            Tick { value, label: number(value, step) }
        });
        let (low, high) = (first * step, (first + count as f64) * step);
        Self { low, high, scale: Scale::Linear, ticks: ticks.collect(), label: label.to_owned() }
    }

    /// Decades around the positive values; 1 to 10 when there is none.
    pub(super) fn log(values: impl Iterator<Item = f64>, label: &str) -> Self {
        let (low, high) = extent(values.filter(|&value| value > 0.0)).unwrap_or((1.0, 10.0));
        let (low, high) = (low.clamp(1e-12, 1e15) / 1.15, high.clamp(1e-12, 1e15) * 1.15);
        let ticks = log_ticks(low, high);
        Self { low, high, scale: Scale::Log, ticks, label: label.to_owned() }
    }

    /// From 0: linear up to `threshold`, decades above it.
    pub(super) fn symlog(values: impl Iterator<Item = f64>, threshold: f64, label: &str) -> Self {
        let high = values.filter(|value| value.is_finite()).fold(threshold * 2.0, f64::max).min(1e12) * 1.2;
        let mut ticks = vec![Tick { value: 0.0, label: "0".to_owned() }];
        ticks.extend(log_ticks(threshold, high).into_iter().filter(|tick| tick.value >= threshold * 0.99));
        Self { low: 0.0, high, scale: Scale::Symlog(threshold), ticks, label: label.to_owned() }
    }

    /// Time in seconds, with ticks at round minutes, hours or days.
    pub(super) fn time(low: f64, high: f64, what: &str) -> Self {
        const STEPS: [f64; 21] = [
            1.0,
            2.0,
            5.0,
            10.0,
            15.0,
            30.0,
            60.0,
            120.0,
            300.0,
            600.0,
            900.0,
            1800.0,
            3600.0,
            7200.0,
            10_800.0,
            21_600.0,
            43_200.0,
            86_400.0,
            172_800.0,
            604_800.0,
            1_209_600.0,
        ];
        let (low, high) = opened(low, high);
        let span = high - low;
        let (unit, name) = match span {
            _ if span > 3.0 * 86_400.0 => (86_400.0, "days"),
            _ if span > 2.0 * 3600.0 => (3600.0, "hours"),
            _ if span > 120.0 => (60.0, "minutes"),
            _ => (1.0, "seconds"),
        };
        let step = STEPS
            .into_iter()
            .find(|step| span / step <= 12.0)
            .unwrap_or_else(|| 86_400.0 * nice_step(span / 864_000.0));
        let (first, last) = ((low / step - 1e-9).ceil(), (high / step + 1e-9).floor());
        let count = (last - first).clamp(0.0, 50.0) as usize;
        let ticks = (0..=count).map(|index| {
            let value = (first + index as f64) * step;
            Tick { value, label: number(value / unit, step / unit) }
        });
        Self { low, high, scale: Scale::Linear, ticks: ticks.collect(), label: format!("{what} ({name})") }
    }
}

/// Least and largest finite value.
pub(super) fn extent(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    values.filter(|value| value.is_finite()).fold(None, |seen, value| match seen {
        None => Some((value, value)),
        Some((low, high)) => Some((low.min(value), high.max(value))),
    })
}

/// A range that is finite, and wide enough that its ends differ.
fn opened(low: f64, high: f64) -> (f64, f64) {
    let held = |value: f64| if value.is_finite() { value.clamp(-1e15, 1e15) } else { 0.0 };
    let (low, high) = (held(low), held(high));
    let room = 1e-9 * low.abs().max(high.abs()).max(1e-3);
    if high - low > room { (low, high) } else { (low - 0.5 * low.abs().max(1.0), low + 0.5 * low.abs().max(1.0)) }
}

/// The least of 1, 2, 2.5, 5 × 10^k that is at least `rough`.
fn nice_step(rough: f64) -> f64 {
    let power = 10_f64.powf(rough.log10().floor());
    let factor = [1.0, 2.0, 2.5, 5.0, 10.0].into_iter().find(|factor| factor * power >= rough * (1.0 - 1e-9));
    factor.unwrap_or(10.0) * power
}

/// Ticks at 1 of each decade, at 1, 2, 5 when there are few decades, and at round steps within one.
fn log_ticks(low: f64, high: f64) -> Vec<Tick> {
    let decades = (high / low).log10();
    let factors: &[f64] = match decades {
        _ if decades > 4.0 => &[1.0],
        _ if decades > 1.8 => &[1.0, 3.0],
        _ if decades > 1.0 => &[1.0, 2.0, 5.0],
        _ => &[1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0],
    };
    let (first, last) = (low.log10().floor() as i32, high.log10().ceil() as i32);
    let all = (first..=last).flat_map(|power| factors.iter().map(move |factor| factor * 10_f64.powi(power)));
    all.filter(|value| (low * 0.999..=high * 1.001).contains(value))
        .map(|value| Tick { value, label: short(value) })
        .collect()
}

/// A number at a step: as many decimals as the step has, thousands set apart.
pub(super) fn number(value: f64, step: f64) -> String {
    let value = if value.abs() < step * 1e-6 { 0.0 } else { value };
    if value.abs() >= 1e6 {
        return short(value);
    }
    let decimals = (0..9).find(|&places| {
        let scaled = step * 10_f64.powi(places);
        (scaled - scaled.round()).abs() < 1e-6 * scaled.max(1e-9)
    });
    grouped(&format!("{value:.*}", decimals.unwrap_or(9) as usize))
}

/// A number in at most three digits and a suffix: `0.05`, `250`, `12k`, `3.5M`.
pub(super) fn short(value: f64) -> String {
    let (scaled, suffix) = match value.abs() {
        size if size >= 1e9 => (value / 1e9, "G"),
        size if size >= 1e6 => (value / 1e6, "M"),
        size if size >= 1e4 => (value / 1e3, "k"),
        _ => (value, ""),
    };
    let decimals = if scaled == 0.0 { 0 } else { (2 - scaled.abs().log10().floor() as i32).clamp(0, 9) as usize };
    let text = format!("{scaled:.decimals$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    format!("{}{suffix}", grouped(text))
}

/// Thousands set apart by a comma.
fn grouped(text: &str) -> String {
    let (sign, rest) = text.strip_prefix('-').map_or(("", text), |rest| ("-", rest));
    let (whole, fraction) = rest.split_at(rest.find('.').unwrap_or(rest.len()));
    if whole.len() < 5 {
        return text.to_owned();
    }
    let (thousands, units) = whole.split_at(whole.len() - 3);
    format!("{sign}{thousands},{units}{fraction}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &Axis) -> Vec<&str> {
        axis.ticks.iter().map(|tick| tick.label.as_str()).collect()
    }

    #[test]
    fn ticks_are_round_and_hold_the_data() {
        let axis = Axis::from_zero([3.0, 17.3].into_iter(), "pods");
        assert_eq!(labels(&axis), ["0", "5", "10", "15", "20"]);
        assert_eq!(labels(&Axis::linear(0.0, 0.042, "")), ["0.00", "0.01", "0.02", "0.03", "0.04", "0.05"]);
        assert_eq!(labels(&Axis::linear(0.0, 60_000.0, "")), ["0", "20,000", "40,000", "60,000"]);
        assert_eq!(labels(&Axis::log([1.0, 900.0].into_iter(), "")), ["1", "3", "10", "30", "100", "300", "1000"]);
    }

    #[test]
    fn time_is_ticked_at_hours_and_days() {
        let day = Axis::time(0.0, 86_400.0, "time");
        assert_eq!(day.label, "time (hours)");
        assert_eq!(labels(&day), ["0", "2", "4", "6", "8", "10", "12", "14", "16", "18", "20", "22", "24"]);
        let week = Axis::time(86_400.0, 8.0 * 86_400.0, "time");
        assert_eq!((week.label.as_str(), labels(&week)), ("time (days)", vec!["1", "2", "3", "4", "5", "6", "7", "8"]));
    }

    #[test]
    fn numbers_are_short() {
        for (value, text) in
            [(0.05, "0.05"), (250.0, "250"), (12_345.0, "12.3k"), (3.5e6, "3.5M"), (0.0, "0"), (-2.0, "-2")]
        {
            assert_eq!(short(value), text);
        }
    }

    proptest::proptest! {
        #[test]
        fn no_range_breaks_an_axis(low in proptest::num::f64::ANY, high in proptest::num::f64::ANY) {
            let axes = [
                Axis::linear(low, high, ""),
                Axis::time(low, high, ""),
                Axis::from_zero([low, high].into_iter(), ""),
                Axis::around([low, high].into_iter(), ""),
                Axis::log([low, high].into_iter(), ""),
                Axis::symlog([low, high].into_iter(), 0.01, ""),
            ];
            for axis in axes {
                proptest::prop_assert!(axis.low < axis.high, "{axis:?}");
                proptest::prop_assert!(axis.ticks.len() <= 60, "{axis:?}");
                proptest::prop_assert!(axis.share(axis.low).abs() < 1e-6 && (axis.share(axis.high) - 1.0).abs() < 1e-6);
            }
        }
    }
}
