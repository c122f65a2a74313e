//! Nodes, what is bound to them, and the cluster autoscaler.
//!
//! Several functions may share them; each is a member with pods of one size. One big bound of CPU and memory is a single
//! node that holds any number of pods, and has no images.

mod autoscaler;
mod contention;

pub(super) use contention::Wants;

use std::time::Duration;

use super::settings::Settings;
use crate::units::SimTime;

/// Far beyond any run.
const NEVER: SimTime = SimTime(i64::MAX);

/// CPU in millicores, and memory in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Size {
    cpu: u64,
    memory: u64,
}

/// The node that a pod is on, by its number in order of creation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Seat(u32);

impl Seat {
    /// The first node, and the only one where nodes are not modelled.
    pub(super) const FIRST: Self = Self(0);
}

#[derive(Debug, Clone)]
struct Node {
    seat: Seat,
    /// When pods can be bound to it, and whether they can.
    ready: SimTime,
    arrived: bool,
    free: Size,
    pods: u32,
    empty_since: SimTime,
    /// Member, version, and when its image is there.
    images: Vec<(usize, u32, SimTime)>,
    /// Member, and the cores that a pod of it wanted when it was last asked.
    wants: Vec<(usize, f64)>,
}

/// A function's pods that wait for room.
#[derive(Debug, Clone, Copy)]
struct Member {
    pod: Size,
    pending: u32,
}

/// What a cluster came to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Usage {
    /// Node-seconds, from a node's request to its end.
    pub(super) node_seconds: f64,
    pub(super) nodes_max: u32,
}

/// Nodes, and who is on them.
#[derive(Debug, Clone)]
pub(super) struct Cluster {
    node: Size,
    node_pods: u32,
    nodes: Vec<Node>,
    requested: u32,
    members: Vec<Member>,
    /// Whether nodes are modelled, not one big bound.
    modelled: bool,
    /// Whether several functions share it, so that pending pods wait for their turn.
    shared: bool,
    fewest: u32,
    most: u32,
    provisioning: Duration,
    unneeded: Duration,
    scan: Duration,
    /// How long an image pull takes.
    pull: Duration,
    start: SimTime,
    /// When something happens next.
    next: SimTime,
    /// Whether there may be room, or pods to wait for it, that no pass has seen.
    stale: bool,
    node_seconds: f64,
    counted: SimTime,
    nodes_max: u32,
}

impl Cluster {
    /// That of `[cluster]` at `start`, with nothing on it.
    pub(super) fn new(settings: &Settings, start: SimTime, shared: bool) -> Self {
        let it = &settings.cluster;
        let modelled = it.nodes.is_some();
        let (cpu, memory) = if modelled { (it.node_cpu, it.node_memory) } else { (it.cpu, it.memory) };
        let nodes = it.nodes.unwrap_or(1);
        let mut cluster = Self {
            node: Size {
                cpu: cpu.map_or(u64::MAX, |cpu| u64::from(cpu.0)),
                memory: memory.map_or(u64::MAX, |memory| memory.0),
            },
            node_pods: if modelled { it.node_pods } else { u32::MAX },
            nodes: Vec::new(),
            requested: 0,
            members: Vec::new(),
            modelled,
            shared,
            fewest: it.min_nodes.unwrap_or(nodes).min(nodes),
            most: it.max_nodes.unwrap_or(nodes).max(nodes),
            provisioning: it.provisioning,
            unneeded: it.scale_down_after,
            scan: it.scan.max(Duration::from_secs(1)),
            pull: settings.startup.image_pull,
            start,
            next: NEVER,
            stale: false,
            node_seconds: 0.0,
            counted: start,
            nodes_max: 0,
        };
        (0..nodes).for_each(|_| cluster.request(start));
        cluster.nodes.iter_mut().for_each(|node| node.arrived = true);
        cluster.plan(start);
        cluster
    }

    /// A function joins, with pods that request so much each; returns its number.
    pub(super) fn join(&mut self, settings: &Settings) -> usize {
        let pod =
            Size { cpu: u64::from(settings.pod.cpu_request.0.max(1)), memory: settings.pod.memory_request.0.max(1) };
        self.members.push(Member { pod, pending: 0 });
        self.members.len() - 1
    }

    /// Whether several functions share it.
    pub(super) fn shared(&self) -> bool {
        self.shared
    }

    /// Whether nodes are modelled, not one big bound.
    pub(super) fn modelled(&self) -> bool {
        self.modelled
    }

    /// Whether any pod waits for room.
    pub(super) fn any_pending(&self) -> bool {
        self.members.iter().any(|member| member.pending > 0)
    }

    /// Whether a pass over pending pods may find room.
    pub(super) fn worth_a_pass(&self) -> bool {
        self.stale && self.any_pending()
    }

    /// A pass over pending pods is over.
    pub(super) fn passed(&mut self) {
        self.stale = false;
    }

    fn request(&mut self, ready: SimTime) {
        let node = Node {
            seat: Seat(self.requested),
            ready,
            arrived: false,
            free: self.node,
            pods: 0,
            empty_since: ready,
            images: Vec::new(),
            wants: Vec::new(),
        };
        self.requested += 1;
        self.nodes.push(node);
        self.nodes_max = self.nodes_max.max(self.nodes.len() as u32);
    }

    fn fits(&self, node: &Node, pod: Size) -> bool {
        node.pods < self.node_pods && pod.cpu <= node.free.cpu && pod.memory <= node.free.memory
    }

    /// kube-scheduler's `LeastAllocated`: the mean of the shares of CPU and memory that would be left, in whole percent.
    fn score(&self, node: &Node, pod: Size) -> u128 {
        let left = |free: u64, asked: u64, all: u64| u128::from(free - asked) * 100 / u128::from(all.max(1));
        let cpu = left(node.free.cpu, pod.cpu, self.node.cpu);
        u128::midpoint(cpu, left(node.free.memory, pod.memory, self.node.memory))
    }

    /// Binds a pod of a member and version to a node, if one has room; returns it.
    pub(super) fn place(&mut self, member: usize) -> Option<Seat> {
        let pod = self.members[member].pod;
        let open = self.nodes.iter().enumerate().filter(|(_, node)| node.arrived && self.fits(node, pod));
        let (at, _) = open.max_by_key(|&(at, node)| (self.score(node, pod), std::cmp::Reverse(at)))?;
        let node = &mut self.nodes[at];
        node.free.cpu -= pod.cpu;
        node.free.memory -= pod.memory;
        node.pods += 1;
        Some(node.seat)
    }

    /// How long a pod that was just bound waits for its image; `None` where images are not modelled.
    pub(super) fn pull(&mut self, now: SimTime, member: usize, revision: u32, seat: Seat) -> Option<Duration> {
        let (modelled, there) = (self.modelled, now + self.pull);
        let node = self.node_mut(seat).filter(|_| modelled)?;
        let known = node.images.iter().find(|it| (it.0, it.1) == (member, revision)).map(|it| it.2);
        if known.is_none() {
            node.images.push((member, revision, there));
        }
        Some(known.unwrap_or(there).since(now))
    }

    /// The image of a member's first version has been on a node for long.
    pub(super) fn has_image(&mut self, now: SimTime, member: usize, seat: Seat) {
        if let Some(node) = self.node_mut(seat) {
            node.images.retain(|it| it.0 != member);
            node.images.push((member, 0, now));
        }
    }

    fn node_mut(&mut self, seat: Seat) -> Option<&mut Node> {
        let at = self.nodes.binary_search_by_key(&seat, |node| node.seat).ok()?;
        self.nodes.get_mut(at)
    }

    /// A pod of a member has gone from a node.
    pub(super) fn release(&mut self, now: SimTime, member: usize, seat: Seat) {
        let pod = self.members[member].pod;
        if let Some(node) = self.node_mut(seat) {
            node.free.cpu += pod.cpu;
            node.free.memory += pod.memory;
            node.pods -= 1;
            let empty = node.pods == 0;
            if empty {
                node.empty_since = now;
            }
            self.stale = true;
            if empty {
                self.plan(now);
            }
        }
    }

    /// So many pods of a member wait for room.
    pub(super) fn wait(&mut self, now: SimTime, member: usize, pending: u32) {
        let before = std::mem::replace(&mut self.members[member].pending, pending);
        if before != pending {
            self.stale |= pending > before;
            self.plan(now);
        }
    }

    fn count(&mut self, now: SimTime) {
        self.node_seconds += self.nodes.len() as f64 * now.since(self.counted).as_secs_f64();
        self.counted = now;
    }

    /// What it came to by `end`; `None` where nodes are not modelled.
    pub(super) fn usage(&mut self, end: SimTime) -> Option<Usage> {
        self.count(end);
        self.modelled.then_some(Usage { node_seconds: self.node_seconds, nodes_max: self.nodes_max })
    }
}
