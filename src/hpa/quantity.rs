//! A Kubernetes quantity as it stands in a manifest, with the conversions the HPA makes.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::units::{Bytes, quantity_milli};

/// A quantity such as `250m`, `64Mi` or `0.05`. The text is kept as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quantity(String);

impl Quantity {
    /// Reads a quantity; `None` when it is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        quantity_milli(text).map(|_| Self(text.to_owned()))
    }

    /// The quantity of that many thousandths, as the API server writes it.
    #[must_use]
    pub fn from_milli(milli: i64) -> Self {
        Self(canonical(i128::from(milli), -3))
    }

    /// The quantity of that many thousandths of a byte, with a binary suffix where it divides.
    #[must_use]
    pub fn from_milli_bytes(milli: i64) -> Self {
        match u64::try_from(milli / 1000) {
            Ok(bytes) if milli % 1000 == 0 && bytes.is_multiple_of(1024) => Self(Bytes(bytes).to_string()),
            _ => Self::from_milli(milli),
        }
    }

    /// The text as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Thousandths, rounded away from zero, at the ends of `i64` where it does not fit.
    #[must_use]
    pub fn milli(&self) -> i64 {
        let milli = quantity_milli(&self.0).unwrap_or(0);
        i64::try_from(milli).unwrap_or(if milli < 0 { i64::MIN } else { i64::MAX })
    }

    /// The double the controller takes for a tolerance: the written digits times a power of ten. `0.3` is
    /// `3.0 * 0.1`, a little more than the double 0.3.
    #[must_use]
    pub fn approximate(&self) -> f64 {
        let Some((digits, power)) = decimal(&self.0) else { return self.milli() as f64 / 1000.0 };
        let scale = 10_f64.powi(power.abs());
        if power < 0 { digits as f64 * (1.0 / scale) } else { digits as f64 * scale }
    }

    /// The form in which the API server stores it, such as `50m` for `0.05`.
    #[must_use]
    pub fn canonical(&self) -> Self {
        match decimal(&self.0) {
            Some((digits, power)) => Self(canonical(digits, power)),
            None => Self::from_milli_bytes(self.milli()),
        }
    }
}

const SUFFIXES: [(&str, i32); 10] =
    [("E", 18), ("P", 15), ("T", 12), ("G", 9), ("M", 6), ("k", 3), ("", 0), ("m", -3), ("u", -6), ("n", -9)];

/// The written digits as an integer, and the power of ten they are of; `None` for binary suffixes.
fn decimal(text: &str) -> Option<(i128, i32)> {
    let end = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, suffix) = text.split_at(end);
    let power = match SUFFIXES.iter().find(|(name, _)| *name == suffix) {
        Some((_, power)) => *power,
        None => suffix.strip_prefix(['e', 'E'])?.parse().ok()?,
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits = format!("{whole}{fraction}").parse().ok()?;
    Some((digits, power.checked_sub(i32::try_from(fraction.len()).ok()?)?))
}

/// The largest suffix that leaves an integer.
fn canonical(digits: i128, power: i32) -> String {
    if digits == 0 {
        return "0".into();
    }
    for (suffix, suffix_power) in SUFFIXES {
        let shift = power - suffix_power;
        let factor = 10_i128.checked_pow(shift.unsigned_abs());
        let number = match factor {
            Some(factor) if shift >= 0 => digits.checked_mul(factor),
            Some(factor) if digits % factor == 0 => Some(digits / factor),
            _ => None,
        };
        if let Some(number) = number {
            return format!("{number}{suffix}");
        }
    }
    // Below the smallest suffix the API server rounds up.
    "1n".into()
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl Serialize for Quantity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = match serde_json::Value::deserialize(deserializer)? {
            serde_json::Value::String(text) => text,
            serde_json::Value::Number(number) => number.to_string(),
            other => return Err(serde::de::Error::custom(format!("{other} is not a quantity"))),
        };
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom(format!("`{text}` is not a quantity")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_stored_as_the_api_server_stores_them() {
        for (written, stored) in
            [("0.05", "50m"), ("-0.001", "-1m"), ("1000", "1k"), ("1500m", "1500m"), ("2000m", "2"), ("64Mi", "64Mi")]
        {
            assert_eq!(Quantity::parse(written).unwrap().canonical().as_str(), stored, "{written}");
        }
        assert_eq!(Quantity::from_milli(33_333).as_str(), "33333m");
        assert_eq!(Quantity::from_milli_bytes(500 << 20).as_str(), "512Ki");
        assert_eq!(Quantity::from_milli_bytes((1000 << 20) * 64).as_str(), "64Mi");
    }

    #[test]
    fn a_tolerance_is_the_digits_times_a_power_of_ten() {
        let tolerance = |text| Quantity::parse(text).unwrap().approximate();
        assert_eq!(tolerance("0.1").to_bits(), 0.1_f64.to_bits());
        assert_eq!(tolerance("0.3").to_bits(), 0.300_000_000_000_000_04_f64.to_bits());
        assert_eq!(tolerance("300m").to_bits(), 0.3_f64.to_bits());
    }

    #[test]
    fn thousandths_round_away_from_zero() {
        assert_eq!(Quantity::parse("30500u").unwrap().milli(), 31);
        assert_eq!(Quantity::parse("9E").unwrap().milli(), i64::MAX);
    }
}
