//! A pod template's resources and probes, with errors that name the field and its place.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Container, PodSpec, Probe, ResourceRequirements};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use super::node::Node;
use super::workload::Readiness;
use crate::error::InputError;
use crate::units::{Bytes, Millicores, quantity_milli};

/// Where the pod stands in a Deployment, StatefulSet or ReplicaSet.
const ROOT: &str = "spec.template.spec";

/// A pod template within the object that holds it.
pub(super) struct Pod<'a> {
    pub(super) spec: &'a PodSpec,
    pub(super) object: &'a Node,
    pub(super) path: &'a Path,
}

/// A container that runs as long as the pod, and its field path.
type Running<'a> = (String, &'a Container);

impl Pod<'_> {
    /// Regular containers and restartable init containers: those whose usage the HPA sums.
    fn running(&self) -> Result<Vec<Running<'_>>, InputError> {
        if self.spec.containers.is_empty() {
            let field = format!("{ROOT}.containers");
            return Err(self.error(&field, "the pod has no container", "write its containers"));
        }
        let regular = self.spec.containers.iter().enumerate();
        let init = self.spec.init_containers.iter().flatten().enumerate();
        let sidecars = init.filter(|(_, container)| container.restart_policy.as_deref() == Some("Always"));
        Ok(regular
            .map(|(index, container)| (format!("{ROOT}.containers[{index}]"), container))
            .chain(sidecars.map(|(index, container)| (format!("{ROOT}.initContainers[{index}]"), container)))
            .collect())
    }

    /// Names of the containers that run as long as the pod.
    pub(super) fn container_names(&self) -> Result<Vec<String>, InputError> {
        Ok(self.running()?.into_iter().map(|(_, container)| container.name.clone()).collect())
    }

    /// The sum of the containers' CPU requests.
    pub(super) fn cpu_request(&self) -> Result<Millicores, InputError> {
        if let Some(milli) = self.total("requests", "cpu")? {
            return self.millicores(milli, "requests");
        }
        for (field, container) in self.running()? {
            if self.amount(&field, container.resources.as_ref(), "requests", "cpu")?.is_none() {
                let name = &container.name;
                let problem =
                    format!("container `{name}` has no CPU request, and the HPA cannot compute utilization without it");
                let help = "set the request; 100m is a start for a sidecar";
                return Err(self.error(&format!("{field}.resources.requests.cpu"), &problem, help));
            }
        }
        Err(self.error(ROOT, "the pod has no CPU request", "set one for each container"))
    }

    /// The sum of the containers' CPU limits; `None` when one has none.
    pub(super) fn cpu_limit(&self) -> Result<Option<Millicores>, InputError> {
        self.total("limits", "cpu")?.map(|milli| self.millicores(milli, "limits")).transpose()
    }

    /// The sum of the containers' memory `requests` or `limits`; `None` when one has none.
    pub(super) fn memory(&self, which: &str) -> Result<Option<Bytes>, InputError> {
        let Some(milli) = self.total(which, "memory")? else { return Ok(None) };
        let bytes = u64::try_from((milli + 999) / 1000).map(Bytes);
        bytes.map(Some).map_err(|_| self.out_of_range(which, "memory"))
    }

    fn millicores(&self, milli: i128, which: &str) -> Result<Millicores, InputError> {
        let milli = u32::try_from(milli).ok().filter(|&milli| milli > 0);
        milli.map(Millicores).ok_or_else(|| self.out_of_range(which, "cpu"))
    }

    fn out_of_range(&self, which: &str, resource: &str) -> InputError {
        let pod = self.spec.resources.as_ref().filter(|own| own.of(which).is_some_and(|of| of.contains_key(resource)));
        let field = if pod.is_some() { ROOT.to_owned() } else { format!("{ROOT}.containers[0]") };
        let help = "write a total from 1m to 4294967 cores, or below 2^63 bytes";
        self.error(&format!("{field}.resources.{which}.{resource}"), "the pod's total is 0 or too large", help)
    }

    /// The pod's own amount, or the sum over its running containers, in thousandths; `None` when one has none.
    /// Source: `GetPodRequests` of `pkg/controller/podautoscaler` and KEP-2837.
    fn total(&self, which: &str, resource: &str) -> Result<Option<i128>, InputError> {
        if let Some(own) = self.amount(ROOT, self.spec.resources.as_ref(), which, resource)? {
            return Ok(Some(own));
        }
        let mut sum = Some(0_i128);
        for (field, container) in self.running()? {
            let amount = self.amount(&field, container.resources.as_ref(), which, resource)?;
            sum = sum.zip(amount).map(|(sum, amount)| sum.saturating_add(amount));
        }
        Ok(sum)
    }

    /// One container's (or the pod's) request or limit in thousandths. A limit alone is the request too, as the API
    /// server defaults it.
    fn amount(
        &self,
        owner: &str,
        resources: Option<&ResourceRequirements>,
        which: &str,
        resource: &str,
    ) -> Result<Option<i128>, InputError> {
        let Some(resources) = resources else { return Ok(None) };
        let order: &[&str] = if which == "requests" { &["requests", "limits"] } else { &["limits"] };
        for which in order {
            if let Some(quantity) = resources.of(which).and_then(|amounts| amounts.get(resource)) {
                let field = format!("{owner}.resources.{which}.{resource}");
                return self.quantity(&field, quantity).map(Some);
            }
        }
        Ok(None)
    }

    fn quantity(&self, field: &str, quantity: &Quantity) -> Result<i128, InputError> {
        let milli = quantity_milli(&quantity.0).filter(|&milli| milli >= 0);
        milli.ok_or_else(|| {
            let problem = format!("\"{}\" is not an amount of 0 or more", quantity.0);
            self.error(field, &problem, "write a quantity such as \"250m\", \"1.5\" or \"256Mi\"")
        })
    }

    /// `terminationGracePeriodSeconds`, 30 s when left out.
    pub(super) fn termination_grace(&self) -> Result<Duration, InputError> {
        let field = format!("{ROOT}.terminationGracePeriodSeconds");
        let seconds = self.not_negative(&field, self.spec.termination_grace_period_seconds)?;
        Ok(seconds.map_or(Duration::from_secs(30), |seconds| Duration::from_secs(seconds.unsigned_abs())))
    }

    /// When the pod can be ready at the earliest, from the probes of all its containers.
    pub(super) fn readiness(&self) -> Result<Option<Readiness>, InputError> {
        let mut slowest: Option<Readiness> = None;
        for (field, container) in self.running()? {
            let Some(one) = self.container_readiness(&field, container)? else { continue };
            let so_far = slowest.unwrap_or(one);
            slowest =
                Some(Readiness { earliest: so_far.earliest.max(one.earliest), period: so_far.period.max(one.period) });
        }
        Ok(slowest)
    }

    /// A container's readiness probe runs once its startup probe has succeeded; the initial delays of both count from
    /// the container's start.
    fn container_readiness(&self, field: &str, container: &Container) -> Result<Option<Readiness>, InputError> {
        let startup = self.probe(&format!("{field}.startupProbe"), container.startup_probe.as_ref())?;
        let readiness = self.probe(&format!("{field}.readinessProbe"), container.readiness_probe.as_ref())?;
        let Some(last) = readiness.or(startup) else { return Ok(None) };
        let delay = startup.map_or(last.delay, |first| first.delay.max(last.delay));
        let period = startup.map_or(last.period, |first| first.period.max(last.period));
        Ok(Some(Readiness { earliest: delay + last.period * (last.successes - 1), period }))
    }

    /// A probe's timing. Kubernetes' defaults: no initial delay, every 10 s, one success.
    fn probe(&self, field: &str, probe: Option<&Probe>) -> Result<Option<Timing>, InputError> {
        let Some(probe) = probe else { return Ok(None) };
        let count = |name: &str, value: Option<i32>, default: u32| {
            let value = self.not_negative(&format!("{field}.{name}"), value)?.filter(|&value| value > 0);
            Ok::<_, InputError>(value.map_or(default, i32::unsigned_abs))
        };
        Ok(Some(Timing {
            delay: Duration::from_secs(count("initialDelaySeconds", probe.initial_delay_seconds, 0)?.into()),
            period: Duration::from_secs(count("periodSeconds", probe.period_seconds, 10)?.into()),
            successes: count("successThreshold", probe.success_threshold, 1)?,
        }))
    }

    /// Checks that a count is not below 0.
    pub(super) fn not_negative<T>(&self, field: &str, value: Option<T>) -> Result<Option<T>, InputError>
    where
        T: Copy + PartialOrd + Default + std::fmt::Display,
    {
        match value {
            Some(count) if count < T::default() => {
                Err(self.error(field, &format!("{count} is below 0"), "write 0 or more"))
            }
            _ => Ok(value),
        }
    }

    fn error(&self, field: &str, problem: &str, help: &str) -> InputError {
        InputError::new(problem, help).field(field).at(self.object.locate(field).place(self.path))
    }
}

/// When a probe first runs after the container's start, how often, and how many successes in a row it takes.
#[derive(Clone, Copy)]
struct Timing {
    delay: Duration,
    period: Duration,
    successes: u32,
}

/// The amounts of a ResourceRequirements by the name of its field.
trait Amounts {
    fn of(&self, which: &str) -> Option<&BTreeMap<String, Quantity>>;
}

impl Amounts for ResourceRequirements {
    fn of(&self, which: &str) -> Option<&BTreeMap<String, Quantity>> {
        if which == "requests" { self.requests.as_ref() } else { self.limits.as_ref() }
    }
}
