//! Function-level tables: limits, rate limits, stabilisation and the event log on their own.

use hpatune::hpa::api::{self, HorizontalPodAutoscalerSpec};
use hpatune::hpa::events::{EventLog, ScaleEvent, store};
use hpatune::hpa::limits::{Limited, with_behavior, without_behavior};
use hpatune::hpa::spec::{ScalingRules, Spec};
use hpatune::hpa::stabilize::{Recommendation, stabilize, stabilize_with_behavior};
use hpatune::units::SimTime;
use serde::Deserialize;

use super::record::{Event, Recommended};
use super::replay::{events, recommendations, span};

#[derive(Deserialize)]
pub(crate) struct Table {
    id: String,
    function: String,
    input: Input,
    expected: Outcome,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Input {
    current_replicas: i32,
    min_replicas: i32,
    max_replicas: i32,
    stabilized_replicas: i32,
    downscale_stabilization: f64,
    recommendation: i32,
    recommendations: Vec<Recommended>,
    scale_up_stabilization_window_seconds: f64,
    scale_down_stabilization_window_seconds: f64,
    scale_up: Option<api::ScalingRules>,
    scale_down: Option<api::ScalingRules>,
    scale_up_events: Vec<Event>,
    scale_down_events: Vec<Event>,
    change: i32,
    direction: String,
    events: Vec<Event>,
    policies: Vec<api::ScalingPolicy>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Outcome {
    replicas: Option<i32>,
    reason: Option<String>,
    reason_if_changed: Option<String>,
    recommendations_after: Option<Vec<Recommended>>,
    events_after: Option<Vec<Event>>,
}

/// What differs, if anything.
pub(crate) fn check(table: &Table) -> Option<String> {
    let (expected, found) = match table.function.as_str() {
        "clampLegacy" => {
            let i = &table.input;
            let found = without_behavior(i.stabilized_replicas, i.current_replicas, i.min_replicas, i.max_replicas);
            (limited(&table.expected), show_limited(found))
        }
        "rateLimit" => (limited(&table.expected), show_limited(rate_limit(&table.input))),
        "stabilizeLegacy" => {
            let mut history = recommendations(&table.input.recommendations);
            let window = span(table.input.downscale_stabilization);
            let found = stabilize(&mut history, table.input.recommendation, SimTime::ZERO, window);
            (stabilized(&table.expected), show_stabilized(found.replicas, &history))
        }
        "stabilizeBehavior" => stabilize_behavior(&table.input, &table.expected),
        "storeScaleEvent" => {
            let mut list = events(&table.input.events);
            store(&mut list, table.input.change, SimTime::ZERO, &rules_with(&table.input.policies));
            let wanted: Vec<ScaleEvent> = events(table.expected.events_after.as_deref().unwrap_or_default());
            assert!(matches!(table.input.direction.as_str(), "up" | "down"), "{}", table.id);
            (format!("{wanted:?}"), format!("{list:?}"))
        }
        other => panic!("{}: unknown function {other}", table.id),
    };
    (expected != found).then(|| format!("{}\n    expected {expected}\n    found    {found}\n", table.id))
}

fn limited(expected: &Outcome) -> String {
    format!("{} {}", expected.replicas.unwrap(), expected.reason.as_deref().unwrap())
}

fn show_limited(found: Limited) -> String {
    format!("{} {}", found.replicas, found.reason)
}

fn stabilized(expected: &Outcome) -> String {
    let after = recommendations(expected.recommendations_after.as_deref().unwrap_or_default());
    show_stabilized(expected.replicas.unwrap(), &after)
}

fn show_stabilized(replicas: i32, history: &[Recommendation]) -> String {
    format!("{replicas} {history:?}")
}

/// A spec with these rules, through the API's types.
fn spec(input: &Input) -> Spec {
    let behavior = Some(api::Behavior { scale_up: input.scale_up.clone(), scale_down: input.scale_down.clone() });
    let spec = HorizontalPodAutoscalerSpec {
        min_replicas: Some(input.min_replicas),
        max_replicas: input.max_replicas,
        behavior,
        ..HorizontalPodAutoscalerSpec::default()
    };
    spec.spec()
}

fn rate_limit(input: &Input) -> Limited {
    let spec = spec(input);
    let behavior = spec.behavior.as_ref().unwrap();
    let events = EventLog { ups: events(&input.scale_up_events), downs: events(&input.scale_down_events) };
    with_behavior(input.stabilized_replicas, input.current_replicas, &spec, behavior, &events, SimTime::ZERO)
}

fn stabilize_behavior(input: &Input, expected: &Outcome) -> (String, String) {
    let mut history = recommendations(&input.recommendations);
    let windows =
        (span(input.scale_up_stabilization_window_seconds), span(input.scale_down_stabilization_window_seconds));
    let (raw, current) = (input.recommendation, input.current_replicas);
    let found = stabilize_with_behavior(&mut history, raw, current, SimTime::ZERO, windows);
    let reason = if raw >= current { "ScaleUpStabilized" } else { "ScaleDownStabilized" };
    let wanted = format!("{} {}", stabilized(expected), expected.reason_if_changed.as_deref().unwrap_or(reason));
    (wanted, format!("{} {reason}", show_stabilized(found.replicas, &history)))
}

fn rules_with(policies: &[api::ScalingPolicy]) -> ScalingRules {
    let rules = api::ScalingRules { policies: Some(policies.to_vec()), ..api::ScalingRules::default() };
    let input = Input { scale_up: Some(rules), ..Input::default() };
    spec(&input).behavior.unwrap().scale_up
}
