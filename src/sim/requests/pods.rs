//! The pods behind the balancer as a controller of weights sees them.

use super::Requests;
use super::server::Server;

/// A pod behind the balancer, with what it has done since it became ready.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct PodLoad {
    /// CPU work that a core of it does in a second, in seconds of a core of nominal speed.
    pub speed: f64,
    /// Requests that it has taken or that wait in front of it.
    pub in_flight: u32,
    /// Requests that it answered.
    pub answered: u64,
    /// The sum of their response times at this pod, in seconds.
    pub response_s: f64,
    /// CPU-seconds that it used.
    pub cpu_s: f64,
}

impl Requests {
    /// Places of the pods that serve, in the order in which they became ready.
    fn in_order(&self) -> Vec<u32> {
        let mut places: Vec<u32> = (0..self.servers.len() as u32).collect();
        places.retain(|&place| self.servers[place as usize].serving);
        places.sort_unstable_by_key(|&place| self.servers[place as usize].serial);
        places
    }

    /// The pods that serve, in the order in which they became ready.
    pub(in crate::sim) fn pod_loads(&self) -> Vec<PodLoad> {
        let load = |server: &Server| PodLoad {
            speed: server.speed(),
            in_flight: server.outstanding(),
            answered: server.answered,
            response_s: server.response_s,
            cpu_s: server.used,
        };
        self.in_order().into_iter().map(|place| load(&self.servers[place as usize])).collect()
    }

    /// Gives the pods that serve weights, in the order in which they became ready, as far as there are any.
    pub(in crate::sim) fn weigh(&mut self, weights: &[f64]) {
        for (place, &weight) in self.in_order().into_iter().zip(weights) {
            self.balancer.weigh(place, weight);
        }
    }
}
