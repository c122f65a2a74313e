//! A line of waiting requests, first come, first served.

use std::collections::VecDeque;

use super::traffic::Request;

/// Requests that wait, and the CPU time that they need together.
#[derive(Debug, Clone, Default)]
pub(super) struct Line {
    requests: VecDeque<Request>,
    cpu_s: f64,
}

impl Line {
    pub(super) fn len(&self) -> usize {
        self.requests.len()
    }

    /// CPU-seconds that those in the line need.
    pub(super) fn cpu_s(&self) -> f64 {
        self.cpu_s
    }

    /// The one that waits longest.
    pub(super) fn first(&self) -> Option<&Request> {
        self.requests.front()
    }

    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &Request> {
        self.requests.iter()
    }

    pub(super) fn push(&mut self, request: Request) {
        self.cpu_s += request.cpu_s;
        self.requests.push_back(request);
    }

    pub(super) fn pop(&mut self) -> Option<Request> {
        let request = self.requests.pop_front()?;
        self.cpu_s = if self.requests.is_empty() { 0.0 } else { self.cpu_s - request.cpu_s };
        Some(request)
    }

    /// Puts another line in front of this one. A line that has grown long gives its memory back when it is empty.
    pub(super) fn put_first(&mut self, mut other: Self) {
        std::mem::swap(self, &mut other);
        self.cpu_s += other.cpu_s;
        self.requests.append(&mut other.requests);
    }
}
