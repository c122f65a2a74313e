//! What must hold of every run: no request is lost from the books or counted twice, CPU used is CPU that requests got,
//! and Little's law.

use super::server::Server;
use super::traffic::Request;
use super::{Idle, Requests};

/// Two ways to count the same things at the end of a run of single requests.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Books {
    /// Requests offered, and those completed, dropped, or found one by one in pods, in lines, at the gateway, and with
    /// clients that will send them again.
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
        let mut held: Vec<&Request> = self.gateway.iter().collect();
        self.servers.iter().for_each(|server| held.extend(server.held()));
        let stands = |it: &&Idle| self.servers[it.server.place as usize].serial == it.server.serial;
        held.extend(self.idle.iter().map(|it| &it.0).filter(stands).map(|it| &it.request));
        // Attempts that nobody waits for any more are in flight, but no request's fate hangs on them.
        let open = match &self.retries {
            None => held.len() as u64,
            Some(it) => held.iter().filter(|held| it.is_open(held.ticket)).count() as u64 + it.backing_off(),
        };
        Books {
            offered: self.counts.offered,
            accounted: self.counts.completed + self.counts.dropped + open,
            cpu_used: self.counted,
            cpu_got: self.got + self.servers.iter().map(Server::got).sum::<f64>(),
            area: self.area,
            times: self.sojourn + held.iter().map(|request| self.clock - request.arrived).sum::<f64>(),
        }
    }
}
