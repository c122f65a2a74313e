//! What a contender is, whatever its name: it decides what the contender may be compared with.

use serde::{Deserialize, Serialize};

use super::contender::{Contender, Kind};
use crate::autoscalers::Baseline;

/// What a contender is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Nature {
    /// An HPA whose fields stay, chosen without the test time: one of the front that a cost at equal lateness is read from.
    #[serde(rename = "static")]
    pub still: bool,
    /// Knows the test time.
    pub foresees: bool,
    /// Changes what pods request: the optimum, which is of pods as they are, is no bound for it.
    pub resizes_pods: bool,
}

impl Contender {
    /// What it is.
    #[must_use]
    pub fn nature(&self) -> Nature {
        let plain = Nature::default();
        match &self.kind {
            Kind::Fixed(_) | Kind::Manifest(_) => Nature { still: true, ..plain },
            Kind::Learned(_) => plain,
            Kind::Resizing(_) => Nature { resizes_pods: true, ..plain },
            Kind::Baseline(baseline) => match baseline {
                Baseline::Stock80 | Baseline::Stock70 | Baseline::Stock50 | Baseline::Tuned => {
                    Nature { still: true, ..plain }
                }
                Baseline::ClairvoyantStatic | Baseline::Clairvoyant | Baseline::ClairvoyantHpa => {
                    Nature { foresees: true, ..plain }
                }
                Baseline::Vpa => Nature { resizes_pods: true, ..plain },
                _ => plain,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn those(what: fn(Nature) -> bool) -> Vec<&'static str> {
        let all = Baseline::ALL.map(|entry| Contender::baseline(entry.0));
        all.iter().zip(Baseline::ALL).filter(|(it, _)| what(it.nature())).map(|(_, entry)| entry.1).collect()
    }

    #[test]
    fn a_baseline_is_what_it_does() {
        assert_eq!(those(|it| it.still), ["stock-80", "stock-70", "stock-50", "tuned"]);
        assert_eq!(those(|it| it.foresees), ["clairvoyant-static", "clairvoyant", "clairvoyant-hpa"]);
        assert_eq!(those(|it| it.resizes_pods), ["vpa"]);
    }

    #[test]
    fn a_name_makes_no_nature() {
        let learned = |name: &str| {
            let kind = Kind::Learned(std::sync::Arc::new(|_, _, _, _| unreachable!("nothing is flown")));
            Contender { name: name.to_owned(), kind }.nature()
        };
        assert_eq!(learned("current"), Nature::default());
        assert_eq!(learned("clairvoyant-x"), Nature::default());
    }
}
