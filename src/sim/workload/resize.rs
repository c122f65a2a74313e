//! The same traffic on pods of another size.

use super::{PodShape, Slot, Workload};
use crate::sim::settings::{self, Settings};

impl Workload {
    /// The same requests, of the same CPU time, on the pods of `settings`, whose `[workload]` and `[slo]` are those that
    /// this workload was made with.
    ///
    /// What judges stays the same: when a request is late is measured by the service time on the pods of before (where
    /// requests also wait for others, by the mean slowdown of all requests), demand is the same in cores, and a violation
    /// is priced as before. [`load`](Self::load) counts pods' worth of the new pods.
    #[must_use]
    pub fn resized(&self, settings: &Settings) -> Self {
        self.on(&settings.pod)
    }

    /// The same as [`resized`](Self::resized), for a pod alone.
    #[must_use]
    pub fn on(&self, pod: &settings::Pod) -> Self {
        let pod = PodShape::new(pod);
        let slots: Vec<Slot> = self.slots.iter().map(|slot| resized(slot, self.pod, pod)).collect();
        let total = |slots: &[Slot]| slots.iter().map(|slot| slot.rate * slot.service_s).sum::<f64>();
        let (before, after) = (total(&self.slots), total(&slots));
        let pace = if after > 0.0 { before / after } else { 1.0 };
        let ratio = (self.pod.request / pod.request) as f32;
        Self {
            slots,
            load: self.load.iter().map(|load| load * ratio).collect(),
            pod,
            lateness: self.lateness.paced(pace, &self.law),
            ..self.clone()
        }
    }
}

fn resized(slot: &Slot, from: PodShape, to: PodShape) -> Slot {
    let busy_s = slot.busy_s * from.speed / to.speed;
    let cores = f64::from(slot.demand) * from.limit;
    Slot {
        busy_s,
        service_s: slot.service_s - slot.busy_s + busy_s,
        load: slot.load * from.request / to.request,
        demand: (cores / to.limit - 1e-9).ceil().clamp(0.0, f64::from(u32::MAX)) as u32,
        ..*slot
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::{Header, Series};
    use crate::units::Millicores;

    fn workload(settings: &Settings) -> Workload {
        let series = Series { function: "f".into(), requests: Some(vec![600.0, 1200.0, 0.0]), ..Series::default() };
        let header =
            Header { interval_ms: 60_000, origin_ms: None, source: "t".into(), licence: None, tool: "t".into() };
        Workload::new(&series, &header, settings).unwrap()
    }

    fn requesting(milli: u32) -> Settings {
        let mut settings = Settings::default();
        settings.pod.cpu_request = Millicores(milli);
        settings
    }

    #[test]
    fn pods_of_the_same_size_change_nothing() {
        let workload = workload(&Settings::default());
        assert_eq!(workload.resized(&Settings::default()), workload);
    }

    #[test]
    fn half_as_large_pods_serve_half_as_fast_and_are_needed_twice() {
        let (large, small) = (requesting(500), requesting(250));
        let before = workload(&large);
        let after = before.resized(&small);
        for (was, is) in before.slots().iter().zip(after.slots()) {
            assert!((is.busy_s - 2.0 * was.busy_s).abs() < 1e-12 && (is.service_s - 2.0 * was.service_s).abs() < 1e-12);
            assert!((is.load - 2.0 * was.load).abs() < 1e-12);
            assert_eq!((is.demand, is.rate.to_bits()), (2 * was.demand, was.rate.to_bits()));
        }
        assert!((after.load()[0] - 2.0 * before.load()[0]).abs() < 1e-6);
        assert!((after.request_pod_seconds() - before.request_pod_seconds()).abs() < 1e-12);
        assert!((after.task_cpu_s(&after.slots()[0]) - before.task_cpu_s(&before.slots()[0])).abs() < 1e-12);
        assert_eq!(before.resized(&small).resized(&large).slots(), before.slots());
    }

    #[test]
    fn requests_are_late_by_the_service_time_of_the_pods_before() {
        let before = workload(&requesting(500));
        let after = before.resized(&requesting(250));
        // 100 ms of CPU take 200 ms on 500m, and 700 ms with the slack; on 250m they take 400 ms, so 300 ms are left.
        assert!((before.lateness().allowance(0.2) - 0.5).abs() < 1e-9);
        assert!((after.lateness().allowance(0.4) - 0.3).abs() < 1e-9);
    }
}
