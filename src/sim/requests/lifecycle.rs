//! Pods come, are told to stop, and end; what becomes of the requests they hold.

use super::line::Line;
use super::server::Server;
use super::traffic::Request;
use super::{Requests, ServerId, Signal};
use crate::random::{Purpose, stream};

impl Requests {
    /// A pod is ready. `number` is its own in the run, and fixes its speed, also after a restart.
    pub(in crate::sim) fn open(&mut self, number: u64) -> ServerId {
        let serial = self.serial;
        self.serial += 1;
        let speed = self.speed(number);
        let server = Server::new(serial, self.workload.pod().limit, self.clock, self.throttling).of_speed(speed);
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
        self.balancer.enter(place);
        self.tell_balancer(place);
        let gateway = std::mem::take(&mut self.gateway);
        self.counts.waited += self.again(gateway);
        id
    }

    /// The speed of the pod of that number: the first ones count from the far end; see `Pods::open`.
    fn speed(&self, number: u64) -> f64 {
        let first = usize::try_from(u64::from(u32::MAX).wrapping_sub(number)).ok();
        let given = first.and_then(|nth| self.given.get(nth)).copied();
        given.unwrap_or_else(|| self.speeds.sample(&mut stream(self.seed, Purpose::PodSpeed, number)))
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
        let mut lost: Vec<Request> = server.held().copied().collect();
        self.serving -= u32::from(server.serving);
        self.used += server.used;
        self.got += server.got();
        self.ended.add(server, self.clock);
        // The sums of the pod are in `used` and `ended` now; its successor in this place gets its own serial number.
        *server = Server::gone(self.clock);
        let idle = self.idle.iter().filter(|it| it.0.server == id);
        lost.extend(idle.map(|it| it.0.request));
        for request in &lost {
            self.drop_one(request);
        }
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
