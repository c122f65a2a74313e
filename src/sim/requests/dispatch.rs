//! The way of a request: to a pod or into a line, through the pod, and out.

use std::cmp::Reverse;

use super::traffic::Request;
use super::{Idle, Requests, ServerId, Signal};

/// What rounding may add to a response time, in seconds: the resolution of the simulated clock.
const RESOLUTION: f64 = 1e-6;

impl Requests {
    /// The next client's request arrives.
    #[inline]
    pub(super) fn arrive(&mut self) {
        let mut request = self.traffic.take();
        if self.retries.is_some() {
            request = self.register(request);
        }
        self.counts.offered += 1;
        self.counts.cold += u64::from(self.serving == 0);
        self.attempt(request);
    }

    /// A request arrives, for the first time or again.
    #[inline]
    pub(super) fn attempt(&mut self, request: Request) {
        self.in_flight += 1;
        self.dispatch(request);
    }

    /// Gives a request to a pod, or lets it wait where there is room.
    #[inline]
    fn dispatch(&mut self, request: Request) {
        let servers = &self.servers;
        if let Some(place) = self.balancer.choose(|place| servers[place as usize].outstanding()) {
            self.give(place, request);
            return;
        }
        if self.gateway.len() >= self.queue_limit {
            self.expire_gateway();
        }
        let waits = self.serving == 0 || self.waits_at_gateway();
        if waits && self.gateway.len() < self.queue_limit {
            self.gateway.push(request);
        } else {
            self.drop_one(&request);
        }
    }

    fn waits_at_gateway(&self) -> bool {
        self.room == self.concurrency
    }

    #[inline]
    pub(super) fn give(&mut self, place: u32, request: Request) {
        let server = &mut self.servers[place as usize];
        if server.taken() < self.concurrency {
            self.start(place, request);
            self.finishes.set(place, self.servers[place as usize].next());
        } else {
            server.waiting.push(request);
        }
        self.tell_balancer(place);
    }

    /// A pod takes a request; when its next one finishes is told later.
    #[inline]
    fn start(&mut self, place: u32, request: Request) {
        let server = &mut self.servers[place as usize];
        server.start(self.clock, request);
        if let Some(retries) = &mut self.retries {
            retries.taken(request.ticket);
        }
        if server.taken() >= self.fatal {
            self.signals.push(Signal::OutOfMemory(ServerId { place, serial: server.serial }));
        }
    }

    #[inline]
    pub(super) fn tell_balancer(&mut self, place: u32) {
        let server = &self.servers[place as usize];
        let outstanding = server.outstanding();
        self.balancer.set(place, (server.serving && outstanding < self.room).then_some(outstanding));
    }

    /// A request has got its CPU.
    #[inline]
    pub(super) fn finish(&mut self, place: u32) {
        let server = &mut self.servers[place as usize];
        let Some(request) = server.finish(self.clock) else { return };
        if request.idle_s > 0.0 {
            server.idle += 1;
            let server = ServerId { place, serial: server.serial };
            self.idle.push(Reverse(Idle { until: self.clock + request.idle_s, server, request }));
            self.finishes.set(place, self.servers[place as usize].next());
            return;
        }
        self.complete(place, &request);
        self.refill(place);
    }

    /// A request has waited for others.
    pub(super) fn wake(&mut self) {
        let Some(Reverse(Idle { server: id, request, .. })) = self.idle.pop() else { return };
        let server = &mut self.servers[id.place as usize];
        // Its pod may have gone meanwhile, and the request with it.
        if server.serial == id.serial {
            server.idle -= 1;
            self.complete(id.place, &request);
            self.refill(id.place);
        }
    }

    /// A pod that has room again takes what waits.
    #[inline]
    fn refill(&mut self, place: u32) {
        while self.servers[place as usize].taken() < self.concurrency {
            let Some(request) = self.next_for(place) else { break };
            self.start(place, request);
        }
        let server = &self.servers[place as usize];
        self.finishes.set(place, server.next());
        if !server.serving && server.outstanding() == 0 {
            self.signals.push(Signal::Drained(ServerId { place, serial: server.serial }));
        }
        self.tell_balancer(place);
    }

    /// The next request that has not waited too long.
    #[inline]
    fn next_for(&mut self, place: u32) -> Option<Request> {
        loop {
            let server = &mut self.servers[place as usize];
            let serving = server.serving;
            let request = server.waiting.pop().or_else(|| if serving { self.gateway.pop() } else { None })?;
            if self.clock - request.arrived < self.timeout {
                return Some(request);
            }
            self.drop_one(&request);
        }
    }

    /// A request leaves with its answer.
    #[inline]
    fn complete(&mut self, place: u32, request: &Request) {
        let answered = self.clock - request.arrived;
        self.in_flight -= 1;
        self.sojourn += answered;
        if answered - request.service_s > self.timeout + RESOLUTION {
            self.fail(request.ticket);
            return;
        }
        // What a client sees counts from its first attempt.
        let first = match &mut self.retries {
            None => request.arrived,
            Some(retries) if retries.is_open(request.ticket) => {
                let first = retries.close(request.ticket);
                self.retry_s += request.arrived - first;
                first
            }
            Some(_) => return,
        };
        let response = self.clock - first;
        let wait = response - request.service_s;
        self.counts.completed += 1;
        let late = wait > self.workload.lateness().allowance(request.service_s) + RESOLUTION;
        self.counts.late += u64::from(late);
        self.responses.record(response);
        self.recent.record(response);
        self.queue_s += request.taken - request.arrived;
        if request.service_s > 0.0 {
            self.slowdowns.record(response / request.service_s);
        }
        let server = &mut self.servers[place as usize];
        server.answered += 1;
        server.response_s += answered;
    }

    /// A request leaves without an answer.
    pub(super) fn drop_one(&mut self, request: &Request) {
        self.in_flight -= 1;
        self.sojourn += self.clock - request.arrived;
        self.fail(request.ticket);
    }

    fn expire_gateway(&mut self) {
        while self.gateway.first().is_some_and(|first| self.clock - first.arrived >= self.timeout) {
            let Some(request) = self.gateway.pop() else { break };
            self.drop_one(&request);
        }
    }

    /// Drops what has waited too long.
    pub(super) fn expire(&mut self) {
        self.expire_gateway();
        for place in 0..self.servers.len() {
            let (clock, timeout) = (self.clock, self.timeout);
            let too_long = |first: &Request| clock - first.arrived >= timeout;
            while self.servers[place].waiting.first().is_some_and(too_long) {
                let Some(request) = self.servers[place].waiting.pop() else { break };
                self.drop_one(&request);
                self.tell_balancer(place as u32);
            }
        }
    }
}
