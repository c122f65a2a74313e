//! Times as exporters write them: seconds, milliseconds, or dates.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::ingest::map::TimeUnit;

/// How the times of an input are written; settled by the first one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    unit: TimeUnit,
}

/// Numbers above are milliseconds since 1970 (from 1973 on); as seconds they would lie after the year 5000.
const SURELY_MS: f64 = 1e11;
/// Times after are dates since 1970 (1973 and later), not spans since the start of something.
const SURELY_DATE_MS: i64 = 100_000_000_000;

impl Clock {
    pub(super) fn new(unit: TimeUnit) -> Self {
        Self { unit }
    }

    /// The time in milliseconds; `None` when it is not written as the first one was.
    pub(super) fn read(&mut self, text: &str) -> Option<i64> {
        let text = text.trim();
        if self.unit == TimeUnit::Auto {
            self.unit = match text.parse::<f64>() {
                Ok(number) if number.abs() > SURELY_MS => TimeUnit::PerSecond(1000),
                Ok(_) => TimeUnit::PerSecond(1),
                Err(_) => TimeUnit::Date,
            };
        }
        match self.unit {
            TimeUnit::PerSecond(per_second) => number(text, per_second),
            TimeUnit::Auto | TimeUnit::Date => date(text),
        }
    }

    /// What a time should look like, for messages.
    pub(super) fn wanted(self) -> &'static str {
        match self.unit {
            TimeUnit::PerSecond(_) => "write all times as numbers, as the first one is",
            TimeUnit::Auto | TimeUnit::Date => "write a date and a time, such as 2024-08-01 12:30:00",
        }
    }
}

/// Whether a time in milliseconds counts from 1970.
pub(super) fn is_date(ms: i64) -> bool {
    ms >= SURELY_DATE_MS
}

fn number(text: &str, per_second: i64) -> Option<i64> {
    if let Ok(whole) = text.parse::<i64>() {
        return Some(if per_second <= 1000 {
            whole.checked_mul(1000 / per_second)?
        } else {
            whole.div_euclid(per_second / 1000)
        });
    }
    let ms = text.parse::<f64>().ok()? * (1000.0 / per_second as f64);
    (ms.abs() < 9e15).then_some(ms.round() as i64)
}

/// Reads `2024-08-01 12:30:00`, with `T`, `/`, fractions, and an offset or `Z`. Without an offset it is UTC.
fn date(text: &str) -> Option<i64> {
    let slashes = text.get(..10).filter(|day| day.contains('/')).map(|day| day.replace('/', "-") + &text[10..]);
    let text = slashes.as_deref().unwrap_or(text);
    if let Ok(stamp) = text.parse::<Timestamp>() {
        return Some(stamp.as_millisecond());
    }
    let local: DateTime = text.parse().ok()?;
    local.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp().as_millisecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(texts: &[&str]) -> Vec<Option<i64>> {
        let mut clock = Clock::new(TimeUnit::Auto);
        texts.iter().map(|text| clock.read(text)).collect()
    }

    #[test]
    fn seconds_milliseconds_and_dates_are_told_apart() {
        assert_eq!(read(&["0", "60", "90.5"]), [Some(0), Some(60_000), Some(90_500)]);
        assert_eq!(read(&["1751000000", "1751000015.781"]), [Some(1_751_000_000_000), Some(1_751_000_015_781)]);
        assert_eq!(read(&["1751000000000"]), [Some(1_751_000_000_000)]);
        // date -u -d '1998-06-01 00:01:00' +%s gives 896659260.
        let june = Some(896_659_260_000);
        assert_eq!(read(&["1998-06-01 00:01:00", "1998-06-01T00:01:00Z", "1998/06/01 00:01:00"]), [june; 3]);
        assert_eq!(read(&["1998-05-31T20:01:00-04:00", " 1998-06-01 00:01:00.000"]), [june; 2]);
    }

    #[test]
    fn a_time_unlike_the_first_is_none() {
        assert_eq!(read(&["0", "1998-06-01"])[1], None);
        assert_eq!(read(&["1998-06-01 00:00:00", "60", "", "1998-13-01 00:00:00", "ä/äääääääää"])[1..], [None; 4]);
        assert_eq!(read(&["9e300", "nan"]), [None, None]);
    }
}
