//! Clients that send a request again when it was dropped, lost with its pod, or not answered in time.
//!
//! A client waits for the time-out and the request's own service time, then turns away. What it has sent goes on: it is
//! dropped when its turn in a line comes, or finished for nobody. After an exponential back-off with full jitter the
//! client sends the request again, as long as it has attempts left. Memory holds clients whose request is open.
//!
//! Source of the back-off: Envoy, "Retry semantics" (base 25 ms, doubled, drawn between 0 and that), without its cap.

use std::cmp::{Ordering, Reverse};
use std::collections::{BinaryHeap, VecDeque};

use rand::RngExt;
use rand::rngs::ChaCha8Rng;

use super::Requests;
use super::traffic::{Request, Ticket};
use crate::random::{Purpose, stream};

/// A client that has a request open.
#[derive(Debug, Clone, Copy)]
struct Client {
    /// Counts attempts of all clients that stood in this place: what has another number belongs to an older attempt.
    attempt: u32,
    /// Attempts left.
    left: u32,
    /// Whether the attempt is on its way, and whether a pod has taken it.
    sent: bool,
    taken: bool,
    /// When it was first sent, in seconds, and what is sent.
    first: f64,
    request: Request,
}

/// When something is due for an attempt of a client.
#[derive(Debug, Clone, Copy)]
struct Timer {
    at: f64,
    ticket: Ticket,
}

impl PartialEq for Timer {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Timer {}

impl PartialOrd for Timer {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Timer {
    fn cmp(&self, other: &Self) -> Ordering {
        let of = |it: &Self| (it.ticket.client, it.ticket.attempt);
        self.at.total_cmp(&other.at).then(of(self).cmp(&of(other)))
    }
}

/// Clients with requests open.
#[derive(Debug)]
pub(super) struct Retries {
    most: u32,
    backoff: f64,
    timeout: f64,
    rng: ChaCha8Rng,
    clients: Vec<Client>,
    vacant: Vec<u32>,
    /// When attempts run out of time in a line, in order of arrival; when those in pods do; when the next are sent.
    lines: VecDeque<Timer>,
    pods: BinaryHeap<Reverse<Timer>>,
    sends: BinaryHeap<Reverse<Timer>>,
}

impl Retries {
    /// `most` attempts besides the first, at a mean distance of half of `backoff` seconds, doubled each time.
    pub(super) fn new(most: u32, backoff: f64, timeout: f64, seed: u64) -> Self {
        Self {
            most,
            backoff,
            timeout,
            rng: stream(seed, Purpose::Retries, 0),
            clients: Vec::new(),
            vacant: Vec::new(),
            lines: VecDeque::new(),
            pods: BinaryHeap::new(),
            sends: BinaryHeap::new(),
        }
    }

    /// When the next timer is due; infinite when none is.
    pub(super) fn next(&self) -> f64 {
        let heap = |heap: &BinaryHeap<Reverse<Timer>>| heap.peek().map_or(f64::INFINITY, |it| it.0.at);
        let line = self.lines.front().map_or(f64::INFINITY, |it| it.at);
        line.min(heap(&self.pods)).min(heap(&self.sends))
    }

    /// Clients whose request is neither answered nor given up.
    pub(super) fn open(&self) -> u64 {
        (self.clients.len() - self.vacant.len()) as u64
    }

    /// Clients that wait before they send again, counted one by one.
    pub(super) fn backing_off(&self) -> u64 {
        self.sends.iter().filter(|it| self.is_open(it.0.ticket)).count() as u64
    }

    /// A client sends its first attempt.
    fn begin(&mut self, request: Request) -> Request {
        let place = self.vacant.pop().unwrap_or(self.clients.len() as u32);
        let attempt = self.clients.get(place as usize).map_or(0, |client| client.attempt.wrapping_add(1));
        let request = Request { ticket: Ticket { client: place, attempt }, ..request };
        let client = Client { attempt, left: self.most, sent: true, taken: false, first: request.arrived, request };
        match self.clients.get_mut(place as usize) {
            Some(old) => *old = client,
            None => self.clients.push(client),
        }
        self.lines.push_back(Timer { at: request.arrived + self.timeout, ticket: request.ticket });
        request
    }

    /// Whether a client still waits for this attempt.
    pub(super) fn is_open(&self, ticket: Ticket) -> bool {
        self.clients.get(ticket.client as usize).is_some_and(|client| client.attempt == ticket.attempt)
    }

    /// A pod has taken an attempt.
    pub(super) fn taken(&mut self, ticket: Ticket) {
        if self.is_open(ticket) {
            self.clients[ticket.client as usize].taken = true;
        }
    }

    /// The client has its answer, or gives up. Returns when it first sent the request, in seconds.
    pub(super) fn close(&mut self, ticket: Ticket) -> f64 {
        let client = &mut self.clients[ticket.client as usize];
        client.attempt = client.attempt.wrapping_add(1);
        self.vacant.push(ticket.client);
        client.first
    }

    /// An attempt that its client waits for has failed. Returns whether the client will send again.
    fn fail(&mut self, ticket: Ticket, now: f64) -> bool {
        let client = &mut self.clients[ticket.client as usize];
        if client.left == 0 {
            self.close(ticket);
            return false;
        }
        let doubled = f64::from(self.most - client.left).exp2();
        client.left -= 1;
        client.attempt = client.attempt.wrapping_add(1);
        (client.sent, client.taken) = (false, false);
        let at = now + self.rng.random::<f64>() * self.backoff * doubled;
        let ticket = Ticket { attempt: client.attempt, ..ticket };
        self.sends.push(Reverse(Timer { at, ticket }));
        true
    }

    /// The timer that is due at `now`, if it still means anything: an attempt to send, or one whose client turns away.
    fn due(&mut self, now: f64) -> Option<Due> {
        if self.sends.peek().is_some_and(|it| it.0.at <= now) {
            let ticket = self.sends.pop()?.0.ticket;
            let client = &mut self.clients[ticket.client as usize];
            client.sent = true;
            client.request = Request { arrived: now, ticket, ..client.request };
            self.lines.push_back(Timer { at: now + self.timeout, ticket });
            return Some(Due::Send(client.request));
        }
        if self.pods.peek().is_some_and(|it| it.0.at <= now) {
            let ticket = self.pods.pop()?.0.ticket;
            return self.is_open(ticket).then_some(Due::TurnAway(ticket));
        }
        let timer = self.lines.pop_front()?;
        let client = self.clients[timer.ticket.client as usize];
        if client.attempt != timer.ticket.attempt || !client.sent {
            return None;
        }
        if !client.taken {
            return Some(Due::TurnAway(timer.ticket));
        }
        self.pods.push(Reverse(Timer { at: timer.at + client.request.service_s, ..timer }));
        None
    }
}

/// What a timer means.
enum Due {
    Send(Request),
    TurnAway(Ticket),
}

impl Requests {
    /// A request of a new client, which may send it again.
    pub(super) fn register(&mut self, request: Request) -> Request {
        let Some(retries) = &mut self.retries else { return request };
        let request = retries.begin(request);
        self.next_timer = retries.next();
        request
    }

    /// Acts on the timer that is due.
    pub(super) fn timer(&mut self) {
        let clock = self.clock;
        let Some(retries) = &mut self.retries else { return };
        let due = retries.due(clock);
        self.next_timer = retries.next();
        match due {
            Some(Due::Send(request)) => {
                self.counts.retried += 1;
                self.attempt(request);
            }
            Some(Due::TurnAway(ticket)) => self.fail(ticket),
            None => {}
        }
    }

    /// An attempt has failed: its client, if it still waits, sends again or gives up.
    pub(super) fn fail(&mut self, ticket: Ticket) {
        let Some(retries) = &mut self.retries else {
            self.counts.dropped += 1;
            return;
        };
        if retries.is_open(ticket) {
            let again = retries.fail(ticket, self.clock);
            self.next_timer = retries.next();
            self.counts.dropped += u64::from(!again);
        }
    }
}
