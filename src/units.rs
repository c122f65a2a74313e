//! The words everything is said in: CPU, memory, shares, replicas and simulated time.
//!
//! Ranges are checked where a value is made, so a TOML parser names the line for nothing.

use std::fmt;
use std::ops::{Add, AddAssign, Sub};
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::UnitError;

/// A count of pods, as Kubernetes writes it: a signed 32-bit integer.
pub type Replicas = i32;

/// CPU in thousandths of a core: `Millicores(250)` is Kubernetes' `250m`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, JsonSchema)]
#[schemars(transparent)]
pub struct Millicores(#[schemars(with = "String")] pub u32);

impl Millicores {
    /// The same amount in whole cores.
    #[must_use]
    pub fn cores(self) -> f64 {
        f64::from(self.0) / 1000.0
    }

    /// Reads a Kubernetes quantity such as `250m`, `1.5` or `2`.
    pub fn parse(text: &str) -> Result<Self, UnitError> {
        let milli = quantity_milli(text).filter(|&m| m > 0 && m <= i128::from(u32::MAX));
        milli.map(|m| Self(m as u32)).ok_or_else(|| {
            UnitError::new(text, "an amount of CPU", "write cores or millicores above 0, such as \"250m\" or \"1.5\"")
        })
    }
}

impl fmt::Display for Millicores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_multiple_of(1000) { write!(f, "{}", self.0 / 1000) } else { write!(f, "{}m", self.0) }
    }
}

/// Memory in bytes: `Bytes(1 << 30)` is Kubernetes' `1Gi`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, JsonSchema)]
#[schemars(transparent)]
pub struct Bytes(#[schemars(with = "String")] pub u64);

impl Bytes {
    /// The same amount in GiB (2³⁰ bytes).
    #[must_use]
    pub fn gib(self) -> f64 {
        self.0 as f64 / f64::from(1 << 30)
    }

    /// Reads a Kubernetes quantity such as `256Mi`, `1G` or `1048576`.
    pub fn parse(text: &str) -> Result<Self, UnitError> {
        let milli = quantity_milli(text).filter(|&m| m >= 0);
        milli.and_then(|m| u64::try_from((m + 999) / 1000).ok()).map(Self).ok_or_else(|| {
            UnitError::new(text, "an amount of memory", "write bytes with a suffix, such as \"256Mi\" or \"1Gi\"")
        })
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (shift, suffix) in [(40, "Ti"), (30, "Gi"), (20, "Mi"), (10, "Ki")] {
            if self.0 > 0 && self.0.trailing_zeros() >= shift {
                return write!(f, "{}{suffix}", self.0 >> shift);
            }
        }
        write!(f, "{}", self.0)
    }
}

/// A share in percent, above 0 and up to 100, such as a utilisation target.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "f64", into = "f64")]
pub struct Percent(f64);

impl Percent {
    /// The number of percent, `0 < p <= 100`.
    #[must_use]
    pub fn get(self) -> f64 {
        self.0
    }

    /// The same share as a fraction, `0 < f <= 1`.
    #[must_use]
    pub fn fraction(self) -> f64 {
        self.0 / 100.0
    }
}

impl TryFrom<f64> for Percent {
    type Error = UnitError;

    fn try_from(value: f64) -> Result<Self, UnitError> {
        if value > 0.0 && value <= 100.0 {
            Ok(Self(value))
        } else {
            Err(UnitError::new(&value.to_string(), "a percentage", "write a number above 0 and up to 100"))
        }
    }
}

impl From<Percent> for f64 {
    fn from(percent: Percent) -> Self {
        percent.0
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} %", self.0)
    }
}

/// A point on the simulated clock, in whole microseconds from the start of the trace. Points before it are negative.
/// Spans are [`std::time::Duration`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct SimTime(pub i64);

impl SimTime {
    /// The start of the trace.
    pub const ZERO: Self = Self(0);

    /// A point `secs` whole seconds after the start.
    #[must_use]
    pub const fn from_secs(secs: i64) -> Self {
        Self(secs * 1_000_000)
    }

    /// Seconds since the start, with fractions.
    #[must_use]
    pub fn secs(self) -> f64 {
        self.0 as f64 / 1e6
    }

    /// The span from `earlier` to this point; zero when `earlier` is later.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

/// A span in whole microseconds, saturated at the far end of the clock.
#[must_use]
pub fn micros(span: Duration) -> i64 {
    i64::try_from(span.as_micros()).unwrap_or(i64::MAX)
}

impl Add<Duration> for SimTime {
    type Output = Self;

    fn add(self, span: Duration) -> Self {
        Self(self.0.saturating_add(micros(span)))
    }
}

impl AddAssign<Duration> for SimTime {
    fn add_assign(&mut self, span: Duration) {
        *self = *self + span;
    }
}

impl Sub<Duration> for SimTime {
    type Output = Self;

    fn sub(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(micros(span)))
    }
}

/// A Kubernetes quantity in thousandths of its unit, rounded away from zero; `None` when it does not parse.
///
/// Takes the suffixes `n u m k M G T P E`, `Ki` to `Ei`, and decimal exponents (`1e3`).
/// Source: `k8s.io/apimachinery/pkg/api/resource`, the grammar in `quantity.go`.
#[must_use]
pub fn quantity_milli(text: &str) -> Option<i128> {
    let digits = text.find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | '+' | '-')));
    let (number, suffix) = text.split_at(digits.unwrap_or(text.len()));
    let (negative, number) = match number.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, number.strip_prefix('+').unwrap_or(number)),
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let valid = |part: &str| part.len() <= 18 && part.bytes().all(|b| b.is_ascii_digit());
    if !valid(whole) || !valid(fraction) || whole.len() + fraction.len() == 0 {
        return None;
    }
    let mantissa: i128 = format!("0{whole}{fraction}").parse().ok()?;
    let (mut numerator, mut denominator) = (mantissa * 1000, 10_i128.checked_pow(fraction.len() as u32)?);
    match suffix_scale(suffix)? {
        Scale::Binary(shift) => numerator = numerator.checked_mul(1 << shift)?,
        Scale::Decimal(power) if power >= 0 => numerator = numerator.checked_mul(10_i128.checked_pow(power as u32)?)?,
        Scale::Decimal(power) => denominator = denominator.checked_mul(10_i128.checked_pow(power.unsigned_abs())?)?,
    }
    let milli = numerator / denominator + i128::from(numerator % denominator != 0);
    Some(if negative { -milli } else { milli })
}

enum Scale {
    Decimal(i32),
    Binary(u32),
}

fn suffix_scale(suffix: &str) -> Option<Scale> {
    Some(match suffix {
        "" => Scale::Decimal(0),
        "n" => Scale::Decimal(-9),
        "u" => Scale::Decimal(-6),
        "m" => Scale::Decimal(-3),
        "k" => Scale::Decimal(3),
        "M" => Scale::Decimal(6),
        "G" => Scale::Decimal(9),
        "T" => Scale::Decimal(12),
        "P" => Scale::Decimal(15),
        "E" => Scale::Decimal(18),
        "Ki" => Scale::Binary(10),
        "Mi" => Scale::Binary(20),
        "Gi" => Scale::Binary(30),
        "Ti" => Scale::Binary(40),
        "Pi" => Scale::Binary(50),
        "Ei" => Scale::Binary(60),
        exponent => {
            let power: i32 = exponent.strip_prefix(['e', 'E'])?.parse().ok()?;
            (-18..=18).contains(&power).then_some(Scale::Decimal(power))?
        }
    })
}

macro_rules! as_quantity {
    ($unit:ty) => {
        impl Serialize for $unit {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $unit {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                Self::parse(&text).map_err(serde::de::Error::custom)
            }
        }
    };
}

as_quantity!(Millicores);
as_quantity!(Bytes);

/// Serde for a [`Duration`] written as people write it, such as `"90s"`, `"5m"` or `"1d"`.
pub mod span {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    /// Writes the shortest friendly form, such as `"5m"`.
    pub fn serialize<S: Serializer>(span: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&super::friendly(*span))
    }

    /// Reads a friendly form, such as `"5m"` or `"1h 30m"`.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        let text = String::deserialize(deserializer)?;
        super::parse_span(&text).map_err(serde::de::Error::custom)
    }
}

/// As [`span`], for a setting that can be left out.
pub mod optional_span {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    /// Writes the shortest friendly form.
    #[allow(clippy::ref_option, reason = "serde's signature")]
    pub fn serialize<S: Serializer>(span: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
        match span {
            Some(span) => serializer.serialize_str(&super::friendly(*span)),
            None => serializer.serialize_none(),
        }
    }

    /// Reads a friendly form.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
        let text = String::deserialize(deserializer)?;
        super::parse_span(&text).map(Some).map_err(serde::de::Error::custom)
    }
}

/// As [`span`], for a list of spans.
pub mod spans {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    /// Writes each in its shortest friendly form.
    pub fn serialize<S: Serializer>(spans: &[Duration], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(spans.iter().map(|span| super::friendly(*span)))
    }

    /// Reads friendly forms.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Duration>, D::Error> {
        let texts = Vec::<String>::deserialize(deserializer)?;
        let read = |text: &String| super::parse_span(text).map_err(serde::de::Error::custom);
        texts.iter().map(read).collect()
    }
}

/// A span as people write it: `"15s"`, `"5m"`, `"1h 30m"`, `"250ms"`.
#[must_use]
pub fn friendly(span: Duration) -> String {
    if span.is_zero() {
        return "0s".to_owned();
    }
    let mut rest = span.as_nanos();
    let mut parts = Vec::new();
    let units: [(u128, &str); 7] = [
        (86_400_000_000_000, "d"),
        (3_600_000_000_000, "h"),
        (60_000_000_000, "m"),
        (1_000_000_000, "s"),
        (1_000_000, "ms"),
        (1_000, "us"),
        (1, "ns"),
    ];
    for (size, unit) in units {
        if rest >= size {
            parts.push(format!("{}{unit}", rest / size));
            rest %= size;
        }
    }
    parts.join(" ")
}

/// Reads a span such as `"90s"`, `"5m"`, `"1h 30m"` or `"7d"` (a day is 24 hours).
pub fn parse_span(text: &str) -> Result<Duration, UnitError> {
    let wrong =
        || UnitError::new(text, "a span of time", "write a number and a unit, such as \"15s\", \"5m\" or \"7d\"");
    let (days, rest) = match text.split_once('d') {
        Some((days, rest)) if days.trim().bytes().all(|b| b.is_ascii_digit()) && !days.trim().is_empty() => {
            (days.trim().parse::<u64>().map_err(|_| wrong())?, rest.trim_start_matches("ays").trim_start_matches("ay"))
        }
        _ => (0, text),
    };
    let days = Duration::from_secs(days.checked_mul(86_400).ok_or_else(wrong)?);
    if rest.trim().is_empty() && text.contains('d') {
        return Ok(days);
    }
    let span: jiff::SignedDuration = rest.trim().parse().map_err(|_| wrong())?;
    let span = Duration::try_from(span).map_err(|_| wrong())?;
    days.checked_add(span).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_round_away_from_zero_to_thousandths() {
        assert_eq!(quantity_milli("100m"), Some(100));
        assert_eq!(quantity_milli("30500u"), Some(31));
        assert_eq!(quantity_milli("0.05"), Some(50));
        assert_eq!(quantity_milli("64Mi"), Some(64 * 1024 * 1024 * 1000));
        assert_eq!(quantity_milli("1e3"), Some(1_000_000));
        assert_eq!(quantity_milli("-1500n"), Some(-1));
        for broken in ["", "m", "1..2", "1x", "--1", "1e99", "9999999999999999999"] {
            assert_eq!(quantity_milli(broken), None, "{broken}");
        }
    }

    #[test]
    fn spans_read_back_as_they_were_written() {
        for (text, secs) in
            [("15s", 15), ("5m", 300), ("1h 30m", 5400), ("7d", 604_800), ("1d 12h", 129_600), ("0s", 0)]
        {
            assert_eq!(parse_span(text).unwrap(), Duration::from_secs(secs), "{text}");
            assert_eq!(friendly(Duration::from_secs(secs)), text);
        }
        assert!(parse_span("5 parsecs").is_err());
        assert!(parse_span("").is_err());
        assert!(parse_span("-5s").is_err());
    }

    #[test]
    fn a_percentage_lies_above_zero_and_up_to_a_hundred() {
        assert!(Percent::try_from(0.0).is_err());
        assert!(Percent::try_from(f64::NAN).is_err());
        let error = Percent::try_from(140.0).unwrap_err().to_string();
        assert_eq!(error, "140 is not a percentage; write a number above 0 and up to 100");
    }
}
