//! The fluid level against the request level: how far the fast approximation is from requests simulated one by one, over
//! load, service, pods and burstiness. `cargo test --release --test levels -- --nocapture` prints the table.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test that panics has failed; this one prints a table")]

use std::sync::Arc;
use std::time::Duration;

use hpatune::autoscalers::HpaAutoscaler;
use hpatune::hpa;
use hpatune::sim::{Level, Run, Settings, Workload, run};
use hpatune::trace::synth::{Profile, Recipe};
use hpatune::units::Percent;

const SEEDS: u64 = 3;

/// A service under a stock HPA for twelve hours.
#[derive(Debug, Clone, Copy)]
struct Cell {
    profile: Profile,
    /// Pods that the busiest minutes fill.
    pods: f64,
    cpu_ms: f64,
    cv: f64,
    /// CPU target in percent.
    target: f64,
    /// Requests that a pod takes at a time.
    concurrency: u32,
}

const BASE: Cell =
    Cell { profile: Profile::Weekly, pods: 12.0, cpu_ms: 100.0, cv: 1.0, target: 70.0, concurrency: 100 };

/// One change of the base at a time.
fn cells() -> Vec<Cell> {
    let mut cells = vec![BASE];
    cells.extend(
        [Profile::Constant, Profile::Diurnal, Profile::Bursty, Profile::OnOff].map(|profile| Cell { profile, ..BASE }),
    );
    cells.extend([3.0, 50.0].map(|pods| Cell { pods, ..BASE }));
    cells.extend([20.0, 500.0, 2000.0].map(|cpu_ms| Cell { cpu_ms, ..BASE }));
    cells.extend([0.0, 2.0].map(|cv| Cell { cv, ..BASE }));
    cells.extend([50.0, 90.0].map(|target| Cell { target, ..BASE }));
    cells.extend([1, 4].map(|concurrency| Cell { concurrency, ..BASE }));
    cells
}

/// Figures of a level, means over seeds.
#[derive(Debug, Clone, Copy)]
struct Figures {
    violations: f64,
    p95_ms: f64,
    pod_hours: f64,
}

impl Cell {
    fn at(&self, level: Level, swing: bool) -> Figures {
        let mut settings = Settings { level, ..Settings::default() };
        settings.metrics.swing = swing;
        settings.workload.fit_pods = Some(self.pods);
        settings.workload.cpu_per_request_ms = Some(self.cpu_ms);
        settings.workload.service_cv = self.cv;
        settings.pod.concurrency = self.concurrency;
        let recipe = Recipe { seed: 5, duration: Duration::from_secs(43_200), ..Recipe::new(self.profile) };
        let trace = recipe.synthesize().unwrap();
        let mut series = trace.functions[0].clone();
        // CPU follows from the settings.
        (series.cpu_millicores, series.duration_ms) = (None, None);
        let workload = Arc::new(Workload::new(&series, &trace.header, &settings).unwrap());
        let hpa = hpa::Settings {
            target_cpu: Percent::try_from(self.target).ok(),
            max_replicas: 200,
            ..hpa::Settings::default()
        };
        let one =
            |seed| run(&workload, &settings, Box::new(HpaAutoscaler::new(&hpa)), None, seed, workload.window(), false);
        let runs: Vec<Run> = (0..SEEDS).map(one).collect();
        let mean = |figure: &dyn Fn(&Run) -> f64| runs.iter().map(figure).sum::<f64>() / SEEDS as f64;
        Figures {
            violations: mean(&|run| run.outcome.slo.violation_rate),
            p95_ms: mean(&|run| run.outcome.latency_ms.p95),
            pod_hours: mean(&|run| run.outcome.cost.replica_hours),
        }
    }
}

impl Cell {
    /// The known error of the fluid level when measured CPU swings as that of single requests does.
    fn bounded(&self, fluid: Figures, requests: Figures) {
        let hours = fluid.pod_hours / requests.pod_hours - 1.0;
        assert!(hours.abs() < 0.035, "{self:?}: pod-hours off by {hours}");
        let late = fluid.violations - requests.violations;
        let most = if self.cpu_ms > 100.0 || self.target > 80.0 { 0.015 } else { 0.008 };
        assert!(late.abs() < most, "{self:?}: late share off by {late}");
        let p95 = fluid.p95_ms / requests.p95_ms - 1.0;
        let most = if self.profile == Profile::OnOff || self.cv < 0.1 { 0.4 } else { 0.08 };
        assert!(p95.abs() < most, "{self:?}: p95 off by {p95}");
    }

    /// Without swings an HPA sees less cause for pods (it takes the highest recommendation of five minutes), the more so
    /// the longer and the fewer requests are.
    fn lacks_pods(&self, plain: Figures, requests: Figures) {
        let hours = plain.pod_hours / requests.pod_hours - 1.0;
        assert!((-0.36..0.0).contains(&hours), "{self:?}: pod-hours off by {hours}");
    }
}

#[test]
fn the_fluid_level_is_near_requests_one_by_one() {
    println!("Twelve hours, 500m pods, stock HPA, means of {SEEDS} seeds.");
    println!(
        "Late shares and p95: requests, fluid with metrics.swing, fluid without; pod-hours: requests, and errors."
    );
    println!("profile   pods cpu ms  cv  tgt conc |        late %        |        p95 ms        |       pod-hours");
    for cell in cells() {
        let (plain, fluid) = (cell.at(Level::Fluid, false), cell.at(Level::Fluid, true));
        let requests = cell.at(Level::Requests, false);
        let off = |fluid: Figures| 100.0 * (fluid.pod_hours / requests.pod_hours - 1.0);
        println!(
            "{:<9} {:>4} {:>6} {:>3} {:>4} {:>4} | {:>6.2} {:>6.2} {:>6.2} | {:>6.0} {:>6.0} {:>6.0} | {:>6.1} {:>+6.1} {:>+6.1}",
            cell.profile.name(),
            cell.pods,
            cell.cpu_ms,
            cell.cv,
            cell.target,
            cell.concurrency,
            100.0 * requests.violations,
            100.0 * fluid.violations,
            100.0 * plain.violations,
            requests.p95_ms,
            fluid.p95_ms,
            plain.p95_ms,
            requests.pod_hours,
            off(fluid),
            off(plain),
        );
        cell.bounded(fluid, requests);
        cell.lacks_pods(plain, requests);
    }
}
