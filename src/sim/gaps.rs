//! Values for slots where nothing was recorded.

use super::settings::Gaps;

/// The column with every `NaN` replaced; `None` when nothing at all was recorded. Before the first and after the last
/// recorded value, `Linear` holds it.
pub(super) fn fill(column: &[f64], gaps: Gaps) -> Option<Vec<f64>> {
    let first = column.iter().position(|value| !value.is_nan())?;
    let mut filled = column.to_vec();
    let edge = if gaps == Gaps::Zero { 0.0 } else { column[first] };
    filled[..first].fill(edge);
    let mut last = first;
    for at in first + 1..=column.len() {
        let next = column.get(at).copied();
        if next.is_some_and(f64::is_nan) {
            continue;
        }
        bridge(&mut filled[last..at], next, gaps);
        last = at;
    }
    Some(filled)
}

/// Fills what follows the first value of `part`, which is recorded, up to `next`, the value behind it.
fn bridge(part: &mut [f64], next: Option<f64>, gaps: Gaps) {
    let (held, length) = (part[0], part.len() as f64);
    for (i, value) in part.iter_mut().enumerate().skip(1) {
        *value = match (gaps, next) {
            (Gaps::Zero, _) => 0.0,
            (Gaps::Linear, Some(next)) => held + (next - held) * i as f64 / length,
            (Gaps::Hold | Gaps::Linear, _) => held,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_filled_as_asked() {
        let nan = f64::NAN;
        let column = [nan, 2.0, nan, nan, 8.0, nan];
        assert_eq!(fill(&column, Gaps::Zero).unwrap(), [0.0, 2.0, 0.0, 0.0, 8.0, 0.0]);
        assert_eq!(fill(&column, Gaps::Hold).unwrap(), [2.0, 2.0, 2.0, 2.0, 8.0, 8.0]);
        assert_eq!(fill(&column, Gaps::Linear).unwrap(), [2.0, 2.0, 4.0, 6.0, 8.0, 8.0]);
        assert_eq!(fill(&[nan, nan], Gaps::Hold), None);
    }
}
