//! One decision outside of the simulator: from recent metrics of a running function to a patch for its HPA.

use crate::error::InputError;
use crate::forecast::window;
use crate::hpa::Spec;
use crate::sim::{Autoscaler, Knobs, Patch, Telemetry, Totals, Tuner, Workload};
use crate::trace::Series;
use crate::units::{Replicas, SimTime};
use crate::{autoscalers::HpaAutoscaler, hpa};

/// Slots at the end of the metrics in which a value is still current.
const CURRENT_SLOTS: usize = 3;

/// What is known of a running function at the end of its metrics.
#[derive(Debug, Clone, Copy)]
pub struct Sighting<'a> {
    /// The recorded load.
    pub workload: &'a Workload,
    /// `scale.spec.replicas`.
    pub replicas: Replicas,
    /// Mean CPU of a pod as a ratio to its request, where it was recorded.
    pub utilization: Option<f64>,
    /// Share of requests late or dropped since the decision before, 0 to 1.
    pub violation_rate: f64,
}

impl<'a> Sighting<'a> {
    /// Reads replicas and utilisation off the last slots of `series`; `replicas` stands for what was not recorded.
    ///
    /// # Errors
    /// Nobody says how many replicas there are, or there are less than 0 or more than 2³¹.
    pub fn new(workload: &'a Workload, series: &Series, replicas: Option<Replicas>) -> Result<Self, InputError> {
        let recorded = latest(series.replicas.as_deref()).map(f64::round);
        let replicas = match (replicas, recorded) {
            (Some(given), _) => given,
            (None, Some(count)) if (0.0..=f64::from(Replicas::MAX)).contains(&count) => count as Replicas,
            (None, Some(count)) => {
                let problem = format!("{count} is no number of replicas");
                return Err(InputError::new(problem, "write 0 or more").field("replicas"));
            }
            (None, None) => {
                let problem = "the last slots of the metrics do not say how many replicas there are";
                let help = "map a column with `--map replicas=COLUMN`, or give --replicas";
                return Err(InputError::new(problem, help).field("replicas"));
            }
        };
        let request = workload.pod().request;
        let cores = latest(series.cpu_millicores.as_deref()).map(|millicores| millicores / 1000.0);
        let utilization = cores.filter(|_| replicas > 0).map(|cores| cores / f64::from(replicas) / request);
        Ok(Self { workload, replicas, utilization, violation_rate: 0.0 })
    }

    /// The instant of the sighting: the end of the metrics.
    #[must_use]
    pub fn now(&self) -> SimTime {
        self.workload.window().end
    }

    /// Mean offered load of the last two minutes, in pods' worth.
    #[must_use]
    pub fn load(&self) -> f32 {
        let load = self.workload.load_until(self.now());
        window::mean(&load[load.len().saturating_sub(8)..])
    }

    /// What `tuner` changes now in an HPA of these fields.
    pub fn decide(&self, tuner: &mut dyn Tuner, knobs: Option<Knobs>) -> Patch {
        let now = self.now();
        let totals = Totals { offered: 1.0, completed: 1.0, late: self.violation_rate, ..Totals::default() };
        let telemetry = Telemetry {
            load: self.workload.load_until(now),
            second_of_day: self.workload.second_of_day(now),
            spec_replicas: self.replicas,
            ready: self.replicas,
            starting: 0,
            utilization: self.utilization,
            backlog_s: 0.0,
            knobs,
            totals: &totals,
            gauges: None,
        };
        tuner.decide(now, &telemetry)
    }
}

/// The fields of a live HPA that a tuner can move.
#[must_use]
pub fn knobs(spec: &Spec, flags: hpa::Flags) -> Option<Knobs> {
    HpaAutoscaler::from_spec(spec.clone(), flags).knobs()
}

/// A live HPA's spec after a patch, held to what the API server accepts.
#[must_use]
pub fn patched(spec: &Spec, flags: hpa::Flags, patch: &Patch) -> Spec {
    let mut autoscaler = HpaAutoscaler::from_spec(spec.clone(), flags);
    autoscaler.patch(patch);
    autoscaler.spec().clone()
}

/// The newest value of the last [`CURRENT_SLOTS`].
fn latest(values: Option<&[f64]>) -> Option<f64> {
    let values = values?;
    values[values.len().saturating_sub(CURRENT_SLOTS)..].iter().rev().copied().find(|value| value.is_finite())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::sim;
    use crate::trace::Header;

    fn sighted(replicas: Vec<f64>, given: Option<Replicas>) -> Result<(Replicas, Option<f64>, f32), InputError> {
        let header =
            Header { interval_ms: 60_000, origin_ms: None, source: String::new(), licence: None, tool: String::new() };
        let series = Series {
            function: "web".to_owned(),
            cpu_millicores: Some(vec![500.0, 500.0, 1500.0, 1000.0]),
            replicas: Some(replicas),
            ..Series::default()
        };
        let workload = Workload::new(&series, &header, &sim::Settings::default()).unwrap();
        let sighting = Sighting::new(&workload, &series, given)?;
        Ok((sighting.replicas, sighting.utilization, sighting.load()))
    }

    #[test]
    fn the_last_slots_say_what_is_current() {
        // 500m pods: 1000m on 4 of them is half of what they ask for; 1250m in the last two minutes fill 2.5 pods.
        assert_eq!(sighted(vec![2.0, 4.0, 4.0, f64::NAN], None).unwrap(), (4, Some(0.5), 2.5));
        assert_eq!(sighted(vec![2.0, 4.0, 4.0, f64::NAN], Some(2)).unwrap().0, 2);
        let unknown = sighted(vec![2.0, f64::NAN, f64::NAN, f64::NAN], None).unwrap_err();
        assert_eq!(unknown.field.as_deref(), Some("replicas"));
    }

    #[test]
    fn a_patch_changes_what_it_names() {
        let spec = hpa::Settings::default().spec();
        let flags = hpa::Settings::default().flags();
        assert_eq!(patched(&spec, flags, &Patch::default()), spec);
        let more = patched(&spec, flags, &Patch { min_replicas: Some(7), ..Patch::default() });
        assert_eq!(knobs(&more, flags).map(|knobs| knobs.min_replicas), Some(7));
        assert_eq!(knobs(&spec, flags).map(|knobs| knobs.stabilize_down), Some(Duration::from_secs(300)));
    }
}
