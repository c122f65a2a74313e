//! Pods come, are told to stop, and end; what becomes of the requests they hold.

use super::line::Line;
use super::server::Server;
use super::{Requests, ServerId, Signal};

impl Requests {
    /// A pod is ready.
    pub(in crate::sim) fn open(&mut self) -> ServerId {
        let serial = self.serial;
        self.serial += 1;
        let server = Server::new(serial, self.workload.pod().limit, self.clock, self.throttling);
        let place = self.vacant.pop().unwrap_or(self.servers.len() as u32);
        if place as usize == self.servers.len() {
            self.servers.push(server);
        } else {
            self.servers[place as usize] = server;
        }
        self.serving += 1;
        let id = ServerId { place, serial };
        if self.fatal == 0 {
            self.signals.push(Signal::OutOfMemory(id));
            return id;
        }
        self.tell_balancer(place);
        let gateway = std::mem::take(&mut self.gateway);
        self.counts.waited += self.again(gateway);
        id
    }

    /// Whether it is the pod that stands there, or one before it that has gone.
    fn stands(&self, id: ServerId) -> bool {
        self.servers.get(id.place as usize).is_some_and(|server| server.serial == id.serial)
    }

    /// A pod is told to stop: it takes no more requests. Returns whether it holds any; one that does not is gone.
    pub(in crate::sim) fn retire(&mut self, id: ServerId) -> bool {
        if !self.stands(id) || !self.servers[id.place as usize].serving {
            return false;
        }
        self.servers[id.place as usize].serving = false;
        self.serving -= 1;
        self.tell_balancer(id.place);
        let holds = self.servers[id.place as usize].outstanding() > 0;
        if !holds {
            self.close(id);
        }
        holds
    }

    /// A pod ends. What it has taken is lost; what waited in front of it goes to others.
    pub(in crate::sim) fn close(&mut self, id: ServerId) {
        if !self.stands(id) {
            return;
        }
        let server = &mut self.servers[id.place as usize];
        server.pass(self.clock);
        let waiting = std::mem::take(&mut server.waiting);
        let mut lost: Vec<f64> = server.arrivals().collect();
        self.serving -= u32::from(server.serving);
        self.used += server.used;
        self.got += server.got();
        self.pods.add(server, self.clock);
        // The sums of the pod are in `used` and `pods` now; its successor in this place gets its own serial number.
        *server = Server::gone(self.clock);
        let idle = self.idle.iter().filter(|it| it.0.server == id);
        lost.extend(idle.map(|it| it.0.request.arrived));
        self.in_flight -= lost.len() as u64;
        self.counts.dropped += lost.len() as u64;
        self.sojourn += lost.iter().map(|arrived| self.clock - arrived).sum::<f64>();
        self.finishes.clear(id.place);
        self.balancer.set(id.place, None);
        self.signals.retain(|signal| !matches!(signal, Signal::OutOfMemory(of) | Signal::Drained(of) if *of == id));
        self.vacant.push(id.place);
        self.again(waiting);
    }

    /// Dispatches requests that have arrived before, ahead of those at the gateway. Returns how many pods took or queue.
    fn again(&mut self, mut line: Line) -> u64 {
        let mut given = 0;
        while let Some(request) = line.first() {
            let servers = &self.servers;
            let Some(place) = self.balancer.choose(|place| servers[place as usize].outstanding()) else { break };
            let late = self.clock - request.arrived >= self.timeout;
            let Some(request) = line.pop() else { break };
            if late {
                self.drop_one(&request);
            } else {
                self.give(place, request);
                given += 1;
            }
        }
        self.gateway.put_first(line);
        given
    }
}
