//! The rules between fields, and the ranges that no type holds.

use super::Experiment;
use crate::env;
use crate::env::settings::Mode;
use crate::error::{InputError, above_zero, at_least, within};
use crate::sim::settings::IntOrPercent;
use crate::units::friendly;

impl Experiment {
    /// Checks every rule; the error names the field, without its place.
    ///
    /// # Errors
    /// The first rule that is broken.
    pub fn validate(&self) -> Result<(), InputError> {
        self.validate_hpa()?;
        self.validate_world()?;
        self.validate_slo()?;
        self.split.validate()?;
        self.tune.validate()?;
        self.env.validate()?;
        self.train.validate()?;
        self.train.validate_sequence(self.env.steps())?;
        self.train.validate_heads(&env::Actions::new(&self.env.action).distributions())?;
        self.train.validate_features(&env::Sight::new(&self.env).names())?;
        self.validate_masks()?;
        self.validate_mode()
    }

    /// Who learns without masks cannot be held by them; a safety critic chooses among all actions.
    fn validate_masks(&self) -> Result<(), InputError> {
        let action = &self.env.action;
        let knows = self.train.algorithm.knows_masks();
        if !knows && (action.masks == Some(true) || !action.cooldown.is_zero()) {
            let problem = format!("{} knows no masks", self.train.algorithm.name());
            let field = if action.masks == Some(true) { "env.action.masks" } else { "env.action.cooldown" };
            return Err(InputError::new(problem, "leave it out, or take another algorithm").field(field));
        }
        if self.train.safety.enabled && action.masked() && knows {
            let problem = "a safety critic chooses among all actions, also those that are masked";
            let help = "set train.safety.enabled = false, or env.action.masks = false";
            return Err(InputError::new(problem, help).field("train.safety.enabled"));
        }
        Ok(())
    }

    /// What the modes that set replicas themselves take for granted.
    fn validate_mode(&self) -> Result<(), InputError> {
        let action = &self.env.action;
        if action.mode == Mode::Hpa {
            return Ok(());
        }
        if self.hpa.sync_period > self.env.control_interval {
            let (sync, control) = (friendly(self.hpa.sync_period), friendly(self.env.control_interval));
            let problem = format!("the HPA looks every {sync}, and the agent sets replicas every {control}");
            let help = format!("write {control} or less, or raise env.control_interval");
            return Err(InputError::new(problem, help).field("hpa.sync_period"));
        }
        if action.mode != Mode::Infrastructure {
            return Ok(());
        }
        if self.cluster.bounded() {
            let help = "leave [cluster] out, or take another env.action.mode";
            let problem = "pods are resized in place only where there is room for them";
            return Err(InputError::new(problem, help).field("env.action.mode"));
        }
        let (limits, bounds) = (self.pod.limits(), &action.infrastructure);
        let cpu = (bounds.cpu.0 <= limits.cpu && limits.cpu <= bounds.cpu.1, "cpu", limits.cpu.to_string());
        let fits = bounds.memory.0 <= limits.memory && limits.memory <= bounds.memory.1;
        for (fits, key, limit) in [cpu, (fits, "memory", limits.memory.to_string())] {
            if !fits {
                let problem = format!("pods start with a {key} limit of {limit}, beyond these bounds");
                let help = "widen the bounds, or change [pod]";
                return Err(InputError::new(problem, help).field(format!("env.action.infrastructure.{key}")));
            }
        }
        Ok(())
    }

    fn validate_hpa(&self) -> Result<(), InputError> {
        let hpa = &self.hpa;
        at_least("hpa.min_replicas", f64::from(hpa.min_replicas), 1.0)?;
        if hpa.max_replicas < hpa.min_replicas {
            let problem = format!("{} is below min_replicas = {}", hpa.max_replicas, hpa.min_replicas);
            let help = format!("write {} or more, or lower hpa.min_replicas", hpa.min_replicas);
            return Err(InputError::new(problem, help).field("hpa.max_replicas"));
        }
        within("hpa.max_replicas", f64::from(hpa.max_replicas), 1.0, 100_000.0)?;
        within("hpa.tolerance", hpa.tolerance, 0.0, 10.0)?;
        at_least("hpa.sync_period", hpa.sync_period.as_secs_f64(), 1.0)?;
        if hpa.target_cpu.is_none() && hpa.target_memory.is_none() {
            let help = "set hpa.target_cpu or hpa.target_memory";
            return Err(InputError::new("the HPA has no metric", help).field("hpa"));
        }
        for (name, direction) in [("scale_up", &hpa.scale_up), ("scale_down", &hpa.scale_down)] {
            let Some(direction) = direction else { continue };
            if let Some(span) = direction.stabilization {
                within(&format!("hpa.{name}.stabilization"), span.as_secs_f64(), 0.0, 3600.0)?;
            }
            if let Some(tolerance) = direction.tolerance {
                within(&format!("hpa.{name}.tolerance"), tolerance, 0.0, 10.0)?;
            }
            if direction.policies.as_ref().is_some_and(Vec::is_empty) {
                let error = InputError::new("the list is empty", "name at least one policy, or leave the key out");
                return Err(error.field(format!("hpa.{name}.policies")));
            }
        }
        Ok(())
    }

    fn validate_world(&self) -> Result<(), InputError> {
        let workload = &self.workload;
        above_zero("workload.scale", workload.scale)?;
        if let Some(pods) = workload.fit_pods {
            above_zero("workload.fit_pods", pods)?;
        }
        if let Some(cpu) = workload.cpu_per_request_ms {
            above_zero("workload.cpu_per_request_ms", cpu)?;
        }
        above_zero("workload.cpu_share", workload.cpu_share)?;
        within("workload.cpu_share", workload.cpu_share, 0.0, 1.0)?;
        within("workload.service_cv", workload.service_cv, 0.0, 100.0)?;
        if self.pod.limit() < self.pod.cpu_request {
            let problem = format!("{} is below cpu_request = {}", self.pod.limit(), self.pod.cpu_request);
            return Err(InputError::new(problem, "raise the limit, or leave it out").field("pod.cpu_limit"));
        }
        if self.pod.memory_limit() < self.pod.memory_request {
            let problem = format!("{} is below memory_request = {}", self.pod.memory_limit(), self.pod.memory_request);
            return Err(InputError::new(problem, "raise the limit, or leave it out").field("pod.memory_limit"));
        }
        within("pod.speed_cv", self.pod.speed_cv, 0.0, 10.0)?;
        self.pod.speeds.iter().try_for_each(|&speed| within("pod.speeds", speed, 1e-3, 1e3))?;
        at_least("pod.concurrency", f64::from(self.pod.concurrency), 1.0)?;
        let startup = &self.startup;
        if startup.p99 < startup.median {
            let error = InputError::new("the 99th percentile is below the median", "raise it to the median or more");
            return Err(error.field("startup.p99"));
        }
        within("startup.image_cached", startup.image_cached, 0.0, 1.0)?;
        within("startup.cpu_share", startup.cpu_share, 0.0, 1.0)?;
        at_least("metrics.resolution", self.metrics.resolution.as_secs_f64(), 1.0)?;
        within("metrics.missing", self.metrics.missing, 0.0, 1.0)?;
        within("faults.crash_rate", self.faults.crash_rate, 0.0, 3600.0)?;
        self.validate_requests()?;
        self.validate_rollout()?;
        self.validate_cluster()
    }

    /// Nodes are modelled by `nodes` and their size, or not at all.
    fn validate_cluster(&self) -> Result<(), InputError> {
        let it = &self.cluster;
        at_least("cluster.node_pods", f64::from(it.node_pods), 1.0)?;
        at_least("cluster.scan", it.scan.as_secs_f64(), 1.0)?;
        let Some(nodes) = it.nodes else {
            let given = [
                ("node_cpu", it.node_cpu.is_some()),
                ("node_memory", it.node_memory.is_some()),
                ("min_nodes", it.min_nodes.is_some()),
                ("max_nodes", it.max_nodes.is_some()),
            ];
            let Some((key, _)) = given.into_iter().find(|it| it.1) else { return Ok(()) };
            let error = InputError::new("there are no nodes to which it applies", "set cluster.nodes, or leave it out");
            return Err(error.field(format!("cluster.{key}")));
        };
        within("cluster.nodes", f64::from(nodes), 0.0, 100_000.0)?;
        for (key, bound) in [("cpu", it.cpu.is_some()), ("memory", it.memory.is_some())] {
            if bound {
                let help = format!("leave out cluster.{key} or cluster.nodes");
                return Err(InputError::new("nodes bound the room too", help).field(format!("cluster.{key}")));
            }
        }
        for (key, size) in [("node_cpu", it.node_cpu.is_some()), ("node_memory", it.node_memory.is_some())] {
            if !size {
                let help = format!("set cluster.{key} to what a node has allocatable");
                return Err(InputError::new(format!("nodes need {key}"), help).field("cluster.nodes"));
            }
        }
        if let Some(fewest) = it.min_nodes {
            within("cluster.min_nodes", f64::from(fewest), 0.0, f64::from(nodes))?;
        }
        if it.max_nodes.unwrap_or(nodes).max(nodes) == 0 {
            let error = InputError::new("there is no node, and none can come", "raise it, or cluster.max_nodes");
            return Err(error.field("cluster.nodes"));
        }
        match it.max_nodes {
            Some(most) => within("cluster.max_nodes", f64::from(most), f64::from(nodes), 100_000.0),
            None => Ok(()),
        }
    }

    /// What the API server demands of `strategy.rollingUpdate`.
    fn validate_rollout(&self) -> Result<(), InputError> {
        let rollout = &self.rollout;
        if let Some(every) = rollout.every {
            at_least("rollout.every", every.as_secs_f64(), 1.0)?;
        }
        let none = |bound: IntOrPercent| bound.up(u32::MAX) == 0;
        if none(rollout.max_surge) && none(rollout.max_unavailable) {
            let error = InputError::new("it is 0, and so is max_surge: no pod could move", "raise one of the two");
            return Err(error.field("rollout.max_unavailable"));
        }
        match rollout.max_unavailable {
            IntOrPercent::Percent(percent) => within("rollout.max_unavailable", f64::from(percent), 0.0, 100.0),
            IntOrPercent::Count(_) => Ok(()),
        }
    }

    fn validate_requests(&self) -> Result<(), InputError> {
        let requests = &self.requests;
        within("requests.arrival_cv", requests.arrival_cv, 0.0, 100.0)?;
        self.validate_arrivals()?;
        within("requests.retries", f64::from(requests.retries), 0.0, 10.0)?;
        above_zero("requests.retry_backoff", requests.retry_backoff.as_secs_f64())
    }

    fn validate_arrivals(&self) -> Result<(), InputError> {
        use crate::sim::settings::Arrivals::{Even, Gamma, H2, Mmpp, Poisson};
        let (requests, cv) = (&self.requests, self.requests.arrival_cv);
        let wrong =
            |help| Err(InputError::new(format!("{cv} is none of its variations"), help).field("requests.arrival_cv"));
        match requests.arrivals {
            Some(H2) if cv <= 1.0 => return wrong("write more than 1, or take another of requests.arrivals"),
            Some(Gamma) if cv < 0.01 => return wrong("write 0.01 or more, or requests.arrivals = \"even\""),
            Some(Even | Poisson | Mmpp) if (cv - 1.0).abs() > 1e-9 => {
                return wrong("leave it out, or write requests.arrivals = \"gamma\" or \"h2\"");
            }
            _ => {}
        }
        within("requests.burst_rate", requests.burst_rate, 1.001, 1e4)?;
        within("requests.burst_share", requests.burst_share, 1e-6, 0.999 / requests.burst_rate)?;
        at_least("requests.burst_length", requests.burst_length.as_secs_f64(), 0.001)
    }

    fn validate_slo(&self) -> Result<(), InputError> {
        at_least("slo.slowdown", self.slo.slowdown, 1.0)?;
        above_zero("slo.timeout", self.slo.timeout.as_secs_f64())?;
        if let Some(latency) = self.slo.latency {
            above_zero("slo.latency", latency.as_secs_f64())?;
        }
        for (name, price) in [
            ("prices.cpu_hour", self.prices.cpu_hour),
            ("prices.gib_hour", self.prices.gib_hour),
            ("prices.pod_start", self.prices.pod_start),
            ("prices.violation", self.prices.violation),
        ] {
            at_least(name, price, 0.0)?;
        }
        Ok(())
    }
}
