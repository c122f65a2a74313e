//! The Deployment: replicas that are asked for, versions of its pods, and pods that follow.

use std::time::Duration;

use super::World;
use crate::sim::rollout::Rollout;
use crate::sim::service::Service;
use crate::units::{Replicas, SimTime};

impl World {
    /// Sets `scale.spec.replicas`; pods follow.
    pub(in crate::sim) fn scale(&mut self, wanted: Replicas) {
        let delta = wanted - self.replicas;
        if delta == 0 {
            return;
        }
        let totals = self.service.totals_mut();
        totals.actions += 1.0;
        totals.churn += f64::from(delta.abs());
        self.reversals.step(delta);
        self.replicas = wanted;
        self.most_replicas = self.most_replicas.max(wanted);
        let before = self.pods.serving();
        if let Some(rollout) = &mut self.rollout {
            rollout.scale(wanted.unsigned_abs());
            self.follow();
            self.roll_on();
        } else if delta > 0 {
            self.grow(delta.unsigned_abs(), 0);
        } else {
            self.shrink(delta.unsigned_abs(), 0);
        }
        if self.pods.serving() != before {
            self.serve_with_what_is_ready();
        }
    }

    /// When the Deployment's pod template changes next.
    pub(in crate::sim) fn next_rollout(&self) -> SimTime {
        self.rollout.as_ref().map_or(SimTime(i64::MAX), Rollout::next)
    }

    /// The Deployment's pod template changes.
    pub(in crate::sim) fn begin_rollout(&mut self) {
        if let Some(rollout) = &mut self.rollout {
            rollout.begin(self.now);
        }
        self.roll_on();
        self.serve_with_what_is_ready();
    }

    /// The Deployment controller goes on with an update, as far as ready pods let it.
    pub(super) fn roll_on(&mut self) {
        while let Some(rollout) = self.rollout.as_mut().filter(|rollout| rollout.sets().len() > 1) {
            let available: Vec<u32> = rollout.sets().iter().map(|set| self.pods.of(set.revision).1).collect();
            if !rollout.sync(self.replicas.unsigned_abs(), &available) {
                break;
            }
            self.follow();
        }
    }

    /// The `ReplicaSet` controller creates and deletes pods until every version has as many as it shall.
    fn follow(&mut self) {
        let sets = self.rollout.as_ref().map_or(Vec::new(), |rollout| rollout.sets().to_vec());
        for set in sets {
            let (pods, _) = self.pods.of(set.revision);
            if set.replicas > pods {
                self.grow(set.replicas - pods, set.revision);
            } else if set.replicas < pods {
                self.shrink(pods - set.replicas, set.revision);
            }
        }
    }

    /// Creates pods of a version.
    fn grow(&mut self, count: u32, revision: u32) {
        self.service.totals_mut().starts += f64::from(count);
        self.pods.grow(self.now, count, revision);
    }

    /// Deletes pods of a version. How long one takes to finish what it holds (what waits, and a request, up to the grace
    /// period) is estimated at the fluid level; at the request level it ends when it is done.
    fn shrink(&mut self, count: u32, revision: u32) {
        match &mut self.service {
            Service::Fluid(flow) => {
                let seconds = flow.age() + self.workload.slots()[self.slot].service_s;
                let drain = Duration::try_from_secs_f64(seconds).map_or(self.grace, |span| span.min(self.grace));
                self.pods.shrink(self.now, count, revision, drain);
            }
            Service::Requests(requests) => {
                for stopped in self.pods.shrink(self.now, count, revision, Duration::ZERO) {
                    if requests.retire(stopped.server) {
                        self.pods.finish(stopped, self.now + self.grace);
                    } else {
                        self.pods.gone(self.now, stopped);
                    }
                }
            }
        }
    }
}
