//! What the simulated world is like, as TOML tables. Every default names its source.

use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::units::{Bytes, Millicores, Percent, Replicas, optional_span, span};

mod cluster;
mod faults;
mod rollout;

pub use cluster::Cluster;
pub use faults::Faults;
pub use rollout::{IntOrPercent, Rollout};

/// All tables of a simulated world.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Settings {
    /// `[workload]`.
    pub workload: Workload,
    /// `[pod]`.
    pub pod: Pod,
    /// `[startup]`.
    pub startup: Startup,
    /// `[metrics]`.
    pub metrics: MetricsPath,
    /// `[cluster]`.
    pub cluster: Cluster,
    /// `[faults]`.
    pub faults: Faults,
    /// `[rollout]`.
    pub rollout: Rollout,
    /// `[slo]`.
    pub slo: Slo,
    /// `[prices]`.
    pub prices: Prices,
    /// `[requests]`.
    pub requests: Requests,
    /// How closely requests are simulated.
    pub level: Level,
}

/// How closely requests are simulated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Requests flow as a fluid through queues in closed form.
    #[default]
    Fluid,
    /// Every request arrives, waits, computes and leaves by itself.
    Requests,
}

impl Level {
    /// Its name in configuration, tables and documents.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Fluid => "fluid",
            Self::Requests => "requests",
        }
    }
}

/// `[workload]`: how a trace becomes work for pods.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Workload {
    /// Factor on the recorded load, above 0.
    pub scale: f64,
    /// Scales each function so that the 99.5th percentile of its load fills this many pods at 80 % of their request.
    /// Leave it out to take the recorded load as it is. It makes functions of all sizes comparable.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fit_pods: Option<f64>,
    /// CPU time of a request, in milliseconds of one core, for traces that have no CPU. Left out, it is the recorded
    /// duration times `cpu_share`; without durations, 100 ms.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_per_request_ms: Option<f64>,
    /// Share of a request's duration that it spends computing, above 0 and up to 1.
    pub cpu_share: f64,
    /// Coefficient of variation of service times, 0 or more.
    pub service_cv: f64,
    /// The law that single requests' service times are drawn from: `"log-normal"` or `"gamma"` (exponential at a
    /// coefficient of variation of 1). The fluid level always takes log-normal ones.
    pub service_law: Family,
    /// Working set of an idle pod.
    pub memory_base: Bytes,
    /// Working set that a request adds to the pod that has taken it.
    pub memory_per_request: Bytes,
    /// Value of slots where nothing was recorded.
    pub gaps: Gaps,
}

impl Default for Workload {
    /// Service times vary within a function with a coefficient of variation of 0.3 to 1 (Shahrad et al., ATC 2020). Of
    /// many requests in flight most wait, and hold little more than a connection's buffers.
    fn default() -> Self {
        Self {
            scale: 1.0,
            fit_pods: None,
            cpu_per_request_ms: None,
            cpu_share: 1.0,
            service_cv: 1.0,
            service_law: Family::LogNormal,
            memory_base: Bytes(128 << 20),
            memory_per_request: Bytes(64 << 10),
            gaps: Gaps::Linear,
        }
    }
}

/// A family of laws of service times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Family {
    /// Log-normal.
    LogNormal,
    /// Gamma.
    Gamma,
}

/// What stands in for slots where nothing was recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Gaps {
    /// No load.
    Zero,
    /// The last recorded value.
    Hold,
    /// A straight line between the neighbours.
    Linear,
}

/// `[pod]`: the Deployment's pods.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Pod {
    /// CPU request: what utilisation is measured against, and what is paid for.
    pub cpu_request: Millicores,
    /// CPU limit: the most a pod can use. Left out, it is the request (the `Guaranteed` class).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_limit: Option<Millicores>,
    /// Memory request.
    pub memory_request: Bytes,
    /// Memory limit: a pod above it is killed. Left out, it is the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_limit: Option<Bytes>,
    /// Requests that a pod takes at a time, 1 or more. The others wait in front of it, where they take none of its memory.
    pub concurrency: u32,
    /// Coefficient of variation of the CPU speed of pods, 0 or more: each draws its own, log-normal with mean 1, and keeps
    /// it. A pod of speed 2 takes half the CPU time. At the request level only; the fluid level has the mean.
    pub speed_cv: f64,
    /// Speeds of the pods that are there at the start, one by one, each above 0; those without one here draw theirs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub speeds: Vec<f64>,
    /// Replicas at the start; left out, what the load of the first slot needs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replicas: Option<Replicas>,
    /// Name of the pods' one container, as `ContainerResource` metrics refer to it.
    pub container: String,
    /// How long a pod finishes what it holds after it was told to stop.
    #[serde(with = "span")]
    #[schemars(with = "String")]
    pub termination_grace: Duration,
}

impl Default for Pod {
    /// 100 requests at a time are Knative's `container-concurrency-target-default`.
    fn default() -> Self {
        Self {
            cpu_request: Millicores(500),
            cpu_limit: None,
            memory_request: Bytes(512 << 20),
            memory_limit: None,
            concurrency: 100,
            speed_cv: 0.0,
            speeds: Vec::new(),
            replicas: None,
            container: "app".to_owned(),
            termination_grace: Duration::from_secs(30),
        }
    }
}

impl Pod {
    /// The CPU limit in force.
    #[must_use]
    pub fn limit(&self) -> Millicores {
        self.cpu_limit.unwrap_or(self.cpu_request)
    }

    /// The memory limit in force.
    #[must_use]
    pub fn memory_limit(&self) -> Bytes {
        self.memory_limit.unwrap_or(self.memory_request)
    }
}

/// `[startup]`: from a pod's creation to its readiness. A start takes `fixed` plus a log-normal time with the given
/// median and 99th percentile, is rounded up to the next readiness probe, and adds an image pull with probability
/// `1 - image_cached`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Startup {
    /// Container runtime, the same for every pod.
    #[serde(with = "span")]
    #[schemars(with = "String")]
    pub fixed: Duration,
    /// Median of the application's start.
    #[serde(with = "span")]
    #[schemars(with = "String")]
    pub median: Duration,
    /// 99th percentile of the application's start, at least the median.
    #[serde(with = "span")]
    #[schemars(with = "String")]
    pub p99: Duration,
    /// Period of the readiness probe.
    #[serde(with = "span")]
    #[schemars(with = "String")]
    pub probe_period: Duration,
    /// Probability that the image lies on the node already, 0 to 1.
    pub image_cached: f64,
    /// Time of an image pull.
    #[serde(with = "span")]
    #[schemars(with = "String")]
    pub image_pull: Duration,
    /// CPU that a starting pod burns, as a share of its limit, 0 to 1.
    pub cpu_share: f64,
}

impl Default for Startup {
    /// Container runtime 0.26 s; a pod start in a production cluster p50 1.2 s, p99 4.3 s plus the application's own
    /// initialisation, here 10 s in the median (custom images in Huawei's 2025 trace), probed every 5 s.
    fn default() -> Self {
        Self {
            fixed: Duration::from_millis(300),
            median: Duration::from_secs(10),
            p99: Duration::from_secs(25),
            probe_period: Duration::from_secs(5),
            image_cached: 1.0,
            image_pull: Duration::from_secs(15),
            cpu_share: 0.0,
        }
    }
}

/// `[metrics]`: the path from a pod's counters to the HPA.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct MetricsPath {
    /// How often metrics-server scrapes (`--metric-resolution`); a sample is the mean between two scrapes.
    #[serde(with = "span")]
    #[schemars(with = "String")]
    pub resolution: Duration,
    /// How old a scrape is before the HPA can read it.
    #[serde(with = "span")]
    #[schemars(with = "String")]
    pub lag: Duration,
    /// Probability that a pod's sample is missing from a scrape, 0 to 1.
    pub missing: f64,
    /// Whether measured CPU swings around its mean at the fluid level, as that of single requests does. An HPA takes the
    /// highest recommendation of its stabilisation window, so swings cost pods; what is tuned without them does not hold
    /// at the request level, where CPU always swings.
    pub swing: bool,
    /// What the Pods, External and Object metrics of a manifest measure, by their names there, as in
    /// `names = { http_requests = "requests_per_second" }`. The names `requests_per_second` and `in_flight` are known.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub names: BTreeMap<String, Signal>,
}

/// What of the workload a Pods, External or Object metric measures. Pods metrics have it for each pod that serves,
/// External and Object metrics for all pods together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Signal {
    /// Requests that arrived per second between two scrapes.
    RequestsPerSecond,
    /// Requests in service or waiting at a scrape.
    InFlight,
    /// Nothing: the metric fails at every sync, as where no adapter serves it.
    Nothing,
}

impl Signal {
    /// Signals by the names under which they are always known.
    pub const KNOWN: [(&'static str, Self); 2] =
        [("requests_per_second", Self::RequestsPerSecond), ("in_flight", Self::InFlight)];
}

impl MetricsPath {
    /// What a metric of that name measures; `None` when nobody said.
    #[must_use]
    pub fn signal(&self, name: &str) -> Option<Signal> {
        let known = || Signal::KNOWN.into_iter().find(|(known, _)| *known == name).map(|(_, signal)| signal);
        self.names.get(name).copied().or_else(known)
    }
}

impl Default for MetricsPath {
    /// metrics-server's manifest: `--metric-resolution=15s`.
    fn default() -> Self {
        Self {
            resolution: Duration::from_secs(15),
            lag: Duration::ZERO,
            missing: 0.0,
            swing: true,
            names: BTreeMap::new(),
        }
    }
}

/// `[slo]`: which requests count as violations, and how many may.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Slo {
    /// A request is late when it takes longer. Left out, `slowdown` decides.
    #[serde(with = "optional_span", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub latency: Option<Duration>,
    /// A request is late when it takes longer than this multiple of its own service time plus `slack`.
    pub slowdown: f64,
    /// Waiting that is always allowed.
    #[serde(with = "span")]
    #[schemars(with = "String")]
    pub slack: Duration,
    /// Share of requests that shall meet it, in percent.
    pub target: Percent,
    /// A request that waited this long is dropped.
    #[serde(with = "span")]
    #[schemars(with = "String")]
    pub timeout: Duration,
}

impl Default for Slo {
    fn default() -> Self {
        Self {
            latency: None,
            slowdown: 1.0,
            slack: Duration::from_millis(500),
            target: Percent::try_from(99.0).expect("99 is a percentage"),
            timeout: Duration::from_secs(60),
        }
    }
}

/// `[prices]`: what things cost, in dollars. They also weigh the objective of search and learning.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Prices {
    /// A requested core for an hour.
    pub cpu_hour: f64,
    /// A requested GiB of memory for an hour.
    pub gib_hour: f64,
    /// A pod start.
    pub pod_start: f64,
    /// A late or dropped request, as a multiple of what serving it costs on a pod at full use of its request. It weighs
    /// the objective; it is not part of `cost.usd`.
    pub violation: f64,
}

impl Default for Prices {
    /// AWS Fargate, Linux on x86 in us-east-1: $0.04048 a vCPU-hour and $0.004445 a GiB-hour. A violation at 40 times
    /// its own cost leads to about 1 % late requests on real traces.
    fn default() -> Self {
        Self { cpu_hour: 0.04048, gib_hour: 0.004_445, pod_start: 0.0, violation: 40.0 }
    }
}

/// `[requests]`: how single requests come, and which pod gets each. The fluid level does not know single requests.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Requests {
    /// Coefficient of variation of the distances of requests within a slot: 0 is equal distances, 1 a Poisson process.
    pub arrival_cv: f64,
    /// How requests lie within a slot, whose count is kept: `"even"`, `"poisson"`, `"gamma"` or `"h2"` (distances are
    /// gamma, or hyperexponential of two phases with balanced means, of variation `arrival_cv`), or `"mmpp"` (a Poisson
    /// process whose rate is now that of bursts, now that of calm). Left out, `arrival_cv` says: 0 is even, 1 Poisson,
    /// all else gamma.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arrivals: Option<Arrivals>,
    /// Rate within bursts over the mean rate, above 1; with `"mmpp"` only, as the next two.
    pub burst_rate: f64,
    /// Share of time that is burst, between 0 and `1 / burst_rate`, so that calm has a rate too.
    pub burst_share: f64,
    /// Mean length of a burst; lengths are exponential. 1 ms or more.
    #[serde(with = "span")]
    #[schemars(with = "String")]
    pub burst_length: Duration,
    /// How a pod is held to its CPU limit: `"even"`, as a slower processor, as the fluid level has it, or `"cfs"`, which
    /// lets it compute at full speed until the quota of a period of 100 ms is used, as Linux does.
    pub throttling: Throttling,
    /// Which pod gets a request: `"least-outstanding"`, `"round-robin"`, `"weighted-round-robin"`, `"random"` or
    /// `"power-of-two"`.
    pub balancing: Balancing,
    /// Where requests wait that no pod can take: `"gateway"`, in one line for all pods, or `"pod"`, each in front of the
    /// pod that balancing chose for it.
    pub queue: Queue,
    /// Most requests that wait in a line; more are dropped. Left out, lines hold as many as come.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue_limit: Option<u32>,
    /// How often a client sends a request again that was dropped, lost with its pod, or not answered within `slo.timeout`
    /// and its own service time, 0 to 10. It then counts as served, and as late by the time since it was first sent.
    pub retries: u32,
    /// Most time that a client waits before it sends a request again the first time; it is drawn between 0 and this, which
    /// doubles each time. Above 0.
    #[serde(with = "span")]
    #[schemars(with = "String")]
    pub retry_backoff: Duration,
}

impl Default for Requests {
    /// Counts of a slot say nothing about where in it requests lie, so they lie independently. Envoy's `LEAST_REQUEST`
    /// and Knative's activator know what each pod holds, and keep what no pod can take. 25 ms are Envoy's
    /// `retry_back_off.base_interval`. Bursts of a second at five times the mean rate are an example, not a measurement.
    fn default() -> Self {
        Self {
            arrival_cv: 1.0,
            arrivals: None,
            burst_rate: 5.0,
            burst_share: 0.1,
            burst_length: Duration::from_secs(1),
            throttling: Throttling::Even,
            balancing: Balancing::LeastOutstanding,
            queue: Queue::Gateway,
            queue_limit: None,
            retries: 0,
            retry_backoff: Duration::from_millis(25),
        }
    }
}

/// How requests lie within a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Arrivals {
    /// At equal distances.
    Even,
    /// Independent of each other.
    Poisson,
    /// Gamma distances.
    Gamma,
    /// Hyperexponential distances.
    H2,
    /// In bursts.
    Mmpp,
}

/// How a pod is held to its CPU limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Throttling {
    /// As a slower processor.
    Even,
    /// By a quota in each period.
    Cfs,
}

/// A rule of load balancing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Balancing {
    /// The pod that holds fewest requests; of equal ones in turn.
    LeastOutstanding,
    /// In turn.
    RoundRobin,
    /// In turn, pods of a larger weight more often. All weights are 1 unless a program sets others.
    WeightedRoundRobin,
    /// Any pod, as kube-proxy's iptables mode does.
    Random,
    /// The less loaded of two pods taken by chance.
    PowerOfTwo,
}

/// Where requests wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Queue {
    /// In one line for all pods.
    Gateway,
    /// In front of single pods.
    Pod,
}
