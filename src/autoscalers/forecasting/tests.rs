//! Whole runs: what forecasts change, and what they leave alone.

use std::sync::Arc;

use super::*;
use crate::hpa::Settings;
use crate::hpa::settings::Direction;
use crate::sim::{Settings as World, Workload, run};
use crate::trace::{Header, Series};

/// A model that always says the same.
#[derive(Debug, Clone)]
struct Fixed(Option<Replicas>);

impl Model for Fixed {
    fn predict(&mut self, _: SimTime, _: Replicas, _: &View<'_>) -> Option<Replicas> {
        self.0
    }
}

fn replicas_of(autoscaler: Box<dyn Autoscaler>, per_minute: &[f64]) -> Vec<i32> {
    let world = World::default();
    let series = Series { function: "f".into(), requests: Some(per_minute.to_vec()), ..Series::default() };
    let header = Header { interval_ms: 60_000, origin_ms: None, source: "t".into(), licence: None, tool: "t".into() };
    let workload = Arc::new(Workload::new(&series, &header, &world).unwrap());
    let rows = run(&workload, &world, autoscaler, None, 1, workload.window(), true).timeline;
    rows.iter().map(|row| row.replicas as i32).collect()
}

#[test]
fn a_model_that_says_nothing_or_less_leaves_the_hpa_alone() {
    let load: Vec<f64> = (0..40).map(|minute| if minute % 10 < 5 { 300.0 } else { 2400.0 }).collect();
    let settings = Settings::default();
    let alone = replicas_of(Box::new(HpaAutoscaler::new(&settings)), &load);
    assert!(alone.iter().max() > alone.iter().min());
    for said in [None, Some(0), Some(1)] {
        assert_eq!(replicas_of(Box::new(Forecasting::new(&settings, Fixed(said))), &load), alone, "{said:?}");
    }
}

#[test]
fn a_forecast_goes_through_policies_and_bounds() {
    let up = Direction { policies: Some(vec!["2 pods per 1m".parse().unwrap()]), ..Direction::default() };
    let settings = Settings { max_replicas: 7, scale_up: Some(up), ..Settings::default() };
    let found = replicas_of(Box::new(Forecasting::new(&settings, Fixed(Some(20)))), &[60.0; 10]);
    let mut steps = found.clone();
    steps.dedup();
    assert_eq!(steps, [4, 6, 7], "two pods a minute beyond the two at the start, up to maxReplicas");
    assert_eq!(found.last(), Some(&7));
}

#[test]
fn without_behavior_the_project_lets_all_pods_go_in_a_minute() {
    let made = Forecasting::project(&Settings::default(), Fixed(None));
    let behavior = made.hpa.spec().behavior.clone().unwrap();
    assert_eq!(behavior.scale_up, ScalingRules::default_up());
    assert_eq!(behavior.scale_down.policies[0].period, Duration::from_secs(60));
    let down = Direction { stabilization: Some(Duration::from_secs(10)), ..Direction::default() };
    let own = Settings { scale_down: Some(down), ..Settings::default() };
    let made = Forecasting::project(&own, Fixed(None));
    assert_eq!(made.hpa.spec().behavior, own.spec().behavior, "a given behavior stays as it is");
}
