//! Calibration against a recorded run of a real HPA: which effective request, metric resolution, metrics lag and start-up
//! delay make the simulated replicas follow the recorded ones.
//!
//! The recorded CPU total is the input, open loop: the simulated HPA sees it divided by its own pods. What is fitted on
//! the first half of the run is judged on the second, beside a naive rule that knows the same request.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use rayon::prelude::*;
use schemars::JsonSchema;
use serde::Serialize;

use crate::autoscalers::HpaAutoscaler;
use crate::error::InputError;
use crate::hpa;
use crate::sim::{self, TimelineRow, Workload};
use crate::trace::{Header, Series};
use crate::units::{Millicores, SimTime};

/// Metric resolutions that clusters use; an old metrics-server scrapes each minute.
const RESOLUTIONS: [u64; 3] = [15, 30, 60];
/// Ages of a scrape before the HPA can read it that are tried, in seconds: kubelet's statistics are 10 to 15 s old.
const LAGS: [u64; 4] = [0, 15, 30, 60];
/// Medians of the start-up delay that are tried, in seconds.
const STARTS: [u64; 3] = [2, 12, 30];
/// Steps of the effective request around its first estimate: 0.5 to 2 times, 2 % apart.
const REQUEST_STEPS: i32 = 35;
/// Steps around the best of them: 10 %.
const FINE_STEPS: i32 = 5;

/// What was fitted, and how well it holds on the half it was not fitted on.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
pub struct Fit {
    /// Effective CPU request of a pod, all containers together, in millicores.
    pub request_millicores: u32,
    /// Resolution of the metrics, in seconds.
    pub resolution_s: u64,
    /// How old a scrape is before the HPA can read it, in seconds.
    pub lag_s: u64,
    /// Median of the start-up delay, in seconds.
    pub startup_s: u64,
    /// Error on the half that was fitted.
    pub fitted: Agreement,
    /// Error on the half that was held out.
    pub held_out: Agreement,
    /// Error on the held-out half of `ceil(CPU / (target × request))` within the bounds, with its own best request.
    pub naive: Agreement,
}

/// How close simulated replicas are to recorded ones.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
pub struct Agreement {
    /// Mean absolute error, in pods.
    pub mean_absolute_error: f64,
    /// Share of slots that agree to the pod.
    pub exact: f64,
    /// Mean of the recorded replicas.
    pub recorded_mean: f64,
    /// Mean of the simulated replicas.
    pub simulated_mean: f64,
}

/// One candidate.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Candidate {
    request: Millicores,
    resolution: u64,
    lag: u64,
    startup: u64,
}

/// A recorded run: CPU and replicas of the same slots.
struct Recording<'a> {
    header: &'a Header,
    series: Series,
    replicas: &'a [f64],
}

/// Fits one recorded run.
///
/// # Errors
/// A series without CPU or replicas, or with fewer than 20 slots.
pub fn fit(
    series: &Series,
    header: &Header,
    world: &sim::Settings,
    hpa: &hpa::Settings,
    seed: u64,
) -> Result<Fit, InputError> {
    let recording = Recording::new(series, header)?;
    let half = recording.replicas.len() / 2;
    let (first, second) = (0..half, half..recording.replicas.len());
    let target = hpa.target_cpu.map_or(0.8, crate::units::Percent::fraction);
    let score = |candidates: Vec<Candidate>| recording.best(candidates, (world, hpa), seed, &first);
    let guess = score(candidates(recording.first_guess(target, &first), REQUEST_STEPS, &[0]))?;
    // A lag moves the request little, so all lags are tried near it.
    let (best, simulated) = score(candidates(f64::from(guess.0.request.0), FINE_STEPS, &LAGS))?;
    let naive = recording.best_naive(hpa, target, best.request, &first);
    Ok(Fit {
        request_millicores: best.request.0,
        resolution_s: best.resolution,
        lag_s: best.lag,
        startup_s: best.startup,
        fitted: recording.agreement(&simulated, &first),
        held_out: recording.agreement(&simulated, &second),
        naive: recording.agreement(&naive, &second),
    })
}

/// The experiment's world with what was fitted.
#[must_use]
pub fn apply(fit: &Fit, world: &sim::Settings) -> sim::Settings {
    let (request, resolution) = (Millicores(fit.request_millicores), fit.resolution_s);
    let candidate = Candidate { request, resolution, lag: fit.lag_s, startup: fit.startup_s };
    let mut world = world.clone();
    candidate.set(&mut world);
    world
}

fn candidates(guess: f64, steps: i32, lags: &[u64]) -> Vec<Candidate> {
    let requests = (-steps..=steps).map(|step| guess * 1.02_f64.powi(step));
    let mut all = Vec::new();
    for request in requests.map(|millicores| Millicores(millicores.round().clamp(1.0, 1e9) as u32)) {
        for resolution in RESOLUTIONS {
            for &lag in lags {
                all.extend(STARTS.map(|startup| Candidate { request, resolution, lag, startup }));
            }
        }
    }
    all
}

impl Candidate {
    fn set(self, world: &mut sim::Settings) {
        world.pod.cpu_request = self.request;
        world.metrics.resolution = Duration::from_secs(self.resolution);
        world.metrics.lag = Duration::from_secs(self.lag);
        world.startup.median = Duration::from_secs(self.startup);
        world.startup.p99 = Duration::from_secs(self.startup * 2);
    }
}

impl<'a> Recording<'a> {
    fn new(series: &'a Series, header: &'a Header) -> Result<Self, InputError> {
        let missing = |column: &str| {
            let problem = format!("`{}` has no recorded {column}", series.function);
            InputError::new(problem, format!("ingest it with `--map {column}=COLUMN`"))
        };
        let cpu = series.cpu_millicores.clone().ok_or_else(|| missing("cpu"))?;
        let replicas = series.replicas.as_deref().ok_or_else(|| missing("replicas"))?;
        if cpu.len() < 20 {
            let problem = format!("`{}` has {} slots", series.function, cpu.len());
            return Err(InputError::new(problem, "record at least 20 slots"));
        }
        let only_cpu = Series {
            function: series.function.clone(),
            start_ms: series.start_ms,
            cpu_millicores: Some(cpu),
            ..Series::default()
        };
        Ok(Self { header, series: only_cpu, replicas })
    }

    fn cpu(&self) -> &[f64] {
        self.series.cpu_millicores.as_deref().unwrap_or_default()
    }

    /// The median of `CPU / (target × replicas)`: what the request would be if the HPA always sat on its target.
    fn first_guess(&self, target: f64, slots: &Range<usize>) -> f64 {
        let mut ratios: Vec<f64> = slots
            .clone()
            .map(|slot| self.cpu()[slot] / (target * self.replicas[slot]))
            .filter(|ratio| ratio.is_finite() && *ratio > 0.0)
            .collect();
        ratios.sort_by(f64::total_cmp);
        ratios.get(ratios.len() / 2).copied().unwrap_or(100.0)
    }

    /// The candidate that is closest on `slots`, the first of equals, and its replicas.
    fn best(
        &self,
        candidates: Vec<Candidate>,
        (world, hpa): (&sim::Settings, &hpa::Settings),
        seed: u64,
        slots: &Range<usize>,
    ) -> Result<(Candidate, Vec<f64>), InputError> {
        let scored: Result<Vec<_>, InputError> = candidates
            .into_par_iter()
            .map(|candidate| {
                let simulated = self.replay(candidate, world, hpa, seed)?;
                Ok((candidate, self.agreement(&simulated, slots).mean_absolute_error, simulated))
            })
            .collect();
        let best = scored?.into_iter().min_by(|a, b| a.1.total_cmp(&b.1));
        Ok(best.map(|(candidate, _, simulated)| (candidate, simulated)).expect("the grid is not empty"))
    }

    /// Simulated replicas at the end of every slot.
    fn replay(
        &self,
        candidate: Candidate,
        world: &sim::Settings,
        hpa: &hpa::Settings,
        seed: u64,
    ) -> Result<Vec<f64>, InputError> {
        let mut world = world.clone();
        candidate.set(&mut world);
        // What was used was used: no limit may cut it a second time.
        world.pod.cpu_limit = Some(Millicores(u32::MAX));
        // What was recorded swings already.
        world.metrics.swing = false;
        world.workload.scale = 1.0;
        world.workload.fit_pods = None;
        world.pod.replicas = self.replicas.iter().find(|replicas| replicas.is_finite()).map(|&first| first as i32);
        let workload = Arc::new(Workload::new(&self.series, self.header, &world)?);
        let autoscaler = Box::new(HpaAutoscaler::new(hpa));
        let window = workload.window();
        let run = sim::run(&workload, &world, autoscaler, None, seed, window, true);
        Ok(self.per_slot(&run.timeline))
    }

    /// The last row of each slot. Rows are in order of time.
    fn per_slot(&self, timeline: &[TimelineRow]) -> Vec<f64> {
        let start = SimTime(self.series.start_ms * 1000).secs();
        let slot_s = self.header.interval().as_secs_f64();
        let mut rows = timeline.iter().peekable();
        let mut last = timeline.first().map_or(f64::NAN, |row| row.replicas);
        let ends = (1..=self.replicas.len()).map(|slot| start + slot as f64 * slot_s);
        ends.map(|end| {
            while let Some(row) = rows.next_if(|row| row.t <= end) {
                last = row.replicas;
            }
            last
        })
        .collect()
    }

    fn agreement(&self, simulated: &[f64], slots: &Range<usize>) -> Agreement {
        let pairs =
            || slots.clone().map(|slot| (self.replicas[slot], simulated[slot])).filter(|pair| pair.0.is_finite());
        let count = pairs().count().max(1) as f64;
        let mean = |value: fn((f64, f64)) -> f64| pairs().map(value).sum::<f64>() / count;
        Agreement {
            mean_absolute_error: mean(|(recorded, simulated)| (recorded - simulated).abs()),
            exact: mean(|(recorded, simulated)| f64::from((recorded - simulated).abs() < 0.5)),
            recorded_mean: mean(|(recorded, _)| recorded),
            simulated_mean: mean(|(_, simulated)| simulated),
        }
    }

    /// `ceil(CPU / (target × request))` within the bounds, with the request that fits the first half best.
    fn best_naive(&self, hpa: &hpa::Settings, target: f64, guess: Millicores, first: &Range<usize>) -> Vec<f64> {
        let bounds = (f64::from(hpa.min_replicas), f64::from(hpa.max_replicas));
        let rule = |request: f64| -> Vec<f64> {
            let pods = |cpu: &f64| (cpu / (target * request)).ceil().clamp(bounds.0, bounds.1);
            self.cpu().iter().map(pods).collect()
        };
        let requests = (-REQUEST_STEPS..=REQUEST_STEPS).map(|step| f64::from(guess.0) * 1.02_f64.powi(step));
        let error = |replicas: &Vec<f64>| self.agreement(replicas, first).mean_absolute_error;
        requests.map(rule).min_by(|a, b| error(a).total_cmp(&error(b))).expect("the grid is not empty")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTES: usize = 720;

    fn header() -> Header {
        Header { interval_ms: 60_000, origin_ms: None, source: "test".into(), licence: None, tool: "test".into() }
    }

    /// Half-hour cycles between 0.3 and 2.3 cores, as load tests are run.
    fn cycles() -> Series {
        let cpu = |minute: usize| 1300.0 + 1000.0 * (minute as f64 * std::f64::consts::TAU / 30.0).sin();
        let cpu = (0..MINUTES).map(cpu).collect();
        Series { function: "web".into(), cpu_millicores: Some(cpu), ..Series::default() }
    }

    fn recorded(request: u32) -> Series {
        let series = Series { replicas: Some(vec![5.0; MINUTES]), ..cycles() };
        let header = header();
        let recording = Recording::new(&series, &header).unwrap();
        let truth = Candidate { request: Millicores(request), resolution: 15, lag: 0, startup: 12 };
        let replicas = recording.replay(truth, &sim::Settings::default(), &hpa::Settings::default(), 7).unwrap();
        Series { replicas: Some(replicas), ..cycles() }
    }

    #[test]
    fn the_request_of_a_run_is_found_from_its_cpu_and_replicas() {
        let fit = fit(&recorded(320), &header(), &sim::Settings::default(), &hpa::Settings::default(), 1).unwrap();
        let found = f64::from(fit.request_millicores);
        assert!((found / 320.0 - 1.0).abs() < 0.06, "found {found}m for 320m");
        assert!(fit.held_out.mean_absolute_error < 0.2, "{fit:?}");
        assert!(fit.held_out.mean_absolute_error < fit.naive.mean_absolute_error, "{fit:?}");
    }

    #[test]
    fn a_run_without_replicas_cannot_be_fitted() {
        let error = fit(&cycles(), &header(), &sim::Settings::default(), &hpa::Settings::default(), 1).unwrap_err();
        assert!(error.to_string().contains("no recorded replicas"), "{error}");
    }
}
