//! The cluster autoscaler: nodes for pods that have no room, and none that stay empty.
//!
//! It looks at whole multiples of `scan` from the start, and is only simulated where it may find something to do.

use super::{Cluster, Member, NEVER, Node, Seat, Size};
use crate::units::SimTime;

impl Cluster {
    /// When a node arrives, or the cluster autoscaler looks and may find something to do.
    pub(in crate::sim) fn next(&self) -> SimTime {
        self.next
    }

    pub(super) fn plan(&mut self, now: SimTime) {
        let arrival = self.nodes.iter().filter(|node| !node.arrived).map(|node| node.ready).min().unwrap_or(NEVER);
        let count = self.nodes.len() as u32;
        let unschedulable = |member: &Member| member.pending > 0 && self.would_fit_a_node(member.pod);
        let grow = count < self.most && self.members.iter().any(unschedulable);
        let empty = self.nodes.iter().filter(|node| node.arrived && node.pods == 0 && count > self.fewest);
        let shrink = empty.map(|node| node.empty_since + self.unneeded).min().unwrap_or(NEVER);
        let look = if grow { SimTime(now.0 + 1) } else { shrink.max(SimTime(now.0 + 1)) };
        self.next = arrival.min(self.scan_from(look));
    }

    fn would_fit_a_node(&self, pod: Size) -> bool {
        self.modelled && self.node_pods > 0 && pod.cpu <= self.node.cpu && pod.memory <= self.node.memory
    }

    /// The first scan at or after a time.
    fn scan_from(&self, at: SimTime) -> SimTime {
        if at == NEVER {
            return NEVER;
        }
        let scan = self.scan.as_micros() as i64;
        let scans = (at.0 - self.start.0).max(0).saturating_add(scan - 1) / scan;
        SimTime(self.start.0.saturating_add(scans.saturating_mul(scan)))
    }

    /// Nodes arrive whose time has come, and the cluster autoscaler looks. Returns whether there is new room.
    pub(in crate::sim) fn tend(&mut self, now: SimTime) -> bool {
        self.count(now);
        let mut room = false;
        for node in self.nodes.iter_mut().filter(|node| !node.arrived && node.ready <= now) {
            node.arrived = true;
            room = true;
        }
        self.stale |= room;
        if self.modelled && self.scan_from(now) == now && !room {
            self.scale_up(now);
            self.scale_down(now);
        }
        self.plan(now);
        room
    }

    /// Requests nodes for pending pods that those under way will not hold: first fit, in order of the members.
    fn scale_up(&mut self, now: SimTime) {
        let ready = now + self.provisioning;
        let mut coming: Vec<Node> = self.nodes.iter().filter(|node| !node.arrived).cloned().collect();
        let mut requests = 0;
        for member in self.members.iter().filter(|member| self.would_fit_a_node(member.pod)) {
            for _ in 0..member.pending {
                let at = coming.iter().position(|node| self.fits(node, member.pod));
                let at = match at {
                    Some(at) => at,
                    None if (self.nodes.len() as u32).saturating_add(requests) < self.most => {
                        requests += 1;
                        let (free, seat) = (self.node, Seat(u32::MAX));
                        let (images, wants) = (Vec::new(), Vec::new());
                        coming.push(Node {
                            seat,
                            ready,
                            arrived: false,
                            free,
                            pods: 0,
                            empty_since: ready,
                            images,
                            wants,
                        });
                        coming.len() - 1
                    }
                    None => break,
                };
                coming[at].free.cpu -= member.pod.cpu;
                coming[at].free.memory -= member.pod.memory;
                coming[at].pods += 1;
            }
        }
        (0..requests).for_each(|_| self.request(ready));
    }

    /// Lets nodes go that have been empty for long, the newest first.
    fn scale_down(&mut self, now: SimTime) {
        for at in (0..self.nodes.len()).rev() {
            let node = &self.nodes[at];
            let unneeded = node.arrived && node.pods == 0 && node.empty_since + self.unneeded <= now;
            if unneeded && self.nodes.len() as u32 > self.fewest {
                self.nodes.remove(at);
            }
        }
    }
}
