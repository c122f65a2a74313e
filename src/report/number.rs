//! Numbers as text. What is not a number is an en dash.

/// What stands where there is no figure.
pub const NONE: &str = "–";

/// `value` with `digits` significant digits, never in scientific notation: `significant(0.012345, 3)` is `0.0123`.
#[must_use]
pub fn significant(value: f64, digits: usize) -> String {
    if !value.is_finite() {
        return NONE.to_owned();
    }
    let magnitude = if value == 0.0 { 0 } else { value.abs().log10().floor() as i32 };
    let decimals = (digits as i32 - 1 - magnitude).clamp(0, 9) as usize;
    fixed(value, decimals)
}

/// `value` with `decimals` digits after the point; a zero has no sign.
#[must_use]
pub fn fixed(value: f64, decimals: usize) -> String {
    if !value.is_finite() {
        return NONE.to_owned();
    }
    let text = format!("{value:.decimals$}");
    match text.strip_prefix('-') {
        Some(digits) if digits.bytes().all(|byte| matches!(byte, b'0' | b'.')) => digits.to_owned(),
        _ => text,
    }
}

/// Dollars, to the cent from a dollar up and with three significant digits below: `12.30`, `0.0456`.
#[must_use]
pub fn dollars(value: f64) -> String {
    if value.abs() >= 1.0 { fixed(value, 2) } else { significant(value, 3) }
}

/// A fraction in percent, without the sign of percent: `percent(0.0123)` is `1.23`.
#[must_use]
pub fn percent(fraction: f64) -> String {
    let value = fraction * 100.0;
    fixed(value, if value.abs() < 10.0 { 2 } else { 1 })
}

/// A count with its noun: `counted(1, "seed")` is `1 seed`, `counted(5, "seed")` is `5 seeds`.
#[must_use]
pub fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// How far a ratio is from 1, in percent with its sign: `change(0.88)` is `-12.0 %`.
#[must_use]
pub fn change(ratio: f64) -> String {
    if !ratio.is_finite() {
        return NONE.to_owned();
    }
    let text = fixed((ratio - 1.0) * 100.0, 1);
    let sign = if text.starts_with('-') || text.bytes().all(|byte| matches!(byte, b'0' | b'.')) { "" } else { "+" };
    format!("{sign}{text} %")
}

/// A count with a narrow separator of thousands: `count(1234567.0)` is `1,234,567`.
#[must_use]
pub fn count(value: f64) -> String {
    let text = fixed(value, 0);
    let (sign, digits) = text.strip_prefix('-').map_or(("", text.as_str()), |digits| ("-", digits));
    if digits == NONE {
        return text;
    }
    let mut out = String::from(sign);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_the_digits_that_matter() {
        assert_eq!(significant(0.012_345, 3), "0.0123");
        assert_eq!(significant(123.45, 3), "123");
        assert_eq!(significant(0.0, 3), "0.00");
        assert_eq!(significant(f64::NAN, 3), "–");
        assert_eq!(dollars(12.3), "12.30");
        assert_eq!(percent(0.123), "12.3");
        assert_eq!(count(1_234_567.0), "1,234,567");
        assert_eq!(count(-999.0), "-999");
    }

    #[test]
    fn a_zero_has_no_sign() {
        assert_eq!(fixed(-0.001, 2), "0.00");
        assert_eq!(change(1.0), "0.0 %");
        assert_eq!(change(1.000_01), "0.0 %");
        assert_eq!(change(0.88), "-12.0 %");
        assert_eq!(change(1.5), "+50.0 %");
    }
}
