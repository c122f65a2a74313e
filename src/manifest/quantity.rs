//! Quantities in the API server's canonical form, so that what is written is what the cluster shows.

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use crate::units::Bytes;

/// Billionths in decimal suffixes: no fraction, the largest suffix that loses nothing.
fn decimal_nano(nano: i128) -> String {
    let suffixes = [("E", 27), ("P", 24), ("T", 21), ("G", 18), ("M", 15), ("k", 12), ("", 9), ("m", 6), ("u", 3)];
    let found = suffixes.into_iter().find(|&(_, power)| nano % 10_i128.pow(power) == 0);
    match found {
        _ if nano == 0 => "0".to_owned(),
        Some((suffix, power)) => format!("{}{suffix}", nano / 10_i128.pow(power)),
        None => format!("{nano}n"),
    }
}

/// An amount in thousandths, such as a custom metric's target.
pub(super) fn milli(amount: i64) -> Quantity {
    Quantity(decimal_nano(i128::from(amount) * 1_000_000))
}

/// A ratio, to the billionth.
pub(super) fn ratio(value: f64) -> Quantity {
    Quantity(decimal_nano((value * 1e9).round() as i128))
}

/// CPU in millicores: `250m`, `2`.
pub(super) fn cpu(millicores: i64) -> Quantity {
    milli(millicores)
}

/// Memory in milli-bytes, in binary suffixes where they fit: `256Mi`.
pub(super) fn memory(milli_bytes: i64) -> Quantity {
    match u64::try_from(milli_bytes) {
        Ok(amount) if amount % 1000 == 0 && (amount / 1000).is_multiple_of(1024) => {
            Quantity(Bytes(amount / 1000).to_string())
        }
        _ => milli(milli_bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::quantity_milli;

    #[test]
    fn the_suffix_is_the_largest_that_loses_nothing() {
        for (value, text) in [(0.05, "50m"), (0.1, "100m"), (0.0, "0"), (1.5, "1500m"), (0.0155, "15500u"), (2.0, "2")]
        {
            assert_eq!(ratio(value).0, text);
        }
        assert_eq!(cpu(250).0, "250m");
        assert_eq!(cpu(1_500_000).0, "1500");
        assert_eq!(milli(1_000_000).0, "1k");
        assert_eq!(memory((256 << 20) * 1000).0, "256Mi");
        assert_eq!(memory(1500).0, "1500m");
    }

    proptest::proptest! {
        #[test]
        fn a_quantity_reads_back_to_the_same_amount(amount in proptest::num::i64::ANY) {
            let amount = amount / 1000;
            proptest::prop_assert_eq!(quantity_milli(&milli(amount).0), Some(i128::from(amount)));
            proptest::prop_assert_eq!(quantity_milli(&memory(amount.abs()).0), Some(i128::from(amount.abs())));
        }
    }
}
