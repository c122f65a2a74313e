//! What is judged: one function of one trace, with its training and test time.

use std::ops::Range;
use std::sync::Arc;

use super::split;
use super::tune::search::Ground;
use crate::autoscalers::Context;
use crate::error::InputError;
use crate::hpa;
use crate::sim::{self, Workload};
use crate::trace::Trace;
use crate::trace::split::ranges;
use crate::units::SimTime;

/// A function of a trace.
#[derive(Debug, Clone)]
pub struct Task {
    /// The trace's name.
    pub trace: String,
    /// The function's name.
    pub function: String,
    /// The whole of its traffic.
    pub workload: Arc<Workload>,
    /// What tuning and learning may see.
    pub train: Range<SimTime>,
    /// What chooses between things learned; may be empty.
    pub validation: Range<SimTime>,
    /// What policies are judged on.
    pub test: Range<SimTime>,
}

/// A function that cannot be judged, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// The function's name.
    pub function: String,
    /// The reason.
    pub reason: String,
}

/// Least training and test time of a function, in slots.
const LEAST_SLOTS: i64 = 4;

/// The functions of a trace, all cut at the same two points in time. Functions without enough training or test time, or
/// without any load, are skipped.
///
/// # Errors
/// What [`Workload::new`] refuses, or a trace of which nothing is left.
pub fn tasks(
    name: &str,
    trace: &Trace,
    world: &sim::Settings,
    split: &split::Settings,
) -> Result<(Vec<Task>, Vec<Skipped>), InputError> {
    let (mut tasks, mut skipped) = (Vec::new(), Vec::new());
    let cuts = cuts(trace, split);
    for series in &trace.functions {
        let mut skip = |reason: &str| {
            skipped.push(Skipped { function: series.function.clone(), reason: reason.to_owned() });
        };
        if !Workload::is_loaded(series, &trace.header, world) {
            skip("it has no load");
            continue;
        }
        let workload = Arc::new(Workload::new(series, &trace.header, world)?);
        let window = workload.window();
        let at = |cut_ms: i64| SimTime((cut_ms - series.start_ms).saturating_mul(1000)).clamp(window.start, window.end);
        let (train, test) = (window.start..at(cuts[0]), at(cuts[1])..window.end);
        let validation = train.end..test.start;
        let slots = |window: &Range<SimTime>| (window.end.0 - window.start.0) / workload.interval_us();
        if slots(&train) < LEAST_SLOTS {
            skip("it has no training time");
        } else if slots(&test) < LEAST_SLOTS {
            skip("it has no test time");
        } else {
            tasks.push(Task {
                trace: name.to_owned(),
                function: series.function.clone(),
                workload,
                train,
                validation,
                test,
            });
        }
    }
    if tasks.is_empty() {
        let help = "give a longer trace, or other shares in [split]";
        let reason = skipped.first().map_or("", |it| it.reason.as_str());
        return Err(InputError::new(format!("no function of {name} can be judged: {reason}"), help));
    }
    Ok((tasks, skipped))
}

/// Where training ends and the test begins, in milliseconds from the origin.
fn cuts(trace: &Trace, split: &split::Settings) -> [i64; 2] {
    let (span, interval) = (trace.span_ms(), trace.header.interval_ms);
    let slots = usize::try_from((span.end - span.start) / interval).unwrap_or(0);
    let [train, _, test] = ranges(slots, split.train, split.validation);
    let at = |slot: usize| span.start + interval * slot as i64;
    [at(train.end), at(test.start)]
}

impl Task {
    /// What a baseline may know.
    #[must_use]
    pub fn context<'a>(&'a self, hpa: &'a hpa::Settings) -> Context<'a> {
        Context { hpa, workload: &self.workload, train: self.train.clone() }
    }

    /// Where a search may look.
    #[must_use]
    pub fn ground(&self) -> Ground {
        Ground { workload: Arc::clone(&self.workload), window: self.train.clone() }
    }

    /// The test time as the ground of a search: for what could be known in hindsight only.
    #[must_use]
    pub fn hindsight(&self) -> Ground {
        Ground { workload: Arc::clone(&self.workload), window: self.test.clone() }
    }
}
