//! From the columns of a series to what arrives in each slot.

use super::gaps;
use super::settings;
use super::workload::{PodShape, Slot};
use crate::error::InputError;
use crate::trace::Series;

/// CPU time of a request when nothing is known, and of the tasks that CPU recorded without requests consists of.
pub(super) const DEFAULT_CPU_S: f64 = 0.1;

/// More pods than this are a mistake of units.
const MOST_PODS: f64 = 1e7;

/// Rate, CPU and service time of each slot, unscaled.
pub(super) fn slots(
    series: &Series,
    interval_s: f64,
    settings: &settings::Workload,
    pod: PodShape,
) -> Result<Vec<Slot>, InputError> {
    let filled = |column: &Option<Vec<f64>>| gaps::fill(column.as_deref()?, settings.gaps);
    let (requests, cpu) = (filled(&series.requests), filled(&series.cpu_millicores));
    let duration = filled(&series.duration_ms).or_else(|| filled(&series.duration_p50_ms));
    let slots = match (&requests, &cpu) {
        (Some(requests), _) => {
            let one = |(i, &count): (usize, &f64)| {
                let cores = cpu.as_ref().map(|cpu| cpu[i] / 1e3);
                let duration = duration.as_ref().map(|duration| duration[i] / 1e3);
                request_slot(count / interval_s, cores, duration, settings, pod)
            };
            requests.iter().enumerate().map(one).collect()
        }
        (None, Some(cpu)) => cpu.iter().map(|&milli| work_slot(milli / 1e3, settings, pod)).collect(),
        (None, None) => Vec::new(),
    };
    if slots.is_empty() || interval_s <= 0.0 {
        let help = "leave it out with --function, or ingest its requests or its CPU";
        let problem = format!("function {:?} has no recorded load", series.function);
        return Err(InputError::new(problem, help));
    }
    Ok(slots)
}

/// A slot of requests. What a request computes comes from the CPU of the slot, else from the settings, else from its
/// duration; the rest of a recorded duration is waiting for others, which takes no CPU.
fn request_slot(
    rate: f64,
    cores: Option<f64>,
    duration_s: Option<f64>,
    settings: &settings::Workload,
    pod: PodShape,
) -> Slot {
    let measured = cores.filter(|_| rate > 0.0).map(|cores| cores / rate);
    let given = settings.cpu_per_request_ms.map(|milli| milli / 1e3);
    let derived = duration_s.map(|duration| duration * settings.cpu_share);
    let cpu_s = measured.or(given).or(derived).unwrap_or(DEFAULT_CPU_S);
    let idle_s = duration_s.map_or(0.0, |duration| (duration - cpu_s).max(0.0));
    let busy_s = cpu_s / pod.speed;
    Slot { rate, cpu_s, busy_s, service_s: busy_s + idle_s, load: rate * cpu_s / pod.request, demand: 0 }
}

/// CPU time of a task of a trace without requests.
fn task_s(settings: &settings::Workload, pod: PodShape) -> f64 {
    settings.cpu_per_request_ms.map_or(DEFAULT_CPU_S, |milli| milli / 1e3).min(pod.request)
}

/// What a task counts: 1 where requests were recorded, else its share of a pod-second.
pub(super) fn task_weight(series: &Series, settings: &settings::Workload, pod: PodShape) -> f64 {
    let recorded = series.requests.as_deref().is_some_and(|requests| requests.iter().any(|count| !count.is_nan()));
    if recorded { 1.0 } else { task_s(settings, pod) / pod.request }
}

/// A slot of CPU without requests: work counted in pod-seconds, which queues as tasks of the CPU time of a request.
fn work_slot(cores: f64, settings: &settings::Workload, pod: PodShape) -> Slot {
    let task_s = task_s(settings, pod);
    let busy_s = task_s / pod.speed;
    let load = cores / pod.request;
    Slot { rate: load, cpu_s: pod.request, busy_s, service_s: busy_s, load, demand: 0 }
}

/// The factor that `scale` and `fit_pods` ask for.
pub(super) fn scale(slots: &[Slot], settings: &settings::Workload) -> Result<f64, InputError> {
    let Some(pods) = settings.fit_pods else { return Ok(settings.scale) };
    let mut loads: Vec<f64> = slots.iter().map(|slot| slot.load).collect();
    loads.sort_unstable_by(f64::total_cmp);
    let high = loads[((loads.len() - 1) as f64 * 0.995).round() as usize];
    let fitted = if high > 0.0 { high } else { loads[loads.len() - 1] };
    if fitted <= 0.0 {
        let help = "leave the function out with --function, or leave out workload.fit_pods";
        return Err(InputError::new("there is no load to scale", help).field("workload.fit_pods"));
    }
    Ok(settings.scale * 0.8 * pods / fitted)
}

/// Refuses loads that no cluster could hold.
pub(super) fn check(slots: &[Slot]) -> Result<(), InputError> {
    let most = slots.iter().map(|slot| slot.load).fold(0.0, f64::max);
    let sane = |slot: &Slot| slot.load <= MOST_PODS && slot.rate.is_finite() && slot.service_s.is_finite();
    if slots.iter().all(sane) {
        return Ok(());
    }
    let help = "check the units of the trace (--map FIELD=COLUMN:UNIT), workload.scale and pod.cpu_request";
    Err(InputError::new(format!("its peak load is worth {most:.3e} pods"), help))
}
