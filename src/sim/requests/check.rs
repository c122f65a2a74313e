//! What must hold of every run: no request is lost from the books or counted twice, CPU used is CPU that requests got,
//! and Little's law.

use super::server::Server;
use super::{Idle, Requests};

/// Two ways to count the same things at the end of a run of single requests.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Books {
    /// Requests offered, and those completed, dropped, or found one by one in pods, in lines and at the gateway.
    pub offered: u64,
    /// See [`offered`](Self::offered).
    pub accounted: u64,
    /// CPU-seconds that pods used, and CPU-seconds that requests have got, request by request.
    pub cpu_used: f64,
    /// See [`cpu_used`](Self::cpu_used).
    pub cpu_got: f64,
    /// The time integral of requests in flight, and the sum of the times that all of them spent in flight: the two
    /// sides of Little's law, in request-seconds.
    pub area: f64,
    /// See [`area`](Self::area).
    pub times: f64,
}

impl Books {
    /// Whether both ways agree: to the request, and to a millionth in what rounds.
    #[must_use]
    pub fn agree(&self) -> bool {
        let close = |a: f64, b: f64| (a - b).abs() <= 1e-6 * a.abs().max(b.abs()).max(1.0);
        self.offered == self.accounted && close(self.cpu_used, self.cpu_got) && close(self.area, self.times)
    }
}

impl Requests {
    /// The books as of the clock.
    pub(in crate::sim) fn books(&self) -> Books {
        let mut arrivals: Vec<f64> = self.gateway.iter().map(|request| request.arrived).collect();
        self.servers.iter().for_each(|server| arrivals.extend(server.arrivals()));
        let stands = |it: &&Idle| self.servers[it.server.place as usize].serial == it.server.serial;
        arrivals.extend(self.idle.iter().map(|it| &it.0).filter(stands).map(|it| it.request.arrived));
        let held = arrivals.len() as u64;
        Books {
            offered: self.counts.offered,
            accounted: self.counts.completed + self.counts.dropped + held,
            cpu_used: self.counted,
            cpu_got: self.got + self.servers.iter().map(Server::got).sum::<f64>(),
            area: self.area,
            times: self.sojourn + arrivals.iter().map(|arrived| self.clock - arrived).sum::<f64>(),
        }
    }
}
