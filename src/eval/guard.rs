//! Where tuning by learning is not worth its trouble, or stands on thin ground: a sentence each, with the reason.

use std::time::Duration;

use crate::trace::{Header, Series};
use crate::units::friendly;

/// At this many requests a minute or fewer one pod waits for work under any policy. Most functions of the Azure 2019
/// trace are below (Shahrad et al., Serverless in the Wild, USENIX ATC 2020, fig. 5).
const LEAST_TRAFFIC: f64 = 1.0;

/// With less training time no hour of the day is seen twice.
const LEAST_TRAINING: Duration = Duration::from_hours(48);

/// Mean requests a minute over the slots that were recorded; `None` where requests were not.
#[must_use]
pub fn requests_per_minute(series: &Series, header: &Header) -> Option<f64> {
    let known: Vec<f64> = series.requests.as_ref()?.iter().copied().filter(|count| count.is_finite()).collect();
    let minutes = header.interval().as_secs_f64() / 60.0 * known.len() as f64;
    (minutes > 0.0).then(|| known.iter().sum::<f64>() / minutes)
}

/// Why traffic is too thin for a policy to gain anything.
#[must_use]
pub fn thin_traffic(series: &Series, header: &Header) -> Option<String> {
    let rate = requests_per_minute(series, header)?;
    (rate <= LEAST_TRAFFIC).then(|| {
        format!(
            "{:?} has {rate:.2} requests a minute: hardly two ever meet, so no autoscaler has anything to gain over a \
             fixed number of pods",
            series.function
        )
    })
}

/// Why training time is too short to learn from.
#[must_use]
pub fn short_training(function: &str, train: Duration) -> Option<String> {
    (train < LEAST_TRAINING).then(|| {
        format!(
            "{function:?} has {} of training time: with less than {} no hour of the day is seen twice, and what is learned \
             may hold for those hours only",
            friendly(train),
            friendly(LEAST_TRAINING)
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> Header {
        Header { interval_ms: 30_000, origin_ms: None, source: "test".into(), licence: None, tool: "0".into() }
    }

    fn calls(requests: Option<Vec<f64>>) -> Series {
        Series { function: "web".into(), requests, ..Series::default() }
    }

    #[test]
    fn a_request_a_minute_is_too_few_and_slots_without_a_record_do_not_count() {
        let few = calls(Some(vec![0.0, f64::NAN, 1.0]));
        assert_eq!(requests_per_minute(&few, &header()), Some(1.0));
        assert!(thin_traffic(&few, &header()).unwrap().contains("has 1.00 requests a minute"));
        assert_eq!(thin_traffic(&calls(Some(vec![0.0, 2.0])), &header()), None);
        assert_eq!(thin_traffic(&calls(None), &header()), None, "what was not recorded is not judged");
    }

    #[test]
    fn two_days_of_training_are_enough() {
        assert!(short_training("web", Duration::from_hours(47)).is_some());
        assert_eq!(short_training("web", Duration::from_hours(48)), None);
    }
}
